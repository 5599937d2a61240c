"""SQL that filters rows by related rows. Each row is found once, however many belong to it."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import (
    ColumnElement,
    FromClause,
    Index,
    Integer,
    Select,
    UniqueConstraint,
    exists,
    literal_column,
    select,
)

from ..database.properties import Properties
from .columns import Columns
from .query import Filter
from .related_paths import NONE, RelatedPath, Step
from .related_rows import Source, attributes, tables_of
from .relations import ManyToOne

RelatedFilter = tuple[RelatedPath, Filter, str]
"""A filter, with the path to its column and the prefix of its bound parameters."""
_ONE = literal_column("1", Integer())
_SELECTIVE = {"eq", "in"}
"""The operators that an index finds few rows for."""


@dataclass(slots=True)
class _RowConditions:
    """What a row has to meet: conditions of its own, and of related rows."""

    filters: list[RelatedFilter] = field(default_factory=list)
    related: "dict[Step, _RowConditions]" = field(default_factory=dict)

    def add(self, steps: Sequence[Step], related_filter: RelatedFilter) -> None:
        """Add a filter of the row at the end of some steps."""
        if not steps:
            self.filters.append(related_filter)
            return
        self.related.setdefault(steps[0], _RowConditions()).add(steps[1:], related_filter)

    def clauses(self, near: Source, near_key: str, kind: str) -> Iterator[ColumnElement[bool]]:
        """Yield the conditions in SQL. `near` has the columns of the row."""
        for path, one, name in self.filters:
            if path.attribute:
                yield one.condition_of(near[path.attribute], name, kind)
        for step, conditions in self.related.items():
            yield from conditions._related_clauses(step, near, near_key, kind)

    def _related_clauses(
        self, step: Step, near: Source, near_key: str, kind: str
    ) -> Iterator[ColumnElement[bool]]:
        rows = _RowsOfRelation(step, near, near_key, kind)
        for path, one, name in self.filters:
            if not path.attribute:
                yield one.condition_of(rows.exist(), name, kind)
        meets = list(self.clauses(rows.source, rows.columns.key, kind))
        is_found_first = not step.rows.is_many or self._is_selective(rows.columns)
        if meets and is_found_first and step.quantifier != NONE:
            yield rows.match_in_subquery(meets, is_one=self._is_unique(rows.columns))
        elif meets:
            yield rows.exist_matching(meets)

    def _is_unique(self, columns: Columns) -> bool:
        """Return whether at most one row meets the conditions."""
        return any(
            one.operator == "eq"
            and [columns.column(path.attribute)] in _unique_column_sets(columns)
            for path, one, _ in self.filters
            if path.attribute
        )

    def _is_selective(self, columns: Columns) -> bool:
        """Return whether an index finds the few rows that meet the conditions."""
        return any(
            one.operator in _SELECTIVE and _is_indexed(columns, path.attribute)
            for path, one, _ in self.filters
        ) or any(
            step.quantifier != NONE and conditions._is_selective(step.rows.columns)
            for step, conditions in self.related.items()
        )


class _RowsOfRelation:
    """The rows of a relation that belong to a row."""

    def __init__(self, step: Step, near: Source, near_key: str, kind: str) -> None:
        self._step = step
        self._near, self._near_key = near, near_key
        self.columns = step.rows.columns
        self._target = step.rows.source(None, kind)
        self.source = attributes(self._target, self.columns)
        self._link = step.rows.link(None, kind)

    def exist(self) -> ColumnElement[bool]:
        """Return whether there are such rows."""
        if self._link is None:
            return self._exists(self._target, [self._belongs_to_row()])
        table, by, to = self._link
        is_linked = by == self._near[self._near_key]
        if self._step.rows.hides_rows:
            is_readable = exists().where(self.source[self.columns.key] == to)
            return self._exists(table, [is_linked, is_readable.correlate_except(self._target)])
        return self._exists(table, [is_linked])

    def exist_matching(self, conditions: Sequence[ColumnElement[bool]]) -> ColumnElement[bool]:
        """Return the condition that one of these rows meets the conditions, or that none does.

        It is evaluated for each row of a list until the page is full.
        """
        if self._link is None:
            found = self._exists(self._target, [self._belongs_to_row(), *conditions])
        else:
            table, by, to = self._link
            joined = table.join(self._target, to == self.source[self.columns.key])
            found = self._exists(joined, [by == self._near[self._near_key], *conditions])
        return ~found if self._step.quantifier == NONE else found

    def match_in_subquery(
        self, conditions: Sequence[ColumnElement[bool]], *, is_one: bool
    ) -> ColumnElement[bool]:
        """Return whether one of these rows meets the conditions: these rows are found first.

        With `is_one`, the database knows that it is at most one, and plans accordingly.
        """
        relation = self._step.rows.relation
        key = select(self.source[self.columns.key]).where(*conditions)
        if isinstance(relation, ManyToOne):
            return _equals(self._near[relation.by], key, is_one=is_one)
        near = self._near[self._near_key]
        if self._link is None:
            found = select(self.source[relation.by]).where(*conditions)
            return _equals(near, found, is_one=is_one)
        _, by, to = self._link
        return near.in_(select(by).where(_equals(to, key, is_one=is_one)))

    def _belongs_to_row(self) -> ColumnElement[bool]:
        return self._step.rows.matches(self.source, self._near, self._near_key)

    def _exists(
        self, source: FromClause, conditions: Iterable[ColumnElement[bool]]
    ) -> ColumnElement[bool]:
        found: Select[Any] = select(_ONE).select_from(source).where(*conditions)
        return exists(found.correlate(*tables_of(self._near)))


def related_conditions(
    properties: Properties, filters: Sequence[RelatedFilter], kind: str
) -> list[ColumnElement[bool]]:
    """Return the conditions of filters by related rows.

    Filters with the same steps apply to the same related row.
    """
    conditions = _RowConditions()
    for one in filters:
        conditions.add(one[0].steps, one)
    return list(conditions.clauses(properties.readable, properties.key, kind))


def _equals(column: ColumnElement[Any], found: Select[Any], *, is_one: bool) -> ColumnElement[bool]:
    return column == found.scalar_subquery() if is_one else column.in_(found)


def _is_indexed(columns: Columns, attribute: str) -> bool:
    """Return whether an index begins with a column that has many values: no flag and no word."""
    if not attribute or "lt" not in columns.operators(attribute):
        return False
    column, table = columns.column(attribute), columns.properties.table
    indexes = [*_unique_column_sets(columns), *(list(one.columns) for one in table.indexes)]
    return any(column is first for first, *_ in indexes)


def _unique_column_sets(columns: Columns) -> list[list[Any]]:
    """Return the columns of each unique constraint and index."""
    table = columns.properties.table
    rules = [one for one in table.constraints if isinstance(one, UniqueConstraint)]
    found = [list(one.columns) for one in (table.primary_key, *rules)]
    return [*found, *(list(one.columns) for one in table.indexes if _is_unique(one))]


def _is_unique(index: Index) -> bool:
    """Return whether an index is unique for all rows. Options can restrict it to some."""
    return bool(index.unique) and not index.dialect_kwargs
