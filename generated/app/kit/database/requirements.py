"""Checks of the database at the start of the application, and their error messages."""

import logging
import os
import re
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection, Engine, MetaData, text
from sqlalchemy.exc import DBAPIError

from ..errors import DatabaseStartupError, UnreachableError
from .codes import Fault
from .faults import cause_of, classify, reason_of
from .rights import missing_rights, schema_problem

SIGNING_KEY = "the signing secret"
"""What a missing secret is called in messages."""
_NOT_WRITABLE = {sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM}
_READ_ONLY, _NO_RIGHT, _NO_SCHEMA = "25006", "42501", "3F000"
_REMEDIES = {
    _READ_ONLY: "start once with a writable database",
    _NO_RIGHT: "start once as the owner of the tables, or as a role that may create them",
    _NO_SCHEMA: "CREATE SCHEMA, and add it to search_path",
}
_CONNECTION_REMEDIES = {
    r'database (".*") does not exist': r"CREATE DATABASE \1, or correct its name in the URL",
    r'role (".*") does not exist': r"CREATE ROLE \1 LOGIN, or correct the user in the URL",
    r"is not permitted to log in": "ALTER ROLE … LOGIN, or correct the user in the URL",
    r"password authentication failed|no password supplied": "correct the password in the URL",
    r"pg_hba\.conf": "let pg_hba.conf accept this user, database and address, or correct the URL",
    r"resolve host|translate host name": "correct the host in the URL, or check the name server",
    r"too many (connections|clients)|connection slots": "close other connections",
    r"not currently accepting connections": "ALTER DATABASE … ALLOW_CONNECTIONS true",
}
"""What to do about messages of PostgreSQL. libpq has no SQLSTATE for failed connections."""
_FILE_REMEDIES = {
    sqlite3.SQLITE_NOTADB: "correct the URL, or move the file away: another program wrote it",
    sqlite3.SQLITE_CORRUPT: "restore a backup of the file",
}
_CREATED_MEANWHILE = {"42P07", "42710", "23505"}
_ENCODING = {"sqlite": "PRAGMA encoding", "postgresql": "SHOW server_encoding"}
_REMEDY = {
    "sqlite": "export the rows to a new file, whose encoding is UTF-8",
    "postgresql": "CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0, and move the rows there",
}

_TRANSIENT = {
    *(
        Fault.RETRY,
        Fault.SCHEMA_CHANGED,
        Fault.STATEMENT_LOST,
        Fault.DISCONNECTED,
        Fault.BUSY,
        Fault.FULL,
    ),
}
"""Faults that may disappear: the start is retried."""

_log = logging.getLogger(__name__)


def check_database(connection: Connection, where: str) -> None:
    """Raise StartupError if the encoding is not UTF-8, or if there is no schema for tables."""
    kind = connection.dialect.name
    encoding = str(connection.scalar(text(_ENCODING[kind])))
    if encoding.upper().replace("-", "") != "UTF8":
        raise DatabaseStartupError(
            f"database {where}: its encoding is {encoding}, but must be UTF-8\n  {_REMEDY[kind]}"
        )
    if kind == "postgresql" and (problem := schema_problem(connection)) is not None:
        raise refusal(where, *problem)


def check_rights(connection: Connection, metadata: MetaData, where: str) -> None:
    """Raise StartupError if a table cannot be read; log other missing privileges."""
    if connection.dialect.name != "postgresql":
        return
    missing = missing_rights(connection, metadata.tables.values())
    grants = "; ".join(right.grant for right in missing)
    if any(right.prevents_reading for right in missing):
        raise refusal(where, f"the role {missing[0].role} lacks SELECT on some tables", grants)
    if missing:
        message = "database %s: the role %s lacks privileges to write some tables: %s"
        _log.warning(message, where, missing[0].role, grants)


def refusal(where: str, problem: str, remedy: str) -> DatabaseStartupError:
    """Return a DatabaseStartupError: one line for the problem of a database, one for the remedy."""
    return DatabaseStartupError(f"database {where}: {problem}\n  {remedy}")


def creation_refusal(
    where: str, lacking: Sequence[str], problem: str, remedy: str
) -> DatabaseStartupError:
    """Return a DatabaseStartupError: objects are missing and cannot be created."""
    verb = "is" if len(lacking) == 1 else "are"
    if lacking == [SIGNING_KEY]:
        remedy += "; or set SECRET_KEY"
    return refusal(where, f"{', '.join(lacking)} {verb} missing, and {problem}", remedy)


def is_not_writable(error: BaseException) -> bool:
    """Return whether an error means that the database or the role cannot write."""
    code = getattr(error, "sqlite_errorcode", None)
    if code is not None:
        return code & 0xFF in _NOT_WRITABLE
    return getattr(error, "sqlstate", None) in {_READ_ONLY, _NO_RIGHT}


@contextmanager
def startup_errors(engine: Engine, where: str, lacking: Sequence[str] = ()) -> Iterator[None]:
    """Convert driver errors to StartupError or UnreachableError. Bugs are not converted.

    `lacking` are the names of the objects to create.
    """
    try:
        yield
    except Exception as error:
        cause, reason = cause_of(error), reason_of(error)
        fault = classify(cause)
        if fault is Fault.BUG and not isinstance(error, DBAPIError):
            raise
        state = getattr(cause, "sqlstate", None)
        if state is None and is_not_writable(cause):
            problem = _unwritable_path(engine, reason)
            if lacking:
                raise creation_refusal(where, lacking, *problem) from None
            raise refusal(where, *problem) from None
        if state in _REMEDIES:
            raise refusal(where, reason, _REMEDIES[state]) from None
        if state in _CREATED_MEANWHILE:
            raise UnreachableError(
                f"database {where}: {reason}\n  another process created it meanwhile: trying again"
            ) from None
        if fault is Fault.BUG:
            raise
        if fault in _TRANSIENT:
            remedy = _connection_remedy(reason)
            raise UnreachableError(f"database {where}: {reason}\n  {remedy}") from None
        remedy = "grant the role the privilege to create it, or create it by other means"
        remedy = remedy if lacking else "check that the application may use this database"
        remedy = _FILE_REMEDIES.get(getattr(cause, "sqlite_errorcode", 0) & 0xFF, remedy)
        raise refusal(where, reason, remedy) from None


def _connection_remedy(reason: str) -> str:
    for pattern, remedy in _CONNECTION_REMEDIES.items():
        if found := re.search(pattern, reason):
            return found.expand(remedy)
    return "check that the server is running and accepts this user"


def _unwritable_path(engine: Engine, reason: str) -> tuple[str, str]:
    """Return which file or directory SQLite cannot write, and the remedy."""
    file = Path(str(engine.url.database)).resolve()
    for what, path in (("directory", file.parent), ("file", file)):
        if path.exists() and not os.access(path, os.W_OK):
            return (
                f"the {what} {path} is not writable ({reason})",
                "grant write permission to the user that runs the application",
            )
    return reason, "check that the application may read and write the file"
