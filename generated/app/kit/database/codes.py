"""The meaning of the error codes of SQLite and PostgreSQL.

A code that is not in the tables has the meaning of its class, or else BUG. Sources:
https://www.sqlite.org/rescode.html, and appendix A of PostgreSQL's documentation.
"""

import sqlite3
from collections.abc import Mapping
from enum import Enum, auto


class Fault(Enum):
    """Why a statement failed. It determines the response, and whether to repeat the statement."""

    UNIQUE = auto()
    """409: another row has the same values."""
    REFERENCE = auto()
    """409: a row refers to a missing row, or other rows refer to the row."""
    REFERENCED = auto()
    """409: other rows refer to the row."""
    VALUE = auto()
    """422: the database rejects a value."""
    RETRY = auto()
    """Repeated, then 503: a conflict with a concurrent transaction."""
    SCHEMA_CHANGED = auto()
    """Repeated on another connection, then 500: a table was altered after the preparation."""
    STATEMENT_LOST = auto()
    """Repeated on another connection, then 503: a pooler switched to another server process."""
    DISCONNECTED = auto()
    """503; reads are repeated first. The connection broke, and the statement may have run."""
    LOCKED = auto()
    """503: a lock was not available in time. Transactions that yield are repeated first."""
    BUSY = auto()
    """503: a timeout, or too many connections."""
    FULL = auto()
    """503 until there is space on the disk."""
    READ_ONLY = auto()
    """503 until the database accepts writes."""
    DENIED = auto()
    """503 until the role has the privilege."""
    NO_KEY_LEFT = auto()
    """503 for inserts into one table, until its sequence is fixed."""
    BROKEN = auto()
    """503 until the database, its files or its configuration are fixed."""
    BUG = auto()
    """500: an error in the code of the application."""


SQLITE_EXTENDED: Mapping[int, Fault] = {
    sqlite3.SQLITE_BUSY_SNAPSHOT: Fault.RETRY,
    sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY: Fault.REFERENCE,
    sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY: Fault.UNIQUE,
    sqlite3.SQLITE_CONSTRAINT_ROWID: Fault.UNIQUE,
    sqlite3.SQLITE_CONSTRAINT_UNIQUE: Fault.UNIQUE,
    sqlite3.SQLITE_IOERR_NOMEM: Fault.BUSY,
    sqlite3.SQLITE_READONLY_DBMOVED: Fault.BROKEN,
}
SQLITE_PRIMARY: Mapping[int, Fault] = {
    sqlite3.SQLITE_ABORT: Fault.BUSY,
    sqlite3.SQLITE_AUTH: Fault.DENIED,
    sqlite3.SQLITE_BUSY: Fault.BUSY,
    sqlite3.SQLITE_CANTOPEN: Fault.BROKEN,
    sqlite3.SQLITE_CONSTRAINT: Fault.VALUE,
    sqlite3.SQLITE_CORRUPT: Fault.BROKEN,
    sqlite3.SQLITE_FULL: Fault.FULL,
    sqlite3.SQLITE_INTERRUPT: Fault.BUSY,
    sqlite3.SQLITE_IOERR: Fault.BROKEN,
    sqlite3.SQLITE_LOCKED: Fault.BUSY,
    sqlite3.SQLITE_MISMATCH: Fault.VALUE,
    sqlite3.SQLITE_NOLFS: Fault.FULL,
    sqlite3.SQLITE_NOMEM: Fault.BUSY,
    sqlite3.SQLITE_NOTADB: Fault.BROKEN,
    sqlite3.SQLITE_PERM: Fault.DENIED,
    sqlite3.SQLITE_PROTOCOL: Fault.BUSY,
    sqlite3.SQLITE_READONLY: Fault.READ_ONLY,
    sqlite3.SQLITE_SCHEMA: Fault.RETRY,
    sqlite3.SQLITE_TOOBIG: Fault.VALUE,
}
POSTGRESQL_STATES: Mapping[str, Fault] = {
    "0A000": Fault.SCHEMA_CHANGED,  # also "cached plan must not change result type"
    "22P06": Fault.BUG,
    "2200H": Fault.NO_KEY_LEFT,
    "23001": Fault.REFERENCED,
    "23503": Fault.REFERENCE,
    "23505": Fault.UNIQUE,
    "23P01": Fault.UNIQUE,
    "25006": Fault.READ_ONLY,
    "25P03": Fault.DISCONNECTED,
    "25P04": Fault.DISCONNECTED,
    "40002": Fault.VALUE,
    "40003": Fault.DISCONNECTED,
    "42501": Fault.DENIED,
    "42P05": Fault.STATEMENT_LOST,
    "53100": Fault.FULL,
    "54011": Fault.BUG,
    "54023": Fault.BUG,
    "55000": Fault.BUG,
    "55P02": Fault.BROKEN,
    "55P03": Fault.LOCKED,
    "55P04": Fault.BUG,
    "57014": Fault.BUSY,
    "P0001": Fault.VALUE,
    "XX001": Fault.BROKEN,
    "XX002": Fault.BROKEN,
}
POSTGRESQL_CLASSES: Mapping[str, Fault] = {
    "08": Fault.DISCONNECTED,
    "09": Fault.VALUE,
    "0P": Fault.DENIED,
    "22": Fault.VALUE,
    "23": Fault.VALUE,
    "26": Fault.STATEMENT_LOST,
    "27": Fault.VALUE,
    "28": Fault.DENIED,
    "3D": Fault.BROKEN,
    "3F": Fault.BROKEN,
    "40": Fault.RETRY,
    "44": Fault.VALUE,
    "53": Fault.BUSY,
    "54": Fault.VALUE,
    "55": Fault.BUSY,
    "57": Fault.DISCONNECTED,
    "58": Fault.BROKEN,
    "72": Fault.RETRY,
    "F0": Fault.BROKEN,
    "HV": Fault.BROKEN,
}


def sqlite_fault(code: int) -> Fault:
    """Return the Fault of an extended result code of SQLite."""
    return SQLITE_EXTENDED.get(code) or SQLITE_PRIMARY.get(code & 0xFF, Fault.BUG)


def postgresql_fault(state: str) -> Fault:
    """Return the Fault of a SQLSTATE of PostgreSQL."""
    return POSTGRESQL_STATES.get(state) or POSTGRESQL_CLASSES.get(state[:2], Fault.BUG)
