"""Encoding of rows as JSON, by the database if it produces the same bytes as pydantic.

The databases encode floats, decimals, times, JSON and bytes differently, so rows with such columns
are encoded by pydantic.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pydantic_core import to_json
from sqlalchemy import (
    BigInteger,
    Boolean,
    ColumnElement,
    Date,
    LargeBinary,
    String,
    case,
    cast,
    func,
    literal_column,
)

from ..types import write_base64, write_decimal
from .backend import Row
from .columns import ExactNumber, Text
from .returning import returned

MOST_PROPERTIES = 50
"""SQLite's functions accept 100 arguments, and each property needs two."""
_SAME = {Text, BigInteger, Boolean, Date}
_WRITERS: Mapping[type, Callable[[Any], str]] = {
    ExactNumber: write_decimal,
    LargeBinary: write_base64,
}


class JsonRows:
    """The columns of a response, and the encoder of their rows."""

    def __init__(self, columns: Mapping[str, ColumnElement[Any]], kind: str) -> None:
        self._names = tuple(columns)
        self._writers = {
            name: _WRITERS[type(column.type)]
            for name, column in columns.items()
            if type(column.type) in _WRITERS
        }
        self.are_written_there = len(columns) <= MOST_PROPERTIES and all(
            type(column.type) in _SAME for column in columns.values()
        )
        """Whether the database encodes the rows."""
        self.selected: tuple[ColumnElement[Any], ...] = (
            (_OBJECTS[kind](columns),) if self.are_written_there else tuple(columns.values())
        )
        """The expressions to select. A row may have more values after these."""
        self.returned = self.selected if self.are_written_there else returned(self.selected, kind)
        """The expressions for RETURNING."""

    def write(self, row: Row) -> bytes:
        """Encode one row as an object."""
        if self.are_written_there:
            text: str = row[0]
            return text.encode()
        return to_json(self._properties(row))

    def write_all(self, rows: Sequence[Row]) -> bytes:
        """Encode rows as an array of objects."""
        if self.are_written_there:
            return f"[{','.join([row[0] for row in rows])}]".encode()
        return to_json([self._properties(row) for row in rows])

    def _properties(self, row: Row) -> dict[str, Any]:
        values = dict(zip(self._names, row, strict=False))
        for name, write in self._writers.items():
            if values[name] is not None:
                values[name] = write(values[name])
        return values


def _sqlite_object(columns: Mapping[str, ColumnElement[Any]]) -> ColumnElement[str]:
    """`json_object('name', name, 'tame', json(CASE … 'true' …))`."""
    items: list[Any] = []
    for name, column in columns.items():
        value: Any = column
        if isinstance(column.type, Boolean):
            value = func.json(case((column, _text("true")), (~column, _text("false"))))
        items += [_text(name), value]
    return func.json_object(*items, type_=String())


def _postgresql_object(columns: Mapping[str, ColumnElement[Any]]) -> ColumnElement[str]:
    """`'{"name":' || coalesce(to_json(name)::text, 'null') || '}'`: row_to_json adds spaces."""
    written: ColumnElement[str] = _text("{")
    for name, column in columns.items():
        value = cast(func.to_json(column), String())
        comma = "" if column is next(iter(columns.values())) else ","
        written += _text(f'{comma}"{name}":') + func.coalesce(value, _text("null"))
    return written + _text("}")


def _text(constant: str) -> ColumnElement[str]:
    return literal_column(f"'{constant}'", String())


_OBJECTS = {"sqlite": _sqlite_object, "postgresql": _postgresql_object}
