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
from functools import partial
from queue import Empty, SimpleQueue
from typing import Any, TypeVar

from ..database.sqlite_file import is_lost
from ..database.writer import MustRollBackError, Writer, begin, error_of_statement
from ..errors import Unavailable

MAX_BATCH_WRITES = 256
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
        """Set the result or the error of the future."""
        if self.future.done():
            return  # the request was cancelled; the write is committed nevertheless
        if self.error is not None:
            self.future.set_exception(self.error)
        else:
            self.future.set_result(self.result)


class GroupCommit(Writer):
    """Runs queued writes in a thread. Each is durable when its future is resolved."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._waiting: SimpleQueue[_Write | None] = SimpleQueue()
        self._thread: threading.Thread | None = None
        self._batches = self._writes = 0

    def usage(self) -> dict[str, int]:
        """Return the number of queued writes, and of batches and writes so far."""
        queued = self._waiting.qsize()
        return {"queued": queued, "batches": self._batches, "writes": self._writes}

    async def run(
        self, work: Callable[[sqlite3.Connection], Result], *, is_atomic: bool = False
    ) -> Result:
        """Queue `work`, and return its result when it is committed.

        It runs in a savepoint, unless SQLite itself rolls it back if it fails (`is_atomic`).
        """
        self._check_open()
        if self._thread is None:
            thread = threading.Thread(target=self._write_batches, name="sqlite-writer", daemon=True)
            thread.start()
            self._thread = thread
        loop = asyncio.get_running_loop()
        deadline = time.monotonic() + self._lock_seconds
        future: asyncio.Future[Result] = loop.create_future()
        run = work if is_atomic else partial(_run_in_savepoint, work)
        self._waiting.put(_Write(run, deadline, loop, future))
        return await future

    async def close(self) -> None:
        """Complete the queued writes, then end the thread."""
        self._closed = True
        if self._thread is not None:
            self._waiting.put(None)
            await asyncio.to_thread(self._thread.join)

    def _write_batches(self) -> None:
        ended = False
        while not ended:
            batch, ended = self._next_batch()
            self._batches += bool(batch)
            self._writes += len(batch)
            try:
                connection = self._current_connection()
            except Exception as error:  # any error must resolve the futures
                _set_error(batch, error)
            else:
                try:
                    _write_batch(connection, batch)
                except Exception as error:
                    _set_error(batch, error)
                if any(write.error and is_lost(write.error) for write in batch):
                    self._disconnect()
            for loop in {write.loop for write in batch}:
                _resolve_in_loop(loop, [write for write in batch if write.loop is loop])
        self._disconnect()

    def _next_batch(self) -> tuple[list[_Write], bool]:
        """Wait for a write; return all queued writes, and whether the thread must end."""
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
    while batch:
        try:
            begin(connection, min(write.deadline for write in batch))
        except Unavailable as error:
            now = time.monotonic()
            _set_error([write for write in batch if write.deadline <= now], error)
            batch = [write for write in batch if write.deadline > now]
        else:
            break
    return batch


def _write_batch(connection: sqlite3.Connection, batch: list[_Write]) -> None:
    """Run a batch in one transaction; if it is rolled back as a whole, run each half again."""
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
        if not isinstance(error, MustRollBackError | sqlite3.IntegrityError):
            raise
        failure = error_of_statement(error)
    else:
        return
    # Outside of the handler: there, errors of the next writes would have this one as their context.
    if len(in_time) == 1:
        in_time[0].error = failure
    else:
        _write_halves(connection, in_time)


def _write_halves(connection: sqlite3.Connection, batch: list[_Write]) -> None:
    """Run each half of a batch in its own transaction."""
    half = len(batch) // 2
    for part in (batch[:half], batch[half:]):
        try:
            _write_batch(connection, part)
        except Exception as error:  # must not affect the other half
            _set_error(part, error)


def _rolled_back_error(connection: sqlite3.Connection, error: Exception) -> Exception:
    """Return the error of a write that SQLite rolled back; raise it to roll back the batch."""
    if isinstance(error, MustRollBackError):
        raise error
    if isinstance(error, Unavailable):
        raise MustRollBackError(error) from error
    if not connection.in_transaction:
        raise error  # SQLite rolled back the transaction, for example because the disk is full
    return error_of_statement(error)


def _run_in_savepoint(
    work: Callable[[sqlite3.Connection], Result], connection: sqlite3.Connection
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


def _set_error(batch: list[_Write], error: Exception) -> None:
    """Store an error in each write that has none; `resolve` passes it to the caller."""
    for write in batch:
        write.error = write.error or error


def _resolve_in_loop(loop: asyncio.AbstractEventLoop, batch: list[_Write]) -> None:
    def resolve() -> None:
        for write in batch:
            write.resolve()

    # A closed loop raises RuntimeError; nobody waits for its futures.
    with contextlib.suppress(RuntimeError):
        loop.call_soon_threadsafe(resolve)
