"""Live tables as definitions that can be compared: read from the catalogue, creating nothing."""

from collections.abc import Iterable

from sqlalchemy import Connection

from . import postgresql, sqlite
from .definitions import (
    UNREADABLE,
    Check,
    Column,
    Counting,
    Expression,
    ForeignKey,
    Index,
    Key,
    TableDefinition,
)
from .wanted import wanted_tables

__all__ = [
    "UNREADABLE",
    "Check",
    "Column",
    "Counting",
    "Expression",
    "ForeignKey",
    "Index",
    "Key",
    "TableDefinition",
    "read_tables",
    "taken_names",
    "wanted_tables",
]

_NAMES = {"sqlite": sqlite.taken_names, "postgresql": postgresql.taken_names}
_READERS = {"sqlite": sqlite.read_tables, "postgresql": postgresql.read_tables}


def read_tables(connection: Connection, names: Iterable[str]) -> dict[str, TableDefinition]:
    """Return what the database has under these names, and nothing for a name it does not have.

    On PostgreSQL, that is the current schema: where new tables would be created.
    """
    return _READERS[connection.dialect.name](connection, names)


def taken_names(connection: Connection) -> dict[str, str]:
    """Return the names that a new table or index cannot have, and what has them."""
    return _NAMES[connection.dialect.name](connection)
