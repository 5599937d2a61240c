"""The values of columns in JSON, as in responses of the API. Reason to change: a type of column."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Annotated, Any, NotRequired, TypeAlias
from uuid import UUID

from pydantic import ConfigDict, Field, TypeAdapter
from sqlalchemy import Column, Dialect
from sqlalchemy.types import TypeEngine
from typing_extensions import TypedDict

from crudgen.errors import DataError
from crudgen.kit.database.columns import python_type
from crudgen.kit.models import MAX_INT, MIN_INT
from crudgen.kit.types.binary import Base64, write_base64
from crudgen.kit.types.dates import IsoDate, IsoTime, UtcDatetime
from crudgen.kit.types.decimals import Exact, write_decimal
from crudgen.kit.types.json_value import Json
from crudgen.kit.types.uuids import UuidText

Convert: TypeAlias = Callable[[Any], Any]
_STRICT = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False, hide_input_in_errors=True)
_MAX_BYTES = 2**31 - 1


@dataclass(frozen=True, slots=True)
class ValueKind:
    """What the values of a column are."""

    name: str
    """The type in the words of the spec: `decimal(10,2)`."""
    annotation: Any
    """The annotation by which pydantic validates a JSON value."""
    write: Convert | None = None
    """Converts a stored value that pydantic would write differently on another database."""


def _write_float(value: float) -> float:
    if not math.isfinite(value):
        raise ValueError(f"{value} is not a finite number")
    return value + 0.0  # SQLite has no negative zero


def _write_datetime(value: datetime) -> datetime:
    return value.astimezone(UTC)


_KINDS = {
    bool: ValueKind("bool", bool),
    int: ValueKind("int", Annotated[int, Field(ge=MIN_INT, le=MAX_INT)]),
    float: ValueKind("float", float, _write_float),
    str: ValueKind("text", str),
    date: ValueKind("date", IsoDate),
    time: ValueKind("time", IsoTime),
    datetime: ValueKind("datetime", UtcDatetime, _write_datetime),
    UUID: ValueKind("uuid", UuidText),
    bytes: ValueKind("bytes", Annotated[bytes, Base64(_MAX_BYTES)], write_base64),
    object: ValueKind("json", Json),
}


def kind_of(column: Column[Any]) -> ValueKind:
    """Return the kind of a column. Raises DataError for a type that the language does not have."""
    named = python_type(column.type)
    if named is Decimal:
        precision, scale = (getattr(column.type, one) for one in ("precision", "scale"))
        exact = Annotated[Decimal, Exact(precision, scale)]
        return ValueKind(f"decimal({precision},{scale})", exact, write_decimal)
    if named not in _KINDS:
        raise DataError(
            f"{column.table.name}.{column.name}: its type {column.type!r} has no JSON form"
        )
    return _KINDS[named]


def value_writers(columns: Sequence[Column[Any]]) -> dict[str, Convert]:
    """Return the functions that convert stored values, by column."""
    kinds = {column.name: kind_of(column) for column in columns}
    return {name: kind.write for name, kind in kinds.items() if kind.write is not None}


def record_adapter(tables: Mapping[str, Sequence[Column[Any]]]) -> TypeAdapter[dict[str, Any]]:
    """Return the validator of lines such as `{"hero": {"id": 1, "name": "Ann"}}`."""
    rows = {name: NotRequired[_row_type(columns)] for name, columns in tables.items()}
    return TypeAdapter(_strict_type("Record", rows))


def _row_type(columns: Sequence[Column[Any]]) -> Any:
    return _strict_type("Row", {column.name: _annotation(column) for column in columns})


def _strict_type(name: str, keys: Mapping[str, Any]) -> Any:
    """Return the type of a dict with these keys, which can be any names."""
    create: Any = TypedDict
    created = create(name, dict(keys))
    created.__pydantic_config__ = _STRICT
    return created


def _annotation(column: Column[Any]) -> Any:
    kind = kind_of(column)
    return kind.annotation | None if column.nullable else kind.annotation


def driver_values(
    columns: Sequence[Column[Any]], dialect: Dialect
) -> Callable[[Mapping[str, Any]], Sequence[Any]]:
    """Return a function that converts a row to the values of these columns for the driver."""
    names = [column.name for column in columns]
    found = enumerate(_binder(column.type, dialect) for column in columns)
    binders = [(place, convert) for place, convert in found if convert is not None]

    def values(row: Mapping[str, Any]) -> Sequence[Any]:
        bound = [row[name] for name in names]
        for place, convert in binders:
            bound[place] = convert(bound[place])
        return bound

    return values


def _binder(column_type: TypeEngine[Any], dialect: Dialect) -> Convert | None:
    convert: Convert | None = column_type.dialect_impl(dialect).bind_processor(dialect)
    return convert
