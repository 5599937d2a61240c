"""What a database driver raises, told apart by its error code and turned into an answer."""

import re
import sqlite3
from collections.abc import Sequence
from enum import Enum, auto

from fastapi import HTTPException
from sqlalchemy import PrimaryKeyConstraint, Table, UniqueConstraint
from sqlalchemy.exc import DBAPIError

from ..errors import Conflict, Refused, Unavailable


class Fault(Enum):
    """Why a statement failed."""

    UNIQUE = auto()
    """Another row has the same values."""
    VALUE = auto()
    """The database does not take a value."""
    RETRY = auto()
    """A concurrent transaction was in the way; the same statement may succeed now."""
    UNAVAILABLE = auto()
    """The database is locked, down, full or too slow."""
    BUG = auto()
    """Anything else."""


_SQLITE_EXTENDED = {
    sqlite3.SQLITE_CONSTRAINT_UNIQUE: Fault.UNIQUE,
    sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY: Fault.UNIQUE,
    sqlite3.SQLITE_CONSTRAINT_ROWID: Fault.UNIQUE,
    sqlite3.SQLITE_CONSTRAINT_NOTNULL: Fault.VALUE,
    sqlite3.SQLITE_CONSTRAINT_CHECK: Fault.VALUE,
}
_SQLITE_PRIMARY = {
    sqlite3.SQLITE_BUSY: Fault.UNAVAILABLE,
    sqlite3.SQLITE_LOCKED: Fault.UNAVAILABLE,
    sqlite3.SQLITE_INTERRUPT: Fault.UNAVAILABLE,
    sqlite3.SQLITE_IOERR: Fault.UNAVAILABLE,
    sqlite3.SQLITE_FULL: Fault.UNAVAILABLE,
    sqlite3.SQLITE_CANTOPEN: Fault.UNAVAILABLE,
    sqlite3.SQLITE_READONLY: Fault.UNAVAILABLE,
    sqlite3.SQLITE_NOMEM: Fault.UNAVAILABLE,
    sqlite3.SQLITE_PERM: Fault.UNAVAILABLE,
    sqlite3.SQLITE_CORRUPT: Fault.UNAVAILABLE,
    sqlite3.SQLITE_NOTADB: Fault.UNAVAILABLE,
    sqlite3.SQLITE_TOOBIG: Fault.VALUE,
}
_POSTGRESQL_STATES = {
    "23505": Fault.UNIQUE,
    "23502": Fault.VALUE,
    "23514": Fault.VALUE,
    "40001": Fault.RETRY,
    "40P01": Fault.RETRY,
    "55P03": Fault.UNAVAILABLE,
    "57014": Fault.UNAVAILABLE,
}
_POSTGRESQL_CLASSES = {
    "08": Fault.UNAVAILABLE,
    "22": Fault.VALUE,
    "25": Fault.UNAVAILABLE,
    "53": Fault.UNAVAILABLE,
    "54": Fault.VALUE,
    "57": Fault.UNAVAILABLE,
    "58": Fault.UNAVAILABLE,
}


def classify(error: DBAPIError) -> Fault:
    """Tell why a statement failed, from the driver's error code alone."""
    cause = error.orig
    code = getattr(cause, "sqlite_errorcode", None)
    if code is not None:
        return _SQLITE_EXTENDED.get(code) or _SQLITE_PRIMARY.get(code & 0xFF, Fault.BUG)
    if isinstance(cause, sqlite3.Error):
        return Fault.BUG
    state = getattr(cause, "sqlstate", None)
    if state is None:
        # A connection that could not be made, or broke, has no SQLSTATE.
        lost = error.connection_invalidated or type(cause).__name__.endswith("OperationalError")
        return Fault.UNAVAILABLE if lost else Fault.BUG
    return _POSTGRESQL_STATES.get(state) or _POSTGRESQL_CLASSES.get(state[:2], Fault.BUG)


def http_error(error: DBAPIError, table: Table | None = None) -> HTTPException | DBAPIError:
    """Turn a driver's error into the answer for it; a bug stays what it is.

    The table serves to name the properties of a broken rule.
    """
    match classify(error):
        case Fault.UNIQUE:
            return Conflict(_unique_fields(error, table))
        case Fault.VALUE:
            return Refused(_refused_fields(error, table))
        case Fault.RETRY | Fault.UNAVAILABLE:
            return Unavailable()
        case Fault.BUG:
            return error


def _unique_fields(error: DBAPIError, table: Table | None) -> Sequence[str]:
    if table is None:
        return []
    if isinstance(error.orig, sqlite3.Error):
        return _columns_in_message(error.orig, table)
    name = _diagnosis(error, "constraint_name")
    for constraint in table.constraints:
        if (
            isinstance(constraint, UniqueConstraint | PrimaryKeyConstraint)
            and constraint.name == name
        ):
            return [column.name for column in constraint.columns]
    for index in table.indexes:
        if index.name == name:
            return [column.name for column in index.columns]
    return []


def _refused_fields(error: DBAPIError, table: Table | None) -> Sequence[str]:
    if table is None:
        return []
    if isinstance(error.orig, sqlite3.Error):
        return _columns_in_message(error.orig, table)
    column_name = _diagnosis(error, "column_name")
    return [column.name for column in table.columns if column.name == column_name]


def _columns_in_message(error: sqlite3.Error, table: Table) -> Sequence[str]:
    """SQLite names the columns in the message alone: `UNIQUE constraint failed: hero.name`."""
    named = re.findall(rf"\b{re.escape(table.name)}\.(\w+)", str(error))
    return [name for name in named if name in table.columns]


def _diagnosis(error: DBAPIError, attribute: str) -> str | None:
    return getattr(getattr(error.orig, "diag", None), attribute, None)
