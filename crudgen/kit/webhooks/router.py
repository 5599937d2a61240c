"""The router that sends webhooks while the application runs. It has no routes."""

import asyncio
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, FastAPI
from sqlmodel import Session

from ..database import Database
from ..errors import StartupError
from ..events.stored import new_event
from ..events.worker import wake_workers
from ..hooks.registered import add_recorder
from ..models import Model
from .document import Data, describe_messages
from .message import select_properties
from .receiver import Receiver
from .sending import Sender, new_client
from .table import QUEUE


@dataclass(frozen=True)
class EntityEvents:
    """What a webhook sends about the rows of an entity.

    `kinds` are the events that it sends: `create`, `update`, `delete`, or the name of an action,
    each with its word in the type of the message, such as `created`. `properties` are the
    properties of the row that are sent; by default all of `public`.
    """

    model: type[Model]
    public: type[Model]
    kinds: Mapping[str, str]
    properties: Collection[str] | None = None


class WebhookRouter(APIRouter):
    """Sends messages about committed changes of rows, to the receivers in the settings."""

    def __init__(self, webhooks: Mapping[str, Sequence[EntityEvents]]) -> None:
        for name, sent in webhooks.items():
            for rows in sent:
                add_recorder(rows.model, DeliveryRecorder(name, rows))
        self._webhooks = webhooks
        super().__init__(lifespan=self._run)

    def describe(self, document: dict[str, Any]) -> None:
        """Add the messages to an OpenAPI document."""
        found: dict[str, list[Data]] = {}
        for name, sent in self._webhooks.items():
            for rows in sent:
                for word in rows.kinds.values():
                    kind = f"{rows.model.__name__}.{word}"
                    found.setdefault(kind, []).append(Data(name, rows.public, rows.properties))
        describe_messages(document, found)

    @asynccontextmanager
    async def _run(self, app: FastAPI) -> AsyncIterator[None]:
        database: Database = app.state.database
        receivers: Mapping[str, Receiver] | None = getattr(app.state, "receivers", None)
        if receivers is None:
            raise StartupError("the receivers of webhooks are unknown: call settings.install(app)")
        names = [name for name in self._webhooks if name in receivers]
        if database._read_only or not names:
            yield
            return
        async with new_client() as client:
            senders = [Sender(database, name, receivers[name], client) for name in names]
            running = [asyncio.create_task(sender.run()) for sender in senders]
            try:
                yield
            finally:
                for task in running:
                    task.cancel()
                await asyncio.gather(*running, return_exceptions=True)


class DeliveryRecorder:
    """Writes the messages of a webhook in the transactions of the rows of an entity."""

    def __init__(self, name: str, rows: EntityEvents) -> None:
        self._name = name
        self._rows = rows

    def wants_events(self, kind: str) -> bool:
        """Return whether the webhook sends the events of a kind."""
        return kind in self._rows.kinds

    def add(self, session: Session, kind: str, key: Any, body: bytes | None) -> None:
        """Write a message in the transaction of a session."""
        rows = self._rows
        if body is not None and rows.properties is not None:
            body = select_properties(body, rows.properties)
        values = new_event(rows.model.__name__, rows.kinds[kind], key, body)
        session.connection().execute(QUEUE.add, {**values, "webhook": self._name})

    def after_commit(self, db: Database) -> None:
        """Wake the workers that send the messages."""
        wake_workers(db)
