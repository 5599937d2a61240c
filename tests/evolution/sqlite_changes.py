"""Changes of tables in a SQLite file: from a live table and a model, as statements that run."""

import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import MetaData, NullPool, Table, create_engine

from crudgen.evolution.changes import (
    SAME,
    AddedColumn,
    Changes,
    ColumnChange,
    Conversion,
    DroppedTable,
    TableChange,
)
from crudgen.evolution.index_names import without_name_clashes
from crudgen.evolution.plan import DatabaseSteps
from crudgen.evolution.sqlite import database_steps
from crudgen.kit.database.catalogue import (
    Column,
    TableDefinition,
    expected_tables,
    normalize_checks,
    read_tables,
)

NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
}


def models() -> MetaData:
    return MetaData(naming_convention=NAMES)


@dataclass(frozen=True)
class Wish:
    """What a database cannot show of the change of one table."""

    was: str | None = None
    renamed: Mapping[str, str] = field(default_factory=dict)
    """New name of a column → live name."""
    conversions: Mapping[str, Conversion] = field(default_factory=dict)
    words: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    fills: Mapping[str, object] = field(default_factory=dict)
    drops: Sequence[str] = ()


class Lite:
    """A SQLite file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._engine = create_engine(f"sqlite:///{path}", poolclass=NullPool)

    def run(self, script: str) -> None:
        with closing(sqlite3.connect(self.path)) as connection:
            connection.execute("PRAGMA synchronous = OFF")
            connection.execute("PRAGMA foreign_keys = ON")
            connection.executescript(script)

    def rows(self, sql: str) -> list[Any]:
        with closing(sqlite3.connect(self.path)) as connection:
            return connection.execute(sql).fetchall()

    def sql(self, name: str) -> str:
        """Return what SQLite stores of an object."""
        found = dict(self.rows("SELECT name, sql FROM sqlite_master"))
        return str(found[name])

    def lower(self, metadata: MetaData, drops: Sequence[str] = (), **wishes: Wish) -> DatabaseSteps:
        """Return the steps to the models."""
        with self._engine.connect() as connection:
            tables = metadata.sorted_tables
            expected = expected_tables(connection, tables)
            names = {one.name: wishes.get(one.name, Wish()).was or one.name for one in tables}
            found = read_tables(connection, [*names.values(), *drops])
            changes = []
            for table in tables:
                live, wish = found.get(names[table.name]), wishes.get(table.name, Wish())
                if live is None:
                    changes.append(TableChange(table, expected[table.name]))
                else:
                    wanted = expected[table.name]
                    changes.append(table_change(table, wanted, live, wish, connection))
            dropped = tuple(DroppedTable(found[name]) for name in drops)
            return database_steps(
                Changes(tuple(without_name_clashes(changes)), dropped), connection
            )

    def apply(self, metadata: MetaData, drops: Sequence[str] = (), **wishes: Wish) -> DatabaseSteps:
        """Run the steps to the models as `apply` does."""
        lowered = self.lower(metadata, drops, **wishes)
        assert lowered.problems == ()
        self.run_steps(lowered)
        return lowered

    def run_steps(self, lowered: DatabaseSteps) -> None:
        with closing(sqlite3.connect(self.path, isolation_level=None)) as connection:
            connection.execute("PRAGMA synchronous = OFF")
            connection.execute("PRAGMA foreign_keys = OFF")
            connection.execute("BEGIN IMMEDIATE")
            broken = len(connection.execute("PRAGMA foreign_key_check").fetchall())
            for step in lowered.steps:
                for statement in step.sql:
                    connection.execute(statement)
            assert len(connection.execute("PRAGMA foreign_key_check").fetchall()) <= broken
            connection.execute("COMMIT")
            assert connection.execute("PRAGMA legacy_alter_table").fetchone() == (0,)
            assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)

    def is_current(self, metadata: MetaData, **wishes: Wish) -> bool:
        """Return whether no step is left."""
        return not self.lower(metadata, (), **wishes).steps


def table_change(
    table: Table, expected: TableDefinition, found: TableDefinition, wish: Wish, connection: Any
) -> TableChange:
    """Return the change from a live table to a model."""
    found, expected = normalize_checks(connection, found, expected)
    live = {column.name.lower(): column for column in found.columns}
    names = {old.lower(): new for new, old in wish.renamed.items()}
    columns, added = [], []
    for column in expected.columns:
        there = live.pop(wish.renamed.get(column.name, column.name).lower(), None)
        if there is None:
            filled = column.name in wish.fills
            added.append(AddedColumn(column, wish.fills.get(column.name), filled))
        else:
            columns.append(
                ColumnChange(
                    there,
                    column,
                    wish.conversions.get(column.name, SAME),
                    wish.words.get(column.name, {}),
                    wish.fills.get(column.name),
                )
            )
    left = list(live.values())
    dropped = [column for column in left if column.name in wish.drops]

    def new(columns: Sequence[str]) -> tuple[str, ...]:
        return tuple(names.get(one.lower(), one).lower() for one in columns)

    def folded(columns: Sequence[str]) -> tuple[str, ...]:
        return tuple(map(str.lower, columns))

    def is_ours(name: str | None, kind: str) -> bool:
        return str(name).startswith((f"{kind}_{expected.name}_", f"{kind}_{found.name}_"))

    checks = [one for one in found.checks if one.normalized not in map(_text, expected.checks)]
    uniques = {new(one.columns) for one in found.unique_keys}
    wanted = {folded(one.columns) for one in expected.uniques}
    keys = [(new(one.columns), one.actions) for one in found.foreign_keys]
    wanted_keys = [(one.columns, one.actions) for one in expected.foreign_keys]
    indexes = [(new(one.columns), one.is_unique, one.where) for one in found.indexes]
    wanted_indexes = [(folded(one.columns), one.is_unique, one.where) for one in expected.indexes]
    return TableChange(
        table,
        expected,
        found,
        tuple(columns),
        tuple(added),
        tuple(one for one in left if _is_required(one) and one not in dropped),
        tuple(dropped),
        key_changed=_key(found) != _key(expected),
        new_checks=tuple(
            one for one in expected.checks if one.normalized not in map(_text, found.checks)
        ),
        old_checks=tuple(one for one in checks if is_ours(one.name, "ck")),
        renamed_checks=tuple(
            (one, other)
            for one in found.checks
            for other in expected.checks
            if one == other and one.name != other.name
        ),
        new_uniques=tuple(one for one in expected.uniques if folded(one.columns) not in uniques),
        old_uniques=tuple(
            one
            for one in found.unique_keys
            if new(one.columns) not in wanted and is_ours(one.name, "uq")
        ),
        new_foreign_keys=tuple(
            one for one in expected.foreign_keys if (one.columns, one.actions) not in keys
        ),
        old_foreign_keys=tuple(
            one
            for one in found.foreign_keys
            if (new(one.columns), one.actions) not in wanted_keys and is_ours(one.name, "fk")
        ),
        new_indexes=tuple(
            one
            for one in expected.indexes
            if (folded(one.columns), one.is_unique, one.where) not in indexes
        ),
        renamed_indexes=tuple(
            (one.name, other.name)
            for one in found.indexes
            for other in expected.indexes
            if new(one.columns) == folded(other.columns) and one.name != other.name
        ),
        old_indexes=tuple(
            one
            for one in found.indexes
            if (new(one.columns), one.is_unique, one.where) not in wanted_indexes
            and is_ours(one.name, "ix")
            and "(expression)" not in one.columns
        ),
    )


def _key(table: TableDefinition) -> list[str]:
    return [column.lower() for column in table.key.columns] if table.key else []


def _text(check: Any) -> str:
    return str(check.normalized)


def _is_required(column: Column) -> bool:
    return not (column.nullable or column.has_default or column.is_generated)
