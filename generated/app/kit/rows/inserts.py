"""The creation of rows, with keys of the client or of the server."""

from collections.abc import Awaitable, Callable, Sequence
from functools import lru_cache, partial
from typing import Any, Protocol
from urllib.parse import quote

from fastapi import Request, Response
from sqlalchemy import Table

from ..database import Change, Database
from ..database.backend import Row
from ..database.returning import not_kept
from ..models import Model
from .answers import NamedErrors, one_row
from .generated_keys import GeneratedKeys
from .statements import RowStatements

Values = dict[str, Any]
Found = Sequence[Sequence[Row]]
Write = Callable[[Sequence[Change]], Awaitable[list[Sequence[Row]]]]


@lru_cache(maxsize=1024)
def _quoted(path: str) -> str:
    """Return the percent-encoded path of a collection, without the final slash."""
    return quote(path).rstrip("/")


class Idempotency(Protocol):
    """Stores the responses to requests with an Idempotency-Key."""

    async def once(
        self,
        db: Database,
        request: Request,
        *,
        key: str,
        sent: str,
        changes: Sequence[Change],
        write: Write,
        answer: Callable[[Found], Response],
    ) -> Response:
        """Write the changes and return the response, or the stored one if the key was used."""
        ...


class Inserts:
    """Creates rows of one table."""

    def __init__(self, table: Table, idempotency: Idempotency | None) -> None:
        self._table = table
        self._key = next(iter(table.primary_key)).name
        self.generated = GeneratedKeys(table)
        self.idempotency = idempotency

    async def one(
        self, db: Database, use: RowStatements, request: Request, row: Model, key: str | None
    ) -> Response:
        """Insert a row; return it with its Location."""
        values = row.model_dump()
        columns = tuple(values)
        with NamedErrors(self._table):
            if key is not None and self.idempotency is not None:
                return await self.idempotency.once(
                    db,
                    request,
                    key=key,
                    sent=row.model_dump_json(exclude_unset=True),
                    changes=[Change(use.insert, values, columns, read_back=use.read)],
                    write=self.writer(db, values),
                    answer=lambda found: _created(use, request, found[-1]),
                )
            if self._key in values:
                rows = await db.write(use.insert, values, columns, use.read)
            else:
                rows = await self.generated.write(db, use.insert, values, columns, use.read)
            return _created(use, request, rows)

    def writer(self, db: Database, values: Values) -> Write:
        """Return the function that writes changes, for keys of the client or of the server."""
        return db.write_all if self._key in values else partial(self.generated.write_all, db)


def _created(use: RowStatements, request: Request, rows: Sequence[Row]) -> Response:
    """Return the response for a new row; raise HTTPException 409 if a trigger discarded it."""
    if not rows:
        raise not_kept()
    (row,) = rows
    key = row[-1]
    place = quote(key, safe="") if isinstance(key, str) else str(key)
    location = f"{_quoted(request.scope['path'])}/{place}"
    return one_row(use.rows.write(row), {"Location": location})
