"""Operations on several rows, with a function of the owner for each of them."""

from collections.abc import Callable, Sequence
from typing import Any, Generic

from fastapi import HTTPException, Request, Response

from ..database import Database
from ..errors import problem
from ..http.headers import JsonText
from ..models import Changes, Model
from .failures import located_errors
from .function_calls import Call, FunctionCalls
from .idempotent_create import create_idempotently
from .transaction import CallerT


class HookedBulkRows(Generic[CallerT]):
    """The operations on several rows, in one transaction. Errors name the item of the request."""

    def __init__(self, rows: Any, calls: FunctionCalls[CallerT]) -> None:
        self._rows = rows
        self._calls = calls

    async def create_many(
        self, db: Database, request: Request, rows: Sequence[Model], key: str | None = None
    ) -> Response:
        """Create rows in one transaction; return the response with them in the same order.

        With an Idempotency-Key, return the stored response if the key was used before.
        """
        if not self._calls.runs_functions("create"):
            options = () if key is None else (key,)
            response: Response = await self._rows.create_many(db, request, rows, *options)
            return response

        def work(call: Call[CallerT]) -> Response:
            call.lock_links(rows)
            keys = []
            for index, row in enumerate(rows):
                with located_errors("body", index):
                    keys.append(call.create(row))
            return _rows_response(call, keys, self._calls.rows._created_status)

        if key is None:
            return await self._calls.run(db, request, "create", work)
        return await create_idempotently(self._calls, db, request, key=key, rows=rows, work=work)

    async def update_many(
        self, db: Database, request: Request, rows: Sequence[Changes]
    ) -> Response:
        """Update rows in one transaction; return the response with them in the same order."""
        if not self._calls.runs_functions("update"):
            response: Response = await self._rows.update_many(db, request, rows)
            return response
        resource = self._calls.rows
        keys = [getattr(row, resource._key) for row in rows]

        def place(index: int) -> list[str | int]:
            return ["body", index, resource._key_name]

        def work(call: Call[CallerT]) -> Response:
            call.lock_links(rows, replaces=self._calls.hooks.update is not None)
            found = self._locked_rows(call, keys, place)
            written = []
            for index, changes in enumerate(rows):
                with located_errors("body", index):
                    written.append(call.update(found[keys[index]], changes))
            return _rows_response(call, written)

        resource._check_keys(request, keys, place)
        return await self._calls.run(db, request, "update", work)

    async def delete_many(self, db: Database, request: Request, keys: Sequence[Any]) -> Response:
        """Delete rows in one transaction; raise HTTPException 404, 409, 412."""
        if not self._calls.runs_functions("delete"):
            response: Response = await self._rows.delete_many(db, request, keys)
            return response
        resource = self._calls.rows

        def place(index: int) -> list[str | int]:
            return ["query", resource._key_name, index]

        def work(call: Call[CallerT]) -> Response:
            found = self._locked_rows(call, keys, place)
            for index, key in enumerate(keys):
                with located_errors("query", resource._key_name, index):
                    call.delete(found[key])
            return JsonText(b'{"ok":true}')

        resource._check_keys(request, keys, place)
        return await self._calls.run(db, request, "delete", work)

    def _locked_rows(
        self,
        call: Call[CallerT],
        keys: Sequence[Any],
        place: Callable[[int], Sequence[str | int]],
    ) -> dict[Any, Any]:
        """Return rows by their keys, locked in the order of these, to avoid deadlocks.

        Raises HTTPException 404 if one does not exist.
        """
        found = {key: call.find(key) for key in sorted(keys)}
        for index, key in enumerate(keys):
            if found[key] is None:
                message = f"{self._calls.rows._name} not found"
                raise HTTPException(404, [problem("not_found", place(index), message)])
        return found


def _rows_response(call: Call[Any], keys: Sequence[Any], status: int = 200) -> Response:
    """Return the response with rows; 204 if the caller may not see one of them."""
    bodies = []
    for key in keys:
        body = call.visible_json(key)
        row = None if body is None else call.with_linked_keys(key, body)
        if row is None:
            return Response(status_code=204)
        bodies.append(row.body)
    return JsonText(b"[" + b",".join(bodies) + b"]", status)
