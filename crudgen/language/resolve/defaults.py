"""Resolves defaults and examples. Reason to change: their rules."""

from dataclasses import replace
from decimal import Decimal

from crudgen.language.access import Preset
from crudgen.language.schema import Constant, Field, Now, TypeName
from crudgen.language.written.field import AnyWrittenField
from crudgen.language.written.translation import translated_default
from crudgen.language.yaml.nodes import YamlValue
from crudgen.language.yaml.problems import suggest

from .presets import preset_of
from .values import as_stored, to_value, value_problem

_MOMENTS = (TypeName.DATE, TypeName.TIME, TypeName.DATETIME)


def with_default_and_example(written: AnyWrittenField, field: Field) -> Field:
    """Return the field with its default and example."""
    if written.spec.is_set("default"):
        field = replace(field, default=_resolve_default(written, field))
    elif field.optional and field.default is None:
        field = replace(field, default=Constant(None))
    if written.spec.is_set("example"):
        constant = _resolve_constant(written, field, "example", written.spec.example)
        if constant == Constant(None):
            written.add("example", "the example is null", "remove it")
        field = replace(field, example=constant)
    return field


_NO_NULL = "remove it, or accept null with '?', in the long form 'optional: true'"


def _resolve_default(written: AnyWrittenField, field: Field) -> Constant | Now | Preset | None:
    default: YamlValue = written.spec.default
    is_word = field.type is TypeName.JSON or default in field.words
    if not is_word and (preset := preset_of(default)):
        return preset
    if default == "now" and field.type is not TypeName.ENUM:
        if field.type in _MOMENTS:
            return Now()
        written.add("default", "the default 'now' is for date, time and datetime only")
        return None
    return _resolve_constant(written, field, "default", default)


def _resolve_constant(
    written: AnyWrittenField, field: Field, key: str, plain: YamlValue
) -> Constant | None:
    try:
        value = None if plain is None else to_value(field.type, plain)
    except ValueError as error:
        written.add(
            key,
            f"invalid {key} for type '{field.type}'",
            _foreign_default_remedy(field, plain) or str(error),
        )
        return None
    try:
        value = as_stored(field, value)
    except ValueError as error:
        message, remedy = error.args
        written.add(key, f"invalid {key}: {message}", remedy)
        return None
    reason = value_problem(field, value)
    if reason:
        remedy = suggest(value, field.words) if field.words and isinstance(value, str) else ""
        remedy = _NO_NULL if value is None else remedy
        written.add(key, f"invalid {key}: {reason}", remedy)
    elif isinstance(value, Decimal):
        value = value.quantize(Decimal(1).scaleb(-(field.scale or 0)))
    return Constant(value)


def _foreign_default_remedy(field: Field, plain: YamlValue) -> str:
    """Return the remedy for a default in the spelling of another language."""
    word = translated_default(plain) if isinstance(plain, str) else None
    if word == "null" and not field.optional:
        return _NO_NULL
    possible = {"null": True, "now": field.type in _MOMENTS}
    return f"write '{word}'" if word and possible.get(word, field.type is TypeName.BOOL) else ""
