"""The rows of RETURNING, and reading a row back if RETURNING does not return its final state.

An AFTER trigger or a foreign key's ON UPDATE action can change a row after RETURNING has returned
it. Also, RETURNING of SQLite 3.38 to 3.40 returns some integers as floats, and wrong results of
IS NULL, depending on the type of the first column.
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
"""The numbers are the OIDs of the trigger functions of ON UPDATE CASCADE, SET NULL, SET DEFAULT."""

_TABLE = "CREATE TABLE probe (a {}, b BIGINT, c BOOLEAN, d TEXT, e REAL, id INTEGER PRIMARY KEY)"
_INSERT = "INSERT INTO probe VALUES (?, ?, ?, ?, ?, NULL) RETURNING {}"
_UPDATE = "UPDATE probe SET (a, b, c, d, e) = (?, ?, ?, ?, ?) RETURNING {}"
_SELECT = "SELECT {} FROM probe"
_EXPRESSIONS = """+b, +c, +d, e, +id, json_object(
    'b', b, 'c', json(CASE WHEN c THEN 'true' WHEN NOT c THEN 'false' END), 'd', d, 'id', id
)"""
_FIRST_COLUMNS = [
    declared + rule
    for declared in ("REAL", "TEXT", "BIGINT", "BLOB", "BOOLEAN")
    for rule in ("", " NOT NULL")
]
_ROWS = ((1, 2**53 + 1, True, "7", 2.0), (1.5, -1, False, "", 0.5), (b"7", None, None, None, None))


def not_kept() -> HTTPException:
    """Return the error for a written row that does not exist afterwards."""
    message = "A trigger or rule discarded the row"
    return HTTPException(409, [problem("not_kept", ["body"], message)])


def not_deleted() -> HTTPException:
    """Return the error for a deleted row that still exists."""
    message = "A trigger or rule prevented the deletion"
    return HTTPException(409, [problem("kept", ["path"], message)])


def keys_to_read(prepared: Prepared, returned: Sequence[Row], bound: Values) -> Iterator[Any]:
    """Yield the keys of the rows to read back.

    If no row was returned, yield the key of the statement: a trigger may have prevented it.
    """
    if prepared.has_key and not returned:
        yield bound["key__"]
    for row in returned:
        yield row[-1]


def final_rows(
    prepared: Prepared, key: Any, returned: Sequence[Row], read: Sequence[Row]
) -> Sequence[Row]:
    """Return the final row of a key, from the rows that RETURNING returned and the SELECT read.

    Raises HTTPException 409 if a written row does not exist, or a deleted row still exists.
    """
    if prepared.deletes:
        if read:
            raise not_deleted()
        return returned
    if returned and not read:
        raise not_kept()
    return [(*row, key) for row in read]


def returned(columns: Sequence[ColumnElement[Any]], kind: str) -> tuple[ColumnElement[Any], ...]:
    """Return expressions for RETURNING that preserve the type of the stored values.

    On SQLite, the type of `+column` is that of the value and not that of the column.
    """
    return tuple(
        column
        if kind != "sqlite" or isinstance(column.type, Float)
        else type_coerce(UnaryExpression(column, operator=_PLUS), column.type)
        for column in columns
    )


def may_have_effects(table: Table) -> ColumnElement[bool]:
    """Return an expression on PostgreSQL: whether triggers or rules may change a returned row."""
    dialect = postgresql.dialect()  # type: ignore[no-untyped-call]
    name = dialect.identifier_preparer.format_table(table)
    return literal_column(_EFFECTS.format(row=f"{name}.tableoid"), Boolean())


@cache
def sqlite_returns_rows() -> bool:
    """Tell whether RETURNING of this SQLite version returns the same as SELECT.

    It tries the expressions of the kit, `+column` and `json_object`, on small tables in memory.
    """
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        return all(_returns_rows(connection, first) for first in _FIRST_COLUMNS)


def _returns_rows(connection: sqlite3.Connection, first: str) -> bool:
    """Try a table with the given declaration of its first column."""
    connection.execute(_TABLE.format(first))
    found = []
    for row in _ROWS:
        for statement in (_INSERT, _UPDATE):
            (given,) = connection.execute(statement.format(_EXPRESSIONS), row).fetchall()
            (stored,) = connection.execute(_SELECT.format(_EXPRESSIONS)).fetchall()
            found.append((given, stored))
        connection.execute("DELETE FROM probe")
    connection.execute("DROP TABLE probe")
    return all(
        # An integral value of a REAL column may be returned as an integer; Prepared converts it.
        given == stored and [*map(type, given)][:3] == [*map(type, stored)][:3]
        for given, stored in found
    )
