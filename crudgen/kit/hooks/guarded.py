"""The functions of the owner for the rows of an entity with rules."""

from collections.abc import Callable
from typing import Any, Generic

from fastapi import HTTPException
from sqlalchemy import ColumnElement

from ..access.caller import BaseCaller
from ..access.caller_database import as_caller
from ..access.caller_view import View
from ..access.changed_rows import ChangeRules, RowChange
from ..access.rules import Access, Roles, access_of, roles_of
from ..access.views import Guarded
from ..rows.resource import Resource
from .calls import Calls, Permissions
from .functions import Hooks
from .hooked import HookedRows
from .inline import InlineDatabase, result_of
from .registered import add_functions
from .transaction import CallerT, ModelT

_KEY = "app.guarded"
"""The key of the attributes of a resource: its rows, which only callers can use."""


class GuardedHooks(Generic[ModelT, CallerT]):
    """The rows of an entity with functions of the owner, which only a caller can use: see `view`.

    The functions run if the rules let the caller ask for the operation. What they do with their
    transaction keeps the rules of every entity.
    """

    def __init__(self, rows: Guarded, hooks: Hooks[ModelT, Any, Any, CallerT]) -> None:
        self.rows = rows
        """The rows without the functions, for callers too."""
        self._hooks = hooks
        self._rules: dict[tuple[Roles, str, str], ChangeRules | None] = {}
        self.access = rows.access
        add_functions(rows.unguarded, hooks)
        self.unguarded = rows.unguarded
        """The rows for code that asks the rules itself, or asks none."""
        self.bodies = rows.bodies
        self.query: Any = rows.query
        """The dependency that parses the query of a list."""
        self.included: Any = rows.included
        """The dependency that parses the query of reading one row with related rows."""

    def view(self, caller: Any) -> HookedRows[ModelT, CallerT]:
        """Return the operations that a caller may use; None is a caller without credentials."""
        view = self.rows.view(caller)

        calls: Calls[CallerT] = Calls(
            self.unguarded,
            self._hooks,
            lambda rows, parents: _guarded(rows).view(caller).under(parents),
            caller,
            shown=lambda db, key: _shown(view, db, key),
            shown_of=lambda db, rows, key: _shown(_guarded(rows).view(caller), db, key),
            replaced=lambda *sent: result_of(view.replaced(*sent)),
            filled=lambda row: self.bodies.filled(row, caller),
            identity=_identity(caller),
            judged=lambda db, key, permission: self._judged(caller, db, key, permission),
            bound=lambda db: as_caller(db, caller),
            permissions=_CallerPermissions(self.access, caller),
            links=view.links_of,
        )
        return HookedRows(view, calls)

    def readable(self, caller: BaseCaller | None) -> ColumnElement[bool]:
        """Return the condition of the rows that a caller can read: see `Guarded.readable`."""
        return self.rows.readable(caller)

    def _judged(
        self, caller: BaseCaller | None, db: InlineDatabase, key: Any, permission: str
    ) -> Callable[[], None]:
        """Raise Forbidden (403) if a caller may not change a row; return the check afterwards."""
        self.access.permission(permission).check(caller)
        rules = self._change_rules(roles_of(caller), db.kind, permission)
        if rules is None:
            return lambda: None
        change = RowChange(rules, caller, key)
        result_of(change.begin(db))
        return lambda: result_of(change.end(db))

    def _change_rules(self, roles: Roles, kind: str, permission: str) -> ChangeRules | None:
        """Return the rules about a changed row; None if none of these callers has a condition."""
        asked = (roles, kind, permission)
        if asked not in self._rules:
            operations = self.rows.row_operations(roles)
            found = None if operations is None else ChangeRules(operations, kind, permission)
            self._rules[asked] = found
        return self._rules[asked]


class _CallerPermissions(Permissions):
    """What the rules of an entity let a caller ask for."""

    def __init__(self, access: Access, caller: BaseCaller | None) -> None:
        self._access, self._caller = access, caller

    def admits(self, operation: str) -> bool:
        """Return whether the caller may do this, perhaps with some rows only."""
        return self._access.permission(operation).admits(self._caller)

    def check(self, operation: str) -> None:
        """Raise Unauthorized (401) or Forbidden (403) if the caller may not do this."""
        self._access.permission(operation).check(self._caller)


def _identity(caller: BaseCaller | None) -> str:
    return "" if caller is None else caller.identity


def _shown(view: View, db: InlineDatabase, key: Any) -> bytes | None:
    """Return a row as JSON; None if it does not exist, or the caller may not see it."""
    try:
        return bytes(result_of(view.read(db, key)).body)
    except HTTPException as error:
        if error.status_code in (401, 403, 404):
            return None
        raise


def _guarded(rows: Resource) -> Guarded:
    """Return the rows of a resource for callers, with the rules of their table."""
    found: Guarded | None = vars(rows).get(_KEY)
    if found is None or found.unguarded is not rows:  # `rows` is a copy of the resource
        found = vars(rows)[_KEY] = Guarded(rows, access_of(rows._properties.table))
    return found
