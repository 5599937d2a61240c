"""The parts of the UNION ALL that reads rows with related rows, and the rows in each part."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import (
    CTE,
    ColumnElement,
    FromClause,
    Integer,
    Select,
    cast,
    literal_column,
    null,
    select,
    type_coerce,
)

from ..database.json_rows import JsonRowEncoder
from ..database.transaction import Row
from ..query.columns import Columns
from ..query.related_rows import Include, Source, attributes
from ..query.related_statements import attributes_to_select, fields_of


@dataclass(slots=True)
class Node:
    """An entity's row inside the rows of a part: the row of the page, or an included row."""

    includes: Sequence[Include]
    encoder: JsonRowEncoder
    start: int
    """The index of its first value."""
    key: int
    """The index of its key."""
    singles: "dict[int, Node]" = field(default_factory=dict)
    """The included single rows, which are in the same part, by the number of the include."""
    lists: "dict[int, IncludedList]" = field(default_factory=dict)
    """The included lists, by the number of the include."""

    def own(self, values: Row) -> bytes | None:
        """Return the row as JSON, without related rows; None if there is no row."""
        if values[self.key] is None:
            return None
        return self.encoder.write(values[self.start :])


@dataclass(frozen=True, slots=True)
class IncludedList:
    """The included rows of a relation to many, which are in a part of their own."""

    part: int
    row: Node
    more: int
    """The index of the value that says whether more rows exist than included ones."""


class Part:
    """A part of the statement, under construction."""

    def __init__(
        self, number: int, source: FromClause, positions: Sequence[Any], kind: str
    ) -> None:
        self.number = number
        self.positions = [one.label(f"position_{n}") for n, one in enumerate(positions)]
        self.start = 0
        """The number of columns of the parts before."""
        self._source = source
        self.kind = kind
        self._columns: list[ColumnElement[Any]] = []
        self._results: list[ColumnElement[Any]] = []
        self._table: CTE | None = None
        self._rows: dict[int, tuple[Columns, Mapping[str, int]]] = {}
        """The columns of each row, and the indexes of its values, by the index of the first one."""

    @property
    def columns(self) -> list[ColumnElement[Any]]:
        """The columns of its rows."""
        return [*self._columns, *self._results]

    @property
    def table(self) -> CTE:
        """The table of its rows. No column can be added to it after it is used."""
        if self._table is None:
            columns = [one.label(f"value_{n}") for n, one in enumerate(self._columns)]
            selected = select(*self.positions, *columns).select_from(self._source)
            self._table = selected.cte(f"part_{self.number}")
        return self._table

    def add_column(self, column: ColumnElement[Any]) -> int:
        """Add a column to the table, and return its index."""
        self._columns.append(column)
        return len(self._columns) - 1

    def add_result(self, result: ColumnElement[Any]) -> int:
        """Add an expression over columns of the table, and return its index."""
        self._results.append(result)
        return len(self._columns) + len(self._results) - 1

    def add_row(
        self,
        source: Source,
        columns: Columns,
        fields: Sequence[str] | None,
        includes: Sequence[Include],
    ) -> Node:
        """Select the columns of a row, and those of the single rows that are included in it."""
        names = attributes_to_select(columns, fields, includes)
        indexes = {name: self.add_column(source[name]) for name in names}
        start = indexes[names[0]]
        self._rows[start] = columns, indexes
        node = Node(includes, columns.row_encoder(fields), start, indexes[columns.key])
        for include in includes:
            rows = include.rows
            if not rows.is_many:
                table = rows.source(include.name, self.kind)
                near = attributes(table, rows.columns)
                matches = rows.matches(near, source, columns.key)
                self._source = self._source.outerjoin(table, matches)
                one = self.add_row(near, rows.columns, fields_of(include), include.includes)
                node.singles[include.number] = one
        return node

    def source_of(self, node: Node) -> tuple[Source, str]:
        """Return the columns of a row in the table, and the attribute of its key."""
        columns, indexes = self._rows[node.start]
        return {name: self.table.c[f"value_{n}"] for name, n in indexes.items()}, columns.key

    def statement(self, columns: Sequence[ColumnElement[Any]], depth: int) -> Select[Any]:
        """Return the SELECT of the part: `columns` are those of all parts, null in other parts."""
        positions = [self.table.c[one.name] for one in self.positions]
        positions += [_integer_literal(0)] * (depth - len(positions))
        own = [self.table.c[f"value_{n}"] for n in range(len(self._columns))] + self._results
        values = [_typed_null(one, self.kind) for one in columns]
        values[self.start : self.start + len(own)] = own
        selected = [_integer_literal(self.number), *positions, *values]
        labelled: list[ColumnElement[Any]] = [
            one.label(f"column_{n}") for n, one in enumerate(selected)
        ]
        return select(*labelled).select_from(self.table)


def _integer_literal(number: int) -> ColumnElement[int]:
    return literal_column(str(number), Integer())


def _typed_null(column: ColumnElement[Any], kind: str) -> ColumnElement[Any]:
    """Return null with the type of a column, which PostgreSQL needs in a UNION."""
    convert = cast if kind == "postgresql" else type_coerce
    found: ColumnElement[Any] = convert(null(), column.type)
    return found
