"""The rows of a resource, guarded by rules."""

from typing import Any

from sqlalchemy import ColumnElement, false, or_, true

from ..errors import StartupError
from ..rows.resource import Resource
from .bodies import Bodies
from .caller import BaseCaller
from .caller_view import View
from .row_batches import BulkRowView
from .row_operations import RowOperations, depends_on_rows
from .rules import Access, Roles, roles_of


class Guarded:
    """The rows of a resource, guarded by rules; `view` returns what a caller may do.

    There is no other way to its operations, so a new handler cannot forget the check.
    """

    def __init__(self, rows: Resource, access: Access) -> None:
        self.access = access
        self._row_operations: dict[Roles, RowOperations | None] = {}
        """The statements by the roles of a caller; None if no rule for them has a condition."""
        if (access.is_about_rows or access.fields) and not supports_row_rules(type(rows)):
            raise _unsupported_rules_error(rows)
        self.unguarded = rows
        """The rows for code that checks the rules itself, or checks none."""
        self.bodies = Bodies(rows)
        self.query: Any = rows.query
        """The dependency that parses the query of a list."""
        self.included: Any = getattr(rows, "included", None)
        """The dependency that parses the query of reading one row with related rows."""

    def view(self, caller: BaseCaller | None) -> View:
        """Return the operations that a caller may use; None is a caller without credentials."""
        operations = self.row_operations(roles_of(caller))
        if operations is None:
            return View(self.unguarded, self.access, self.bodies, caller)
        return BulkRowView(operations, self.bodies, caller)

    def readable(self, caller: BaseCaller | None) -> ColumnElement[bool]:
        """Return the condition of the rows that a caller can read, for statements of your own.

        It applies to the rows of this table only: it hides neither rows that they refer to, nor
        properties. Raises Unauthorized (401), Forbidden (403).
        """
        self.access.read.check(caller)
        clauses = self.access.read.clauses(roles_of(caller))
        if clauses is None:
            return true()
        values = {} if caller is None else caller.bound_values
        return or_(false(), *(one.with_caller_values(values) for one in clauses))

    def row_operations(self, roles: Roles) -> RowOperations | None:
        """Return the statements for callers with some roles; None if no rule is about rows."""
        if roles not in self._row_operations:
            self._row_operations[roles] = self._new_row_operations(roles)
        return self._row_operations[roles]

    def _new_row_operations(self, roles: Roles) -> RowOperations | None:
        rows = self.unguarded
        if not depends_on_rows(rows, self.access, roles):
            return None
        if not supports_row_rules(type(rows)):
            raise _unsupported_rules_error(rows)
        return RowOperations(rows, self.access, roles)


def _unsupported_rules_error(rows: Resource) -> StartupError:
    return StartupError(
        f"{rows._name}: rules with conditions are not supported for {type(rows).__name__}\n"
        "  use Resource or ReplaceableResource"
    )


def supports_row_rules(kind: type[Resource]) -> bool:
    """Return whether all operations of a class of resources support rules about rows.

    A class without operations of its own combines those of its bases.
    """
    return all(
        vars(one).get("supports_row_rules") or not any(map(callable, vars(one).values()))
        for one in kind.__mro__
        if issubclass(one, Resource)
    )
