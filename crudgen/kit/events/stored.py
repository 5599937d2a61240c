"""Stored events: the values of a new one, and the commands of an administrator for the others."""

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from sqlalchemy import Row, Table, delete, select, update
from sqlmodel import Session

from ..models import Model
from .queue import milliseconds

TABLES = ("_event", "_delivery")
"""The tables of the events of functions, and of those that webhooks send."""


def new_event(entity: str, kind: str, key: Any, body: bytes | None) -> dict[str, Any]:
    """Return the values of a new event about a row, which is due at once."""
    now = milliseconds()
    return {
        "uid": uuid4().hex,
        "entity": entity,
        "key": json.dumps(key if isinstance(key, int | str) else str(key)),
        "kind": kind,
        "body": None if body is None else body.decode(),
        "created": now,
        "due": now,
        "attempts": 0,
    }


class StoredEvents:
    """The events of functions and webhooks that wait, or have failed."""

    def __init__(self, session: Session) -> None:
        self._session = session
        tables = Model.metadata.tables
        self._tables: list[Table] = [tables[name] for name in TABLES if name in tables]

    def all(self) -> list[dict[str, Any]]:
        """Return all events as JSON values, in order; those of webhooks come last."""
        connection = self._session.connection()
        return [
            _as_json(row)
            for table in self._tables
            for row in connection.execute(select(table).order_by(table.c.id))
        ]

    def retry(self, ids: Sequence[str]) -> int:
        """Make events due now, and count their attempts from 0; return their number.

        Without ids, those that have failed.
        """
        return self._count_changed(
            update(table)
            .where(table.c.uid.in_(ids) if ids else table.c.error.is_not(None))
            .values(due=milliseconds(), attempts=0)
            for table in self._tables
        )

    def drop(self, ids: Sequence[str]) -> int:
        """Delete events without handling them; return their number."""
        return self._count_changed(
            delete(table).where(table.c.uid.in_(ids)) for table in self._tables
        )

    def _count_changed(self, statements: Iterator[Any]) -> int:
        connection = self._session.connection()
        changed = [int(connection.execute(one).rowcount) for one in statements]
        self._session.commit()
        return sum(changed)


def _as_json(row: Row[Any]) -> dict[str, Any]:
    found = {
        "id": row.uid,
        "entity": row.entity,
        "kind": row.kind,
        "key": row.key,
        "at": _iso_time(row.created),
        "attempts": row.attempts,
        "next": None if row.due is None else _iso_time(row.due),
        "error": row.error,
    }
    webhook = getattr(row, "webhook", None)
    return found if webhook is None else {**found, "webhook": webhook}


def _iso_time(stored: int) -> str:
    return datetime.fromtimestamp(stored / 1000, UTC).isoformat(timespec="milliseconds")
