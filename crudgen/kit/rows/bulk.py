"""Creating, updating and deleting several rows in one transaction."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from fastapi import HTTPException, Request, Response

from ..database import Change, Database
from ..database.transaction import Row
from ..errors import HTTPValidationError, Message, Referenced, problem
from ..http.headers import JsonText
from ..models import Changes, Model
from .bulk_deletion import deletion_error_converter, may_depend_on_order, single_statement_deletion
from .bulk_responses import (
    item_error_converter,
    json_array_response,
    rows_response,
    with_item_index,
    written_rows_json,
)
from .resource import Insertion, Resource
from .row_responses import ErrorConversion
from .values import is_storable_key
from .write_lock import WriteLocks

Place = list[str | int]
BULK_ERRORS: dict[int | str, dict[str, Any]] = {
    404: {
        "model": HTTPValidationError,
        "description": "Not found: some of the rows do not exist",
    },
    409: {
        "model": HTTPValidationError,
        "description": "Conflict with another row, or the request names a row twice",
    },
    412: {"model": Message, "description": "Preconditions are not supported for several rows"},
}
"""The error responses that differ from those of operations on one row, for OpenAPI."""


@dataclass(frozen=True, slots=True)
class Batch:
    """The changes of several rows."""

    keys: Sequence[Any]
    changes: Sequence[Change]
    """The change of each row."""
    before: Sequence[Change]
    """The changes to run first: those that take locks to avoid deadlocks, and those that check."""


class BulkResource(Resource):
    """A resource whose operations also create, update and delete several rows at a time.

    With `serialized`, requests that write several unique values run one after another.
    """

    supports_row_rules = True

    def __init__(
        self, model: type[Model], *, public: type[Model], serialized: bool = False, **options: Any
    ) -> None:
        super().__init__(model, public=public, **options)
        self._locks = WriteLocks(self._properties, serialized=serialized)

    async def create_many(self, db: Database, request: Request, rows: Sequence[Model]) -> Response:
        """Insert rows in one transaction; return the response with them in the same order.

        Raises HTTPException 409.
        """
        del request
        insertion = self._insertion_of_many(db, rows)
        with ErrorConversion(self._properties):
            return insertion.answer(await insertion.write(insertion.changes))

    def _insertion_of_many(self, db: Database, rows: Sequence[Model]) -> Insertion:
        """Return the insertion of rows. Its last changes insert one row each."""
        use = self._statements_for(db)
        values = [self._values.read(row) for row in rows]
        explain = (
            self._item_error_converter if self._key in values[0] else self._keyless_error_converter
        )
        inserts = [
            Change(use.insert, one, tuple(one), explain=explain(index), read_back=use.read)
            for index, one in enumerate(values)
        ]
        locks = self._locks.locking_changes(db, use)
        changes = [*locks, *self._locks_before_writes(db, values), *inserts]

        def build_response(
            found: Sequence[Sequence[Row]], shown: Sequence[bytes] | None = None
        ) -> Response:
            written = written_rows_json(use, found[-len(rows) :]) if shown is None else shown
            return json_array_response(written, self._created_status)

        return Insertion(changes, self._generated.writer(db, values[0]), build_response)

    async def update_many(
        self, db: Database, request: Request, rows: Sequence[Changes]
    ) -> Response:
        """Update rows in one transaction; return the response with them in the same order.

        Raises HTTPException 404, 409, 412, 422.
        """
        updates = self._update_batch(db, request, rows)
        return rows_response(self._statements_for(db), await self._write_in_key_order(db, updates))

    def _update_batch(self, db: Database, request: Request, rows: Sequence[Changes]) -> Batch:
        """Return the changes that update rows; raise HTTPException 404, 409, 412."""
        use = self._statements_for(db)
        sent = [self._values.read(row, exclude_unset=True) for row in rows]
        keys = [values.pop(self._key) for values in sent]
        self._check_keys(request, keys, lambda index: ["body", index, self._key_name])
        is_unique = not self._locks.unique.isdisjoint(set[str]().union(*sent))
        locks = self._locks.locking_changes(db, use, keys) if is_unique else []
        before = [*locks, *self._locks_before_writes(db, sent, keys)]
        changes = []
        for index, (key, values) in enumerate(zip(keys, sent, strict=True)):
            found = self._exists_check(["body", index, self._key_name])
            bound, columns = {**values, "key__": key}, tuple(sorted(values))
            statement = use.update if values else use.lock
            explain = self._item_error_converter(index)
            changes.append(
                Change(
                    statement,
                    bound,
                    columns,
                    check=found,
                    explain=explain,
                    read_back=use.read if values else None,
                )
            )
        return Batch(keys, changes, before)

    async def delete_many(self, db: Database, request: Request, keys: Sequence[Any]) -> Response:
        """Delete rows in one transaction; raise HTTPException 404, 409, 412, 422."""
        await self._delete_all(db, self._deletion_batch(db, request, keys))
        return JsonText(b'{"ok":true}')

    def _deletion_batch(self, db: Database, request: Request, keys: Sequence[Any]) -> Batch:
        """Return the changes that delete rows; raise HTTPException 404, 409, 412."""
        self._check_keys(request, keys, lambda index: ["query", self._key_name, index])
        use = self._statements_for(db)
        changes = []
        for index, key in enumerate(keys):
            place: Place = ["query", self._key_name, index]
            changes.append(
                Change(
                    use.delete,
                    {"key__": key},
                    check=self._exists_check(place),
                    explain=deletion_error_converter(self._properties, place),
                    read_back=use.read,
                    yields=self._bulk_deletion_gives_way,
                )
            )
        return Batch(keys, changes, self._locks.ordered_row_locks(db, use, keys, deletes=True))

    async def _delete_all(self, db: Database, batch: Batch) -> None:
        """Delete rows one by one, or by one statement if their order may have been wrong.

        Raises HTTPException 404, 409.
        """
        try:
            await self._write_in_key_order(db, batch, deletes=True)
        except HTTPException as error:
            keys, table = batch.keys, self._properties.table
            if not (len(keys) > 1 and may_depend_on_order(error, table)):
                raise
            await self._delete_by_one_statement(db, keys, batch.before, error)

    async def _delete_by_one_statement(
        self, db: Database, keys: Sequence[Any], locks: Sequence[Change], error: HTTPException
    ) -> None:
        """Delete rows by one statement, after their deletion one by one has failed with `error`.

        The rows may refer to each other: the database checks the references at the end of the
        statement. Raises HTTPException 404, 409.
        """
        use, place = self._statements_for(db), ["query", self._key_name]
        exist = [
            Change(use.lock_to_delete, {"key__": key}, check=self._exists_check([*place, index]))
            for index, key in sorted(enumerate(keys), key=lambda item: item[1])
        ]
        deletion = single_statement_deletion(
            self._properties,
            db.kind,
            keys,
            place,
            yields=self._bulk_deletion_gives_way,
            **use.options,
        )
        try:
            with ErrorConversion(self._properties, place):
                await db.write_all([*locks, *exist, *deletion])
        except Referenced as still:
            is_explained = still.indexes or not isinstance(error, Referenced)
            raise (still if is_explained else error) from None

    async def _write_in_key_order(
        self,
        db: Database,
        batch: Batch,
        after: Sequence[Change] = (),
        *,
        deletes: bool = False,
    ) -> list[Sequence[Row]]:
        """Run a batch in the order of its keys, to avoid deadlocks, then the changes in `after`.

        Return the rows of the changes in the order of `batch.changes` and `after`.
        """
        keys, before = batch.keys, batch.before
        order = sorted(range(len(keys)), key=keys.__getitem__)
        place: Place | None = ["query", self._key_name] if deletes else None
        in_order = [batch.changes[index] for index in order]
        try:
            with ErrorConversion(self._properties, place):
                found = (await db.write_all([*before, *in_order, *after]))[len(before) :]
        except HTTPException as error:
            if isinstance(error.detail, list):
                error.detail.sort(key=_location_indexes)
            raise
        by_index = dict(zip(order, found, strict=False))
        return [*(by_index[index] for index in range(len(keys))), *found[len(keys) :]]

    def _check_keys(
        self, request: Request, keys: Sequence[Any], place: Callable[[int], Place]
    ) -> None:
        """Raise HTTPException if there are preconditions (412), or for a bad key.

        A repeated key is 409, one that cannot be stored 404.
        """
        if "if-match" in request.headers or "if-none-match" in request.headers:
            message = "Preconditions are not supported for several rows: change them one by one"
            raise HTTPException(412, message)
        for index, key in enumerate(keys):
            if key in keys[:index]:
                message = "The row should be named once"
                raise HTTPException(409, [problem("repeated_key", place(index), message)])
            if not is_storable_key(key):
                self._exists_check(place(index))([])

    def _exists_check(self, place: Place) -> Callable[[Sequence[Row]], None]:
        """Return the `check` of a change: it raises HTTPException 404 if there is no row."""

        def raise_if_missing(rows: Sequence[Row]) -> None:
            if not rows:
                raise HTTPException(404, [problem("not_found", place, f"{self._name} not found")])

        return raise_if_missing

    def _item_error_converter(self, index: int) -> Callable[[Exception], Exception]:
        return item_error_converter(self._properties, index)

    def _keyless_error_converter(self, index: int) -> Callable[[Exception], Exception]:
        """Return a function that converts driver errors to HTTP errors or KeyConflictError."""
        explain = self._item_error_converter(index)

        def convert(error: Exception) -> Exception:
            conflict = self._generated.key_conflict(error)
            if conflict is None:
                return explain(error)
            conflict.answer = with_item_index(conflict.answer, index)
            return conflict

        return convert


def _location_indexes(one: dict[str, Any]) -> list[int]:
    """Return the indexes in the location of a problem."""
    return [part for part in one["loc"] if isinstance(part, int)]
