"""The statements of a transaction."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select

from .statements import Prepared, Statement, Values

Row = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Change:
    """One statement of a transaction."""

    statement: Statement
    values: Values
    columns: tuple[str, ...] = ()
    """The columns that an INSERT or UPDATE sets."""
    check: Callable[[Sequence[Row]], None] | None = None
    """Checks the returned rows. If it raises, the transaction is rolled back."""
    explain: Callable[[Exception], Exception] | None = None
    """Converts a driver error to an HTTP error; returns other errors unchanged."""
    derive: Callable[[Sequence[Sequence[Row]]], Values] | None = None
    """Returns additional values, computed from the rows of the statements before."""
    read_back: Select[Any] | None = None
    """Reads the written row by `key__`, if RETURNING may not return its final state.

    The statement must return the columns of this SELECT, then the key."""


@dataclass(frozen=True, slots=True)
class Step:
    """A change with its compiled statements."""

    change: Change
    prepared: Prepared
    read_back: Prepared | None = None

    def bound(self, found: Sequence[Sequence[Row]]) -> dict[str, Any]:
        """Return the values for the driver. `found` are the rows of the steps before."""
        derive = self.change.derive
        derived = {} if derive is None else derive(found)
        return self.prepared.values({**self.change.values, **derived})

    def rows(self, found: list[Row]) -> Sequence[Row]:
        """Convert rows of the driver, and check them."""
        rows = self.prepared.rows(found)
        if self.change.check is not None:
            self.change.check(rows)
        return rows

    def explained(self, error: Exception) -> Exception:
        """Return the exception to raise for a driver error."""
        return error if self.change.explain is None else self.change.explain(error)
