"""The list of a table with related rows, and reading one row with them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

from fastapi import Request
from sqlalchemy import Select, Subquery, bindparam, select

from ..acceleration import fast_module
from ..database import Database
from ..database.json_rows import JsonRowEncoder
from ..database.statements import Prepared
from ..database.transaction import Row
from ..models import Model
from ..query import ListQuery
from ..query.columns import Columns
from ..query.cursor import Cursor
from ..query.links import offset_links
from ..query.listing import SHORT_BYTES, SHORT_PAGE, Listing, listing
from ..query.related_rows import RelatedQuery
from ..query.related_statements import attributes_to_select
from ..query.shapes import Shape
from ..query.statements import Order, count_statement, page_order, page_statement
from ..query.visibility import ALL, Visibility
from .included import IncludedRows


class _Encoder(Protocol):
    """The encoder of rows with related rows."""

    def rows(self, found: Sequence[Row]) -> list[Row]:
        """Return for each row: its own JSON, its JSON with related rows, and its sort values."""
        ...


class _IncludedStatement(Protocol):
    """Rows with related rows: their statement, and the encoder of its rows."""

    statement: Select[Any]
    whole: Select[Any] | None
    """The SELECT of a page by offset as one JSON array, and of a flag: more rows follow."""

    @property
    def encoder(self) -> _Encoder: ...


class _JoinedRows(JsonRowEncoder):
    """The encoder of rows whose JSON text is known already."""

    def __init__(self) -> None:
        super().__init__({})

    def write(self, row: Row) -> bytes:
        written: bytes = row[1]
        return written

    def write_all(self, rows: Sequence[Row]) -> bytes:
        return b"[" + b",".join([row[1] for row in rows]) + b"]"


_JOINED_ROWS = _JoinedRows()


@dataclass(frozen=True, slots=True)
class RelatedShape(Shape):
    """A Shape whose rows have related rows."""

    included: _Encoder
    whole: Prepared | None = None
    """Reads a page by offset as one JSON array, and whether more rows follow, if possible."""

    overhead: ClassVar = 3000

    @property
    def statements(self) -> Sequence[Prepared | None]:
        """The statements."""
        return self.page, self.count, self.whole


class RelatedListing(Listing):
    """Reads the pages of one table, with related rows."""

    reads_related: ClassVar = True

    def __init__(self, model: type[Model], columns: Columns, visibility: Visibility = ALL) -> None:
        """`visibility` says which related rows can be read."""
        super().__init__(model, columns)
        self._plain = listing(model, columns)
        self._visibility = visibility

    def for_query(self, query: ListQuery) -> tuple[Listing, ListQuery]:
        """Return the listing that reads the rows of a query, and what it is asked."""
        if isinstance(query, RelatedQuery) and query.has_related:
            return self, query.with_visibility(self._visibility)
        return self._plain, query

    def property_names(self, query: ListQuery) -> list[str]:
        """Return the JSON names of the properties of a row, without those of included rows."""
        assert isinstance(query, RelatedQuery)
        return [*self._own_names(query.own_fields), *(one.count_name for one in query.counts)]

    async def answer(
        self, db: Database, request: Request, query: ListQuery
    ) -> tuple[bytes, dict[str, str]]:
        """Return a page as JSON and its headers; raise HTTPException 404 for an invalid cursor."""
        listing, query = self.for_query(query)
        if listing is self:
            return await super().answer(db, request, query)
        return await listing.answer(db, request, query)

    async def read_row(self, db: Database, key: Any, query: RelatedQuery) -> Sequence[Row]:
        """Return the row with a key, if any: its own JSON, and its JSON with related rows."""
        query = query.with_visibility(self._visibility)
        chosen = (db.kind, "key__", *query.related_shape)
        known = self._cache.shapes.get(chosen)
        use = known or self._cache.add(chosen, self._compile_read(db, query))
        bound = {"key__": key, **query.include_limits}
        return _encode_rows(use, await db.read(use.page, bound, short=self._is_short_read(query)))

    async def _read_page(
        self, db: Database, request: Request, query: ListQuery, cursor: Cursor | None, use: Shape
    ) -> tuple[bytes, str]:
        assert isinstance(use, RelatedShape)
        if use.whole is None or not self._is_short_read(query):
            return await super()._read_page(db, request, query, cursor, use)
        end = query.offset + query.limit
        bound = {**self._bound_values(query, cursor), "limit": query.limit, "end": end}
        ((text, more),) = await db.read(use.whole, bound, short=True)
        return text.encode(), offset_links(request, query, more=bool(more))

    async def _read_rows(
        self, db: Database, use: Shape, query: ListQuery, cursor: Cursor | None
    ) -> tuple[Sequence[Row], bool]:
        found = await db.read(
            use.page, self._bound_values(query, cursor), short=self._is_short_read(query)
        )
        return self._trim_page(_encode_rows(use, found), query, cursor)

    def _bound_values(self, query: ListQuery, cursor: Cursor | None) -> dict[str, Any]:
        assert isinstance(query, RelatedQuery)
        return {**super()._bound_values(query, cursor), **query.include_limits}

    def _shape_key(self, query: ListQuery, cursor: Cursor | None) -> tuple[object, ...]:
        assert isinstance(query, RelatedQuery)
        return (*super()._shape_key(query, cursor), *query.related_shape)

    def _compile_shape(self, db: Database, query: ListQuery, cursor: Cursor | None) -> Shape:
        assert isinstance(query, RelatedQuery)
        columns, kind = self._columns, db.kind
        names = attributes_to_select(columns, query.own_fields, query.includes)
        selected = [columns.value(name, kind) for name in names]
        page = page_statement(columns, selected, query, cursor, kind, with_places=True)
        included = _new_included_statement(
            columns, query, page.subquery("page"), page_order(query, cursor), kind
        )
        is_by_offset = query.cursor is None and columns.reads_in_index_order(query)
        whole = included.whole if is_by_offset else None
        return RelatedShape(
            _JOINED_ROWS,
            db.compile(included.statement),
            db.compile(count_statement(columns, query, kind)) if query.count else None,
            included.encoder,
            None if whole is None else db.compile(whole),
        )

    def _compile_read(self, db: Database, query: RelatedQuery) -> Shape:
        """Return the shape of reading one row."""
        columns = self._columns
        names = attributes_to_select(columns, None, query.includes)
        same_key = columns.column(columns.key) == bindparam("key__")
        found = (same_key, *columns.visible(db.kind))
        values = [columns.value(name, db.kind) for name in names]
        page = select(*values).where(*found).subquery("page")
        included = _new_included_statement(columns, query, page, (), db.kind)
        return RelatedShape(_JOINED_ROWS, db.compile(included.statement), None, included.encoder)

    def _is_short_read(self, query: ListQuery) -> bool:
        assert isinstance(query, RelatedQuery)
        is_small = query.max_included_rows <= SHORT_PAGE and query.max_included_bytes <= SHORT_BYTES
        return is_small and super()._is_short_read(query)


def _encode_rows(use: Shape, found: Sequence[Row]) -> list[Row]:
    assert isinstance(use, RelatedShape)
    return use.included.rows(found)


def _new_included_statement(
    columns: Columns, query: RelatedQuery, page: Subquery, order: Order, kind: str
) -> _IncludedStatement:
    """Return the statement of rows with related rows; the database encodes them if it can."""
    fast = fast_module("included_json")
    found: _IncludedStatement | None = None
    if fast is not None:
        found = fast.included_json(columns, query, page, order, kind)
    return found or IncludedRows(columns, query, page, order, kind)
