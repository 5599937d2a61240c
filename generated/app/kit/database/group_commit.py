"""Writes to SQLite by one thread: those that wait together share one transaction and one fsync.

With 64 clients this gives several times the writes of a transaction for each. They do not share
their fate: SQLite undoes a statement that fails and keeps the others of the transaction
(https://www.sqlite.org/lang_conflict.html, ABORT). Where it undoes the transaction, or COMMIT fails
for a deferred constraint, the halves of the batch are tried by themselves, down to single writes.
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

MOST_TOGETHER = 256
Rows = list[tuple[Any, ...]]
Result = TypeVar("Result")


@dataclass(slots=True)
class _Write:
    """One statement or several that wait, and the request that waits for them."""

    work: Callable[[sqlite3.Connection], Any]
    deadline: float
    """When it has waited for the lock long enough, on the monotonic clock."""
    loop: asyncio.AbstractEventLoop
    done: asyncio.Future[Any]
    result: Any = None
    error: Exception | None = None

    def answer(self) -> None:
        if self.done.done():
            return  # the client has gone away; the write counts all the same
        if self.error is not None:
            self.done.set_exception(self.error)
        else:
            self.done.set_result(self.result)


class UndoError(Exception):
    """Work has succeeded, and is to be undone all the same; the argument says why."""


class GroupCommit:
    """Runs statements one after another; each is durable when its caller is answered.

    It connects anew after an error of the connection, and when it is no longer `is_current`.
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
        """Run one statement, which SQLite undoes by itself if it fails.

        Raises what `work` raises, and Unavailable when closed.
        """
        return await self._wait_for(work)

    async def run(self, work: Callable[[sqlite3.Connection], Result]) -> Result:
        """Run several statements, all or none.

        Raises what `work` raises, and Unavailable when closed.
        """
        return await self._wait_for(lambda connection: _run_together(connection, work))

    async def _wait_for(self, work: Callable[[sqlite3.Connection], Result]) -> Result:
        if self._closed:
            raise Unavailable(Condition.CLOSED)
        if self._thread is None:
            thread = threading.Thread(target=self._run, name="sqlite-writer", daemon=True)
            thread.start()
            self._thread = thread
        loop = asyncio.get_running_loop()
        deadline = time.monotonic() + self._lock_seconds
        done: asyncio.Future[Result] = loop.create_future()
        self._waiting.put(_Write(work, deadline, loop, done))
        return await done

    async def close(self) -> None:
        """Write what waits, then end the thread."""
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
            except Exception as error:  # whatever it is, nobody may wait forever
                _fail(batch, error)
            else:
                try:
                    _write_together(connection, batch)
                except Exception as error:
                    _fail(batch, error)
                if any(write.error and is_lost(write.error) for write in batch):
                    self._disconnect()
            for loop in {write.loop for write in batch}:
                mine = [write for write in batch if write.loop is loop]
                _call(loop, mine)
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
        """Wait for a write and take those that wait with it; tell whether the end was asked for."""
        batch = []
        write = self._waiting.get()
        while write is not None:
            batch.append(write)
            if len(batch) == MOST_TOGETHER:
                return batch, False
            try:
                write = self._waiting.get_nowait()
            except Empty:
                return batch, False
        return batch, True


def _begin(connection: sqlite3.Connection, batch: list[_Write]) -> list[_Write]:
    """Begin a transaction for those of a batch that have not waited too long when it begins."""
    while True:
        now = time.monotonic()
        _fail([write for write in batch if write.deadline <= now], Unavailable())
        batch = [write for write in batch if write.deadline > now]
        if not batch:
            return []
        patience = min(write.deadline for write in batch) - now
        connection.execute(f"PRAGMA busy_timeout = {int(patience * 1000) + 1}")
        try:
            connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
                raise
            time.sleep(0.001)  # not every "busy" has waited
        else:
            return batch


def _write_together(connection: sqlite3.Connection, batch: list[_Write]) -> None:
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
                write.error = _own_error(connection, error)
        connection.execute("COMMIT")
    except BaseException as error:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        if not isinstance(error, UndoError | sqlite3.IntegrityError):
            raise
        if len(in_time) == 1:
            in_time[0].error = error.args[0] if isinstance(error, UndoError) else error
        else:
            _write_apart(connection, in_time)


def _write_apart(connection: sqlite3.Connection, batch: list[_Write]) -> None:
    """Run the halves of a batch in transactions of their own."""
    half = len(batch) // 2
    for part in (batch[:half], batch[half:]):
        try:
            _write_together(connection, part)
        except Exception as error:  # the other half may have been committed
            _fail(part, error)


def _own_error(connection: sqlite3.Connection, error: Exception) -> Exception:
    """Give the error of a write that is undone by itself; raise it if the transaction goes too."""
    if isinstance(error, UndoError):
        raise error
    if isinstance(error, Unavailable):
        raise UndoError(error) from error
    if not connection.in_transaction:
        raise error  # a full disk, for example: SQLite has undone the whole transaction
    return actual(error)


def _run_together(
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


def actual(error: Exception) -> Exception:
    """Give the error of this statement.

    Of a value that cannot be bound, Python raises the connection's last error, which may be another
    write's; the right one is its context.
    """
    own = error.__context__
    return own if isinstance(error, sqlite3.Error) and isinstance(own, Exception) else error


def _fail(batch: list[_Write], error: Exception) -> None:
    for write in batch:
        write.error = write.error or error


def _call(loop: asyncio.AbstractEventLoop, batch: list[_Write]) -> None:
    def answer() -> None:
        for write in batch:
            write.answer()

    # A loop that has ended has taken everybody who waited with it.
    with contextlib.suppress(RuntimeError):
        loop.call_soon_threadsafe(answer)
