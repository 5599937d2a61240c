"""The operations of a resource for one caller."""

from collections.abc import Mapping, Sequence
from copy import copy
from typing import Any, Protocol, Self, cast

from fastapi import Request, Response

from ..database import Database
from ..models import Changes, Model
from ..query import ListQuery
from ..query.columns import Columns
from ..rows.related_writes import LinkWrites
from ..rows.resource import ExistsError, Resource
from ..rows.row_responses import CALLER, CallerIdentity
from .bodies import Bodies
from .caller import BaseCaller
from .queries import check_query
from .rules import Access, check_any


class _Operations(Protocol):
    """The operations of resources. A resource has some of them."""

    _columns: Columns

    def link_writes(self, db: Database, rows: Any, *, replaces: bool) -> LinkWrites: ...

    async def list(self, db: Database, request: Request, query: ListQuery) -> Response: ...

    async def read(self, db: Database, key: Any, *query: ListQuery) -> Response: ...

    async def create(self, *arguments: Any) -> Response: ...

    async def create_many(self, *arguments: Any) -> Response: ...

    async def update(self, *arguments: Any) -> Response: ...

    async def update_many(self, *arguments: Any) -> Response: ...

    async def replace(self, *arguments: Any, creates: bool, updates: bool) -> Response: ...

    async def delete(self, *arguments: Any) -> Response: ...

    async def delete_many(self, *arguments: Any) -> Response: ...


class View:
    """The operations on a table for one caller. They check no rules about rows.

    They raise Unauthorized (401), Forbidden (403), and the errors of the resource.
    """

    __slots__ = ("_access", "_bodies", "_caller", "_parents", "_rows")

    def __init__(
        self, rows: Resource, access: Access, bodies: Bodies, caller: BaseCaller | None
    ) -> None:
        self._rows = cast(_Operations, rows)
        self._access, self._bodies, self._caller = access, bodies, caller
        self._parents: Mapping[str, Any] = {}

    def with_parents(self, parents: Mapping[str, Any]) -> Self:
        """Return the operations that let new rows refer to `parents`, by attribute.

        The request has created these rows, and the caller may not be able to read them.
        """
        found = copy(self)
        found._parents = parents
        return found

    def _references_to_parents(self, row: Model) -> set[str]:
        return {one for one, key in self._parents.items() if getattr(row, one, None) == key}

    def links_reader(self, db: Database, key: Any) -> LinkWrites | None:
        """Return the statements that read the keys of linked rows that the caller can read.

        None if the caller may not get a response with such keys.
        """
        nothing = Changes()
        if not self._bodies.are_readable([nothing], self._caller):
            return None
        return self._rows.link_writes(db, [(key, nothing, [])], replaces=False)

    async def list(self, db: Database, request: Request, query: ListQuery) -> Response:
        """Return the response with a page of rows."""
        self._access.read.check(self._caller)
        check_query(self._rows._columns, query, self._caller)
        return await self._rows.list(db, request, query)

    async def read(self, db: Database, key: Any, query: ListQuery | None = None) -> Response:
        """Return the response with one row, and the related rows that the query includes."""
        self._access.read.check(self._caller)
        if query is None:
            return await self._rows.read(db, key)
        check_query(self._rows._columns, query, self._caller)
        return await self._rows.read(db, key, query)

    async def create(
        self, db: Database, request: Request, row: Model, *options: str | None
    ) -> Response:
        """Insert a row; return the response with it, if the caller may read it."""
        self._access.create.check(self._caller)
        self._bodies.check([row], self._caller, kept=[self._references_to_parents(row)])
        store_identity(request, self._caller)
        row = self._bodies.with_caller_values(row, self._caller)
        return self._readable_response(await self._rows.create(db, request, row, *options), [row])

    async def create_many(
        self, db: Database, request: Request, rows: Sequence[Model], *options: str | None
    ) -> Response:
        """Insert rows; return the response with them, if the caller may read them."""
        self._access.create.check(self._caller)
        self._bodies.check(rows, self._caller, several=True)
        store_identity(request, self._caller)
        rows = [self._bodies.with_caller_values(row, self._caller) for row in rows]
        return self._readable_response(
            await self._rows.create_many(db, request, rows, *options), rows
        )

    async def update(self, db: Database, request: Request, key: Any, changes: Changes) -> Response:
        """Update a row; return the response with it."""
        self._access.update.check(self._caller)
        kept = await self._bodies.unchanged_references(db, key, changes, self._caller)
        self._bodies.check([changes], self._caller, kept=[kept])
        return self._readable_response(
            await self._rows.update(db, request, key, changes), [changes]
        )

    async def update_many(
        self, db: Database, request: Request, rows: Sequence[Changes]
    ) -> Response:
        """Update rows; return the response with them."""
        self._access.update.check(self._caller)
        kept = await self._bodies.unchanged_references_of_all(db, rows, self._caller)
        self._bodies.check(rows, self._caller, several=True, kept=kept)
        return self._readable_response(await self._rows.update_many(db, request, rows), rows)

    async def replace(self, db: Database, request: Request, key: Any, row: Model) -> Response:
        """Replace a row, or create it if it does not exist, as far as the caller may."""
        creates = self._access.create.admits(self._caller)
        updates = self._access.update.admits(self._caller)
        check_any((self._access.update, self._access.create), self._caller)
        if "if-match" in request.headers:  # its 412 would tell whether the row exists
            self._access.read.check(self._caller)
        kept = (
            await self._bodies.unchanged_references(db, key, row, self._caller) if updates else ()
        )
        self._bodies.check([row], self._caller, kept=[kept])
        row = self._bodies.with_caller_values(row, self._caller)
        try:
            response = await self._rows.replace(
                db, request, key, row, creates=creates, updates=updates
            )
        except ExistsError:
            self._access.update.check(self._caller)
            raise
        return self._readable_response(response, [row])

    async def values_of_replacement(
        self, db: Database, key: Any, row: Model, values: dict[str, Any]
    ) -> dict[str, Any]:
        """Return the values that a PUT sets: here, all values of its body."""
        del db, key, row
        return values

    async def delete(self, db: Database, request: Request, key: Any) -> Response:
        """Delete a row."""
        self._access.delete.check(self._caller)
        return await self._rows.delete(db, request, key)

    async def delete_many(self, db: Database, request: Request, keys: Sequence[Any]) -> Response:
        """Delete rows."""
        self._access.delete.check(self._caller)
        return await self._rows.delete_many(db, request, keys)

    def _readable_response(self, response: Response, rows: Sequence[Model]) -> Response:
        return readable_response(self._access, self._bodies, response, rows, self._caller)


def readable_response(
    access: Access,
    bodies: Bodies,
    response: Response,
    rows: Sequence[Model],
    caller: BaseCaller | None,
) -> Response:
    """Return the response with written rows, or 204 to a caller who may not read them all.

    It has the Location of a row that they may read, without those created with it.
    """
    if not access.read.admits(caller):
        return Response(status_code=204)
    if bodies.are_readable(rows, caller):
        return response
    location = response.headers.get("location")
    return Response(status_code=204, headers={"Location": location} if location else None)


def store_identity(request: Request, caller: BaseCaller | None) -> None:
    """Store the caller's identity in the request: an Idempotency-Key is valid for one caller."""
    request.scope[CALLER] = identity_of(caller)


def identity_of(caller: BaseCaller | None) -> CallerIdentity:
    """Return the identity and the roles of a caller; callers without credentials have one."""
    if caller is None:
        return CallerIdentity("", frozenset())
    return CallerIdentity(caller.identity, caller.roles)
