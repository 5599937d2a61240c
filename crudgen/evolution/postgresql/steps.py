"""Steps of changes on PostgreSQL. Reason to change: the order of changes, and how long they lock.

All changes of a small table are in one transaction. A large table is checked and indexed after the
transaction, while others read and write.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from sqlalchemy import Connection, Dialect

from crudgen.evolution.changes import Changes, ColumnChange
from crudgen.evolution.plan import DatabaseSteps, Lock, Problem, Risk, Step
from crudgen.evolution.wording import Item, Kind
from crudgen.kit.database.catalogue import Check, ForeignKey, Index, Key, taken_names
from crudgen.kit.database.catalogue.explain import quoted

from .table import ChangedTable, column_of, converts_values
from .users import foreign_keys_of_columns, live_table, users_of_tables

_BRIEF = (
    *(Kind.OPTIONAL, Kind.COLUMN_RELEASED, Kind.GENERATOR),
    *(Kind.COLUMN_ADDED, Kind.COLUMN_DROPPED),
)
"""Changes that read no row."""


def database_steps(changes: Changes, connection: Connection) -> DatabaseSteps:
    """Return the steps of changes on PostgreSQL. The connection is only read."""
    tables = [
        ChangedTable(one, connection.dialect, None if one.is_new else live_table(connection, one))
        for one in changes.tables
        if one.is_changed
    ]
    steps = _StepBuilder(changes, tables).steps()
    return DatabaseSteps(steps, tuple(_database_problems(changes, tables, connection)))


def steps_without_database(changes: Changes, dialect: Dialect) -> tuple[Step, ...]:
    """Return the steps of changes on PostgreSQL, of tables with any number of rows."""
    tables = [ChangedTable(one, dialect, None) for one in changes.tables if one.is_changed]
    return _StepBuilder(changes, tables).steps()


def _database_problems(
    changes: Changes, tables: Sequence[ChangedTable], connection: Connection
) -> Iterator[Problem]:
    for table in tables:
        yield from table.live.problems if table.live else ()
    yield from foreign_keys_of_columns(connection, changes)
    yield from users_of_tables(connection, changes)
    leaving = {name for table in tables for name in table.freed_names()}
    taken = {n: kind for n, kind in taken_names(connection).items() if n not in leaving}
    for table in tables:
        yield from table.taken_name_problems(taken)


class _StepBuilder:
    """Builds the steps of the changes of all tables."""

    def __init__(self, changes: Changes, tables: Sequence[ChangedTable]) -> None:
        self._changes = changes
        self._tables = tables
        self._steps: list[Step] = []
        self._online: list[Step] = []
        self._pending: list[str] = []
        """Statements that the next step runs first."""

    def steps(self) -> tuple[Step, ...]:
        """Return the steps. Foreign keys are removed first and added last, after their tables."""
        for table in self._tables:
            self._pending += table.drop_foreign_keys()
        self._drop_tables()
        self._rename_tables()
        for table in self._tables:
            if not table.change.is_new:
                self._alter(table)
        self._create_tables()
        self._add_foreign_keys()
        for table in self._tables:
            for item in table.of_kind(Kind.INDEX_ADDED):
                self._add_index(table, item)
            self._validate_rows(table)
        if self._pending and self._steps:
            last = self._steps[-1]
            self._steps[-1] = replace(last, sql=(*last.sql, *self._pending))
        return (*self._steps, *self._online)

    def _add_step(self, item: Item, lock: Lock, *sql: str, seconds: float | None = None) -> None:
        self._steps.append(item.step(lock, *self._pending, *sql, seconds=seconds))
        self._pending.clear()

    def _add_online(self, item: Item, *sql: str, seconds: float | None = None) -> None:
        step = item.step(Lock.BACKGROUND, *sql, seconds=seconds)
        self._online.append(replace(step, online=True))

    def _drop_tables(self) -> None:
        """Drop all tables in one statement: they may refer to each other."""
        names = ", ".join(quoted(one.found.name) for one in self._changes.dropped)
        sql = [f"DROP TABLE {names}"]
        for one in self._changes.dropped:
            name = one.found.name
            item = Item(Kind.TABLE_DROPPED, name, None, "- table", Risk.DROPS, one, True)
            self._add_step(item, Lock.INSTANT, *sql)
            sql = []

    def _rename_tables(self) -> None:
        renamed = {
            table.change.live_name: item
            for table in self._tables
            for item in table.of_kind(Kind.TABLE_RENAMED)
        }
        for old, new in _ordered_renames({old: item.table for old, item in renamed.items()}):
            sql = f"ALTER TABLE {quoted(old)} RENAME TO {quoted(new)}"
            self._add_step(renamed[old], Lock.INSTANT, sql)

    def _alter(self, table: ChangedTable) -> None:
        """Add the steps of one table but those of foreign keys and indexes."""
        self._drop_constraints(table)
        self._rename_columns_and_constraints(table)
        for item in table.of_kind(Kind.GENERATOR):
            self._pending += table.stop_generator(item)
        self._change_types(table)
        for item in table.of_kind(Kind.WORDS):
            self._replace_words(table, item)
        for item in table.of_kind(*_BRIEF):
            self._add_step(item, Lock.INSTANT, *table.instant_change(item))
        for item in table.of_kind(Kind.REQUIRED):
            self._set_required(table, item)
        for item in table.of_kind(Kind.CHECK_ADDED):
            self._add_constraint(table, item, Lock.CHECKED)
        for item in table.of_kind(Kind.UNIQUE_ADDED):
            self._add_unique(table, item)

    def _drop_constraints(self, table: ChangedTable) -> None:
        """Drop constraints and indexes that would prevent changes, or have a needed name."""
        change, ddl = table.change, table.ddl
        names = {one.name for one in change.old_checks}
        for item in table.of_kind(Kind.CHECK_REMOVED):
            if isinstance(item.subject, Check):
                names.discard(item.subject.name)
                self._add_step(item, Lock.INSTANT, ddl.drop_constraint(item.subject.name))
        self._pending += [ddl.drop_constraint(name) for name in sorted(filter(None, names))]
        for item in table.of_kind(Kind.UNIQUE_REMOVED, Kind.INDEX_REMOVED):
            if isinstance(item.subject, Key) and item.subject in table.found.uniques:
                self._add_step(item, Lock.INSTANT, ddl.drop_constraint(item.subject.name))
            elif isinstance(item.subject, Key | Index):
                self._add_step(item, Lock.INSTANT, f"DROP INDEX {quoted(str(item.subject.name))}")

    def _rename_columns_and_constraints(self, table: ChangedTable) -> None:
        change, ddl = table.change, table.ddl
        renamed = {one.found.name: one for one in change.columns if one.is_renamed}
        of_column = {item.column: item for item in table.of_kind(Kind.COLUMN_RENAMED)}
        for old, new in _ordered_renames({old: one.expected.name for old, one in renamed.items()}):
            sql = ddl.alter(f"RENAME COLUMN {quoted(old)} TO {quoted(new)}")
            self._add_step(of_column[new], Lock.INSTANT, sql)
        constraints = {
            **{str(live.name): str(new.name) for live, new in change.renamed_checks if live.name},
            **dict(change.renamed_constraints),
        }
        for old, new in _ordered_renames(constraints):
            self._pending.append(ddl.alter(f"RENAME CONSTRAINT {quoted(old)} TO {quoted(new)}"))
        for old, new in _ordered_renames(dict(change.renamed_indexes)):
            self._pending.append(f"ALTER INDEX {quoted(old)} RENAME TO {quoted(new)}")

    def _change_types(self, table: ChangedTable) -> None:
        """Change all types in one statement, so that rows are rewritten once."""
        retyped = table.of_kind(Kind.TYPE, Kind.COLLATION)
        subjects = [item.subject for item in retyped if isinstance(item.subject, ColumnChange)]
        # A column whose type and collation change has two items.
        by_name = {subject.expected.name: subject for subject in subjects}
        actions = [one for subject in by_name.values() for one in table.change_type(subject)]
        statements, lock = [table.ddl.alter(*actions)] if actions else [], Lock.INSTANT
        if any(converts_values(one) for one in subjects):
            lock = Lock.REWRITTEN
        elif any(one.changes_collation for one in subjects):
            lock = Lock.CHECKED  # indexes are built again
        for item in retyped:
            self._add_step(item, lock, *statements, seconds=table.seconds(Kind.TYPE, lock))
            statements, lock = [], Lock.SAME_COPY

    def _replace_words(self, table: ChangedTable, item: Item) -> None:
        """Replace words and missing values, unless the change of the type has done it."""
        subject = item.subject
        if not isinstance(subject, ColumnChange):
            return
        seconds = table.seconds(Kind.WORDS, Lock.REWRITTEN)
        if converts_values(subject):
            self._add_step(item, Lock.SAME_COPY)
        elif table.is_batched(subject):
            if self._pending:
                removed = replace(item, what="the rule is removed", breaks_running=False)
                self._add_step(removed, Lock.INSTANT)
            self._add_online(item, table.update_in_batches(subject), seconds=seconds)
        else:
            self._add_step(item, Lock.REWRITTEN, *table.update(subject), seconds=seconds)

    def _set_required(self, table: ChangedTable, item: Item) -> None:
        subject, column = item.subject, column_of(item)
        if not isinstance(subject, ColumnChange):
            return
        fills = subject.fill is not None and not converts_values(subject) and not subject.words
        if fills:
            self._pending += table.update(subject)
        seconds = table.seconds(Kind.REQUIRED, Lock.CHECKED)
        if not table.is_large:
            sql = table.ddl.alter(f"ALTER COLUMN {column} SET NOT NULL")
            lock = Lock.REWRITTEN if fills else Lock.CHECKED
            self._add_step(item, lock, sql, seconds=seconds)
            return
        if self._pending:
            self._add_step(item, Lock.REWRITTEN if fills else Lock.INSTANT)
        self._add_online(item, *table.ddl.require(subject.expected.name), seconds=seconds)

    def _add_constraint(self, table: ChangedTable, item: Item, lock: Lock) -> None:
        """Add a rule or a foreign key. In a large table, rows are checked after the transaction."""
        constraint = item.subject
        if not isinstance(constraint, Check | ForeignKey):
            return
        sql = table.ddl.add_constraint(constraint)
        seconds = table.seconds(item.kind, lock)
        if not table.is_large:
            self._add_step(item, lock, sql, seconds=seconds)
            return
        if isinstance(constraint, Check) and (online := table.constrain_online(constraint)):
            self._add_online(table.rule_added_again(item), *online, seconds=seconds)
            return
        self._add_step(item, Lock.INSTANT, f"{sql} NOT VALID")
        checked = replace(item, what=f"rows are checked: {item.what}", breaks_running=False)
        self._add_online(checked, table.ddl.validate(str(constraint.name)), seconds=seconds)

    def _add_unique(self, table: ChangedTable, item: Item) -> None:
        if not isinstance(item.subject, Key):
            return
        seconds = table.seconds(Kind.UNIQUE_ADDED, Lock.INDEXED)
        if table.is_large:
            self._add_online(item, *table.ddl.build_unique(item.subject), seconds=seconds)
        else:
            sql = table.ddl.add_constraint(item.subject)
            self._pending += table.drop_leftover(item.subject.name)
            self._add_step(item, Lock.CHECKED, sql, seconds=seconds)

    def _add_index(self, table: ChangedTable, item: Item) -> None:
        if not isinstance(item.subject, Index):
            return
        ddl, seconds = table.ddl, table.seconds(Kind.INDEX_ADDED, Lock.INDEXED)
        if table.is_large:
            self._add_online(item, *ddl.build_index(item.subject), seconds=seconds)
        else:
            self._add_step(item, Lock.INDEXED, ddl.create_index(item.subject), seconds=seconds)

    def _validate_rows(self, table: ChangedTable) -> None:
        """Check the rows for constraints of an earlier change that was interrupted."""
        for name in table.change.unvalidated:
            item = Item(
                Kind.CHECK_ADDED,
                table.change.expected.name,
                None,
                f"rows are checked: {name}",
                Risk.NARROWS,
                name,
            )
            seconds = table.seconds(Kind.CHECK_ADDED, Lock.CHECKED)
            self._add_online(item, table.ddl.validate(name), seconds=seconds)

    def _add_foreign_keys(self) -> None:
        for table in self._tables:
            for item in table.of_kind(Kind.FOREIGN_KEY_REMOVED):
                self._add_step(item, Lock.INSTANT)  # it is removed first of all
            for item in table.of_kind(Kind.FOREIGN_KEY_ADDED):
                self._add_constraint(table, item, Lock.INDEXED)

    def _create_tables(self) -> None:
        """Create the new tables. A foreign key to a later table is added with that one."""
        missing = {table.change.expected.name for table in self._tables if table.change.is_new}
        later: list[tuple[ChangedTable, ForeignKey]] = []
        for table in self._tables:
            if not table.change.is_new:
                continue
            expected = table.change.expected
            missing.discard(expected.name)
            inline = [one for one in expected.foreign_keys if table.ddl.is_inline(one)]
            references = [one for one in inline if one.target not in missing]
            later += [(table, one) for one in expected.foreign_keys if one not in references]
            sql = [table.ddl.create(references)]
            sql += [table.ddl.create_index(index) for index in expected.indexes]
            sql += [
                other.ddl.add_constraint(one) for other, one in later if one.target not in missing
            ]
            later = [(other, one) for other, one in later if one.target in missing]
            for item in table.of_kind(Kind.TABLE_ADDED):
                self._add_step(item, Lock.INSTANT, *sql)


def _ordered_renames(names: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Yield renames, those first whose new name is free."""
    pending = {old: new for old, new in names.items() if old != new}
    while pending:
        old = next((one for one, new in pending.items() if new not in pending), next(iter(pending)))
        yield old, pending.pop(old)
