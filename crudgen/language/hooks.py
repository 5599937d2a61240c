"""The functions in `hooks.py`, as a spec lists them. Reason to change: another kind of function."""

import dataclasses
from dataclasses import dataclass
from enum import StrEnum

from crudgen.errors import Diagnostic


class Hook(StrEnum):
    """An operation that a function of the same name in `hooks.py` wraps."""

    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"


AFTER = "on_"
"""The prefix of the names of functions that run after a commit."""


@dataclass(frozen=True, slots=True)
class EventFunction:
    """A function in `hooks.py` that runs after commits: `on_create`."""

    kind: str
    """What was done to the row: `create`, `update`, `delete`, or the name of an action."""
    place: Diagnostic = dataclasses.field(compare=False, repr=False)
    """Where the spec lists it, for messages only."""

    @property
    def name(self) -> str:
        """The name of the function: `on_create`."""
        return f"{AFTER}{self.kind}"


@dataclass(frozen=True, slots=True)
class HookFunction:
    """A function in `hooks.py` that wraps an operation of an entity: `create`."""

    hook: Hook
    place: Diagnostic = dataclasses.field(compare=False, repr=False)
    """Where the spec lists it, for messages only."""
