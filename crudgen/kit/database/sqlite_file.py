"""The file of a SQLite database: what its URL may say, and connections to it."""

import os
import sqlite3
from pathlib import Path

from sqlalchemy import URL

from ..errors import StartupError
from .returning import sqlite_returns_rows

LEAST_VERSION = (3, 35, 0)
"""The first one with RETURNING."""
_DRIVERS = {"sqlite", "sqlite+pysqlite", "sqlite+aiosqlite"}
_BROKEN = {
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_CORRUPT,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_PROTOCOL,
    sqlite3.SQLITE_NOTADB,
}


class SqliteFile:
    """The file that a URL names. Raises StartupError where the URL or the library will not do."""

    def __init__(self, url: URL) -> None:
        _check_library()
        _check(url)
        self._path = Path(str(url.database)).absolute()
        if not self._path.parent.is_dir():
            raise StartupError(
                f"database {url}: there is no folder {self._path.parent}\n  create it first"
            )
        self._name = str(self._path)
        self.url = url.set(drivername="sqlite")
        """What SQLAlchemy connects to."""
        self.returns_rows = sqlite_returns_rows()
        """Whether RETURNING gives a row as it is stored."""

    def identity(self) -> tuple[int, int] | None:
        """Tell which file the path leads to now; None: there is none."""
        try:
            status = os.stat(self._name)
        except OSError:
            return None
        return status.st_dev, status.st_ino

    def connect(self, busy_seconds: float) -> sqlite3.Connection:
        """Connect to the file; never create it, for a new one has no tables."""
        connection = sqlite3.connect(
            f"{self._path.as_uri()}?mode=rw",
            uri=True,
            timeout=busy_seconds,
            isolation_level=None,
            check_same_thread=False,
            cached_statements=250,  # a client chooses how many there are, and how large
        )
        try:
            configure(connection)
        except BaseException:
            connection.close()
            raise
        return connection


def configure(connection: sqlite3.Connection) -> None:
    """Set what holds for a connection; a file that cannot be written keeps its journal."""
    try:
        connection.execute("PRAGMA journal_mode = WAL")
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_READONLY:
            raise
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")


def is_lost(error: BaseException) -> bool:
    """Tell whether a connection may be of no use any more after an error."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in _BROKEN


def _check_library() -> None:
    if sqlite3.sqlite_version_info < LEAST_VERSION:
        least = ".".join(map(str, LEAST_VERSION[:2]))
        raise StartupError(
            f"database: SQLite {sqlite3.sqlite_version} is too old, {least} is needed at least\n"
            "  run another Python, whose module sqlite3 has a newer library"
        )


def _check(url: URL) -> None:
    shown = url.render_as_string(hide_password=True)
    if url.drivername not in _DRIVERS:
        raise StartupError(
            f"database {shown}: the driver {url.drivername.partition('+')[2]} is not supported\n"
            "  write sqlite:///app.db"
        )
    if url.host is not None or url.username is not None:
        raise StartupError(
            f"database {shown}: a file has no host and no user\n"
            "  write three slashes and the path, such as sqlite:///app.db"
        )
    if url.database in {None, "", ":memory:"} or url.query.get("mode") == "memory":
        raise StartupError(
            f"database {shown}: in memory, each connection would have a database of its own\n"
            "  name a file, such as sqlite:///app.db"
        )
    if url.query:
        name = next(iter(url.query))
        remedy = "set LOCK_SECONDS instead" if name == "timeout" else "name the file alone"
        raise StartupError(
            f"database {shown}: the parameter {name} is not supported\n"
            f"  {remedy}, such as sqlite:///{url.database}"
        )
