"""The registry of each table: the functions of the owner, and the recorders of its events."""

from collections.abc import Sequence
from typing import Any, Protocol

from sqlalchemy import Table
from sqlmodel import Session

from ..database import Database
from ..models import Model
from ..rows.resource import Resource

_FUNCTIONS = "app.functions"
"""The key in `Table.info` of the functions of the owner."""
_RECORDERS = "app.recorders"
"""The key in `Table.info` of the recorders, which write the events of its rows."""


class Recorder(Protocol):
    """Writes the events of an entity."""

    def wants_events(self, kind: str) -> bool:
        """Return whether events of a kind are wanted."""
        ...

    def add(self, session: Session, kind: str, key: Any, body: bytes | None) -> None:
        """Store an event, as part of the transaction of a session."""
        ...

    def after_commit(self, db: Database) -> None:
        """Wake the workers of this process: there are new events."""
        ...


def wants_events(rows: Resource, kind: str) -> bool:
    """Return whether a function or a webhook gets the events of a kind of an entity."""
    return any(recorder.wants_events(kind) for recorder in recorders_of(rows._properties.table))


def runs_functions_on_create(table: Table) -> bool:
    """Return whether the creation of a row calls a function, or writes an event."""
    functions = functions_of(table)
    has_function = functions is not None and functions.create is not None
    return has_function or any(one.wants_events("create") for one in recorders_of(table))


def add_functions(rows: Resource, functions: Any) -> None:
    """Register the functions of a resource, an object of Hooks, for all transactions."""
    rows._properties.table.info.setdefault(_FUNCTIONS, functions)


def add_recorder(model: type[Model], recorder: Recorder) -> None:
    """Register a recorder for the events of an entity."""
    table: Table = model.__table__  # type: ignore[attr-defined]
    table.info.setdefault(_RECORDERS, []).append(recorder)


def recorders_of(table: Table) -> Sequence[Recorder]:
    """Return the recorders of the events of a table."""
    found: Sequence[Recorder] = table.info.get(_RECORDERS, ())
    return found


def functions_of(table: Table) -> Any:
    """Return the functions of the owner for a table, an object of Hooks; None without."""
    return table.info.get(_FUNCTIONS)
