"""Rows with related rows as JSON, written by Python from the rows of one statement.

The statement is a UNION ALL of parts: first the rows of the page with their related single rows,
then a part for each relation to many rows, with the included rows. The columns of a part are null
in the other parts. A row begins with the number of its part and its positions: the position in the
page, then the position among the rows of a relation to many, and so on.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from sqlalchemy import (
    ColumnElement,
    FromClause,
    Select,
    Subquery,
    func,
    select,
    true,
    union_all,
)

from ..database.transaction import Row
from ..query.columns import Columns
from ..query.related_rows import Include, RelatedQuery, RelatedRows, Source, attributes
from ..query.related_statements import (
    attributes_to_select,
    count_or_keys,
    fields_of,
    has_more,
    limited_rows,
)
from ..query.statements import Order, ordered
from .added_properties import with_json_properties
from .included_parts import IncludedList, Node, Part

Positions = tuple[int, ...]
_Grouped = defaultdict[tuple[int, Positions], list[tuple[Positions, Row]]]
"""The positions and values of rows, by their part and the positions of the row that has them."""


class IncludedRows:
    """The SELECT of the rows of a page with related rows, and the encoder of its rows.

    `page` selects the columns of `attributes_to_select()` and last, if there is an order, the
    values to sort by.
    """

    whole: Select[Any] | None = None

    def __init__(
        self, columns: Columns, query: RelatedQuery, page: Subquery, order: Order, kind: str
    ) -> None:
        self._kind = kind
        self._parts: list[Part] = []
        places = list(page.c)[len(page.c) - len(order) :]
        position = func.row_number().over(order_by=[*ordered(places, order, kind)] or None)
        part = self._new_part(page, [position])
        source = attributes(page, columns)
        root = part.add_row(source, columns, query.own_fields, query.includes)
        indexes = [part.add_column(place) for place in places]
        near, key = part.source_of(root)
        counts = [
            (one, part.add_result(count_or_keys(one, near, key, kind))) for one in query.counts
        ]
        self._add_lists(part, root)
        self._depth = max(len(one.positions) for one in self._parts)
        self.statement = self._union_of_parts()
        places_of_parts = [PartPlace(len(one.positions), one.start) for one in self._parts]
        self.encoder = IncludedEncoder(places_of_parts, root, indexes, counts)

    def _new_part(self, source: FromClause, positions: Sequence[Any]) -> Part:
        part = Part(len(self._parts), source, positions, self._kind)
        self._parts.append(part)
        return part

    def _add_lists(self, part: Part, node: Node) -> None:
        """Add a part for each relation to many rows of a row, and of its single rows."""
        near, key = part.source_of(node)
        for include in node.includes:
            if include.rows.is_many:
                more = part.add_result(has_more(include, near, key, part.kind))
                source, joined, positions = _join_list_rows(part, include, near, key)
                inner = self._new_part(joined, positions)
                columns = include.rows.columns
                one = inner.add_row(source, columns, fields_of(include), include.includes)
                node.lists[include.number] = IncludedList(inner.number, one, more)
                self._add_lists(inner, one)
        for one in node.singles.values():
            self._add_lists(part, one)

    def _union_of_parts(self) -> Select[Any]:
        """Return the SELECT of all parts, in the order of the positions."""
        columns = [column for part in self._parts for column in part.columns]
        statements, start = [], 0
        for part in self._parts:
            part.start = start
            statements.append(part.statement(columns, self._depth))
            start += len(part.columns)
        rows = (
            union_all(*statements).subquery() if len(statements) > 1 else statements[0].subquery()
        )
        return select(rows).order_by(*list(rows.c)[: 1 + self._depth])


class PartPlace(NamedTuple):
    """Which columns of the statement have the positions and the values of a part."""

    positions: int
    """The number of columns with positions."""
    start: int
    """The number of value columns before those of the part."""


class IncludedEncoder:
    """The encoder of the rows of a statement of IncludedRows. It keeps no SQL expressions."""

    __slots__ = ("_counts", "_depth", "_indexes", "_parts", "_root")

    def __init__(
        self,
        parts: Sequence[PartPlace],
        root: Node,
        indexes: Sequence[int],
        counts: Sequence[tuple[RelatedRows, int]],
    ) -> None:
        """`indexes` are the indexes of the sort values in the first part."""
        self._parts = parts
        self._depth = max(one.positions for one in parts)
        self._root = root
        self._indexes = indexes
        self._counts = counts

    def rows(self, found: Sequence[Row]) -> list[Row]:
        """Return for each row: its own JSON, its JSON with related rows, and its sort values."""
        grouped: _Grouped = defaultdict(list)
        for row in found:
            number = row[0]
            part = self._parts[number]
            positions = row[1 : 1 + part.positions]
            values = row[1 + self._depth + part.start :]
            grouped[number, positions[:-1]].append((positions, values))
        written = []
        for positions, values in grouped[0, ()]:
            own = self._root.own(values) or b"null"
            counts = [
                (one.count_name, one.encode_value(values[index])) for one, index in self._counts
            ]
            related = self._related_properties(self._root, values, positions, grouped)
            body = with_json_properties(own, [*counts, *related])
            written.append((own, body, *(values[index] for index in self._indexes)))
        return written

    def _related_properties(
        self, node: Node, values: Row, positions: Positions, grouped: _Grouped
    ) -> Iterator[tuple[str, bytes]]:
        """Yield the properties with the related rows of a row, each with its JSON."""
        for include in node.includes:
            name = include.rows.json_name
            if include.number in node.singles:
                one = node.singles[include.number]
                yield name, self._row_json(one, values, positions, grouped)
                continue
            many = node.lists[include.number]
            rows = grouped.get((many.part, positions), ())
            written = [self._row_json(many.row, row, place, grouped) for place, row in rows]
            yield name, b"[" + b",".join(written) + b"]"
            yield include.rows.has_more_name, b"true" if values[many.more] else b"false"

    def _row_json(self, node: Node, values: Row, positions: Positions, grouped: _Grouped) -> bytes:
        own = node.own(values)
        if own is None:
            return b"null"
        return with_json_properties(own, self._related_properties(node, values, positions, grouped))


def _join_list_rows(
    part: Part, include: Include, near: Source, near_key: str
) -> tuple[Source, FromClause, Sequence[ColumnElement[Any]]]:
    """Return the columns of the included rows, their join with the part, and their positions.

    The positions are those of the row that an included row belongs to, and its row number there.
    """
    columns, order = include.rows.columns, include.rows.order()
    kind = part.kind
    if kind == "postgresql":
        wanted = attributes_to_select(columns, fields_of(include), include.includes)
        rows = limited_rows(include, near, near_key, wanted, kind).lateral(f"{include.name}_row")
        joined: FromClause = part.table.join(rows, true())
        source = attributes(rows, columns)
        sorted_by: Sequence[ColumnElement[Any]] = [*rows.c][-len(order) :]
    else:  # SQLite has no LATERAL
        table = include.rows.source(f"{include.name}_row", kind)
        keys = limited_rows(include, near, near_key, [columns.key], kind).subquery()
        source = attributes(table, columns)
        joined = part.table.join(table, source[columns.key].in_(select(next(iter(keys.c)))))
        sorted_by = [source[name] for name, _ in order]
    above = [part.table.c[one.name] for one in part.positions]
    order_by = [*ordered(sorted_by, order, kind)]
    return source, joined, [*above, func.row_number().over(partition_by=above, order_by=order_by)]
