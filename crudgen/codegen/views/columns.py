"""Source of fields: annotation, constraints, column, CHECK. Reason to change: another type."""

from collections.abc import Iterator, Mapping
from datetime import date, datetime, time
from decimal import Decimal
from functools import partial
from uuid import UUID

from crudgen.codegen.code import Code, json_name, literal, optional, raw, sql_name
from crudgen.codegen.imports import Imports
from crudgen.codegen.layout import (
    Bracket,
    call,
    keyword,
    nested_literal,
    pair,
    statement,
    subscript,
)
from crudgen.kit.types.text import CONTROLS
from crudgen.language.access import Preset
from crudgen.language.names import FieldName
from crudgen.language.reserved import SQL_KEYWORDS
from crudgen.language.schema import Constant, Entity, Field, Now, Number, TypeName, Value
from crudgen.language.types import INT64_MAX, INT64_MIN

from .references import Entities, foreign_key
from .wire import to_json_value

TEXT_KEY = rf"[^/.{CONTROLS}][^/{CONTROLS}]*"
"""Pattern of text keys. In URLs, a slash separates segments; `.` and `..` are resolved."""

_PLAIN = {TypeName.STR, TypeName.INT, TypeName.FLOAT, TypeName.BOOL}
"""Types of fields with a built-in annotation, which has their name."""
_IMPORTED = {
    TypeName.TEXT: ("..kit.types.text", "Multiline"),
    TypeName.DATE: ("..kit.types.dates", "IsoDate"),
    TypeName.TIME: ("..kit.types.dates", "IsoTime"),
    TypeName.DATETIME: ("..kit.types.dates", "UtcDatetime"),
    TypeName.UUID: ("..kit.types.uuids", "UuidText"),
    TypeName.JSON: ("..kit.types.json_value", "Json"),
    TypeName.EMAIL: ("..kit.types.addresses", "EmailText"),
    TypeName.URL: ("..kit.types.addresses", "UrlText"),
}
"""Types of fields that the kit defines: module and name."""
_UNICODE = {TypeName.STR, TypeName.TEXT}
"""Types of fields that accept the flags `as_sent` and `controls`."""
_NUMBERS = {TypeName.INT, TypeName.FLOAT}
_SIZED_TEXTS = {TypeName.STR, TypeName.TEXT, TypeName.EMAIL, TypeName.URL}
_TEXTS = {*_SIZED_TEXTS, TypeName.ENUM}
SIZED = {*_SIZED_TEXTS, TypeName.BYTES}
_NOW = {TypeName.DATE: "utc_today", TypeName.TIME: "utc_time", TypeName.DATETIME: "utc_now"}
_MODULES = {Decimal: "decimal", UUID: "uuid", date: "datetime", time: "datetime"}
_MODULES[datetime] = "datetime"
"""Modules of the types of constants."""


class FieldPrinter:
    """Builds the source of an entity's fields, and collects its imports."""

    def __init__(
        self, aliases: Mapping[FieldName, Code], imports: Imports, entities: Entities
    ) -> None:
        self._imports = imports
        self._entities = entities
        self._in_class = partial(imports.name, in_class=True)
        self._aliases = aliases
        self._defaults: dict[FieldName, tuple[Bracket | Code, ...]] = {}
        self._constraints: dict[FieldName, tuple[Bracket | Code, ...]] = {}

    def aliases(self, entity: Entity) -> Iterator[Code]:
        """Yield the type aliases, such as `HeroMood = Literal["calm", "angry"]`."""
        for field in (*entity.fields, *entity.computed):
            if field.name in self._aliases:
                yield statement(self._aliases[field.name] + raw(" = "), self._alias_value(field))

    def annotation(self, field: Field) -> Code:
        """Return the annotation, with `| None` if the field is optional."""
        kind = self._python_type(field)
        return optional(kind) if field.optional else kind

    def _python_type(self, field: Field) -> Code:
        if field.name in self._aliases:
            return self._aliases[field.name]
        if field.pk and field.type is TypeName.STR:
            return self._text_type(field, in_class=True)
        if field.type in _PLAIN:
            return self._imports.builtin(field.type.value, in_class=True)
        return self._in_class(*_IMPORTED[field.type])

    def _alias_value(self, field: Field) -> Bracket:
        """Return what the alias stands for: `Annotated[str, TextRule(as_sent=True)]`."""
        if field.type is TypeName.ENUM:
            # A named type is one schema in OpenAPI, and one type in typed clients.
            words = [literal(word) for word in field.words]
            kind = subscript(self._imports.name("typing", "Literal"), words)
            named = self._imports.name("typing_extensions", "TypeAliasType")
            alias = self._aliases[field.name]
            return call(named, [literal(str(alias)), kind])
        items: tuple[Code, Bracket]
        if field.type is TypeName.DECIMAL:
            items = (self._imports.name("decimal", "Decimal"), self._decimal_rule(field))
        elif field.type in _UNICODE:
            items = (self._text_type(field, in_class=False), self._text_rule(field))
        else:
            items = (self._imports.builtin("bytes"), self._base64_rule(field))
        return subscript(self._imports.name("typing", "Annotated"), items)

    def _text_type(self, field: Field, *, in_class: bool) -> Code:
        if field.pk and field.pattern is not None:
            return self._imports.name("..kit.types.text_key", "TextKey", in_class=in_class)
        return self._imports.builtin("str", in_class=in_class)

    def _text_rule(self, field: Field) -> Bracket:
        """Return the rule of a text field with its options: `TextRule(as_sent=True)`."""
        is_set = {
            "as_sent": field.as_sent,
            "controls": field.controls,
            "lines": field.type is TypeName.TEXT and not field.controls,
        }
        items = [keyword(key, literal(True)) for key, value in is_set.items() if value]
        return call(self._imports.name("..kit.types.text", "TextRule"), items)

    def _decimal_rule(self, field: Field) -> Bracket:
        """Return `Exact(10, 2)`, with the minimum and the maximum."""
        items: list[Bracket | Code] = [literal(field.precision), literal(field.scale)]
        if field.minimum is not None:
            items.append(keyword("minimum", self.constant(field.minimum)))
        if field.maximum is not None:
            items.append(keyword("maximum", self.constant(field.maximum)))
        return call(self._imports.name("..kit.types.decimals", "Exact"), items)

    def _base64_rule(self, field: Field) -> Bracket:
        """Return `Base64(max_length=1000)`."""
        items: list[Bracket | Code] = [keyword("max_length", literal(field.max_length))]
        if field.min_length:
            items.append(keyword("min_length", literal(field.min_length)))
        return call(self._imports.name("..kit.types.binary", "Base64"), items)

    def default(self, field: Field) -> tuple[Bracket | Code, ...]:
        """Return the keyword argument of the default, if there is one."""
        if field.name not in self._defaults:
            self._defaults[field.name] = (*self._default_argument(field),)
        return self._defaults[field.name]

    def _default_argument(self, field: Field) -> Iterator[Bracket | Code]:
        match field.default:
            case Now():
                yield keyword("default_factory", self._now_function(field))
            case Constant(value):
                yield keyword("default", self.value(value))
            case Preset() if field.optional:
                yield keyword("default", literal(None))

    def value(self, value: Value) -> Bracket | Code:
        """Return the source of a constant in a class body."""
        if type(value) in _MODULES:
            return self.constant(value, in_class=True)
        return nested_literal(value)

    def constant(self, value: Value, *, in_class: bool = False) -> Code:
        """Return a constant; `in_class` if it stands in the body of a class."""
        kind = type(value)
        if kind not in _MODULES:
            return literal(value)
        name = self._imports.name(_MODULES[kind], kind.__name__, in_class=in_class)
        return literal(value, name)

    def _now_function(self, field: Field) -> Code:
        return self._in_class("..kit.types.dates", _NOW[field.type])

    def alias(self, field: Field) -> Iterator[Bracket | Code]:
        """Yield the keyword arguments of the JSON name, if it is not the attribute.

        Type checkers would take `alias` for the name of the argument in `Hero(born_on=...)`.
        """
        if str(field.json_name) != field.attribute:
            for key in ("validation_alias", "serialization_alias"):
                yield keyword(key, json_name(field.json_name))

    def constraints(self, field: Field) -> tuple[Bracket | Code, ...]:
        """Return the keyword arguments of constraints, description and example.

        Several models have the same ones.
        """
        if field.name not in self._constraints:
            self._constraints[field.name] = (*self._constraint_arguments(field),)
        return self._constraints[field.name]

    def _constraint_arguments(self, field: Field) -> Iterator[Bracket | Code]:
        if field.type in _NUMBERS:
            yield from self._bound_arguments(ge=field.minimum, le=field.maximum)
        if field.type in _SIZED_TEXTS:
            yield from self._bound_arguments(
                min_length=field.min_length or None, max_length=field.max_length
            )
        yield from self.description(field)
        extra = [*self._pattern_item(field), *self._examples_item(field)]
        if extra:
            yield keyword("schema_extra", Bracket("{", tuple(extra), "}"))

    def description(self, field: Field) -> Iterator[Bracket | Code]:
        """Yield the keyword argument of the description, if there is one."""
        if field.doc is not None:
            yield keyword("description", literal(field.doc))

    def _bound_arguments(self, **bounds: Number | None) -> Iterator[Bracket | Code]:
        for key, bound in bounds.items():
            if bound is not None:
                yield keyword(key, self._bound_source(bound))

    def _pattern_item(self, field: Field) -> Iterator[Bracket | Code]:
        if field.pattern is not None:
            yield pair("pattern", literal(f"^(?:{field.pattern})$"))
        elif field.pk and field.type is TypeName.STR:
            yield pair("pattern", literal(f"^{TEXT_KEY}$"))

    def _examples_item(self, field: Field) -> Iterator[Bracket | Code]:
        if field.example is not None:
            example = nested_literal(to_json_value(field, field.example.value))
            yield pair("examples", Bracket("[", (example,), "]"))

    def _bound_source(self, number: Number) -> Code:
        """Return a minimum or maximum as source; `MAX_INT` for the largest integer of a column."""
        if number == INT64_MIN and isinstance(number, int):
            return self._in_class("..kit.models", "MIN_INT")
        if number == INT64_MAX and isinstance(number, int):
            return self._in_class("..kit.models", "MAX_INT")
        return literal(number)

    def column(self, field: Field) -> Iterator[Bracket | Code]:
        """Yield the keyword arguments of the column."""
        yield from foreign_key(field, self._entities, self._imports)
        flags = {"primary_key": field.pk, "index": field.index, "unique": field.unique}
        for flag, is_set in flags.items():
            if is_set:
                yield keyword(flag, literal(True))
        yield from self._sa_type_argument(field)
        options = tuple(self._column_options(field))
        if options:
            yield keyword("sa_column_kwargs", Bracket("{", options, "}"))

    def _column_options(self, field: Field) -> Iterator[Bracket | Code]:
        """Yield the further arguments of the column, as items of a dict."""
        is_keyword = field.column in SQL_KEYWORDS
        if is_keyword or str(field.column) != field.attribute:
            yield pair("name", sql_name(field.column))
        if is_keyword:
            yield pair("quote", literal(True))
        is_key = field.pk and field.reference is None
        if is_key and field.type is TypeName.INT and not field.read_only:
            yield pair("autoincrement", literal(False))
        if field.touch:
            yield pair("onupdate", self._now_function(field))

    def _sa_type_argument(self, field: Field) -> Iterator[Bracket | Code]:
        if field.type in _TEXTS:
            yield keyword("sa_type", self._in_class("..kit.database.columns", "Text"))
        elif field.type is TypeName.INT and field.pk and field.read_only:
            yield keyword("sa_type", self._in_class("..kit.database.columns", "SerialInteger"))
        elif field.type is TypeName.INT:
            yield keyword("sa_type", self._in_class("sqlalchemy", "BigInteger"))
        elif field.type is TypeName.DECIMAL:
            digits = [literal(field.precision), literal(field.scale)]
            number = self._in_class("..kit.types.decimals", "ExactNumber")
            yield keyword("sa_type", call(number, digits))
        elif field.type is TypeName.JSON:
            yield keyword("sa_type", self._in_class("..kit.types.json_value", "JsonValue"))
