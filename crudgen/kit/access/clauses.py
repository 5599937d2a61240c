"""The conditions of rules as SQL, for rows in the table and for rows to be written."""

from collections.abc import Collection, Mapping, Sequence
from copy import copy
from itertools import count
from typing import Any

from sqlalchemy import (
    Alias,
    BinaryExpression,
    BindParameter,
    Column,
    ColumnElement,
    Table,
    and_,
    bindparam,
    cast,
    false,
    or_,
)
from sqlalchemy.sql import operators
from sqlalchemy.sql.visitors import iterate, replacement_traverse

from ..database.indexes import is_indexed
from ..errors import StartupError
from .caller import PARAMETER as ME
from .versions import is_new_column, is_old_column

CONSTANT = "_rule__"
"""The prefix of parameters with the constants of rules."""
NEW = "_new__"
"""The prefix of parameters with the new values of a row.

In an UPDATE, a parameter in WHERE may not have the name of a column that is set.
"""

_numbers = count()
"""The numbers in the names of parameters with constants: a statement can have several rules."""


class Clause:
    """The condition of one rule. It is true, false, or unknown; unknown allows nothing."""

    def __init__(self, condition: ColumnElement[bool], table: Table) -> None:
        self._table = table
        self.columns: set[Column[Any]] = set()
        """The columns in the condition."""
        self.has_related = False
        """Whether the condition has columns of related rows."""
        self._condition = _without_orm_marks(replacement_traverse(condition, {}, self._replacement))

    @property
    def is_indexed(self) -> bool:
        """Whether it is `column = parameter`, and an index has these rows in the order of keys."""
        condition = self._condition
        if not (isinstance(condition, BinaryExpression) and condition.operator is operators.eq):
            return False
        sides = condition.left, condition.right
        if not any(isinstance(side, BindParameter) for side in sides):
            return False
        found = [side for side in sides if isinstance(side, Column)]
        return bool(found) and is_indexed(self._table, found[0])

    def with_caller_values(self, values: Mapping[str, Any]) -> ColumnElement[bool]:
        """Return the condition for the row in the table, with a caller's attributes as values."""

        def with_value(element: Any, **_: Any) -> Any:
            if isinstance(element, BindParameter) and element.key in values:
                return bindparam(None, values[element.key], type_=element.type)
            return None

        found: ColumnElement[bool] = replacement_traverse(self._condition, {}, with_value)
        return found

    def and_parts(self) -> list["Clause"]:
        """Return the conditions that `and` combines, or the only one."""
        condition: Any = self._condition
        if getattr(condition, "operator", None) is not operators.and_:
            return [self]
        found = []
        for one in condition.clauses:
            part = copy(self)
            part._condition = one
            found += part.and_parts()
        return found

    def contains_column(self, column: Column[Any]) -> bool:
        """Return whether the condition contains a column, or a path that begins at it."""
        return any(element is column for element in iterate(self._condition))

    def before_write(
        self, kind: str, changed: Mapping[Column[Any], str] | None = None
    ) -> ColumnElement[bool]:
        """Return the condition for the row in the table, before a write.

        `changed` has the parameter of each column that the write sets, for rules about the new row.
        """
        return _with_parameter_types(self._with_parameters({}, {}, changed or {}), kind)

    def after_write(self, changed: Mapping[Column[Any], str], kind: str) -> ColumnElement[bool]:
        """Return the condition for the row after a write that has not run yet.

        `changed` has the parameter of each column that the write sets.
        """
        return _with_parameter_types(self._with_parameters(changed, {}, changed), kind)

    def of_former_row(self, former: Mapping[Column[Any], str], kind: str) -> ColumnElement[bool]:
        """Return the condition for the row before a write that has run.

        `former` has the parameters of the former values: the table has the new ones.
        """
        return _with_parameter_types(self._with_parameters(former, former, {}), kind)

    def of_written_row(self, former: Mapping[Column[Any], str], kind: str) -> ColumnElement[bool]:
        """Return the condition for the row in the table, after a write that has run."""
        return _with_parameter_types(self._with_parameters({}, former, {}), kind)

    @property
    def needs_new_values(self) -> bool:
        """Whether the condition contains `new`: it depends on the row after the write."""
        return any(is_new_column(element, self._table) for element in iterate(self._condition))

    def _with_parameters(
        self,
        own: Mapping[Column[Any], str],
        old: Mapping[Column[Any], str],
        new: Mapping[Column[Any], str],
    ) -> ColumnElement[bool]:
        """Return the condition with parameters instead of some columns.

        `own` are columns of the row, `old` and `new` those of its versions before and after.
        """

        def parameter_or_column(column: Column[Any], values: Mapping[Column[Any], str]) -> Any:
            return _parameter(column, values) if column in values else column

        def replace_own(element: Any, **_: Any) -> Any:
            if not isinstance(element, Column):
                return None
            if is_new_column(element, self._table):
                return parameter_or_column(self._table.columns[element.key], new)
            return _parameter(element, own) if element in own else None

        def replace_former(element: Any, **_: Any) -> Any:
            if is_old_column(element, self._table):
                return parameter_or_column(self._table.columns[element.key], old)
            return None

        found: ColumnElement[bool] = replacement_traverse(self._condition, {}, replace_own)
        # In one traversal, a column would not be replaced after it has replaced another one.
        return replacement_traverse(found, {}, replace_former)

    def _replacement(self, element: Any, **_: Any) -> Any:
        """Return what replaces a part of the condition, or None to keep it."""
        if isinstance(element, Column):
            return self._own_column(element)
        if isinstance(element, BinaryExpression) and getattr(element.right, "expanding", False):
            return self._list_condition(element)
        if isinstance(element, BindParameter) and not element.key.startswith(ME):
            return _constant_parameter(element.value, element.type)
        return None

    def _own_column(self, element: Column[Any]) -> Column[Any]:
        column = self._table.columns.get(element.key)
        if is_old_column(element, self._table) or is_new_column(element, self._table):
            self.columns.add(self._table.columns[element.key])
            return element
        if isinstance(element.table, Alias):
            self.has_related = True
            return element
        if column is None or element.table is None or element.table.name != self._table.name:
            raise StartupError(
                f"A rule of {self._table.name} is about another table: {element}\n"
                "  write conditions about its own columns"
            )
        self.columns.add(column)
        return column

    def _list_condition(self, element: BinaryExpression[Any]) -> ColumnElement[bool]:
        """Return `a IN (…)` with a parameter for each constant."""
        left: Any = replacement_traverse(element.left, {}, self._replacement)
        right: Any = element.right
        values = [_constant_parameter(one, right.type) for one in right.value]
        found: ColumnElement[bool] = (
            left.in_(values) if element.operator is operators.in_op else left.not_in(values)
        )
        return found


def _constant_parameter(value: Any, kind: Any) -> BindParameter[Any]:
    """Return a parameter with the value of a constant, and with a name of its own."""
    return bindparam(f"{CONSTANT}{next(_numbers)}", value, type_=kind)


def allows_row(clauses: Sequence[Clause], kind: str) -> ColumnElement[bool]:
    """Return the condition that one of the rules allows the row in the table."""
    return or_(false(), *(one.before_write(kind) for one in clauses))


def allows_new_row(
    clauses: Sequence[Clause], changed: Mapping[Column[Any], str], kind: str
) -> ColumnElement[bool]:
    """Return the condition that one of the rules allows a new row."""
    return or_(false(), *(one.after_write(changed, kind) for one in clauses))


def allows_change(
    clauses: Sequence[Clause], changed: Mapping[Column[Any], str], kind: str
) -> ColumnElement[bool]:
    """Return the condition that one rule allows both the row in the table and the changed row."""
    both = (
        and_(one.before_write(kind, changed), one.after_write(changed, kind)) for one in clauses
    )
    return or_(false(), *both)


def columns_of(clauses: Collection[Clause]) -> set[Column[Any]]:
    """Return the columns in some conditions."""
    return set[Column[Any]]().union(*(one.columns for one in clauses))


def _parameter(column: Column[Any], values: Mapping[Column[Any], str]) -> BindParameter[Any]:
    return bindparam(values[column], type_=column.type)


def _without_orm_marks(condition: Any) -> Any:
    """Remove the marks of the ORM from a condition, so that its statements are Core statements."""
    element: Any
    for element in iterate(condition):
        if getattr(element, "_propagate_attrs", None):
            element._propagate_attrs = {}
    return condition


def _with_parameter_types(condition: ColumnElement[bool], kind: str) -> ColumnElement[bool]:
    """Cast the parameters of a condition to their types, for PostgreSQL.

    It needs the type if a parameter is compared with another one.
    """
    if kind == "sqlite":
        return condition

    def with_type(element: Any, **_: Any) -> Any:
        return cast(element, element.type) if isinstance(element, BindParameter) else None

    return replacement_traverse(condition, {}, with_type)
