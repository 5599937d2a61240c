"""Dates and times (RFC 3339)."""

from datetime import UTC, date, datetime, time
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Strict, WithJsonSchema
from pydantic_core import PydanticCustomError

from .text_form import text_form
from .value_types import VALUE_TYPES, ValueHandling

DATE = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
TIME = r"[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?"
_CLOCK = r"([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]{1,6})?"
ZONE = r"([Zz]|[+-][0-9]{2}:[0-9]{2})"
_DATETIME_FORM = (
    "a date and time with an offset, such as 2026-01-31T12:30:00Z, with at most 6 decimals"
)
_TIME_FORM = "a time of day without an offset, such as 12:30:00, with at most 6 decimals"


def _to_utc(value: datetime) -> datetime:
    if value.utcoffset() is None:
        raise PydanticCustomError("timezone_aware", "Input should have timezone info")
    try:
        return value.astimezone(UTC)
    except OverflowError:
        message = "Input should be within the years 1 to 9999 in UTC"
        raise PydanticCustomError("datetime_range", message) from None


UtcDatetime = Annotated[
    datetime,
    Strict(False),
    AfterValidator(_to_utc),
    BeforeValidator(text_form(datetime, f"{DATE}[Tt ]{TIME}{ZONE}", _DATETIME_FORM)),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]
"""A date and time (RFC 3339), accepted with any offset, stored and returned in UTC."""

IsoDate = Annotated[
    date,
    Strict(False),
    BeforeValidator(text_form(date, DATE, "a date such as 2026-01-31")),
    WithJsonSchema({"type": "string", "format": "date"}),
]
"""A date (RFC 3339, full-date)."""

IsoTime = Annotated[
    time,
    Strict(False),
    BeforeValidator(text_form(time, TIME, _TIME_FORM)),
    WithJsonSchema({"type": "string", "pattern": f"^{_CLOCK}$"}),
]
"""A time of day without an offset (RFC 3339, partial-time)."""

VALUE_TYPES[datetime] = ValueHandling(lambda _column_type: UtcDatetime)
VALUE_TYPES[date] = ValueHandling(lambda _column_type: IsoDate)
VALUE_TYPES[time] = ValueHandling(lambda _column_type: IsoTime)


def utc_now() -> datetime:
    """Return the current date and time in UTC."""
    return datetime.now(UTC)


def utc_today() -> date:
    """Return the current date in UTC."""
    return utc_now().date()


def utc_time() -> time:
    """Return the current time of day in UTC."""
    return utc_now().time()
