"""The five operations on the rows of one table: statements built once, rows written as JSON."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote

from fastapi import HTTPException, Request, Response
from sqlalchemy import Column, LargeBinary, Table, bindparam, delete, insert, select, update

from .database import Database
from .database.backend import Row
from .database.columns import JsonValue
from .database.faults import http_error
from .json_rows import JsonRows
from .models import MAX_INT, MIN_INT, Changes, Model
from .paging import links

SHORT_PAGE = 200
"""Up to this row, a page is read at once; further on, the database counts its way there."""
SHORT_BYTES = 262_144
"""A page that may be longer than this, by the declared lengths, is not read at once either."""
NARROW_BYTES = 32
"""What a number, a date, a UUID or a word takes, roughly."""
BOUNDLESS = (JsonValue, LargeBinary)


class _Statements:
    """The statements of one table for one kind of database, and how their rows are written."""

    def __init__(self, table: Table, shown: Sequence[str], kind: str) -> None:
        self.rows = JsonRows({name: table.columns[name] for name in shown}, kind)
        selected = self.rows.selected
        key: Column[Any] = next(iter(table.primary_key))
        same_key = key == bindparam("key__")
        self.read = select(*selected).where(same_key)
        page = select(*selected).order_by(key)
        self.list = page.offset(bindparam("offset")).limit(bindparam("limit"))
        self.insert = insert(table).returning(*selected, key)
        self.update = update(table).where(same_key).returning(*selected)
        self.delete = delete(table).where(same_key).returning(key)


class Resource:
    """The rows of one table, answered as the properties of a public model.

    Columns that the public model does not have are never selected.
    """

    def __init__(self, model: type[Model], *, public: type[Model]) -> None:
        self._table: Table = model.__table__  # type: ignore[attr-defined]
        self._name = model.__name__
        self._shown = tuple(public.model_fields)
        self._width = sum(_longest(model, name) for name in self._shown)
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
        return _json(use.rows.write(created), {"Location": f"{path}/{key}"})

    async def list(self, db: Database, request: Request, *, offset: int, limit: int) -> Response:
        """Answer a page of rows in the order of the key, with links to the pages around it."""
        use, page = self._for(db), {"offset": offset, "limit": limit + 1}
        short = offset + limit <= SHORT_PAGE and limit * self._width <= SHORT_BYTES
        rows = await db.read(use.list, page, short=short)
        headers = links(request, offset, limit, more=len(rows) > limit)
        return _json(use.rows.write_all(rows[:limit]), headers)

    async def read(self, db: Database, key: Any) -> Response:
        """Answer one row, or raise HTTPException 404."""
        use = self._for(db)
        self._check_key(key)
        row = self._found(await db.read(use.read, {"key__": key}, short=True))
        return _json(use.rows.write(row))

    async def update(self, db: Database, key: Any, changes: Changes) -> Response:
        """Change the properties that were sent and answer the row; raise HTTPException 404, 409."""
        use, values = self._for(db), changes.model_dump(exclude_unset=True)
        if not values:
            return await self.read(db, key)
        self._check_key(key)
        with self._named_errors():
            rows = await db.write(use.update, {**values, "key__": key}, tuple(sorted(values)))
        return _json(use.rows.write(self._found(rows)))

    async def delete(self, db: Database, key: Any) -> Response:
        """Delete one row, or raise HTTPException 404."""
        self._check_key(key)
        with self._named_errors():
            self._found(await db.write(self._for(db).delete, {"key__": key}))
        return _json(b'{"ok":true}')

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


def _longest(model: type[Model], name: str) -> int:
    """Tell how many bytes a property may take, as far as its declaration says."""
    metadata = model.model_fields[name].metadata
    lengths = [one.max_length for one in metadata if hasattr(one, "max_length")]
    kind = model.__table__.columns[name].type  # type: ignore[attr-defined]
    return min(lengths, default=SHORT_BYTES if isinstance(kind, BOUNDLESS) else NARROW_BYTES)


def _json(body: bytes, headers: Mapping[str, str] | None = None) -> Response:
    return Response(body, headers=headers, media_type="application/json")
