"""The definitions of existing tables, read from the database's catalogue."""

from collections.abc import Iterable

from sqlalchemy import Connection

from . import postgresql, sqlite
from .definitions import (
    UNREADABLE,
    Check,
    Column,
    Expression,
    ForeignKey,
    Index,
    Key,
    KeyGenerator,
    TableDefinition,
)
from .wanted import wanted_tables

__all__ = [
    "UNREADABLE",
    "Check",
    "Column",
    "Expression",
    "ForeignKey",
    "Index",
    "Key",
    "KeyGenerator",
    "TableDefinition",
    "read_tables",
    "taken_names",
    "wanted_tables",
]

_NAMES = {"sqlite": sqlite.taken_names, "postgresql": postgresql.taken_names}
_READERS = {"sqlite": sqlite.read_tables, "postgresql": postgresql.read_tables}


def read_tables(connection: Connection, names: Iterable[str]) -> dict[str, TableDefinition]:
    """Return the tables and views with these names; missing ones are omitted.

    On PostgreSQL, only the current schema is read, in which new tables would be created.
    """
    return _READERS[connection.dialect.name](connection, names)


def taken_names(connection: Connection) -> dict[str, str]:
    """Return the names that a new table or index cannot have, with the kind of the object."""
    return _NAMES[connection.dialect.name](connection)
