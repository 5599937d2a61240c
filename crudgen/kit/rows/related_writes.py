"""What request bodies write of other tables, together with a row."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from ..database import Change, Database
from ..models import Model

if TYPE_CHECKING:
    from .resource import Resource


@dataclass(frozen=True, slots=True)
class RelatedWrite:
    """What a request body writes of another table, together with a row."""

    json_name: str
    """The property of the body."""
    rows: "Resource"
    """The rows of the other table."""
    attribute: str = ""
    """The attribute of the body with the rows to create."""
    created: Sequence[Model] = ()
    """The rows to create."""
    by: str = ""
    """The attribute by which these refer to the row."""
    keys: Sequence[Any] = ()
    """The keys of the rows to link."""
    is_shown: bool = False
    """Whether the response contains keys of the other table in any case."""


class Judge(Protocol):
    """Checks rows of other tables that are created together with a row."""

    def checks(self, db: Database, written: RelatedWrite, distance: int) -> list[Change]:
        """Return the changes that check rows before they are inserted.

        `distance` is the number of changes since the insertion of the row itself.
        """
        ...

    def read(self, db: Database, written: RelatedWrite, distance: int) -> Change:
        """Return the change that finds a new row if the caller can read it.

        `distance` is the number of changes since its insertion, and with it.
        """
        ...
