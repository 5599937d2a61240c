"""The events of a transaction: what it did with rows, without what savepoints rolled back."""

from collections.abc import Iterator
from typing import Any
from weakref import WeakKeyDictionary

from sqlalchemy import event
from sqlalchemy.orm import SessionTransaction
from sqlmodel import Session

from ..rows.resource import Resource
from .registered import recorders_of, wants_events

STATES = {"create", "update"}
"""The events that report the values of a row; that of an action reports the call."""
_INSERTED = "inserted"
_Row = tuple[Resource, Any]
"""A row: its resource and its key."""


class TransactionEvents:
    """The events of a transaction: one for each row and kind, in the order of the first of them.

    A row that is deleted has no event of its creation or updates. If the transaction has created
    it too, it has no event of its deletion either. What the session rolls back has no events.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._done: list[tuple[_Row, str, bytes | None]] = []
        """All operations in their order: the row, the kind, and the JSON of a row to delete."""
        self._begun: WeakKeyDictionary[SessionTransaction, int] | None = None
        """The number of operations before each savepoint; 0 for a savepoint that is missing."""

    def add_inserted(self, rows: Resource, key: Any) -> None:
        """Note that a row was inserted."""
        self.add(rows, _INSERTED, key)

    def add_deleted(self, rows: Resource, key: Any, former: bytes | None) -> None:
        """Note that a row was deleted; `former` is its JSON before."""
        self.add(rows, "delete", key, former)

    def add(self, rows: Resource, kind: str, key: Any, former: bytes | None = None) -> None:
        """Note an operation on a row, if the table of the row has events."""
        if not recorders_of(rows._properties.table):
            return
        if self._begun is None:
            self._begun = WeakKeyDictionary()
            event.listen(self._session, "after_transaction_create", self._note_savepoint)
            event.listen(self._session, "after_soft_rollback", self._forget_rolled_back)
        self._done.append(((rows, key), kind, former))

    def _note_savepoint(self, session: Session, savepoint: SessionTransaction) -> None:
        del session
        if self._begun is not None:
            self._begun[savepoint] = len(self._done)

    def _forget_rolled_back(self, session: Session, savepoint: SessionTransaction) -> None:
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
            if wants_events(row[0], kind) and not (done == "delete" and row in new):
                noted.setdefault((row, kind))
        return ((rows, kind, key, deleted.get((rows, key))) for (rows, key), kind in noted)
