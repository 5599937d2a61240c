"""The list of one table: from what is asked to the rows, and to the links around them."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from fastapi import HTTPException, Request
from pydantic_core import from_json, to_json
from sqlalchemy import LargeBinary

from ..database import Database
from ..database.backend import Row
from ..database.columns import JsonValue
from ..database.json_rows import JsonRows
from ..database.statements import Prepared
from ..models import MAX_INT, Model
from ..types import write_decimal
from .columns import Columns
from .cursor import Cursor, read_cursor, write_cursor
from .links import cursor_links, offset_links
from .query import ListQuery
from .statements import json_page, number, page, shape, values

SHORT_PAGE = 200
"""Up to this row, a page is read at once; further on, the database counts its way there."""
SHORT_BYTES = 262_144
"""A page that may be longer than this, by the declared lengths, is not read at once either."""
NARROW_BYTES = 32
"""What a number, a date, a UUID or a word takes, roughly."""
MOST_KEPT = 4_000_000
"""How many characters of statements are remembered, for the shapes of queries there have been."""


_OTHER = 4000
"""What a shape takes beside the text of its page, roughly."""


@dataclass(frozen=True, slots=True)
class _Shape:
    """The statements of one shape of a query, and how its rows are written."""

    rows: JsonRows
    page: Prepared
    json_page: Prepared | None
    """The page as one text, where SQLite can write it."""
    number: Prepared | None
    """How many rows there are, if that is asked."""


class Listing:
    """The rows of one table, a page at a time."""

    def __init__(self, model: type[Model], columns: Columns) -> None:
        self._columns = columns
        self._width = sum(_longest(model, name, columns) for name in columns.shown)
        self._shapes: dict[tuple[object, ...], _Shape] = {}
        self._kept = 0

    async def answer(
        self, db: Database, request: Request, query: ListQuery
    ) -> tuple[bytes, dict[str, str]]:
        """Give a page as JSON, and the headers; raise HTTPException 404 for a false cursor."""
        cursor = self._cursor(db, query)
        use = self._shape(db, query, cursor)
        if use.json_page is not None and self._is_short(query):
            end = query.offset + query.limit
            bound = {"offset": query.offset, "limit": query.limit, "end": end}
            ((text, more),) = await db.read(use.json_page, bound, short=True)
            body, link = text.encode(), offset_links(request, query, more=bool(more))
        else:
            rows, more = await self._rows(db, use.page, query, cursor)
            body = use.rows.write_all(rows)
            link = self._links(db, request, query, cursor, rows, more=more)
        headers = {"Link": link}
        if use.number is not None:
            ((total,),) = await db.read(use.number, values(query))
            headers["X-Total-Count"] = str(total)
        return body, headers

    async def _rows(
        self, db: Database, statement: Prepared, query: ListQuery, cursor: Cursor | None
    ) -> tuple[Sequence[Row], bool]:
        """Read the rows of a page; tell whether there are more."""
        limit, end = query.limit + 1, min(query.offset + query.limit + 1, MAX_INT)
        bound = values(query) | {"offset": query.offset, "limit": limit}
        if cursor is not None:
            bound |= self._places(query, cursor) | {"end": end}
        rows = await db.read(statement, bound, short=self._is_short(query))
        page_rows = rows[: query.limit]
        backward = cursor is not None and cursor.backward
        return page_rows[::-1] if backward else page_rows, len(rows) > query.limit

    def _shape(self, db: Database, query: ListQuery, cursor: Cursor | None) -> _Shape:
        chosen = (db.kind, *shape(query, cursor))
        known = self._shapes.get(chosen)
        if known is None:
            columns, kind = self._columns, db.kind
            names = query.fields or columns.shown
            rows = JsonRows({name: columns.column(name) for name in names}, kind)
            can_be_json = kind == "sqlite" and query.cursor is None and query.is_plain
            as_json = json_page(columns, names, query) if can_be_json else None
            known = _Shape(
                rows,
                db.compile(page(columns, rows.selected, query, cursor, kind)),
                None if as_json is None else db.compile(as_json),
                db.compile(number(columns, query, kind)) if query.count else None,
            )
            size = len(known.page.sql) + _OTHER
            if self._kept + size > MOST_KEPT:
                self._shapes.clear()
                self._kept = 0
            self._kept += size
            self._shapes[chosen] = known
        return known

    def _is_short(self, query: ListQuery) -> bool:
        end = query.offset + query.limit
        return query.is_plain and end <= SHORT_PAGE and query.limit * self._width <= SHORT_BYTES

    def _cursor(self, db: Database, query: ListQuery) -> Cursor | None:
        if not query.cursor:
            return None
        cursor = read_cursor(query.cursor, self._asked(query), db.secret)
        if cursor is None:
            raise HTTPException(404, "There is no such page: follow the links of this list")
        return cursor

    def _asked(self, query: ListQuery) -> tuple[object, ...]:
        return (self._columns.table.name, *query.asked)

    def _places(self, query: ListQuery, cursor: Cursor) -> dict[str, Any]:
        """Read the sort values of the row that a cursor holds."""
        read = self._columns.adapter
        return {
            f"place_{n}": read(name).validate_python(text)
            for n, ((name, _), text) in enumerate(zip(query.sort, cursor.values, strict=True))
            if text is not None
        }

    def _links(
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
            before = self._write(db, query, Cursor(_places(query, rows[0]), backward=True))
        if rows and (more or backward):
            after = self._write(db, query, Cursor(_places(query, rows[-1])))
        if not rows and cursor is not None:
            # What was here is deleted, or left out: the way back begins with the row that led here.
            back = self._write(db, query, Cursor(cursor.values, not backward, inclusive=True))
            before, after = (None, back) if backward else (back, None)
        return cursor_links(request, query, before, after)

    def _write(self, db: Database, query: ListQuery, cursor: Cursor) -> str:
        return write_cursor(cursor, self._asked(query), db.secret)


def _places(query: ListQuery, row: Row) -> tuple[str | None, ...]:
    """Write the values that a row is sorted by."""
    return tuple(None if place is None else _text(place) for place in row[-len(query.sort) :])


def _text(value: Any) -> str:
    """Write a value as a client would in a query."""
    if isinstance(value, Decimal):
        return write_decimal(value)
    written = from_json(to_json(value))
    return written if isinstance(written, str) else to_json(value).decode()


def _longest(model: type[Model], name: str, columns: Columns) -> int:
    """Tell how many bytes a property may take, as far as its declaration says."""
    metadata = model.model_fields[name].metadata
    lengths = [one.max_length for one in metadata if hasattr(one, "max_length")]
    boundless = isinstance(columns.column(name).type, (JsonValue, LargeBinary))
    return min(lengths, default=SHORT_BYTES if boundless else NARROW_BYTES)
