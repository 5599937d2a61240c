"""The rows that refer to one row of another table, and their creation under it."""

from typing import Any

from fastapi import HTTPException, Request, Response

from ..database import Database
from ..models import Model
from .owner_reference import ModelsWithReference, with_reference
from .resource import Resource
from .row_responses import COLLECTION
from .subcollection import Subcollection

_OF_ROW = {403, 409, 422}
"""The statuses of errors about a new row."""


class NestedResource(Subcollection):
    """The rows of a resource that refer to one row of `owner`, by their attribute `by`.

    To create rows, `create` is the model of a new row, `path` the path of the owners and
    `rows_path` that of the rows.
    """

    def __init__(
        self,
        owner: type[Model],
        rows: Resource,
        *,
        by: str,
        create: type[Model] | None = None,
        path: str = "",
        rows_path: str = "",
    ) -> None:
        super().__init__(owner, rows, by=by)
        self._create = create
        self._completed: ModelsWithReference = {}
        self._segments = path.count("/") + 2
        self._rows_path = rows_path

    async def create(
        self, db: Database, request: Request, key: Any, row: Model, *options: Any
    ) -> Response:
        """Insert a row that refers to the row with this key; return the response with it.

        `options` are passed on. Raises the errors of the creation, or HTTPException 404 instead of
        them if the row with this key does not exist.
        """
        self._check_owner_key(key)
        request.scope[COLLECTION] = self._collection_path(request)
        try:
            return await self._rows.create(
                db, request, self._with_owner_reference(row, key), *options
            )
        except HTTPException as error:
            if error.status_code in _OF_ROW:
                await self._check_owner(db, key)
            raise

    def _with_owner_reference(self, row: Model, key: Any) -> Model:
        """Return a validated row with its reference to the owner."""
        assert self._create is not None
        return with_reference(row, self._create, self._by, key, self._completed)

    def _collection_path(self, request: Request) -> str:
        """Return the path of all rows, `/heroes`, from that of the request, `/teams/7/heroes`."""
        segments = request.scope["path"].rstrip("/").split("/")
        return "/".join(segments[: -self._segments]) + self._rows_path
