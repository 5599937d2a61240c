"""Rules about the rows of an entity, in the Schema. Reason to change: what a check has."""

import dataclasses
from dataclasses import dataclass

from .conditions.tree import Condition


@dataclass(frozen=True, slots=True)
class Check:
    """A rule about a row: its condition must not be false."""

    condition: Condition
    name: str
    """The end of the constraint's name: `ck_hero_<name>`."""
    says: str | None = None
    """The message of a violation, if the spec has one."""
    line: int = dataclasses.field(default=0, compare=False, repr=False)
    """Line of the condition in the spec file, for messages only."""
