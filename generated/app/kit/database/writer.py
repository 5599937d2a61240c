"""The writer of a SQLite database: one transaction after another, in a thread."""

import contextlib
import sqlite3
import threading
import time
from collections.abc import Callable
from typing import Any, TypeVar

from anyio import CapacityLimiter, to_thread

from ..errors import Condition, Unavailable
from .sqlite_file import is_lost

Result = TypeVar("Result")


class MustRollBackError(Exception):
    """Raised to roll back a write whose statement succeeded; `reason` is the error to report."""

    def __init__(self, reason: Exception) -> None:
        super().__init__(reason)
        self.reason = reason


class Writer:
    """Runs writes one after another. Each is durable when it returns.

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
        self._closed = False
        self._connection: sqlite3.Connection | None = None
        self._queue = CapacityLimiter(1)
        self._lock = threading.Lock()
        """Held while a thread writes: a cancelled request leaves the queue before it has ended."""

    def usage(self) -> dict[str, int]:
        """Return the number of queued writes."""
        return {"queued": self._queue.statistics().tasks_waiting}

    async def run(
        self, work: Callable[[sqlite3.Connection], Result], *, is_atomic: bool = False
    ) -> Result:
        """Return the result of `work` after COMMIT. Its statements are rolled back if one fails.

        `is_atomic` means that SQLite itself does so, for a single statement. Raises what `work`
        raises, and Unavailable when closed or if the database stays locked.
        """
        del is_atomic  # each write has a transaction of its own
        self._check_open()
        deadline = time.monotonic() + self._lock_seconds
        return await to_thread.run_sync(self._run, work, deadline, limiter=self._queue)

    async def close(self) -> None:
        """Complete the queued writes, then disconnect."""
        self._closed = True
        await to_thread.run_sync(self._close, limiter=self._queue)

    def _close(self) -> None:
        with self._lock:
            self._disconnect()

    def _check_open(self) -> None:
        if self._closed:
            raise Unavailable(Condition.CLOSED)

    def _run(self, work: Callable[[sqlite3.Connection], Result], deadline: float) -> Result:
        with self._lock:
            connection = self._current_connection()
            try:
                begin(connection, deadline)
                result = work(connection)
                connection.execute("COMMIT")
            except Exception as error:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                if is_lost(error):
                    self._disconnect()
                cause = error_of_statement(error)
                if cause is error:
                    raise
                raise cause from error
            return result

    def _current_connection(self) -> sqlite3.Connection:
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


def begin(connection: sqlite3.Connection, deadline: float) -> None:
    """Begin a write transaction; raise Unavailable if another one is open until the deadline."""
    while (seconds := deadline - time.monotonic()) > 0:
        connection.execute(f"PRAGMA busy_timeout = {int(seconds * 1000) + 1}")
        try:
            connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
                raise
            time.sleep(0.001)  # SQLite does not always wait before it returns SQLITE_BUSY
        else:
            return
    raise Unavailable


def error_of_statement(error: Exception) -> Exception:
    """Return the error of the current statement, or the reason of a MustRollBackError.

    For a value that cannot be bound, Python's sqlite3 raises the last error of the connection,
    which may belong to another statement. The error of this one is its context.
    """
    if isinstance(error, MustRollBackError):
        return error.reason
    own = error.__context__
    return own if isinstance(error, sqlite3.Error) and isinstance(own, Exception) else error
