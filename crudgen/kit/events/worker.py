"""Processes the events in a table: each at least once, those of a row in their order."""

import asyncio
import logging
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from typing import Any, ClassVar
from weakref import WeakKeyDictionary

from ..database import Database
from ..database.transaction import Row
from .queue import MAX_CLAIMED, Queue, milliseconds

MAX_ATTEMPTS = 20
LEASE_SECONDS = 30.0
"""How long a process has an event for itself without extending its lease."""
POLL_SECONDS = 1.0
MAX_RUNNING = 16
_log = logging.getLogger(__name__)
WORKERS: WeakKeyDictionary[Database, set["Worker"]] = WeakKeyDictionary()


class Worker(ABC):
    """Takes events from a queue, and processes several at a time, by `work` of a subclass."""

    scope: ClassVar[Mapping[str, Any]] = {}
    """Parameters of the statement that takes events."""

    def __init__(self, db: Database, queue: Queue) -> None:
        self._db = db
        self._queue = queue
        self._running: dict[int, asyncio.Task[None]] = {}
        self._woken = asyncio.Event()
        self._renewed = time.monotonic()

    @abstractmethod
    async def work(self, row: Row) -> None:
        """Process an event. After an exception, it is tried again later."""

    @abstractmethod
    def failure_values(self, row: Row, error: Exception) -> Mapping[str, Any]:
        """Log the error of an event; return the values to store, as parameters of a statement."""

    def is_paused(self) -> bool:
        """Return whether to take no events now."""
        return False

    async def run(self) -> None:
        """Process events until the task is cancelled; then release those in progress."""
        workers = WORKERS.setdefault(self._db, set())
        workers.add(self)
        try:
            while True:
                self._woken.clear()
                is_full = await self._start_due_events()
                await self._renew_leases()
                if not is_full:
                    with suppress(TimeoutError):
                        async with asyncio.timeout(POLL_SECONDS):
                            await self._woken.wait()
        finally:
            workers.discard(self)
            tasks = [*self._running.values()]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def wake(self) -> None:
        """Look for events now."""
        self._woken.set()

    async def _start_due_events(self) -> bool:
        """Take events that are due, and start tasks for them; return whether more may be due."""
        if len(self._running) > MAX_RUNNING - MAX_CLAIMED or self.is_paused():
            return False
        now = milliseconds()
        lease = now + int(LEASE_SECONDS * 1000)
        try:
            values = {**self.scope, "now__": now, "due__": lease}
            rows = await self._db.write(self._queue.claim, values)
        except Exception as error:  # the database logs what prevents it
            _log.debug("events wait: %s", error)
            return False
        for row in sorted(rows):
            task = asyncio.create_task(self._run(row))
            self._running[row[0]] = task
            task.add_done_callback(partial(self._remove_task, row[0]))
        return len(rows) == MAX_CLAIMED

    def _remove_task(self, number: int, task: asyncio.Task[None]) -> None:
        del task
        self._running.pop(number, None)
        self.wake()

    async def _renew_leases(self) -> None:
        """Extend the leases of events in progress."""
        if time.monotonic() - self._renewed > LEASE_SECONDS / 3:
            self._renewed = time.monotonic()
            lease = milliseconds() + int(LEASE_SECONDS * 1000)
            for number in [*self._running]:
                with suppress(Exception):
                    await self._db.write(self._queue.renew, {"id__": number, "due__": lease})

    async def _run(self, row: Row) -> None:
        number, attempts = row[0], row[7]
        try:
            await self.work(row)
        except asyncio.CancelledError:
            released = {"id__": number, "due__": milliseconds(), "attempts__": attempts - 1}
            with suppress(Exception):
                await asyncio.shield(self._db.write(self._queue.release, released))
            raise
        except Exception as error:
            failed = {"id__": number, **self.failure_values(row, error)}
            with suppress(Exception):
                await self._db.write(self._queue.fail, failed)
        else:
            with suppress(Exception):  # then it runs again after the lease
                await self._db.write(self._queue.done, {"id__": number})


def wake_workers(db: Database) -> None:
    """Wake the workers of this process: there are new events."""
    for worker in WORKERS.get(db, ()):
        worker.wake()
