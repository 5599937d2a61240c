"""Group commit for SQLite: concurrent writes share one transaction and one fsync.

The writes are still independent: SQLite rolls back only the statement that fails
(https://www.sqlite.org/lang_conflict.html, ABORT). If the transaction is rolled back, or COMMIT
fails by a deferred constraint, each half of the batch is repeated, down to single writes.
"""

import asyncio
import contextlib
import sqlite3
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Any, TypeVar

from ..errors import Condition, Unavailable
from .sqlite_file import is_lost

MAX_BATCH_WRITES = 256
Rows = list[tuple[Any, ...]]
Result = TypeVar("Result")


@dataclass(slots=True)
class _Write:
    """A queued write, and the future of its request."""

    work: Callable[[sqlite3.Connection], Any]
    deadline: float
    """The latest time to get the lock, on the monotonic clock."""
    loop: asyncio.AbstractEventLoop
    future: asyncio.Future[Any]
    result: Any = None
    error: Exception | None = None

    def resolve(self) -> None:
        if self.future.done():
            return  # the request was cancelled; the write is committed nevertheless
        if self.error is not None:
            self.future.set_exception(self.error)
        else:
            self.future.set_result(self.result)


class RollbackError(Exception):
    """The work must be rolled back, although its statement succeeded. The argument says why."""


class GroupCommit:
    """Runs writes in a thread. Each is durable when its future is resolved.

    It reconnects after an error of the connection, and when the connection is not `is_current`.
    """

    def __init__(
        self,
        connect: Callable[[], sqlite3.Connection],
        lock_seconds: float,
        is_current: Callable[[Any], bool] = lambda _: True,
    ) -> None:
        self._connect = connect
        self._is_current = is_current
        self._lock_seconds = lock_seconds
        self._waiting: SimpleQueue[_Write | None] = SimpleQueue()
        self._thread: threading.Thread | None = None
        self._closed = False
        self._connection: sqlite3.Connection | None = None

    async def write(self, work: Callable[[sqlite3.Connection], Result]) -> Result:
        """Run a single statement, which SQLite rolls back itself if it fails.

        Raises what `work` raises, and Unavailable when closed.
        """
        return await self._wait_for(work)

    async def run(self, work: Callable[[sqlite3.Connection], Result]) -> Result:
        """Run several statements, which are rolled back together if one fails.

        Raises what `work` raises, and Unavailable when closed.
        """
        return await self._wait_for(lambda connection: _run_in_savepoint(connection, work))

    async def _wait_for(self, work: Callable[[sqlite3.Connection], Result]) -> Result:
        if self._closed:
            raise Unavailable(Condition.CLOSED)
        if self._thread is None:
            thread = threading.Thread(target=self._run, name="sqlite-writer", daemon=True)
            thread.start()
            self._thread = thread
        loop = asyncio.get_running_loop()
        deadline = time.monotonic() + self._lock_seconds
        future: asyncio.Future[Result] = loop.create_future()
        self._waiting.put(_Write(work, deadline, loop, future))
        return await future

    async def close(self) -> None:
        """Complete the queued writes, then end the thread."""
        self._closed = True
        if self._thread is not None:
            self._waiting.put(None)
            await asyncio.to_thread(self._thread.join)

    def _run(self) -> None:
        ended = False
        while not ended:
            batch, ended = self._next_batch()
            try:
                connection = self._current()
            except Exception as error:  # any error must resolve the futures
                _fail(batch, error)
            else:
                try:
                    _write_batch(connection, batch)
                except Exception as error:
                    _fail(batch, error)
                if any(write.error and is_lost(write.error) for write in batch):
                    self._disconnect()
            for loop in {write.loop for write in batch}:
                _resolve(loop, [write for write in batch if write.loop is loop])
        self._disconnect()

    def _current(self) -> sqlite3.Connection:
        if self._connection is not None and not self._is_current(self._connection):
            self._connection = None
        if self._connection is None:
            self._connection = self._connect()
        return self._connection

    def _disconnect(self) -> None:
        if self._connection is not None:
            with contextlib.suppress(sqlite3.Error):
                self._connection.close()
        self._connection = None

    def _next_batch(self) -> tuple[list[_Write], bool]:
        """Wait for a write; return it with all other queued writes, and whether to end."""
        batch = []
        write = self._waiting.get()
        while write is not None:
            batch.append(write)
            if len(batch) == MAX_BATCH_WRITES:
                return batch, False
            try:
                write = self._waiting.get_nowait()
            except Empty:
                return batch, False
        return batch, True


def _begin(connection: sqlite3.Connection, batch: list[_Write]) -> list[_Write]:
    """Begin a transaction; return the writes whose deadline has not passed."""
    while True:
        now = time.monotonic()
        _fail([write for write in batch if write.deadline <= now], Unavailable())
        batch = [write for write in batch if write.deadline > now]
        if not batch:
            return []
        timeout = min(write.deadline for write in batch) - now
        connection.execute(f"PRAGMA busy_timeout = {int(timeout * 1000) + 1}")
        try:
            connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
                raise
            time.sleep(0.001)  # SQLite does not always wait before it returns SQLITE_BUSY
        else:
            return batch


def _write_batch(connection: sqlite3.Connection, batch: list[_Write]) -> None:
    """Run a batch in one transaction."""
    in_time = _begin(connection, batch)
    if not in_time:
        return
    try:
        for write in in_time:
            write.error = None
            try:
                write.result = write.work(connection)
            except Exception as error:
                write.error = _rolled_back_error(connection, error)
        connection.execute("COMMIT")
    except BaseException as error:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        if not isinstance(error, RollbackError | sqlite3.IntegrityError):
            raise
        if len(in_time) == 1:
            in_time[0].error = error.args[0] if isinstance(error, RollbackError) else error
        else:
            _write_halves(connection, in_time)


def _write_halves(connection: sqlite3.Connection, batch: list[_Write]) -> None:
    """Run each half of a batch in its own transaction."""
    half = len(batch) // 2
    for part in (batch[:half], batch[half:]):
        try:
            _write_batch(connection, part)
        except Exception as error:  # must not affect the other half
            _fail(part, error)


def _rolled_back_error(connection: sqlite3.Connection, error: Exception) -> Exception:
    """Return the error of a write that SQLite rolled back; raise if the transaction must end."""
    if isinstance(error, RollbackError):
        raise error
    if isinstance(error, Unavailable):
        raise RollbackError(error) from error
    if not connection.in_transaction:
        raise error  # SQLite rolled back the transaction, for example because the disk is full
    return own_error(error)


def _run_in_savepoint(
    connection: sqlite3.Connection, work: Callable[[sqlite3.Connection], Result]
) -> Result:
    connection.execute("SAVEPOINT several")
    try:
        return work(connection)
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK TO several")
        raise
    finally:
        if connection.in_transaction:
            connection.execute("RELEASE several")


def own_error(error: Exception) -> Exception:
    """Return the error of the current statement.

    For a value that cannot be bound, Python's sqlite3 raises the last error of the connection,
    which may belong to another statement. The error of this one is its context.
    """
    own = error.__context__
    return own if isinstance(error, sqlite3.Error) and isinstance(own, Exception) else error


def _fail(batch: list[_Write], error: Exception) -> None:
    for write in batch:
        write.error = write.error or error


def _resolve(loop: asyncio.AbstractEventLoop, batch: list[_Write]) -> None:
    def resolve() -> None:
        for write in batch:
            write.resolve()

    # A closed loop raises RuntimeError; nobody waits for its futures.
    with contextlib.suppress(RuntimeError):
        loop.call_soon_threadsafe(resolve)
