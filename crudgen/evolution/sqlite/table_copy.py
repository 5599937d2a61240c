"""A copy of a SQLite table with other clauses. Reason to change: what ALTER TABLE cannot do.

SQLite cannot change a type, a constraint or NOT NULL. So the table is created under another name,
filled, and renamed. It has the text of the existing table, with only the changed clauses replaced.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from sqlalchemy import Column as ModelColumn

from crudgen.evolution.changes import ColumnChange, TableChange
from crudgen.evolution.expressions import new_value_sql, text_literal, value_literal
from crudgen.evolution.plan import Copy
from crudgen.kit.database.catalogue import KeyGenerator
from crudgen.kit.database.catalogue.explain import quoted
from crudgen.kit.database.sqlite_file import ANALYZED_ROWS
from crudgen.kit.migrations.table_text import NewTable, removed_constraints

from .clauses import (
    changes_key,
    check_clause,
    foreign_key_clause,
    removed_clauses,
    unique_clauses,
)
from .create_table import Clause, CreateTable
from .defaults import converted_default, default_of_added
from .rewriting import Rewriting
from .schema_copy import SchemaCopy

_ROWIDS = ("rowid", "_rowid_", "oid")


class TableCopy:
    """The copy of one table, whose renames are done already."""

    def __init__(self, schema: SchemaCopy, change: TableChange) -> None:
        if change.found is None:
            raise ValueError(change.expected.name)
        self._schema = schema
        self._change = change
        self._found = change.found
        self._live = schema.table(change.expected.name)
        self._old = CreateTable(self._live.sql)
        self._new = CreateTable(change.expected.sql)
        self._columns = {one.expected.name.lower(): one for one in change.columns}

    def copy(self) -> Copy:
        """Return the copy, with its statements in order."""
        name = self._free_table_name()
        sql = self._create_table_sql(quoted(name))
        values = dict(self._copied_values())
        definition = sql.partition(quoted(name))[2].strip()
        dropped = tuple(column.name for column in self._change.dropped)
        new = NewTable(self._live.name, definition, values, dropped)
        removed = tuple(removed_constraints(self._old.sql, new))
        statements = tuple(self._copy_statements(name, sql, values))
        return Copy(self._live.name, definition, values, dropped, removed, statements)

    def _copy_statements(self, name: str, sql: str, values: Mapping[str, str]) -> list[str]:
        table = quoted(self._live.name)
        # OR ABORT overrides ON CONFLICT clauses of the table, which could drop rows.
        insert = f"INSERT OR ABORT INTO {quoted(name)} ({', '.join(map(quoted, values))})"
        return [
            sql,
            f"{insert} SELECT {', '.join(values.values())} FROM {table}",
            *self._sequence_statements(name, CreateTable(sql)),
            f"DROP TABLE {table}",
            # Otherwise, SQLite would refuse: triggers and views refer to the dropped table.
            "PRAGMA legacy_alter_table = ON",
            f"ALTER TABLE {quoted(name)} RENAME TO {table}",
            "PRAGMA legacy_alter_table = OFF",
            *(one.sql for one in self._schema.objects_of(self._live.name, "index")),
            *(one.sql for one in self._schema.objects_of(self._live.name, "trigger")),
            *self._analyze_statements(),
        ]

    def _analyze_statements(self) -> Iterator[str]:
        """Yield the statements that collect what DROP TABLE deletes for the planner."""
        if self._schema.has_statistics:
            yield f"PRAGMA analysis_limit = {ANALYZED_ROWS}"
            yield f"ANALYZE {quoted(self._live.name)}"

    def _free_table_name(self) -> str:
        names = self._schema.names
        numbers = iter(range(2, len(names) + 3))
        name = "_crudgen_new"
        while name in names:
            name = f"_crudgen_new_{next(numbers)}"
        return name

    def _create_table_sql(self, name: str) -> str:
        """Return CREATE TABLE of the new table."""
        rewriting = Rewriting(self._old)
        rewriting.rename_table(name)
        for change in self._change.columns:
            self._edit_column(rewriting, change)
        for column in self._change.released:
            rewriting.set_clause(self._old.column(column.name), "NOT NULL", None)
        self._edit_constraints(rewriting)
        self._edit_key(rewriting)
        for column in self._change.dropped:
            rewriting.remove_column(self._old.column(column.name))
        for added in self._change.added:
            item = self._new.column(added.expected.name)
            default = default_of_added(added, self._model_column(added.expected.name), self._schema)
            rewriting.add_column(" ".join(filter(None, [self._new.text(item), default])))
        return rewriting.text()

    def _edit_column(self, rewriting: Rewriting, change: ColumnChange) -> None:
        found, expected = change.found, change.expected
        item, model = (one.column(expected.name) for one in (self._old, self._new))
        if change.changes_type:
            types = model.of_kind("TYPE")
            rewriting.set_clause(item, "TYPE", self._new.text(types[0]) if types else None)
        if found.nullable != expected.nullable:
            rewriting.set_clause(item, "NOT NULL", None if expected.nullable else "NOT NULL")
        if change.changes_collation:
            name = expected.collation
            rewriting.set_clause(item, "COLLATE", f"COLLATE {quoted(name)}" if name else None)
        defaults = item.of_kind("DEFAULT")
        if defaults and change.changes_values:
            column, clause = self._model_column(expected.name), defaults[-1]
            new = converted_default(change, clause, self._old.sql, column, self._schema)
            rewriting.set_clause(item, "DEFAULT", new)

    def _edit_key(self, rewriting: Rewriting) -> None:
        if not changes_key(self._change):
            return
        for clause in self._new.clauses("PRIMARY KEY"):
            column = self._new.owner(clause).column
            if column is None:
                rewriting.add_constraint(self._new.text(clause))
            elif column.lower() in self._columns:
                rewriting.add_clause(self._old.column(column), self._new.text(clause))

    def _edit_constraints(self, rewriting: Rewriting) -> None:
        new = list(self._added_constraints())
        by_name = {one.name.name: one for one in new if one.name and one.kind == "CHECK"}
        for clause in removed_clauses(self._change, self._old):
            same = by_name.get(clause.name.name) if clause.name else None
            if same in new and self._old.owner(clause).column is None:
                new.remove(same)
                rewriting.replace(clause, self._new.text(same))
            else:
                rewriting.remove(clause)
        for clause in new:
            rewriting.add_constraint(self._new.text(clause))
        for check, expected in self._change.renamed_checks:
            if expected.name is not None:
                clause = check_clause(self._old, self._found.checks, check)
                rewriting.name_constraint(clause, quoted(expected.name))

    def _added_constraints(self) -> Iterator[Clause]:
        """Yield the clauses of new constraints in the text of the models."""
        for check in self._change.new_checks:
            yield check_clause(self._new, self._change.expected.checks, check)
        for unique in self._change.new_uniques:
            yield from unique_clauses(self._new, unique.columns)
        for key in self._change.new_foreign_keys:
            yield foreign_key_clause(self._new, self._change.expected.foreign_keys, key)

    def _copied_values(self) -> Iterator[tuple[str, str]]:
        """Yield the columns to copy, each with the SQL of its value."""
        dropped = {column.name.lower() for column in self._change.dropped}
        names = {column.name.lower() for column in self._live.columns} | set(self._columns)
        names |= {added.expected.name.lower() for added in self._change.added}
        if self._keeps_rowid():
            yield from [(one, one) for one in _ROWIDS if one not in names][:1]
        for column in self._live.columns:
            name, change = quoted(column.name), self._columns.get(column.name.lower())
            if column.is_generated or column.name.lower() in dropped:
                continue
            yield column.name, self._converted_value(change, name) if change else name
        for added in self._change.added:
            if added.is_filled:
                model = self._model_column(added.expected.name)
                yield model.name, value_literal(added.fill, model, self._schema.dialect)

    def _converted_value(self, change: ColumnChange, value: str) -> str:
        column = self._model_column(change.expected.name)
        return new_value_sql(change, value, column, self._schema.dialect)

    def _model_column(self, name: str) -> "ModelColumn[Any]":
        return next(column for column in self._change.table.columns if column.name == name)

    def _keeps_rowid(self) -> bool:
        """Whether rows have numbers that no column shows. Other objects may refer to them."""
        columns = (*self._live.columns, *self._change.expected.columns)
        return self._old.has_rowid and all(
            column.generator is KeyGenerator.NONE for column in columns
        )

    def _sequence_statements(self, name: str, new: CreateTable) -> Iterator[str]:
        """Yield the statements that keep the largest key ever used, also of a deleted row."""
        if self._old.is_autoincrement and new.is_autoincrement:
            former, copy = (text_literal(one) for one in (self._live.name, name))
            yield f"DELETE FROM sqlite_sequence WHERE name = {copy}"
            yield (
                "INSERT INTO sqlite_sequence (name, seq)"
                f" SELECT {copy}, seq FROM sqlite_sequence WHERE name = {former}"
            )
