"""The event that a function gets after a commit."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeAlias


@dataclass(frozen=True, slots=True)
class Event:
    """A committed change of a row, or a committed action.

    A function may get an event more than once, each time with the same `id`.
    """

    id: str
    """Unique for each event."""
    entity: str
    """The name of the entity, such as `Hero`."""
    kind: str
    """What was done with the row: `create`, `update`, `delete`, or the name of an action."""
    key: Any
    """The primary key of the row, as in JSON."""
    row: Mapping[str, Any] | None
    """The row as the API returned it after the commit; a deleted one as it was before."""
    at: datetime
    """When the event was written, in UTC."""
    attempt: int
    """The number of this attempt, from 1."""


Handler: TypeAlias = Callable[[Event], Awaitable[None] | None]
"""A function that gets events. One with `def` runs in a thread."""
