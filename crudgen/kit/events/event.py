"""What a function that runs after a commit gets."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeAlias


@dataclass(frozen=True, slots=True)
class Event:
    """Something that was committed. A function may get an event more than once, with one `id`."""

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
    """When it was written, in UTC."""
    attempt: int
    """The number of this attempt, from 1."""


Handler: TypeAlias = Callable[[Event], Awaitable[None] | None]
"""A function that gets events. One with `def` runs in a thread."""
