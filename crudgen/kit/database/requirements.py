"""What a database must be and allow for the application to start; what is missing, in two lines."""

import logging
import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection, Engine, MetaData, text
from sqlalchemy.exc import DBAPIError

from ..errors import StartupError, UnreachableError
from .codes import Fault
from .faults import cause_of, classify, reason_of
from .rights import missing_rights, schema_problem

SIGNER = "the secret"
"""What is missing in a database that keeps no secret."""
_NOT_WRITABLE = {sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM}
_READ_ONLY, _NO_RIGHT, _NO_SCHEMA = "25006", "42501", "3F000"
_REMEDIES = {
    _READ_ONLY: "start once where it can be written",
    _NO_RIGHT: "start once as the owner of the tables, or as a role that may create them",
    _NO_SCHEMA: "CREATE SCHEMA, and name it in search_path",
}
_CREATED_MEANWHILE = {"42P07", "42710", "23505"}
_ENCODING = {"sqlite": "PRAGMA encoding", "postgresql": "SHOW server_encoding"}
_REMEDY = {
    "sqlite": "export the rows into a new file: a new database is UTF-8",
    "postgresql": "CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0, and move the rows there",
}

_PASSING = {
    *(
        Fault.RETRY,
        Fault.SCHEMA_CHANGED,
        Fault.STATEMENT_LOST,
        Fault.DISCONNECTED,
        Fault.BUSY,
        Fault.FULL,
    ),
}
"""What may be over when it is tried again."""

_log = logging.getLogger(__name__)


def check_database(connection: Connection, where: str) -> None:
    """Raise StartupError if the database cannot hold every text, or has no schema for tables."""
    kind = connection.dialect.name
    encoding = str(connection.scalar(text(_ENCODING[kind])))
    if encoding.upper().replace("-", "") != "UTF8":
        raise StartupError(
            f"database {where}: its encoding is {encoding}, and has to be UTF-8\n  {_REMEDY[kind]}"
        )
    if kind == "postgresql" and (problem := schema_problem(connection)) is not None:
        raise refusal(where, *problem)


def check_rights(connection: Connection, metadata: MetaData, where: str) -> None:
    """Raise StartupError if a table cannot be read; log what else the role may not do."""
    if connection.dialect.name != "postgresql":
        return
    missing = missing_rights(connection, metadata.tables.values())
    grants = "; ".join(right.grant for right in missing)
    if any(right.stops_reading for right in missing):
        raise refusal(where, f"the role {missing[0].role} may not read its tables", grants)
    if missing:
        _log.warning(
            "database %s: the role %s may not write everywhere: %s", where, missing[0].role, grants
        )


def refusal(where: str, problem: str, remedy: str) -> StartupError:
    """Say in two lines why the application cannot start with this database, and what to do."""
    return StartupError(f"database {where}: {problem}\n  {remedy}")


def creation_refusal(where: str, lacking: Sequence[str], problem: str, remedy: str) -> StartupError:
    """Say that something is missing and cannot be created."""
    verb = "is" if len(lacking) == 1 else "are"
    if lacking == [SIGNER]:
        remedy += "; or set SECRET_KEY"
    return refusal(where, f"{', '.join(lacking)} {verb} missing, and {problem}", remedy)


def is_not_writable(error: BaseException) -> bool:
    """Tell whether the database refused to write anything, by the error code alone."""
    code = getattr(error, "sqlite_errorcode", None)
    if code is not None:
        return code & 0xFF in _NOT_WRITABLE
    return getattr(error, "sqlstate", None) in {_READ_ONLY, _NO_RIGHT}


@contextmanager
def explained(engine: Engine, where: str, lacking: Sequence[str] = ()) -> Iterator[None]:
    """Turn what the driver raises into an error that says what to do; a bug stays what it is.

    `lacking` is what was to be created.
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
            problem = _not_writable(engine, reason)
            if lacking:
                raise creation_refusal(where, lacking, *problem) from None
            raise refusal(where, *problem) from None
        if state in _REMEDIES:
            raise refusal(where, reason, _REMEDIES[state]) from None
        if state in _CREATED_MEANWHILE:
            raise UnreachableError(
                f"database {where}: {reason}\n  another process did it"
            ) from None
        if fault is Fault.BUG:
            raise
        if fault in _PASSING:
            remedy = "is it running, and may you use it?"
            raise UnreachableError(f"database {where}: {reason}\n  {remedy}") from None
        remedy = "let the role create what is missing, or create it by other means"
        remedy = remedy if lacking else "is it a database that this application may use?"
        raise refusal(where, reason, remedy) from None


def _not_writable(engine: Engine, reason: str) -> tuple[str, str]:
    """Name the file or the folder that SQLite would have to write."""
    file = Path(str(engine.url.database)).resolve()
    for what, path in (("folder", file.parent), ("file", file)):
        if path.exists() and not os.access(path, os.W_OK):
            return (
                f"the {what} {path} cannot be written ({reason})",
                "give the user that runs the application the right to write it",
            )
    return reason, "is it a file that the application may read and write?"
