"""Reads the rows of a resource for one caller, with rules about rows."""

from typing import Any

from fastapi import Request, Response

from ..database import Database
from ..query import ListQuery
from .bodies import Bodies
from .caller import BaseCaller
from .caller_database import as_caller
from .caller_view import View
from .fields import check_fields
from .queries import check_query
from .row_operations import RowOperations


class RowReading(View):
    """The operations that read the rows that a caller can read.

    The response for a row that the caller cannot read is that for a missing row.
    """

    __slots__ = ("_operations",)

    def __init__(
        self, operations: RowOperations, bodies: Bodies, caller: BaseCaller | None
    ) -> None:
        super().__init__(operations.all, operations.access, bodies, caller)
        self._operations = operations

    def _as_caller(self, db: Database) -> Database:
        return as_caller(db, self._caller)

    def _check_query(self, query: ListQuery) -> None:
        """Raise HTTPException if a query needs what the caller may not read."""
        columns = self._operations.visible._columns
        check_query(columns, query, self._caller)
        if self._operations.hides_values:
            check_fields(columns, query, self._caller)

    async def list(self, db: Database, request: Request, query: ListQuery) -> Response:
        """Return the response with a page of rows that the caller can read."""
        self._access.read.check(self._caller)
        visible = self._operations.visible
        self._check_query(query)
        return await visible.list(self._as_caller(db), request, query)

    async def read(self, db: Database, key: Any, query: ListQuery | None = None) -> Response:
        """Return the response with one row; raise HTTPException 404 if it cannot be read."""
        self._access.read.check(self._caller)
        visible: Any = self._operations.visible
        if query is None:
            return await visible.read(self._as_caller(db), key)  # type: ignore[no-any-return]
        self._check_query(query)
        return await visible.read(self._as_caller(db), key, query)  # type: ignore[no-any-return]

    async def _can_read(self, db: Database, key: Any) -> bool:
        read = self._operations.statements_for(db.kind).read
        return bool(await self._as_caller(db).read(read, {"key__": key}, short=True))
