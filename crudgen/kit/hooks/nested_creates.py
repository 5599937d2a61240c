"""Rows that are created together with another row, each by a function of the owner."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Table

from ..models import Model
from ..rows.related_writes import RelatedWrite
from ..rows.resource import Resource
from .inline import InlineDatabase
from .shown import row_json

Keys = Mapping[str, Sequence[Any]]
"""The keys of the rows that were created together with a row, by property of the body."""


def relations_of_nested_creates(rows: Resource, row: Model) -> Sequence[RelatedWrite]:
    """Return the relations whose rows the body of a new row can create too."""
    return [one for one in rows.related_writes(row) if one.attribute]


def keys_of_created_rows(
    table: Table, together: Iterable[RelatedWrite], inserted: Mapping[object, Sequence[Any]]
) -> Keys:
    """Return the keys of the rows that one operation created together with a row of `table`.

    `inserted` has the keys of all rows that it inserted, by table.
    """
    keys = {one: iter(found) for one, found in inserted.items()}
    next(keys[table])
    return {
        one.json_name: [next(keys[one.rows._properties.table]) for _ in one.created]
        for one in together
    }


def created_rows_json(
    db: InlineDatabase,
    together: Iterable[RelatedWrite],
    keys: Keys,
    shown_of: Callable[[InlineDatabase, Resource, Any], bytes | None],
) -> Mapping[str, bytes] | None:
    """Return the rows that were created with a row, as JSON; None if one of them is hidden.

    Those that a function has deleted are left out.
    """
    found = {}
    for one in together:
        created = keys.get(one.json_name, ())
        existing = [key for key in created if row_json(db, one.rows, key) is not None]
        bodies = [shown_of(db, one.rows, key) for key in existing]
        seen = [body for body in bodies if body is not None]
        if len(seen) < len(bodies):
            return None
        found[one.json_name] = b"[" + b",".join(seen) + b"]"
    return found
