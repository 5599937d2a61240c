"""JSON Schema of a value in seeds, for editors. Reason to change: how the values of a type look."""

from decimal import Decimal
from typing import Any

from crudgen.kit.types.addresses import EMAIL, URL
from crudgen.kit.types.binary import BASE64
from crudgen.language import patterns
from crudgen.language.resolve.text_forms import TEXT_FORMS
from crudgen.language.resolve.values import to_yaml_value
from crudgen.language.schema import Constant, Field, Number, TypeName
from crudgen.language.types import INT64_MAX, INT64_MIN, TYPES

_TEXT_PATTERNS = {
    **{name: (f"^(?:{form.pattern.pattern})$", form.name) for name, form in TEXT_FORMS.items()},
    TypeName.EMAIL: (EMAIL, "an email address"),
    TypeName.URL: (URL, "an http or https URL"),
    TypeName.BYTES: (BASE64, "base64"),
}


def described_value_schema(field: Field) -> dict[str, Any]:
    """Return the schema of the values of a field, with what an editor shows about it."""
    shown: dict[str, Any] = {"description": field.doc} if field.doc else {}
    if isinstance(field.default, Constant) and field.default.value is not None:
        shown["default"] = _json(to_yaml_value(field.default.value))
    return {**value_schema(field), **shown}


def value_schema(field: Field) -> dict[str, Any]:
    """Return the schema of the values of a field, with null if it is optional."""
    if field.type is TypeName.JSON:
        return {}
    if field.words:
        return {"enum": [*field.words, *([None] if field.optional else [])]}
    found = value_schema_without_null(field)
    return {**found, "type": [found["type"], "null"]} if field.optional else found


def value_schema_without_null(field: Field) -> dict[str, Any]:
    """Return the schema of the values of a field other than null."""
    if field.words:
        return {"type": "string", "enum": [*field.words]}
    if field.type in _TEXT_PATTERNS:
        pattern, name = _TEXT_PATTERNS[field.type]
        return {"type": "string", **_pattern(pattern, f"Expected {name}.")}
    if field.type in (TypeName.STR, TypeName.TEXT):
        return {"type": "string", **_lengths(field)}
    return {"type": TYPES[field.type].value_type, **_range(field)}


def _lengths(field: Field) -> dict[str, Any]:
    found: dict[str, Any] = {"minLength": field.min_length} if field.min_length else {}
    if field.max_length is not None:
        found["maxLength"] = field.max_length
    if field.pattern is not None:
        message = f"Does not match the pattern {field.pattern}"
        found |= _pattern(patterns.anchored(field.pattern), message)
    return found


def _pattern(pattern: str, message: str) -> dict[str, Any]:
    return {"pattern": pattern, "patternErrorMessage": message}


def _range(field: Field) -> dict[str, Any]:
    """Return the limits of a number, except those of 64 bits: editors read these imprecisely."""
    limits = {"minimum": (field.minimum, INT64_MIN), "maximum": (field.maximum, INT64_MAX)}
    return {
        key: _json(number)
        for key, (number, implied) in limits.items()
        if number is not None and number != implied
    }


def _json(value: Any) -> Any:
    """Return a value of YAML as one of JSON."""
    if isinstance(value, list):
        return [_json(item) for item in value]
    if isinstance(value, dict):
        return {key: _json(item) for key, item in value.items()}
    return _number(value) if isinstance(value, Decimal) else value


def _number(value: Number) -> int | float:
    return int(value) if value == int(value) else float(value)
