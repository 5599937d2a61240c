"""All rows of a list, each as JSON, read from a snapshot in parts."""

from collections.abc import AsyncGenerator, Sequence
from dataclasses import replace
from typing import cast

from fastapi import HTTPException, Request
from sqlalchemy import JSON
from sqlalchemy.types import TypeDecorator

from ..database import Database
from ..database.snapshots import Snapshot
from ..errors import problem
from ..models import MAX_INT
from ..query import ListQuery
from ..query.cursor import Cursor
from ..query.listing import Listing, sort_values
from ..query.statements import bound_values

FIRST_ROWS = 100
"""How many rows are fetched first. Then, the number follows from their size."""
MAX_ROWS = 1000
"""Most rows of a part."""
PART_BYTES = 65_536
"""The size that the parts of a response should have."""


class ExportedRows:
    """The rows of a list that match a query."""

    def __init__(self, listing: Listing, query: ListQuery) -> None:
        found, query = listing.for_query(query)
        self._is_related = found is listing and found.reads_related
        self._listing, self._query = found, query

    @property
    def names(self) -> list[str]:
        """The names of the properties of a row."""
        return self._listing.property_names(self._query)

    @property
    def json_names(self) -> set[str]:
        """The names of the properties with any JSON value."""
        columns = self._listing._columns
        return {
            columns.json_name(name)
            for name in columns.shown
            if isinstance(_inner_type(columns.column(name).type), JSON)
        }

    @property
    def includes_rows(self) -> bool:
        """Whether rows contain related rows."""
        return any(True for _ in self._query.included_fields)

    async def page(self, db: Database, request: Request) -> tuple[list[bytes], dict[str, str]]:
        """Return the rows of a page, and the headers of the page."""
        return await self._listing.rows(db, request, self._query)

    def check_cursor(self, db: Database) -> None:
        """Raise HTTPException if the cursor is invalid, or leads back."""
        cursor = self._listing._read_cursor(db, self._query)
        if cursor is not None and cursor.backward:
            message = "The page before a row needs a `limit`"
            raise HTTPException(422, [problem("limit_missing", ["query", "limit"], message)])

    async def count(self, snapshot: Snapshot) -> int | None:
        """Return the number of matching rows, if the query asks for it."""
        db = cast(Database, snapshot)
        cursor = self._listing._read_cursor(db, self._query)
        use = self._listing._cached_shape(db, self._query, cursor)
        if use.count is None:
            return None
        ((total,),) = await snapshot.read(use.count, bound_values(self._query))
        return int(total)

    def parts(self, snapshot: Snapshot) -> AsyncGenerator[list[bytes]]:
        """Yield the rows in parts, from the offset or the cursor of the query on."""
        return self._pages(snapshot) if self._is_related else self._stream(snapshot)

    async def _stream(self, snapshot: Snapshot) -> AsyncGenerator[list[bytes]]:
        """Yield the rows of one statement."""
        db, listing, query = cast(Database, snapshot), self._listing, self._query
        query = replace(query, limit=MAX_INT - 1)
        cursor = listing._read_cursor(db, query)
        use = listing._cached_shape(db, query, cursor)
        found = await snapshot.open_cursor(use.page, listing._bound_values(query, cursor))
        size = FIRST_ROWS
        while rows := await snapshot.fetch(use.page, found, size):
            part = [use.rows.write(row) for row in rows]
            yield part
            size = _next_size(size, part)

    async def _pages(self, snapshot: Snapshot) -> AsyncGenerator[list[bytes]]:
        """Yield the rows page by page: a row with related rows is not one row of a statement."""
        db, listing, query = cast(Database, snapshot), self._listing, self._query
        cursor = listing._read_cursor(db, query)
        limit = query.limit if self.includes_rows else MAX_ROWS
        query = replace(query, limit=limit, cursor=query.cursor or "")
        more = True
        while more:
            use = listing._cached_shape(db, query, cursor)
            rows, more = await listing._read_rows(db, use, query, cursor)
            if rows:
                yield [use.rows.write(row) for row in rows]
                cursor = Cursor(sort_values(query, rows[-1]))
                query = replace(query, offset=0)


def _next_size(size: int, part: Sequence[bytes]) -> int:
    """Return how many rows to fetch, so that they have about PART_BYTES; at most twice as many."""
    width = sum(map(len, part)) // len(part) + 1
    return max(1, min(PART_BYTES // width, 2 * size, MAX_ROWS))


def _inner_type(kind: object) -> object:
    return kind.impl_instance if isinstance(kind, TypeDecorator) else kind
