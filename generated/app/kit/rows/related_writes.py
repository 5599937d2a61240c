"""What request bodies write to other tables, together with a row."""

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
    """What a request body writes to another table, together with a row."""

    json_name: str
    """The property of the body."""
    rows: "Resource"
    """The resource of the other table."""
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
"""A row in a request: its key, None if it is new; its body, and the location of the body."""


def _unchanged_rows(rows: Sequence[bytes], found: Sequence[Sequence[Row]]) -> Sequence[bytes]:
    del found
    return rows


@dataclass(frozen=True, slots=True)
class LinkWrites:
    """The changes of links in the transaction that updates rows."""

    locks: Sequence[Change] = ()
    """Run first: take the write locks of the link tables, to avoid deadlocks."""
    before: Sequence[Change] = ()
    """Run when the rows are locked: check and replace the links."""
    after: Sequence[Change] = ()
    """Run when the rows are updated: read the links."""
    with_keys: Callable[[Sequence[bytes], Sequence[Sequence[Row]]], Sequence[bytes]] = (
        _unchanged_rows
    )
    """Adds the keys of linked rows, which `after` has read, to the JSON of rows."""
    tag: Callable[[bytes], str] = etag
    """Returns the ETag of the JSON of a row."""


class BodyLinkKeys(Protocol):
    """A property of request bodies with the keys of linked rows."""

    attribute: str
    """The attribute of the body."""
    json_name: str
    rows: "Resource"
    """The linked rows."""
    is_inverse: bool
    """Whether a link belongs to the linked row, whose update a rule must allow then."""

    def keys(self, row: Model) -> Sequence[Any]:
        """Return the keys in a request body."""
        ...

    def new_link_batches(self, kind: str, rows: Any, updatable: Any) -> Any:
        """Return the statements that change links to `rows`, those that can be read.

        `updatable` are the rows whose update a rule allows; None if no rule is needed.
        """
        ...


class LinkGuard(Protocol):
    """Decides which links a caller can read and change."""

    def statements(self, keys: BodyLinkKeys, kind: str) -> Any:
        """Return the statements that change the links that the caller can read."""
        ...

    def denial_error(self, keys: BodyLinkKeys, key: Any, place: Sequence[str | int]) -> Exception:
        """Return the error that a linked row may not be updated."""
        ...


class CreationGuard(Protocol):
    """Checks rows of other tables that are created together with a row."""

    def checks(self, db: Database, written: RelatedWrite, distance: int) -> list[Change]:
        """Return the changes that check rows before they are inserted.

        `distance` is the number of changes after the insertion of the row itself.
        """
        ...

    def read(self, db: Database, written: RelatedWrite, distance: int) -> Change:
        """Return the change that reads a new row if the caller can read it.

        Its insertion is `distance` changes before.
        """
        ...

    def encode(self, db: Database, written: RelatedWrite, found: Sequence[Sequence[Row]]) -> bytes:
        """Return the JSON array of new rows as the caller sees them, from those of `read`."""
        ...


class RelatedWriter:
    """Says what the operations of a resource write to other tables: by default, nothing."""

    def related_writes(self, row: Model) -> Iterator[RelatedWrite]:
        """Yield what a request body writes to other tables."""
        del row
        yield from ()

    def guarded_by(self, guard: CreationGuard, links: LinkGuard) -> Self:
        """Return the operations with these guards of related rows: here, there are none."""
        del guard, links
        return self

    def linked_keys(self) -> Sequence[BodyLinkKeys]:
        """Return the properties of request bodies with keys of linked rows."""
        return ()

    def locks_of_links(
        self, db: Database, rows: Sequence[Model], *, replaces: bool = False
    ) -> Sequence[Change]:
        """Return the changes that take the write locks of the link tables in request bodies.

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
        """Return the tables whose rows requests can create together with rows of this one."""
        return set()
