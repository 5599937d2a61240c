"""Inserts rows into tables. Reason to change: what the databases have in common."""

from collections.abc import Iterator, Sequence
from typing import Protocol

from crudgen.errors import DataError

from .head import LoadedTable
from .reading import Record


class TableRows(Protocol):
    """Inserts the rows of tables, in a transaction of one kind of database."""

    def insert(self, loaded: LoadedTable, records: Iterator[Record]) -> int:
        """Insert rows, and return their number. Raises DataError for a row that is refused."""

    def finish(self, loaded: Sequence[LoadedTable]) -> None:
        """Check the references, and let generated keys continue after the largest ones."""


def refused_row_error(place: str, table: str, reason: str) -> DataError:
    """Return the error of a row that the database refuses."""
    return DataError(f"{place}: {table}: the database refuses the row: {reason}")
