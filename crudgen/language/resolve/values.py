"""Converts and checks defaults and examples. Reason to change: how a type is written in YAML.

Values are parsed by the kit's types, so that a default equals the same value in a request body.
"""

import math
import re
from collections.abc import Callable
from datetime import date, datetime, time
from decimal import Decimal
from functools import cache
from typing import Any
from uuid import UUID

from pydantic import TypeAdapter, ValidationError
from pydantic_core import PydanticCustomError

from crudgen.kit.types import binary, dates, uuids
from crudgen.kit.types.text import TextRule, nfc
from crudgen.language import patterns
from crudgen.language.schema import Field, Json, TypeName, Value
from crudgen.language.written.value_types import describe_value
from crudgen.language.yaml.nodes import YamlValue
from crudgen.language.yaml.problems import quoted

from .text_forms import TEXT_FORMS, with_seconds


def to_value(type_name: TypeName, written: YamlValue) -> Value:
    """Convert a value of YAML to a value of the type.

    Raises ValueError, with a message for the author of the spec.
    """
    return _READERS[type_name](written)


def as_stored(field: Field, value: Value) -> Value:
    """Return a value as the application stores it.

    Raises ValueError with a message and a remedy for text that the application rejects.
    """
    if field.type is TypeName.ENUM and isinstance(value, str):
        return nfc(value)
    if field.type not in (TypeName.STR, TypeName.TEXT):
        return value
    lines = field.type is TypeName.TEXT
    rule = TextRule(as_sent=field.as_sent, controls=field.controls, lines=lines)
    try:
        stored: Value = rule.read(value)
    except PydanticCustomError as error:
        raise ValueError(f"{quoted(value)}: {error.message()}", _REMEDIES[error.type]) from None
    return stored


_REMEDIES = {
    "string_control": "remove the control characters, or add the flag 'controls'",
    "string_combining": "remove combining characters, or add the flag 'as_sent'",
}
"""Remedies for rejected text, by the type of the error."""


def value_problem(field: Field, value: Value) -> str | None:
    """Return why a field does not accept a value of its type, or None if it does."""
    if value is None:
        return None if field.optional else "null is not allowed without '?'"
    if field.type is TypeName.JSON:
        return None
    if isinstance(value, str | bytes):
        return _text_problem(field, value)
    if isinstance(value, Decimal):
        return _digits_problem(field, value) or _range_problem(field, value)
    return _range_problem(field, value) if isinstance(value, int | float) else None


def _text_problem(field: Field, value: str | bytes) -> str | None:
    try:
        as_stored(field, value)
    except ValueError as error:
        return str(error.args[0])
    if field.words:
        return None if value in field.words else f"{quoted(value)} is not a value of the enum"
    unit = "bytes" if isinstance(value, bytes) else "characters"
    if len(value) < (field.min_length or 0):
        return f"{quoted(value)} is shorter than {field.min_length} {unit}"
    if field.max_length is not None and len(value) > field.max_length:
        return f"{quoted(value)} is longer than {field.max_length} {unit}"
    if field.pattern and isinstance(value, str) and not patterns.matches(field.pattern, value):
        return f"{quoted(value)} does not match the pattern {quoted(field.pattern)}"
    return None


def _range_problem(field: Field, value: float | Decimal) -> str | None:
    if field.minimum is not None and value < field.minimum:
        return f"{value} is less than {field.minimum}"
    if field.maximum is not None and value > field.maximum:
        return f"{value} is more than {field.maximum}"
    return None


def _digits_problem(field: Field, value: Decimal) -> str | None:
    if fits(value, field.precision or 0, field.scale or 0):
        return None
    return f"{value} does not fit decimal({field.precision},{field.scale})"


def fits(value: Decimal, precision: int, scale: int) -> bool:
    """Return whether a number has no more digits than precision and scale allow."""
    _, digits, exponent = value.normalize().as_tuple()
    fraction = max(0, -int(exponent))
    integer = max(0, len(digits) + int(exponent)) if value else 0
    return fraction <= scale and integer <= precision - scale


def to_yaml_value(value: Value) -> YamlValue:
    """Return a default or example as a value of YAML; the inverse of `to_value`."""
    if isinstance(value, list):
        return [to_yaml_value(item) for item in value]
    if isinstance(value, dict):
        return {key: to_yaml_value(item) for key, item in value.items()}
    if isinstance(value, float):
        return Decimal(repr(value))
    if isinstance(value, bytes):
        return binary.write_base64(value)
    if isinstance(value, date | time):
        return value.isoformat()
    return str(value) if isinstance(value, UUID) else value


def _expected_error(what: str, written: YamlValue, *, quotes: bool = False) -> ValueError:
    hint = "; quote it" if quotes and isinstance(written, bool | int | Decimal) else ""
    return ValueError(f"expected {what}, found {describe_value(written)}{hint}")


def _read_text(written: YamlValue) -> str:
    if not isinstance(written, str):
        raise _expected_error("a string", written, quotes=True)
    return written


def _match(type_name: TypeName, written: YamlValue) -> re.Match[str]:
    form = TEXT_FORMS[type_name]
    match = form.pattern.fullmatch(written) if isinstance(written, str) else None
    if match is None:
        raise _expected_error(form.name, written, quotes=True)
    return match


def _read_int(written: YamlValue) -> int:
    """Return an integer; 4.0 is 4, as in a request body. Raises ValueError."""
    if isinstance(written, bool) or not isinstance(written, int | Decimal):
        raise _expected_error("an integer", written)
    if written != (integer := int(written)):
        raise _expected_error("an integer", written)
    return integer


def _read_float(written: YamlValue) -> float:
    return _finite_float(written) + 0.0  # databases do not store the sign of -0.0


def _finite_float(written: YamlValue) -> float:
    if isinstance(written, bool) or not isinstance(written, int | Decimal):
        raise _expected_error("a number", written)
    try:
        value = float(written)
    except OverflowError:
        value = math.inf
    if not math.isfinite(value):
        raise ValueError(f"{written} is too large for a float")
    return value


def _read_decimal(written: YamlValue) -> Decimal:
    if isinstance(written, bool) or not isinstance(written, int | Decimal):
        raise _expected_error("a number", written)
    value = Decimal(written)
    return value or abs(value)  # databases do not store the sign of -0.00


def _read_bool(written: YamlValue) -> bool:
    if not isinstance(written, bool):
        raise _expected_error("true or false", written)
    return written


def _read_date(written: YamlValue) -> date:
    found: date = _parse_text(dates.IsoDate, _match(TypeName.DATE, written)[0])
    return found


def _read_time(written: YamlValue) -> time:
    match = _match(TypeName.TIME, written)
    found: time = _parse_text(dates.IsoTime, match[0], with_seconds(match))
    return found


def _read_datetime(written: YamlValue) -> datetime:
    match = _match(TypeName.DATETIME, written)
    found: datetime = _parse_text(dates.UtcDatetime, match[0], with_seconds(match))
    return found


def _read_uuid(written: YamlValue) -> UUID:
    found: UUID = _parse_text(uuids.UuidText, _match(TypeName.UUID, written)[0])
    return found


def _parse_text(kind: Any, text: str, full: str | None = None) -> Any:
    """Parse text with a type of the kit; `full` is the text with optional parts added."""
    try:
        return _type_adapter(kind).validate_python(full or text)
    except ValidationError as error:
        found = error.errors(include_url=False)[0]
        message = found.get("ctx", {}).get("error") or found["msg"]
        # pydantic's message for this type is about dates, even if the time is invalid.
        reason = "" if found["type"] == "datetime_from_date_parsing" else f": {message}"
        raise ValueError(f"invalid value {quoted(text)}{reason}") from None


@cache
def _type_adapter(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)


def _read_email(written: YamlValue) -> str:
    from crudgen.kit.types.addresses import read_email  # noqa: PLC0415 -- lazy: slow to import

    return _read_address("an email address", read_email, written)


def _read_url(written: YamlValue) -> str:
    from crudgen.kit.types.addresses import read_url  # noqa: PLC0415 -- lazy: slow to import

    return _read_address("an http or https URL", read_url, written)


def _read_address(what: str, read: Callable[[str], str], written: YamlValue) -> str:
    text = _read_text(written)
    try:
        return read(text)
    except ValueError:
        raise ValueError(f"{quoted(text)} is not {what}") from None


def _read_json(written: YamlValue) -> Json:
    if isinstance(written, Decimal):
        return _finite_float(written)
    if isinstance(written, list):
        return [_read_json(item) for item in written]
    if isinstance(written, dict):
        return {key: _read_json(item) for key, item in written.items()}
    return written


def _read_bytes(written: YamlValue) -> bytes:
    if not isinstance(written, str):
        raise _expected_error("base64", written, quotes=True)
    try:
        return binary.read_base64(written)
    except ValueError:
        raise _expected_error("base64", written) from None


_READERS: dict[TypeName, Callable[[YamlValue], Value]] = {
    TypeName.STR: _read_text,
    TypeName.TEXT: _read_text,
    TypeName.ENUM: _read_text,
    TypeName.INT: _read_int,
    TypeName.FLOAT: _read_float,
    TypeName.DECIMAL: _read_decimal,
    TypeName.BOOL: _read_bool,
    TypeName.DATE: _read_date,
    TypeName.TIME: _read_time,
    TypeName.DATETIME: _read_datetime,
    TypeName.UUID: _read_uuid,
    TypeName.EMAIL: _read_email,
    TypeName.URL: _read_url,
    TypeName.JSON: _read_json,
    TypeName.BYTES: _read_bytes,
}
