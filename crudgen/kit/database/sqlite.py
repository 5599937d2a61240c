"""SQLite: short reads at once, long reads in threads, and writes that share their fsyncs."""

import sqlite3
from collections.abc import Container, Sequence
from pathlib import Path
from typing import Any

import anyio
from anyio import CapacityLimiter, Semaphore, to_thread
from sqlalchemy import URL, Connection, MetaData, NullPool, create_engine, event
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite

from ..errors import Condition, StartupError, Unavailable
from .backend import Row, Step
from .codes import Fault
from .faults import classify
from .group_commit import GroupCommit, actual
from .statements import Prepared, Values


class Sqlite:
    """One connection for short reads on the event loop, several for threads, one that writes."""

    def __init__(
        self, url: URL, *, connections: int, lock_seconds: float, read_only: bool = False
    ) -> None:
        self.path = _path(url)
        self.where = str(url)
        self._read_only = read_only
        self.lock_seconds = lock_seconds
        self.dialect = SQLiteDialect_pysqlite(paramstyle="named")
        self.engine = create_engine(
            url,
            connect_args={"timeout": lock_seconds, "check_same_thread": False},
            # Keeps Python's driver from opening transactions of its own.
            isolation_level="AUTOCOMMIT",
            poolclass=NullPool,
        )
        event.listen(self.engine, "connect", lambda connection, _: self._set_up(connection))
        event.listen(self.engine, "begin", _begin)
        self._slots = Semaphore(connections)
        self._threads = CapacityLimiter(connections)
        self._free: list[sqlite3.Connection] = []
        self._at_once: sqlite3.Connection | None = None
        self._writer = GroupCommit(lambda: self._connect(lock_seconds), lock_seconds)

    async def open(self) -> None:
        """Connect for short reads; the other connections are made when they are needed."""
        self._at_once = self._connect(0)

    async def close(self) -> None:
        """Commit what waits to be written, and disconnect."""
        await self._writer.close()
        for connection in [self._at_once, *self._free]:
            if connection is not None:
                connection.close()
        self._at_once = None
        self._free.clear()

    async def obstacle(self, metadata: MetaData, conditions: Container[Condition]) -> str:
        """Write what is there already: a transaction that only begins tells nothing."""
        del metadata, conditions

        def write(connection: sqlite3.Connection) -> None:
            ((version,),) = connection.execute("PRAGMA user_version").fetchall()
            connection.execute(f"PRAGMA user_version = {int(version)}")

        try:
            await self._writer.run(write)
        except sqlite3.Error as error:
            if classify(error) is not Fault.READ_ONLY:
                raise
            return str(error)
        except Unavailable:
            pass  # somebody else writes
        return ""

    async def read(self, prepared: Prepared, values: Values, *, short: bool) -> Sequence[Row]:
        """Run a short SELECT on the event loop: a thread takes ten times as long as the query."""
        bound = prepared.values(values)
        if short and self._at_once is not None:
            try:
                return prepared.rows(self._at_once.execute(prepared.sql, bound).fetchall())
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
                    raise
        return await self._read_in_thread(prepared, bound)

    async def write(self, prepared: Prepared, values: Values) -> Sequence[Row]:
        """Run one statement in a transaction that it may share with others."""
        rows = await self._writer.write(prepared.sql, prepared.values(values))
        return prepared.rows(rows)

    async def write_all(self, steps: Sequence[Step]) -> list[Sequence[Row]]:
        """Run statements in a savepoint of a transaction that it may share with others."""

        def several(connection: sqlite3.Connection) -> list[Sequence[Row]]:
            found: list[Sequence[Row]] = []
            for step in steps:
                found.append(step.rows(_execute(connection, step, step.bound(found))))
            return found

        return await self._writer.run(several)

    async def _read_in_thread(self, prepared: Prepared, bound: dict[str, Any]) -> Sequence[Row]:
        try:
            with anyio.fail_after(self.lock_seconds):
                await self._slots.acquire()
        except TimeoutError:
            raise Unavailable from None
        connection = self._free.pop() if self._free else None

        def read() -> list[Row]:
            nonlocal connection
            connection = connection or self._connect(self.lock_seconds)
            return prepared.rows(connection.execute(prepared.sql, bound).fetchall())

        try:
            return await to_thread.run_sync(read, limiter=self._threads)
        finally:
            if connection is not None:
                self._free.append(connection)
            self._slots.release()

    def _connect(self, busy_seconds: float) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self.path,
            timeout=busy_seconds,
            isolation_level=None,
            check_same_thread=False,
            cached_statements=250,  # a client chooses how many there are, and how large
        )
        self._set_up(connection)
        return connection

    def _set_up(self, connection: sqlite3.Connection) -> None:
        _configure(connection)
        if self._read_only:
            connection.execute("PRAGMA query_only = ON")


def _execute(connection: sqlite3.Connection, step: Step, bound: dict[str, Any]) -> list[Row]:
    try:
        return connection.execute(step.prepared.sql, bound).fetchall()
    except Exception as error:
        cause = actual(error)
        answer = step.explained(cause)
        if answer is cause or not connection.in_transaction:
            raise
        raise answer from cause


def _path(url: URL) -> str:
    if url.database in {None, "", ":memory:"} or "mode" in url.query:
        raise StartupError(
            f"database {url}: in memory, each connection would have a database of its own\n"
            "  name a file, such as sqlite:///app.db"
        )
    path = Path(str(url.database))
    folder = path.resolve().parent
    if not folder.is_dir():
        raise StartupError(f"database {url}: there is no folder {folder}\n  create it first")
    return str(path)


def _configure(connection: sqlite3.Connection) -> None:
    try:
        connection.execute("PRAGMA journal_mode = WAL")
    except sqlite3.OperationalError as error:
        # A database that cannot be written keeps its mode, and is read.
        if error.sqlite_errorcode & 0xFF not in {sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN}:
            raise
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")


def _begin(connection: Connection) -> None:
    # A deferred transaction that reads and then writes fails at once when another one has written
    # meanwhile, whatever the busy timeout says.
    only_reads = connection.get_execution_options().get("only_reads", False)
    connection.exec_driver_sql("BEGIN" if only_reads else "BEGIN IMMEDIATE")
