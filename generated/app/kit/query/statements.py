"""The SQL statements of a list. Queries that differ only in values share one statement."""

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import BindParameter, ColumnElement, Select, bindparam, func, or_, select

from .columns import Columns
from .cursor import Cursor
from .operators import OPERATORS
from .parts import SortValue, may_be_null, page_union, union
from .query import Filter, ListQuery

Order = Sequence[tuple[str, bool]]


def shape_key(query: ListQuery, cursor: Cursor | None) -> tuple[object, ...]:
    """Return the key of a query in the cache of statements: all that determines its SQL."""
    return (
        tuple((one.column, one.operator, *_filter_shape(one)) for one in query.filters),
        len(query.words),
        query.sort,
        query.fields,
        query.count,
        query.cursor is not None,
        cursor
        and (cursor.backward, cursor.inclusive, tuple(value is None for value in cursor.values)),
    )


def bound_values(query: ListQuery) -> dict[str, Any]:
    """Return the bound values of the filters and the search of a query, by parameter name."""
    named: dict[str, Any] = {}
    for n, (word, as_sent) in enumerate(query.words):
        named |= {f"word_{n}": word, f"sent_{n}": as_sent}
    for n, one in enumerate(query.filters):
        if not OPERATORS[one.operator].is_flag:
            named |= {f"filter_{n}_{m}": value for m, value in enumerate(one.values)}
    return named


def conditions(columns: Columns, query: ListQuery, kind: str) -> list[ColumnElement[bool]]:
    """Return the WHERE conditions of a list: the visible rows, the filters and the search."""
    found = [*columns.visible(kind), *columns.conditions(query.filters, kind)]
    contains = OPERATORS["icontains"].clause
    for n in range(len(query.words)):
        matches = []
        for name in columns.searched:
            column = columns.value(name, kind)
            form = "sent" if columns.stores_as_sent(name) else "word"
            matches.append(contains(column, [_bound_value(column.type, f"{form}_{n}")], kind))
        found.append(or_(*matches))
    return found


def page_order(query: ListQuery, cursor: Cursor | None) -> Order:
    """Return the order in which a page is read: reversed if it ends before the cursor."""
    backward = cursor is not None and cursor.backward
    return [(name, descends != backward) for name, descends in query.sort]


def page_statement(
    columns: Columns,
    selected: Sequence[ColumnElement[Any]],
    query: ListQuery,
    cursor: Cursor | None,
    kind: str,
    *,
    with_places: bool = False,
) -> Select[Any]:
    """Return the SELECT of a page. For pages by cursor, the last columns are the sort values.

    With `with_places`, those of all pages are.
    """
    order = page_order(query, cursor)
    of_rows = select(*selected).select_from(columns.properties.table)
    statement = of_rows.where(*conditions(columns, query, kind))
    parts = list(columns.list_parts(statement, order, kind))
    if cursor is not None:
        parts = [after for part in parts for after in part.after(cursor)]
    if query.cursor is not None or with_places or len(parts) > 1:
        parts = [part.labeled() for part in parts]
    if cursor is None and len(parts) > 1:
        return page_union(parts, kind)
    page = parts[0] if len(parts) == 1 else union(parts, kind)
    return page.ordered(kind).limit(bindparam("limit")).offset(bindparam("offset"))


def count_statement(columns: Columns, query: ListQuery, kind: str) -> Select[Any]:
    """Return the SELECT that counts all matching rows."""
    counted = select(func.count()).select_from(columns.properties.table)
    return counted.where(*conditions(columns, query, kind))


def _filter_shape(one: Filter) -> tuple[object, ...]:
    return one.values if OPERATORS[one.operator].is_flag else (len(one.values),)


def _bound_value(kind: Any, name: str) -> BindParameter[Any]:
    return bindparam(name, type_=kind)


def ordered(
    sorted_by: Sequence[ColumnElement[Any]], order: Order, kind: str
) -> Iterator[ColumnElement[Any]]:
    """Yield the ORDER BY expressions of a page. Null is below all values (see `SortValue`)."""
    for column, (_, descends) in zip(sorted_by, order, strict=True):
        yield SortValue(column, descends, may_be_null(column)).ordered(kind)
