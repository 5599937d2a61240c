"""Lists of the caller in the conditions of rules, such as `team_id in me.teams`."""

import json
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    Boolean,
    ColumnElement,
    Dialect,
    String,
    TypeDecorator,
    and_,
    bindparam,
    func,
    null,
    or_,
    select,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.type_api import TypeEngine
from sqlalchemy.sql.visitors import InternalTraversal

from .caller import PARAMETER


class _ListParameter(TypeDecorator[Any]):
    """A list as a parameter: an array on PostgreSQL, JSON on SQLite."""

    impl = String
    cache_ok = True

    def __init__(self, item: TypeEngine[Any]) -> None:
        super().__init__()
        self._item = item

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Return the type of the parameter."""
        is_array = dialect.name == "postgresql"
        return dialect.type_descriptor(ARRAY(self._item) if is_array else String())

    def process_bind_param(self, value: Sequence[Any] | None, dialect: Dialect) -> Any:
        """Return the value of the parameter."""
        if value is None:
            return None
        if dialect.name == "postgresql":
            return [*value]
        return json.dumps([one.hex if isinstance(one, UUID) else one for one in value])


class _IsIn(ColumnElement[bool]):
    """The condition that a value is in a list of the caller."""

    inherit_cache = True
    type = Boolean()
    _traverse_internals = [  # noqa: RUF012
        ("value", InternalTraversal.dp_clauseelement),
        ("items", InternalTraversal.dp_clauseelement),
    ]

    def __init__(self, value: ColumnElement[Any], items: ColumnElement[Any]) -> None:
        self.value, self.items = value, items


@compiles(_IsIn, "sqlite")
def _compile_for_sqlite(element: _IsIn, compiler: Any, **options: Any) -> str:
    each = func.json_each(element.items).table_valued("value")
    return str(compiler.process(element.value.in_(select(each.columns.value)), **options))


@compiles(_IsIn, "postgresql")
def _compile_for_postgresql(element: _IsIn, compiler: Any, **options: Any) -> str:
    value = compiler.process(element.value, **options)
    return f"({value} = ANY({compiler.process(element.items, **options)}))"


class CallerList:
    """A list of the caller in conditions. If a token lacks it, it is null."""

    def __init__(self, name: str, item: TypeEngine[Any], *, optional: bool) -> None:
        self._items = bindparam(f"{PARAMETER}{name}", type_=_ListParameter(item))
        self._optional = optional

    def contains(self, value: Any) -> ColumnElement[bool]:
        """Return the condition that a value is in the list; it is null if one of both is null."""
        column = value.__clause_element__() if hasattr(value, "__clause_element__") else value
        is_in: ColumnElement[bool] = _IsIn(column, self._items)
        nulls = []
        if getattr(column, "nullable", True):
            nulls.append(column.is_(None))
        if self._optional:
            nulls.append(self._items.is_(None))
        unknown: ColumnElement[bool] = null()  # type: ignore[assignment]
        return or_(is_in, and_(or_(*nulls), unknown)) if nulls else is_in


def bound_list(name: str, item: TypeEngine[Any], *, optional: bool = False) -> CallerList:
    """Return a list of the caller for conditions; `optional` if tokens may lack it."""
    return CallerList(name, item, optional=optional)
