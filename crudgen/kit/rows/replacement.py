"""PUT: replaces a row, or creates it if clients choose the keys of the table."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from fastapi import HTTPException, Request, Response
from sqlalchemy import Insert

from ..database import Change, Database
from ..database.statements import Values, later_timestamp
from ..database.transaction import Row
from ..errors import RuleViolated, problem
from ..http.etag import Preconditions, header_value, none_match_error
from ..models import Model
from .resource import ExistsError, Resource
from .row_responses import ErrorConversion, row_response
from .statements import INSERTS


class ReplaceableResource(Resource):
    """A resource with PUT: it replaces rows, or creates them if clients choose the keys.

    A replacement keeps the `immutable` properties of a row.
    """

    supports_row_rules = True

    def __init__(
        self, model: type[Model], *, public: type[Model], immutable: Sequence[str] = (), **rest: Any
    ) -> None:
        super().__init__(model, public=public, **rest)
        self._immutable = frozenset(immutable)
        self._upserts: dict[tuple[object, ...], Insert] = {}

    async def replace(
        self,
        db: Database,
        request: Request,
        key: Any,
        row: Model,
        *,
        creates: bool = True,
        updates: bool = True,
    ) -> Response:
        """Replace a row and return it. If clients choose the keys, create it if it does not exist.

        Without `creates`, the row must exist. Without `updates`, it must not: raises ExistsError.
        Raises HTTPException 404, 409, 412, 422, 428.
        """
        use, values, status = self._statements_for(db), self._values.read(row), 200
        self._check_key(key)
        if self._key not in values and not updates:
            raise ExistsError
        self.check_key_of_path(key, values)
        if self._key not in values or not creates:
            rows = await self._replace(db, request, row, key, values)
        else:
            try:
                rows, is_new = await self._replace_or_create(
                    db, request, row, {**values, "key__": key}, tuple(values), updates=updates
                )
            except RuleViolated:
                if not updates or not self._existing_row_may_pass_checks(request):
                    raise
                rows, is_new = await self._replace(db, request, row, key, values), False
                if not rows:
                    raise
            status = self._created_status if is_new else status
        return row_response(use.rows.write(self._existing_row(rows)), status=status)

    def check_key_of_path(self, key: Any, values: Values) -> None:
        """Raise HTTPException 409 if a body has another key than the path."""
        if self._key in values and values[self._key] != key:
            message = "The key should be that of the path"
            raise HTTPException(409, [problem("other_key", ["body", self._key_name], message)])

    def _existing_row_may_pass_checks(self, request: Request) -> bool:
        """Return whether the existing row may satisfy checks that the new values violate.

        It keeps its immutable values, but the database checks the values of the body first.
        """
        may_exist = header_value(request, "if-none-match") != "*"
        return may_exist and bool(self._immutable - {self._key})

    async def _replace(
        self, db: Database, request: Request, row: Model, key: Any, values: Values
    ) -> Sequence[Row]:
        """Replace a row, if it meets the preconditions; return it."""
        expected = Preconditions(request, required=self._etag_required)
        use, fixed = self._statements_for(db), {self._key, *self._immutable}
        kept = {name: value for name, value in values.items() if name not in fixed}
        values, columns = {**kept, "key__": key}, tuple(sorted(kept))

        def check_preconditions(rows: Sequence[Row]) -> None:
            expected.check(use.rows.write(self._existing_row(rows)))

        changes = [Change(use.update, values, columns, read_back=use.read)]
        if not expected.is_empty:
            changes.insert(
                0, Change(use.lock, {"key__": values["key__"]}, check=check_preconditions)
            )
        with ErrorConversion(self._properties):
            return (await self._write_replacement(db, row, changes))[-1]

    async def _replace_or_create(
        self,
        db: Database,
        request: Request,
        row: Model,
        values: Values,
        columns: tuple[str, ...],
        *,
        updates: bool,
    ) -> tuple[Sequence[Row], bool]:
        """Replace or create a row, if it meets the preconditions; return it, and whether it is new.

        If both cases have the same status, a new row may be returned as an existing one.
        """
        expected = _Preconditions(request, required=self._etag_required)
        use = self._statements_for(db)
        must_not_exist = expected.must_not_exist or not updates
        statement = self._upsert_statement(db, columns, must_not_exist=must_not_exist)
        change = Change(statement, values, columns, read_back=use.read)
        with ErrorConversion(self._properties):
            if expected.is_empty:
                if self._created_status != 200 or not updates:
                    insert = self._upsert_statement(db, columns, must_not_exist=True)
                    attempt = replace(change, statement=insert)
                    (rows,) = await self._write_replacement(db, row, [attempt])
                    if rows:
                        return rows, True
                    if not updates:
                        raise ExistsError
                (rows,) = await self._write_replacement(db, row, [change])
                return rows, False

            def check_preconditions(rows: Sequence[Row]) -> None:
                if rows and not updates:
                    raise ExistsError
                expected.check(use.rows.write(rows[0]) if rows else None)

            lock = Change(use.lock, {"key__": values["key__"]}, check=check_preconditions)
            before, written = await self._write_replacement(db, row, [lock, change])
            if not written and not updates:
                raise ExistsError
            if not written:
                raise none_match_error()  # a concurrent request created it after the check
            return written, not before

    async def _write_replacement(
        self, db: Database, row: Model, changes: Sequence[Change]
    ) -> Sequence[Sequence[Row]]:
        """Run changes, of which the last one writes the row; return the rows of each."""
        del row
        if len(changes) > 1:
            return await db.write_all(changes)
        (one,) = changes
        return [await db.write(one.statement, one.values, one.columns, one.read_back)]

    def _upsert_statement(
        self, db: Database, columns: tuple[str, ...], *, must_not_exist: bool
    ) -> Insert:
        """Return the INSERT of a row that updates an existing row, except immutable columns.

        With `must_not_exist`, it does nothing if the row exists.
        """
        chosen = (db.kind, columns, must_not_exist)
        if chosen not in self._upserts:
            by_attribute = self._properties.columns
            index = [by_attribute[self._key]]
            insert = INSERTS[db.kind](self._properties.table)
            touched = {name for name, one in by_attribute.items() if one.onupdate is not None}
            changed = {*columns, *touched} - {self._key, *self._immutable} or {self._key}
            update = {}
            for name in sorted(changed):
                column = by_attribute[name]
                new = insert.excluded[column.key]
                update[column] = later_timestamp(column, new) if name in touched else new
            statement = (
                insert.on_conflict_do_nothing(index_elements=index)
                if must_not_exist
                else insert.on_conflict_do_update(index_elements=index, set_=update)
            )
            use = self._statements_for(db)
            statement = statement.returning(*use.returned).execution_options(**use.options)
            self._upserts[chosen] = statement
        return self._upserts[chosen]


class _Preconditions(Preconditions):
    """The preconditions of a PUT that may create the row."""

    def __init__(self, request: Request, *, required: bool) -> None:
        self.must_not_exist = header_value(request, "if-none-match") == "*"
        """Whether the row must not exist. This is a precondition too, if one is required."""
        super().__init__(request, required=required and not self.must_not_exist)
