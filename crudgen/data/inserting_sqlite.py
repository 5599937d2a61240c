"""Inserts rows on SQLite. Reason to change: how it reports a row that it refuses."""

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

from sqlalchemy import Connection, literal_column, select
from sqlalchemy.exc import IntegrityError

from crudgen.errors import DataError
from crudgen.evolution.statements import run
from crudgen.kit.database.catalogue.explain import quoted
from crudgen.kit.database.faults import reason_of

from .head import LoadedTable
from .inserting import refused
from .reading import MAX_PROBLEMS, Record
from .values import binders, bound

_BATCH = 1000
_ROWIDS = ("rowid", "oid", "_rowid_")
"""SQLite's names of the number of a row. A column hides the one that it has too."""


class SqliteRows:
    """Inserts rows on SQLite, in batches. References are checked at the end."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        run(connection, "PRAGMA defer_foreign_keys = ON")

    def insert(self, loaded: LoadedTable, records: Iterator[Record]) -> int:
        """Insert rows, and return their number. Raises DataError for a row that is refused."""
        names = [column.name for column in loaded.columns]
        columns = ", ".join(map(quoted, names))
        marks = ", ".join("?" * len(names))
        into = f"INSERT INTO {quoted(loaded.dumped.name)} ({columns})"
        sql = f"{into} VALUES ({marks})"
        convert = binders(loaded.columns, self._connection.dialect)
        count = 0
        while batch := list(islice(records, _BATCH)):
            rows = [bound([one.row[name] for name in names], convert) for one in batch]
            self._insert_batch(sql, batch, rows)
            count += len(batch)
        return count

    def _insert_batch(
        self, sql: str, batch: Sequence[Record], rows: Sequence[tuple[Any, ...]]
    ) -> None:
        run(self._connection, "SAVEPOINT batch")
        try:
            self._connection.exec_driver_sql(sql, list(rows))
        except IntegrityError:
            # The error does not say which row it is of.
            run(self._connection, "ROLLBACK TO batch")
            for record, row in zip(batch, rows, strict=True):
                try:
                    self._connection.exec_driver_sql(sql, row)
                except IntegrityError as error:
                    raise refused(record.place, record.table, reason_of(error)) from None
            raise
        run(self._connection, "RELEASE batch")

    def finish(self, loaded: Sequence[LoadedTable]) -> None:
        """Raise DataError for rows that refer to no row. AUTOINCREMENT follows the keys itself."""
        lines = []
        for one in loaded:
            table = one.dumped.table
            taken = {column.name.lower() for column in table.columns}
            rowid = next(name for name in _ROWIDS if name not in taken)
            found = run(self._connection, f"PRAGMA foreign_key_check({quoted(table.name)})")
            for _, number, parent, _ in islice(found, MAX_PROBLEMS):
                statement = select(*table.primary_key).where(literal_column(rowid) == number)
                key = ", ".join(map(str, self._connection.execute(statement).one()))
                lines.append(f"table {table.name}: the row {key} refers to no row of {parent}")
        if lines:
            raise DataError("\n".join(lines[:MAX_PROBLEMS]))
