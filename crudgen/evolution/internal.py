"""Tables that are not of the user. Reason to change: tables of crudgen, a database or a tool."""

import sqlite3

from sqlalchemy import Connection

from .statements import run

LOGINS = "_login"
"""The table of users."""
CREDENTIALS = "_credential"
"""The table of their tokens, and of API keys."""
USER_ROW_COLUMN = "row_id"
"""The column of users and of API keys with the key of their row, if users are rows."""
_USER_ROW_COLUMNS = {f"{table}.{USER_ROW_COLUMN}": table for table in (LOGINS, CREDENTIALS)}
_PREFIXES = ("_", "sqlite_", "pg_")
"""Tables of crudgen, such as those of idempotent responses; of SQLite, and of PostgreSQL."""
_NAMES = {"alembic_version"}
_PARTS = {
    "sqlite": "SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'shadow'",
    "postgresql": "SELECT c.relname FROM pg_catalog.pg_class c JOIN pg_catalog.pg_depend d"
    " ON d.classid = 'pg_catalog.pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e'"
    " WHERE c.relnamespace = pg_catalog.current_schema()::regnamespace",
}
"""Statements that return tables of virtual tables, and of extensions."""
_TABLE_LIST = (3, 37, 0)
"""The first version of SQLite with `pragma_table_list`."""


def is_internal(name: str) -> bool:
    """Return whether a table with this name belongs to crudgen, a database or Alembic."""
    return name.lower().startswith(_PREFIXES) or name.lower() in _NAMES


def table_of_user_row_column(name: str) -> str | None:
    """Return the table whose column with the keys of the users' rows has this name."""
    return _USER_ROW_COLUMNS.get(name)


def extension_tables(connection: Connection) -> frozenset[str]:
    """Return the tables that belong to a virtual table of SQLite or an extension of PostgreSQL."""
    kind = connection.dialect.name
    if kind == "sqlite" and sqlite3.sqlite_version_info < _TABLE_LIST:
        return frozenset()
    return frozenset(run(connection, _PARTS[kind]).scalars())
