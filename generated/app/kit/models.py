"""The base classes of all models: strict input, and the names of constraints."""

from collections.abc import Collection, Container, Mapping
from typing import Any, ClassVar, Self, TypeVar

from pydantic import (
    BaseModel,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    ModelWrapValidatorHandler,
    ValidationError,
    model_validator,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema
from sqlalchemy import MetaData
from sqlalchemy.orm import registry
from sqlmodel import SQLModel

from .errors import MAX_PROBLEMS
from .json_names import (
    attributes_of,
    default_title,
    read_attributes,
    rename,
    title_of,
    with_keys_of_tables,
)
from .types.text import NO_NUL, apply_rules

NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}

MIN_INT = -(2**63)
"""Smallest value of an integer column."""
MAX_INT = 2**63 - 1
"""Largest value of an integer column."""

_EXCLUDE_NUL = {"pattern", "format", "enum", "const", "contentEncoding"}
"""Keywords of JSON Schema that already exclude NUL."""


def add_number_format(schema: dict[str, Any]) -> None:
    """Add `int64` or `double` to the JSON schema of a number, in place of the bounds of 64 bits.

    Without a format, typed clients use 32 bits.
    """
    for described in (schema, *schema.get("anyOf", ())):
        if described.get("type") == "number":
            described.setdefault("format", "double")
        if described.get("type") == "integer":
            described.setdefault("format", "int64")
            for key, bound in (("minimum", MIN_INT), ("maximum", MAX_INT)):
                if described.get(key) == bound:
                    del described[key]


def without_nul(schema: dict[str, Any]) -> None:
    """Add a pattern that excludes NUL to the JSON schema of a string, if nothing else does."""
    for described in (schema, *schema.get("anyOf", ())):
        if described.get("type") == "string" and not described.keys() & _EXCLUDE_NUL:
            described["pattern"] = NO_NUL


def _use_standard_base64(schema: dict[str, Any]) -> None:
    """Convert the default of a bytes property from pydantic's base64url to base64, in place."""
    default = schema.get("default")
    kinds = (schema, *schema.get("anyOf", ()))
    if isinstance(default, str) and any("contentEncoding" in kind for kind in kinds):
        schema["default"] = default.replace("-", "+").replace("_", "/")


def _adjust_properties(schema: dict[str, Any]) -> None:
    """Adjust the JSON schemas of the properties of a model, in place."""
    for name, described in schema.get("properties", {}).items():
        if described.get("title") == default_title(name):
            described["title"] = title_of(name)
        add_number_format(described)
        without_nul(described)
        _use_standard_base64(described)
        if {} in described.get("anyOf", ()):
            del described["anyOf"]  # `Json | None` is any value


def _skip_init(schema: CoreSchema, model: type[SQLModel]) -> None:
    """Change a core schema so that pydantic skips `__init__`, unless a model defines its own.

    A table model, recognized by its primary key, keeps `__init__`: SQLAlchemy needs it.
    """
    inner: Any = schema
    while inner["type"] != "model":
        inner = inner["schema"]
    owner = next(one for one in model.__mro__ if "__init__" in vars(one))
    marks = (mark for field in model.model_fields.values() for mark in field.metadata)
    if owner.__module__ == __name__ and not any(map(_is_primary_key, marks)):
        inner["custom_init"] = False


def _is_primary_key(mark: Any) -> bool:
    column = getattr(mark, "sa_column", None)
    return any(getattr(one, "primary_key", None) is True for one in (mark, column))


class Model(SQLModel, registry=registry(metadata=MetaData(naming_convention=NAMES))):
    """Base class of all models of this application, with its own registry and metadata.

    Validation is strict: no string for a number, no number for a boolean, no unknown property.
    Text is normalized (see types/text.py).

    The JSON name of a field is its alias. Bodies contain JSON names only; Python code can also
    create instances by attributes, and validate objects with these attributes.
    """

    __tablename__: ClassVar[Any]  # SQLModel declares it twice; pyright takes its `declared_attr`
    __read_only__: ClassVar[tuple[str, ...]] = ()
    """Properties that the server sets. A request may contain them; their values are ignored."""
    __optional__: ClassVar[tuple[str, ...]] = ()
    """Properties that some responses lack: rules say who sees them."""
    _json_names: ClassVar[dict[str, str]] = {}
    """The JSON names that differ from their attributes, by attribute."""

    model_config = {
        "json_schema_serialization_defaults_required": True,
        "strict": True,
        "extra": "forbid",
        "allow_inf_nan": False,
        "hide_input_in_errors": True,
        "ser_json_bytes": "base64",
        "regex_engine": "rust-regex",
        "json_schema_extra": _adjust_properties,
    }

    _ignored: ClassVar[frozenset[str]] = frozenset()
    """The read-only properties that are not fields of the model."""

    def __init__(self, /, **data: Any) -> None:
        """Create an instance from values by attribute or JSON name."""
        if names := self._json_names:
            data = rename(data, names)
            if self.model_config.get("table"):
                data = with_keys_of_tables(data, self.__class__.model_fields, names)
        super().__init__(**data)

    @classmethod
    def model_validate(
        cls, obj: Any, *, update: dict[str, Any] | None = None, **options: Any
    ) -> Self:
        """Validate values by JSON name, or an object with attributes.

        `update` has values by attribute or JSON name.
        """
        names = cls._json_names
        if names and isinstance(obj, cls):
            obj = read_attributes(obj, cls.model_fields, names)
        if names and update:
            update = rename(update, names if isinstance(obj, dict) else attributes_of(names))
        return super().model_validate(obj, update=update, **options)

    def sqlmodel_update(
        self, obj: dict[str, Any] | BaseModel, *, update: dict[str, Any] | None = None
    ) -> Self:
        """Set attributes to those of an object, or to values by attribute or JSON name."""
        if names := self._json_names:
            attributes = attributes_of(names)
            obj = rename(obj, attributes) if isinstance(obj, dict) else obj
            update = rename(update or {}, attributes)
        return super().sqlmodel_update(obj, update=update)

    @classmethod
    def __pydantic_on_complete__(cls) -> None:
        """Set the JSON names and the ignored properties."""
        aliases = {name: field.validation_alias for name, field in cls.model_fields.items()}
        cls._json_names = {
            name: alias
            for name, alias in aliases.items()
            if isinstance(alias, str) and alias != name
        }
        taken = {cls._json_names.get(name, name) for name in cls.model_fields}
        cls._ignored = frozenset(cls.__read_only__) - taken

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Return the schema by which pydantic validates the model, with the rules for text."""
        schema = handler(source)
        model = handler.resolve_ref_schema(schema)
        apply_rules(model, cls.model_fields)
        _skip_init(model, cls)
        return schema

    @classmethod
    def __get_pydantic_json_schema__(
        cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """Return the JSON schema of the model, with its read-only properties.

        In a response, all properties are present but `__optional__` ones, and a later version may
        add properties.
        """
        schema = handler(core_schema)
        described = handler.resolve_ref_schema(schema)
        ignored = [name for name in cls.__read_only__ if name in cls._ignored]
        if ignored and described:
            read_only = {name: {"title": title_of(name), "readOnly": True} for name in ignored}
            described["properties"] = {**read_only, **described.get("properties", {})}
        if handler.mode == "serialization":
            described.pop("additionalProperties", None)
            for one in described.get("properties", {}).values():
                one.pop("default", None)
            if cls.__optional__ and "required" in described:
                kept = [name for name in described["required"] if name not in cls.__optional__]
                described["required"] = kept
        return schema

    @model_validator(mode="wrap")
    @classmethod
    def _accept_integral_floats(cls, value: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        """Validate the model. Accept 1.0 for an integer, as JSON Schema does."""
        names = cls._json_names
        kind = type(value)  # SQLModel wraps objects, and sets `__class__` to that of the object
        if names and not issubclass(kind, (dict, cls)) and kind.__module__ != "builtins":
            value = read_attributes(value, cls.model_fields, names)
        if isinstance(value, dict):
            if not value.keys().isdisjoint(cls._ignored):
                value = {key: item for key, item in value.items() if key not in cls._ignored}
            if len(value) > MAX_PROBLEMS:
                value = _limit_unknown_properties(
                    value, {names.get(name, name) for name in cls.model_fields}
                )
        try:
            return handler(value)
        except ValidationError as error:
            changed = _with_integers(value, error) if isinstance(value, dict) else None
            if changed is None:
                raise
            return handler(changed)


ModelT = TypeVar("ModelT", bound=Model)


def with_attributes(
    model: type[ModelT], values: Mapping[str, Any], sent: Collection[str]
) -> ModelT:
    """Return an instance with valid values by attribute; `sent` are the attributes that are set.

    `model_construct` also reads JSON names, which may be attributes of other fields.
    """
    made = model.model_construct({*sent})
    found = {**vars(made), **values}
    vars(made).update((name, found[name]) for name in model.model_fields if name in found)
    return made


def _limit_unknown_properties(value: dict[Any, Any], known: Container[str]) -> dict[Any, Any]:
    """Return a body with at most MAX_PROBLEMS unknown properties: each error takes time."""
    unknown = [key for key in value if key not in known]
    dropped = set(unknown[MAX_PROBLEMS:])
    return {key: item for key, item in value.items() if key not in dropped}


def _with_integers(value: dict[Any, Any], error: ValidationError) -> dict[Any, Any] | None:
    """Return a body with integers for the numbers of an error such as 1.0; None without any.

    The numbers are values of the body, or items of its lists.
    """
    changed: dict[Any, Any] = {}
    for one in error.errors(include_url=False, include_context=False):
        number, loc = one["input"], one["loc"]
        if one["type"] != "int_type" or not (isinstance(number, float) and number.is_integer()):
            continue
        match loc:
            case (name,):
                changed[name] = int(number)
            case (name, int(index)) if isinstance(value.get(name), list):
                changed.setdefault(name, [*value[name]])[index] = int(number)
    return {**value, **changed} if changed else None


def _adjust_changes(schema: dict[str, Any]) -> None:
    """Adjust the JSON schema of a partial update, in place: its properties have no default."""
    _adjust_properties(schema)
    for described in schema.get("properties", {}).values():
        described.pop("default", None)


class Changes(Model):
    """Base class of the models of partial updates (RFC 7396). Omitted properties are unchanged.

    The fields have a default only so that they can be omitted. It is neither used nor documented.
    """

    model_config = {"json_schema_extra": _adjust_changes}
