"""The time limit of reads on SQLite, which has no setting for it.

A connection with a statement that takes too long is interrupted; the statement fails with
SQLITE_INTERRUPT. Writes are not limited: an interruption would roll back their transaction.
"""

import asyncio
import math
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, cast

from .sqlite_file import FileConnection
from .sqlite_locks import only_reads

STEPS = 250_000
"""The steps of SQLite's virtual machine between two checks: about 3 ms."""
LONG_SECONDS = 1.0
"""How long a statement that was interrupted on the event loop runs in threads."""
_MAX_LONG = 100
"""Most statements that are remembered."""
AGAIN_SECONDS = 0.05
"""The pause until a connection is interrupted again, if its statement had not begun."""


@contextmanager
def interrupted_after(
    seconds: float, connection: Callable[[], sqlite3.Connection | None]
) -> Iterator[None]:
    """Interrupt the statement that a thread runs meanwhile, if it takes longer than `seconds`.

    Unlike a progress handler, the timer of the event loop costs the thread no wait for the GIL.
    """
    loop = asyncio.get_running_loop()
    timer: asyncio.TimerHandle

    def interrupt() -> None:
        nonlocal timer
        if (running := connection()) is not None:
            running.interrupt()
        timer = loop.call_later(AGAIN_SECONDS, interrupt)

    timer = loop.call_later(seconds, interrupt)
    try:
        yield
    finally:
        timer.cancel()


def interrupt_long_reads(connection: FileConnection) -> None:
    """Interrupt reads on the event loop that are not short: `checks` is 0 before each."""

    def is_too_long() -> bool:
        connection.checks += 1
        return connection.checks > 1  # the first check may follow soon after the begin

    connection.set_progress_handler(is_too_long, STEPS)


class LongReads:
    """The statements that were interrupted on the event loop, and need a thread for a while."""

    def __init__(self) -> None:
        self._until: dict[str, float] = {}

    def was_interrupted(self, sql: str) -> bool:
        """Return whether a statement was interrupted in the last LONG_SECONDS."""
        if not self._until or sql not in self._until:
            return False
        if time.monotonic() < self._until[sql]:
            return True
        del self._until[sql]
        return False

    def add(self, sql: str, error: sqlite3.DatabaseError) -> None:
        """Add a statement if the error says that it was interrupted."""
        if getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_INTERRUPT:
            if len(self._until) >= _MAX_LONG:
                self._until.clear()
            self._until[sql] = time.monotonic() + LONG_SECONDS


class SessionConnection(FileConnection):
    """A connection for sessions: each call of a cursor lasts at most `seconds`, if it reads.

    The time between two calls, in which the rows are processed, does not count.
    """

    seconds = math.inf
    ends = math.inf
    """The deadline of the current call, on the monotonic clock."""

    def limit(self, seconds: float) -> None:
        """Set the time limit."""
        self.seconds = seconds
        self.set_progress_handler(lambda: time.monotonic() > self.ends, STEPS)

    def cursor(self, factory: Any = None) -> Any:
        """Return a cursor whose calls are limited."""
        return super().cursor(factory or _SessionCursor)


class _SessionCursor(sqlite3.Cursor):
    """A cursor of a SessionConnection. Each call that reads ends by the deadline."""

    _reads = False

    def execute(self, sql: str, parameters: Any = (), /) -> Any:
        """Run a statement, as sqlite3 does, until the deadline."""
        self._reads = only_reads(sql)
        with self._deadline():
            return super().execute(sql, parameters)

    def fetchone(self) -> Any:
        """Return the next row, as sqlite3 does, until the deadline."""
        with self._deadline():
            return super().fetchone()

    def fetchmany(self, size: int | None = None) -> list[Any]:
        """Return the next rows, as sqlite3 does, until the deadline."""
        with self._deadline():
            return super().fetchmany(self.arraysize if size is None else size)

    def fetchall(self) -> list[Any]:
        """Return the remaining rows, as sqlite3 does, until the deadline."""
        with self._deadline():
            return super().fetchall()

    @contextmanager
    def _deadline(self) -> Iterator[None]:
        connection = cast("SessionConnection", self.connection)
        if self._reads:
            connection.ends = time.monotonic() + connection.seconds
        try:
            yield
        finally:
            connection.ends = math.inf
