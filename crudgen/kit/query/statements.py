"""The SQL statements of a list. Queries that differ only in values share one statement."""

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import (
    BigInteger,
    BindParameter,
    ColumnElement,
    Integer,
    Select,
    and_,
    bindparam,
    func,
    literal_column,
    or_,
    select,
    tuple_,
    union_all,
)

from .columns import Columns
from .cursor import Cursor
from .operators import OPERATORS
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
    """Return the WHERE conditions of the filters and the search of a query."""
    found = [one.condition(columns, f"filter_{n}", kind) for n, one in enumerate(query.filters)]
    contains = OPERATORS["icontains"].clause
    for n in range(len(query.words)):
        matches = []
        for name in columns.searched:
            column, form = columns.column(name), "sent" if columns.is_as_sent(name) else "word"
            matches.append(contains(column, [_bound(column.type, f"{form}_{n}")], kind))
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

    `with_places`: so they are for all pages.
    """
    order = page_order(query, cursor)
    statement = select(*selected).where(*conditions(columns, query, kind))
    sorted_by: Sequence[ColumnElement[Any]] = [columns.column(name) for name, _ in order]
    if query.cursor is not None or with_places:
        places = [column.label(f"place__{n}") for n, column in enumerate(sorted_by)]
        statement = statement.add_columns(*places)
    if cursor is not None:
        ranges = _range_conditions(sorted_by, order, cursor)
        parts = [statement.where(condition) for condition in ranges]
        if len(parts) > 1:
            statement, sorted_by = _union(parts, sorted_by, order, kind)
        else:
            (statement,) = parts
    statement = statement.order_by(*ordered(sorted_by, order, kind))
    return statement.limit(bindparam("limit")).offset(bindparam("offset"))


def _union(
    parts: Sequence[Select[Any]],
    sorted_by: Sequence[ColumnElement[Any]],
    order: Order,
    kind: str,
) -> tuple[Select[Any], Sequence[ColumnElement[Any]]]:
    """Return the UNION ALL of the first rows of each part, and its sort columns.

    Each part can use an index for its order, so the time for a page does not depend on its position
    (see `python -m bench scale`).
    """
    end = bindparam("end", type_=BigInteger())
    start = literal_column("0", Integer())
    firsts = [
        part.order_by(*ordered(sorted_by, order, kind)).limit(end).offset(start).subquery()
        for part in parts
    ]
    rows = union_all(*(select(first) for first in firsts)).subquery()
    return select(rows), list(rows.c)[-len(order) :]


def count_statement(columns: Columns, query: ListQuery, kind: str) -> Select[Any]:
    """Return the SELECT that counts all matching rows."""
    counted = select(func.count()).select_from(columns.properties.table)
    return counted.where(*conditions(columns, query, kind))


def _filter_shape(one: Filter) -> tuple[object, ...]:
    return one.values if OPERATORS[one.operator].is_flag else (len(one.values),)


def _bound(kind: Any, name: str) -> BindParameter[Any]:
    return bindparam(name, type_=kind)


def ordered(
    sorted_by: Sequence[ColumnElement[Any]], order: Order, kind: str
) -> Iterator[ColumnElement[Any]]:
    """Yield the ORDER BY expressions. Null is below all values, as in SQLite and its indexes."""
    for column, (_, descends) in zip(sorted_by, order, strict=True):
        ordered = column.desc() if descends else column.asc()
        if _may_be_null(column) and kind == "postgresql":
            ordered = ordered.nulls_last() if descends else ordered.nulls_first()
        yield ordered


def _range_conditions(
    sorted_by: Sequence[ColumnElement[Any]], order: Order, cursor: Cursor
) -> Iterator[ColumnElement[bool]]:
    """Yield the conditions of the rows after the row of a cursor, the nearest rows first.

    Each is a range of an index: the first sort values are equal, and the next one is beyond.
    """
    bound = [_bound(column.type, f"place_{n}") for n, column in enumerate(sorted_by)]
    descending = {descends for _, descends in order}
    if len(descending) == 1 and not any(_may_be_null(column) for column in sorted_by):
        here, there = tuple_(*sorted_by), tuple_(*bound)
        if cursor.inclusive:
            yield here <= there if descending == {True} else here >= there
        else:
            yield here < there if descending == {True} else here > there
        return
    same = [
        column.is_(None) if text is None else column == value
        for column, value, text in zip(sorted_by, bound, cursor.values, strict=True)
    ]
    if cursor.inclusive:
        yield and_(*same)
    for n in reversed(range(len(order))):
        column, (_, descends) = sorted_by[n], order[n]
        for beyond in _after_value(column, bound[n], descends=descends, value=cursor.values[n]):
            yield and_(*same[:n], beyond)


def _after_value(
    column: ColumnElement[Any], bound: Any, *, descends: bool, value: str | None
) -> Iterator[ColumnElement[bool]]:
    if value is not None:
        yield column < bound if descends else column > bound
        if descends and _may_be_null(column):
            yield column.is_(None)
    elif not descends:
        yield column.is_not(None)


def _may_be_null(column: ColumnElement[Any]) -> bool:
    return bool(getattr(column, "nullable", True))
