"""PUT of rows whose request bodies contain the keys of the rows to link."""

from collections.abc import Sequence
from dataclasses import replace

from fastapi import Request, Response

from ..database import Change, Database
from ..database.transaction import Row
from ..models import Model
from .added_properties import with_properties
from .key_writes import link_locks
from .linking import LinkingResource
from .replacement import ReplaceableResource


class LinkingReplaceableResource(LinkingResource, ReplaceableResource):
    """A resource whose PUT replaces the links of a row too: without keys, it links no rows."""

    supports_row_rules = True

    async def replace(
        self, db: Database, request: Request, key: object, row: Model, **allowed: bool
    ) -> Response:
        """Replace a row and its links; return the response with the row and the keys.

        Raises the errors of replacing a row, 409 for a key that no row has, 422 for a repeated key.
        """
        response = await super().replace(db, request, key, row, **allowed)
        return with_properties(response, [one.sent(row) for one in self._written], self._tag)

    async def _write_replacement(
        self, db: Database, row: Model, changes: Sequence[Change]
    ) -> Sequence[Sequence[Row]]:
        *before, last = changes
        key = last.values["key__"]
        links = [
            change for one in self._written for change in one.replacement_changes(db, key, row)
        ]
        locks = link_locks(db, self._written)
        steps = [*locks, *before, replace(last, check=_raise_if_not_written), *links]
        try:
            found = await db.write_all(steps)
        except _NotWrittenError:
            return [()] * len(changes)
        return found[len(locks) : len(locks) + len(changes)]


class _NotWrittenError(Exception):
    """No row was written, so no link may be changed."""


def _raise_if_not_written(rows: Sequence[Row]) -> None:
    if not rows:
        raise _NotWrittenError
