"""The JSON of rows that functions have written, for responses and events."""

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
    """The JSON of a row, with keys of linked rows if responses of its entity contain them."""

    body: bytes
    tag: Callable[[bytes], str] = etag
    """Returns the ETag of the body."""


def row_json(db: InlineDatabase, rows: Resource, key: object) -> bytes | None:
    """Return a row as JSON, without keys of linked rows; None if it does not exist."""
    use = rows._statements_for(db)
    found = result_of(db.read(use.read, {"key__": key}, short=True))
    return use.rows.write(found[0]) if found else None


def links_reader(db: Database, rows: Resource, key: object) -> LinkWrites:
    """Return the statements that read the keys of the rows that are linked to a row."""
    return rows.link_writes(db, [(key, Changes(), [])], replaces=False)


def with_linked_keys(db: Database, body: bytes, links: LinkWrites) -> ShownRow:
    """Read the keys of linked rows, and add them to the JSON of a row."""
    found = [result_of(db.read(one.statement, one.values)) for one in links.after]
    (extended,) = links.with_keys([body], found)
    return ShownRow(extended, links.tag)


def event_json(db: InlineDatabase, rows: Resource, key: object) -> bytes | None:
    """Return the JSON of a row for an event, with all keys of linked rows; None if it is gone."""
    body = row_json(db, rows, key)
    return None if body is None else with_linked_keys(db, body, links_reader(db, rows, key)).body
