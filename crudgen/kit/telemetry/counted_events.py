"""What counts the stored events of an application, if it has some."""

from collections.abc import Sequence
from typing import Protocol

from prometheus_client import Metric

from ..database import Database


class CountedEvents(Protocol):
    """Reads the numbers of stored events."""

    def __init__(self, database: Database) -> None: ...

    async def read(self) -> Sequence[Metric]:
        """Return the current values."""
        ...
