"""Inserts rows on PostgreSQL, by COPY. Reason to change: how COPY checks and reports rows."""

import re
from array import array
from collections.abc import Iterator, Sequence
from typing import Any

import psycopg
from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from crudgen.errors import DatabaseError, DataError
from crudgen.evolution.expressions import text_literal
from crudgen.evolution.statements import run
from crudgen.kit.database.catalogue.explain import quoted
from crudgen.kit.database.faults import reason_of

from .dump_contents import later_references
from .head import LoadedTable
from .inserting import refused_row_error
from .reading import Record
from .values import driver_values

_LINE = re.compile(r"^COPY .*?, line ([0-9]+)", re.MULTILINE)


class PostgresqlRows:
    """Inserts rows on PostgreSQL.

    COPY checks references at its end, so rows can refer to later ones of their table. References
    to later tables, which only cycles have, are deferred meanwhile.
    """

    def __init__(self, connection: Connection, loaded: Sequence[LoadedTable]) -> None:
        self._connection = connection
        self._driver: Any = connection.connection.driver_connection
        self._deferred = later_references([one.dumped.table for one in loaded])
        for table, name in self._deferred:
            self._alter(table, name, "DEFERRABLE")
        run(connection, "SET CONSTRAINTS ALL DEFERRED")

    def _alter(self, table: str, name: str, mode: str) -> None:
        statement = f"ALTER TABLE {quoted(table)} ALTER CONSTRAINT {quoted(name)} {mode}"
        run(self._connection, statement)

    def insert(self, loaded: LoadedTable, records: Iterator[Record]) -> int:
        """Insert rows, and return their number. Raises DataError for a row that is refused."""
        values = driver_values(loaded.columns, self._connection.dialect)
        columns = ", ".join(quoted(column.name) for column in loaded.columns)
        sql = f"COPY {quoted(loaded.dumped.name)} ({columns}) FROM STDIN"
        places = array("Q")
        file = ""
        try:
            with self._driver.cursor() as cursor, cursor.copy(sql) as copy:
                for record in records:
                    places.append(record.line)
                    file = record.file
                    copy.write_row(values(record.row))
        except (psycopg.DataError, psycopg.IntegrityError) as error:
            raise self._refusal(error, loaded.dumped.name, file, places) from None
        except psycopg.Error as error:  # SQLAlchemy converts those of its own statements
            message = f"table {loaded.dumped.name}: {reason_of(error)}\n  nothing was changed"
            raise DatabaseError(message) from None
        return len(places)

    def _refusal(
        self, error: psycopg.Error, table: str, file: str, places: "array[int]"
    ) -> DataError:
        """Return the error of a row; it names the line if PostgreSQL does."""
        found = _LINE.search(error.diag.context or "")
        # The driver itself refuses the last row that it got, without an error code.
        number = int(found[1]) if found else len(places) if error.sqlstate is None else 0
        place = f"{file}:{places[number - 1]}" if 0 < number <= len(places) else file
        reason = error.diag.message_primary or str(error)
        detail = f"\n  {error.diag.message_detail}" if error.diag.message_detail else ""
        return refused_row_error(place, table, f"{reason}{detail}")

    def finish(self, loaded: Sequence[LoadedTable]) -> None:
        """Check the deferred references, and set the sequences of generated keys."""
        try:
            run(self._connection, "SET CONSTRAINTS ALL IMMEDIATE")
        except IntegrityError as error:
            cause: Any = error.orig
            detail = f"\n  {cause.diag.message_detail}" if cause.diag.message_detail else ""
            raise DataError(f"table {cause.diag.table_name}: {reason_of(error)}{detail}") from None
        for table, name in self._deferred:
            self._alter(table, name, "NOT DEFERRABLE")
        for one in loaded:
            if (key := one.dumped.table.autoincrement_column) is not None:
                self._continue_after_keys(one.dumped.name, key.name)

    def _continue_after_keys(self, table: str, key: str) -> None:
        sequence = f"pg_get_serial_sequence({text_literal(quoted(table))}, {text_literal(key)})"
        largest = f"max({quoted(key)})"
        rows = f"FROM {quoted(table)} HAVING {largest} > 0"
        run(self._connection, f"SELECT setval({sequence}, {largest}) {rows}")
