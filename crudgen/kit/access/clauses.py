"""The conditions of rules as SQL: about a row in the table, and about a row as it will be."""

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
"""The start of the names of parameters with the constants of rules."""
NEW = "_new__"
"""The start of the names of parameters with the new values of a row.

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
        self._condition = _without_mapper(replacement_traverse(condition, {}, self._replaced))

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

    def of_caller(self, values: Mapping[str, Any]) -> ColumnElement[bool]:
        """Return the condition for the row in the table, with the attributes of a caller in it."""

        def with_value(element: Any, **_: Any) -> Any:
            if isinstance(element, BindParameter) and element.key in values:
                return bindparam(None, values[element.key], type_=element.type)
            return None

        found: ColumnElement[bool] = replacement_traverse(self._condition, {}, with_value)
        return found

    def parts(self) -> list["Clause"]:
        """Return the conditions that `and` combines, or the only one."""
        condition: Any = self._condition
        if getattr(condition, "operator", None) is not operators.and_:
            return [self]
        found = []
        for one in condition.clauses:
            part = copy(self)
            part._condition = one
            found += part.parts()
        return found

    def reads(self, column: Column[Any]) -> bool:
        """Return whether the condition contains a column, or a path that begins at it."""
        return any(element is column for element in iterate(self._condition))

    def before(
        self, kind: str, changed: Mapping[Column[Any], str] | None = None
    ) -> ColumnElement[bool]:
        """Return the condition for the row in the table; `changed` is what an update sets."""
        return _typed(self._with({}, {}, changed or {}), kind)

    def behind(self, changed: Mapping[Column[Any], str], kind: str) -> ColumnElement[bool]:
        """Return the condition for the row after a write that sets columns to parameters."""
        return _typed(self._with(changed, {}, changed), kind)

    def earlier(self, former: Mapping[Column[Any], str], kind: str) -> ColumnElement[bool]:
        """Return the condition for the row before a write; the table has the row after it."""
        return _typed(self._with(former, former, {}), kind)

    def left(self, former: Mapping[Column[Any], str], kind: str) -> ColumnElement[bool]:
        """Return the condition for the row in the table, after a write; `former` was before it."""
        return _typed(self._with({}, former, {}), kind)

    @property
    def needs_new(self) -> bool:
        """Whether the condition for the row before a write depends on that after it."""
        return any(is_new_column(element, self._table) for element in iterate(self._condition))

    def _with(
        self,
        own: Mapping[Column[Any], str],
        old: Mapping[Column[Any], str],
        new: Mapping[Column[Any], str],
    ) -> ColumnElement[bool]:
        """Return the condition with parameters instead of columns, of the row and its versions."""

        def value(column: Column[Any], values: Mapping[Column[Any], str]) -> Any:
            return _parameter(column, values) if column in values else column

        def replaced(element: Any, **_: Any) -> Any:
            if not isinstance(element, Column):
                return None
            if is_new_column(element, self._table):
                return value(self._table.columns[element.key], new)
            return _parameter(element, own) if element in own else None

        def former(element: Any, **_: Any) -> Any:
            if is_old_column(element, self._table):
                return value(self._table.columns[element.key], old)
            return None

        found: ColumnElement[bool] = replacement_traverse(self._condition, {}, replaced)
        # In one traversal, a column would not be replaced after it has replaced another one.
        return replacement_traverse(found, {}, former)

    def _replaced(self, element: Any, **_: Any) -> Any:
        """Return what replaces a part of the condition, or None to keep it."""
        if isinstance(element, Column):
            return self._column(element)
        if isinstance(element, BinaryExpression) and getattr(element.right, "expanding", False):
            return self._list(element)
        if isinstance(element, BindParameter) and not element.key.startswith(ME):
            return _constant(element.value, element.type)
        return None

    def _column(self, element: Column[Any]) -> Column[Any]:
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

    def _list(self, element: BinaryExpression[Any]) -> ColumnElement[bool]:
        """Return `a IN (…)` with a parameter for each constant."""
        left: Any = replacement_traverse(element.left, {}, self._replaced)
        right: Any = element.right
        values = [_constant(one, right.type) for one in right.value]
        found: ColumnElement[bool] = (
            left.in_(values) if element.operator is operators.in_op else left.not_in(values)
        )
        return found


def _constant(value: Any, kind: Any) -> BindParameter[Any]:
    """Return the parameter of a constant, which has its value, and a name of its own."""
    return bindparam(f"{CONSTANT}{next(_numbers)}", value, type_=kind)


def any_before(clauses: Sequence[Clause], kind: str) -> ColumnElement[bool]:
    """Return the condition that one of the rules allows the row in the table."""
    return or_(false(), *(one.before(kind) for one in clauses))


def any_behind(
    clauses: Sequence[Clause], changed: Mapping[Column[Any], str], kind: str
) -> ColumnElement[bool]:
    """Return the condition that one of the rules allows a new row."""
    return or_(false(), *(one.behind(changed, kind) for one in clauses))


def any_change(
    clauses: Sequence[Clause], changed: Mapping[Column[Any], str], kind: str
) -> ColumnElement[bool]:
    """Return the condition that one rule allows both the row in the table and the changed row."""
    both = (and_(one.before(kind, changed), one.behind(changed, kind)) for one in clauses)
    return or_(false(), *both)


def columns_of(clauses: Collection[Clause]) -> set[Column[Any]]:
    """Return the columns in some conditions."""
    return set[Column[Any]]().union(*(one.columns for one in clauses))


def _parameter(column: Column[Any], values: Mapping[Column[Any], str]) -> BindParameter[Any]:
    return bindparam(values[column], type_=column.type)


def _without_mapper(condition: Any) -> Any:
    """Return a copied condition without what makes a statement one of the ORM."""
    element: Any
    for element in iterate(condition):
        if getattr(element, "_propagate_attrs", None):
            element._propagate_attrs = {}
    return condition


def _typed(condition: ColumnElement[bool], kind: str) -> ColumnElement[bool]:
    """Return a condition whose parameters have the type that columns have.

    PostgreSQL needs it where a parameter is compared with another one.
    """
    if kind == "sqlite":
        return condition

    def with_type(element: Any, **_: Any) -> Any:
        return cast(element, element.type) if isinstance(element, BindParameter) else None

    return replacement_traverse(condition, {}, with_type)
