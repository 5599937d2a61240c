"""What RETURNING gives, and how a written row is read again where that is not the row as it is.

A trigger that runs after the statement, or a foreign key's ON UPDATE action, changes a row that
RETURNING has given already. And SQLite 3.38 to 3.40 give integers as floats, and conditions on
null wrongly, where a column of another type comes first in the table.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from functools import cache
from typing import Any

from fastapi import HTTPException
from sqlalchemy import (
    Boolean,
    ColumnElement,
    Float,
    Table,
    UnaryExpression,
    literal_column,
    type_coerce,
)
from sqlalchemy.dialects import postgresql
from sqlalchemy.sql.operators import custom_op

from ..errors import problem
from .statements import Prepared, Values

Row = tuple[Any, ...]
_PLUS: Any = custom_op("+")
_EFFECTS = """(
    SELECT c.relhasrules OR c.relhastriggers AND EXISTS (
        SELECT FROM pg_catalog.pg_trigger AS t WHERE t.tgrelid = c.oid
        AND (NOT t.tgisinternal OR t.tgfoid IN (1647, 1651, 1653))
    )
    FROM pg_catalog.pg_class AS c WHERE c.oid = {row}
)"""
"""The numbers are PostgreSQL's own functions of ON UPDATE CASCADE, SET NULL and SET DEFAULT."""

_TABLE = "CREATE TABLE probe (a {}, b BIGINT, c BOOLEAN, d TEXT, e REAL, id INTEGER PRIMARY KEY)"
_INSERT = "INSERT INTO probe VALUES (?, ?, ?, ?, ?, NULL) RETURNING {}"
_UPDATE = "UPDATE probe SET (a, b, c, d, e) = (?, ?, ?, ?, ?) RETURNING {}"
_SELECT = "SELECT {} FROM probe"
_WANTED = """+b, +c, +d, e, +id, json_object(
    'b', b, 'c', json(CASE WHEN c THEN 'true' WHEN NOT c THEN 'false' END), 'd', d, 'id', id
)"""
_FIRST_COLUMNS = [
    declared + rule
    for declared in ("REAL", "TEXT", "BIGINT", "BLOB", "BOOLEAN")
    for rule in ("", " NOT NULL")
]
_ROWS = ((1, 2**53 + 1, True, "7", 2.0), (1.5, -1, False, "", 0.5), (b"7", None, None, None, None))


def not_kept() -> HTTPException:
    """Make the answer for a row that the database did not keep: a trigger has seen to that."""
    return HTTPException(409, [problem("not_kept", ["body"], "The database did not keep the row")])


def not_deleted() -> HTTPException:
    """Make the answer for a row that is still there after its deletion."""
    return HTTPException(409, [problem("kept", ["path"], "The database did not delete the row")])


def keys_to_read(prepared: Prepared, returned: Sequence[Row], bound: Values) -> Iterator[Any]:
    """Give the keys of the rows to read back; of a row that was not returned, the one sought.

    A trigger may have kept an UPDATE or a DELETE from a row that is there.
    """
    if prepared.has_key and not returned:
        yield bound["key__"]
    for row in returned:
        yield row[-1]


def row_as_it_is(
    prepared: Prepared, key: Any, returned: Sequence[Row], read: Sequence[Row]
) -> Sequence[Row]:
    """Give the row of a key, returned as one thing and read back as another.

    Raises HTTPException 409 if the row is not there, or is still there after its deletion.
    """
    if prepared.deletes:
        if read:
            raise not_deleted()
        return returned
    if returned and not read:
        raise not_kept()
    return [(*row, key) for row in read]


def returned(columns: Sequence[ColumnElement[Any]], kind: str) -> tuple[ColumnElement[Any], ...]:
    """Write columns so that RETURNING gives them with the type that they are stored with.

    SQLite takes the type of `+column` from the value alone.
    """
    return tuple(
        column
        if kind != "sqlite" or isinstance(column.type, Float)
        else type_coerce(UnaryExpression(column, operator=_PLUS), column.type)
        for column in columns
    )


def may_have_effects(table: Table) -> ColumnElement[bool]:
    """Tell for a returned row on PostgreSQL whether triggers or rules may change it afterwards."""
    dialect = postgresql.dialect()  # type: ignore[no-untyped-call]
    name = dialect.identifier_preparer.format_table(table)
    return literal_column(_EFFECTS.format(row=f"{name}.tableoid"), Boolean())


@cache
def sqlite_returns_rows() -> bool:
    """Tell whether this SQLite gives by RETURNING what SELECT gives.

    Tries what the kit writes, `+column` and `json_object`, on small tables in memory.
    """
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        return all(_returns_rows(connection, first) for first in _FIRST_COLUMNS)


def _returns_rows(connection: sqlite3.Connection, first: str) -> bool:
    """Try a table whose first column is declared like this."""
    connection.execute(_TABLE.format(first))
    found = []
    for row in _ROWS:
        for statement in (_INSERT, _UPDATE):
            (given,) = connection.execute(statement.format(_WANTED), row).fetchall()
            (kept,) = connection.execute(_SELECT.format(_WANTED)).fetchall()
            found.append((given, kept))
        connection.execute("DELETE FROM probe")
    connection.execute("DROP TABLE probe")
    return all(
        # A whole number in a REAL column may come as an integer: Prepared makes it a float.
        given == kept and [*map(type, given)][:3] == [*map(type, kept)][:3]
        for given, kept in found
    )
