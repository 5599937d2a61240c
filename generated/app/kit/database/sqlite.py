"""SQLite: connections that lose nothing, and write transactions that do not wait in vain."""

import sqlite3
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event

from ..errors import StartupError
from .backend import Backend


def connect(url: URL, *, connections: int, lock_seconds: float) -> Backend:
    """Make a pool of connections that read, and one connection that writes.

    Raises StartupError for a database in memory, or in a folder that is not there.
    """
    if url.database in {None, "", ":memory:"} or "mode" in url.query:
        raise StartupError(
            f"database {url}: in memory, each connection would have a database of its own\n"
            "  name a file, such as sqlite:///app.db"
        )
    folder = Path(str(url.database)).resolve().parent
    if not folder.is_dir():
        raise StartupError(f"database {url}: there is no folder {folder}\n  create it first")

    def engine(size: int) -> Engine:
        # AUTOCOMMIT keeps Python's driver from opening transactions of its own.
        made = create_engine(
            url,
            connect_args={"check_same_thread": False, "timeout": lock_seconds},
            isolation_level="AUTOCOMMIT",
            pool_size=size,
            max_overflow=0,
            pool_timeout=lock_seconds,
        )
        event.listen(made, "connect", _configure)
        return made

    # One more than work in threads: a read by key on the event loop never waits for a connection.
    reader, writer = engine(connections + 1), engine(1)
    event.listen(writer, "begin", _begin)
    return Backend(reader=reader, writer=writer, writers=1, reads_keys_at_once=True)


def _configure(connection: sqlite3.Connection, _record: Any) -> None:
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")


def _begin(connection: Connection) -> None:
    # A deferred transaction that reads and then writes fails at once when another one has written
    # meanwhile, whatever the busy timeout says.
    connection.exec_driver_sql("BEGIN IMMEDIATE")
