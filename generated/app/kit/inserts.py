"""The creation of rows: one or several, with keys of the client or of the server."""

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any
from urllib.parse import quote

from fastapi import Request, Response
from sqlalchemy import Table

from .answers import Found, explained, many_rows, named_errors, one_row
from .database import Change, Database
from .database.returning import not_kept
from .errors import of_item
from .generated_keys import GeneratedKeys, is_used_up
from .idempotency import Answers
from .models import Model
from .row_statements import RowStatements

Values = dict[str, Any]


@lru_cache(maxsize=1024)
def _quoted(path: str) -> str:
    """Write the path of a collection as a URL has it, without the last slash."""
    return quote(path).rstrip("/")


class Inserts:
    """Creates rows of one table; `answers` remembers what requests with a key were answered."""

    def __init__(self, table: Table, answers: Answers | None) -> None:
        self._table = table
        self._key = next(iter(table.primary_key)).name
        self._generated = GeneratedKeys(table)
        self._answers = answers

    async def one(
        self, db: Database, use: RowStatements, request: Request, row: Model, key: str | None
    ) -> Response:
        """Insert a row and answer it, with its place."""
        values = row.model_dump()
        columns = tuple(values)

        def answer(found: Found) -> Response:
            if not found[-1]:
                raise not_kept()
            ((created,),) = found[-1:]
            given = created[-1]
            place = quote(given, safe="") if isinstance(given, str) else str(given)
            location = f"{_quoted(request.scope['path'])}/{place}"
            return one_row(use.rows.write(created), {"Location": location})

        async def write(before: Sequence[Change]) -> Response:
            if not before and (key is None or self._answers is None):
                return answer([await db.write(use.insert, values, columns, use.read)])
            changes = [*before, Change(use.insert, values, columns, read_back=use.read)]
            if key is None or self._answers is None:
                return answer(await db.write_all(changes))
            sent = row.model_dump_json(exclude_unset=True)
            return await self._answers.once(
                db, request, key=key, sent=sent, changes=changes, answer=answer
            )

        with named_errors(self._table):
            if self._key in values:
                return await write(())
            return await self._generated.insert(db, write)

    async def many(
        self,
        db: Database,
        use: RowStatements,
        request: Request,
        rows: Sequence[Model],
        key: str | None,
    ) -> Response:
        """Insert rows, all or none, and answer them in their order."""
        values = [row.model_dump() for row in rows]
        is_given = self._key in values[0]
        explain = self._explained if is_given else self._explained_without_key
        changes = [
            Change(use.insert, one, tuple(one), explain=explain(index), read_back=use.read)
            for index, one in enumerate(values)
        ]

        def answer(found: Found) -> Response:
            return many_rows(use, found[-len(changes) :])

        async def write(before: Sequence[Change]) -> Response:
            everything = [*use.serialized(), *before, *changes]
            if key is None or self._answers is None:
                return answer(await db.write_all(everything))
            return await self._answers.once(
                db,
                request,
                key=key,
                sent="\n".join(row.model_dump_json(exclude_unset=True) for row in rows),
                changes=everything,
                answer=answer,
            )

        with named_errors(self._table):
            if is_given:
                return await write(())
            return await self._generated.insert(db, write)

    def _explained(self, index: int) -> Callable[[Exception], Exception]:
        return explained(self._table, index)

    def _explained_without_key(self, index: int) -> Callable[[Exception], Exception]:
        """Explain an error, but leave those of the key to what makes another."""
        explain = self._explained(index)

        def explain_rest(error: Exception) -> Exception:
            if is_used_up(error):
                return error
            conflict = self._generated.conflict(error, lambda answer: of_item(answer, index))
            return conflict or explain(error)

        return explain_rest
