"""Searches for the rows that prevent a deletion, because they refer to a row that it deletes."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    CompoundSelect,
    ForeignKey,
    Select,
    Table,
    bindparam,
    literal_column,
    not_,
    or_,
    select,
    union_all,
)

from .properties import Properties, json_name_in

MAX_STEPS = 3
"""How many cascades the searches follow."""
_ACTIONS = {"CASCADE", "SET NULL", "SET DEFAULT"}
"""The values of ON DELETE that never prevent a deletion."""
Keys = Select[Any] | CompoundSelect[Any]


@dataclass(frozen=True, slots=True)
class BlockingRows:
    """Rows that may prevent a deletion by a foreign key of theirs."""

    key: ForeignKey
    exist: ColumnElement[bool]
    """Whether there are such rows. The key of the request is the parameter `key__`."""
    reason: str
    """The message of the response."""


def blocking_rows(properties: Properties, keys: Sequence[str] = ()) -> list[BlockingRows]:
    """Return the searches for rows that prevent the deletion of a row, the direct ones first.

    `keys` are the names of the parameters with the keys of all rows to delete, if the statement
    deletes several.
    """
    search = _BlockingSearch(properties.table, properties.columns[properties.key], keys)
    direct, indirect = [], []
    for table in properties.table.metadata.sorted_tables:
        for key in single_foreign_keys(table):
            if _on_delete(key) in _ACTIONS:
                continue
            referrers = _plural_words(properties, table)
            name = _json_name(properties, key.parent)
            if key.column.table is properties.table:
                exist = search.rows(key, search.target(key.column))
                reason = f"{referrers} refer to it by {name}"
                direct.append(BlockingRows(key, exist, _capitalized(reason)))
            if cascaded := search.cascaded_from_target(key.column):
                exist = search.rows(key, _union_of(cascaded))
                targets = _plural_words(properties, key.column.table)
                reason = f"{referrers} refer by {name} to {targets} that would be deleted with it"
                indirect.append(BlockingRows(key, exist, _capitalized(reason)))
    return direct + indirect


def single_foreign_keys(table: Table) -> list[ForeignKey]:
    """Return the foreign keys of a table that have one column, in the order of the columns."""
    keys = [
        key for column in table.columns for key in sorted(column.foreign_keys, key=_target_name)
    ]
    return [key for key in keys if key.constraint is None or len(key.constraint.columns) == 1]


def _target_name(key: ForeignKey) -> tuple[str, str]:
    return key.column.table.name, key.column.name


class _BlockingSearch:
    """Conditions on the rows that the deletion of rows of `table` concerns.

    The target is the row with the key `key__`. `keys` are the parameters of all deleted rows.
    """

    def __init__(self, table: Table, key: Column[Any], keys: Sequence[str]) -> None:
        self._table = table
        self._is_target = self._is_deleted = key == bindparam("key__", type_=key.type)
        if keys:
            bound = [bindparam(name, type_=key.type) for name in keys]
            deleted = select(key).where(key.in_(bound)).correlate(None).cte("deleted__")
            self._is_deleted = key.in_(select(deleted.c[key.key]).correlate(None))

    def rows(self, key: ForeignKey, targets: Keys) -> ColumnElement[bool]:
        """Return whether rows refer to `targets` by a foreign key, and are not deleted too."""
        table = key.parent.table
        kept: list[ColumnElement[bool]] = [key.parent.in_(targets)]
        if table is self._table:
            kept.append(not_(self._is_deleted))
        for other in single_foreign_keys(table):
            chosen = self._is_deleted
            deleted = [
                *self._own_values(other.column, chosen),
                *self._cascaded_values(other.column, chosen, MAX_STEPS - 1),
            ]
            if _on_delete(other) == "CASCADE" and deleted:
                kept.append(or_(other.parent.is_(None), other.parent.not_in(_union_of(deleted))))
        return select(literal_column("1")).select_from(table).where(*kept).correlate(None).exists()

    def target(self, column: Column[Any]) -> Keys:
        """Return the value that a column of the table has in the target."""
        return select(column).where(self._is_target).correlate(None)

    def cascaded_from_target(self, column: Column[Any]) -> list[Keys]:
        """Return the values of a column in the rows that are deleted with the target."""
        return self._cascaded_values(column, self._is_target, MAX_STEPS)

    def _own_values(self, column: Column[Any], chosen: ColumnElement[bool]) -> list[Keys]:
        own = column.table is self._table
        return [select(column).where(chosen).correlate(None)] if own else []

    def _cascaded_values(
        self, column: Column[Any], chosen: ColumnElement[bool], steps: int
    ) -> list[Keys]:
        """Return the values of a column in the rows that up to `steps` cascades delete.

        They start at the rows of the table that are `chosen`.
        """
        found: list[Keys] = []
        for key in single_foreign_keys(column.table) if steps else ():
            if _on_delete(key) == "CASCADE":
                targets = [
                    *self._own_values(key.column, chosen),
                    *self._cascaded_values(key.column, chosen, steps - 1),
                ]
                found += [
                    select(column).where(key.parent.in_(one)).correlate(None) for one in targets
                ]
        return found


def _union_of(parts: list[Keys]) -> Keys:
    return parts[0] if len(parts) == 1 else union_all(*parts)


def _capitalized(text: str) -> str:
    return text[:1].upper() + text[1:]


def _on_delete(key: ForeignKey) -> str:
    return (key.ondelete or "").upper()


def _plural_words(properties: Properties, table: Table) -> str:
    """Return the words for the rows of a table."""
    model = properties.model_of(table)
    unnamed = f"rows of {table.name if model is None else model.__name__}"
    return str(table.info.get("plural", unnamed))


def _json_name(properties: Properties, column: Column[Any]) -> str:
    """Return the JSON name of a column of any table of the application."""
    model = properties.model_of(column.table)
    if model is None:
        return column.name
    attribute = model.__mapper__.get_property_by_column(column).key  # type: ignore[attr-defined]
    return json_name_in(model, attribute)
