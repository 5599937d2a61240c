"""What a database driver raises, told apart by its error code and turned into an answer."""

import re
import sqlite3
from collections.abc import Sequence
from enum import Enum, auto
from typing import Any

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
    STALE = auto()
    """The table was changed after the statement was prepared on this connection."""
    DISCONNECTED = auto()
    """The connection is gone; the statement may not have run."""
    UNAVAILABLE = auto()
    """The database is locked, down, full or too slow."""
    UNUSABLE = auto()
    """The database is not one, or not allowed; somebody has to change something first."""
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
    sqlite3.SQLITE_CANTOPEN: Fault.UNUSABLE,
    sqlite3.SQLITE_READONLY: Fault.UNUSABLE,
    sqlite3.SQLITE_NOMEM: Fault.UNAVAILABLE,
    sqlite3.SQLITE_PERM: Fault.UNUSABLE,
    sqlite3.SQLITE_CORRUPT: Fault.UNUSABLE,
    sqlite3.SQLITE_NOTADB: Fault.UNUSABLE,
    sqlite3.SQLITE_TOOBIG: Fault.VALUE,
}
_POSTGRESQL_STATES = {
    "23505": Fault.UNIQUE,
    "23502": Fault.VALUE,
    "23514": Fault.VALUE,
    "0A000": Fault.STALE,
    "40001": Fault.RETRY,
    "40P01": Fault.RETRY,
    "55P03": Fault.UNAVAILABLE,
    "57014": Fault.UNAVAILABLE,
}
_POSTGRESQL_CLASSES = {
    "08": Fault.DISCONNECTED,
    "22": Fault.VALUE,
    "25": Fault.UNAVAILABLE,
    "53": Fault.UNAVAILABLE,
    "54": Fault.VALUE,
    "57": Fault.DISCONNECTED,
    "58": Fault.UNAVAILABLE,
}


def classify(error: BaseException) -> Fault:
    """Tell why a statement failed, from the error code of the driver's exception alone."""
    code = getattr(error, "sqlite_errorcode", None)
    if code is not None:
        return _SQLITE_EXTENDED.get(code) or _SQLITE_PRIMARY.get(code & 0xFF, Fault.BUG)
    if not hasattr(error, "sqlstate"):
        return Fault.BUG
    state = error.sqlstate
    if state is None:
        # A connection that could not be made, or broke, has no SQLSTATE.
        broken = type(error).__name__.endswith("OperationalError")
        return Fault.DISCONNECTED if broken else Fault.BUG
    return _POSTGRESQL_STATES.get(state) or _POSTGRESQL_CLASSES.get(state[:2], Fault.BUG)


def http_error(error: Exception, table: Table | None = None) -> Exception:
    """Turn a driver's error into the answer for it; anything else stays what it is.

    The table serves to name the properties of a broken rule.
    """
    cause = error.orig if isinstance(error, DBAPIError) else error
    if cause is None:
        return error
    match classify(cause):
        case Fault.UNIQUE:
            return Conflict(_unique_fields(cause, table))
        case Fault.VALUE:
            return Refused(_refused_fields(cause, table))
        case Fault.BUG:
            return error
        case _:
            return Unavailable()


def _unique_fields(error: BaseException, table: Table | None) -> Sequence[str]:
    if table is None:
        return []
    if isinstance(error, sqlite3.Error):
        return _columns_in_message(error, table)
    name = _diagnosis(error, "constraint_name")
    rules: dict[Any, Any] = {rule.name: rule.columns for rule in table.indexes}
    for rule in table.constraints:
        if isinstance(rule, PrimaryKeyConstraint | UniqueConstraint):
            rules[rule.name] = rule.columns
    return [column.name for column in rules.get(name, ())]


def _refused_fields(error: BaseException, table: Table | None) -> Sequence[str]:
    if table is None:
        return []
    if isinstance(error, sqlite3.Error):
        return _columns_in_message(error, table)
    column_name = _diagnosis(error, "column_name")
    return [column.name for column in table.columns if column.name == column_name]


def _columns_in_message(error: sqlite3.Error, table: Table) -> Sequence[str]:
    """SQLite names the columns in the message alone: `UNIQUE constraint failed: hero.name`."""
    named = re.findall(rf"\b{re.escape(table.name)}\.(\w+)", str(error))
    return [name for name in named if name in table.columns]


def _diagnosis(error: BaseException, attribute: str) -> str | None:
    return getattr(getattr(error, "diag", None), attribute, None)
