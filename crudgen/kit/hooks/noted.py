"""The events of a transaction: what it did with rows, without what savepoints rolled back."""

from collections.abc import Iterator
from typing import Any
from weakref import WeakKeyDictionary

from sqlalchemy import event
from sqlalchemy.orm import SessionTransaction
from sqlmodel import Session

from ..rows.resource import Resource
from .registered import recorders_of, wants

STATES = {"create", "update"}
"""The events that say how a row is; that of an action says what was called."""
_INSERTED = "inserted"
_Row = tuple[Resource, Any]
"""The resource and the key of a row."""


class NotedEvents:
    """What was done with each row, once for each kind, in the order of the first of each kind.

    A row that is deleted has no other event of an operation, and one that the transaction has
    created none: it was never committed. What the session rolls back was not done.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._done: list[tuple[_Row, str, bytes | None]] = []
        """All that was done, with deleted rows as they were before."""
        self._begun: WeakKeyDictionary[SessionTransaction, int] | None = None
        """How much was done before each savepoint; nothing before those that are missing."""

    def inserted(self, rows: Resource, key: Any) -> None:
        """Remember that a row is new."""
        self.add(rows, _INSERTED, key)

    def deleted(self, rows: Resource, key: Any, former: bytes | None) -> None:
        """Remember that a row is deleted."""
        self.add(rows, "delete", key, former)

    def add(self, rows: Resource, kind: str, key: Any, former: bytes | None = None) -> None:
        """Remember what was done with a row, if it can have events."""
        if not recorders_of(rows._properties.table):
            return
        if self._begun is None:
            self._begun = WeakKeyDictionary()
            event.listen(self._session, "after_transaction_create", self._begin)
            event.listen(self._session, "after_soft_rollback", self._roll_back)
        self._done.append(((rows, key), kind, former))

    def _begin(self, session: Session, savepoint: SessionTransaction) -> None:
        del session
        if self._begun is not None:
            self._begun[savepoint] = len(self._done)

    def _roll_back(self, session: Session, savepoint: SessionTransaction) -> None:
        del session
        if self._begun is not None:
            del self._done[self._begun.get(savepoint, 0) :]

    def __iter__(self) -> Iterator[tuple[Resource, str, Any, bytes | None]]:
        noted: dict[tuple[_Row, str], None] = {}
        new: set[_Row] = set()
        deleted: dict[_Row, bytes | None] = {}
        for row, done, former in self._done:
            kind = "create" if done == _INSERTED else done
            if done == _INSERTED:
                new.add(row)
            if done == "delete":
                deleted.setdefault(row, former)
                for state in STATES:
                    noted.pop((row, state), None)
            if wants(row[0], kind) and not (done == "delete" and row in new):
                noted.setdefault((row, kind))
        return ((rows, kind, key, deleted.get((rows, key))) for (rows, key), kind in noted)
