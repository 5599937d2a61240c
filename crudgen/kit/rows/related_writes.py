"""What request bodies write of other tables, together with a row."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, Self

from sqlalchemy import Table

from ..database import Change, Database
from ..database.transaction import Row
from ..http.etag import etag
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


SentRow = tuple[Any, Model, Sequence[str | int]]
"""The key of a row, None of a new one; its request body, and the location of the body."""


def _unchanged(rows: Sequence[bytes], found: Sequence[Sequence[Row]]) -> Sequence[bytes]:
    del found
    return rows


@dataclass(frozen=True, slots=True)
class LinkWrites:
    """The changes of links in the transaction that updates rows."""

    locks: Sequence[Change] = ()
    """Come first, to avoid deadlocks."""
    before: Sequence[Change] = ()
    """Check and replace the links, when the rows are locked."""
    after: Sequence[Change] = ()
    """Read the links, when the rows are updated."""
    extended: Callable[[Sequence[bytes], Sequence[Sequence[Row]]], Sequence[bytes]] = _unchanged
    """Returns the JSON of rows with the keys of linked rows, from the rows of `after`."""
    tag: Callable[[bytes], str] = etag
    """Returns the ETag of the JSON of a row."""


class LinkedKeys(Protocol):
    """The keys of linked rows, which are a property of request bodies."""

    attribute: str
    """The attribute of the body."""
    json_name: str
    rows: "Resource"
    """The linked rows."""
    is_inverse: bool
    """Whether a link belongs to the linked row, so that this row must be updatable."""

    def keys(self, row: Model) -> Sequence[Any]:
        """Return the keys in a request body."""
        ...

    def new_batches(self, kind: str, rows: Any, updatable: Any) -> Any:
        """Return the statements that change links to rows that can be read.

        `updatable` are the rows that can be updated, if a rule must allow the update.
        """
        ...


class LinkGuard(Protocol):
    """Knows which links a caller can read and change."""

    def statements(self, keys: LinkedKeys, kind: str) -> Any:
        """Return the statements that change the links that the caller can read."""
        ...

    def denied(self, keys: LinkedKeys, key: Any, place: Sequence[str | int]) -> Exception:
        """Return the error that a linked row may not be updated."""
        ...


class CreationGuard(Protocol):
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

    def write(self, db: Database, written: RelatedWrite, found: Sequence[Sequence[Row]]) -> bytes:
        """Return new rows as a JSON array, as the caller sees them, from those of `read`."""
        ...


class RelatedWriter:
    """Writes to other tables by the operations of a resource: by default, none."""

    def related_writes(self, row: Model) -> Iterator[RelatedWrite]:
        """Yield what a request body writes of other tables."""
        del row
        yield from ()

    def guarded_by(self, guard: CreationGuard, links: LinkGuard) -> Self:
        """Return the operations that check rows that are created with others, and links."""
        del guard, links
        return self

    def linked_keys(self) -> Sequence[LinkedKeys]:
        """Return the properties of request bodies with keys of linked rows."""
        return ()

    def locks_of_links(
        self, db: Database, rows: Sequence[Model], *, replaces: bool = False
    ) -> Sequence[Change]:
        """Return the changes that take the locks of the links that request bodies write.

        With `replaces`, a body without keys removes links.
        """
        del db, rows, replaces
        return ()

    def link_writes(self, db: Database, rows: Sequence[SentRow], *, replaces: bool) -> LinkWrites:
        """Return the changes of the links of existing rows.

        With `replaces`, a body without keys removes links.
        """
        del db, rows, replaces
        return LinkWrites()

    def created_tables(self) -> set[Table]:
        """Return the tables of the rows that requests can create together with those of this."""
        return set()
