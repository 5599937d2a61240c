"""The SQLite backend: short reads on the event loop, long reads in threads, and one writer."""

import asyncio
import contextlib
import sqlite3
from collections.abc import Container, Sequence
from contextlib import closing
from functools import cached_property, partial
from importlib import import_module
from typing import TYPE_CHECKING, Any

import anyio
from anyio import CapacityLimiter, Semaphore, to_thread
from sqlalchemy import URL, MetaData, NullPool, create_engine
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite

from ..acceleration import fast_module
from ..errors import Condition, DatabaseStartupError, Unavailable
from .codes import Fault
from .engines import Engines
from .faults import classify
from .sqlite_deadlines import (
    LongReads,
    SessionConnection,
    interrupt_long_reads,
    interrupted_after,
)
from .sqlite_file import FileConnection, SqliteFile, is_lost, update_statistics
from .sqlite_locks import defer_write_lock
from .sqlite_writes import write_all, write_one
from .statements import Prepared, Values
from .transaction import Row, Step
from .writer import Writer

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

WATCH_SECONDS = 1.0
"""The seconds between two checks for a replaced file."""
ALL_TABLES = "=0x10002"
"""The masks of PRAGMA optimize for tables that this connection has not read. Since SQLite 3.46."""
_IN_THREAD = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_INTERRUPT}
"""Errors of a short read that is repeated in a thread: it must wait, or is not short."""


class Sqlite:
    """Runs statements on SQLite, with connections for short reads, long reads and writes."""

    def __init__(
        self,
        url: URL,
        *,
        connections: int,
        lock_seconds: float,
        statement_seconds: float,
        read_only: bool = False,
    ) -> None:
        self.where = str(url)
        self._file = SqliteFile(url, read_only=read_only)
        self._read_only = read_only
        self.lock_seconds = lock_seconds
        self.connections = connections
        self.statement_seconds = statement_seconds
        self.dialect = SQLiteDialect_pysqlite(paramstyle="named")
        self.engines = Engines()
        self.engine = self.engines.add(
            create_engine(
                self._file.url,
                creator=partial(self._connect_for_sessions, create=True),
                # Keeps Python's driver from opening transactions of its own.
                isolation_level="AUTOCOMMIT",
                poolclass=NullPool,
            )
        )
        defer_write_lock(self.engine)
        self._connections = connections
        self._slots = Semaphore(connections)
        self._threads = CapacityLimiter(connections)
        self._idle: list[FileConnection] = []
        self._loop_connection: FileConnection | None = None
        self._long_reads = LongReads()
        self._generation = 0
        """The number of reconnects."""
        self._watch_timer: asyncio.TimerHandle | None = None
        group_commit = fast_module("group_commit")
        writer: type[Writer] = group_commit.GroupCommit if group_commit else Writer
        self._writer = writer(
            lambda: self._file.connect(lock_seconds), lock_seconds, self._file.is_current
        )

    @cached_property
    def async_engine(self) -> "AsyncEngine":
        """The engine of async sessions. Raises StartupError without the package aiosqlite."""
        from sqlalchemy.ext.asyncio import create_async_engine

        try:
            driver: Any = import_module("aiosqlite")
        except ImportError:
            raise DatabaseStartupError(
                "database: async sessions on SQLite need aiosqlite\n  run: pip install aiosqlite"
            ) from None

        async def connect() -> Any:
            return await driver.Connection(self._connect_for_sessions, 64)

        engine = create_async_engine(
            "sqlite+aiosqlite://",
            async_creator=connect,
            isolation_level="AUTOCOMMIT",
            poolclass=NullPool,
        )
        defer_write_lock(self.engines.add(engine.sync_engine))
        return engine

    def _connect_for_sessions(self, *, create: bool = False) -> SessionConnection:
        connection = self._file.connect_as(SessionConnection, self.lock_seconds, create=create)
        connection.limit(self.statement_seconds)
        return connection

    def usage(self) -> dict[str, int]:
        """Return the numbers of connections for long reads, of reads that wait, and of writes."""
        slots = self._slots
        used, waiting = self._connections - slots.value, slots.statistics().tasks_waiting
        connections = {"max": self._connections, "used": used, "idle": len(self._idle)}
        return {**connections, "waiting": waiting, **self._writer.usage()}

    async def open(self) -> None:
        """Connect for short reads. The other connections are created on demand."""
        await to_thread.run_sync(self._update_statistics_at_start)
        self._reconnect()
        self._check_file_periodically()

    async def close(self) -> None:
        """Complete the queued writes, and disconnect."""
        if self._watch_timer is not None:
            self._watch_timer.cancel()
        await self._writer.close()
        await to_thread.run_sync(self._update_statistics)
        self._disconnect()

    def _update_statistics_at_start(self) -> None:
        """Update the statistics of tables that have grown since the last start."""
        if not self._read_only:
            with contextlib.suppress(sqlite3.Error), closing(self._file.connect(0)) as connection:
                update_statistics(connection, ALL_TABLES)

    def _update_statistics(self) -> None:
        """Update the statistics of tables that were read. At the start, this needs SQLite 3.46."""
        if not self._read_only:
            for connection in self._idle:
                update_statistics(connection)

    async def read(self, prepared: Prepared, values: Values, *, short: bool) -> Sequence[Row]:
        """Return the rows of a SELECT, on the event loop if it is short: a thread takes longer."""
        bound = prepared.values(values)
        if (
            short
            and self._loop_connection is not None
            and not self._long_reads.was_interrupted(prepared.sql)
        ):
            try:
                self._loop_connection.checks = 0
                return prepared.rows(self._loop_connection.execute(prepared.sql, bound).fetchall())
            except sqlite3.DatabaseError as error:
                if is_lost(error):
                    self._reconnect()
                elif getattr(error, "sqlite_errorcode", 0) & 0xFF not in _IN_THREAD:
                    raise
                self._long_reads.add(prepared.sql, error)
        return await self._read_in_thread(prepared, bound)

    def try_read(self, prepared: Prepared, values: Values) -> Sequence[Row] | None:
        """Return the rows of a short SELECT; None if it fails or the file has to be opened."""
        connection = self._loop_connection
        if connection is None or self._long_reads.was_interrupted(prepared.sql):
            return None
        connection.checks = 0
        try:
            found = connection.execute(prepared.sql, prepared.values(values)).fetchall()
        except sqlite3.DatabaseError as error:
            self._long_reads.add(prepared.sql, error)
            return None
        return prepared.rows(found)

    async def write(
        self, prepared: Prepared, values: Values, read_back: Prepared | None = None
    ) -> Sequence[Row]:
        """Run one statement in a transaction that it may share with other writes."""
        bound = prepared.values(values)
        work = partial(write_one, prepared, bound, read_back)
        return prepared.rows(await self._writer.run(work, is_atomic=True))

    async def write_all(self, steps: Sequence[Step]) -> list[Sequence[Row]]:
        """Run statements in a savepoint of a transaction that they may share with other writes."""
        return await self._writer.run(partial(write_all, steps))

    async def check_writable(self, *, write: bool = False) -> None:
        """Raise an error of the driver if a write transaction cannot begin.

        With `write`, a page is written, to check that a full disk has space again.
        """
        await self._writer.run(_write_and_undo if write else _try_to_write)

    async def write_obstacle(self, metadata: MetaData, conditions: Container[Condition]) -> str:
        """Return why the file is read-only; empty if it is not. Raises for other errors."""
        del metadata
        try:
            await self.check_writable(write=Condition.FULL in conditions)
        except sqlite3.Error as error:
            if classify(error) is not Fault.READ_ONLY:
                raise
            return str(error)
        except Unavailable:
            pass  # another process writes
        return ""

    async def _read_in_thread(self, prepared: Prepared, bound: dict[str, Any]) -> Sequence[Row]:
        try:
            with anyio.fail_after(self.lock_seconds):
                await self._slots.acquire()
        except TimeoutError:
            raise Unavailable from None
        connection = self._idle.pop() if self._idle else None
        generation = self._generation

        def select_rows() -> list[Row]:
            nonlocal connection
            connection = connection or self._file.connect(self.lock_seconds)
            return prepared.rows(connection.execute(prepared.sql, bound).fetchall())

        is_broken = False
        try:
            with interrupted_after(self.statement_seconds, lambda: connection):
                return await to_thread.run_sync(select_rows, limiter=self._threads)
        except sqlite3.DatabaseError as error:
            is_broken = is_lost(error)
            raise
        finally:
            if connection is not None:
                if is_broken or generation != self._generation:
                    connection.close()
                else:
                    self._idle.append(connection)
            self._slots.release()

    def _check_file_periodically(self) -> None:
        """Reconnect if the file was replaced or exists again; repeat this each WATCH_SECONDS."""
        with contextlib.suppress(sqlite3.Error):  # if there is no file
            if self._loop_connection is not None and not self._file.is_current(
                self._loop_connection
            ):
                self._loop_connection = None
        if self._loop_connection is None or self._file.is_immutable:
            self._reconnect()
        loop = asyncio.get_running_loop()
        self._watch_timer = loop.call_later(WATCH_SECONDS, self._check_file_periodically)

    def _reconnect(self) -> None:
        self._disconnect()
        self._generation += 1
        try:
            self._loop_connection = self._file.connect(0)
            interrupt_long_reads(self._loop_connection)
        except sqlite3.Error:
            self._loop_connection = None  # a read in a thread will raise the error

    def _disconnect(self) -> None:
        for connection in [self._loop_connection, *self._idle]:
            if connection is not None:
                connection.close()
        self._loop_connection = None
        self._idle.clear()


def _try_to_write(connection: sqlite3.Connection) -> None:
    """Try a write that changes nothing. BEGIN IMMEDIATE alone succeeds on a read-only file."""
    connection.execute("PRAGMA incremental_vacuum(1)")
    ((journal,),) = connection.execute("PRAGMA journal_mode").fetchall()
    if journal != "wal":
        connection.execute("SAVEPOINT journal")
        connection.execute("PRAGMA user_version = 0")
        connection.execute("ROLLBACK TO journal")
        connection.execute("RELEASE journal")


def _write_and_undo(connection: sqlite3.Connection) -> None:
    """Allocate a page and free it, and write the first page without a change."""
    connection.execute("SAVEPOINT room")
    connection.execute('CREATE TABLE "disk space check" (id INTEGER)')
    connection.execute("ROLLBACK TO room")
    connection.execute("RELEASE room")
    ((version,),) = connection.execute("PRAGMA user_version").fetchall()
    connection.execute(f"PRAGMA user_version = {version}")  # the same: writes the page
