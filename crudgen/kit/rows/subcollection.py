"""The rows that belong to one row of another table: `/teams/7/heroes/`."""

from copy import copy
from dataclasses import replace
from functools import partial
from typing import Any, Self

from fastapi import HTTPException, Request, Response
from sqlalchemy import ColumnElement, Integer, bindparam, literal_column, select

from ..database import Change, Database
from ..database.properties import Properties
from ..models import Model
from ..query import ListQuery
from ..query.query import Filter
from .resource import Resource
from .row_responses import RowsResponse
from .values import is_storable_key

ONE = literal_column("1", Integer())


class Subcollection:
    """The rows of a resource that belong to one row of `owner`, by the attribute `by`."""

    def __init__(self, owner: type[Model], rows: Resource, *, by: str) -> None:
        self._rows = rows
        self._by = by
        self.owner_model = owner
        self._owner = Properties(owner, owner)
        self._owner_name = owner.__name__
        key = self._owner.columns[self._owner.key]
        self._exists = select(ONE).where(key == bindparam("key__"))
        self._lock_owner = self._exists.with_for_update(key_share=True)
        self._hides_owners = False

    def restricted(self, rows: Any, owner: ColumnElement[bool] | None) -> Self:
        """Return the collection of `rows`, some of the rows, for some owners.

        `owner` is the condition of the owners, None for all. Other owners are treated as missing.
        """
        found = copy(self)
        found._rows = rows
        if owner is not None:
            found._hides_owners = True
            found._exists, found._lock_owner = (
                one.where(owner) for one in (self._exists, self._lock_owner)
            )
        return found

    async def list(self, db: Database, request: Request, key: Any, query: ListQuery) -> Response:
        """Return the response with a page of the rows that belong to the row with this key.

        Raises HTTPException 404 if the row does not exist.
        """
        self._check_owner_key(key)
        if self._hides_owners:
            await self._check_owner(db, key)
        within = replace(query, filters=(self._owner_filter(key), *query.filters))
        response = await self._rows.list(db, request, within)
        if isinstance(response, RowsResponse):
            await response.call_if_empty(partial(self._check_owner, db, key))
        elif response.body == b"[]":
            await self._check_owner(db, key)
        return response

    def _owner_filter(self, key: Any) -> Filter:
        """Return the filter for the rows that belong to the row with this key."""
        return Filter(self._by, "eq", (key,))

    def _owner_lock(self, key: Any) -> Change:
        """Return the change that locks the owner; it raises HTTPException 404 without one."""

        def raise_if_missing(found: Any) -> None:
            if not found:
                raise self._owner_not_found()

        return Change(self._lock_owner, {"key__": key}, check=raise_if_missing)

    def _check_owner_key(self, key: Any) -> None:
        if not is_storable_key(key):
            raise self._owner_not_found()

    async def _check_owner(self, db: Database, key: Any) -> None:
        """Raise HTTPException 404 unless the row with this key exists."""
        if not await db.read(self._exists, {"key__": key}, short=True):
            raise self._owner_not_found()

    def _owner_not_found(self) -> HTTPException:
        return HTTPException(404, f"{self._owner_name} not found")
