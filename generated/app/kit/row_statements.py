"""The statements that write and read single rows of one table, built once."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any
from zlib import crc32

from sqlalchemy import (
    BigInteger,
    Column,
    Insert,
    Select,
    String,
    Table,
    UniqueConstraint,
    bindparam,
    delete,
    func,
    insert,
    literal_column,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite

from .database import Change
from .database.statements import later
from .json_rows import JsonRows

INSERTS: Mapping[str, Any] = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}
"""The INSERT of each kind of database, which knows ON CONFLICT."""


def _no_turn(_table: Table) -> None:
    """SQLite has one writer anyway."""


def _take_turn(table: Table) -> Select[Any]:
    """Lock a number that stands for the table, until the transaction ends."""
    number = literal_column(str(crc32(table.name.encode())), BigInteger())
    return select(func.pg_advisory_xact_lock(number, type_=String()))


_TURNS: Mapping[str, Callable[[Table], Select[Any] | None]] = {
    "sqlite": _no_turn,
    "postgresql": _take_turn,
}


def _unique(table: Table) -> Iterator[str]:
    for rule in table.constraints:
        if isinstance(rule, UniqueConstraint):
            yield from rule.columns.keys()
    for index in table.indexes:
        if index.unique:
            yield from index.columns.keys()


class RowStatements:
    """The statements of one table for one kind of database, and how their rows are written."""

    def __init__(self, table: Table, shown: Sequence[str], kind: str) -> None:
        self.rows = JsonRows({name: table.columns[name] for name in shown}, kind)
        selected = self.rows.selected
        key: Column[Any] = next(iter(table.primary_key))
        same_key = key == bindparam("key__")
        self.read = select(*selected).where(same_key)
        self.lock = self.read.with_for_update()
        self.insert = insert(table).returning(*selected, key)
        self.update = update(table).where(same_key).returning(*selected)
        self.delete = delete(table).where(same_key).returning(key)
        self._turn = _TURNS[kind](table)
        self.unique = frozenset(_unique(table))
        """The columns that a unique rule looks at; the key aside, which no update changes."""
        self._insert = INSERTS[kind](table)
        new = self._insert.on_conflict_do_nothing(index_elements=[key])
        self.insert_new = new.returning(*selected)
        """Inserts a row, unless there is one with its key."""
        self._upserts: dict[tuple[str, ...], Insert] = {}

    def turn(self, keys: Sequence[Any] = ()) -> list[Change]:
        """Let one after another write several unique values, where two could wait for each other.

        The rows with these keys are locked before: who waits for a value then holds none of them.
        """
        return [] if self._turn is None else [Change(self._turn, {}), *self.locks(keys)]

    def locks(self, keys: Sequence[Any]) -> list[Change]:
        """Lock the rows with these keys, in their order, before a unique value is in doubt."""
        if self._turn is None or not self.unique:
            return []
        return [Change(self.lock, {"key__": key}) for key in sorted(keys)]

    def upsert(self, columns: tuple[str, ...], immutable: Collection[str]) -> Insert:
        """Build the statement that inserts a row, or else changes what may be changed of it."""
        if columns not in self._upserts:
            table = self._insert.table
            touched = {column.name for column in table.columns if column.onupdate is not None}
            (key,) = table.primary_key
            changed = {*columns, *touched} - {key.name, *immutable} or {key.name}
            new = self._insert.excluded
            update = {name: new[name] for name in sorted(changed)}
            update |= {name: later(table.columns[name], new[name]) for name in sorted(touched)}
            statement = self._insert.on_conflict_do_update(index_elements=[key], set_=update)
            self._upserts[columns] = statement.returning(*self.rows.selected)
        return self._upserts[columns]
