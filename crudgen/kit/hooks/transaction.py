"""The transaction of a function in `hooks.py`."""

from collections.abc import Callable
from typing import Any, Generic

from fastapi import Request
from sqlmodel import Session
from typing_extensions import TypeVar

from ..models import Changes, Model
from ..rows.resource import Resource, resource_of
from .inline import InlineDatabase, result_of

ModelT = TypeVar("ModelT", bound=Model)
CallerT = TypeVar("CallerT", default=None)
Operations = Callable[[Resource], Any]
"""Returns the operations of a resource: for a caller, if the application has callers."""


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

    def create(self, model: type[ModelT], row: Model) -> ModelT:
        """Insert a row, from the body of a request; return it.

        Raises HTTPException as the API does, for example 409 for a duplicate value.
        """
        rows = _resource(model)
        self.session.flush()
        creation = self._operations(rows).create(self._db, self._asked(rows), row)
        result_of(creation)
        key = self._db.inline.inserted[rows._properties.table]
        created = self.session.get(model, key)
        if created is None:
            raise RuntimeError(f"the new row of {model.__name__} does not exist any more")
        return created

    def update(self, row: ModelT, changes: Changes) -> ModelT:
        """Update a row with the fields that are set in `changes`; return it."""
        rows = _resource(type(row))
        self.session.flush()
        key = getattr(row, rows._key)
        if rows._key in changes.model_fields_set:  # an item of a bulk request
            changes = changes.model_copy()
            changes.model_fields_set.discard(rows._key)
        result_of(self._operations(rows).update(self._db, self._asked(rows), key, changes))
        return row

    def delete(self, row: Model) -> None:
        """Delete a row, and what the database deletes with it."""
        rows = _resource(type(row))
        self.session.flush()
        key = getattr(row, rows._key)
        result_of(self._operations(rows).delete(self._db, self._asked(rows), key))

    def _asked(self, rows: Resource) -> Request:
        """Return the request without its headers: its preconditions are about another row."""
        headers = [(b"if-match", b"*")] if rows._etag_required else []
        return Request({**self._request.scope, "headers": headers})


def _resource(model: type[Model]) -> Resource:
    found = resource_of(model)
    if found is None:
        raise TypeError(f"{model.__name__} is not an entity of the API: use tx.session")
    return found
