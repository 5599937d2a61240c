"""The rows under a row, guarded by rules."""

from typing import Any, Protocol, cast

from fastapi import Request, Response
from sqlalchemy import ColumnElement

from ..database import Database
from ..models import Model
from ..query import ListQuery
from ..rows.subcollection import Subcollection
from .caller import BaseCaller
from .caller_database import as_caller
from .fields import check_fields
from .may import PermittedCaller
from .queries import check_query
from .row_operations import read_condition, visibility_of
from .rules import Access, Roles, roles_of
from .views import Guarded


class _Operations(Protocol):
    """The operations of subcollections. A subcollection has some of them."""

    async def list(self, *arguments: Any) -> Response: ...

    async def create(self, *arguments: Any) -> Response: ...


class GuardedCollection:
    """The rows under a row, guarded by rules; `view` returns what a caller may do.

    `owner` are the rules of the row above, and `rows` the rows under it. `via` are the rules of a
    link table that has rules of its own.
    """

    def __init__(
        self, collection: Subcollection, owner: Access, rows: Guarded, *, via: Access | None = None
    ) -> None:
        self.collection, self.owner, self.rows, self.via = collection, owner, rows, via
        self._restricted: dict[tuple[str, Roles], Subcollection | None] = {}
        linked = () if via is None else (via.read,)
        self.lister: Any = PermittedCaller(
            owner.caller, owner.read, rows.access.read, *linked
        ).dependency
        """The dependency that returns the caller who may list the rows."""
        self.creator: Any = PermittedCaller(owner.caller, owner.read, rows.access.create).dependency
        """The dependency that returns the caller who may create a row."""

    def view(self, caller: BaseCaller | None) -> "CollectionView":
        """Return the operations that a caller may use; None is a caller without credentials."""
        return CollectionView(self, caller)

    def visible(self, kind: str, caller: BaseCaller | None) -> Subcollection | None:
        """Return the rows that a caller can read; None if no rule is about rows."""
        roles = roles_of(caller)
        if (kind, roles) not in self._restricted:
            self._restricted[kind, roles] = self._visible_rows(kind, roles)
        return self._restricted[kind, roles]

    def _visible_rows(self, kind: str, roles: Roles) -> Subcollection | None:
        operations, owner = self.rows.row_operations(roles), self._owner_condition(kind, roles)
        hides_links = read_condition(self.via, roles) is not None
        if operations is None and owner is None and not hides_links:
            return None
        rows = self.rows.unguarded if operations is None else operations.visible
        found: Any = self.collection.restricted(rows, owner)
        return found.with_visible_links(visibility_of(roles)) if hides_links else found  # type: ignore[no-any-return]

    async def _create_as(
        self, db: Database, caller: BaseCaller | None, request: Request, *sent: Any
    ) -> Response:
        """Create a row as a caller, under a row that they can read; return the response with it."""
        owner = self._owner_condition(db.kind, roles_of(caller))
        rows = cast(_Operations, self.collection.restricted(self.rows.view(caller), owner))
        return await rows.create(as_caller(db, caller), request, *sent)

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
            guarded.via.read.check(caller)
        check_query(guarded.rows.unguarded._columns, query, caller)
        seen = guarded.visible(db.kind, caller)
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
        return await guarded._create_as(db, caller, request, key, row, *options)
