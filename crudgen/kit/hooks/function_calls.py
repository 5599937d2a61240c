"""The calls of the owner's functions in a transaction, and what a response shows of the rows."""

from collections.abc import Callable, Collection, Sequence
from contextlib import AbstractContextManager
from typing import Any, Generic, TypeVar

from fastapi import Request, Response

from ..database import Database
from ..database.faults import http_error
from ..database.spans import Function
from ..http.etag import Preconditions
from ..models import Changes, Model
from ..rows.related_writes import LinkWrites
from ..rows.resource import Resource
from ..rows.row_responses import CallerIdentity, row_response
from .failures import error_to_send
from .functions import Hooks
from .inline import InlineDatabase, result_of
from .nested_creates import created_rows_json, relations_of_nested_creates
from .registered import Recorder, runs_functions_on_create, wants_events
from .running import run_in_transaction
from .sent_body import SentBody
from .shown import ShownRow, links_reader, row_json, with_linked_keys
from .transaction import CallerT, Operations, Transaction

Result = TypeVar("Result")
Work = Callable[["Call[Any]"], Result]
RowCheck = Callable[[InlineDatabase, Any, str], Callable[[], None]]
Replaced = Callable[[InlineDatabase, Any, Model, dict[str, Any]], dict[str, Any]]


class Permissions:
    """The operations that a caller may request: all, in an application without callers."""

    def admits(self, operation: str) -> bool:
        """Return whether the caller may request an operation, perhaps for some rows only."""
        del operation
        return True

    def check(self, operation: str) -> None:
        """Raise Unauthorized (401) or Forbidden (403) if the caller may not request it."""
        del operation


ALL = Permissions()


class FunctionCalls(Generic[CallerT]):
    """The functions of an entity for one caller, who is None in an application without callers.

    `operations` returns the operations on a resource that the caller may use. `shown` returns the
    JSON of a row of this entity as the caller sees it; by default, the entire row. `filled`
    returns a new row with the values that its caller gives it, and `replaced` the values that a
    PUT sets. `check_change` checks the rules about a row before a function changes it: it raises
    Forbidden (403), or returns the check to call after the function. `bound` returns a database
    whose statements can contain the conditions of rules. `shown_of` is `shown` for a row of
    another resource. `permissions` are the operations that the caller may request. `links`
    returns what reads the keys of linked rows for a response with a row; None if the caller may
    not see such a response.
    """

    def __init__(
        self,
        rows: Resource,
        hooks: Hooks[Any, Any, Any, CallerT],
        operations: Operations,
        caller: CallerT,
        *,
        shown: Callable[[InlineDatabase, Any], bytes | None] | None = None,
        filled: Callable[[Model], Model] = lambda row: row,
        replaced: Replaced = lambda *sent: sent[-1],
        identity: CallerIdentity | None = None,
        check_change: RowCheck | None = None,
        bound: Callable[[InlineDatabase], Database] = lambda db: db,
        shown_of: Callable[[InlineDatabase, Resource, Any], bytes | None] = row_json,
        permissions: Permissions = ALL,
        links: Callable[[InlineDatabase, Any], LinkWrites | None] | None = None,
    ) -> None:
        self.rows: Any = rows
        self.hooks = hooks
        self.operations = operations
        self._caller = caller
        self._shown = shown
        self.filled, self.replaced = filled, replaced
        self.identity = identity
        """Who the caller is, if the application has callers."""
        self.check_change, self.bound, self.shown_of = check_change, bound, shown_of
        self.permissions = permissions
        self.links = links or (lambda db, key: links_reader(db, rows, key))

    async def run(self, db: Database, request: Request, verb: str, work: Work[Result]) -> Result:
        """Run `work` in a transaction; raise the errors of the database as HTTP errors."""
        recorders: list[Recorder] = []

        def call(session: Any) -> Result:
            inline = InlineDatabase(session, db)
            tx = Transaction(inline, request, self.operations, self._caller)
            found = work(Call(self, inline, tx, request))
            recorders[:] = tx.write_events()
            return found

        name = self.hook_name(verb)
        try:
            found = await run_in_transaction(db, call, name)
        except Exception as error:
            answer = http_error(error_to_send(error, name))
            if answer is error:
                raise
            raise answer from error
        for recorder in recorders:
            recorder.after_commit(db)
        return found

    def hook_name(self, verb: str) -> str:
        """Return the name of a function for the log, such as `the hook create of Hero`."""
        return f"the hook {verb} of {self.rows._name}"

    def runs_functions(self, kind: str) -> bool:
        """Return whether an operation calls a function, or writes events about its commit."""
        tables = self.rows.created_tables() if kind == "create" else ()
        own = getattr(self.hooks, kind) is not None or wants_events(self.rows, kind)
        return own or any(map(runs_functions_on_create, tables))


class Call(Generic[CallerT]):
    """The transaction of one request to the rows of an entity."""

    def __init__(
        self,
        calls: FunctionCalls[CallerT],
        db: InlineDatabase,
        tx: Transaction[CallerT],
        request: Request,
    ) -> None:
        self.db = db
        self.tx = tx
        self._calls = calls
        self._rows: Any = calls.rows
        self._request = request

    def create(self, row: Model, by: str = "") -> Any:
        """Create a row by the function of the owner, if there is one; return its key.

        `by` is an attribute that the path of the request has set, and not its body.
        """
        self._calls.permissions.check("create")  # the function may check no rules
        function = self._traced(self._calls.hooks.create)
        row = row.model_copy(deep=True)  # the transaction may be repeated
        model = self._rows._model
        sent = SentBody(self._rows, row, row.model_fields_set - {by})
        with self._response_errors("create", row, sent=sent):
            made = self.tx.create(model, row) if function is None else function(self.tx, row)
            return self.returned_key(made, "create")

    def update(self, row: Model, changes: Changes, names: Collection[str] | None = None) -> Any:
        """Update a row by the function of the owner, if there is one; return its key.

        `names` are the attributes that the client sent, if `changes` sets more.
        """
        function = self._traced(self._calls.hooks.update)
        changes = changes.model_copy(deep=True)
        sent = SentBody(self._rows, changes, names)
        with self._response_errors("update", row, changes, sent=sent):
            if function is None:
                return self.returned_key(self.tx.update(row, changes), "update")
            key = getattr(row, self._rows._key)
            return self.call_checked(key, lambda: function(self.tx, row, changes), "update")

    def delete(self, row: Model) -> None:
        """Delete a row by the function of the owner, if there is one."""
        function = self._traced(self._calls.hooks.delete)
        with self._response_errors("delete", row):
            if function is None:
                self.tx.delete(row)
            else:
                if self._calls.check_change is not None:  # the function may keep the row
                    self._calls.check_change(self.db, getattr(row, self._rows._key), "delete")
                function(self.tx, row)
            self.tx.session.flush()

    def act(self, row: Model, function: Callable[[], Any], verb: str, *, rules: str | None) -> Any:
        """Call the function of an action with a row; return the key of the row that it returns.

        `rules` names the rules that the row must satisfy; None means only those of reading it.
        """
        with self._response_errors(verb, row):
            if rules is None:
                return self.returned_key(function(), verb)
            return self.call_checked(getattr(row, self._rows._key), function, verb, rules)

    def _traced(self, function: Function | None) -> Function | None:
        """Return a function of the owner, with spans if the application is traced."""
        return None if function is None else self.db.spans.of_function(function)

    def _response_errors(
        self, verb: str, *given: object, sent: SentBody | None = None
    ) -> AbstractContextManager[None]:
        """Raise the errors of a function as the errors that the response reports."""
        return self.tx.response_errors(self._calls.hook_name(verb), *given, sent=sent)

    def returned_key(self, row: Any, verb: str) -> Any:
        """Return the key of the row that a function has returned."""
        return self.tx.returned_key(self._rows, row, verb)

    def find(self, key: Any) -> Any:
        """Lock and return a row; None if it does not exist, or the caller may not see it."""
        if self.visible_json(key) is None:
            return None
        lock = {"key_share": True}
        row = self.tx.session.get(self._rows._model, key, with_for_update=lock)
        if self._calls.check_change is None or self.db.kind == "sqlite":
            return row
        # Whoever had locked the row before may have changed whether the caller sees it.
        return None if self.visible_json(key) is None else row

    def find_or_404(self, key: Any) -> Any:
        """Return a row as `find` does; raise HTTPException 404 if it does not exist."""
        row = self.find(key)
        if row is None:
            raise self._rows._not_found()
        return row

    def check_preconditions(self, key: Any) -> None:
        """Raise HTTPException 412, 428 unless a locked row meets the preconditions."""
        expected = Preconditions(self._request, required=self._rows._etag_required)
        if not expected.is_empty:
            expected.check(self.visible_json(key))

    def call_checked(
        self, key: Any, function: Callable[[], Any], verb: str, rules: str = "update"
    ) -> Any:
        """Call a function that changes a row, if the rules allow it; return the key of its row.

        They must allow the row as it was, and as the function leaves it. Raises Forbidden (403).
        """
        check_row = self._calls.check_change
        if check_row is None:
            return self.returned_key(function(), verb)
        check = check_row(self.db, key, rules)
        found = self.returned_key(function(), verb)
        check()
        return found

    def add_created_rows(self, response: Response, row: Model, key: Any) -> Response:
        """Add the rows that were created together with a new row to the response with it.

        Return a 204 if the caller may not see one of them.
        """
        together = relations_of_nested_creates(self._rows, row)
        if not together:
            return response
        keys = self.tx.keys_created_with(self._rows, key)
        created = created_rows_json(self.db, together, keys, self._calls.shown_of)
        if created is None:
            return Response(status_code=204, headers={"Location": response.headers["location"]})
        extended: Response = self._rows.with_child_rows(response, created)
        return extended

    def lock_links(self, sent: Sequence[Model], *, replaces: bool = False) -> None:
        """Take the write locks of the link tables that request bodies write, before locking rows.

        `replaces`: also those whose links a body without keys removes, or a function may write.
        """
        locks = self._rows.locks_of_links(self.db, sent, replaces=replaces)
        if locks:
            result_of(self.db.write_all(locks))

    def row_response(self, key: Any, status: int = 200) -> Response:
        """Return the response with a row; 204 if the caller may not see it."""
        body = self.visible_json(key)
        row = None if body is None else self.with_linked_keys(key, body)
        if row is None:
            return Response(status_code=204)
        return row_response(row.body, status=status, tag=row.tag)

    def with_linked_keys(self, key: Any, body: bytes) -> ShownRow | None:
        """Return a row with the keys of linked rows; None if the caller may not see such a row."""
        links = self._calls.links(self.db, key)
        return None if links is None else with_linked_keys(self._calls.bound(self.db), body, links)

    def visible_json(self, key: Any) -> bytes | None:
        """Return a row as JSON, without keys of linked rows.

        None if it does not exist, or the caller may not see it.
        """
        if self._calls._shown is not None:
            return self._calls._shown(self.db, key)
        return row_json(self.db, self._rows, key)
