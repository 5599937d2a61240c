"""Creating a row together with rows that refer to it, in one transaction."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import copy
from functools import cached_property
from typing import Any, Self

from fastapi import HTTPException, Request, Response
from sqlalchemy import Column, Table

from ..database import Change, Database
from ..database.faults import http_error
from ..database.properties import json_name_in
from ..database.returning import row_discarded_error
from ..database.transaction import Row
from ..errors import Conflict, MissingTarget, Refused, RuleViolated
from ..http.etag import etag
from ..models import Model
from ..query.relations import OneToMany
from .added_properties import joined_etag_before, with_properties
from .generated_keys import KeyConflictError, Write
from .owner_reference import ModelsWithReference, with_reference
from .reference_locks import ReferenceLocks, TargetLocks
from .references import RowsOfRelation
from .related_writes import CreationGuard, LinkGuard, RelatedWrite
from .resource import Insertion, Resource
from .row_responses import ErrorConversion
from .write_lock import WriteLocks

_ROW_ERRORS = (Conflict, MissingTarget, Refused, RuleViolated)
"""The errors about one of several rows."""


class Children:
    """The rows of a relation that are created together with the row that they refer to."""

    def __init__(self, name: str, json_name: str, relation: OneToMany) -> None:
        self._name = name
        self.json_name = json_name
        self._by = relation.by
        self.rows = RowsOfRelation(relation.model, public=relation.public)
        """The resource of the rows."""
        properties = self.rows._properties
        self.table = properties.table.name
        unique = WriteLocks(properties, serialized=False).unique
        self._locks = WriteLocks(properties, serialized=bool(unique))

    def are_in(self, row: Model) -> bool:
        """Return whether the model of a request body has these children."""
        return self._name in type(row).model_fields

    def count(self, row: Model) -> int:
        """Return the number of children of a new row."""
        return len(getattr(row, self._name))

    def related_write(self, row: Model) -> RelatedWrite:
        """Return the children that a request body creates."""
        created = getattr(row, self._name)
        return RelatedWrite(self.json_name, self.rows, self._name, created, self._by)

    def locks(self, db: Database) -> list[Change]:
        """Return the changes that take the write lock of the children."""
        return self._locks.locking_changes(db, self.rows._statements_for(db))

    def target_keys(self, row: Model) -> Mapping[Column[Any], set[Any]]:
        """Return the keys that the children of a new row refer to, by the column of the target."""
        values = [self.rows._values.read(child) for child in getattr(row, self._name)]
        return self.rows._reference_locks.target_keys(values)

    def insertion_changes(self, db: Database, row: Model, before: int) -> Iterator[Change]:
        """Yield the changes that insert the children of a new row.

        `before` is the number of changes between these and the insertion of the row itself.
        """
        use = self.rows._statements_for(db)
        for index, child in enumerate(getattr(row, self._name)):
            values = self.rows._values.read(child)
            yield Change(
                use.insert,
                values,
                (*values, self._by),
                explain=self._error_converter(index, values),
                derive=self._reference_deriver(before + index + 1),
                read_back=use.read,
            )

    def _reference_deriver(
        self, distance: int
    ) -> Callable[[Sequence[Sequence[Row]]], dict[str, Any]]:
        """Return the function that derives the reference to the parent.

        The parent was inserted `distance` changes before.
        """

        def derive_reference(found: Sequence[Sequence[Row]]) -> dict[str, Any]:
            if not found[-distance]:
                raise row_discarded_error()
            (parent,) = found[-distance]
            return {self._by: parent[-1]}

        return derive_reference

    def _error_converter(
        self, index: int, values: Mapping[str, Any]
    ) -> Callable[[Exception], Exception]:
        """Return the function that converts driver errors of a child to HTTP errors."""
        has_key = self.rows._key in values

        def convert(error: Exception) -> Exception:
            conflict = None if has_key else self.rows._generated.key_conflict(error)
            if conflict is not None:
                conflict.answer = self._with_child_location(conflict.answer, index)
                return conflict
            answer = http_error(error, self.rows._properties)
            return (
                self._with_child_location(answer, index)
                if isinstance(answer, _ROW_ERRORS)
                else error
            )

        return convert

    def _with_child_location(self, error: HTTPException, index: int) -> HTTPException:
        """Add the location of a child to the locations of an error about it."""
        problems: Any = error.detail
        place = [self.json_name, index]
        detail = [{**one, "loc": [*one["loc"][:1], *place, *one["loc"][1:]]} for one in problems]
        return HTTPException(error.status_code, detail)

    def encode(self, db: Database, found: Sequence[Sequence[Row]]) -> bytes:
        """Return created children as a JSON array."""
        if not all(found):
            raise row_discarded_error()
        rows = self.rows._statements_for(db).rows
        return rows.write_all([row for (row,) in found])


class CompositeResource(Resource):
    """A resource whose rows can be created together with rows that refer to them.

    `creates` are the relations to these rows, the children, by the attribute of the request body.
    `created` is the model of the response, which contains them too.
    """

    supports_row_rules = True

    _guard: CreationGuard | None = None
    """Checks the rows that are created together with a row."""
    _is_apart = False
    """Whether only the row itself is inserted."""

    def __init__(
        self,
        model: type[Model],
        *,
        public: type[Model],
        created: type[Model],
        creates: Mapping[str, OneToMany],
        **options: Any,
    ) -> None:
        super().__init__(model, public=public, **options)
        self._children = [
            Children(name, json_name_in(created, name), relation)
            for name, relation in creates.items()
        ]
        if self._created_tag is etag:
            self._created_tag = joined_etag_before(self._children[0].json_name)
        self._completed: dict[tuple[type[Model], str], ModelsWithReference] = {}
        self._own_references = ReferenceLocks(self._properties)
        self._target_locks = TargetLocks()

    def guarded_by(self, guard: CreationGuard, links: LinkGuard) -> Self:
        """Return the operations on this resource with `guard`, which checks new children."""
        found = copy(super().guarded_by(guard, links))
        found._guard = guard
        return found

    @cached_property
    def without_children(self) -> Self:
        """The operations that insert a row without its children, which other code creates then.

        They take the locks for the children too.
        """
        found = copy(self)
        found._is_apart = True
        return found

    def child_with_reference(
        self, key: Any, one: RelatedWrite, child: Model, create: type[Model]
    ) -> Model:
        """Return a child in a body with its reference to the row with this key.

        `create` is the model for creating a child by its own request.
        """
        known = self._completed.setdefault((create, one.by), {})
        return with_reference(child, create, one.by, key, known)

    def with_child_rows(self, response: Response, created: Mapping[str, bytes]) -> Response:
        """Add children to the response with a new row: their JSON by property."""
        return with_properties(response, created.items(), self._created_tag)

    def created_tables(self) -> set[Table]:
        """Return the tables whose rows requests can create together with rows of this one."""
        return {one.rows._properties.table for one in self._children}

    def related_tables(self) -> set[Table]:
        """Return the other tables whose rows requests can read or refer to."""
        referred = (one.rows.related_tables() for one in self._children)
        return super().related_tables().union(self.created_tables(), *referred)

    async def create(
        self, db: Database, request: Request, row: Model, key: str | None = None
    ) -> Response:
        """Insert a row and its children; return the response with all of them.

        Raises the errors of creating a row, also for its children.
        """
        if key is not None:
            return await super().create(db, request, row, key)  # type: ignore[call-arg]
        insertion = self._insertion(db, request, row)
        with ErrorConversion(self._properties):
            return insertion.answer(await insertion.write(insertion.changes))

    def related_writes(self, row: Model) -> Iterator[RelatedWrite]:
        """Yield what a request body writes to other tables."""
        yield from super().related_writes(row)
        for children in self._children:
            if children.are_in(row):
                yield children.related_write(row)

    def _insertion(self, db: Database, request: Request, row: Model) -> Insertion:
        own = super()._insertion(db, request, row)
        if not all(one.are_in(row) for one in self._children):
            return own  # a model without children, from code of the owner
        in_order = sorted(self._children, key=lambda one: one.table)
        locks = [lock for one in in_order for lock in one.locks(db)]
        changes = [*locks, *self._locks_of_targets(db, row), *own.changes]
        if self._is_apart:
            return Insertion(changes, own.write, own.answer, own.tag, own.after)
        return self._insertion_with_children(db, row, own, changes)

    def _insertion_with_children(
        self, db: Database, row: Model, own: Insertion, changes: list[Change]
    ) -> Insertion:
        """Return the insertion of a row and its children; `changes` end with those of the row."""
        end = len(changes)
        spans: list[range] = []
        for children in self._children:
            written, distance = children.related_write(row), own.after + len(changes) - end
            checks = self._guard.checks(db, written, distance) if self._guard else []
            changes += [*checks, *children.insertion_changes(db, row, distance + len(checks))]
            spans.append(range(len(changes) - children.count(row), len(changes)))
        if self._guard:
            for children, span in zip(self._children, spans, strict=True):
                for index in span:
                    read = self._guard.read(db, children.related_write(row), len(changes) - index)
                    changes.append(read)
        tag = self._created_tag

        def build_response(found: Sequence[Sequence[Row]], shown: bytes | None = None) -> Response:
            found = found[len(found) - len(changes) :]  # other changes may precede these
            response = own.answer(found[:end], shown)
            read = found[spans[-1].stop :]
            if not all(read):  # a row that the caller cannot read
                headers = {"Location": response.headers["location"]}
                return Response(status_code=204, headers=headers)
            properties = []
            for one, span in zip(self._children, spans, strict=True):
                written = one.encode(db, found[span.start : span.stop])
                if self._guard:
                    count = len(span)
                    written = self._guard.encode(db, one.related_write(row), read[:count])
                    read = read[count:]
                properties.append((one.json_name, written))
            return with_properties(response, properties, tag)

        after = own.after + len(changes) - end
        return Insertion(changes, self._retrying_writer(db, own), build_response, tag, after)

    def _locks_of_targets(self, db: Database, row: Model) -> list[Change]:
        """Return the changes that lock all rows that a new row and its children refer to."""
        if db.kind == "sqlite":
            return []
        own = self._own_references.target_keys([self._values.read(row)])
        return self._target_locks.lock_changes(
            [own, *(one.target_keys(row) for one in self._children)]
        )

    def _retrying_writer(self, db: Database, own: Insertion) -> Write:
        """Return the function that writes changes, again if a generated key is already in use."""

        async def write_with_retries(changes: Sequence[Change]) -> list[Sequence[Row]]:
            try:
                return await own.write(changes)
            except KeyConflictError as error:
                return await error.keys.retry(db, changes, error)

        return write_with_retries
