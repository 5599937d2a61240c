"""The creation of rows under a row by functions of the owner, in an application with rules."""

from typing import Any

from fastapi import Request, Response

from ..access.caller import BaseCaller
from ..access.collections import GuardedCollection
from ..access.rules import Access, roles_of
from ..database import Database
from .guarded import GuardedHooks
from .nested import HookedNested


class GuardedHookedCollection(GuardedCollection):
    """The rows under a row, with functions of the owner; `view` returns what a caller may do.

    `owner` are the rules of the row above, and `rows` the rows under it.
    """

    def __init__(
        self, collection: HookedNested, owner: Access, rows: GuardedHooks[Any, Any]
    ) -> None:
        super().__init__(collection, owner, rows.rows)
        self._nested, self._hooked = collection, rows

    async def _create_as(
        self, db: Database, caller: BaseCaller | None, request: Request, *sent: Any
    ) -> Response:
        """Create a row as a caller, under a row that they can read; return the response with it."""
        owner = self._owner_condition(db.kind, roles_of(caller))
        rows = self._nested.restricted(self._hooked.view(caller), owner)
        return await rows.create(db, request, *sent)
