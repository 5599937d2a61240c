"""Steps of changes on SQLite. Reason to change: what ALTER TABLE can do.

All statements run in an empty copy of the schema first. So a plan contains them as they will run,
and what SQLite would refuse is a problem of the plan.
"""

import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing, suppress

from sqlalchemy import Connection
from sqlalchemy.schema import CreateIndex, CreateTable

from crudgen.evolution.changes import AddedColumn, Changes, ColumnChange, DroppedTable, TableChange
from crudgen.evolution.plan import Copy, DatabaseSteps, Lock, Problem, Risk, Step
from crudgen.evolution.wording import Item, Kind, change_items
from crudgen.kit.database.catalogue import Check, Column, Index
from crudgen.kit.database.catalogue.explain import quoted

from .alter import (
    add_column,
    constraints_of_added_column,
    drop_column,
    index_of_removed_key,
    needs_copy,
)
from .checks import BrokenObjects
from .schema_copy import SchemaCopy
from .table_copy import TableCopy
from .users import users_of_column

_PER_ROW = {Lock.COPIED: 3e-6, Lock.INDEXED: 6e-7}
"""Seconds for each row, about."""


def database_steps(changes: Changes, connection: Connection) -> DatabaseSteps:
    """Return the steps of changes on SQLite. The connection is only read."""
    if not changes.dropped and not any(one.is_changed for one in changes.tables):
        return DatabaseSteps()
    try:
        schema = SchemaCopy(connection)
    except sqlite3.Error as error:
        remedy = "change the object in the database: crudgen tries changes on a copy of the schema"
        return DatabaseSteps(
            (), (Problem("", None, f"the schema cannot be copied: {error}", remedy),)
        )
    with closing(schema):
        return _StepBuilder(schema, changes).build()


class _RefusedError(Exception):
    """SQLite refuses a statement, so the following ones cannot be tried."""


class _StepBuilder:
    """Builds the steps of all tables, one after another, in a copy of the schema."""

    def __init__(self, schema: SchemaCopy, changes: Changes) -> None:
        self._schema = schema
        self._changes = changes
        self._steps: list[Step] = []
        self._problems: list[Problem] = []
        self._copies: list[Copy] = []
        self._items = {one.expected.name: list(change_items(one)) for one in changes.tables}

    def build(self) -> DatabaseSteps:
        """Return the steps, and what prevents them."""
        checks = BrokenObjects(self._schema)
        with suppress(_RefusedError):
            self._rename_tables_and_columns()
            for table in self._changes.dropped:
                self._drop_table(table)
            self._drop_indexes()
            for change in self._changes.tables:
                self._refuse_dropping_used_columns(change)
            if not self._problems:
                for change in self._changes.tables:
                    self._change_table(change)
                self._problems += checks.problems(self._changes)
        return DatabaseSteps(tuple(self._steps), tuple(self._problems), tuple(self._copies))

    def _try_step(self, item: Item, lock: Lock, statements: Sequence[str], rows: int = 0) -> None:
        """Try statements in the copy of the schema, and add them as a step of a change."""
        try:
            self._schema.execute(*statements)
        except sqlite3.Error as error:
            remedy = "change or drop what SQLite names: crudgen changes nothing else"
            what = f"SQLite refuses this change: {error}"
            self._problems.append(Problem(item.table, item.column, what, remedy))
            raise _RefusedError from None
        self._add_step(item, lock, statements, rows)

    def _add_step(
        self, item: Item, lock: Lock, statements: Sequence[str] = (), rows: int = 0
    ) -> None:
        seconds = rows * _PER_ROW[lock] if lock in _PER_ROW and rows else None
        self._steps.append(item.step(lock, *statements, seconds=seconds))

    def _items_of_kind(self, change: TableChange, *kinds: Kind) -> list[Item]:
        return [item for item in self._items[change.expected.name] if item.kind in kinds]

    def _rename_tables_and_columns(self) -> None:
        """Rename tables and columns first: SQLite renames them in all that refers to them."""
        tables = {
            one.live_name: item
            for one in self._changes.tables
            for item in self._items_of_kind(one, Kind.TABLE_RENAMED)
        }
        self._rename_in_order(tables, lambda item: item.table, "ALTER TABLE {} RENAME TO {}")
        for change in self._changes.tables:
            columns = {
                item.subject.found.name: item
                for item in self._items_of_kind(change, Kind.COLUMN_RENAMED)
                if isinstance(item.subject, ColumnChange)
            }
            table = quoted(change.expected.name).replace("{", "{{").replace("}", "}}")
            sql = f"ALTER TABLE {table} RENAME COLUMN {{}} TO {{}}"
            self._rename_in_order(columns, lambda item: str(item.column), sql)

    def _rename_in_order(
        self, pending: dict[str, Item], new: Callable[[Item], str], sql: str
    ) -> None:
        """Rename, those first whose new name is not in use. SQLite ignores the case of names."""
        pending = {old: one for old, one in pending.items() if old.lower() != new(one).lower()}
        while pending:
            used = {old.lower() for old in pending}
            free = [old for old, one in pending.items() if new(one).lower() not in used]
            old = (free or list(pending))[0]
            item = pending.pop(old)
            self._try_step(item, Lock.INSTANT, [sql.format(quoted(old), quoted(new(item)))])

    def _drop_table(self, table: DroppedTable) -> None:
        name = table.found.name
        item = Item(Kind.TABLE_DROPPED, name, None, "- table", Risk.DROPS, table, True)
        self._try_step(item, Lock.INSTANT, [f"DROP TABLE {quoted(name)}"])

    def _drop_indexes(self) -> None:
        """Drop indexes before others are created: their names are free then."""
        for change in self._changes.tables:
            for item in self._items_of_kind(change, Kind.INDEX_REMOVED):
                if isinstance(item.subject, Index):
                    self._try_step(item, Lock.INSTANT, [f"DROP INDEX {quoted(item.subject.name)}"])
            for item in self._items_of_kind(change, Kind.UNIQUE_REMOVED):
                index = index_of_removed_key(change, item.subject)
                if index is not None:
                    self._try_step(item, Lock.INSTANT, [f"DROP INDEX {quoted(index)}"])

    def _refuse_dropping_used_columns(self, change: TableChange) -> None:
        for column in change.dropped:
            users = users_of_column(self._schema, change, column, self._changes.tables)
            if users:
                what = f"the column is used by {', '.join(users)}"
                remedy = "drop or change that first: it is not in the spec"
                self._problems.append(Problem(change.expected.name, column.name, what, remedy))

    def _change_table(self, change: TableChange) -> None:
        if change.is_new:
            self._create_table(change)
            return
        done = {Kind.TABLE_RENAMED, Kind.COLUMN_RENAMED, Kind.INDEX_REMOVED, Kind.INDEX_ADDED}
        open_items = [
            item
            for item in self._items[change.expected.name]
            if item.kind not in done and index_of_removed_key(change, item.subject) is None
        ]
        if needs_copy(change) or not self._can_drop(change):
            self._copy_table(change, open_items)
        else:
            self._alter_table(change, open_items)
        for item in self._items_of_kind(change, Kind.INDEX_ADDED):
            if isinstance(item.subject, Index):
                sql = self._create_index_sql(change, item.subject)
                self._try_step(item, Lock.INDEXED, [sql], change.rows)

    def _create_table(self, change: TableChange) -> None:
        (item,) = self._items[change.expected.name]
        sql = str(CreateTable(change.table).compile(dialect=self._schema.dialect)).strip()
        indexes = [self._create_index_sql(change, index) for index in change.expected.indexes]
        self._try_step(item, Lock.INSTANT, [sql, *indexes])

    def _copy_table(self, change: TableChange, changed: Sequence[Item]) -> None:
        first, *others = changed
        copy = TableCopy(self._schema, change).copy()
        self._copies.append(copy)
        self._try_step(first, Lock.COPIED, copy.sql, change.rows)
        for item in others:
            self._add_step(item, Lock.SAME_COPY)

    def _can_drop(self, change: TableChange) -> bool:
        """Return whether ALTER TABLE can drop the columns."""
        with self._schema.undo_after():
            try:
                self._schema.execute(*(drop_column(change, one) for one in change.dropped))
            except sqlite3.Error:
                return False
        return True

    def _alter_table(self, change: TableChange, changed: Sequence[Item]) -> None:
        for item in changed:
            match item.subject:
                case AddedColumn() as added:
                    has_rule = any(
                        isinstance(one, Check) for one in constraints_of_added_column(change, added)
                    )
                    lock = Lock.INDEXED if has_rule else Lock.INSTANT
                    sql = add_column(change, added, self._schema)
                    self._try_step(item, lock, [sql], change.rows)
                case Column() as column:
                    self._try_step(item, Lock.COPIED, [drop_column(change, column)], change.rows)
                case _:
                    self._add_step(item, Lock.INSTANT)  # a constraint of an added column

    def _create_index_sql(self, change: TableChange, index: Index) -> str:
        model = next(one for one in change.table.indexes if one.name == index.name)
        return str(CreateIndex(model).compile(dialect=self._schema.dialect))
