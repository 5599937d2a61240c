"""Plausible ranges of numbers and times, by name. Reason to change: what a name says about them."""

import re
from datetime import UTC, date, datetime
from decimal import Decimal

from crudgen.language.schema import Field, Number, TypeName

TODAY = date(2026, 1, 1)
"""The day that made-up dates are near to: with the real one, the same seed gave other rows."""
_FIRST_DAY = date(2023, 1, 1)
_RANGES: tuple[tuple[str, int, int], ...] = (
    (r"age|.*_age", 18, 80),
    (r"(.*_)?year(_.*)?|vintage", 1950, 2026),
    (r"(.*_)?month", 1, 12),
    (r"(.*_)?day", 1, 28),
    (r"(.*_)?hours?", 0, 23),
    (r"(.*_)?(minutes?|seconds?)", 0, 59),
    (r"(.*_)?(rating|score|stars|rank|level|priority)", 1, 5),
    (r"(.*_)?(percent(age)?|discount|progress)", 0, 100),
    (r"(.*_)?(quantity|count|stock|amount_of_.*|seats|pieces)", 1, 100),
    (r"(.*_)?(price|cost|amount|total|fee|balance|sum)", 1, 500),
    (r"(.*_)?(salary|income|budget|revenue)", 20_000, 150_000),
    (r"lat(itude)?", -90, 90),
    (r"(lon(gitude)?|lng)", -180, 180),
    (r"(.*_)?port", 1024, 65_535),
    (r"(.*_)?(position|order|index|sort)", 1, 100),
    (r"(.*_)?(weight|height|width|length|depth|size)", 1, 200),
)
_NUMBERS = [(re.compile(names), low, high) for names, low, high in _RANGES]
_USUAL = (0, 1000)
_BIRTH = re.compile(r"(.*_)?(birth.*|born.*|dob)")
_FUTURE = re.compile(r"(.*_)?(expires?|due|until|ends?|deadline|valid_to|closes?)(_.*)?")


def number_range(field: Field) -> tuple[Number, Number]:
    """Return the least and the greatest number to make up for a field; both are valid."""
    found = next(
        ((low, high) for names, low, high in _NUMBERS if names.fullmatch(field.name)), None
    )
    low: Number
    high: Number
    low, high = found or _USUAL
    least, most = _bounds(field)
    if found is None and high < least:
        low, high = least, least + 1000
    if found is None and low > most:
        low, high = most - 1000, most
    low, high = max(low, least), min(high, most)
    return (low, high) if low <= high else (least, most)


def _bounds(field: Field) -> tuple[Number, Number]:
    """Return the bounds of a field; without any, those that its type can store exactly."""
    widest: Number = 10**15
    if field.type is TypeName.DECIMAL:
        integers = 10 ** ((field.precision or 0) - (field.scale or 0))
        widest = Decimal(integers) - Decimal(1).scaleb(-(field.scale or 0))
    least, most = field.minimum, field.maximum
    if least is None:
        least = -widest if most is None else min(-widest, most)
    if most is None:
        most = max(widest, least)
    if field.type is TypeName.DECIMAL:
        return max(Decimal(least), -Decimal(widest)), min(Decimal(most), Decimal(widest))
    return least, most


def day_range(field: Field) -> tuple[date, date]:
    """Return the first and the last day to make up for a field."""
    if _BIRTH.fullmatch(field.name):
        return date(1950, 1, 1), date(2007, 12, 31)
    if _FUTURE.fullmatch(field.name):
        return TODAY, date(2028, 12, 31)
    return _FIRST_DAY, TODAY


def at_midnight(day: date) -> datetime:
    """Return the first moment of a day in UTC."""
    return datetime(day.year, day.month, day.day, tzinfo=UTC)
