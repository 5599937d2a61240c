"""Creating and updating several rows whose request bodies contain the keys of the rows to link."""

from collections.abc import Callable, Sequence

from fastapi import Request, Response

from ..database import Change, Database
from ..database.transaction import Row
from ..models import Changes, Model
from .added_properties import with_json_properties
from .bulk import Batch, BulkResource
from .bulk_responses import json_array_response, written_rows_json
from .key_writes import LinkWriter, keys_by_owner, link_locks, new_links_deriver
from .linking import LinkingResource
from .related_writes import SentRow
from .resource import Insertion


class LinkingBulkResource(LinkingResource, BulkResource):
    """A resource whose operations on several rows write their links too."""

    supports_row_rules = True

    def _insertion_of_many(self, db: Database, rows: Sequence[Model]) -> Insertion:
        own, n = super()._insertion_of_many(db, rows), len(rows)
        use, guard = self._statements_for(db), self._link_guard
        writes = LinkWriter(db, self._written, guard)
        linked = [one for one in self._written if any(map(one.keys, rows))]
        sent: list[SentRow] = [(None, row, ["body", index]) for index, row in enumerate(rows)]
        new = [getattr(row, self._key, None) for row in rows]
        before = link_locks(db, linked)
        if guard is None:
            before += [
                change for one in linked for change in writes.keep_rows_to_link(one, sent, new)
            ]
        changes = [*before, *own.changes]
        start, end = len(before), len(changes)
        if guard is None:
            for one in linked:
                derive = new_links_deriver(one, sent, own.after + len(changes) - end + n)
                changes.append(writes.statements(one).add_derived_links(derive))
        else:
            changes += writes.changes_for_new_rows(sent, own.after + n)

        def build_response(
            found: Sequence[Sequence[Row]], shown: Sequence[bytes] | None = None
        ) -> Response:
            found = found[len(found) - len(changes) :]
            inserted = found[start:end][-n:]
            written = written_rows_json(use, inserted) if shown is None else shown
            if guard is None:
                bodies = [
                    with_json_properties(body, [one.sent(row) for one in self._written])
                    for body, row in zip(written, rows, strict=True)
                ]
            else:
                bodies = writes.with_keys(written, [made[-1] for (made,) in inserted], found)
            return json_array_response(bodies, self._created_status)

        return Insertion(changes, own.write, build_response, after=own.after + len(changes) - end)

    async def update_many(
        self, db: Database, request: Request, rows: Sequence[Changes]
    ) -> Response:
        """Update rows and their links in one transaction; return the response with the keys too.

        Raises HTTPException 404, 409, 412, 422.
        """
        batch, n = self._update_batch(db, request, rows), len(rows)
        writes = LinkWriter(db, self._written)
        sent: list[SentRow] = [
            (key, row, ["body", index])
            for index, (key, row) in enumerate(zip(batch.keys, rows, strict=True))
        ]
        linked = [one for one in self._written if any(map(one.is_in, rows))]
        before = [*link_locks(db, linked), *batch.before]
        if linked:
            before.append(
                linked[0].link_batches(db).lock_owners(batch.keys, self._all_exist_check(batch))
            )
        before += [change for one in linked for change in writes.keep_rows_to_link(one, sent)]
        after: list[Change] = []
        reads: dict[str, int] = {}
        for one in self._written:
            after += writes.replace_links(one, [each for each in sent if one.is_in(each[1])])
            if others := [key for key, row, _ in sent if not one.is_in(row)]:
                reads[one.json_name] = n + len(after)
                after.append(one.link_batches(db).read(others))
        use, start = self._statements_for(db), 0
        if use.rereads:
            start = n + len(after)
            after += [Change(use.read, {"key__": key}) for key in batch.keys]
        found = await self._write_in_key_order(db, Batch(batch.keys, batch.changes, before), after)
        stored = {name: keys_by_owner(found[index]) for name, index in reads.items()}
        bodies = [
            with_json_properties(
                body,
                [
                    one.sent(row)
                    if one.is_in(row)
                    else one.response_property(stored[one.json_name].get(key, ()))
                    for one in self._written
                ],
            )
            for body, key, row in zip(
                written_rows_json(use, found[start : start + n]), batch.keys, rows, strict=True
            )
        ]
        return json_array_response(bodies)

    def _all_exist_check(self, batch: Batch) -> Callable[[Sequence[Row]], None]:
        """Return the `check` that raises HTTPException 404 unless the rows with all keys exist."""

        def raise_if_missing(found: Sequence[Row]) -> None:
            known = {row[0] for row in found}
            for index, key in enumerate(batch.keys):
                if key not in known:
                    self._exists_check(["body", index, self._key_name])([])

        return raise_if_missing
