"""Runs the functions of events: at least once, in the order of each row."""

import inspect
import json
import logging
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from anyio import to_thread

from ..database import Database
from ..database.transaction import Row
from .event import Event, Handler
from .queue import milliseconds
from .table import QUEUE
from .worker import MAX_ATTEMPTS, Worker

_log = logging.getLogger(__name__)
Handlers = Mapping[str, Mapping[str, Handler]]


class Outbox(Worker):
    """Takes events from the table and runs their functions, several at a time."""

    def __init__(self, db: Database, handlers: Handlers) -> None:
        super().__init__(db, QUEUE)
        self._handlers = handlers

    async def work(self, row: Row) -> None:
        """Run the function of an event."""
        event = _event(row)
        handler = self._handlers.get(event.entity, {}).get(event.kind)
        if handler is None:
            raise LookupError(f"'hooks' of {event.entity} does not list on_{event.kind}")
        handler = self._db.spans.of_function(handler)
        if inspect.iscoroutinefunction(handler):
            await handler(event)
        else:
            await to_thread.run_sync(handler, event, abandon_on_cancel=True)

    def failure_values(self, row: Row, error: Exception) -> Mapping[str, Any]:
        """Log the error of a function; return the values to store: the error and the next time."""
        event = _event(row)
        what = f"event {event.id}: on_{event.kind} of {event.entity}"
        _log.error("%s failed", what, exc_info=error)
        retried = event.attempt < MAX_ATTEMPTS
        due = milliseconds() + 1000 * 2**event.attempt if retried else None
        return {"due__": due, "error__": f"{type(error).__name__}: {error}"}


def _event(row: Row) -> Event:
    _, uid, entity, key, kind, body, created, attempts = row
    shown: Any = None if body is None else json.loads(body)
    at = datetime.fromtimestamp(created / 1000, UTC)
    return Event(uid, entity, kind, json.loads(key), shown, at, attempts)
