"""SQLite: short reads at once, long reads in threads, and writes that share their fsyncs."""

import asyncio
import contextlib
import sqlite3
from collections.abc import Container, Sequence
from functools import partial
from typing import Any

import anyio
from anyio import CapacityLimiter, Semaphore, to_thread
from sqlalchemy import URL, Connection, MetaData, NullPool, create_engine, event
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite

from ..errors import Condition, Unavailable
from .backend import Row, Step
from .codes import Fault
from .faults import classify
from .group_commit import GroupCommit
from .sqlite_file import FileConnection, SqliteFile, is_lost
from .sqlite_writes import Several, write_one
from .statements import Prepared, Values

WATCH_SECONDS = 1.0
"""How soon a file that has been replaced is read."""


class Sqlite:
    """One connection for short reads on the event loop, several for threads, one that writes."""

    def __init__(
        self, url: URL, *, connections: int, lock_seconds: float, read_only: bool = False
    ) -> None:
        self.where = str(url)
        self._file = SqliteFile(url, read_only=read_only)
        self.lock_seconds = lock_seconds
        self.dialect = SQLiteDialect_pysqlite(paramstyle="named")
        self.engine = create_engine(
            self._file.url,
            creator=lambda: self._file.connect(lock_seconds, create=True),
            # Keeps Python's driver from opening transactions of its own.
            isolation_level="AUTOCOMMIT",
            poolclass=NullPool,
        )
        event.listen(self.engine, "begin", _begin)
        self._slots = Semaphore(connections)
        self._threads = CapacityLimiter(connections)
        self._free: list[FileConnection] = []
        self._at_once: FileConnection | None = None
        self._generation = 0
        """How often it has reconnected."""
        self._watching: asyncio.TimerHandle | None = None
        self._writer = GroupCommit(
            lambda: self._file.connect(lock_seconds), lock_seconds, self._file.is_current
        )

    async def open(self) -> None:
        """Connect for short reads; the other connections are made when they are needed."""
        self._reconnect()
        self._watch()

    async def close(self) -> None:
        """Commit what waits to be written, and disconnect."""
        if self._watching is not None:
            self._watching.cancel()
        await self._writer.close()
        self._disconnect()

    async def read(self, prepared: Prepared, values: Values, *, short: bool) -> Sequence[Row]:
        """Run a short SELECT on the event loop: a thread takes ten times as long as the query."""
        bound = prepared.values(values)
        if short and self._at_once is not None:
            try:
                return prepared.rows(self._at_once.execute(prepared.sql, bound).fetchall())
            except sqlite3.DatabaseError as error:
                if is_lost(error):
                    self._reconnect()
                elif getattr(error, "sqlite_errorcode", 0) & 0xFF != sqlite3.SQLITE_BUSY:
                    raise
        return await self._read_in_thread(prepared, bound)

    async def write(
        self, prepared: Prepared, values: Values, read_back: Prepared | None = None
    ) -> Sequence[Row]:
        """Run one statement in a transaction that it may share with others."""
        bound = prepared.values(values)
        work = partial(write_one, prepared, bound, read_back, self._file.returns_rows)
        return prepared.rows(await self._writer.write(work))

    async def write_all(self, steps: Sequence[Step]) -> list[Sequence[Row]]:
        """Run statements in a savepoint of a transaction that it may share with others."""
        exact = self._file.returns_rows
        return await self._writer.run(
            lambda connection: Several(connection, exact=exact).run(steps)
        )

    async def can_write(self, *, really: bool = False) -> None:
        """Raise what the driver raises if a transaction that writes cannot begin.

        With `really`, something is written, so that a disk that was full shows that it has room.
        """
        await self._writer.run(_write_the_same if really else _begin_to_write)

    async def write_obstacle(self, metadata: MetaData, conditions: Container[Condition]) -> str:
        """Begin a transaction that writes; where the disk was full, write something."""
        del metadata
        try:
            await self.can_write(really=Condition.FULL in conditions)
        except sqlite3.Error as error:
            if classify(error) is not Fault.READ_ONLY:
                raise
            return str(error)
        except Unavailable:
            pass  # somebody else writes
        return ""

    async def _read_in_thread(self, prepared: Prepared, bound: dict[str, Any]) -> Sequence[Row]:
        try:
            with anyio.fail_after(self.lock_seconds):
                await self._slots.acquire()
        except TimeoutError:
            raise Unavailable from None
        connection = self._free.pop() if self._free else None
        generation = self._generation

        def read() -> list[Row]:
            nonlocal connection
            connection = connection or self._file.connect(self.lock_seconds)
            return prepared.rows(connection.execute(prepared.sql, bound).fetchall())

        broken = False
        try:
            return await to_thread.run_sync(read, limiter=self._threads)
        except sqlite3.DatabaseError as error:
            broken = is_lost(error)
            raise
        finally:
            if connection is not None:
                if broken or generation != self._generation:
                    connection.close()
                else:
                    self._free.append(connection)
            self._slots.release()

    def _watch(self) -> None:
        """Reconnect when the file has been replaced, or is back."""
        with contextlib.suppress(sqlite3.Error):  # as long as there is no file
            if self._at_once is not None and not self._file.is_current(self._at_once):
                self._at_once = None
        if self._at_once is None or self._file.is_immutable:
            self._reconnect()
        loop = asyncio.get_running_loop()
        self._watching = loop.call_later(WATCH_SECONDS, self._watch)

    def _reconnect(self) -> None:
        self._disconnect()
        self._generation += 1
        try:
            self._at_once = self._file.connect(0)
        except sqlite3.Error:
            self._at_once = None  # a read in a thread tries again, and says why

    def _disconnect(self) -> None:
        for connection in [self._at_once, *self._free]:
            if connection is not None:
                connection.close()
        self._at_once = None
        self._free.clear()


def _begin_to_write(connection: sqlite3.Connection) -> None:
    """Begin to write, and write nothing: BEGIN IMMEDIATE passes where a file can only be read."""
    connection.execute("PRAGMA incremental_vacuum(1)")
    ((journal,),) = connection.execute("PRAGMA journal_mode").fetchall()
    if journal != "wal":
        connection.execute("SAVEPOINT journal")
        connection.execute("PRAGMA user_version = 0")
        connection.execute("ROLLBACK TO journal")
        connection.execute("RELEASE journal")


def _write_the_same(connection: sqlite3.Connection) -> None:
    """Take a page and give it back, and write the first page as it is."""
    connection.execute("SAVEPOINT room")
    connection.execute("CREATE TABLE _room (id INTEGER)")
    connection.execute("ROLLBACK TO room")
    connection.execute("RELEASE room")
    ((version,),) = connection.execute("PRAGMA user_version").fetchall()
    connection.execute(f"PRAGMA user_version = {version}")


def _begin(connection: Connection) -> None:
    # A deferred transaction that reads and then writes fails at once when another one has written
    # meanwhile, whatever the busy timeout says.
    only_reads = connection.get_execution_options().get("only_reads", False)
    connection.exec_driver_sql("BEGIN" if only_reads else "BEGIN IMMEDIATE")
