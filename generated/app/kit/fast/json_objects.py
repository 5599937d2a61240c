"""Rows as JSON objects that the database writes, with the bytes that pydantic writes.

No database writes floats, decimals, times, JSON and bytes as pydantic does: rows that have one of
these are written by Python.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    ColumnElement,
    Date,
    Select,
    String,
    case,
    cast,
    func,
    literal_column,
    select,
)

from ..database.columns import Text

MOST_PROPERTIES = 50
"""SQLite's functions take 100 arguments, two for each property."""
_SAME = {Text, BigInteger, Boolean, Date}


def json_object(columns: Mapping[str, ColumnElement[Any]], kind: str) -> ColumnElement[str] | None:
    """Build the expression that writes a row as an object; None if Python has to write it."""
    if len(columns) > MOST_PROPERTIES or any(
        type(column.type) not in _SAME for column in columns.values()
    ):
        return None
    return _OBJECTS[kind](columns)


def json_page(
    rows: Select[Any], names: Sequence[str], more: ColumnElement[Any]
) -> Select[str, Any] | None:
    """Build the statement that gives rows as one array on SQLite, and whether there are `more`.

    SQLite takes the rows of a subquery that has a LIMIT in their order.
    """
    found = rows.subquery()
    row = json_object({name: found.c[name] for name in names}, "sqlite")
    if row is None:
        return None
    return select(func.json_group_array(row, type_=String()), more)


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
    """`'{"name":' || coalesce(to_json(name)::text, 'null') || '}'`: its own objects have spaces."""
    written: ColumnElement[str] = _text("{")
    for name, column in columns.items():
        value = cast(func.to_json(column), String())
        comma = "" if column is next(iter(columns.values())) else ","
        written += _text(f'{comma}"{name}":') + func.coalesce(value, _text("null"))
    return written + _text("}")


def _text(constant: str) -> ColumnElement[str]:
    return literal_column(f"'{constant}'", String())


_OBJECTS = {"sqlite": _sqlite_object, "postgresql": _postgresql_object}
