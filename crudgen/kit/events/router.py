"""The router that runs the functions of events while the application runs. It has no routes."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from fastapi import APIRouter, FastAPI
from sqlmodel import Session

from ..database import Database
from ..hooks.registered import add_recorder
from ..models import Model
from .event import Handler
from .outbox import Outbox
from .stored import new_event
from .table import QUEUE
from .worker import wake_workers


class EventRouter(APIRouter):
    """Runs functions after commits, by model and by what was done with a row."""

    def __init__(self, handlers: Mapping[type[Model], Mapping[str, Handler]]) -> None:
        self._handlers = {model.__name__: kinds for model, kinds in handlers.items()}
        for model, kinds in handlers.items():
            add_recorder(model, FunctionRecorder(model.__name__, kinds))
        super().__init__(lifespan=self._run)

    @asynccontextmanager
    async def _run(self, app: FastAPI) -> AsyncIterator[None]:
        database: Database = app.state.database
        if database._read_only:
            yield
            return
        running = asyncio.create_task(Outbox(database, self._handlers).run())
        try:
            yield
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)


class FunctionRecorder:
    """Writes the events of an entity in the transactions of its rows."""

    def __init__(self, entity: str, kinds: Mapping[str, Handler]) -> None:
        self._entity = entity
        self._kinds = frozenset(kinds)

    def wants_events(self, kind: str) -> bool:
        """Return whether a function gets the events of a kind."""
        return kind in self._kinds

    def add(self, session: Session, kind: str, key: Any, body: bytes | None) -> None:
        """Write an event in the transaction of a session."""
        session.connection().execute(QUEUE.add, new_event(self._entity, kind, key, body))

    def after_commit(self, db: Database) -> None:
        """Wake the workers that run the functions."""
        wake_workers(db)
