"""What of a live table belongs to the spec. Reason to change: what its changes depend on."""

from collections.abc import Collection
from dataclasses import dataclass

from crudgen.kit.database.catalogue import TableDefinition

from .pairing import Fold


@dataclass(frozen=True, slots=True)
class ImpossibleChange:
    """A change that cannot be made, whatever the rows are."""

    column: str | None
    what: str
    remedy: str
    flag: str = ""


@dataclass(frozen=True, slots=True)
class Scope:
    """The definitions of one table, and what of it belongs to the spec."""

    found: TableDefinition
    renamed: TableDefinition
    """`found` with the names of the models."""
    expected: TableDefinition
    tables: Collection[str]
    """The present and former names of the table."""
    known: Collection[str]
    """The columns that both have, for comparison."""
    dropped: Collection[str]
    """The columns that are dropped, for comparison."""
    fold: Fold
