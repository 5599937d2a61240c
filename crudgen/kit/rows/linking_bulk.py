"""Creating and updating several rows whose request bodies contain the keys of the rows to link."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any

from fastapi import Request, Response

from ..database import Change, Database
from ..database.returning import row_discarded
from ..database.transaction import Row
from ..models import Changes, Model
from .added_properties import extended
from .bulk import Batch, BulkResource
from .bulk_answers import json_array, written_rows
from .link_batches import Pair
from .linking import LinkingResource, WrittenKeys, link_locks
from .links import SentKeys, check_repeated, missing_rows
from .resource import Insertion
from .values import is_storable_key


class LinkingBulkResource(LinkingResource, BulkResource):
    """A resource whose operations on several rows write their links too."""

    def _insertion_of_many(self, db: Database, rows: Sequence[Model]) -> Insertion:
        own = super()._insertion_of_many(db, rows)
        use = self._statements_for(db)
        linked = [one for one in self._written if any(map(one.keys, rows))]
        new = [getattr(row, self._key, None) for row in rows]
        before = [*link_locks(db, linked), *(_keep(db, one, rows, new) for one in linked)]
        start, end = len(before), len(before) + len(own.changes)
        changes = [*before, *own.changes]
        for one in linked:
            first = len(changes) - end + len(rows)
            changes.append(one.batches(db).add_derived(_links_of_new(one, rows, first)))

        def answer(found: Sequence[Sequence[Row]]) -> Response:
            found = found[len(found) - len(changes) :][start:end]
            written = written_rows(use, found[-len(rows) :])
            bodies = [
                extended(body, [one.sent(row) for one in self._written])
                for body, row in zip(written, rows, strict=True)
            ]
            return json_array(bodies, self._created_status)

        return Insertion(changes, own.write, answer)

    async def update_many(
        self, db: Database, request: Request, rows: Sequence[Changes]
    ) -> Response:
        """Update rows and their links in one transaction; return the response with the keys too.

        Raises HTTPException 404, 409, 412, 422.
        """
        batch, n = self._updates(db, request, rows), len(rows)
        linked = [one for one in self._written if any(map(one.is_in, rows))]
        before = [*link_locks(db, linked), *batch.before]
        if linked:
            before.append(linked[0].batches(db).lock_owners(batch.keys, self._all_exist(batch)))
        before += [_keep(db, one, rows) for one in linked]
        after: list[Change] = []
        reads: dict[str, int] = {}
        for one in self._written:
            by_key = [*zip(batch.keys, rows, strict=True)]
            after += _replacing(db, one, [(key, row) for key, row in by_key if one.is_in(row)])
            if others := [key for key, row in by_key if not one.is_in(row)]:
                reads[one.json_name] = n + len(after)
                after.append(one.batches(db).read(others))
        use, start = self._statements_for(db), 0
        if use.rereads:
            start = n + len(after)
            after += [Change(use.read, {"key__": key}) for key in batch.keys]
        found = await self._write_in_order(db, Batch(batch.keys, batch.changes, before), after)
        stored = {name: _by_owner(found[index]) for name, index in reads.items()}
        bodies = [
            extended(
                body,
                [
                    one.sent(row)
                    if one.is_in(row)
                    else one.property_with(stored[one.json_name].get(key, ()))
                    for one in self._written
                ],
            )
            for body, key, row in zip(
                written_rows(use, found[start : start + n]), batch.keys, rows, strict=True
            )
        ]
        return json_array(bodies)

    def _all_exist(self, batch: Batch) -> Callable[[Sequence[Row]], None]:
        """Return the `check` that raises HTTPException 404 unless the rows with all keys exist."""

        def check(found: Sequence[Row]) -> None:
            known = {row[0] for row in found}
            for index, key in enumerate(batch.keys):
                if key not in known:
                    self._must_exist(["body", index, self._key_name])([])

        return check


def _keep(db: Database, one: WrittenKeys, rows: Sequence[Model], new: Sequence[Any] = ()) -> Change:
    """Return the change that keeps the rows to link from being deleted.

    Its check raises HTTPException 409 for keys that no row has. `new` are the keys of the rows that
    are created. Raises HTTPException 422 for a repeated key.
    """
    sent: list[SentKeys] = [
        (["body", index, one.json_name], one.keys(row)) for index, row in enumerate(rows)
    ]
    check_repeated(sent)
    raise_missing = missing_rows(sent, one.words)
    others = {key for _, keys in sent for key in keys if is_storable_key(key)}
    created = [(key,) for key in new] if one.is_own else []
    return one.batches(db).keep(sorted(others), lambda found: raise_missing([*found, *created]))


def _links_of_new(
    one: WrittenKeys, rows: Sequence[Model], distance: int
) -> Callable[[Sequence[Sequence[Row]]], Sequence[Pair]]:
    """Return the function that returns the links of new rows, from the rows of the transaction.

    `distance` is the number of changes since the first new row, and with it.
    """

    def derive(found: Sequence[Sequence[Row]]) -> Sequence[Pair]:
        new = found[len(found) - distance :][: len(rows)]
        if not all(new):
            raise row_discarded()
        return [
            (made[-1], key) for (made,), row in zip(new, rows, strict=True) for key in one.keys(row)
        ]

    return derive


def _replacing(db: Database, one: WrittenKeys, sent: Sequence[tuple[Any, Model]]) -> list[Change]:
    """Return the changes that replace the links of existing rows, which are given by their keys."""
    links = [(key, other) for key, row in sent for other in one.keys(row)]
    use = one.batches(db)
    changes = [use.remove_others([key for key, _ in sent], links)] if sent else []
    return [*changes, use.add(links)] if links else changes


def _by_owner(links: Sequence[Row]) -> dict[Any, list[Any]]:
    """Return the keys of linked rows by the key of their owner."""
    found = defaultdict[Any, list[Any]](list)
    for owner, other in links:
        found[owner].append(other)
    return found
