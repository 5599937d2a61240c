"""The operations on the rows of one table: statements built once, rows written as JSON."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote

from fastapi import Depends, HTTPException, Request, Response
from sqlalchemy import Column, Insert, Table, bindparam, delete, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from .database import Change, Database
from .database.backend import Row
from .database.faults import http_error
from .errors import problem
from .etag import Expected, etag, tagged
from .headers import JsonText
from .json_rows import JsonRows
from .models import MAX_INT, MIN_INT, Changes, Model
from .query import ListQuery
from .query.columns import Columns
from .query.listing import Listing
from .query.parameters import Parameters

INSERTS: Mapping[str, Any] = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}


class _Statements:
    """The statements of one table for one kind of database, and how their rows are written."""

    def __init__(self, table: Table, shown: Sequence[str], kind: str) -> None:
        self.rows = JsonRows({name: table.columns[name] for name in shown}, kind)
        selected = self.rows.selected
        key: Column[Any] = next(iter(table.primary_key))
        same_key = key == bindparam("key__")
        self.read = select(*selected).where(same_key)
        self.lock = self.read.with_for_update()
        self.insert = insert(table).returning(*selected, key)
        self.update = update(table).where(same_key).returning(*selected)
        self.delete = delete(table).where(same_key).returning(key)
        self._insert = INSERTS[kind](table)
        self._upserts: dict[tuple[str, ...], Insert] = {}

    def upsert(self, columns: tuple[str, ...], immutable: Collection[str]) -> Insert:
        """Build the statement that inserts a row, or else changes what may be changed of it."""
        if columns not in self._upserts:
            table = self._insert.table
            touched = {column.name for column in table.columns if column.onupdate is not None}
            (key,) = table.primary_key
            changed = {*columns, *touched} - {key.name, *immutable} or {key.name}
            update = {name: self._insert.excluded[name] for name in sorted(changed)}
            statement = self._insert.on_conflict_do_update(index_elements=[key], set_=update)
            self._upserts[columns] = statement.returning(*self.rows.selected)
        return self._upserts[columns]


class Resource:
    """The rows of one table, answered as the properties of a public model.

    Columns that the public model does not have are never selected. A client may filter and sort by
    every property, unless `filter_by` or `sort_by` list them, and search in those of `search_in`.
    Properties that are `immutable` keep what they were created with. With `etag_required`, a row
    is changed and deleted only by a client that tells what it has seen.
    """

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
        immutable: Sequence[str] = (),
        etag_required: bool = False,
    ) -> None:
        columns = Columns(model, public, filter_by=filter_by, sort_by=sort_by, search_in=search_in)
        self.query = Depends(Parameters(columns, default_limit, max_limit))
        """What a list is asked for, as a dependency of its handler."""
        self._table = columns.table
        self._name = model.__name__
        self._shown = columns.shown
        self._listing = Listing(model, columns)
        self._key = columns.key
        self._immutable = frozenset(immutable)
        self._etag_required = etag_required
        self._statements: dict[str, _Statements] = {}

    def _for(self, db: Database) -> _Statements:
        statements = self._statements.get(db.kind)
        if statements is None:
            statements = _Statements(self._table, self._shown, db.kind)
            self._statements[db.kind] = statements
        return statements

    async def create(self, db: Database, request: Request, row: Model) -> Response:
        """Insert a row and answer it; raise Conflict (409) when a unique rule forbids it."""
        use, values = self._for(db), row.model_dump()
        with self._named_errors():
            (created,) = await db.write(use.insert, values, tuple(values))
        key = quote(str(created[-1]), safe="")
        path = quote(request.scope["path"]).rstrip("/")
        return _row(use.rows.write(created), {"Location": f"{path}/{key}"})

    async def list(self, db: Database, request: Request, query: ListQuery) -> Response:
        """Answer a page of rows, with links to the pages around it."""
        body, headers = await self._listing.answer(db, request, query)
        return JsonText(body, headers=headers)

    async def read(self, db: Database, key: Any) -> Response:
        """Answer one row, or raise HTTPException 404."""
        use = self._for(db)
        self._check_key(key)
        row = self._found(await db.read(use.read, {"key__": key}, short=True))
        return _row(use.rows.write(row))

    async def update(self, db: Database, request: Request, key: Any, changes: Changes) -> Response:
        """Change the properties that were sent and answer the row.

        Raises HTTPException 404, 409, 412, 428.
        """
        use, values = self._for(db), changes.model_dump(exclude_unset=True)
        expected = Expected(request, required=self._etag_required)
        self._check_key(key)
        if not values:
            row = self._found(await db.read(use.read, {"key__": key}, short=True))
            expected.check(use.rows.write(row))
            return _row(use.rows.write(row))
        bound, columns = {**values, "key__": key}, tuple(sorted(values))
        rows = await self._write(db, expected, Change(use.update, bound, columns))
        return _row(use.rows.write(self._found(rows)))

    async def replace(self, db: Database, request: Request, key: Any, row: Model) -> Response:
        """Write all of a row and answer it; create it if there is none and the client gives keys.

        Raises HTTPException 404, 409, 412, 422, 428.
        """
        use, values = self._for(db), row.model_dump()
        self._check_key(key)
        if self._key not in values:
            expected = Expected(request, required=self._etag_required)
            kept = {name: value for name, value in values.items() if name not in self._immutable}
            change = Change(use.update, {**kept, "key__": key}, tuple(sorted(kept)))
        elif values[self._key] == key:
            expected = Expected(request, required=self._etag_required, may_create=True)
            upsert = use.upsert(tuple(values), self._immutable)
            change = Change(upsert, {**values, "key__": key}, tuple(values))
        else:
            message = "The key should be that of the path"
            raise HTTPException(409, [problem("other_key", ["body", self._key], message)])
        rows = await self._write(db, expected, change)
        return _row(use.rows.write(self._found(rows)))

    async def delete(self, db: Database, request: Request, key: Any) -> Response:
        """Delete one row; raise HTTPException 404, 412, 428."""
        expected = Expected(request, required=self._etag_required)
        self._check_key(key)
        deletion = Change(self._for(db).delete, {"key__": key})
        self._found(await self._write(db, expected, deletion))
        return JsonText(b'{"ok":true}')

    async def _write(self, db: Database, expected: Expected, change: Change) -> Sequence[Row]:
        """Change one row, if it is the one that the client expects."""
        with self._named_errors():
            if expected.is_any:
                return await db.write(change.statement, change.values, change.columns)
            use, creates = self._for(db), isinstance(change.statement, Insert)

            def check(rows: Sequence[Row]) -> None:
                seen = None if creates and not rows else use.rows.write(self._found(rows))
                expected.check(seen)

            key = {"key__": change.values["key__"]}
            _, changed = await db.write_all([Change(use.lock, key, check=check), change])
            return changed

    def _check_key(self, key: Any) -> None:
        """Refuse a key that no row can have, before a driver stumbles over it."""
        too_large = isinstance(key, int) and not MIN_INT <= key <= MAX_INT
        if too_large or (isinstance(key, str) and "\0" in key):
            raise self._not_found()

    def _found(self, rows: Sequence[Row]) -> Row:
        if not rows:
            raise self._not_found()
        return rows[0]

    def _not_found(self) -> HTTPException:
        return HTTPException(404, f"{self._name} not found")

    @contextmanager
    def _named_errors(self) -> Iterator[None]:
        try:
            yield
        except Exception as error:
            answer = http_error(error, self._table)
            if answer is error:
                raise
            raise answer from error


def _row(body: bytes, headers: Mapping[str, str] | None = None) -> Response:
    return JsonText(body, headers={**(headers or {}), **tagged(etag(body))})
