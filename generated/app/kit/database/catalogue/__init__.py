"""The definitions of existing tables, read from the database's catalogue."""

from collections.abc import Iterable

from sqlalchemy import Connection, Table

from . import models, postgresql, sqlite
from .checks import count_test_values, normalize_checks
from .definitions import (
    Check,
    Column,
    ForeignKey,
    Index,
    Key,
    KeyGenerator,
    TableDefinition,
)

__all__ = [
    "Check",
    "Column",
    "ForeignKey",
    "Index",
    "Key",
    "KeyGenerator",
    "TableDefinition",
    "count_test_values",
    "expected_tables",
    "normalize_checks",
    "read_tables",
    "taken_names",
]

_NAMES = {"sqlite": sqlite.taken_names, "postgresql": postgresql.taken_names}
_READERS = {"sqlite": sqlite.read_tables, "postgresql": postgresql.read_tables}
_EXPECTED = {"sqlite": sqlite.expected_tables, "postgresql": models.expected_tables}


def read_tables(connection: Connection, names: Iterable[str]) -> dict[str, TableDefinition]:
    """Return the tables and views with these names; missing ones are omitted.

    On PostgreSQL, only the current schema is read, in which new tables would be created.
    """
    return _READERS[connection.dialect.name](connection, names)


def expected_tables(connection: Connection, tables: Iterable[Table]) -> dict[str, TableDefinition]:
    """Return the definitions that the tables of the models have in this database."""
    return _EXPECTED[connection.dialect.name](connection, tables)


def taken_names(connection: Connection) -> dict[str, str]:
    """Return the names that a new table or index cannot have, each with the kind of its object."""
    return _NAMES[connection.dialect.name](connection)
