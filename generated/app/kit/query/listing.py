"""The list of one table: runs the query, and returns the page with its links."""

from collections.abc import Sequence
from typing import Any, ClassVar

from fastapi import HTTPException, Request
from pydantic_core import from_json, to_json

from ..acceleration import fast_module
from ..database import Database
from ..database.columns import value_handling
from ..database.transaction import Row
from ..models import MAX_INT, Model
from ..types.value_types import VALUE_TYPES
from .columns import Columns
from .cursor import Cursor, read_cursor, write_cursor
from .links import cursor_links, offset_links
from .query import ListQuery
from .shapes import Shape, ShapeCache
from .statements import bound_values, count_statement, page_statement, shape_key

SHORT_PAGE = 200
"""Most rows that a short read returns or skips: limit and offset together."""
SHORT_BYTES = 262_144
"""Most bytes that a short read returns, by the declared lengths of its columns."""
NARROW_BYTES = 32
"""Estimated bytes of a number, a date, a UUID or an enum value."""


class Listing:
    """Reads the pages of one table."""

    reads_related: ClassVar = False
    """Whether rows have related rows, so that a row may need several rows of the statement."""

    def __init__(self, model: type[Model], columns: Columns) -> None:
        self._columns = columns
        self._width = max_row_bytes(model, columns)
        self._cache = ShapeCache()

    def for_query(self, query: ListQuery) -> "tuple[Listing, ListQuery]":
        """Return the listing that reads the rows of a query, and what it is asked."""
        return self, query

    def property_names(self, query: ListQuery) -> list[str]:
        """Return the JSON names of the properties of a row."""
        return self._own_names(query.fields or None)

    def _own_names(self, fields: Sequence[str] | None) -> list[str]:
        """Return the JSON names of these attributes; None: of all, and of computed fields."""
        columns = self._columns
        if fields is not None:
            return [*map(columns.json_name, fields)]
        computed = columns.computed_fields.items()
        return [
            *map(columns.json_name, columns.shown),
            *(one.alias or name for name, one in computed),
        ]

    async def answer(
        self, db: Database, request: Request, query: ListQuery
    ) -> tuple[bytes, dict[str, str]]:
        """Return a page as JSON and its headers; raise HTTPException 404 for an invalid cursor."""
        cursor = self._read_cursor(db, query)
        use = self._cached_shape(db, query, cursor)
        body, link = await self._read_page(db, request, query, cursor, use)
        return body, await self._headers(db, query, use, link)

    async def rows(
        self, db: Database, request: Request, query: ListQuery
    ) -> tuple[list[bytes], dict[str, str]]:
        """Return the rows of a page, each as JSON, and the headers of the page."""
        cursor = self._read_cursor(db, query)
        use = self._cached_shape(db, query, cursor)
        rows, more = await self._read_rows(db, use, query, cursor)
        link = self._page_links(db, request, query, cursor, rows, more=more)
        written = [use.rows.write(row) for row in rows]
        return written, await self._headers(db, query, use, link)

    async def _headers(
        self, db: Database, query: ListQuery, use: Shape, link: str
    ) -> dict[str, str]:
        headers = {"Link": link}
        if use.count is not None:
            ((total,),) = await db.read(use.count, bound_values(query))
            headers["X-Total-Count"] = str(total)
        return headers

    async def _read_page(
        self, db: Database, request: Request, query: ListQuery, cursor: Cursor | None, use: Shape
    ) -> tuple[bytes, str]:
        """Return the rows of a page as JSON, and its Link header."""
        rows, more = await self._read_rows(db, use, query, cursor)
        return use.rows.write_all(rows), self._page_links(
            db, request, query, cursor, rows, more=more
        )

    async def _read_rows(
        self, db: Database, use: Shape, query: ListQuery, cursor: Cursor | None
    ) -> tuple[Sequence[Row], bool]:
        """Return the rows of a page, and whether there are more."""
        bound = self._bound_values(query, cursor)
        rows = await db.read(use.page, bound, short=self._is_short_read(query))
        return self._trim_page(rows, query, cursor)

    def _trim_page(
        self, rows: Sequence[Row], query: ListQuery, cursor: Cursor | None
    ) -> tuple[Sequence[Row], bool]:
        """Return the rows of a page in order, without the extra row, and whether there was one."""
        page_rows = rows[: query.limit]
        backward = cursor is not None and cursor.backward
        return page_rows[::-1] if backward else page_rows, len(rows) > query.limit

    def _bound_values(self, query: ListQuery, cursor: Cursor | None) -> dict[str, Any]:
        """Return the bound values of the statement of a page, which reads one extra row."""
        limit, end = query.limit + 1, min(query.offset + query.limit + 1, MAX_INT)
        bound = bound_values(query) | {"offset": query.offset, "limit": limit, "end": end}
        if cursor is not None:
            bound |= self._cursor_values(query, cursor)
        return bound

    def _cached_shape(self, db: Database, query: ListQuery, cursor: Cursor | None) -> Shape:
        """Return the shape of a query from the cache, or else compile it."""
        chosen = (db.kind, *self._shape_key(query, cursor))
        known = self._cache.shapes.get(chosen)
        return known or self._cache.add(chosen, self._compile_shape(db, query, cursor))

    def _shape_key(self, query: ListQuery, cursor: Cursor | None) -> tuple[object, ...]:
        """Return the key of a query in the cache of shapes: all that determines its statements."""
        return shape_key(query, cursor)

    def _compile_shape(self, db: Database, query: ListQuery, cursor: Cursor | None) -> Shape:
        columns, kind = self._columns, db.kind
        rows = columns.json_rows(kind, query.fields)
        return Shape(
            rows.encoder,
            db.compile(page_statement(columns, rows.selected, query, cursor, kind)),
            db.compile(count_statement(columns, query, kind)) if query.count else None,
        )

    def _is_short_read(self, query: ListQuery) -> bool:
        """Return whether a page is a short read (see `Database.read`)."""
        end = query.offset + query.limit
        is_small = end <= SHORT_PAGE and query.limit * self._width <= SHORT_BYTES
        return is_small and self._columns.reads_in_index_order(query)

    def _read_cursor(self, db: Database, query: ListQuery) -> Cursor | None:
        if not query.cursor:
            return None
        cursor = read_cursor(query.cursor, self._cursor_scope(query), db.secret)
        if cursor is None:
            raise HTTPException(404, "Invalid cursor: use the links of this list")
        return cursor

    def _cursor_scope(self, query: ListQuery) -> tuple[object, ...]:
        return (self._columns.properties.table.name, *query.cursor_scope)

    def _cursor_values(self, query: ListQuery, cursor: Cursor) -> dict[str, Any]:
        """Return the sort values of a cursor, parsed, by the name of their bound parameter."""
        read = self._columns.adapter
        return {
            f"place_{n}": read(name).validate_python(text)
            for n, ((name, _), text) in enumerate(zip(query.sort, cursor.values, strict=True))
            if text is not None
        }

    def _page_links(
        self,
        db: Database,
        request: Request,
        query: ListQuery,
        cursor: Cursor | None,
        rows: Sequence[Row],
        *,
        more: bool,
    ) -> str:
        if query.cursor is None:
            return offset_links(request, query, more=more)
        backward = cursor is not None and cursor.backward
        before = after = None
        if rows and (more if backward else cursor is not None or query.offset > 0):
            before = self._write_cursor(
                db, query, Cursor(sort_values(query, rows[0]), backward=True)
            )
        if rows and (more or backward):
            after = self._write_cursor(db, query, Cursor(sort_values(query, rows[-1])))
        if not rows and cursor is not None:
            # The rows of this page were deleted: the link back includes the row of the cursor.
            back = self._write_cursor(
                db, query, Cursor(cursor.values, not backward, inclusive=True)
            )
            before, after = (None, back) if backward else (back, None)
        return cursor_links(request, query, before, after)

    def _write_cursor(self, db: Database, query: ListQuery, cursor: Cursor) -> str:
        return write_cursor(cursor, self._cursor_scope(query), db.secret)


def listing(model: type[Model], columns: Columns) -> Listing:
    """Return the Listing of a table; JsonListing, which is faster, if `kit/fast` exists."""
    fast = fast_module("json_objects")
    kind: type[Listing] = fast.JsonListing if fast else Listing
    return kind(model, columns)


def sort_values(query: ListQuery, row: Row) -> tuple[str | None, ...]:
    """Return the sort values of a row, as text."""
    return tuple(None if place is None else _query_text(place) for place in row[-len(query.sort) :])


def _query_text(value: Any) -> str:
    """Return a value as text, as in a query string."""
    known = VALUE_TYPES.get(type(value))
    if known is not None and known.write is not None:
        return known.write(value)
    written = from_json(to_json(value))
    return written if isinstance(written, str) else to_json(value).decode()


def max_row_bytes(model: type[Model], columns: Columns) -> int:
    """Return the estimated maximum bytes of a row, by the declared lengths of its columns."""
    return sum(_max_bytes(model, name, columns) for name in columns.shown)


def _max_bytes(model: type[Model], name: str, columns: Columns) -> int:
    """Return the estimated maximum bytes of a property, by its declared length."""
    field = model.model_fields.get(name)
    metadata = field.metadata if field else ()  # a computed property has no declared length
    lengths = [one.max_length for one in metadata if hasattr(one, "max_length")]
    is_narrow = value_handling(columns.column(name).type).is_comparable
    return min(lengths, default=NARROW_BYTES if is_narrow else SHORT_BYTES)
