"""The CRUD operations on a table, with rows as JSON."""

from collections.abc import Callable, Collection, Sequence
from copy import copy
from dataclasses import dataclass
from typing import Any, ClassVar, Self

from fastapi import Depends, HTTPException, Request, Response
from sqlalchemy import Table

from ..database import Change, Database
from ..database.statements import Values
from ..database.transaction import Row
from ..http.etag import Preconditions, etag
from ..http.headers import JsonText
from ..models import Changes, Model
from ..query import ListQuery
from ..query.columns import Columns, Condition
from ..query.listing import Listing, listing
from ..query.parameters import ListParameters
from .generated_keys import GeneratedKeys, Write
from .related_writes import RelatedWriter
from .row_responses import ErrorConversion, created_response, row_response
from .statements import RowStatements
from .values import RequestValues, is_storable_key

_KEY = "app.rows"
"""The key in `Table.info` of the resource of a table."""


class ExistsError(Exception):
    """The row of a PUT exists, and the caller may only create rows."""


@dataclass(frozen=True, slots=True)
class Insertion:
    """The insertion of a row in a transaction."""

    changes: Sequence[Change]
    write: Write
    """Runs a list of changes that contains these: others may be before and after them."""
    answer: Callable[..., Response]
    """Returns the response from the rows of the changes.

    An optional second argument replaces the JSON of the row or rows.
    """
    tag: Callable[[bytes], str] = etag
    """Returns the ETag of the body of the response."""
    after: int = 0
    """The number of changes after the one that inserts the row."""


class Resource(RelatedWriter):
    """The rows of one table, with the properties of a public model.

    Columns that are not in the public model are never selected. Clients can filter and sort by all
    properties, or by those of `filter_by` and `sort_by`, and search in those of `search_in`.
    With `etag_required`, changes and deletions need a precondition. `created_status` is the
    status of responses with new rows.
    """

    supports_row_rules: ClassVar = True
    """Whether all operations of this class support `restricted`. Each subclass sets it again."""

    is_of_api: ClassVar = True
    """Whether the API has operations on these rows, so that `resource_of` may return them."""

    def __init__(
        self,
        model: type[Model],
        *,
        public: type[Model],
        default_limit: int = 100,
        max_limit: int = 100,
        filter_by: Sequence[str] | None = None,
        sort_by: Sequence[str] | None = None,
        search_in: Sequence[str] = (),
        etag_required: bool = False,
        created_status: int = 200,
    ) -> None:
        columns = self._list_columns(
            model, public, filter_by=filter_by, sort_by=sort_by, search_in=search_in
        )
        self.query = Depends(self._list_parameters(columns, default_limit, max_limit))
        """The dependency that parses the query of a list."""
        self._properties = columns.properties
        self._model, self._name = model, model.__name__
        self._columns = columns
        self._values = RequestValues(columns.properties.columns)
        self._listing = self._new_listing(model, columns)
        self._key = self._properties.key
        self._key_name = self._properties.json_name(self._key)
        self._generated = GeneratedKeys(self._properties)
        self._etag_required = etag_required
        self._created_status = created_status
        self._statements: dict[str, RowStatements] = {}
        self._created_tag: Callable[[bytes], str] = etag
        """Returns the ETag of the body of a response with a new row."""
        if self.is_of_api:
            self._properties.table.info.setdefault(_KEY, self)

    def restricted(self, condition: Condition, *, is_indexed: bool = False) -> Self:
        """Return the operations on the rows that satisfy a condition.

        Other rows are treated as missing. The parameters of the condition need values.
        `is_indexed`: an index has these rows in the order of keys.
        """
        return self._with_columns(self._columns.restricted(condition, is_indexed=is_indexed))

    def with_visibility(self, visibility: Any) -> Self:
        """Return the operations that read only visible related rows; here, there are none."""
        del visibility
        return self

    def _with_columns(self, columns: Columns) -> Self:
        found = copy(self)
        found._columns = columns
        found._listing = found._new_listing(self._model, found._columns)
        found._statements = {}
        return found

    def _list_columns(self, model: type[Model], public: type[Model], **names: Any) -> Columns:
        """Return the columns of the list."""
        return Columns(model, public, **names)

    def _list_parameters(
        self, columns: Columns, default_limit: int, max_limit: int
    ) -> ListParameters:
        """Return the query parameters of the list."""
        return ListParameters(columns, default_limit, max_limit)

    def _new_listing(self, model: type[Model], columns: Columns) -> Listing:
        """Return the object that reads the pages of the list."""
        return listing(model, columns)

    @property
    def _deletion_gives_way(self) -> bool:
        """Whether a deletion gives way to other transactions, because it changes other rows too."""
        return False

    @property
    def _bulk_deletion_gives_way(self) -> bool:
        """Whether a deletion of several rows gives way to transactions that refer to them."""
        return False

    def _statements_for(self, db: Database) -> RowStatements:
        """Return the statements for the dialect of a database, built once."""
        return self._statements_of_dialect(db.kind)

    def _statements_of_dialect(self, kind: str) -> RowStatements:
        """Return the statements for a dialect, built once."""
        statements = self._statements.get(kind)
        if statements is None:
            statements = self._statements[kind] = self._new_statements(kind)
        return statements

    def _new_statements(self, kind: str) -> RowStatements:
        """Return the statements for a dialect."""
        return RowStatements(self._columns, kind)

    def related_tables(self) -> set[Table]:
        """Return the other tables whose rows requests can read or refer to."""
        columns = self._properties.columns.values()
        return {key.column.table for column in columns for key in column.foreign_keys}

    def _locks_before_writes(
        self, db: Database, rows: Sequence[Values], keys: Collection[Any] = ()
    ) -> Sequence[Change]:
        """Return the changes that take locks before several rows are written, to avoid deadlocks.

        `keys` are those of existing rows that are updated.
        """
        del db, rows, keys
        return ()

    async def create(self, db: Database, request: Request, row: Model) -> Response:
        """Insert a row; return the response with the row and its Location.

        Raises Conflict (409) if the row violates a unique constraint.
        """
        use, values = self._statements_for(db), self._values.read(row)
        columns = tuple(values)
        with ErrorConversion(self._properties):
            if self._key in values:
                rows = await db.write(use.insert, values, columns, use.read)
            else:
                rows = await self._generated.insert(db, use.insert, values, columns, use.read)
            return created_response(use.rows, request, rows, status=self._created_status)

    def _insertion(self, db: Database, request: Request, row: Model) -> Insertion:
        """Return the insertion of a row, for a transaction with other changes."""
        use, values = self._statements_for(db), self._values.read(row)
        change = Change(use.insert, values, tuple(values), read_back=use.read)

        def build_response(found: Sequence[Sequence[Row]], shown: bytes | None = None) -> Response:
            return created_response(
                use.rows, request, found[-1], shown, status=self._created_status
            )

        return Insertion([change], self._generated.writer(db, values), build_response)

    async def list(self, db: Database, request: Request, query: ListQuery) -> Response:
        """Return the response with a page of rows, and with links to other pages."""
        body, headers = await self._listing.answer(db, request, query)
        return JsonText(body, headers=headers)

    async def read(self, db: Database, key: Any) -> Response:
        """Return the response with one row; raise HTTPException 404 if it does not exist."""
        use = self._statements_for(db)
        self._check_key(key)
        row = self._existing_row(await db.read(use.read, {"key__": key}, short=True))
        return row_response(use.rows.write(row))

    async def update(self, db: Database, request: Request, key: Any, changes: Changes) -> Response:
        """Update a row; return the response with it. Omitted properties are unchanged.

        Raises HTTPException 404, 409, 412, 428.
        """
        use = self._statements_for(db)
        values = self._values.read(changes, exclude_unset=True)
        expected = Preconditions(request, required=self._etag_required)
        self._check_key(key)
        if not values:
            row = self._existing_row(await db.read(use.read, {"key__": key}, short=True))
            expected.check(use.rows.write(row))
            return row_response(use.rows.write(row))
        bound, columns = {**values, "key__": key}, tuple(sorted(values))
        change = Change(use.update, bound, columns, read_back=use.read)
        rows = await self._write_row(db, expected, change)
        return row_response(use.rows.write(self._existing_row(rows)))

    async def delete(self, db: Database, request: Request, key: Any) -> Response:
        """Delete a row; raise HTTPException 404, 409, 412, 428."""
        expected = Preconditions(request, required=self._etag_required)
        self._check_key(key)
        use = self._statements_for(db)
        deletion = Change(
            use.delete, {"key__": key}, read_back=use.read, yields=self._deletion_gives_way
        )
        place = ["path", *list(request.path_params)[-1:]]
        self._existing_row(await self._write_row(db, expected, deletion, deleted=place))
        return JsonText(b'{"ok":true}')

    async def _write_row(
        self,
        db: Database,
        expected: Preconditions,
        change: Change,
        *,
        deleted: Sequence[str] | None = None,
    ) -> Sequence[Row]:
        """Run a change of one row, if the row meets the preconditions; return the row.

        For a deletion, `deleted` is the location of the key in the request.
        """
        with ErrorConversion(self._properties, deleted):
            if expected.is_empty and change.yields and db.kind == "postgresql":
                return (await db.write_all([change]))[0]
            if expected.is_empty:
                return await db.write(
                    change.statement, change.values, change.columns, change.read_back
                )
            use, key = self._statements_for(db), {"key__": change.values["key__"]}

            def check_preconditions(rows: Sequence[Row]) -> None:
                expected.check(use.rows.write(self._existing_row(rows)))

            lock = use.lock if deleted is None else use.lock_to_delete
            return (await db.write_all([Change(lock, key, check=check_preconditions), change]))[1]

    def _check_key(self, key: Any) -> None:
        if not is_storable_key(key):
            raise self._not_found()

    def _existing_row(self, rows: Sequence[Row]) -> Row:
        if not rows:
            raise self._not_found()
        return rows[0]

    def _not_found(self) -> HTTPException:
        return HTTPException(404, f"{self._name} not found")


def resource_of(model: type[Model]) -> Resource | None:
    """Return the first resource of a model, or None if it has none."""
    table: Table = model.__table__  # type: ignore[attr-defined]
    found: Resource | None = table.info.get(_KEY)
    return found
