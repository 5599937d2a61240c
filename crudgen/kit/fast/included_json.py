"""Rows with related rows that the database encodes as JSON, to the same bytes as rows/included.py.

Related single rows are joined. A list of related rows is a subquery, whose LIMIT is inside of the
aggregation. SQLite nests JSON only if `json_object` is called in the same SELECT: in the columns of
a subquery it becomes text.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    FromClause,
    Integer,
    Select,
    String,
    Subquery,
    case,
    func,
    literal_column,
    select,
    type_coerce,
)
from sqlalchemy.dialects.postgresql import aggregate_order_by

from ..database.transaction import Row
from ..query.columns import Columns
from ..query.related_rows import Include, LinkedKeys, RelatedQuery, Source, attributes
from ..query.related_statements import (
    attributes_to_select,
    fields_of,
    has_more,
    limited_rows,
    related_row_count,
)
from ..query.statements import Order, ordered
from .json_objects import has_more_rows_flag, json_object
from .json_values import JsonText, text_literal

Properties = dict[str, ColumnElement[Any]]


class _NotEncodableError(Exception):
    """A row has a value that only Python writes."""


class _IncludedProperties:
    """Rows of a page or of a relation to many rows, with the single rows joined to them."""

    def __init__(self, source: FromClause, kind: str) -> None:
        self.source = source
        self.is_joined = False
        self._kind = kind

    def own_properties(
        self, row: Source, columns: Columns, fields: Sequence[str] | None
    ) -> Properties:
        """Return the properties of a row itself."""
        if not columns.is_plain:
            raise _NotEncodableError
        shown = columns.shown if fields is None else fields
        return {columns.json_name(name): row[name] for name in shown}

    def related_properties(self, row: Source, key: str, includes: Sequence[Include]) -> Properties:
        """Return the properties with the related rows of a row."""
        found: Properties = {}
        for include in includes:
            rows = include.rows
            if rows.is_many:
                found[rows.json_name] = self._list_json(row, key, include)
                found[rows.has_more_name] = self._flag_json(has_more(include, row, key, self._kind))
            else:
                found[rows.json_name] = self._single_row_json(row, key, include)
        return found

    def _single_row_json(self, row: Source, key: str, include: Include) -> ColumnElement[Any]:
        columns = include.rows.columns
        table = include.rows.source(include.name, self._kind)
        target = attributes(table, columns)
        self.source = self.source.outerjoin(table, include.rows.matches(target, row, key))
        self.is_joined = True
        written = self.included_row_json(target, include)
        return type_coerce(case((target[columns.key].is_not(None), written)), JsonText())

    def included_row_json(self, row: Source, include: Include) -> ColumnElement[str]:
        """Return an included row with its related rows."""
        columns = include.rows.columns
        own = self.own_properties(row, columns, fields_of(include))
        return encode_object(
            {**own, **self.related_properties(row, columns.key, include.includes)}, self._kind
        )

    def _list_json(self, row: Source, key: str, include: Include) -> ColumnElement[Any]:
        columns, kind = include.rows.columns, self._kind
        wanted = attributes_to_select(columns, fields_of(include), include.includes)
        table = limited_rows(include, row, key, wanted, kind).subquery(f"{include.name}_rows")
        level = _IncludedProperties(table, kind)
        item = level.included_row_json(attributes(table, columns), include)
        if kind == "sqlite":
            array: ColumnElement[Any] = func.json_group_array(item, type_=JsonText())
        else:
            comma: Any = text_literal(",")
            if level.is_joined:  # a join may change the order
                order = include.rows.order()
                comma = aggregate_order_by(comma, *ordered([*table.c][-len(order) :], order, kind))
            items = func.coalesce(func.string_agg(item, comma), text_literal(""), type_=String())
            array = text_literal("[") + items + text_literal("]")
        found = select(array).select_from(level.source).scalar_subquery()
        return type_coerce(found, JsonText())

    def _flag_json(self, condition: ColumnElement[bool]) -> ColumnElement[Any]:
        flag: Any = case((condition, text_literal("true")), else_=text_literal("false"))
        return type_coerce(func.json(flag) if self._kind == "sqlite" else flag, JsonText())


def encode_object(properties: Mapping[str, ColumnElement[Any]], kind: str) -> ColumnElement[str]:
    """Return the SQL that encodes properties as a JSON object."""
    found = json_object(properties, kind)
    if found is None:
        raise _NotEncodableError
    return found


class IncludedJson:
    """The SELECT of the rows of a page with related rows, encoded as JSON."""

    statement: Select[Any]

    def __init__(
        self, columns: Columns, query: RelatedQuery, page: Subquery, order: Order, kind: str
    ) -> None:
        level, row = _IncludedProperties(page, kind), attributes(page, columns)
        own = level.own_properties(row, columns, query.own_fields)
        counts: Properties = {
            one.count_name: type_coerce(
                related_row_count(one, row, columns.key, kind), BigInteger()
            )
            for one in query.counts
        }
        related = {**counts, **level.related_properties(row, columns.key, query.includes)}
        self.encoder: _ListEncoder | _RowEncoder = _ListEncoder() if order else _RowEncoder()
        self.whole: Select[Any] | None = None
        if not order:
            both: Any = select(encode_object(own, kind), encode_object(related, kind))
            self.statement = both.select_from(level.source)
            return
        places = [*page.c][-len(order) :]
        statement = select(encode_object({**own, **related}, kind), *places).select_from(
            level.source
        )
        if kind == "sqlite":
            # It keeps the order of the page. With a LIMIT, it does not merge the page with this
            # SELECT, and so encodes only the rows of the page.
            every = literal_column("-1", Integer())
            self.statement = statement.limit(every).offset(literal_column("0", Integer()))
            array = func.json_group_array(encode_object({**own, **related}, kind), type_=String())
            whole: Any = select(array, has_more_rows_flag(columns, query)).select_from(level.source)
            self.whole = whole
        else:
            self.statement = statement.order_by(*ordered(places, order, kind))


class _ListEncoder:
    """The encoder of the rows of a list. Their own JSON is not read."""

    __slots__ = ()

    def rows(self, found: Sequence[Row]) -> list[Row]:
        """Return for each row: nothing, its JSON with related rows, and its sort values."""
        return [(b"", text.encode(), *places) for text, *places in found]


class _RowEncoder:
    """The encoder of one row, read by its key."""

    __slots__ = ()

    def rows(self, found: Sequence[Row]) -> list[Row]:
        """Return for each row: its own JSON, and its JSON with related rows."""
        return [(own.encode(), f"{own[:-1]},{related[1:]}".encode()) for own, related in found]


def included_json(
    columns: Columns, query: RelatedQuery, page: Subquery, order: Order, kind: str
) -> IncludedJson | None:
    """Return what reads rows with related rows as JSON; None if Python has to encode them."""
    if any(isinstance(one, LinkedKeys) for one in query.counts):
        return None
    try:
        return IncludedJson(columns, query, page, order, kind)
    except _NotEncodableError:
        return None
