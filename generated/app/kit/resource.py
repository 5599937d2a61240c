"""The five operations on the rows of one table: statements built once, rows written as JSON."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote

from fastapi import HTTPException, Request, Response
from pydantic_core import to_json
from sqlalchemy import Column, LargeBinary, Row, Table, bindparam, delete, insert, select, update
from sqlalchemy.exc import DBAPIError

from .database import Database
from .database.columns import ExactNumber
from .database.faults import http_error
from .models import MAX_INT, MIN_INT, Changes, Model
from .paging import links
from .types import write_base64, write_decimal

_WRITERS: Mapping[type, Callable[[Any], str]] = {
    ExactNumber: write_decimal,
    LargeBinary: write_base64,
}


class Resource:
    """The rows of one table, answered as the properties of a public model.

    Columns that the public model does not have are never selected.
    """

    def __init__(self, model: type[Model], *, public: type[Model]) -> None:
        self._table: Table = model.__table__  # type: ignore[attr-defined]
        self._name = model.__name__
        self._key: Column[Any] = next(iter(self._table.primary_key))
        self._properties = tuple(public.model_fields)
        self._writers = {
            index: _WRITERS[type(column.type)]
            for index, column in enumerate(self._columns)
            if type(column.type) in _WRITERS
        }
        same_key = self._key == bindparam("key")
        self._read = select(*self._columns).where(same_key)
        self._list = (
            select(*self._columns)
            .order_by(self._key)
            .offset(bindparam("offset"))
            .limit(bindparam("limit"))
        )
        self._insert = insert(self._table).returning(*self._columns)
        self._update = update(self._table).where(same_key).returning(*self._columns)
        self._delete = delete(self._table).where(same_key).returning(self._key)

    @property
    def _columns(self) -> list[Column[Any]]:
        return [self._table.columns[name] for name in self._properties]

    async def create(self, db: Database, request: Request, row: Model) -> Response:
        """Insert a row and answer it; raise Conflict (409) when a unique rule forbids it."""
        with self._named_errors():
            created = await db.write(self._insert.values(row.model_dump()))
        created = self._found(created)
        key = quote(str(created[self._properties.index(self._key.name)]), safe="")
        path = quote(request.scope["path"]).rstrip("/")
        return self._answer(created, {"Location": f"{path}/{key}"})

    async def list(self, db: Database, request: Request, *, offset: int, limit: int) -> Response:
        """Answer a page of rows in the order of the key, with links to the pages around it."""
        rows = await db.fetch_all(self._list, {"offset": offset, "limit": limit + 1})
        headers = links(request, offset, limit, more=len(rows) > limit)
        body = to_json([self._properties_of(row) for row in rows[:limit]])
        return Response(body, headers=headers, media_type="application/json")

    async def read(self, db: Database, key: Any) -> Response:
        """Answer one row, or raise HTTPException 404."""
        self._check_key(key)
        return self._answer(self._found(await db.fetch_by_key(self._read, {"key": key})))

    async def update(self, db: Database, key: Any, changes: Changes) -> Response:
        """Change the properties that were sent and answer the row; raise HTTPException 404, 409."""
        values = changes.model_dump(exclude_unset=True)
        if not values:
            return await self.read(db, key)
        self._check_key(key)
        with self._named_errors():
            row = await db.write(self._update.values(values), {"key": key})
        return self._answer(self._found(row))

    async def delete(self, db: Database, key: Any) -> Response:
        """Delete one row, or raise HTTPException 404."""
        self._check_key(key)
        with self._named_errors():
            self._found(await db.write(self._delete, {"key": key}))
        return Response(b'{"ok":true}', media_type="application/json")

    def _check_key(self, key: Any) -> None:
        """Refuse a key that no row can have, before a driver stumbles over it."""
        too_large = isinstance(key, int) and not MIN_INT <= key <= MAX_INT
        if too_large or (isinstance(key, str) and "\0" in key):
            raise self._not_found()

    def _found(self, row: Row[Any] | None) -> Row[Any]:
        if row is None:
            raise self._not_found()
        return row

    def _not_found(self) -> HTTPException:
        return HTTPException(404, f"{self._name} not found")

    def _answer(self, row: Row[Any], headers: Mapping[str, str] | None = None) -> Response:
        body = to_json(self._properties_of(row))
        return Response(body, headers=headers, media_type="application/json")

    def _properties_of(self, row: Sequence[Any]) -> dict[str, Any]:
        values = dict(zip(self._properties, row, strict=True))
        for index, write in self._writers.items():
            if row[index] is not None:
                values[self._properties[index]] = write(row[index])
        return values

    @contextmanager
    def _named_errors(self) -> Iterator[None]:
        try:
            yield
        except DBAPIError as error:
            raise http_error(error, self._table) from error
