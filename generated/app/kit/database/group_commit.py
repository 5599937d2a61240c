"""Writes to SQLite by one thread: those that wait together share one transaction and one fsync.

With 64 clients this gives several times the writes of a transaction for each. They do not share
their fate: SQLite undoes a statement that fails and keeps the others of the transaction
(https://www.sqlite.org/lang_conflict.html, ABORT).
"""

import asyncio
import contextlib
import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from typing import Any

from ..errors import Unavailable

MOST_TOGETHER = 256
Rows = list[tuple[Any, ...]]
Check = Callable[[Rows], None]
Statements = Sequence[tuple[str, dict[str, Any], Check | None]]
"""The text of each statement, its values, and what may refuse its rows."""


@dataclass(slots=True)
class _Write:
    """One or more statements that wait, and the request that waits for them."""

    statements: Statements
    deadline: float
    """When it has waited for the lock long enough, on the monotonic clock."""
    loop: asyncio.AbstractEventLoop
    done: asyncio.Future[list[Rows]]
    rows: list[Rows] = field(default_factory=list)
    error: Exception | None = None

    def answer(self) -> None:
        if self.done.done():
            return  # the client has gone away; the write counts all the same
        if self.error is not None:
            self.done.set_exception(self.error)
        else:
            self.done.set_result(self.rows)


class GroupCommit:
    """Runs statements one after another; each is durable when its caller is answered."""

    def __init__(self, connect: Callable[[], sqlite3.Connection], lock_seconds: float) -> None:
        self._connect = connect
        self._lock_seconds = lock_seconds
        self._waiting: SimpleQueue[_Write | None] = SimpleQueue()
        self._thread: threading.Thread | None = None
        self._closed = False

    async def write(self, sql: str, values: dict[str, Any]) -> Rows:
        """Run one INSERT, UPDATE or DELETE. Raises sqlite3.Error, or Unavailable when closed."""
        (rows,) = await self.write_all([(sql, values, None)])
        return rows

    async def write_all(self, statements: Statements) -> list[Rows]:
        """Run statements, all or none; give the rows of each.

        Raises sqlite3.Error, what a check raises, or Unavailable when closed.
        """
        if self._closed:
            raise Unavailable
        if self._thread is None:
            thread = threading.Thread(target=self._run, name="sqlite-writer", daemon=True)
            thread.start()
            self._thread = thread
        loop = asyncio.get_running_loop()
        deadline = time.monotonic() + self._lock_seconds
        write = _Write(statements, deadline, loop, loop.create_future())
        self._waiting.put(write)
        return await write.done

    async def close(self) -> None:
        """Write what waits, then end the thread."""
        self._closed = True
        if self._thread is not None:
            self._waiting.put(None)
            await asyncio.to_thread(self._thread.join)

    def _run(self) -> None:
        connection: sqlite3.Connection | None = None
        ended = False
        while not ended:
            batch, ended = self._next_batch()
            try:
                connection = connection or self._connect()
                _write_together(connection, batch)
            except Exception as error:  # whatever it is, nobody may wait forever
                _fail(batch, error)
            for loop in {write.loop for write in batch}:
                mine = [write for write in batch if write.loop is loop]
                _call(loop, mine)
        if connection is not None:
            connection.close()

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
            try:
                write.rows = _write(connection, write.statements)
            except Exception as error:
                if not connection.in_transaction:
                    raise  # a full disk, for example: SQLite has undone the whole transaction
                # Of a value that cannot be bound, Python raises the connection's last error, which
                # may be another write's; the right one is its context.
                own = error.__context__
                write.error = own if isinstance(own, Exception) else error
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _write(connection: sqlite3.Connection, statements: Statements) -> list[Rows]:
    if len(statements) == 1 and statements[0][2] is None:
        return [_execute(connection, *statements[0])]  # SQLite undoes it alone, if it fails
    connection.execute("SAVEPOINT several")
    try:
        return [_execute(connection, *statement) for statement in statements]
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK TO several")
        raise
    finally:
        if connection.in_transaction:
            connection.execute("RELEASE several")


def _execute(
    connection: sqlite3.Connection, sql: str, values: dict[str, Any], check: Check | None
) -> Rows:
    rows = connection.execute(sql, values).fetchall()
    if check is not None:
        check(rows)
    return rows


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
