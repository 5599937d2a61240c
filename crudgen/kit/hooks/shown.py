"""The rows that functions have written, as JSON: what responses and events contain."""

from collections.abc import Callable
from dataclasses import dataclass

from ..database import Database
from ..http.etag import etag
from ..models import Changes
from ..rows.related_writes import LinkWrites
from ..rows.resource import Resource
from .inline import InlineDatabase, result_of


@dataclass(frozen=True, slots=True)
class ShownRow:
    """A row with the keys of linked rows, if its responses contain them."""

    body: bytes
    tag: Callable[[bytes], str] = etag
    """Returns the ETag of the body."""


def row_of(db: InlineDatabase, rows: Resource, key: object) -> bytes | None:
    """Return a row as JSON, without keys of linked rows; None if it does not exist."""
    use = rows._statements_for(db)
    found = result_of(db.read(use.read, {"key__": key}, short=True))
    return use.rows.write(found[0]) if found else None


def links_of(db: Database, rows: Resource, key: object) -> LinkWrites:
    """Return what reads the keys of the rows that are linked to a row, and changes nothing."""
    return rows.link_writes(db, [(key, Changes(), [])], replaces=False)


def with_keys(db: Database, body: bytes, links: LinkWrites) -> ShownRow:
    """Return a row with the keys of linked rows."""
    found = [result_of(db.read(one.statement, one.values)) for one in links.after]
    (extended,) = links.extended([body], found)
    return ShownRow(extended, links.tag)


def event_of(db: InlineDatabase, rows: Resource, key: object) -> bytes | None:
    """Return a row as an event contains it, with all keys of linked rows; None without a row."""
    body = row_of(db, rows, key)
    return None if body is None else with_keys(db, body, links_of(db, rows, key)).body
