"""Which related rows can be read: each step over a relation leads only to these."""

from collections.abc import Callable
from typing import Any, Protocol, TypeVar

from sqlalchemy import (
    Column,
    ColumnElement,
    FromClause,
    Table,
    exists,
    select,
)

from .columns import NO_MASKS, Condition, Masks, masked


class _SupportsVisibility(Protocol):
    """The rows of a relation."""

    def with_visibility(self, visibility: "Visibility") -> Any: ...


Related = TypeVar("Related", bound=_SupportsVisibility)


class Visibility:
    """The rows of each table that some callers can read.

    `condition_of` returns the condition of the readable rows of a table; None if all are readable.
    `masks_of` returns the columns whose values some rows, or all, do not show.
    """

    def __init__(
        self,
        condition_of: Callable[[Table], Condition | None],
        masks_of: Callable[[Table], Masks] = lambda _: NO_MASKS,
    ) -> None:
        self._condition_of = condition_of
        self.masks = masks_of
        self._rows: dict[Any, Any] = {}

    def rows(self, related: Related) -> Related:
        """Return the readable rows of a relation. Equal relations have the same result."""
        if related not in self._rows:
            self._rows[related] = related.with_visibility(self)
        found: Related = self._rows[related]
        return found

    def hides_rows(self, table: Table) -> bool:
        """Return whether some rows of a table cannot be read."""
        return self._condition_of(table) is not None

    def hides_rows_or_values(self, table: Table) -> bool:
        """Return whether some rows, or values in rows, of a table cannot be read."""
        return self.hides_rows(table) or bool(self.masks(table))

    def source(self, table: Table, name: str | None, kind: str) -> FromClause:
        """Return the readable rows of a table under a name, to select from."""
        condition, masks = self._condition_of(table), self.masks(table)
        if condition is None and not masks:
            return table.alias(name)
        rows = select(*(masked(column, masks, kind) for column in table.columns))
        return (rows if condition is None else rows.where(condition(kind))).subquery(name)

    def has(
        self, key: Column[Any], value: ColumnElement[Any], name: str, kind: str
    ) -> ColumnElement[bool]:
        """Return the condition that a readable row has a key, which an index finds."""
        rows = self.source(key.table, name, kind)
        return exists().where(rows.c[key.key] == value).correlate_except(rows)


ALL = Visibility(lambda _: None)
"""All rows can be read."""
