"""Statements for what is asked: one for each shape of a query, its values bound."""

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Integer,
    Select,
    String,
    and_,
    bindparam,
    false,
    func,
    literal_column,
    or_,
    select,
    tuple_,
)

from ..json_rows import JsonRows
from .columns import Columns
from .cursor import Cursor
from .operators import OPERATORS
from .query import Filter, ListQuery

Order = Sequence[tuple[str, bool]]


def shape(query: ListQuery, cursor: Cursor | None) -> tuple[object, ...]:
    """Tell what a statement depends on: everything but the values."""
    return (
        tuple((one.column, one.operator, *_fixed(one)) for one in query.filters),
        len(query.words),
        query.sort,
        query.fields,
        query.cursor is not None,
        cursor
        and (cursor.backward, cursor.inclusive, tuple(value is None for value in cursor.values)),
    )


def values(query: ListQuery) -> dict[str, Any]:
    """Name the values that the conditions of a query compare with."""
    named = {f"word_{n}": word for n, word in enumerate(query.words)}
    for n, one in enumerate(query.filters):
        if not OPERATORS[one.operator].is_flag:
            named |= {f"filter_{n}_{m}": value for m, value in enumerate(one.values)}
    return named


def conditions(columns: Columns, query: ListQuery, kind: str) -> list[ColumnElement[bool]]:
    """Build what the rows have to fulfil."""
    found = []
    for n, one in enumerate(query.filters):
        column = columns.column(one.column)
        operator = OPERATORS[one.operator]
        bound = [_bound(column.type, f"filter_{n}_{m}") for m in range(len(one.values))]
        found.append(operator.clause(column, one.values if operator.is_flag else bound, kind))
    contains = OPERATORS["icontains"].clause
    for n in range(len(query.words)):
        searched = [columns.column(name) for name in columns.searched]
        word = [_bound(searched[0].type, f"word_{n}")]
        found.append(or_(*(contains(column, word, kind) for column in searched)))
    return found


def page(
    columns: Columns,
    selected: Sequence[ColumnElement[Any]],
    query: ListQuery,
    cursor: Cursor | None,
    kind: str,
) -> Select[Any]:
    """Build the statement of a page; with a cursor, what the rows are sorted by comes last."""
    backward = cursor is not None and cursor.backward
    order = [(name, descends != backward) for name, descends in query.sort]
    statement = select(*selected).where(*conditions(columns, query, kind))
    if query.cursor is not None:
        places = [columns.column(name).label(f"place_{n}") for n, (name, _) in enumerate(order)]
        statement = statement.add_columns(*places)
    if cursor is not None:
        statement = statement.where(_behind(columns, order, cursor))
    ordered = statement.order_by(*_ordered(columns, order, kind))
    return ordered.limit(bindparam("limit")).offset(bindparam("offset"))


def whole(columns: Columns, names: Sequence[str], query: ListQuery) -> Select[Any]:
    """Build the statement of a plain page on SQLite: all of it as JSON, and whether there is more.

    SQLite takes the rows of a subquery that has a LIMIT in their order.
    """
    shown = [columns.column(name) for name in names]
    ordered = select(*shown).order_by(*_ordered(columns, query.sort, "sqlite"))
    rows = ordered.limit(bindparam("limit")).offset(bindparam("offset")).subquery()
    (row,) = JsonRows({name: rows.c[name] for name in names}, "sqlite").selected
    one = literal_column("1", Integer())
    more = select(one).select_from(columns.table).limit(one).offset(bindparam("end"))
    return select(func.json_group_array(row, type_=String()), more.scalar_subquery())


def number(columns: Columns, query: ListQuery, kind: str) -> Select[Any]:
    """Build the statement that counts all rows that are found."""
    counted = select(func.count()).select_from(columns.table)
    return counted.where(*conditions(columns, query, kind))


def _fixed(one: Filter) -> tuple[object, ...]:
    return one.values if OPERATORS[one.operator].is_flag else (len(one.values),)


def _bound(kind: Any, name: str) -> BindParameter[Any]:
    return bindparam(name, type_=kind)


def _ordered(columns: Columns, order: Order, kind: str) -> Iterator[ColumnElement[Any]]:
    """Sort null below every value: so SQLite does by itself, and its indexes."""
    for name, descends in order:
        column = columns.column(name)
        ordered = column.desc() if descends else column.asc()
        if column.nullable and kind == "postgresql":
            ordered = ordered.nulls_last() if descends else ordered.nulls_first()
        yield ordered


def _behind(columns: Columns, order: Order, cursor: Cursor) -> ColumnElement[bool]:
    """Build the condition of the rows behind the one that a cursor holds."""
    named = [columns.column(name) for name, _ in order]
    bound = [_bound(column.type, f"place_{n}") for n, column in enumerate(named)]
    descending = {descends for _, descends in order}
    if len(descending) == 1 and not any(column.nullable for column in named):
        here, there = tuple_(*named), tuple_(*bound)
        if cursor.inclusive:
            return here <= there if descending == {True} else here >= there
        return here < there if descending == {True} else here > there
    ways: list[ColumnElement[bool]] = []
    same: list[ColumnElement[bool]] = []
    for column, value, (_, descends), text in zip(named, bound, order, cursor.values, strict=True):
        ways.append(and_(*same, _beyond(column, value, descends=descends, is_null=text is None)))
        same.append(column.is_(None) if text is None else column == value)
    if cursor.inclusive:
        ways.append(and_(*same))
    first = _from(named[0], bound[0], descends=order[0][1], is_null=cursor.values[0] is None)
    return or_(*ways) if first is None else and_(first, or_(*ways))


def _beyond(column: Any, value: Any, *, descends: bool, is_null: bool) -> ColumnElement[bool]:
    if is_null:
        return false() if descends else column.is_not(None)
    if not descends:
        return column > value  # type: ignore[no-any-return]
    return or_(column < value, column.is_(None)) if column.nullable else column < value


def _from(column: Any, value: Any, *, descends: bool, is_null: bool) -> Any:
    """Bound the first column, which an index can use; none where null is on the way."""
    if is_null or (descends and column.nullable):
        return None
    return column <= value if descends else column >= value
