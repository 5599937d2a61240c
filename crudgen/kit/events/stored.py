"""The stored events, for the commands of an administrator."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import delete, select, update
from sqlmodel import Session

from .table import EVENTS, milliseconds


class StoredEvents:
    """The events whose functions have not run yet, or have failed."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def all(self) -> list[dict[str, Any]]:
        """Return all events in their order, as JSON."""
        rows = self._session.connection().execute(select(EVENTS).order_by(EVENTS.c.id))
        return [
            {
                "id": row.uid,
                "entity": row.entity,
                "kind": row.kind,
                "key": row.key,
                "at": _time(row.created),
                "attempts": row.attempts,
                "next": None if row.due is None else _time(row.due),
                "error": row.error,
            }
            for row in rows
        ]

    def retry(self, ids: Sequence[str]) -> int:
        """Let the functions of events run now, with all attempts; without ids, of failed ones.

        Return the number of events.
        """
        chosen = EVENTS.c.uid.in_(ids) if ids else EVENTS.c.error.is_not(None)
        return self._change(update(EVENTS).where(chosen).values(due=milliseconds(), attempts=0))

    def drop(self, ids: Sequence[str]) -> int:
        """Delete events, so that their functions never run; return their number."""
        return self._change(delete(EVENTS).where(EVENTS.c.uid.in_(ids)))

    def _change(self, statement: Any) -> int:
        found = self._session.connection().execute(statement)
        self._session.commit()
        return int(found.rowcount)


def _time(stored: int) -> str:
    return datetime.fromtimestamp(stored / 1000, UTC).isoformat(timespec="milliseconds")
