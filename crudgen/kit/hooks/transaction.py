"""The transaction of a function in `hooks.py`."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Generic

from fastapi import Request
from sqlalchemy import Table, inspect
from sqlmodel import Session
from typing_extensions import TypeVar

from ..models import Changes, Model
from ..rows.related_writes import RelatedWrite
from ..rows.resource import Resource, resource_of
from .failures import error_to_send, located_errors
from .inline import InlineDatabase, result_of
from .nested_creates import Keys, keys_of_created_rows, relations_of_nested_creates
from .registered import Recorder, functions_of, recorders_of, runs_functions_on_create
from .sent_body import SentBody
from .shown import event_json
from .transaction_events import STATES, TransactionEvents

ModelT = TypeVar("ModelT", bound=Model)
CallerT = TypeVar("CallerT", default=None)
Operations = Callable[[Resource, Mapping[str, Any]], Any]
"""Returns the operations on a resource, for the caller if the application has callers.

The mapping has the keys of rows that a new row may refer to though the caller cannot read them.
"""


class Transaction(Generic[CallerT]):
    """The transaction of a request: all writes of a function are committed, or rolled back.

    `create`, `update` and `delete` do what the API does without the functions in `hooks.py`. If
    the application has callers, they apply the rules of every entity.
    """

    session: Session
    """A session in the same transaction, which checks no rules. Its `commit` commits nothing."""
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
        self._events = TransactionEvents(self.session)
        self._given: Sequence[object] = ()
        self._sent: SentBody | None = None
        self._others: list[tuple[Exception, str]] = []
        self._created: dict[tuple[Resource, Any], Keys] = {}
        self._parents: tuple[Table | None, Mapping[str, Any]] = (None, {})
        self._record_error: Exception | None = None

    def create(self, model: type[ModelT], row: Model) -> ModelT:
        """Insert a row, from the body of a request; return it.

        Child rows in the body are created by their own functions, if they have any.
        Raises HTTPException as the API does, for example 409 for a duplicate value.
        """
        rows = _resource_of_model(model)
        self._raise_partial_failure()
        self.session.flush()
        with self._recorded_errors("create", rows, row):
            key = self._insert(rows, row)
        created = self.session.get(model, key)
        if created is None:
            raise RuntimeError(f"the new row of {model.__name__} does not exist any more")
        return created

    def _insert(self, rows: Resource, row: Model) -> Any:
        """Insert a row, and the child rows in its body; return its key."""
        table, together = rows._properties.table, relations_of_nested_creates(rows, row)
        tables = [one.rows._properties.table for one in together if one.created]
        is_apart = any(map(runs_functions_on_create, tables))
        used: Any = rows
        of_table, parents = self._parents
        operations = self._operations(
            used.without_children if is_apart else rows, parents if of_table is table else {}
        )
        result_of(operations.create(self._db, self._without_preconditions(rows), row))
        self._expire_links(rows, row)
        key = self._db.inline.inserted[table][0]
        self._events.add_inserted(rows, key)
        if is_apart:
            try:
                created = {one.json_name: self._create_children(used, key, one) for one in together}
            except Exception as error:
                self._record_error = error  # a part of the rows is written
                raise
        else:
            created = {**keys_of_created_rows(table, together, self._db.inline.inserted)}
        self._created[rows, key] = created
        return key

    def _create_children(self, parent: Any, key: Any, one: RelatedWrite) -> Sequence[Any]:
        """Create the child rows of a relation by their own functions; return their keys.

        `key` is that of their row of `parent`.
        """
        rows = _resource_of_model(one.rows._model)
        table = one.rows._properties.table
        before = self._parents
        functions, keys = functions_of(table), []
        self._parents = (table, {one.by: key})
        try:
            for index, child in enumerate(one.created):
                create = functions and functions.creates
                new = parent.child_with_reference(key, one, child, create or type(child))
                with (
                    located_errors("body", one.json_name, index),
                    self.response_errors(
                        f"the hook create of {rows._name}", new, sent=SentBody(rows, new)
                    ),
                ):
                    if function := functions and functions.create:
                        made = self._db.spans.of_function(function)(self, new)
                    else:
                        made = self.create(rows._model, new)
                    keys.append(self.returned_key(rows, made, "create"))
        finally:
            self._parents = before
        return keys

    def returned_key(self, rows: Resource, row: Any, verb: str) -> Any:
        """Return the key of the row that a function has returned, and note the event."""
        model = rows._model
        if not isinstance(row, model):
            found = type(row).__name__
            raise TypeError(f"the hook {verb} must return a {model.__name__}, it returned {found}")
        self.session.flush()
        key = getattr(row, rows._key)
        self._events.add(rows, verb, key)
        return key

    def keys_created_with(self, rows: Resource, key: Any) -> Keys:
        """Return the keys of the rows that were created together with a row."""
        return self._created.get((rows, key), {})

    def update(self, row: ModelT, changes: Changes) -> ModelT:
        """Update a row with the fields that are set in `changes`; return it."""
        rows = _resource_of_model(type(row))
        self._raise_partial_failure()
        self.session.flush()
        key = getattr(row, rows._key)
        set_fields = changes
        if rows._key in changes.model_fields_set:  # an item of a bulk request
            set_fields = changes.model_copy()
            set_fields.model_fields_set.discard(rows._key)
        with self._recorded_errors("update", rows, row, changes):
            result_of(
                self._operations(rows, {}).update(
                    self._db, self._without_preconditions(rows), key, set_fields
                )
            )
            self._expire_links(rows, changes)
        self._events.add(rows, "update", key)
        return row

    def _expire_links(self, rows: Resource, body: Model) -> None:
        """Expire the linked rows of objects in the session if `body` has changed links."""
        if not any(one.attribute in body.model_fields_set for one in rows.linked_keys()):
            return
        for instance in self.session.identity_map.values():
            relations = inspect(type(instance)).relationships
            if links := [one.key for one in relations if one.secondary is not None]:
                self.session.expire(instance, links)

    def delete(self, row: Model) -> None:
        """Delete a row, and what the database deletes with it."""
        rows = _resource_of_model(type(row))
        self._raise_partial_failure()
        self.session.flush()
        key = getattr(row, rows._key)
        has_events = recorders_of(rows._properties.table)
        former = event_json(self._db, rows, key) if has_events else None
        with self._recorded_errors("delete", rows, row):
            result_of(
                self._operations(rows, {}).delete(self._db, self._without_preconditions(rows), key)
            )
        self._events.add_deleted(rows, key, former)

    @contextmanager
    def response_errors(
        self, where: str, *given: object, sent: SentBody | None = None
    ) -> Iterator[None]:
        """Raise the errors of a function, which `where` names, as those that the response reports.

        `given` are the objects that the function got, made from the body `sent`: an error in
        writing one of them is located in the body.
        """
        before = self._given, self._sent
        self._given, self._sent = given, sent
        try:
            yield
            self._raise_partial_failure()
        except Exception as error:
            answer = error_to_send(error, where, self._others)
            if answer is error:
                raise
            raise answer from error
        finally:
            self._given, self._sent = before

    def _raise_partial_failure(self) -> None:
        """Raise the error of a row that was created in part, though a function has caught it."""
        if self._record_error is not None:
            raise self._record_error

    @contextmanager
    def _recorded_errors(self, verb: str, rows: Resource, *written: object) -> Iterator[None]:
        """Record an error about another row than that of the request.

        An error about the row of the request gets its place in the body as the client sent it.
        """
        try:
            yield
        except Exception as error:
            if not all(any(one is given for given in self._given) for one in written):
                self._others.append((error, f"{verb} of {rows._name}"))
                raise
            is_failed = error is self._record_error
            answer = error if self._sent is None else self._sent.with_places_of_request(error)
            if is_failed:
                self._record_error = answer
            if answer is error:
                raise
            raise answer from error

    def write_events(self) -> Sequence[Recorder]:
        """Write the events, with the rows as they will be committed; return their recorders."""
        found: list[Recorder] = []
        noted = [*self._events]
        if noted:
            self.session.flush()
        for rows, kind, key, former in noted:
            shown = None if kind == "delete" else event_json(self._db, rows, key)
            if shown is None and kind in STATES:
                continue  # another function, or a cascade, has deleted the row
            for recorder in recorders_of(rows._properties.table):
                if recorder.wants_events(kind):
                    body = former if shown is None else shown
                    recorder.add(self.session, kind, key, body)
                    found.append(recorder)
        return found

    def _without_preconditions(self, rows: Resource) -> Request:
        """Return the request without its headers, whose preconditions are about another row."""
        headers = [(b"if-match", b"*")] if rows._etag_required else []
        return Request({**self._request.scope, "headers": headers})


def _resource_of_model(model: type[Model]) -> Resource:
    found = resource_of(model)
    if found is None:
        raise TypeError(f"{model.__name__} is not an entity of the API: use tx.session")
    return found
