"""Operations on several rows, for a caller with rules about rows."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from fastapi import HTTPException, Request, Response

from ..database import Change, Database
from ..database.transaction import Row
from ..errors import MissingTarget
from ..http.headers import JsonText
from ..models import Changes, Model
from ..rows.resource import Insertion
from .children import key_deriver
from .denials import Write
from .field_writes import FieldUpdateChecks
from .row_view import RowView


class BulkRowView(RowView):
    """The operations on one and on several of the rows that a caller can read.

    All rows of a request are locked and checked before the first one is written. If the caller
    cannot read one of them (404), or no rule allows its write (403), nothing is written, and the
    error names the first such row.
    """

    __slots__ = ()

    async def create_many(
        self, db: Database, request: Request, rows: Sequence[Model], *options: str | None
    ) -> Response:
        """Insert rows if a rule allows each; return the response with them, or 204.

        It is 204 if the caller cannot read all of them.
        """
        self._access.create.check(self._caller)
        self._bodies.check_related(rows, self._caller, several=True)
        sent, rows = rows, [self._bodies.with_caller_values(row, self._caller) for row in rows]
        operations, every, caller_db = self._operations, self._all_rows, self._as_caller(db)
        asked, count = operations.creation_check(db.kind), len(rows)
        values = [every._values.read(row) for row in rows]
        new = [(None, one) for one in values]
        before = [
            change
            for index, row in enumerate(sent)
            for change in operations.fields.checks_of_new_row(
                db.kind, row, self._caller, operations.new_values(values[index]), ["body", index]
            )
        ]
        before += operations.references.checks(db.kind, new, self._error_at_row)
        before += [
            Change(
                asked,
                operations.new_values(row),
                check=self._permission_check(Write("create", None, row), ["body", index]),
            )
            for index, row in enumerate(values)
            if asked is not None
        ]
        own: Insertion = self._guarded_resource._insertion_of_many(caller_db, rows)
        # The insertions come one after another, and then, in the same order, what reads the rows.
        inserted = key_deriver(own.after + count, "key__")
        seen = [Change(operations.statements_for(db.kind).read, {}, derive=inserted) for _ in rows]

        def build_response(found: Sequence[Sequence[Row]]) -> Response:
            written, visible = found[len(before) : -count], found[-count:]
            response = own.answer(written)  # checks that each row was written
            if not all(visible):
                return Response(status_code=204)
            if not operations.masks:
                return response
            shown = [operations.statements_for(db.kind).rows.write(row) for (row,) in visible]
            return own.answer(written, shown)

        insertion = Insertion([*before, *own.changes, *seen], own.write, build_response)
        return await self._insert(db, request, insertion, rows, *options)

    async def update_many(
        self, db: Database, request: Request, rows: Sequence[Changes]
    ) -> Response:
        """Update rows, each if one rule allows it before and after the update; return them, or 204.

        It is 204 if the caller can no longer read all of them.
        """
        self._access.update.check(self._caller)
        self._bodies.check_related(rows, self._caller, several=True)
        operations, every, caller_db = self._operations, self._all_rows, self._as_caller(db)
        use = operations.statements_for(db.kind)
        batch = every._update_batch(caller_db, request, rows)
        guards = [
            Change(use.lock, {"key__": key}, check=every._exists_check(self._key_location(index)))
            for index, key in _sorted_with_index(batch.keys)
        ]
        sent = [every._values.read(row, exclude_unset=True) for row in rows]
        written = [(values.pop(every._key), values) for values in sent]
        judged = [
            operations.fields.checks_of_update(db.kind, key, values, ["body", index])
            for index, (key, values) in enumerate(written)
        ]
        for (_, values), one in zip(written, judged, strict=True):
            guards += one.changes(operations.new_values(values)) if one else ()
        guards += operations.references.checks(db.kind, written, self._error_at_row)
        links = self._link_writes(
            caller_db, [(key, rows[n], ["body", n]) for n, key in enumerate(batch.keys)]
        )
        guards += links.before
        for index, key in _sorted_with_index(batch.keys) if operations.update_needs_rule else ():
            values = sent[index]
            guards.append(
                Change(
                    operations.update_statement(db.kind, tuple(values), asks=True),
                    {**operations.new_values(values), "key__": key},
                    check=self._permission_check(Write("update", key, values), ["body", index]),
                    derive=_value_deriver(judged[index]),
                )
            )
        seen = [Change(use.read, {"key__": key}) for key in batch.keys]
        pairs = zip(batch.changes, judged, strict=True)
        updates = [
            replace(one, derive=_value_deriver(found)) if found else one for one, found in pairs
        ]
        before = [*links.locks, *batch.before, *guards]
        guarded = replace(batch, before=before, changes=updates)
        found = await every._write_in_key_order(caller_db, guarded, [*links.after, *seen])
        visible = found[-len(rows) :]
        if not all(visible):
            return Response(status_code=204)
        shown = [use.rows.write(row) for (row,) in visible]
        return JsonText(b"[%b]" % b",".join(links.with_keys(shown, found[: -len(rows)])))

    async def delete_many(self, db: Database, request: Request, keys: Sequence[Any]) -> Response:
        """Delete rows, each if a rule allows it."""
        self._access.delete.check(self._caller)
        operations, every, caller_db = self._operations, self._all_rows, self._as_caller(db)
        use = operations.statements_for(db.kind)
        batch = every._deletion_batch(caller_db, request, keys)
        name = every._key_name
        guards = [
            Change(
                use.lock_to_delete,
                {"key__": key},
                check=every._exists_check(["query", name, index]),
            )
            for index, key in _sorted_with_index(keys)
        ]
        if operations.deletion_needs_rule:
            guards += [
                Change(
                    operations.delete_statement(db.kind, asks=True),
                    {"key__": key},
                    check=self._permission_check(Write("delete", key), ["query", name, index]),
                )
                for index, key in _sorted_with_index(keys)
            ]
        await every._delete_all(caller_db, replace(batch, before=[*batch.before, *guards]))
        return JsonText(b'{"ok":true}')

    @property
    def _all_rows(self) -> Any:
        """The resource without rules: a BulkResource."""
        return self._operations.all

    def _error_at_row(self, error: MissingTarget, index: int) -> HTTPException:
        """Return the error with the place of a row in the request."""
        found: HTTPException = self._all_rows._item_error_converter(index)(error)
        return found

    def _key_location(self, index: int) -> list[str | int]:
        """Return the location of the key of a row in a body."""
        return ["body", index, self._all_rows._key_name]


def _value_deriver(
    judged: FieldUpdateChecks | None,
) -> Callable[[Sequence[Sequence[Row]]], dict[str, Any]] | None:
    """Return the function that derives the values of an update; None without rules about them."""
    return None if judged is None else judged.bound_values


def _sorted_with_index(keys: Sequence[Any]) -> list[tuple[int, Any]]:
    """Return the keys with their indexes, in the order of the keys, to avoid deadlocks."""
    return sorted(enumerate(keys), key=lambda item: item[1])
