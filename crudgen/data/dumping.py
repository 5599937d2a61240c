"""Writes the rows of a database to a file. Reason to change: how they are read."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from sqlalchemy import Connection, func, select

from crudgen.errors import DatabaseError, DataError
from crudgen.kit.database.catalogue import expected_tables, read_tables
from crudgen.kit.database.tables import findings

from .dump_contents import DumpedTable
from .forms import STREAM, Form
from .head import Head
from .values import value_writers
from .writing import Batch, Report, check_replaceable, dump_writer, replaced_file

_BATCH = 1000


def check_tables(connection: Connection, tables: Sequence[DumpedTable], where: str) -> None:
    """Raise DatabaseError if a table is missing, or differs from its model."""
    found = read_tables(connection, [one.name for one in tables])
    lines = [f"table {one.name}: missing" for one in tables if one.name not in found]
    present = [one.table for one in tables if one.name in found]
    for name, model in expected_tables(connection, present).items():
        differing = findings(connection, found[name], model)
        lines += [f"table {name}: {one.text}" for one in differing if one.prevents_start]
    if lines:
        listed = "\n".join(f"  {line}" for line in lines)
        raise DatabaseError(
            f"database {where}: the tables differ from those of the spec\n{listed}\n"
            "  to make the changes, run: crudgen apply; or give the spec of the database"
        )


def read_counts(connection: Connection, tables: Sequence[DumpedTable]) -> dict[str, int]:
    """Return the number of rows of each table."""
    return {
        one.name: connection.execute(select(func.count()).select_from(one.table)).scalar_one()
        for one in tables
    }


@dataclass(frozen=True, slots=True)
class Dump:
    """The rows of tables, as a transaction sees them."""

    connection: Connection
    tables: Sequence[DumpedTable]
    head: Head

    def write(self, path: Path, stream: IO[bytes], form: Form, report: Report) -> None:
        """Write the rows to a file, or to a stream if its path is `-`.

        Raises DataError if a row cannot be written, or the file.
        """
        if path == STREAM:
            self._write(stream, form, report)
            return
        check_replaceable(path, form)
        with replaced_file(path) as file:
            self._write(file, form, report)

    def _write(self, stream: IO[bytes], form: Form, report: Report) -> None:
        with dump_writer(stream, form, self.head) as writer:
            for one in self.tables:
                with _unwritable_value_errors(one.name):
                    columns = self.head.tables[one.name].columns
                    writer.table(one.name, columns, _row_batches(self.connection, one, report))


@contextmanager
def _unwritable_value_errors(table: str) -> Iterator[None]:
    """Raise DataError for a value that a file cannot contain."""
    try:
        yield
    except (ValueError, TypeError, ArithmeticError) as error:
        raise DataError(
            f"table {table}: a row has a value that its type does not allow: {error}\n"
            "  nothing was written; correct the row"
        ) from None


def _row_batches(connection: Connection, dumped: DumpedTable, report: Report) -> Iterator[Batch]:
    """Yield the rows of a table in batches, by their primary key."""
    names = [column.name for column in dumped.columns]
    converted = value_writers(dumped.columns).items()
    statement = select(*dumped.columns).order_by(*dumped.table.primary_key)
    result = connection.execute(statement, execution_options={"yield_per": _BATCH})
    for batch in result.partitions():
        rows = [dict(zip(names, row, strict=True)) for row in batch]
        for name, write in converted:
            for row in rows:
                if row[name] is not None:
                    row[name] = write(row[name])
        yield rows
        report(len(rows))
