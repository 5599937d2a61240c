"""The creation of one or several rows, with keys of the client or of the server."""

from collections.abc import Callable, Sequence
from functools import lru_cache, partial
from typing import Any
from urllib.parse import quote

from fastapi import Request, Response
from sqlalchemy import Table

from ..database import Change, Database
from ..database.backend import Row
from ..database.returning import not_kept
from ..errors import with_item_index
from ..models import Model
from .answers import Found, NamedErrors, explained, many_rows, one_row
from .generated_keys import GeneratedKeys
from .idempotency import Answers, Write
from .statements import RowStatements

Values = dict[str, Any]


@lru_cache(maxsize=1024)
def _quoted(path: str) -> str:
    """Return the percent-encoded path of a collection, without the final slash."""
    return quote(path).rstrip("/")


class Inserts:
    """Creates rows of one table. `answers` stores the responses of requests with a key."""

    def __init__(self, table: Table, answers: Answers | None) -> None:
        self._table = table
        self._key = next(iter(table.primary_key)).name
        self._generated = GeneratedKeys(table)
        self._answers = answers

    async def one(
        self, db: Database, use: RowStatements, request: Request, row: Model, key: str | None
    ) -> Response:
        """Insert a row; return it with its Location."""
        values = row.model_dump()
        columns = tuple(values)
        with NamedErrors(self._table):
            if key is not None and self._answers is not None:
                return await self._answers.once(
                    db,
                    request,
                    key=key,
                    sent=row.model_dump_json(exclude_unset=True),
                    changes=[Change(use.insert, values, columns, read_back=use.read)],
                    write=self._writer(db, values),
                    answer=lambda found: _created(use, request, found[-1]),
                )
            if self._key in values:
                rows = await db.write(use.insert, values, columns, use.read)
            else:
                rows = await self._generated.write(db, use.insert, values, columns, use.read)
            return _created(use, request, rows)

    async def many(
        self,
        db: Database,
        use: RowStatements,
        request: Request,
        rows: Sequence[Model],
        key: str | None,
    ) -> Response:
        """Insert rows in one transaction; return them in the same order."""
        values = [row.model_dump() for row in rows]
        is_given = self._key in values[0]
        explain = self._explained if is_given else self._explained_without_key
        changes = [
            Change(use.insert, one, tuple(one), explain=explain(index), read_back=use.read)
            for index, one in enumerate(values)
        ]

        everything = [*use.serialized(), *changes]
        write = self._writer(db, values[0])

        def answer(found: Found) -> Response:
            return many_rows(use, found[-len(changes) :])

        with NamedErrors(self._table):
            if key is None or self._answers is None:
                return answer(await write(everything))
            return await self._answers.once(
                db,
                request,
                key=key,
                sent="\n".join(row.model_dump_json(exclude_unset=True) for row in rows),
                changes=everything,
                write=write,
                answer=answer,
            )

    def _writer(self, db: Database, values: Values) -> Write:
        """Return the function that writes changes, for keys of the client or of the server."""
        return db.write_all if self._key in values else partial(self._generated.write_all, db)

    def _explained(self, index: int) -> Callable[[Exception], Exception]:
        return explained(self._table, index)

    def _explained_without_key(self, index: int) -> Callable[[Exception], Exception]:
        """Convert driver errors to HTTP errors, and conflicts of the key to KeyConflictError."""
        explain = self._explained(index)

        def explain_rest(error: Exception) -> Exception:
            conflict = self._generated.conflict(
                error, lambda answer: with_item_index(answer, index)
            )
            return conflict or explain(error)

        return explain_rest


def _created(use: RowStatements, request: Request, rows: Sequence[Row]) -> Response:
    """Return the response for a new row; raise HTTPException 409 if a trigger discarded it."""
    if not rows:
        raise not_kept()
    (row,) = rows
    key = row[-1]
    place = quote(key, safe="") if isinstance(key, str) else str(key)
    location = f"{_quoted(request.scope['path'])}/{place}"
    return one_row(use.rows.write(row), {"Location": location})
