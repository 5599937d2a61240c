"""The order of a list by columns of related rows, each to one row.

No index contains columns of two tables. If a list is sorted by a related column first, its rows
are read in parts, each by the index of that column and the index of the reference: those without a
related row, and those with one. The time for a page does not depend on its position then.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, FromClause, Select, cast, exists, null, type_coerce

from ..database.properties import Properties
from .parts import Part, SortValue, may_be_null
from .related_paths import RelatedPath
from .related_rows import RelatedRows, Source, attributes
from .relations import ManyToOne

Steps = tuple[RelatedRows, ...]


@dataclass(frozen=True, slots=True)
class _SortColumn:
    """A column to sort by. `steps` lead from the row of the list to that of the column."""

    steps: Steps
    attribute: str
    descends: bool


class RelatedOrder:
    """The order of a list by columns of which some belong to related rows."""

    def __init__(
        self,
        properties: Properties,
        values: Source,
        paths: Mapping[str, RelatedPath],
        order: Sequence[tuple[str, bool]],
        kind: str,
    ) -> None:
        """`values` has the columns of the listed rows, by attribute."""
        self._table: FromClause = properties.table
        self._kind = kind
        self._order = [_sort_column(paths.get(name), name, descends) for name, descends in order]
        self._sources: dict[Steps, Source] = {(): values}
        self._targets: dict[Steps, FromClause] = {}
        self._keys: dict[Steps, str] = {(): properties.key}
        for one in self._order:
            for length in range(1, len(one.steps) + 1):
                self._add(one.steps[:length])
        self._group = self._leading_group(paths.get(order[0][0]))

    def list_parts(self, statement: Select[Any]) -> Iterator[Part]:
        """Yield the parts of a list; `statement` selects its rows."""
        if not self._group:
            yield Part(
                self._with_joins(statement, ()), [self._sort_value(one, ()) for one in self._order]
            )
            return
        steps = self._group[0].steps
        for length in range(len(steps)):
            reached, missing = steps[:length], steps[: length + 1]
            if (absent := self._is_absent(missing)) is not None:
                nulls = sum(len(one.steps) > length for one in self._group)
                yield self._part(statement.where(absent), reached, nulls)
        column = self._sort_expression(self._group[0])
        if may_be_null(column):
            yield self._part(statement.where(column.is_(None)), steps, 1)
            statement = statement.where(column.is_not(None))
        yield self._part(statement, steps, 0)

    def _add(self, steps: Steps) -> None:
        """Add the alias of the table that some steps lead to."""
        if steps not in self._targets:
            columns = steps[-1].columns
            self._targets[steps] = steps[-1].source(None, self._kind)
            self._sources[steps] = attributes(self._targets[steps], columns)
            self._keys[steps] = columns.key

    def _leading_group(self, first: RelatedPath | None) -> list[_SortColumn]:
        """Return the first columns, if these are a related one and the keys of its rows."""
        if first is None:
            return []
        descends = self._order[0].descends
        names = {path.name: path for path in (first, *first.key_paths())}
        wanted = [_sort_column(path, name, descends) for name, path in names.items()]
        return wanted if self._order[: len(wanted)] == wanted else []

    def _part(self, statement: Select[Any], reached: Steps, nulls: int) -> Part:
        """Return the rows for which all steps up to `reached` lead to a row."""
        sort_values = []
        for n, one in enumerate(self._order):
            if n < nulls:
                nothing = cast(null(), self._sort_expression(one).type)
                sort_values.append(SortValue(nothing, one.descends, may_be_null=True))
            elif n < len(self._group):
                sort_values.append(
                    SortValue(self._sort_expression(one), one.descends, may_be_null=False)
                )
            else:
                sort_values.append(self._sort_value(one, reached))
        return Part(self._with_joins(statement, reached), sort_values, len(self._group), nulls)

    def _sort_value(self, one: _SortColumn, reached: Steps) -> SortValue:
        """Return the place of a column, which is null if the steps to it lead to no row."""
        column = self._sort_expression(one)
        if one.steps == reached[: len(one.steps)]:
            return SortValue(column, one.descends, may_be_null(column))
        return SortValue(type_coerce(column, column.type), one.descends, may_be_null=True)

    def _with_joins(self, statement: Select[Any], reached: Steps) -> Select[Any]:
        """Return a statement with the related tables: up to `reached` by inner joins."""
        source = self._table
        for length in range(1, len(reached) + 1):
            steps = reached[:length]
            source = source.join(self._targets[steps], self._matches_related_row(steps))
        others = [one.steps for one in self._order if one not in self._group]
        prefixes = [steps[:length] for steps in others for length in range(1, len(steps) + 1)]
        for steps in dict.fromkeys(prefixes):
            if steps != reached[: len(steps)]:
                source = source.outerjoin(self._targets[steps], self._matches_related_row(steps))
        return statement.select_from(source)

    def _is_absent(self, steps: Steps) -> ColumnElement[bool] | None:
        """Return the condition of rows without the row at the end; None if all have one."""
        relation = steps[-1].relation
        if not isinstance(relation, ManyToOne) or steps[-1].hides_rows:
            return ~exists().where(self._matches_related_row(steps)).correlate_except(
                self._targets[steps]
            )
        reference: Any = self._sources[steps[:-1]][relation.by]
        return reference.is_(None) if reference.nullable else None

    def _matches_related_row(self, steps: Steps) -> ColumnElement[bool]:
        near = steps[:-1]
        return steps[-1].matches(self._sources[steps], self._sources[near], self._keys[near])

    def _sort_expression(self, one: _SortColumn) -> Any:
        return self._sources[one.steps][one.attribute]


def _sort_column(path: RelatedPath | None, name: str, descends: bool) -> _SortColumn:
    if path is None:
        return _SortColumn((), name, descends)
    return _SortColumn(tuple(step.rows for step in path.steps), path.attribute, descends)
