"""The operations of a resource, with functions of the owner around those that write."""

from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any, Generic, TypeVar

from fastapi import Request, Response

from ..database import Change, Database
from ..errors import Conflict
from ..http.etag import Preconditions, etag, header_value
from ..http.headers import JsonText
from ..models import Changes, Model, with_attributes
from ..query import ListQuery
from ..rows.resource import Resource
from ..rows.row_responses import created_response
from .function_calls import Call, FunctionCalls
from .functions import Hooks
from .idempotent_create import create_idempotently
from .inline import result_of
from .many import HookedBulkRows
from .registered import add_functions
from .transaction import CallerT, ModelT, Transaction

SentT = TypeVar("SentT", bound=Model)

ATTEMPTS = 3
"""How often a PUT that creates a row is tried while others create it too."""


class HookedRows(HookedBulkRows[CallerT], Generic[ModelT, CallerT]):
    """The operations on a table, for one caller.

    Each write runs in one transaction with the function of the owner. Operations without a function
    are those of `rows`.
    """

    async def list(self, db: Database, request: Request, query: ListQuery) -> Response:
        """Return the response with a page of rows."""
        response: Response = await self._rows.list(db, request, query)
        return response

    async def read(self, db: Database, key: Any, *query: ListQuery) -> Response:
        """Return the response with one row; raise HTTPException 404 if it does not exist."""
        response: Response = await self._rows.read(db, key, *query)
        return response

    async def create(
        self,
        db: Database,
        request: Request,
        row: Model,
        key: str | None = None,
        *,
        before: Sequence[Change] = (),
        by: str = "",
    ) -> Response:
        """Create a row; return the response with it.

        With an Idempotency-Key, return the stored response if the key was used before. The changes
        in `before` run in the same transaction, before the function. `by` is the reference that
        the path of the request has set, and not its body.
        """
        if not (before or self._calls.runs_functions("create")):
            options = () if key is None else (key,)
            response: Response = await self._rows.create(db, request, row, *options)
            return response

        def work(call: Call[CallerT]) -> Response:
            call.lock_links([row])
            if before:
                result_of(self._calls.bound(call.db).write_all(before))
            return self._created_response(call, request, row, call.create(row, by))

        if key is None:
            return await self._calls.run(db, request, "create", work)
        return await create_idempotently(self._calls, db, request, key=key, rows=[row], work=work)

    def _created_response(
        self, call: Call[CallerT], request: Request, row: Model, key: Any
    ) -> Response:
        body = call.visible_json(key)
        if body is None:
            return Response(status_code=204)
        shown = call.with_linked_keys(key, body)
        written: Any = _JsonRow(body if shown is None else shown.body)
        status = self._calls.rows._created_status
        own = created_response(
            written, request, [(key,)], status=status, tag=shown.tag if shown else etag
        )
        if shown is None:
            return Response(status_code=204, headers={"Location": own.headers["location"]})
        return call.add_created_rows(own, row, key)

    async def update(self, db: Database, request: Request, key: Any, changes: Changes) -> Response:
        """Update a row; return the response with it. Raises HTTPException 404, 409, 412, 428."""
        if not self._calls.runs_functions("update"):
            response: Response = await self._rows.update(db, request, key, changes)
            return response
        self._check_request(request, key)

        def work(call: Call[CallerT]) -> Response:
            call.lock_links([changes], replaces=self._calls.hooks.update is not None)
            row = call.find_or_404(key)
            call.check_preconditions(key)
            return call.row_response(call.update(row, changes))

        return await self._calls.run(db, request, "update", work)

    async def replace(self, db: Database, request: Request, key: Any, row: Model) -> Response:
        """Replace a row, or create it if clients choose the keys; return the response with it."""
        resource = self._calls.rows
        if not (self._calls.runs_functions("create") or self._calls.runs_functions("update")):
            response: Response = await self._rows.replace(db, request, key, row)
            return response
        values = resource._values.read(self._calls.filled(row))
        creates = self._may_create(request, key, values)

        def work(call: Call[CallerT]) -> Response:
            call.lock_links([row], replaces=True)
            found = call.find(key)
            if found is None and creates:
                if header_value(request, "if-none-match") != "*":
                    call.check_preconditions(key)
                return call.row_response(call.create(row), resource._created_status)
            if found is None:
                raise resource._not_found()
            if not self._calls.runs_functions("update"):
                replaced: Response = result_of(self._rows.replace(call.db, request, key, row))
                return replaced
            Preconditions(request).check(call.visible_json(key))
            sent = self._calls.replaced(call.db, key, row, values)
            changes, names = self._changes_of_put(row, sent), row.model_fields_set
            return call.row_response(call.update(found, changes, names))

        for _ in range(ATTEMPTS - 1):
            try:
                return await self._calls.run(db, request, "replace", work)
            except Conflict as error:  # another request may have created the row
                if {*error.fields} != {resource._key_name}:
                    raise
        return await self._calls.run(db, request, "replace", work)

    def _may_create(self, request: Request, key: Any, values: dict[str, Any]) -> bool:
        """Return whether a PUT may create the row; raise HTTPException 403, 404, 409, 428."""
        resource, permissions = self._calls.rows, self._calls.permissions
        if "if-match" in request.headers:  # its 412 would tell whether the row exists
            permissions.check("read")
        resource.check_key_of_path(key, values)
        creates = resource._key in values and permissions.admits("create")
        self._check_request(request, key, creates=creates)
        return creates

    def _changes_of_put(self, row: Model, values: dict[str, Any]) -> Changes:
        """Return the changes that a PUT makes to a row, as the `update` function gets them.

        `values` are those of columns. A body without keys of linked rows removes the links.
        """
        resource, model = self._calls.rows, self._calls.hooks.changes or Changes
        fixed = {resource._key, *resource._immutable}
        kept = {name: value for name, value in values.items() if name not in fixed}
        kept |= {one.attribute: one.keys(row) for one in resource.linked_keys()}
        changes: Changes = with_attributes(model, kept, kept)
        return changes

    async def delete(self, db: Database, request: Request, key: Any) -> Response:
        """Delete a row; raise HTTPException 404, 409, 412, 428."""
        if not self._calls.runs_functions("delete"):
            response: Response = await self._rows.delete(db, request, key)
            return response
        self._check_request(request, key)

        def work(call: Call[CallerT]) -> Response:
            row = call.find_or_404(key)
            call.check_preconditions(key)
            call.delete(row)
            return JsonText(b'{"ok":true}')

        return await self._calls.run(db, request, "delete", work)

    async def act(
        self,
        db: Database,
        request: Request,
        key: Any,
        function: Callable[[Transaction[CallerT], ModelT], ModelT],
        *,
        reads: bool = False,
        rules: str = "update",
    ) -> Response:
        """Call a function of the owner with a row; return the response with the row it returns.

        The caller must be allowed to update the row as the function does, or only to read it
        (`reads`). `rules` names those of the action itself, if it has some. Raises HTTPException
        403, 404, 412, 428.
        """
        self._check_request(request, key)

        def work(call: Call[CallerT]) -> Response:
            call.lock_links([], replaces=True)  # the function may write keys
            row: ModelT = call.find_or_404(key)
            call.check_preconditions(key)
            verb = function.__name__
            asked = None if reads else rules
            traced = call.db.spans.of_function(function)
            done = call.act(row, lambda: traced(call.tx, row), verb, rules=asked)
            return call.row_response(done)

        return await self._calls.run(db, request, function.__name__, work)

    async def act_with_body(
        self,
        db: Database,
        request: Request,
        key: Any,
        function: Callable[[Transaction[CallerT], ModelT, SentT], ModelT],
        sent: SentT,
        *,
        reads: bool = False,
        rules: str = "update",
    ) -> Response:
        """Call a function as `act` does, with the body of the request."""

        @wraps(function)
        def call(tx: Transaction[CallerT], row: ModelT) -> ModelT:
            return function(tx, row, sent.model_copy(deep=True))

        return await self.act(db, request, key, call, reads=reads, rules=rules)

    def _check_request(self, request: Request, key: Any, *, creates: bool = False) -> None:
        """Raise HTTPException 404 for an impossible key, and 428 for a missing precondition."""
        resource = self._calls.rows
        may_lack = creates and header_value(request, "if-none-match") == "*"
        Preconditions(request, required=resource._etag_required and not may_lack)
        resource._check_key(key)


class Hooked(HookedRows[ModelT, None]):
    """The operations on a table with functions of the owner, in an application without callers."""

    def __init__(self, rows: Resource, hooks: Hooks[ModelT, Any, Any, None]) -> None:
        super().__init__(rows, FunctionCalls(rows, hooks, lambda one, _: one, None))
        add_functions(rows, hooks)
        self.rows = rows
        """The rows without the functions."""
        self.query: Any = rows.query
        """The dependency that parses the query of a list."""
        self.included: Any = getattr(rows, "included", None)
        """The dependency that parses the query of reading one row with related rows."""


class _JsonRow:
    """A row whose JSON text is known already."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    def write(self, row: Sequence[Any]) -> bytes:
        """Return the row as JSON."""
        del row
        return self._body
