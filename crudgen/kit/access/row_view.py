"""The operations of a resource for one caller, with rules about rows."""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from fastapi import Request, Response

from ..database import Change, Database
from ..database.transaction import Row
from ..errors import MissingTarget
from ..http.etag import Preconditions, header_value, none_match_error
from ..http.headers import JsonText
from ..models import Changes, Model
from ..rows.related_writes import LinkWrites, SentRow
from ..rows.resource import Insertion
from ..rows.row_responses import ErrorConversion, row_response
from .caller_view import store_identity
from .children import GuardedChildren, key_deriver
from .denials import RowDenied, Write
from .row_reading import RowReading
from .rules import check_any
from .written_keys import GuardedKeys


class RowView(RowReading):
    """The operations on the rows that a caller can read, as far as rules allow them.

    Writes run in one transaction: lock the row if the caller can read it, change it if a rule
    allows it, and read it again if the caller can still read it.
    """

    __slots__ = ()

    async def create(
        self, db: Database, request: Request, row: Model, *options: str | None
    ) -> Response:
        """Insert a row if a rule allows it; return it, or 204 if the caller cannot read it.

        The rules are checked before the insert, so a denial reveals nothing about unique values.
        """
        self._access.create.check(self._caller)
        self._bodies.check_related([row], self._caller)
        sent, row = row, self._bodies.with_caller_values(row, self._caller)
        insertion = self._guarded_insertion(db, request, sent, row)
        return await self._insert(db, request, insertion, [row], *options)

    def _guarded_insertion(
        self, db: Database, request: Request, sent: Model, row: Model
    ) -> Insertion:
        """Return the insertion of a row, after its checks; its last change reads the row.

        `sent` is the row as in the request, without the values that come from the caller.
        """
        operations, rows = self._operations, self._operations.all
        values = rows._values.read(row)
        new = operations.new_values(values)
        before = [*operations.fields.checks_of_new_row(db.kind, sent, self._caller, new, ["body"])]
        known = self._references_to_parents(row)
        referring = {name: value for name, value in values.items() if name not in known}
        before += operations.references.checks(db.kind, [(None, referring)], unchanged_error)
        asked = operations.creation_check(db.kind)
        if asked is not None:
            before.append(
                Change(asked, new, check=self._permission_check(Write("create", None, values)))
            )
        own: Insertion = self._guarded_resource._insertion(self._as_caller(db), request, row)
        seen = Change(
            operations.statements_for(db.kind).read, {}, derive=key_deriver(own.after + 1, "key__")
        )

        def build_response(found: Sequence[Sequence[Row]]) -> Response:
            if not found[-1]:
                return Response(status_code=204)
            written = found[len(before) : -1]
            if not operations.masks:
                return own.answer(written)
            return own.answer(written, operations.statements_for(db.kind).rows.write(found[-1][0]))

        return Insertion([*before, *own.changes, seen], own.write, build_response, own.tag)

    @property
    def _guarded_resource(self) -> Any:
        """The resource, with the rules for child rows and links applied."""
        children = GuardedChildren(self._operations, self._caller)
        return self._operations.all.guarded_by(
            children, GuardedKeys(self._operations, self._caller)
        )

    async def _insert(
        self,
        db: Database,
        request: Request,
        insertion: Insertion,
        sent: Sequence[Model],
        key: str | None = None,
    ) -> Response:
        """Insert rows; return the response, or the stored one if the Idempotency-Key was used."""
        rows: Any = self._operations.all
        store_identity(request, self._caller)
        with ErrorConversion(rows._properties):
            if key is None:
                return insertion.answer(await insertion.write(insertion.changes))
            answered: Response = await rows._responses.respond_idempotently(
                self._as_caller(db),
                request,
                key=key,
                sent=sent,
                changes=insertion.changes,
                write=insertion.write,
                answer=insertion.answer,
                status=rows._created_status,
                tag=insertion.tag,
            )
            return answered

    async def update(self, db: Database, request: Request, key: Any, changes: Changes) -> Response:
        """Update a row if one rule allows it before and after the update; return it, or 204."""
        self._access.update.check(self._caller)
        self._bodies.check_related([changes], self._caller)
        values = self._operations.all._values.read(changes, exclude_unset=True)
        links = self._link_writes(db, [(key, changes, ["body"])])
        return await self._update_row(db, request, key, values, links=links)

    async def replace(self, db: Database, request: Request, key: Any, row: Model) -> Response:
        """Replace a row if one rule allows it before and after; return it, or 204.

        If clients choose the keys, create it if the caller cannot read a row with this key.
        """
        rows: Any = self._operations.all
        creates = self._access.create.admits(self._caller) and rows._key in type(row).model_fields
        first = (self._access.create,) if creates else ()
        check_any((self._access.update, *first), self._caller)
        if "if-match" in request.headers:  # its 412 would tell whether the row exists
            self._access.read.check(self._caller)
        self._bodies.check_related([row], self._caller)
        sent, row = row, self._bodies.with_caller_values(row, self._caller)
        values = rows._values.read(row)
        rows._check_key(key)
        rows.check_key_of_path(key, values)
        if creates and not await self._can_read(db, key):
            return await self._create_by_key(db, request, sent, row)
        self._access.update.check(self._caller)
        if creates and header_value(request, "if-none-match") == "*":
            raise none_match_error()
        fixed = {rows._key, *rows._immutable}
        fields = self._operations.fields
        values = fields.values_to_set(sent, values)
        kept = {name: value for name, value in values.items() if name not in fixed}
        links = self._link_writes(db, [(key, sent, ["body"])], replaces=True)
        return await self._update_row(
            db, request, key, kept, links=links, omitted=fields.kept_if_hidden(sent)
        )

    def _link_writes(
        self, db: Database, rows: Sequence[SentRow], *, replaces: bool = False
    ) -> LinkWrites:
        found: LinkWrites = self._guarded_resource.link_writes(db, rows, replaces=replaces)
        return found

    def links_reader(self, db: Database, key: Any) -> LinkWrites | None:
        """Return the statements that read the keys of linked rows that the caller can read."""
        return self._link_writes(db, [(key, Changes(), [])])

    async def values_of_replacement(
        self, db: Database, key: Any, row: Model, values: dict[str, Any]
    ) -> dict[str, Any]:
        """Return the values that a PUT sets. Omitted properties that the row hides are kept."""
        fields = self._operations.fields
        kept = await fields.omitted_hidden_names(self._as_caller(db), key, row)
        sent = fields.values_to_set(row, values)
        return {name: value for name, value in sent.items() if name not in kept}

    async def _create_by_key(
        self, db: Database, request: Request, sent: Model, row: Model
    ) -> Response:
        """Create the row of a PUT. Raises Conflict (409) if it exists and cannot be read."""
        rows = self._operations.all
        must_not_exist = header_value(request, "if-none-match") == "*"
        is_required = rows._etag_required and not must_not_exist
        Preconditions(request, required=is_required).check(None)
        insertion = self._guarded_insertion(db, request, sent, row)
        with ErrorConversion(rows._properties):
            response = insertion.answer(await insertion.write(insertion.changes))
        if "location" in response.headers:  # a PUT returns none
            del response.headers["location"]
        return response

    async def _update_row(
        self,
        db: Database,
        request: Request,
        key: Any,
        values: Mapping[str, Any],
        *,
        links: LinkWrites,
        omitted: Collection[str] = (),
    ) -> Response:
        operations, rows, columns = self._operations, self._operations.all, tuple(sorted(values))
        bound = {**operations.new_values(values), **values, "key__": key}
        use = operations.statements_for(db.kind)
        judged = operations.fields.checks_of_update(db.kind, key, values, ["body"], omitted)
        changes = [
            *links.locks,
            Change(use.lock, {"key__": key}, check=self._visibility_check(db, request, key)),
            *(judged.changes(bound) if judged else ()),
            *operations.references.checks(db.kind, [(key, values)], unchanged_error),
            *links.before,
            Change(
                operations.update_statement(db.kind, columns),
                bound,
                columns,
                check=self._permission_check(Write("update", key, values)),
                derive=judged.bound_values if judged else None,
            ),
            *links.after,
            Change(use.read, {"key__": key}),
        ]
        with ErrorConversion(rows._properties):
            *found, visible = await self._as_caller(db).write_all(changes)
        if not visible:
            return Response(status_code=204)
        (body,) = links.with_keys([use.rows.write(visible[0])], found)
        return row_response(body, tag=links.tag)

    async def delete(self, db: Database, request: Request, key: Any) -> Response:
        """Delete a row if a rule allows it."""
        self._access.delete.check(self._caller)
        operations, rows = self._operations, self._operations.all
        use, place = operations.statements_for(db.kind), ["path", *list(request.path_params)[-1:]]
        changes = [
            Change(
                use.lock_to_delete, {"key__": key}, check=self._visibility_check(db, request, key)
            ),
            Change(
                operations.delete_statement(db.kind),
                {"key__": key},
                check=self._permission_check(Write("delete", key)),
                yields=rows._deletion_gives_way,
            ),
        ]
        with ErrorConversion(rows._properties, place):
            await self._as_caller(db).write_all(changes)
        return JsonText(b'{"ok":true}')

    def _visibility_check(
        self, db: Database, request: Request, key: Any
    ) -> Callable[[Sequence[Row]], None]:
        """Return the check before a change: the row is visible, and matches If-Match."""
        visible = self._operations.visible
        expected = Preconditions(request, required=visible._etag_required)
        visible._check_key(key)
        rows = self._operations.statements_for(db.kind).rows

        def raise_if_hidden(found: Sequence[Row]) -> None:
            row = visible._existing_row(found)
            if not expected.is_empty:
                expected.check(rows.write(row))

        return raise_if_hidden

    def _permission_check(
        self, write: Write, place: Sequence[str | int] = ()
    ) -> Callable[[Sequence[Row]], None]:
        """Return the check that raises RowDenied if a statement with the rules found no row.

        `place` is the location of the row in a request about several.
        """

        def raise_if_denied(found: Sequence[Row]) -> None:
            if not found:
                raise RowDenied(self._operations, self._caller, write, place)

        return raise_if_denied


def unchanged_error(error: MissingTarget, _: int) -> MissingTarget:
    """Return the error as it is: a request about one row needs no index."""
    return error
