"""The file of a SQLite database: validation of its URL, and connections to it."""

import contextlib
import os
import sqlite3
from pathlib import Path
from typing import TypeVar

from sqlalchemy import URL

from ..errors import DatabaseStartupError

MIN_VERSION = (3, 35, 0)
"""The first version with RETURNING."""
ANALYZED_ROWS = 400
"""About how many rows of an index SQLite reads for its statistics."""
_DRIVERS = {"sqlite", "sqlite+pysqlite", "sqlite+aiosqlite"}
_BROKEN = {
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_CORRUPT,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_PROTOCOL,
    sqlite3.SQLITE_NOTADB,
}
_NO_LOCKS = {
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_READONLY_CANTINIT,
    sqlite3.SQLITE_READONLY_DIRECTORY,
}
"""Errors of a read if the directory is not writable, so that SQLite cannot create its lock file."""
Identity = tuple[int, int]
"""The device and the inode of a file."""


class FileConnection(sqlite3.Connection):
    """A connection that stores the identity of its file and its write-ahead log."""

    file: Identity | None = None
    log: Identity | None = None
    checks = 0
    """How often the duration of the current statement was checked (see sqlite_deadlines.py)."""


Connection = TypeVar("Connection", bound=FileConnection)


class SqliteFile:
    """The file of a URL. With `read_only`, its connections cannot write.

    Raises StartupError for an unsupported URL or SQLite version.
    """

    def __init__(self, url: URL, *, read_only: bool = False) -> None:
        self._read_only = read_only
        _check_library()
        _check_url(url)
        self._path = Path(str(url.database)).absolute()
        if not self._path.parent.is_dir():
            raise DatabaseStartupError(
                f"database {url}: the directory {self._path.parent} does not exist\n"
                "  create it, or correct the path in the URL"
            )
        if self._path.is_dir():
            raise DatabaseStartupError(
                f"database {url}: {self._path} is a directory\n  write the path of a file"
            )
        self._name = str(self._path)
        self._log = f"{self._path}-wal"
        self.is_immutable = False
        """Whether the file is opened as immutable, because no lock file can be created."""
        self.url = url.set(drivername="sqlite")
        """The URL for SQLAlchemy."""

    def is_current(self, connection: FileConnection) -> bool:
        """Return whether the path still refers to the file of a connection; close it if not.

        Raises sqlite3.OperationalError if there is no file.
        """
        now = _identity(self._name)
        if now == connection.file:
            return True
        if now is None:
            self._connect(FileConnection, 0, "mode=rw").close()  # raises the error
        self._abandon(connection)
        return False

    def _abandon(self, connection: FileConnection) -> None:
        """Close the connection to a replaced file, and remove its write-ahead log.

        SQLite finds the log by its name, and would use the old log for the new file.
        """
        if connection.log is not None and connection.log == _identity(self._log):
            with contextlib.suppress(sqlite3.Error):
                connection.execute("PRAGMA wal_checkpoint(PASSIVE)")
            for left in (self._log, self._log.removesuffix("-wal") + "-shm"):
                Path(left).unlink(missing_ok=True)
        connection.close()

    def connect(self, busy_seconds: float) -> FileConnection:
        """Return a new connection. Raises sqlite3.OperationalError if there is no file."""
        return self.connect_as(FileConnection, busy_seconds)

    def connect_as(
        self, kind: type[Connection], busy_seconds: float, *, create: bool = False
    ) -> Connection:
        """Return a new connection. A missing file is created only with `create`, at the start."""
        try:
            connection = self._connect(kind, busy_seconds, "mode=rwc" if create else "mode=rw")
        except sqlite3.OperationalError as error:
            is_locked_out = error.sqlite_errorcode in _NO_LOCKS
            if not is_locked_out or _identity(self._log) or not _identity(self._name):
                raise
            self.is_immutable = True
            return self._connect(kind, busy_seconds, "mode=ro&immutable=1")
        self.is_immutable = False
        return connection

    def _connect(self, kind: type[Connection], busy_seconds: float, uri_query: str) -> Connection:
        file = _identity(self._name)
        connection = sqlite3.connect(
            f"{self._path.as_uri()}?{uri_query}",
            uri=True,
            timeout=busy_seconds,
            isolation_level=None,
            check_same_thread=False,
            factory=kind,
            cached_statements=250,  # limited, because clients determine the statements of lists
        )
        try:
            configure(connection)
            if self._read_only:
                connection.execute("PRAGMA query_only = ON")
            connection.execute("PRAGMA schema_version")  # opens the write-ahead log
        except BaseException:
            connection.close()
            raise
        connection.file = file or _identity(self._name)
        connection.log = _identity(self._log)
        return connection


def _identity(path: str) -> Identity | None:
    """Return the device and inode of a file; None if it does not exist."""
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_dev, status.st_ino


def configure(connection: sqlite3.Connection) -> None:
    """Set the PRAGMAs of a connection. A read-only file keeps its journal mode."""
    try:
        connection.execute("PRAGMA journal_mode = WAL")
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_READONLY:
            raise
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")
    if connection.execute("PRAGMA foreign_keys").fetchone() != (1,):
        raise DatabaseStartupError(
            "database: this library of SQLite does not enforce foreign keys\n"
            "  use a Python whose module sqlite3 has a complete library"
        )


def update_statistics(connection: sqlite3.Connection, masks: str = "") -> None:
    """Let SQLite update the statistics that it plans queries with, if it finds that useful.

    Nothing is updated while another connection writes, or if the file is read-only.
    """
    with contextlib.suppress(sqlite3.Error):
        connection.execute("PRAGMA busy_timeout = 0")
        connection.execute(f"PRAGMA analysis_limit = {ANALYZED_ROWS}")
        connection.execute(f"PRAGMA optimize{masks}")


def is_lost(error: BaseException) -> bool:
    """Return whether a connection may be unusable after an error."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in _BROKEN


def _check_library() -> None:
    if sqlite3.sqlite_version_info < MIN_VERSION:
        least = ".".join(map(str, MIN_VERSION[:2]))
        raise DatabaseStartupError(
            f"database: SQLite {sqlite3.sqlite_version} is too old, {least} or newer is required\n"
            "  use a Python whose module sqlite3 has a newer library"
        )


def _check_url(url: URL) -> None:
    shown = url.render_as_string(hide_password=True)
    if url.drivername not in _DRIVERS:
        raise DatabaseStartupError(
            f"database {shown}: the driver {url.drivername.partition('+')[2]} is not supported\n"
            "  write sqlite:///app.db"
        )
    if url.host is not None or url.username is not None:
        raise DatabaseStartupError(
            f"database {shown}: a SQLite URL has no host and no user\n"
            "  write three slashes and the path, such as sqlite:///app.db"
        )
    if url.database in {None, "", ":memory:"} or url.query.get("mode") == "memory":
        raise DatabaseStartupError(
            f"database {shown}: each connection would have its own database in memory\n"
            "  use a file, such as sqlite:///app.db"
        )
    if url.query:
        name = next(iter(url.query))
        remedy = "set LOCK_SECONDS instead" if name == "timeout" else "write only the path"
        raise DatabaseStartupError(
            f"database {shown}: the parameter {name} is not supported\n"
            f"  {remedy}, such as sqlite:///{url.database}"
        )
