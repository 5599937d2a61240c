"""Row locks on PostgreSQL that keep writes of several references from deadlocks.

PostgreSQL locks the target of a reference after the row that refers to it, row by row. So all rows
are locked first, and then all targets, each in the order of their keys, as deletions do.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

from sqlalchemy import (
    ARRAY,
    Column,
    ColumnElement,
    ForeignKey,
    Select,
    Table,
    any_,
    bindparam,
    select,
)

from ..database import Change
from ..database.blocking_rows import single_foreign_keys
from ..database.properties import Properties
from ..database.statements import Values


class ReferenceLocks:
    """The locks for the rows of one table, and for the rows that they refer to: their targets."""

    def __init__(self, properties: Properties) -> None:
        self._properties = properties
        self._key = properties.columns[properties.key]
        self._rows = _locking_select(self._key, key_share=True)
        """Locks rows before they are updated."""

    @cached_property
    def _targets(self) -> dict[str, Column[Any]]:
        """The columns that the table refers to, by the attribute of the foreign key."""
        keys = single_foreign_keys(self._properties.table)
        return {self._properties.attribute_of(key.parent): key.column for key in keys}

    @cached_property
    def _target_locks(self) -> "TargetLocks":
        return TargetLocks()

    def before_writes(self, rows: Sequence[Values], keys: Collection[Any] = ()) -> list[Change]:
        """Return the changes that lock the targets of new values of several rows.

        `keys` are those of existing rows that are updated.
        """
        values = self.target_keys(rows)
        if not values:
            return []
        locks = []
        if self._key in values:
            # Rows of this table refer to others of it: all are locked in one order.
            for key in sorted(values.pop(self._key).union(keys)):
                lock = self._rows if key in keys else self._target_locks.statement(self._key)
                locks.append(Change(lock, {"keys": [key]}))
        elif keys:
            locks.append(Change(self._rows, {"keys": sorted(keys)}))
        return locks + self._target_locks.lock_changes([values])

    def target_keys(self, rows: Sequence[Values]) -> dict[Column[Any], set[Any]]:
        """Return the keys that new values refer to, by the column of the target."""
        values: defaultdict[Column[Any], set[Any]] = defaultdict(set)
        for name, target in self._targets.items():
            found = {row[name] for row in rows if row.get(name) is not None}
            if found:
                values[target] |= found
        return values


class TargetLocks:
    """The locks that protect rows from deletion, because new rows will refer to them."""

    def __init__(self) -> None:
        self._statements: dict[Column[Any], Select[Any]] = {}

    def statement(self, column: Column[Any]) -> Select[Any]:
        """Return the statement that locks the rows with some values of a column."""
        if column not in self._statements:
            self._statements[column] = _locking_select(column, read=True, key_share=True)
        return self._statements[column]

    def lock_changes(self, targets: Iterable[Mapping[Column[Any], set[Any]]]) -> list[Change]:
        """Return the changes that lock rows by their keys, in the order of tables and keys."""
        keys: defaultdict[Column[Any], set[Any]] = defaultdict(set)
        for one in targets:
            for column, values in one.items():
                keys[column] |= values
        in_order = sorted(keys.items(), key=lambda item: str(item[0]))
        return [Change(self.statement(one), {"keys": sorted(of)}) for one, of in in_order]


def deletion_changes_other_rows(table: Table) -> bool:
    """Return whether the deletion of a row can delete or change rows that refer to it."""
    return any(key.ondelete for key in _references_to(table))


def is_referred_to(table: Table) -> bool:
    """Return whether rows can refer to a row of the table."""
    return any(True for _ in _references_to(table))


def _references_to(table: Table) -> Iterator[ForeignKey]:
    for one in table.metadata.tables.values():
        for key in single_foreign_keys(one):
            if key.column.table is table:
                yield key


def _locking_select(column: Column[Any], **mode: Any) -> Select[Any]:
    """Return the SELECT that locks the rows with some values of a column, in their order."""
    is_chosen: ColumnElement[bool] = column == any_(bindparam("keys", type_=ARRAY(column.type)))
    return select(column).where(is_chosen).order_by(column).with_for_update(**mode)
