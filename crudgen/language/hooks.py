"""Functions of the owner around operations. Reason to change: what a function can be around."""

import dataclasses
from dataclasses import dataclass
from enum import StrEnum

from crudgen.errors import Diagnostic


class Hook(StrEnum):
    """What a function in `hooks.py` is around; it has the same name."""

    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"


@dataclass(frozen=True, slots=True)
class HookFunction:
    """A function of the owner for an entity."""

    hook: Hook
    place: Diagnostic = dataclasses.field(compare=False, repr=False)
    """Where the spec lists it, for messages only."""
