"""The creation of rows under a row by functions of the owner, as one caller may use it."""

from typing import Any

from fastapi import Request, Response

from ..access.caller import BaseCaller
from ..access.collections import CollectionView, GuardedCollection
from ..access.rules import Access, roles_of
from ..database import Database
from ..models import Model
from .guarded import GuardedHooks
from .nested import HookedNested


class GuardedHookedCollection(GuardedCollection):
    """The rows under a row, with functions of the owner, which only a caller can use: see `view`.

    `owner` are the rules of the row above, and `rows` the rows under it.
    """

    def __init__(
        self, collection: HookedNested, owner: Access, rows: GuardedHooks[Any, Any]
    ) -> None:
        super().__init__(collection, owner, rows.rows)
        self._nested, self._hooked = collection, rows

    def view(self, caller: BaseCaller | None) -> CollectionView:
        """Return the operations that a caller may use; None is a caller without credentials."""
        return _HookedView(self, caller)

    def created_by(self, kind: str, caller: BaseCaller | None) -> HookedNested:
        """Return the rows as a caller can create them, under the rows that they can read."""
        condition = self._owner_condition(kind, roles_of(caller))
        return self._nested.restricted(self._hooked.view(caller), condition)


class _HookedView(CollectionView):
    """The operations on the rows under a row, for one caller."""

    __slots__ = ("_hooked",)

    def __init__(self, hooked: GuardedHookedCollection, caller: BaseCaller | None) -> None:
        super().__init__(hooked, caller)
        self._hooked = hooked

    async def create(
        self, db: Database, request: Request, key: Any, row: Model, *options: str | None
    ) -> Response:
        """Create a row under a row; return the response with it, if the caller may read it."""
        hooked, caller = self._hooked, self._caller
        hooked.owner.read.check(caller)
        hooked.rows.access.create.check(caller)
        return await hooked.created_by(db.kind, caller).create(db, request, key, row, *options)
