"""The events of a transaction: what it has done with rows, as far as it is committed."""

from collections.abc import Iterator
from typing import Any

from ..rows.resource import Resource
from .registered import wants

STATES = {"create", "update"}
"""The events that say how a row is; that of an action says what was called."""
_Row = tuple[Resource, Any]
"""The resource and the key of a row."""


class NotedEvents:
    """What was done with each row, once for each kind, in the order of the first of each kind.

    A row that is deleted has no other event of an operation, and one that the transaction has
    created none: it was never committed.
    """

    def __init__(self) -> None:
        self._noted: dict[tuple[_Row, str], None] = {}
        self._new: set[_Row] = set()
        """The rows that the transaction has inserted."""
        self._former: dict[_Row, bytes | None] = {}
        """The deleted rows, as they were before."""

    def inserted(self, rows: Resource, key: Any) -> None:
        """Remember that a row is new."""
        self._new.add((rows, key))
        self.add(rows, "create", key)

    def add(self, rows: Resource, kind: str, key: Any) -> None:
        """Remember what was done with a row, if such events are wanted."""
        if wants(rows, kind):
            self._noted.setdefault(((rows, key), kind))

    def former(self, rows: Resource, key: Any) -> bytes | None:
        """Return a deleted row as it was before."""
        return self._former.get((rows, key))

    def deleted(self, rows: Resource, key: Any, former: bytes | None) -> None:
        """Remember that a row is deleted."""
        row = rows, key
        self._former.setdefault(row, former)
        for kind in STATES:
            self._noted.pop((row, kind), None)
        if row not in self._new:
            self.add(rows, "delete", key)

    def __iter__(self) -> Iterator[tuple[Resource, str, Any]]:
        return ((rows, kind, key) for (rows, key), kind in [*self._noted])
