"""One table and its changes, in PostgreSQL's statements. Reason to change: what a table needs.

The catalogue says what a definition does not contain: defaults, deferred constraints, partitions.
"""

from collections.abc import Iterable, Iterator, Mapping

from sqlalchemy import Connection

from crudgen.evolution.changes import SAME, AddedColumn, ColumnChange, TableChange
from crudgen.evolution.expressions import quoted, text_literal
from crudgen.evolution.plan import Lock, Problem
from crudgen.evolution.wording import Item, Kind, items
from crudgen.kit.database.catalogue import Index, Key, KeyGenerator
from crudgen.kit.database.catalogue.explain import value_unless_rejected

from .ddl import Ddl
from .users import LiveTable, live_table

LARGE = 1_000_000
"""The number of rows from which a table is checked and indexed while others write."""
_PER_ROW = {
    Kind.TYPE: 4e-6,
    Kind.WORDS: 6e-6,
    Kind.CHECK_ADDED: 3e-7,
    Kind.REQUIRED: 7e-7,
    Kind.UNIQUE_ADDED: 1e-6,
    Kind.INDEX_ADDED: 1e-6,
    Kind.FOREIGN_KEY_ADDED: 4e-7,
}
"""Seconds for each row, about."""


class ChangedTable:
    """One table and its changes."""

    def __init__(self, change: TableChange, connection: Connection) -> None:
        self.change = change
        self.ddl = Ddl(change.table, connection.dialect)
        self.live: LiveTable | None = None if change.is_new else live_table(connection, change)
        self.found = change.found or change.expected
        self._items = list(items(change))
        self._connection = connection

    @property
    def is_large(self) -> bool:
        """Whether the table is checked and indexed while others write."""
        is_partitioned = self.live is not None and self.live.is_partitioned
        return self.change.rows >= LARGE and not is_partitioned

    def of_kind(self, *kinds: Kind) -> list[Item]:
        """Return the changes of some kinds."""
        return [item for item in self._items if item.kind in kinds]

    def seconds(self, kind: Kind, lock: Lock) -> float | None:
        """Return about how long a change takes."""
        rows = self.change.rows
        return None if lock is Lock.INSTANT or not rows else round(rows * _PER_ROW[kind], 1)

    def drop_foreign_keys(self) -> Iterator[str]:
        """Yield the statements that remove foreign keys, under the live name of the table."""
        for key in self.change.old_foreign_keys:
            name, table = quoted(str(key.name)), quoted(self.change.live_name)
            yield f"ALTER TABLE {table} DROP CONSTRAINT {name}"

    def change_type(self, change: ColumnChange) -> Iterable[str]:
        """Return the actions that change the type of a column."""
        default = None
        if self.live is not None and not change.changes_generator:
            default = self.live.defaults.get(change.found.name)
        return self.ddl.change_type(change, default)

    def update(self, change: ColumnChange) -> list[str]:
        """Return the statements that replace words and missing values."""
        is_deferred = self.live is not None and self.live.is_deferred
        return [
            self.ddl.update(change),
            *(["SET CONSTRAINTS ALL IMMEDIATE"] if is_deferred else []),
        ]

    def has_null(self, change: ColumnChange) -> bool:
        """Return whether a row has no value in the live column."""
        table, column = quoted(self.change.live_name), quoted(change.found.name)
        sql = f"SELECT EXISTS (SELECT FROM {table} WHERE {column} IS NULL)"
        return bool(value_unless_rejected(self._connection, sql))

    def brief_change(self, item: Item) -> Iterable[str]:
        """Return the statements of a change that reads no row."""
        column = column_of(item)
        match item.kind:
            case Kind.GENERATOR:
                return self._start_generator(item)
            case Kind.COLUMN_DROPPED:
                return [self.ddl.alter(f"DROP COLUMN {column}")]
        if isinstance(item.subject, AddedColumn):
            return self.ddl.add_column(item.subject)
        return [self.ddl.alter(f"ALTER COLUMN {column} DROP NOT NULL")]

    def stop_generator(self, item: Item) -> Iterator[str]:
        """Yield the statements after which the database gives no key."""
        change, column = item.subject, column_of(item)
        if not isinstance(change, ColumnChange):
            return
        if change.found.generator in {KeyGenerator.IDENTITY, KeyGenerator.IDENTITY_ALWAYS}:
            yield self.ddl.alter(f"ALTER COLUMN {column} DROP IDENTITY")
        elif change.found.has_default:
            yield self.ddl.alter(f"ALTER COLUMN {column} DROP DEFAULT")

    def _start_generator(self, item: Item) -> Iterator[str]:
        """Yield the statements after which the database gives the next key."""
        change, column = item.subject, column_of(item)
        if not isinstance(change, ColumnChange):
            return
        if change.expected.generator is KeyGenerator.SEQUENCE:
            identity = "ADD GENERATED BY DEFAULT AS IDENTITY"
            yield self.ddl.alter(f"ALTER COLUMN {column} {identity}")
            table, name = text_literal(self.ddl.name), text_literal(change.expected.name)
            yield (
                f"SELECT setval(pg_get_serial_sequence({table}, {name}),"
                f" coalesce(max({column}), 0) + 1, false) FROM {self.ddl.name}"
            )

    def drop_leftover(self, name: str | None) -> Iterator[str]:
        """Yield the statement that drops an index whose building was interrupted."""
        if any(index.name == name and not index.is_valid for index in self.found.indexes):
            yield f"DROP INDEX {quoted(str(name))}"

    def leaving_names(self) -> Iterator[str]:
        """Yield the names that are free after the change, or can be taken over."""
        change = self.change
        yield from (index.name for index in change.old_indexes)
        yield from (str(key.name) for key in change.old_uniques)
        yield from (old for old, _ in (*change.renamed_indexes, *change.renamed_constraints))
        yield from (index.name for index in self.found.indexes if not index.is_valid)

    def taken_names(self, taken: Mapping[str, str]) -> Iterator[Problem]:
        """Yield the problems of new indexes whose names other objects have."""
        for item in self.of_kind(Kind.INDEX_ADDED, Kind.UNIQUE_ADDED):
            name = str(item.subject.name) if isinstance(item.subject, Index | Key) else ""
            kind = taken.get(name)
            if kind is not None:
                what = f"the name {name} is that of another {kind}"
                yield Problem(item.table, item.column, what, f"rename the {kind}")


def rewrites(change: ColumnChange) -> bool:
    """Return whether a change of the type replaces the values."""
    return change.changes_type and (change.conversion != SAME or change.changes_values)


def column_of(item: Item) -> str:
    """Return the column of a change, quoted."""
    return quoted(str(item.column))
