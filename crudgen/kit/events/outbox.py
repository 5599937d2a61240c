"""Runs the functions of events: at least once, in the order of each row."""

import asyncio
import inspect
import json
import logging
import time
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from typing import Any
from weakref import WeakKeyDictionary

from anyio import to_thread

from ..database import Database
from ..database.transaction import Row
from .event import Event, Handler
from .table import CLAIM, DONE, FAIL, MAX_CLAIMED, RELEASE, RENEW, milliseconds

MAX_ATTEMPTS = 20
LEASE_SECONDS = 30.0
"""How long an event waits for a process that runs its function and does not respond any more."""
POLL_SECONDS = 1.0
MAX_RUNNING = 16
_log = logging.getLogger(__name__)
_OUTBOXES: WeakKeyDictionary[Database, "Outbox"] = WeakKeyDictionary()
Handlers = Mapping[str, Mapping[str, Handler]]


class Outbox:
    """Takes events from the table, and runs their functions, several at a time."""

    def __init__(self, db: Database, handlers: Handlers) -> None:
        self._db = db
        self._handlers = handlers
        self._running: dict[int, asyncio.Task[None]] = {}
        self._woken = asyncio.Event()
        self._renewed = time.monotonic()

    async def run(self) -> None:
        """Run functions until the task is cancelled; then give back the events of those."""
        _OUTBOXES[self._db] = self
        try:
            while True:
                self._woken.clear()
                is_full = await self._take()
                await self._renew()
                if not is_full:
                    with suppress(TimeoutError):
                        async with asyncio.timeout(POLL_SECONDS):
                            await self._woken.wait()
        finally:
            tasks = [*self._running.values()]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def wake(self) -> None:
        """Look for events now."""
        self._woken.set()

    async def _take(self) -> bool:
        """Take events that are due, and run their functions; return whether there may be more."""
        if len(self._running) > MAX_RUNNING - MAX_CLAIMED:
            return False
        now = milliseconds()
        lease = now + int(LEASE_SECONDS * 1000)
        try:
            rows = await self._db.write(CLAIM, {"now__": now, "due__": lease})
        except Exception as error:  # the database logs what prevents it
            _log.debug("events wait: %s", error)
            return False
        for row in sorted(rows):
            task = asyncio.create_task(self._run(row))
            self._running[row[0]] = task
            task.add_done_callback(partial(self._ended, row[0]))
        return len(rows) == MAX_CLAIMED

    def _ended(self, number: int, task: asyncio.Task[None]) -> None:
        del task
        self._running.pop(number, None)
        self.wake()

    async def _renew(self) -> None:
        """Move the end of the leases of running functions."""
        if time.monotonic() - self._renewed > LEASE_SECONDS / 3:
            self._renewed = time.monotonic()
            lease = milliseconds() + int(LEASE_SECONDS * 1000)
            for number in [*self._running]:
                with suppress(Exception):
                    await self._db.write(RENEW, {"id__": number, "due__": lease})

    async def _run(self, row: Row) -> None:
        number, attempts = row[0], row[7]
        event = _event(row)
        try:
            await self._call(event)
        except asyncio.CancelledError:
            released = {"id__": number, "due__": milliseconds(), "attempts__": attempts - 1}
            with suppress(Exception):
                await asyncio.shield(self._db.write(RELEASE, released))
            raise
        except Exception as error:
            _log.exception("event %s: on_%s of %s failed", event.id, event.kind, event.entity)
            due = milliseconds() + 1000 * 2**attempts if attempts < MAX_ATTEMPTS else None
            failed = {"id__": number, "due__": due, "error__": f"{type(error).__name__}: {error}"}
            with suppress(Exception):
                await self._db.write(FAIL, failed)
        else:
            with suppress(Exception):  # then it runs again after the lease
                await self._db.write(DONE, {"id__": number})

    async def _call(self, event: Event) -> None:
        handler = self._handlers.get(event.entity, {}).get(event.kind)
        if handler is None:
            raise LookupError(f"the spec of {event.entity} does not list on_{event.kind}")
        if inspect.iscoroutinefunction(handler):
            await handler(event)
        else:
            await to_thread.run_sync(handler, event, abandon_on_cancel=True)


def wake_outbox(db: Database) -> None:
    """Let the functions of new events run soon, if this process runs them."""
    if (found := _OUTBOXES.get(db)) is not None:
        found.wake()


def _event(row: Row) -> Event:
    _, uid, entity, key, kind, body, created, attempts = row
    shown: Any = None if body is None else json.loads(body)
    at = datetime.fromtimestamp(created / 1000, UTC)
    return Event(uid, entity, kind, json.loads(key), shown, at, attempts)
