"""The transaction of a function in `hooks.py`."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Generic, Protocol

from fastapi import Request
from sqlalchemy import Table
from sqlmodel import Session
from typing_extensions import TypeVar

from ..database import Database
from ..models import Changes, Model
from ..rows.resource import Resource, resource_of
from .failures import told
from .inline import InlineDatabase, result_of

ModelT = TypeVar("ModelT", bound=Model)
CallerT = TypeVar("CallerT", default=None)
Operations = Callable[[Resource], Any]
"""Returns the operations of a resource: for a caller, if the application has callers."""


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


class Transaction(Generic[CallerT]):
    """The transaction of a request: all that a function writes is committed, or undone.

    `create`, `update` and `delete` do what the API does without the functions in `hooks.py`. If
    the application has callers, they keep the rules of every entity.
    """

    session: Session
    """A session in the same transaction, which asks no rules. Its `commit` commits nothing."""
    caller: CallerT
    """Who makes the request; None if the application has no callers."""

    def __init__(
        self, db: InlineDatabase, request: Request, operations: Operations, caller: CallerT
    ) -> None:
        self.session = db.inline.session
        self.caller = caller
        self._db = db
        self._request = request
        self._operations = operations
        self._events: dict[tuple[Resource, str, Any], bytes | None] = {}
        self._given: Sequence[object] = ()
        self._others: list[tuple[Exception, str]] = []

    def create(self, model: type[ModelT], row: Model) -> ModelT:
        """Insert a row, from the body of a request; return it.

        Raises HTTPException as the API does, for example 409 for a duplicate value.
        """
        rows = _resource(model)
        self.session.flush()
        with self._doing("create", rows, row):
            result_of(self._operations(rows).create(self._db, self._asked(rows), row))
        key = self._db.inline.inserted[rows._properties.table]
        created = self.session.get(model, key)
        if created is None:
            raise RuntimeError(f"the new row of {model.__name__} does not exist any more")
        self.note(rows, "create", key)
        return created

    def update(self, row: ModelT, changes: Changes) -> ModelT:
        """Update a row with the fields that are set in `changes`; return it."""
        rows = _resource(type(row))
        self.session.flush()
        key = getattr(row, rows._key)
        set_fields = changes
        if rows._key in changes.model_fields_set:  # an item of a bulk request
            set_fields = changes.model_copy()
            set_fields.model_fields_set.discard(rows._key)
        with self._doing("update", rows, row, changes):
            result_of(self._operations(rows).update(self._db, self._asked(rows), key, set_fields))
        self.note(rows, "update", key)
        return row

    def delete(self, row: Model) -> None:
        """Delete a row, and what the database deletes with it."""
        rows = _resource(type(row))
        self.session.flush()
        key = getattr(row, rows._key)
        body = self._body(rows, key) if wants(rows, "delete") else None
        with self._doing("delete", rows, row):
            result_of(self._operations(rows).delete(self._db, self._asked(rows), key))
        self.note(rows, "delete", key, body)

    @contextmanager
    def telling(self, where: str, *given: object) -> Iterator[None]:
        """Raise the errors of a function as those of the response; `where` names the function.

        `given` is what the function got of the request: errors about it are those of the request.
        """
        self._given, before = given, self._given
        try:
            yield
        except Exception as error:
            answer = told(error, where, self._others)
            if answer is error:
                raise
            raise answer from error
        finally:
            self._given = before

    @contextmanager
    def _doing(self, verb: str, rows: Resource, *written: object) -> Iterator[None]:
        """Remember an error about another row than that of the request."""
        try:
            yield
        except Exception as error:
            if not all(any(one is given for given in self._given) for one in written):
                self._others.append((error, f"{verb} of {rows._name}"))
            raise

    def note(self, rows: Resource, kind: str, key: Any, body: bytes | None = None) -> None:
        """Remember that a row was written, if such events are wanted: once for each kind."""
        if wants(rows, kind):
            self._events.setdefault((rows, kind, key), body)

    def write_events(self) -> Sequence[Recorder]:
        """Write the events, with the rows as they are committed; return what writes them."""
        if not self._events:
            return ()
        self.session.flush()
        found = []
        for (rows, kind, key), body in self._events.items():
            shown = body if kind == "delete" else self._body(rows, key)
            for recorder in _recorders(rows):
                if recorder.wants(kind):
                    recorder.add(self.session, kind, key, shown)
                    found.append(recorder)
        return found

    def _body(self, rows: Resource, key: Any) -> bytes | None:
        use = rows._statements_for(self._db)
        found = result_of(self._db.read(use.read, {"key__": key}, short=True))
        return use.rows.write(found[0]) if found else None

    def _asked(self, rows: Resource) -> Request:
        """Return the request without its headers: its preconditions are about another row."""
        headers = [(b"if-match", b"*")] if rows._etag_required else []
        return Request({**self._request.scope, "headers": headers})


def wants(rows: Resource, kind: str) -> bool:
    """Return whether events of a kind of an entity are wanted after commits."""
    return any(recorder.wants(kind) for recorder in _recorders(rows))


def add_recorder(model: type[Model], recorder: Recorder) -> None:
    """Let an object write the events of an entity."""
    table: Table = model.__table__  # type: ignore[attr-defined]
    table.info.setdefault(_RECORDERS, []).append(recorder)


def _recorders(rows: Resource) -> Sequence[Recorder]:
    found: Sequence[Recorder] = rows._properties.table.info.get(_RECORDERS, ())
    return found


def _resource(model: type[Model]) -> Resource:
    found = resource_of(model)
    if found is None:
        raise TypeError(f"{model.__name__} is not an entity of the API: use tx.session")
    return found
