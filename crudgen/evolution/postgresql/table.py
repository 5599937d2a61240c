"""One table and its changes, in PostgreSQL's statements. Reason to change: what a table needs.

The catalogue says what a definition does not contain: defaults, deferred constraints, partitions.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from sqlalchemy import Dialect

from crudgen.evolution.changes import SAME, AddedColumn, ColumnChange, TableChange
from crudgen.evolution.expressions import text_literal
from crudgen.evolution.plan import Lock, Problem
from crudgen.evolution.spec_words import rule_text
from crudgen.evolution.wording import Item, Kind, change_items
from crudgen.kit.database.catalogue import Check, Index, Key, KeyGenerator
from crudgen.kit.database.catalogue.explain import quoted

from .ddl import Ddl
from .users import LiveTable

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
    """One table and its changes.

    `live` is None for a new table, and where the database is not known: then the table is large,
    and its columns may have defaults.
    """

    def __init__(self, change: TableChange, dialect: Dialect, live: LiveTable | None) -> None:
        self.change = change
        self.ddl = Ddl(change.table, dialect)
        self.live = live
        self._is_unknown = live is None and not change.is_new
        self.found = change.found or change.expected
        self._items = list(change_items(change))

    @property
    def is_large(self) -> bool:
        """Whether the table is checked and indexed while others write."""
        is_partitioned = self.live is not None and self.live.is_partitioned
        return self._is_unknown or (self.change.rows >= LARGE and not is_partitioned)

    def of_kind(self, *kinds: Kind) -> list[Item]:
        """Return the changes of some kinds."""
        return [item for item in self._items if item.kind in kinds]

    def seconds(self, kind: Kind, lock: Lock) -> float | None:
        """Return about how long a change takes."""
        rows = self.change.rows
        return None if lock is Lock.INSTANT or not rows else rows * _PER_ROW[kind]

    def drop_foreign_keys(self) -> Iterator[str]:
        """Yield the statements that remove foreign keys, under the live name of the table."""
        for key in self.change.old_foreign_keys:
            name, table = quoted(str(key.name)), quoted(self.change.live_name)
            yield f"ALTER TABLE {table} DROP CONSTRAINT {name}"

    def change_type(self, change: ColumnChange) -> Iterable[str]:
        """Return the actions that change the type of a column."""
        if change.changes_generator:
            return self.ddl.change_type(change, None)
        if self.live is None:
            # Without this action, PostgreSQL refuses to change the type if it has to convert one.
            drop = f"ALTER COLUMN {quoted(change.expected.name)} DROP DEFAULT"
            is_generated = change.expected.generator is not KeyGenerator.NONE
            first = [drop] if change.changes_values and not is_generated else []
            return [*first, *self.ddl.change_type(change, None)]
        return self.ddl.change_type(change, self.live.defaults.get(change.found.name))

    def update(self, change: ColumnChange) -> list[str]:
        """Return the statements that replace words and missing values."""
        is_deferred = self.live is not None and self.live.is_deferred
        return [
            self.ddl.update(change),
            *(["SET CONSTRAINTS ALL IMMEDIATE"] if is_deferred else []),
        ]

    def update_in_batches(self, change: ColumnChange) -> str:
        """Return the statement that replaces words after the transaction."""
        key = self.change.expected.key
        return self.ddl.update_in_batches(change, key.columns if key else ())

    def is_batched(self, change: ColumnChange) -> bool:
        """Return whether words are replaced after the transaction, while others write."""
        only_words = bool(change.words) and change.fill is None and not converts_values(change)
        return self.is_large and only_words and self.change.expected.key is not None

    def constrain_online(self, check: Check) -> Sequence[str]:
        """Return the statements that add a rule after words were replaced; none if none were."""
        batched = [
            one
            for one in self.change.columns
            if one.expected.name.lower() in check.columns and self.is_batched(one)
        ]
        return self.ddl.constrain_online(check, batched) if batched else ()

    def rule_added_again(self, item: Item) -> Item:
        """Return the change that adds a rule again which was removed first."""
        if not isinstance(item.subject, Check):
            return item
        return replace(item, what=f"+ {rule_text(item.subject, self.change)}")

    def instant_change(self, item: Item) -> Iterable[str]:
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

    def freed_names(self) -> Iterator[str]:
        """Yield the names that new indexes can have: of dropped, renamed and invalid ones."""
        change = self.change
        yield from (index.name for index in change.old_indexes)
        yield from (str(key.name) for key in change.old_uniques)
        yield from (old for old, _ in (*change.renamed_indexes, *change.renamed_constraints))
        yield from (index.name for index in self.found.indexes if not index.is_valid)

    def taken_name_problems(self, taken: Mapping[str, str]) -> Iterator[Problem]:
        """Yield the problems of new indexes whose names other objects have."""
        for column, name in self._new_names():
            kind = taken.get(name)
            if kind is not None:
                what = f"the name {name} is that of another {kind}"
                yield Problem(self.change.expected.name, column, what, f"rename the {kind}")

    def _new_names(self) -> Iterator[tuple[str | None, str]]:
        """Yield the names of new indexes and keys, each with its column."""
        expected = self.change.expected
        if self.change.is_new:
            keys = (
                *expected.indexes,
                *expected.uniques,
                *((expected.key,) if expected.key else ()),
            )
            yield from ((None, key.name) for key in keys if key.name)
        for item in self.of_kind(Kind.INDEX_ADDED, Kind.UNIQUE_ADDED):
            if isinstance(item.subject, Index | Key) and item.subject.name:
                yield item.column, item.subject.name


def converts_values(change: ColumnChange) -> bool:
    """Return whether a change of the type converts the stored values."""
    return change.changes_type and (change.conversion != SAME or change.changes_values)


def column_of(item: Item) -> str:
    """Return the column of a change, quoted."""
    return quoted(str(item.column))
