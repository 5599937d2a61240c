"""The rows under a row, and links between rows, as one caller may use them."""

from collections.abc import Sequence
from typing import Any, Protocol, cast

from fastapi import Request, Response
from sqlalchemy import ColumnElement

from ..database import Database
from ..models import Model
from ..query import ListQuery
from ..rows.subcollection import Subcollection
from .caller import BaseCaller
from .caller_database import as_caller
from .caller_view import remember, shown
from .fields import check_fields
from .may import May
from .queries import check_query
from .row_operations import read_condition
from .rules import Access, Roles, roles_of
from .views import Guarded


class _Operations(Protocol):
    """The operations of subcollections, of which each has some."""

    async def list(self, *arguments: Any) -> Response: ...

    async def create(self, *arguments: Any) -> Response: ...

    async def add(self, *arguments: Any) -> Response: ...

    async def remove(self, *arguments: Any) -> Response: ...

    async def replace(self, *arguments: Any) -> Response: ...


class GuardedCollection:
    """The rows under a row, which only a caller can use: see `view`.

    `owner` are the rules of the row above, `rows` the rows under it, and `links` the rules of the
    rows that the links belong to, if it has links. `via` are the rules of a link table
    that has rules of its own.
    """

    def __init__(
        self,
        collection: Subcollection,
        owner: Access,
        rows: Guarded,
        *,
        links: Access | None = None,
        via: Access | None = None,
    ) -> None:
        self.collection, self.owner, self.rows = collection, owner, rows
        self.links, self.via = links, via
        self._restricted: dict[tuple[str, Roles], Subcollection] = {}
        read, caller = (owner.read, rows.access.read), owner.caller
        linked = () if via is None else (via.read,)
        self.lister: Any = May(caller, *read, *linked).asked
        """The dependency that returns the caller of a list."""
        self.creator: Any = May(caller, owner.read, rows.access.create).asked
        """The dependency that returns the caller of a creation."""
        changed = () if links is None else (links.update,)
        self.linker: Any = May(caller, *read, *changed).asked
        """The dependency that returns the caller of a change of links."""

    def view(self, caller: BaseCaller | None) -> "CollectionView":
        """Return the operations that a caller may use; None is a caller without credentials."""
        return CollectionView(self, caller)

    def restricted(
        self, kind: str, caller: BaseCaller | None, *, creates: bool = False
    ) -> Subcollection | None:
        """Return the rows that a caller can read or `creates`; None if no rule is about rows."""
        roles = roles_of(caller)
        operations = self.rows.row_operations(roles)
        if operations is None:
            return None
        if creates:
            return self.collection.restricted(
                self.rows.view(caller), self._owner_condition(kind, roles)
            )
        chosen = (kind, roles)
        if chosen not in self._restricted:
            owner = self._owner_condition(kind, roles)
            self._restricted[chosen] = self.collection.restricted(operations.visible, owner)
        return self._restricted[chosen]

    def _owner_condition(self, kind: str, roles: Roles) -> ColumnElement[bool] | None:
        condition = read_condition(self.owner, roles)
        return None if condition is None else condition(kind)


class CollectionView:
    """The operations on the rows under a row, for one caller.

    They raise Unauthorized (401), Forbidden (403), and the errors of the collection.
    """

    __slots__ = ("_caller", "_guarded", "_rows")

    def __init__(self, guarded: GuardedCollection, caller: BaseCaller | None) -> None:
        self._rows = cast(_Operations, guarded.collection)
        self._guarded, self._caller = guarded, caller

    async def list(self, db: Database, request: Request, key: Any, query: ListQuery) -> Response:
        """Return the response with a page of the rows under a row."""
        guarded, caller = self._guarded, self._caller
        guarded.owner.read.check(caller)
        guarded.rows.access.read.check(caller)
        if guarded.via is not None:
            guarded.via.read.check_all(caller)
        check_query(guarded.rows.unguarded._columns, query, caller)
        seen = guarded.restricted(db.kind, caller)
        if seen is None:
            return await self._rows.list(db, request, key, query)
        check_fields(guarded.rows.unguarded._columns, query, caller)
        return await seen.list(as_caller(db, caller), request, key, query)

    async def create(
        self, db: Database, request: Request, key: Any, row: Model, *options: str | None
    ) -> Response:
        """Insert a row under a row; return the response with it, if the caller may read it."""
        guarded, caller = self._guarded, self._caller
        guarded.owner.read.check(caller)
        guarded.rows.access.create.check(caller)
        seen = guarded.restricted(db.kind, caller, creates=True)
        if seen is not None:
            return await cast(_Operations, seen).create(
                as_caller(db, caller), request, key, row, *options
            )
        guarded.rows.bodies.check([row], caller)
        remember(request, caller)
        row = guarded.rows.bodies.filled(row, caller)
        response = await self._rows.create(db, request, key, row, *options)
        return shown(guarded.rows.access, guarded.rows.bodies, response, [row], caller)

    async def add(self, db: Database, request: Request, key: Any, other: Any) -> Response:
        """Link a row to the row with this key."""
        self._check_links()
        return await self._rows.add(db, request, key, other)

    async def remove(self, db: Database, request: Request, key: Any, other: Any) -> Response:
        """Remove the link of a row to the row with this key."""
        self._check_links()
        return await self._rows.remove(db, request, key, other)

    async def replace(
        self, db: Database, request: Request, key: Any, others: Sequence[Any]
    ) -> Response:
        """Link these rows, and no others, to the row with this key."""
        self._check_links()
        return await self._rows.replace(db, request, key, others)

    def _check_links(self) -> None:
        """Raise HTTPException unless the caller may change the links."""
        guarded = self._guarded
        guarded.owner.read.check_all(self._caller)
        guarded.rows.access.read.check_all(self._caller)
        links = guarded.links
        if links is None:
            raise TypeError("a collection without the rules of its links has no links to change")
        links.update.check_all(self._caller)
