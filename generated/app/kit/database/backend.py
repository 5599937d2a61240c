"""What the rest of the application knows of a database driver."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from sqlalchemy import Dialect, Engine, Select

from .statements import Prepared, Statement, Values

Row = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Change:
    """One statement of a transaction that has several."""

    statement: Statement
    values: Values
    columns: tuple[str, ...] = ()
    """What an INSERT or UPDATE sets."""
    check: Callable[[Sequence[Row]], None] | None = None
    """Raises what is to be answered when its rows forbid to go on; nothing is written then."""
    explain: Callable[[Exception], Exception] | None = None
    """Turns what the driver raises for it into the answer for it, if it can."""
    derive: Callable[[Sequence[Sequence[Row]]], Values] | None = None
    """Gives more values, which follow from the rows of the statements before it."""
    read_back: Select[Any] | None = None
    """Reads the row that it writes, by `key__`: where RETURNING may not give it as it is.

    The statement then returns what this reads, and behind it the key."""


@dataclass(frozen=True, slots=True)
class Step:
    """A change that is ready for a driver."""

    change: Change
    prepared: Prepared
    read_back: Prepared | None = None

    def bound(self, found: Sequence[Sequence[Row]]) -> dict[str, Any]:
        """Give the values for the driver; the steps before have found these rows."""
        derive = self.change.derive
        derived = {} if derive is None else derive(found)
        return self.prepared.values({**self.change.values, **derived})

    def rows(self, found: list[Row]) -> Sequence[Row]:
        """Turn what the driver gives into rows, if they allow to go on."""
        rows = self.prepared.rows(found)
        if self.change.check is not None:
            self.change.check(rows)
        return rows

    def explained(self, error: Exception) -> Exception:
        """Give what is to be raised for an error of the driver."""
        return error if self.change.explain is None else self.change.explain(error)


class Backend(Protocol):
    """The ways into one database. Errors are those of the driver, or Unavailable."""

    @property
    def engine(self) -> Engine:
        """SQLAlchemy's way: for tables at start, and for sessions."""

    @property
    def dialect(self) -> Dialect:
        """Compiles the statements that go to the driver directly."""

    async def open(self) -> None:
        """Connect."""

    async def close(self) -> None:
        """Finish what was begun, and disconnect."""

    async def read(self, prepared: Prepared, values: Values, *, short: bool) -> Sequence[Row]:
        """Run a SELECT. `short` tells that it touches few rows, found by the primary key."""

    async def write(
        self, prepared: Prepared, values: Values, read_back: Prepared | None = None
    ) -> Sequence[Row]:
        """Run an INSERT, UPDATE or DELETE with RETURNING; when this returns, it is durable."""

    async def write_all(self, steps: Sequence[Step]) -> list[Sequence[Row]]:
        """Run statements in one transaction, all or none; when this returns, it is durable."""
