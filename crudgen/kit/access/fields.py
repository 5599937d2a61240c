"""Which properties a caller may see and set, and the check of the properties in queries."""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from functools import partial
from typing import Any

from sqlalchemy import Column, bindparam, literal_column, select

from ..query import ListQuery
from ..query.columns import NO_MASKS, Columns, Masks
from ..rows.resource import Resource
from .caller import BaseCaller
from .clauses import Clause, allows_row
from .errors import Forbidden, Unauthorized
from .rules import Access, Roles, known_access_of


def masks_of(access: Access | None, roles: Roles) -> Masks:
    """Return the columns that some rows, or all, do not show to callers with some roles.

    Each has the condition of the rows that show it; None if no row does.
    """
    if access is None or not access.fields:
        return NO_MASKS
    found = {}
    for one in access.fields.values():
        clauses = None if one.read is None else one.read.clauses(roles)
        if clauses is not None:
            found[one.column] = partial(allows_row, tuple(clauses)) if clauses else None
    return found


def restricted_fields(access: Access, roles: Roles) -> Mapping[str, Sequence[Clause]]:
    """Return the properties that callers with some roles may set in some rows only, or in none.

    Each has the conditions, of which a row must satisfy one; none if they may never set it.
    """
    found = {}
    for name, one in access.fields.items():
        clauses = None if one.write is None else one.write.clauses(roles)
        if clauses is not None:
            found[name] = clauses
    return found


def check_fields(columns: Columns, query: ListQuery, caller: BaseCaller | None) -> None:
    """Raise Unauthorized (401) or Forbidden (403) if a query names a property that no row shows.

    Filters, sort keys and searches reveal a property as much as returning it does.
    """
    for one in query.filters:
        _check_column(columns.table_column(one.column), caller, columns.json_name(one.column))
    for name, _ in query.sort:
        _check_column(columns.table_column(name), caller, "sort")
    _check_columns(map(columns.table_column, query.fields), caller, "fields")
    if query.words:
        _check_columns(map(columns.table_column, columns.searched), caller, "q")
    for rows, fields in query.included_fields:
        _check_columns(map(rows.table_column, fields), caller, "fields")


def _check_columns(
    columns: Iterable[Column[Any] | None], caller: BaseCaller | None, parameter: str
) -> None:
    for column in columns:
        _check_column(column, caller, parameter)


def _check_column(column: Column[Any] | None, caller: BaseCaller | None, parameter: str) -> None:
    if column is None:
        return
    access = known_access_of(column.table)
    for one in () if access is None else access.fields.values():
        if one.column is column and one.read is not None and not one.read.admits(caller):
            if caller is None:
                raise Unauthorized(needed_for=parameter)
            raise Forbidden("The property may not be seen by this caller", ["query", parameter])


async def hidden_properties(rows: Resource, db: Any, key: Any) -> AsyncIterator[tuple[str, bool]]:
    """Yield the properties that a row does not show: the name, and True if absent, not null."""
    columns = rows._columns
    is_row = columns.column(columns.key) == bindparam("key__")
    for column, condition in columns.masks.items():
        if condition is None:
            yield columns.json_name(_attribute_of_column(columns, column)), True
            continue
        shown: Any = select(literal_column("1")).where(is_row, condition(db.kind))
        if not await db.read(db.compile(shown), {"key__": key}):
            yield columns.json_name(_attribute_of_column(columns, column)), False


def _attribute_of_column(columns: Columns, column: Column[Any]) -> str:
    return next(name for name, one in columns.properties.columns.items() if one is column)
