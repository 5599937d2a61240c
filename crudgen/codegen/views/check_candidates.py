"""Values with which checks may be met or violated, for tests. Reason to change: another type."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from crudgen.language.conditions.tree import Condition, constants_of
from crudgen.language.names import FieldName
from crudgen.language.resolve.values import value_problem
from crudgen.language.schema import Field, TypeName, Value

PAST: Mapping[TypeName, Value] = {
    TypeName.DATE: date(2020, 1, 1),
    TypeName.DATETIME: datetime(2020, 1, 1, tzinfo=UTC),
    TypeName.TIME: time(0, 0),
}
"""The earliest current time, by type."""
FAR: Mapping[TypeName, Value] = {
    TypeName.DATE: date(2200, 1, 1),
    TypeName.DATETIME: datetime(2200, 1, 1, tzinfo=UTC),
    TypeName.TIME: time(23, 59, 59, 999_999),
}
"""The latest current time, by type."""
_LADDERS: Mapping[TypeName, Sequence[Value]] = {
    TypeName.INT: (1, 2, 3, 4, 5, 10, 100, 0, -1),
    TypeName.FLOAT: (1.5, 2.5, 3.5, 4.5, 10.0, 100.0, 0.0, -1.0),
    TypeName.DECIMAL: tuple(map(Decimal, (1, 2, 3, 4, 10, 100, 0, -1))),
    TypeName.STR: ("first", "second", "third", "Z", "a", "z", "1", "2"),
    TypeName.BOOL: (True, False),
    TypeName.DATE: tuple(date(year, 12, 31) for year in (2025, 2026, 2027, 1999, 2999)),
    TypeName.DATETIME: tuple(
        datetime(year, 12, 31, tzinfo=UTC) for year in (2025, 2026, 2027, 1999, 2999)
    ),
    TypeName.TIME: (time(8, 0), time(12, 30), time(18, 0), time(0, 0), time(23, 59, 59)),
}
_TEXTS = {TypeName.STR, TypeName.TEXT, TypeName.EMAIL, TypeName.URL}


def candidates(
    fields: Sequence[Field], conditions: Iterable[Condition]
) -> Mapping[FieldName, Sequence[Value]]:
    """Return valid values of fields: samples, and values near constants compared with them.

    Fields of comparable types share their values.
    """
    pools: dict[TypeName, dict[Value, None]] = {}
    constants = [constants_of(condition) for condition in conditions]
    for field in fields:
        pool = pools.setdefault(_comparable_type(field), {})
        if field.type in {TypeName.JSON, TypeName.BYTES}:
            continue
        near = (value for found in constants for value in found.get(field.name, ()))
        values = (
            *field.samples,
            *field.words,
            *(one for value in near for one in _nearby_values(value)),
        )
        pool.update(dict.fromkeys(values))
    return {
        field.name: [
            *_valid_values(field, pools[_comparable_type(field)]),
            *([None] if field.optional else ()),
        ]
        for field in fields
    }


def _valid_values(field: Field, pool: Iterable[Value]) -> Iterator[Value]:
    """Yield the values that a request can contain: first the samples."""
    if field.type in {TypeName.JSON, TypeName.BYTES}:
        yield from field.samples
        return
    ladder = _LADDERS.get(_comparable_type(field), ())
    for value in dict.fromkeys((*field.samples, *pool, *ladder)):
        is_text = field.type in {TypeName.EMAIL, TypeName.URL}
        if is_text and value not in field.samples:
            continue
        if value_problem(field, _with_scale_of_field(field, value)) is None:
            yield _with_scale_of_field(field, value)


def _nearby_values(value: Any) -> Iterator[Value]:
    """Yield a value, and values that are a little larger or smaller."""
    yield value
    match value:
        case bool() | str():
            pass
        case int():
            yield from (value + 1, value - 1)
        case float():
            yield from (math.nextafter(value, math.inf), math.nextafter(value, -math.inf))
        case Decimal():
            step = Decimal("0.01")
            yield from (value + 1, value - 1, value + step, value - step)
        case date():
            day = timedelta(days=1)
            yield from (
                value + sign * day
                for sign in (1, -1)
                if date(1, 1, 2) <= date(value.year, value.month, value.day) <= date(9999, 12, 30)
            )


def _with_scale_of_field(field: Field, value: Any) -> Any:
    """Return a decimal with the scale of the field, unless that changes its value."""
    if field.type is not TypeName.DECIMAL or not isinstance(value, Decimal):
        return value
    scaled = round(value, field.scale or 0)
    return scaled if scaled == value else value


def _comparable_type(field: Field) -> TypeName:
    """Return one of the types whose values can be compared with those of a field."""
    return TypeName.STR if field.type in _TEXTS else field.type
