"""Locks that prevent deadlocks of requests that write unique values of several rows.

Two transactions that write the same unique values in different orders would wait for each other.
The write lock is a row in a table of its own. SQLite needs no locks: it has one writer at a time.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import Column, MetaData, String, Table, UniqueConstraint
from sqlalchemy.dialects.postgresql import insert

from ..database import Change, Database
from ..database.properties import Properties
from .statements import RowStatements

_NAME = "_write_lock"


class WriteLocks:
    """The row locks that bulk requests take to avoid deadlocks, until the transaction ends.

    With `serialized`, requests that write several unique values run one after another.
    """

    def __init__(self, properties: Properties, *, serialized: bool) -> None:
        table = properties.table
        self.unique = frozenset(map(properties.attribute_of, _unique_columns(table)))
        """The attributes in unique constraints, without the key, which updates do not change."""
        self._take = write_lock(table.metadata, table.name) if serialized else None

    def locking_changes(
        self, db: Database, statements: RowStatements, keys: Sequence[Any] = ()
    ) -> list[Change]:
        """Return the changes that take the write lock, if any, then lock the rows with the keys."""
        if self._take is None or db.kind == "sqlite":
            return []
        return [self._take, *self.ordered_row_locks(db, statements, keys)]

    def ordered_row_locks(
        self,
        db: Database,
        statements: RowStatements,
        keys: Sequence[Any],
        *,
        deletes: bool = False,
    ) -> list[Change]:
        """Return the changes that lock the rows with the keys, in the order of the keys.

        Without them, two transactions could wait for unique values of each other. There are none
        on SQLite, nor for rows without unique values.
        """
        if not self.unique or db.kind == "sqlite":
            return []
        lock = statements.lock_to_delete if deletes else statements.lock
        return [Change(lock, {"key__": key}) for key in sorted(keys)]


def _unique_columns(table: Table) -> Iterator[Column[Any]]:
    for rule in table.constraints:
        if isinstance(rule, UniqueConstraint):
            yield from rule.columns
    for index in table.indexes:
        if index.unique:
            yield from index.columns


def write_lock(metadata: MetaData, name: str) -> Change:
    """Return the change that takes the write lock of a table, and creates its row if missing."""
    table = metadata.tables.get(_NAME)
    if table is None:
        table = Table(_NAME, metadata, Column("table_name", String, primary_key=True))
    new = insert(table)
    statement = new.on_conflict_do_update(
        index_elements=[table.c.table_name],
        set_={"table_name": new.excluded.table_name},
    ).returning(table.c.table_name)
    return Change(statement, {"table_name": name}, ("table_name",))
