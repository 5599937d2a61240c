"""Inserts batches of rows on PostgreSQL, by COPY. Reason to change: when COPY equals INSERT."""

from collections.abc import Mapping, Sequence
from typing import Any

import psycopg
from sqlalchemy import Column, Connection, Table
from sqlalchemy.exc import DBAPIError

from crudgen.evolution.expressions import text_literal
from crudgen.evolution.statements import run
from crudgen.kit.database.catalogue.explain import quoted

from .values import driver_values

_IS_PLAIN_TABLE = """
SELECT relkind = 'r' AND NOT relrowsecurity AND NOT relhasrules AND NOT EXISTS (
    SELECT FROM pg_trigger WHERE tgrelid = pg_class.oid AND NOT tgisinternal
)
FROM pg_class WHERE oid = {}::regclass
"""


def can_copy(connection: Connection, table: Table) -> bool:
    """Return whether COPY has the result of an INSERT for each row.

    COPY checks references after its last row, so a row could refer to a later one. It does not
    support row-level security and rules, and runs triggers at other times.
    """
    if any(key.column.table is table for key in table.foreign_keys):
        return False
    if any(column.default is not None and column.default.is_clause_element for column in table.c):
        return False
    sql = _IS_PLAIN_TABLE.format(text_literal(quoted(table.name)))
    return bool(run(connection, sql).scalar_one())


class BatchCopy:
    """Inserts rows into a table, if `can_copy` allows it."""

    def __init__(self, connection: Connection, table: Table) -> None:
        self._connection, self._table = connection, table
        self._driver: Any = connection.connection.driver_connection

    def insert(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Insert rows that have values of the same columns. Raises DBAPIError."""
        columns = [one for one in self._table.c if one.name in rows[0] or one.default is not None]
        defaults = [one for one in columns if one.name not in rows[0]]
        values = driver_values(columns, self._connection.dialect)
        names = ", ".join(quoted(column.name) for column in columns)
        sql = f"COPY {quoted(self._table.name)} ({names}) FROM STDIN"
        try:
            with self._driver.cursor() as cursor, cursor.copy(sql) as copy:
                for row in rows:
                    added = {column.name: _default(column) for column in defaults}
                    copy.write_row(values({**row, **added}))
        except psycopg.Error as error:  # SQLAlchemy converts those of its own statements
            dialect = self._connection.dialect
            raise DBAPIError.instance(sql, None, error, psycopg.Error, dialect=dialect) from error


def _default(column: Column[Any]) -> Any:
    """Return the value that SQLAlchemy gives to a column without a value."""
    default: Any = column.default
    return default.arg(None) if default.is_callable else default.arg
