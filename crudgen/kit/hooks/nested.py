"""The creation of rows under a row of another table, by functions of the owner."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from fastapi import Request, Response

from ..database import Change, Database
from ..models import Model
from ..rows.nested import NestedResource
from ..rows.resource import Resource
from ..rows.row_responses import COLLECTION
from .hooked import HookedRows


class HookedNested(NestedResource):
    """The rows that refer to one row of `owner`, and whose creation runs a function of the owner.

    The function gets the new row with its reference. The row above is locked before: it exists
    until the commit.
    """

    def __init__(
        self, owner: type[Model], rows: Resource | HookedRows[Any, Any], **options: Any
    ) -> None:
        listed: Any = rows
        super().__init__(owner, listed, **options)

    async def create(
        self, db: Database, request: Request, key: Any, row: Model, *options: Any
    ) -> Response:
        """Create a row that refers to the row with this key; return the response with it.

        Raises HTTPException 404 if the row with this key does not exist, before a function runs.
        """
        self._check_owner_key(key)
        request.scope[COLLECTION] = self._collection_path(request)
        rows: Any = self._rows
        created = self._with_owner_reference(row, key)
        response: Response = await rows.create(
            db, request, created, *options, before=[*self._owner_locks(db.kind, key)], by=self._by
        )
        return response

    def _owner_locks(self, kind: str, key: Any) -> Iterator[Change]:
        """Yield the changes that lock the row above; they raise HTTPException 404 without one."""
        lock = self._owner_lock(key)
        yield lock
        if self._hides_owners and kind != "sqlite":
            # Whoever had locked the row before may have changed whether the caller sees it, also
            # by a change of a related row, which the statement that waits does not see.
            yield replace(lock, statement=self._exists)
