"""What the rest of the application knows of a database driver."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from sqlalchemy import Dialect, Engine

from .statements import Prepared, Values

Row = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Step:
    """One statement of a transaction that has several."""

    prepared: Prepared
    values: Values
    check: Callable[[Sequence[Row]], None] | None = None
    """Raises what is to be answered when its rows forbid to go on; nothing is written then."""


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

    async def write(self, prepared: Prepared, values: Values) -> Sequence[Row]:
        """Run an INSERT, UPDATE or DELETE with RETURNING; when this returns, it is durable."""

    async def write_all(self, steps: Sequence[Step]) -> list[Sequence[Row]]:
        """Run statements in one transaction, all or none; when this returns, it is durable."""
