"""SQL that joins related rows to the rows of a page."""

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import (
    ColumnElement,
    FromClause,
    Integer,
    Select,
    String,
    and_,
    bindparam,
    cast,
    exists,
    func,
    literal_column,
    select,
)

from .columns import Columns
from .related_rows import Include, LinkedKeys, RelatedRows, Source, attributes, tables_of
from .relations import ManyToOne
from .statements import ordered

_ONE = literal_column("1", Integer())
_START = literal_column("0", Integer())


def attributes_to_select(
    columns: Columns, fields: Sequence[str] | None, includes: Iterable[Include]
) -> tuple[str, ...]:
    """Return the attributes of rows to select: those to return, the key, and references."""
    shown = columns.shown if fields is None else fields
    names = [*(shown if columns.is_plain else columns.properties.readable), columns.key]
    relations = [one.rows.relation for one in includes]
    names += [one.by for one in relations if isinstance(one, ManyToOne)]
    return tuple(dict.fromkeys(names))


def fields_of(include: Include) -> Sequence[str] | None:
    """Return the attributes to return of included rows; None: all."""
    return include.fields or None


def limited_rows(
    include: Include, near: Source, near_key: str, wanted: Sequence[str], kind: str
) -> Select[Any]:
    """Return the SELECT of the included rows of one row, for a relation to many rows.

    `near` has the columns of that row, and `wanted` are the attributes to select. The last columns
    are the values that the rows are sorted by.
    """
    rows = include.rows
    target, link, condition = _related_table(rows, near, near_key, include.name, kind)
    source, order = attributes(target, rows.columns), rows.order()
    sorted_by = [source[attribute] for attribute, _ in order]
    places = [column.label(f"place__{n}") for n, column in enumerate(sorted_by)]
    statement = select(*(source[attribute] for attribute in wanted), *places)
    if link is not None:
        table, far = link
        sorted_by[-1] = far  # the same value as the key, from the index of the link table
        statement = statement.select_from(table.join(target, far == source[rows.columns.key]))
    statement = statement.where(condition).order_by(*ordered(sorted_by, order, kind))
    limit = bindparam(include.limit_name, type_=Integer())
    return statement.limit(limit).offset(_START).correlate(*tables_of(near))


def has_more(include: Include, near: Source, near_key: str, kind: str) -> ColumnElement[bool]:
    """Return whether a row has more related rows than the limit."""
    source, condition = _count_source(include.rows, near, near_key, f"{include.name}_more", kind)
    beyond = select(_ONE).select_from(source).where(condition).limit(_ONE)
    limit = bindparam(include.limit_name, type_=Integer())
    return exists(beyond.offset(limit).correlate(*tables_of(near)))


def related_row_count(
    rows: RelatedRows, near: Source, near_key: str, kind: str
) -> ColumnElement[int]:
    """Return the number of related rows of a row."""
    source, condition = _count_source(rows, near, near_key, "counted", kind)
    counted = select(func.count()).select_from(source).where(condition)
    return counted.correlate(*tables_of(near)).scalar_subquery()


def count_or_keys(rows: RelatedRows, near: Source, near_key: str, kind: str) -> ColumnElement[Any]:
    """Return the number of related rows of a row, or their keys as a JSON array."""
    if not isinstance(rows, LinkedKeys):
        return related_row_count(rows, near, near_key, kind)
    target, link, condition = _related_table(rows, near, near_key, "counted", kind)
    assert link is not None
    table, far = link
    condition = _has_readable_target(rows, target, link, condition)
    array = (
        func.json_group_array(far, type_=String())
        if kind == "sqlite"
        else cast(func.json_agg(far), String())
    )
    keys = select(array).select_from(table).where(condition)
    return keys.correlate(*tables_of(near)).scalar_subquery()


def _count_source(
    rows: RelatedRows, near: Source, near_key: str, name: str, kind: str
) -> tuple[FromClause, ColumnElement[bool]]:
    """Return where related rows are counted, and their condition: links are not joined."""
    target, link, condition = _related_table(rows, near, near_key, name, kind)
    if link is None:
        return target, condition
    return link[0], _has_readable_target(rows, target, link, condition)


def _has_readable_target(
    rows: RelatedRows,
    target: FromClause,
    link: tuple[FromClause, ColumnElement[Any]],
    condition: ColumnElement[bool],
) -> ColumnElement[bool]:
    """Return the condition of links to rows that can be read."""
    if not rows.hides_rows:
        return condition
    key = attributes(target, rows.columns)[rows.columns.key]
    return and_(condition, exists().where(key == link[1]).correlate_except(target))


def _related_table(
    rows: RelatedRows, near: Source, near_key: str, name: str, kind: str
) -> tuple[FromClause, tuple[FromClause, ColumnElement[Any]] | None, ColumnElement[bool]]:
    """Return the related table, the link table with its reference to it, and the condition."""
    target, link = rows.source(name, kind), rows.link(f"{name}_link", kind)
    if link is None:
        return target, None, rows.matches(attributes(target, rows.columns), near, near_key)
    table, by, to = link
    return target, (table, to), by == near[near_key]
