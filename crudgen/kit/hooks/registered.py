"""What is registered for a table: the functions of the owner, and what writes events."""

from collections.abc import Sequence
from typing import Any, Protocol

from sqlalchemy import Table
from sqlmodel import Session

from ..database import Database
from ..models import Model
from ..rows.resource import Resource

_FUNCTIONS = "app.functions"
"""The key of the info of a table: the functions of the owner around its operations."""
_RECORDERS = "app.recorders"
"""The key of the info of a table: what writes its events, if they are wanted after commits."""


class Recorder(Protocol):
    """Writes the events of an entity."""

    def wants(self, kind: str) -> bool:
        """Return whether events of a kind are wanted."""
        ...

    def add(self, session: Session, kind: str, key: Any, body: bytes | None) -> None:
        """Store an event, as part of the transaction of a session."""
        ...

    def committed(self, db: Database) -> None:
        """Wake the workers of this process: there are new events."""
        ...


def wants(rows: Resource, kind: str) -> bool:
    """Return whether events of a kind of an entity are wanted after commits."""
    return any(recorder.wants(kind) for recorder in recorders_of(rows._properties.table))


def runs_create(table: Table) -> bool:
    """Return whether the creation of a row calls a function, or writes an event."""
    functions = functions_of(table)
    has_function = functions is not None and functions.create is not None
    return has_function or any(one.wants("create") for one in recorders_of(table))


def add_functions(rows: Resource, functions: Any) -> None:
    """Let transactions call the functions of a resource, an object of Hooks."""
    rows._properties.table.info.setdefault(_FUNCTIONS, functions)


def add_recorder(model: type[Model], recorder: Recorder) -> None:
    """Let an object write the events of an entity."""
    table: Table = model.__table__  # type: ignore[attr-defined]
    table.info.setdefault(_RECORDERS, []).append(recorder)


def recorders_of(table: Table) -> Sequence[Recorder]:
    """Return what writes the events of the rows of a table."""
    found: Sequence[Recorder] = table.info.get(_RECORDERS, ())
    return found


def functions_of(table: Table) -> Any:
    """Return the functions around the operations on a table, an object of Hooks; None without."""
    return table.info.get(_FUNCTIONS)
