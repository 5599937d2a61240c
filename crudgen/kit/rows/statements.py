"""The SQL statements that read and write single rows of a table."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Insert,
    Table,
    UniqueConstraint,
    bindparam,
    delete,
    insert,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite

from ..database import Change
from ..database.json_rows import JsonRows
from ..database.returning import may_have_effects, returned
from ..database.statements import latest

INSERTS: Mapping[str, Any] = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}
"""The insert constructs of each dialect, which support ON CONFLICT."""


def _unique(table: Table) -> Iterator[str]:
    for rule in table.constraints:
        if isinstance(rule, UniqueConstraint):
            yield from rule.columns.keys()
    for index in table.indexes:
        if index.unique:
            yield from index.columns.keys()


class RowStatements:
    """The statements of one table in one dialect, built once, and the JSON encoder of its rows.

    `lock` takes the write lock of the table; None if no operation writes several rows.
    """

    def __init__(
        self, table: Table, shown: Sequence[str], kind: str, lock: Change | None = None
    ) -> None:
        self.rows = JsonRows({name: table.columns[name] for name in shown}, kind)
        self._key: Column[Any] = next(iter(table.primary_key))
        key: Sequence[ColumnElement[Any]] = returned([self._key], kind)
        if kind == "postgresql":
            key = [*key, may_have_effects(table)]
        self._returned = (*self.rows.returned, *key)
        same_key = self._key == bindparam("key__")
        self.read = select(*self.rows.selected).where(same_key)
        self.lock = self.read.with_for_update()
        self.insert = insert(table).returning(*self._returned)
        self.update = update(table).where(same_key).returning(*self._returned)
        self.delete = delete(table).where(same_key).returning(*key)
        self._has_row_locks = kind == "postgresql"
        """SQLite has no row locks: it has one writer at a time."""
        self._lock = lock if self._has_row_locks else None
        self.unique = frozenset(_unique(table))
        """The columns of unique constraints, without the key, which no update changes."""
        self._insert = INSERTS[kind](table)
        new = self._insert.on_conflict_do_nothing(index_elements=[self._key])
        self.insert_new = new.returning(*self._returned)
        """Inserts a row, unless its key exists."""
        self._upserts: dict[tuple[str, ...], Insert] = {}

    def serialized(self, keys: Sequence[Any] = ()) -> list[Change]:
        """Return the changes that serialize writes of several unique values, to avoid deadlocks.

        They take the write lock of the table, then the locks of the rows with these keys.
        """
        return [] if self._lock is None else [self._lock, *self.locks(keys)]

    def locks(self, keys: Sequence[Any]) -> list[Change]:
        """Return the changes that lock the rows with these keys, in the order of the keys.

        Without locks, two transactions could wait for unique values of each other.
        """
        if not self._has_row_locks or not self.unique:
            return []
        return [Change(self.lock, {"key__": key}) for key in sorted(keys)]

    def upsert(self, columns: tuple[str, ...], immutable: Collection[str]) -> Insert:
        """Return the statement that inserts a row, or updates all but the immutable columns."""
        if columns not in self._upserts:
            table = self._insert.table
            touched = {column.name for column in table.columns if column.onupdate is not None}
            changed = {*columns, *touched} - {self._key.name, *immutable} or {self._key.name}
            new = self._insert.excluded
            update = {name: new[name] for name in sorted(changed)}
            update |= {name: latest(table.columns[name], new[name]) for name in sorted(touched)}
            statement = self._insert.on_conflict_do_update(index_elements=[self._key], set_=update)
            self._upserts[columns] = statement.returning(*self._returned)
        return self._upserts[columns]
