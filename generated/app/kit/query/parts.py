"""The order of a list: its sort values, and the parts whose rows are sorted by the same values."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    BigInteger,
    BindParameter,
    ColumnElement,
    Integer,
    Label,
    Select,
    Subquery,
    and_,
    bindparam,
    func,
    literal_column,
    select,
    tuple_,
    union_all,
)

from .cursor import Cursor

_START = literal_column("0", Integer())


def may_be_null(column: ColumnElement[Any]) -> bool:
    """Return whether a sort value may be null: that of a mask or a computed property may."""
    return bool(getattr(column, "nullable", True))


@dataclass(frozen=True, slots=True)
class SortValue:
    """A sort value of a row."""

    column: ColumnElement[Any]
    descends: bool
    may_be_null: bool

    def ordered(self, kind: str) -> ColumnElement[Any]:
        """Return the ORDER BY expression. Null is below all values, as in SQLite's indexes.

        A label could be taken for that of the same property of another row.
        """
        column = self.column.element if isinstance(self.column, Label) else self.column
        ordered = column.desc() if self.descends else column.asc()
        if self.may_be_null and kind == "postgresql":
            return ordered.nulls_last() if self.descends else ordered.nulls_first()
        return ordered

    def conditions_after(self, bound: Any, value: str | None) -> Iterator[ColumnElement[bool]]:
        """Yield the conditions of the rows after those with a value, each a range of an index."""
        if value is not None:
            yield self.column < bound if self.descends else self.column > bound
            if self.descends and self.may_be_null:
                yield self.column.is_(None)
        elif not self.descends:
            yield self.column.is_not(None)


@dataclass(frozen=True, slots=True)
class Part:
    """Rows of a list that are sorted by the same values.

    A list has several parts if they can use different indexes. All parts have the same `related`:
    how many of the first sort values belong to related rows. These parts differ in `nulls`.
    """

    statement: Select[Any]
    sort_values: Sequence[SortValue]
    related: int = 0
    nulls: int = 0
    """How many of the first sort values are null in all rows of the part."""

    def after(self, cursor: Cursor) -> Iterator["Part"]:
        """Yield the parts of these rows that come after the row of a cursor."""
        nulls = 0
        while nulls < self.related and cursor.values[nulls] is None:
            nulls += 1
        if self.nulls == nulls:
            for condition in self._conditions_after(cursor):
                yield self._with_statement(self.statement.where(condition))
        elif (self.nulls > nulls) == self.sort_values[0].descends:
            yield self

    def labeled(self) -> "Part":
        """Return the part with its sort values as the last columns."""
        labels = [one.column.label(f"place__{n}") for n, one in enumerate(self.sort_values)]
        return self._with_statement(self.statement.add_columns(*labels))

    def ordered(self, kind: str) -> Select[Any]:
        """Return the statement with its ORDER BY."""
        return self.statement.order_by(
            *(one.ordered(kind) for one in self.sort_values[self.nulls :])
        )

    def _with_statement(self, statement: Select[Any]) -> "Part":
        return Part(statement, self.sort_values, self.related, self.nulls)

    def _conditions_after(self, cursor: Cursor) -> Iterator[ColumnElement[bool]]:
        """Yield the conditions of the rows after the row of a cursor, the nearest rows first.

        Each is a range of an index: the first sort values are equal, and the next one is beyond.
        """
        sort_values, values = self.sort_values[self.nulls :], cursor.values[self.nulls :]
        bound = [
            _bound_value(one.column, f"place_{n}") for n, one in enumerate(sort_values, self.nulls)
        ]
        descending = {one.descends for one in sort_values}
        is_one_range = len(descending) == 1 and not self.related
        if is_one_range and not any(one.may_be_null for one in sort_values):
            here, there = tuple_(*(one.column for one in sort_values)), tuple_(*bound)
            if cursor.inclusive:
                yield here <= there if descending == {True} else here >= there
            else:
                yield here < there if descending == {True} else here > there
            return
        same = [
            one.column.is_(None) if text is None else one.column == value
            for one, value, text in zip(sort_values, bound, values, strict=True)
        ]
        if cursor.inclusive:
            yield and_(*same)
        for n in reversed(range(len(sort_values))):
            for beyond in sort_values[n].conditions_after(bound[n], values[n]):
                yield and_(*same[:n], beyond)


def union(parts: Sequence[Part], kind: str) -> Part:
    """Return the first rows of all parts as one. Their last columns are their sort values.

    Each part can use an index for its order, so the time for a page does not depend on its position
    (see `python -m bench scale`).
    """
    end = bindparam("end", type_=BigInteger())
    firsts = [part.ordered(kind).limit(end).offset(_START).subquery() for part in parts]
    return _union_of_statements(parts, firsts)


def page_union(parts: Sequence[Part], kind: str) -> Select[Any]:
    """Return the SELECT of the page at an offset, from parts that follow one another.

    Each part skips the offset without the rows of the parts before it. These are counted up to the
    offset only, mostly in an index: skipped rows are neither read completely nor sorted again.
    """
    parts = parts[::-1] if parts[0].sort_values[0].descends else parts
    limit, offset = (bindparam(name, type_=BigInteger()) for name in ("limit", "offset"))
    pages = []
    for n, part in enumerate(parts):
        skipped: ColumnElement[int] = offset - _row_count(parts[:n], offset) if n else offset
        pages.append(part.ordered(kind).limit(limit).offset(skipped).subquery())
    return _union_of_statements(parts, pages).ordered(kind).limit(limit).offset(_START)


def _row_count(parts: Sequence[Part], most: ColumnElement[int]) -> ColumnElement[int]:
    """Return the number of rows of some parts, at most `most`."""
    one = literal_column("1", Integer())
    rows = [part.statement.with_only_columns(one, maintain_column_froms=True) for part in parts]
    found = (rows[0] if len(rows) == 1 else union_all(*rows)).limit(most).offset(_START).subquery()
    return select(func.count()).select_from(found).scalar_subquery()


def _union_of_statements(parts: Sequence[Part], firsts: Sequence[Subquery]) -> Part:
    """Return the rows of `firsts`, the statements of the parts, as one part."""
    # SQLAlchemy takes from the first part whether a column can be null: the one with most nulls.
    nulls_first = sorted(zip(parts, firsts, strict=True), key=lambda pair: -pair[0].nulls)
    rows = union_all(*(select(first) for _, first in nulls_first)).subquery()
    columns = list(rows.c)[-len(parts[0].sort_values) :]
    sort_values = [
        SortValue(column, same[0].descends, any(one.may_be_null for one in same))
        for column, *same in zip(columns, *(part.sort_values for part in parts), strict=True)
    ]
    return Part(select(rows), sort_values)


def _bound_value(column: ColumnElement[Any], name: str) -> BindParameter[Any]:
    return bindparam(name, type_=column.type)
