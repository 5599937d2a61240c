"""Which related rows can be read: each step over a relation leads only to these."""

from collections.abc import Callable
from typing import Any, Protocol, TypeVar

from sqlalchemy import FromClause, Table, select

from .columns import Condition


class _Related(Protocol):
    """The rows of a relation."""

    def seen_by(self, visibility: "Visibility") -> Any: ...


Related = TypeVar("Related", bound=_Related)


class Visibility:
    """The rows of each table that some callers can read.

    `condition_of` returns the condition of the readable rows of a table; None if all are readable.
    """

    def __init__(self, condition_of: Callable[[Table], Condition | None]) -> None:
        self._condition_of = condition_of
        self._rows: dict[Any, Any] = {}

    def rows(self, related: Related) -> Related:
        """Return the readable rows of a relation. Equal relations have the same result."""
        if related not in self._rows:
            self._rows[related] = related.seen_by(self)
        found: Related = self._rows[related]
        return found

    def hides(self, table: Table) -> bool:
        """Return whether some rows of a table cannot be read."""
        return self._condition_of(table) is not None

    def source(self, table: Table, name: str | None, kind: str) -> FromClause:
        """Return the readable rows of a table under a name, to select from."""
        condition = self._condition_of(table)
        if condition is None:
            return table.alias(name)
        return select(table).where(condition(kind)).subquery(name)


ALL = Visibility(lambda _: None)
"""All rows can be read."""
