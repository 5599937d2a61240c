"""Whether a response model returns the rows of its table unchanged.

If so, responses are written without pydantic. A model to which a computed field, a validator or a
serializer was added needs pydantic: see model_rows.py.
"""

from collections.abc import Mapping
from functools import partial
from typing import Any

from pydantic import BaseModel

from ..models import Model

_KIT = __name__.removesuffix("database.unchanged_rows")
_WRAPPERS = {"default", "nullable"}
_FUNCTIONS = {"function-after", "function-before", "function-wrap"}
_VALUES = {
    *("any", "bool", "bytes", "date", "datetime", "decimal"),
    *("float", "int", "literal", "str", "time", "uuid"),
}
"""The types of pydantic's core schema that the kit uses for values."""
_OF_TYPES = {
    *("type", "strict", "expected", "max_digits", "decimal_places"),
    *("microseconds_precision", "version"),
}
"""Keys of the core schema of a value that belong to its type."""
_METHODS = {"__init__", *(name for name in dir(BaseModel) if not name.startswith("_"))}
_NEUTRAL_KEYS = {"type", "schema", "metadata", "validation_alias", "serialization_alias"}
"""Keys of a field's core schema that do not change its value."""
_NOT_COMPARED = {"metadata", "ref", "title"}


def returns_rows_unchanged(public: type[Model], model: type[Model]) -> bool:
    """Return whether a response model returns each row of a table unchanged.

    It does if all fields are columns with the same types, and all their validators and serializers
    are those of the kit.
    """
    fields, stored = _field_schemas(public), _field_schemas(model)
    return (
        fields is not None
        and stored is not None
        and not _overrides_pydantic_method(public)
        and all(_is_unchanged(name, fields, stored, model) for name in fields)
    )


def _overrides_pydantic_method(public: type[Model]) -> bool:
    """Return whether a class overrides a method of pydantic, such as `model_dump`."""
    own = public.__mro__[: public.__mro__.index(Model)]
    defined = {name for kind in own for name in vars(kind)} - {"model_config"}
    return any(name in _METHODS for name in defined)


def _field_schemas(model: type[Model]) -> Mapping[str, Any] | None:
    """Return the core schemas of a model's fields.

    Return None if a validator or serializer of the model can change the values of a row.
    """
    schema: Any = model.__pydantic_core_schema__
    while schema["type"] in _FUNCTIONS and _is_kit_schema(schema):
        schema = schema["schema"]
    if schema["type"] != "model" or schema.keys() & {"serialization", "post_init"}:
        return None
    inner = schema["schema"]
    if inner["type"] != "model-fields" or inner.get("computed_fields"):
        return None
    if _model_config(schema) != _model_config(_kit_model_schema()):
        return None
    fields: Mapping[str, Any] = inner["fields"]
    return fields


def _kit_model_schema() -> Any:
    schema: Any = Model.__pydantic_core_schema__
    while schema["type"] in _FUNCTIONS:
        schema = schema["schema"]
    return schema


def _model_config(schema: Any) -> dict[str, Any]:
    return {key: value for key, value in schema["config"].items() if key != "title"}


def _is_kit_schema(schema: Any) -> bool:
    """Return whether a function of a core schema, and its serializer, belong to the kit."""
    functions = [schema["function"]["function"]]
    if (serialization := schema.get("serialization")) is not None:
        functions.append(serialization.get("function"))
    return all(_defining_module(function).startswith(_KIT) for function in functions)


def _defining_module(function: Any) -> str:
    if isinstance(function, partial):  # of pydantic: a constraint of a field with a validator
        module = _defining_module(function.func)
        return _KIT if module.startswith("pydantic.") else module
    return getattr(function, "__module__", None) or ""


def _is_unchanged(
    name: str, fields: Mapping[str, Any], stored: Mapping[str, Any], model: type[Model]
) -> bool:
    if name in stored:
        return _returns_stored_value(name, fields, stored, model)
    return name in model.__mapper__.columns and _has_only_type(fields[name])  # type: ignore[attr-defined]


def _has_only_type(field: Any) -> bool:
    """Return whether a computed property has the type of its value, and no other rule."""
    value = None if field.keys() - _NEUTRAL_KEYS else _value_schema(field["schema"])
    return value is not None and value.keys() <= _OF_TYPES


def _returns_stored_value(
    name: str, fields: Mapping[str, Any], stored: Mapping[str, Any], model: type[Model]
) -> bool:
    """Return whether a field accepts every value of its column, and returns it unchanged."""
    if fields[name].keys() - _NEUTRAL_KEYS:
        return False  # it is excluded, for example
    value, known = _value_schema(fields[name]["schema"]), _value_schema(stored[name]["schema"])
    if value is None or known is None or not value.items() <= known.items():
        return False
    is_nullable: bool = model.__mapper__.columns[name].nullable  # type: ignore[attr-defined]
    return not is_nullable or _is_optional(fields[name]["schema"])


def _value_schema(schema: Any) -> dict[str, Any] | None:
    """Return the core schema of a value inside its wrappers; None if they are not the kit's."""
    while schema["type"] in _WRAPPERS or schema["type"] in _FUNCTIONS:
        if "function" in schema and not _is_kit_schema(schema):
            return None
        schema = schema["schema"]
    if schema["type"] not in _VALUES or "serialization" in schema:
        return None
    return {key: repr(item) for key, item in schema.items() if key not in _NOT_COMPARED}


def _is_optional(schema: Any) -> bool:
    while schema["type"] in _WRAPPERS or schema["type"] in _FUNCTIONS:
        if schema["type"] == "nullable":
            return True
        schema = schema["schema"]
    return bool(schema["type"] == "any")
