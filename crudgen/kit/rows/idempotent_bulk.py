"""The header `Idempotency-Key` of requests that create several rows."""

from collections.abc import Sequence

from fastapi import Request, Response

from ..database import Database
from ..models import Model
from .bulk import BulkResource
from .idempotency import IdempotentResource
from .row_responses import ErrorConversion


class IdempotentBulkResource(IdempotentResource, BulkResource):
    """A resource whose creations, also of several rows, can have an Idempotency-Key."""

    supports_row_rules = True

    async def create_many(
        self, db: Database, request: Request, rows: Sequence[Model], key: str | None = None
    ) -> Response:
        """Insert rows and return them, or return the stored response if the key was used before."""
        if key is None:
            return await super().create_many(db, request, rows)
        insertion = self._insertion_of_many(db, rows)
        with ErrorConversion(self._properties):
            return await self._responses.respond_idempotently(
                db,
                request,
                key=key,
                sent=rows,
                changes=insertion.changes,
                write=insertion.write,
                answer=insertion.answer,
                status=self._created_status,
            )
