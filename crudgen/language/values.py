"""How a written default or example becomes a Python value, and which values a field takes.

Changes when a type is written differently in YAML.
"""

import base64
import binascii
import math
import re
from collections.abc import Callable
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import TypeVar
from uuid import UUID

from . import patterns
from .nodes import Plain
from .places import shown
from .schema import Field, Json, TypeName, Value
from .spec import describe

T = TypeVar("T")

_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_TIME = re.compile(r"\d\d:\d\d(:\d\d(\.\d{1,6})?)?", re.ASCII)
_DATETIME = re.compile(
    r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d{1,6})?)?(Z|[+-]\d\d:\d\d)", re.ASCII
)
_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", re.ASCII)
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LABEL = r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_TOP = r"[A-Za-z]([A-Za-z0-9-]{0,61}[A-Za-z])?"
_EMAIL = re.compile(rf"{_ATOM}(\.{_ATOM})*@({_LABEL}\.)+{_TOP}")


def to_value(type_name: TypeName, written: Plain) -> Value:
    """Return the value of a type that was written.

    Raises ValueError, with a message for the author of the spec, when it is none.
    """
    return _READERS[type_name](written)


def problem(field: Field, value: Value) -> str | None:
    """Say why a value of the right type is outside the field's own bounds."""
    if value is None:
        return None if field.optional else "null is not a value of a field without '?'"
    if field.type is TypeName.JSON:
        return None
    if isinstance(value, str | bytes):
        return _text_problem(field, value)
    if isinstance(value, Decimal):
        return _digits_problem(field, value) or _range_problem(field, value)
    return _range_problem(field, value) if isinstance(value, int | float) else None


def _text_problem(field: Field, value: str | bytes) -> str | None:
    if field.words:
        return None if value in field.words else f"{shown(value)} is not one of the words"
    unit = "bytes" if isinstance(value, bytes) else "characters"
    if len(value) < (field.min_length or 0):
        return f"{shown(value)} is shorter than {field.min_length} {unit}"
    if field.max_length is not None and len(value) > field.max_length:
        return f"{shown(value)} is longer than {field.max_length} {unit}"
    if field.pattern and isinstance(value, str) and not patterns.matches(field.pattern, value):
        return f"{shown(value)} does not match the pattern {shown(field.pattern)}"
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
    """Whether a number has no more than so many digits before and behind the point."""
    _, digits, exponent = value.normalize().as_tuple()
    behind = max(0, -int(exponent))
    before = max(0, len(digits) + int(exponent)) if value else 0
    return behind <= scale and before <= precision - scale


def to_text(value: Value) -> Plain:
    """Return how a value is written: the inverse of `to_value`."""
    if isinstance(value, list):
        return [to_text(item) for item in value]
    if isinstance(value, dict):
        return {key: to_text(item) for key, item in value.items()}
    if isinstance(value, float):
        return Decimal(repr(value))
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, date | time):
        return value.isoformat()
    return str(value) if isinstance(value, UUID) else value


def _expected(what: str, written: Plain, *, quotes: bool = False) -> ValueError:
    hint = ", quote it" if quotes and isinstance(written, bool | int | Decimal) else ""
    return ValueError(f"expected {what}, found {describe(written)}{hint}")


def _text(written: Plain) -> str:
    if not isinstance(written, str):
        raise _expected("a text", written, quotes=True)
    return written


def _formatted(what: str, form: re.Pattern[str], written: Plain) -> str:
    if not isinstance(written, str) or not form.fullmatch(written):
        raise _expected(what, written, quotes=True)
    return written


def _int(written: Plain) -> int:
    if isinstance(written, bool) or not isinstance(written, int):
        raise _expected("a whole number", written)
    return written


def _float(written: Plain) -> float:
    if isinstance(written, bool) or not isinstance(written, int | Decimal):
        raise _expected("a number", written)
    try:
        value = float(written)
    except OverflowError:
        value = math.inf
    if not math.isfinite(value):
        raise ValueError(f"{written} is too large for a float")
    return value


def _decimal(written: Plain) -> Decimal:
    if isinstance(written, bool) or not isinstance(written, int | Decimal):
        raise _expected("a number", written)
    return Decimal(written)


def _bool(written: Plain) -> bool:
    if not isinstance(written, bool):
        raise _expected("true or false", written)
    return written


def _date(written: Plain) -> date:
    text = _formatted("a date such as 2024-12-31", _DATE, written)
    return _parsed(date.fromisoformat, text)


def _time(written: Plain) -> time:
    text = _formatted("a time such as 12:30 or 12:30:00", _TIME, written)
    return _parsed(time.fromisoformat, text)


def _datetime(written: Plain) -> datetime:
    what = "a moment with a time zone such as 2024-12-31T12:30:00Z"
    text = _formatted(what, _DATETIME, written)
    return _parsed(lambda t: datetime.fromisoformat(t).astimezone(UTC), text)


def _parsed(parse: Callable[[str], T], text: str) -> T:
    try:
        return parse(text)
    except (ValueError, OverflowError) as error:
        raise ValueError(f"{shown(text)} does not exist: {error}") from None


def _uuid(written: Plain) -> UUID:
    return UUID(_formatted("a UUID of 36 characters", _UUID, written))


def _email(written: Plain) -> str:
    text = _text(written)
    if not _EMAIL.fullmatch(text):
        raise ValueError(f"{shown(text)} is no e-mail address")
    name, _, domain = text.partition("@")
    return f"{name}@{domain.lower()}"


def _url(written: Plain) -> str:
    from pydantic import HttpUrl  # noqa: PLC0415 slow, and needed for a default or example only

    text = _text(written)
    try:
        return str(HttpUrl(text))
    except ValueError:
        raise ValueError(f"{shown(text)} is no http or https URL") from None


def _json(written: Plain) -> Json:
    if isinstance(written, Decimal):
        return _float(written)
    if isinstance(written, int) and abs(written) >= 2**63:
        raise ValueError(f"{written} does not fit 64 bits")
    if isinstance(written, list):
        return [_json(item) for item in written]
    if isinstance(written, dict):
        return {key: _json(item) for key, item in written.items()}
    return written


def _bytes(written: Plain) -> bytes:
    if not isinstance(written, str):
        raise _expected("base64", written, quotes=True)
    try:
        return base64.b64decode(written.encode("ascii"), validate=True)
    except (binascii.Error, UnicodeEncodeError):
        raise _expected("base64", written) from None


_READERS: dict[TypeName, Callable[[Plain], Value]] = {
    TypeName.STR: _text,
    TypeName.TEXT: _text,
    TypeName.ENUM: _text,
    TypeName.INT: _int,
    TypeName.FLOAT: _float,
    TypeName.DECIMAL: _decimal,
    TypeName.BOOL: _bool,
    TypeName.DATE: _date,
    TypeName.TIME: _time,
    TypeName.DATETIME: _datetime,
    TypeName.UUID: _uuid,
    TypeName.EMAIL: _email,
    TypeName.URL: _url,
    TypeName.JSON: _json,
    TypeName.BYTES: _bytes,
}
