"""Reads of one state of a database, on a connection outside of the pool."""

import asyncio
import contextlib
import math
import sqlite3
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, Protocol, TypeVar, cast
from weakref import WeakKeyDictionary

import anyio
from anyio import CancelScope, Semaphore, to_thread

from ..errors import Condition, Unavailable
from .core import Database
from .postgresql import Postgresql
from .session_database import SessionDatabase
from .sqlite import Sqlite
from .sqlite_deadlines import interrupted_after
from .statements import Prepared, Statement, Values
from .transaction import Row

Result = TypeVar("Result")
SHARE = 4
"""A database has one snapshot at a time for so many connections of its pool, and at least one."""
_slots: WeakKeyDictionary[Sqlite | Postgresql, Semaphore] = WeakKeyDictionary()


class Cursor(Protocol):
    """The rows of a statement that are not read yet."""

    def fetchmany(self, size: int, /) -> list[Row]:
        """Return at most so many rows; none at the end."""
        ...


class _Source(Protocol):
    """A connection in a transaction that reads. Its methods are called in threads."""

    def connect(self) -> None: ...

    def read(self, sql: str, values: dict[str, Any]) -> list[Row]: ...

    def open_cursor(self, sql: str, values: dict[str, Any]) -> Cursor: ...

    def interrupt(self) -> None: ...

    def close(self) -> None: ...


class _SqliteSource:
    """A connection to SQLite. Its transaction sees the state of the first read."""

    def __init__(self, backend: Sqlite) -> None:
        self._backend = backend
        self.connection: sqlite3.Connection | None = None

    def connect(self) -> None:
        self.connection = self._backend._file.connect(self._backend.lock_seconds)
        self.connection.execute("BEGIN")

    def read(self, sql: str, values: dict[str, Any]) -> list[Row]:
        assert self.connection is not None
        return self.connection.execute(sql, values).fetchall()

    def open_cursor(self, sql: str, values: dict[str, Any]) -> Cursor:
        assert self.connection is not None
        return self.connection.execute(sql, values)

    def interrupt(self) -> None:
        if self.connection is not None:
            self.connection.interrupt()

    def close(self) -> None:
        if self.connection is not None:
            self.connection.close()


class _PostgresqlSource:
    """A connection to PostgreSQL, with cursors of the server."""

    def __init__(self, backend: Postgresql) -> None:
        self._backend = backend
        self._connection: Any = None
        self._cursors: list[Any] = []

    def connect(self) -> None:
        from psycopg import IsolationLevel

        self._connection = self._backend.connector.connect_for_sessions()
        self._connection.isolation_level = IsolationLevel.REPEATABLE_READ
        self._connection.read_only = True

    def read(self, sql: str, values: dict[str, Any]) -> list[Row]:
        return cast("list[Row]", self._connection.execute(sql, values).fetchall())

    def open_cursor(self, sql: str, values: dict[str, Any]) -> Cursor:
        cursor = self._connection.cursor(f"rows_{len(self._cursors)}")
        self._cursors.append(cursor)
        cursor.execute(sql, values)
        return cast(Cursor, cursor)

    def interrupt(self) -> None:
        if self._connection is not None:
            self._connection.cancel()

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            for cursor in self._cursors:
                cursor.close()


class Snapshot:
    """Runs SELECTs that all see the same state of a database, as long as they take.

    The time limit of statements applies to each execution and to each part of the rows.
    """

    def __init__(self, db: Database, source: _Source, values: Values) -> None:
        self._db, self._source, self._values = db, source, values
        self.kind = db.kind
        """`sqlite` or `postgresql`."""

    @property
    def secret(self) -> bytes:
        """The application's secret."""
        return self._db.secret

    def compile(self, statement: Statement) -> Prepared:
        """Compile a statement that is not cached here, as `Database.compile` does."""
        return self._db.compile(statement)

    @property
    def idle_seconds(self) -> float:
        """How long the transaction may be idle: PostgreSQL ends it after that time."""
        return 2 * self._db._backend.statement_seconds

    async def read(self, prepared: Prepared, values: Values, *, short: bool = False) -> list[Row]:
        """Return all rows of a SELECT."""
        del short
        bound = prepared.values({**values, **self._values})
        with self._db.spans.of_statement(prepared.sql):
            return prepared.rows(await self._run(lambda: self._source.read(prepared.sql, bound)))

    async def open_cursor(self, prepared: Prepared, values: Values) -> Cursor:
        """Run a SELECT; return the cursor of its rows."""
        bound = prepared.values({**values, **self._values})
        with self._db.spans.of_statement(prepared.sql):
            return await self._run(lambda: self._source.open_cursor(prepared.sql, bound))

    async def fetch(self, prepared: Prepared, cursor: Cursor, size: int) -> list[Row]:
        """Return the next rows of a SELECT, at most so many; none at the end."""
        return prepared.rows(await self._run(lambda: cursor.fetchmany(size)))

    async def _run(self, work: Callable[[], Result]) -> Result:
        """Run `work` in a thread; if the task is cancelled, interrupt it."""
        source = self._source
        try:
            if isinstance(source, _SqliteSource):
                seconds = self._db._backend.statement_seconds
                with interrupted_after(seconds, lambda: source.connection):
                    return await _in_thread(work, source.interrupt)
            return await _in_thread(work, source.interrupt)
        except Exception as error:
            self._db._record_error(error, snapshot)
            raise


class _SessionSnapshot(Snapshot):
    """Runs SELECTs in the transaction of a session. A cursor has all its rows in memory."""

    def __init__(self, db: SessionDatabase, values: Values) -> None:
        super().__init__(db, cast(_Source, None), values)

    async def read(self, prepared: Prepared, values: Values, *, short: bool = False) -> list[Row]:
        rows = await self._db.read(prepared, {**values, **self._values}, short=short)
        return [*rows]

    @property
    def idle_seconds(self) -> float:
        return math.inf

    async def open_cursor(self, prepared: Prepared, values: Values) -> Cursor:
        return _Rows(await self.read(prepared, values))

    async def fetch(self, prepared: Prepared, cursor: Cursor, size: int) -> list[Row]:
        del prepared
        return cursor.fetchmany(size)


class _Rows:
    """Rows in memory, as a cursor."""

    def __init__(self, rows: Sequence[Row]) -> None:
        self._rows, self._next = rows, 0

    def fetchmany(self, size: int, /) -> list[Row]:
        part = [*self._rows[self._next : self._next + size]]
        self._next += len(part)
        return part


@asynccontextmanager
async def snapshot(db: Database) -> AsyncIterator[Snapshot]:
    """Connect to a database for reads that all see its current state.

    Raises Unavailable (503) if the database cannot be used, or has too many snapshots. A database
    in a session is read in the transaction of the session.
    """
    own, values = db.database_and_added_values
    if isinstance(own, SessionDatabase):
        yield _SessionSnapshot(own, values)
        return
    if own.state.phase is not None:
        raise own.state.unavailable()
    backend = await own.snapshot_backend()
    slots = _slots.setdefault(backend, Semaphore(max(1, backend.connections // SHARE)))
    try:
        with anyio.fail_after(backend.lock_seconds):
            await slots.acquire()
    except TimeoutError:
        reason = "timeout while waiting for the end of other exports"
        raise Unavailable(Condition.BUSY, reason) from None
    source: _Source = (
        _SqliteSource(backend) if isinstance(backend, Sqlite) else _PostgresqlSource(backend)
    )
    opened = Snapshot(own, source, values)
    try:
        with own.spans.of_snapshot():
            await opened._run(source.connect)
            yield opened
    finally:
        with CancelScope(shield=True), contextlib.suppress(Exception):
            await to_thread.run_sync(source.close)
        slots.release()


async def _in_thread(work: Callable[[], Result], interrupt: Callable[[], None]) -> Result:
    """Run `work` in a thread; if cancelled, interrupt it and wait until it has ended."""
    running = asyncio.ensure_future(to_thread.run_sync(work))
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        with CancelScope(shield=True):
            with contextlib.suppress(Exception):
                await to_thread.run_sync(interrupt)
            await asyncio.gather(running, return_exceptions=True)
        raise
