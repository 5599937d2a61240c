"""Inserts rows on SQLite. Reason to change: how it reports a row that it refuses."""

from collections.abc import Iterator, Sequence
from itertools import chain, islice
from typing import Any

from sqlalchemy import Connection, literal_column, select
from sqlalchemy.exc import IntegrityError

from crudgen.errors import DataError
from crudgen.evolution.statements import run
from crudgen.kit.database.catalogue.explain import quoted
from crudgen.kit.database.faults import reason_of

from .head import LoadedTable
from .inserting import refused_row_error
from .problems import MAX_PROBLEMS
from .reading import Record
from .values import driver_values

_BATCH = 1000
_PARAMETERS = 400
"""Most parameters of a statement with many rows. Each version of SQLite allows 999."""
_ROWIDS = ("rowid", "oid", "_rowid_")
"""SQLite's names of the number of a row. A column hides the one that it has too."""


class _Insert:
    """INSERT into a table. A statement with many rows takes less time than one for each row."""

    def __init__(self, connection: Connection, loaded: LoadedTable) -> None:
        self._connection = connection
        columns = ", ".join(quoted(column.name) for column in loaded.columns)
        marks = ", ".join("?" * len(loaded.columns))
        self._rows = max(1, _PARAMETERS // len(loaded.columns))
        into = f"INSERT INTO {quoted(loaded.dumped.name)} ({columns})"
        self._one = f"{into} VALUES ({marks})"
        self._many = self._one + f", ({marks})" * (self._rows - 1)

    def run(self, rows: Sequence[Sequence[Any]]) -> None:
        """Insert rows."""
        together = len(rows) - len(rows) % self._rows
        groups = [rows[first : first + self._rows] for first in range(0, together, self._rows)]
        if groups:
            values = [tuple(chain.from_iterable(group)) for group in groups]
            self._connection.exec_driver_sql(self._many, values)
        if rest := [tuple(row) for row in rows[together:]]:
            self._connection.exec_driver_sql(self._one, rest)


class SqliteRows:
    """Inserts rows on SQLite, in batches. References are checked at the end."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        run(connection, "PRAGMA defer_foreign_keys = ON")

    def insert(self, loaded: LoadedTable, records: Iterator[Record]) -> int:
        """Insert rows, and return their number. Raises DataError for a row that is refused."""
        statement = _Insert(self._connection, loaded)
        values = driver_values(loaded.columns, self._connection.dialect)
        count = 0
        while batch := list(islice(records, _BATCH)):
            rows = [values(one.row) for one in batch]
            run(self._connection, "SAVEPOINT batch")
            try:
                statement.run(rows)
            except IntegrityError:
                # The error does not say which row it is of.
                run(self._connection, "ROLLBACK TO batch")
                for record, row in zip(batch, rows, strict=True):
                    try:
                        statement.run([row])
                    except IntegrityError as error:
                        raise refused_row_error(
                            record.place, record.table, reason_of(error)
                        ) from None
                raise
            run(self._connection, "RELEASE batch")
            count += len(batch)
        return count

    def finish(self, loaded: Sequence[LoadedTable]) -> None:
        """Raise DataError for rows that refer to no row. AUTOINCREMENT follows the keys itself."""
        lines = []
        for one in loaded:
            table = one.dumped.table
            taken = {column.name.lower() for column in table.columns}
            rowid = next((name for name in _ROWIDS if name not in taken), None)
            found = run(self._connection, f"PRAGMA foreign_key_check({quoted(table.name)})")
            for _, number, parent, _ in islice(found, MAX_PROBLEMS):
                row = "a row"
                if rowid is not None:
                    statement = select(*table.primary_key).where(literal_column(rowid) == number)
                    key = ", ".join(map(str, self._connection.execute(statement).one()))
                    row = f"the row {key}"
                lines.append(f"table {table.name}: {row} refers to no row of {parent}")
        if lines:
            raise DataError("\n".join(lines[:MAX_PROBLEMS]))
