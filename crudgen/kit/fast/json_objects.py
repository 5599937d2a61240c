"""Rows that the database encodes as JSON objects, to the same bytes as pydantic.

No database writes floats and JSON as pydantic does, and SQLite has no base64: rows that have one of
these are written by Python.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fastapi import Request
from pydantic_core import to_json
from sqlalchemy import (
    ColumnElement,
    Integer,
    Select,
    String,
    bindparam,
    func,
    literal_column,
    select,
)

from ..database import Database
from ..database.json_rows import JsonRowEncoder, JsonRows
from ..database.statements import Prepared
from ..database.transaction import Row
from ..query import ListQuery
from ..query.columns import Columns
from ..query.cursor import Cursor
from ..query.links import offset_links
from ..query.listing import Listing
from ..query.shapes import Shape
from ..query.statements import bound_values, conditions, page_statement
from .json_values import can_encode, postgresql_json_text, sqlite_json_argument, text_literal

MAX_PROPERTIES = 50
"""SQLite's functions take 100 arguments, two for each property."""


def json_object(columns: Mapping[str, ColumnElement[Any]], kind: str) -> ColumnElement[str] | None:
    """Return the SQL that encodes a row as a JSON object; None if Python has to encode it."""
    if (
        len(columns) > MAX_PROPERTIES
        or not all(can_encode(column, kind) for column in columns.values())
        or not all(map(_needs_no_escapes, columns))
    ):
        return None
    return _OBJECTS[kind](columns)


def _needs_no_escapes(name: str) -> bool:
    return name.isprintable() and to_json(name) == f'"{name}"'.encode()


class _JsonObjects(JsonRowEncoder):
    """The encoder of rows that the database has encoded already."""

    def __init__(self) -> None:
        super().__init__({})

    def write(self, row: Row) -> bytes:
        text: str = row[0]
        return text.encode()

    def write_all(self, rows: Sequence[Row]) -> bytes:
        return f"[{','.join([row[0] for row in rows])}]".encode()


_OBJECTS_ENCODER = _JsonObjects()


def json_rows(columns: Mapping[str, ColumnElement[Any]], kind: str) -> JsonRows | None:
    """Return how to read rows that the database encodes; None if Python has to encode them."""
    written = json_object(columns, kind)
    return None if written is None else JsonRows(_OBJECTS_ENCODER, (written,), (written,))


@dataclass(frozen=True, slots=True)
class _JsonShape(Shape):
    """A Shape with the statement by which the database encodes a page as JSON."""

    json_page: Prepared

    @property
    def statements(self) -> Sequence[Prepared | None]:
        """The statements."""
        return self.page, self.count, self.json_page


class JsonListing(Listing):
    """Reads the pages of one table. The database encodes short ones without cursors."""

    async def _read_page(
        self, db: Database, request: Request, query: ListQuery, cursor: Cursor | None, use: Shape
    ) -> tuple[bytes, str]:
        if not isinstance(use, _JsonShape) or not self._is_short_read(query):
            return await super()._read_page(db, request, query, cursor, use)
        if db.kind == "postgresql":
            bound = self._bound_values(query, cursor)
            ((lines, count),) = await db.read(use.json_page, bound, short=True)
            body, more = _page_of_lines(lines, count, query.limit)
            return body, offset_links(request, query, more=more)
        end = query.offset + query.limit
        bound = {**bound_values(query), "offset": query.offset, "limit": query.limit, "end": end}
        ((text, more),) = await db.read(use.json_page, bound, short=True)
        return text.encode(), offset_links(request, query, more=bool(more))

    def _compile_shape(self, db: Database, query: ListQuery, cursor: Cursor | None) -> Shape:
        use = super()._compile_shape(db, query, cursor)
        columns = self._columns
        in_order = columns.is_plain and columns.reads_in_index_order(query)
        if query.cursor is not None or not in_order:
            return use
        statement = _PAGES[db.kind](columns, query)
        if statement is None:
            return use
        return _JsonShape(use.rows, use.page, use.count, db.compile(statement))


def _page_row(columns: Columns, query: ListQuery, kind: str) -> ColumnElement[str] | None:
    """Return the SQL that encodes the rows of a page; None if Python has to encode them.

    Databases take the rows of a subquery that has a LIMIT in their order.
    """
    names = query.fields or columns.shown
    shown = [columns.value(name, kind) for name in names]
    found = page_statement(columns, shown, query, None, kind).subquery()
    return json_object(
        {columns.json_name(name): column for name, column in zip(names, found.c, strict=True)},
        kind,
    )


def _sqlite_page(columns: Columns, query: ListQuery) -> Select[str, Any] | None:
    """Return the SELECT of a page as one JSON array, and of whether more rows follow."""
    row = _page_row(columns, query, "sqlite")
    if row is None:
        return None
    return select(func.json_group_array(row, type_=String()), has_more_rows_flag(columns, query))


def _postgresql_page(columns: Columns, query: ListQuery) -> Select[str, int] | None:
    """Return the SELECT of the rows of a page, each as a line of JSON, and of their number.

    JSON of one line has no line breaks.
    """
    row = _page_row(columns, query, "postgresql")
    return None if row is None else select(func.string_agg(row, text_literal("\n")), func.count())


def _page_of_lines(lines: str | None, count: int, limit: int) -> tuple[bytes, bool]:
    """Return a page as JSON, and whether there was an extra row, which is the last line."""
    found = lines or ""
    if count > limit:
        found = found.rpartition("\n")[0]
    return f"[{found.replace(chr(10), ',')}]".encode(), count > limit


def has_more_rows_flag(columns: Columns, query: ListQuery) -> ColumnElement[int]:
    """Return 1 if a list has more rows than `end`, else NULL."""
    one = literal_column("1", Integer())
    more = (
        select(one)
        .select_from(columns.properties.table)
        .where(*conditions(columns, query, "sqlite"))
    )
    return more.limit(one).offset(bindparam("end")).scalar_subquery()


def _sqlite_object(columns: Mapping[str, ColumnElement[Any]]) -> ColumnElement[str]:
    """Return `json_object('name', name, 'tame', json(CASE … 'true' …))`, for SQLite."""
    items: list[Any] = []
    for name, column in columns.items():
        items += [text_literal(name), sqlite_json_argument(column)]
    return func.json_object(*items, type_=String())


def _postgresql_object(columns: Mapping[str, ColumnElement[Any]]) -> ColumnElement[str]:
    """Return `'{"name":' || coalesce(to_json(name)::text, 'null') || '}'`, for PostgreSQL.

    Its function `json_build_object` would add spaces, and `row_to_json` takes longer.
    """
    written: ColumnElement[str] = text_literal("{")
    for name, column in columns.items():
        comma = "" if column is next(iter(columns.values())) else ","
        value = func.coalesce(postgresql_json_text(column), text_literal("null"))
        written += text_literal(f'{comma}"{name}":') + value
    return written + text_literal("}")


_OBJECTS = {"sqlite": _sqlite_object, "postgresql": _postgresql_object}
_PAGES = {"sqlite": _sqlite_page, "postgresql": _postgresql_page}
