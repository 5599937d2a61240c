"""Links between rows, guarded by rules."""

from collections.abc import Sequence
from typing import Any

from fastapi import Request, Response

from ..database import Database
from ..errors import StartupError
from ..rows.links import LinkedResource
from ..rows.resource import resource_of
from .caller import BaseCaller
from .caller_database import as_caller
from .collections import CollectionView, GuardedCollection
from .link_changes import LinkChanges
from .may import PermittedCaller
from .row_operations import RowOperations
from .rules import Access, Roles, roles_of
from .views import Guarded


class GuardedLinks(GuardedCollection):
    """The rows that are linked to a row, guarded by rules; `view` returns what a caller may do.

    `owner` are the rules of the row above, and `rows` the linked rows. The links belong to the row
    above; if `inverse`, each belongs to its linked row. To change a link, a caller must be allowed
    to read both rows, and to update the row that it belongs to.
    """

    def __init__(
        self, links: LinkedResource, owner: Access, rows: Guarded, *, inverse: bool = False
    ) -> None:
        super().__init__(links, owner, rows)
        self.links, self._inverse = links, inverse
        self.permission = (rows.access if inverse else owner).update
        """The permission to change the links."""
        self.linker: Any = PermittedCaller(
            owner.caller, owner.read, rows.access.read, self.permission
        ).dependency
        """The dependency that returns the caller who may change links."""
        self._changes: dict[tuple[str, Roles], LinkChanges | None] = {}

    def view(self, caller: BaseCaller | None) -> "LinksView":
        """Return the operations that a caller may use; None is a caller without credentials."""
        return LinksView(self, caller)

    def changes(self, kind: str, caller: BaseCaller | None) -> LinkChanges | None:
        """Return the changes that a caller may make; None if no rule is about rows."""
        roles = roles_of(caller)
        if (kind, roles) not in self._changes:
            asked = (self.owner.read, self.rows.access.read, self.permission)
            is_about_rows = any(one.clauses(roles) is not None for one in asked)
            self._changes[kind, roles] = self._new_changes(kind, roles) if is_about_rows else None
        return self._changes[kind, roles]

    def _new_changes(self, kind: str, roles: Roles) -> LinkChanges:
        model = self.links.owner_model
        owners, rows = resource_of(model), self.rows
        if owners is None:
            raise StartupError(f"{model.__name__} has no resource, which its rules need")
        return LinkChanges(
            self.links,
            RowOperations(owners, self.owner, roles),
            rows.row_operations(roles) or RowOperations(rows.unguarded, rows.access, roles),
            kind,
            inverse=self._inverse,
        )


class LinksView(CollectionView):
    """The operations on the rows that are linked to a row, for one caller.

    They raise Unauthorized (401), Forbidden (403), and the errors of the links.
    """

    __slots__ = ("_links",)

    def __init__(self, guarded: GuardedLinks, caller: BaseCaller | None) -> None:
        super().__init__(guarded, caller)
        self._links = guarded

    async def add(self, db: Database, request: Request, key: Any, other: Any) -> Response:
        """Link a row to the row with this key."""
        changes = self._allowed_changes(db)
        if changes is None:
            return await self._links.links.add(db, request, key, other)
        db = as_caller(db, self._caller)
        return await changes.add(db, request, self._caller, key, other)

    async def remove(self, db: Database, request: Request, key: Any, other: Any) -> Response:
        """Remove the link of a row to the row with this key."""
        changes = self._allowed_changes(db)
        if changes is None:
            return await self._links.links.remove(db, request, key, other)
        db = as_caller(db, self._caller)
        return await changes.remove(db, request, self._caller, key, other)

    async def replace(
        self, db: Database, request: Request, key: Any, others: Sequence[Any]
    ) -> Response:
        """Link these rows, and no others, to the row with this key."""
        changes = self._allowed_changes(db)
        if changes is None:
            return await self._links.links.replace(db, request, key, others)
        db = as_caller(db, self._caller)
        return await changes.replace(db, request, self._caller, key, others)

    def _allowed_changes(self, db: Database) -> LinkChanges | None:
        """Raise HTTPException if the caller may change no links; return the changes otherwise.

        None if no rule is about rows.
        """
        links = self._links
        for one in (links.owner.read, links.rows.access.read, links.permission):
            one.check(self._caller)
        return links.changes(db.kind, self._caller)
