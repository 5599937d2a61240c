"""The functions of the owner for the rows of an entity with rules."""

from collections.abc import Callable
from typing import Any, Generic

from fastapi import HTTPException
from sqlalchemy import ColumnElement

from ..access.caller import BaseCaller
from ..access.caller_database import as_caller
from ..access.caller_view import View, identity_of
from ..access.changed_rows import ChangeRules, RowChangeCheck
from ..access.rules import Access, Roles, access_of, roles_of
from ..access.views import Guarded
from ..rows.resource import Resource
from .function_calls import FunctionCalls, Permissions
from .functions import Hooks
from .hooked import HookedRows
from .inline import InlineDatabase, result_of
from .registered import add_functions
from .transaction import CallerT, ModelT

_KEY = "app.guarded"
"""The attribute of a resource that stores its Guarded rows."""


class GuardedHooks(Generic[ModelT, CallerT]):
    """The rows of an entity with functions of the owner; `view` returns the operations of a caller.

    The functions run if the rules let the caller request the operation. Their transaction applies
    the rules of every entity.
    """

    def __init__(self, rows: Guarded, hooks: Hooks[ModelT, Any, Any, CallerT]) -> None:
        self.rows = rows
        """The rows without the functions, for callers too."""
        self._hooks = hooks
        self._rules: dict[tuple[Roles, str, str], ChangeRules | None] = {}
        self.access = rows.access
        add_functions(rows.unguarded, hooks)
        self.unguarded = rows.unguarded
        """The rows for code that checks the rules itself, or checks none."""
        self.bodies = rows.bodies
        self.query: Any = rows.query
        """The dependency that parses the query of a list."""
        self.included: Any = rows.included
        """The dependency that parses the query of reading one row with related rows."""

    def view(self, caller: Any) -> HookedRows[ModelT, CallerT]:
        """Return the operations that a caller may use; None is a caller without credentials."""
        view = self.rows.view(caller)

        calls: FunctionCalls[CallerT] = FunctionCalls(
            self.unguarded,
            self._hooks,
            lambda rows, parents: _guarded_rows(rows).view(caller).with_parents(parents),
            caller,
            shown=lambda db, key: _visible_json(view, db, key),
            shown_of=lambda db, rows, key: _visible_json(_guarded_rows(rows).view(caller), db, key),
            replaced=lambda *sent: result_of(view.values_of_replacement(*sent)),
            filled=lambda row: self.bodies.with_caller_values(row, caller),
            identity=identity_of(caller),
            check_change=lambda db, key, permission: self._check_change(
                caller, db, key, permission
            ),
            bound=lambda db: as_caller(db, caller),
            permissions=_CallerPermissions(self.access, caller),
            links=view.links_reader,
        )
        return HookedRows(view, calls)

    def readable(self, caller: BaseCaller | None) -> ColumnElement[bool]:
        """Return the condition of the rows that a caller can read: see `Guarded.readable`."""
        return self.rows.readable(caller)

    def _check_change(
        self, caller: BaseCaller | None, db: InlineDatabase, key: Any, permission: str
    ) -> Callable[[], None]:
        """Raise Forbidden (403) if a caller may not change a row; return the check to call later.

        The caller must be allowed to change the row as it is before the function, and after it.
        """
        self.access.permission(permission).check(caller)
        rules = self._change_rules(roles_of(caller), db.kind, permission)
        if rules is None:
            return lambda: None
        change = RowChangeCheck(rules, caller, key)
        result_of(change.check_before(db))
        return lambda: result_of(change.check_after(db))

    def _change_rules(self, roles: Roles, kind: str, permission: str) -> ChangeRules | None:
        """Return the rules about a changed row; None if they have no condition for these roles."""
        asked = (roles, kind, permission)
        if asked not in self._rules:
            operations = self.rows.row_operations(roles)
            found = None if operations is None else ChangeRules(operations, kind, permission)
            self._rules[asked] = found
        return self._rules[asked]


class _CallerPermissions(Permissions):
    """The operations that the rules of an entity let a caller request."""

    def __init__(self, access: Access, caller: BaseCaller | None) -> None:
        self._access, self._caller = access, caller

    def admits(self, operation: str) -> bool:
        """Return whether the caller may request an operation, perhaps for some rows only."""
        return self._access.permission(operation).admits(self._caller)

    def check(self, operation: str) -> None:
        """Raise Unauthorized (401) or Forbidden (403) if the caller may not request it."""
        self._access.permission(operation).check(self._caller)


def _visible_json(view: View, db: InlineDatabase, key: Any) -> bytes | None:
    """Return a row as JSON; None if it does not exist, or the caller may not see it."""
    try:
        return bytes(result_of(view.read(db, key)).body)
    except HTTPException as error:
        if error.status_code in (401, 403, 404):
            return None
        raise


def _guarded_rows(rows: Resource) -> Guarded:
    """Return the rows of a resource, guarded by the rules of their table."""
    found: Guarded | None = vars(rows).get(_KEY)
    if found is None or found.unguarded is not rows:  # `rows` is a copy of the resource
        found = vars(rows)[_KEY] = Guarded(rows, access_of(rows._properties.table))
    return found
