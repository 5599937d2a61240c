"""Statements that change one table on PostgreSQL. Reason to change: the text of a statement.

Constraints and indexes are written by SQLAlchemy from the models. PostgreSQL prints an existing
rule in another way than it was written, and a rule made from that text in another way again.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Column as ModelColumn
from sqlalchemy import Constraint, Dialect, Table
from sqlalchemy import Index as ModelIndex
from sqlalchemy.schema import (
    AddConstraint,
    CreateColumn,
    CreateIndex,
    CreateTable,
    ExecutableDDLElement,
)

from crudgen.evolution.changes import AddedColumn, ColumnChange
from crudgen.evolution.expressions import new_value_sql, text_literal, value_literal
from crudgen.kit.database.catalogue import Check, ForeignKey, Index, Key
from crudgen.kit.database.catalogue.explain import quoted
from crudgen.kit.database.catalogue.models import name_in_database
from crudgen.language.schema import Now

BATCH = 10_000
"""Number of rows in a transaction of `update_in_batches`."""
PROGRESS = "CG001"
"""The SQLSTATE of a notice that says how many rows a statement has changed."""
_BATCHES = """
DO ${tag}$
DECLARE
    total bigint := 0;
    number bigint;
    reached record;
    following record;
BEGIN
    SELECT {key} INTO reached FROM {table} ORDER BY {key} LIMIT 1;
    LOOP
        SELECT {key} INTO following FROM {table} WHERE ({key}) >= ({reached})
            ORDER BY {key} OFFSET {batch} LIMIT 1;
        IF FOUND THEN
            {update} AND ({key}) >= ({reached}) AND ({key}) < ({following});
        ELSE
            {update} AND ({key}) >= ({reached});
        END IF;
        GET DIAGNOSTICS number = ROW_COUNT;
        COMMIT;
        total := total + number;
        RAISE NOTICE '% rows', total USING ERRCODE = '{progress}';
        EXIT WHEN following IS NULL;
        reached := following;
    END LOOP;
END ${tag}$
"""


class Ddl:
    """Statements for a table, under its new name and with the new names of its columns."""

    def __init__(self, table: Table, dialect: Dialect) -> None:
        self._table = table
        self._dialect = dialect
        self.name = quoted(table.name)

    def alter(self, *actions: str) -> str:
        """Return ALTER TABLE."""
        return f"ALTER TABLE {self.name} {', '.join(actions)}"

    def create(self, references: Iterable[ForeignKey]) -> str:
        """Return CREATE TABLE, with some of its foreign keys."""
        names = {one.name for one in references}
        included = [
            one for one in self._table.foreign_key_constraints if self._database_name(one) in names
        ]
        return self._sql_text(CreateTable(self._table, include_foreign_key_constraints=included))

    def is_inline(self, key: ForeignKey) -> bool:
        """Return whether CREATE TABLE can contain a foreign key: it closes no circle of tables."""
        return not any(
            one.use_alter
            for one in self._table.foreign_key_constraints
            if self._database_name(one) == key.name
        )

    def add_column(self, added: AddedColumn) -> Sequence[str]:
        """Return ADD COLUMN. Existing rows get the default, which PostgreSQL does not write.

        The default stays if the column is required: servers of the version before do not know the
        column, and their rows get it.
        """
        column = self._model_column(added.expected.name)
        text = f"ADD COLUMN {self._sql_text(CreateColumn(column))}"
        if not added.is_filled:
            return [self.alter(text)]
        statements = [
            self.alter(f"{text} DEFAULT {value_literal(added.fill, column, self._dialect)}")
        ]
        if added.expected.nullable or isinstance(added.fill, Now):
            statements.append(self.alter(f"ALTER COLUMN {quoted(column.name)} DROP DEFAULT"))
        return statements

    def change_type(self, change: ColumnChange, default: str | None) -> Sequence[str]:
        """Return the actions that change a type or a collation; `default` is the present one."""
        name = quoted(change.expected.name)
        column = self._model_column(change.expected.name)
        action = f"ALTER COLUMN {name} TYPE {column.type.compile(dialect=self._dialect)}"
        if not change.changes_values:
            return [action]
        value = new_value_sql(change, name, column, self._dialect)
        actions = [f"{action} USING {value}"]
        if default is None:
            return actions
        # PostgreSQL would cast the default on its own, if it can.
        new = change.conversion.expression.replace("{value}", f"({default})")
        drop = f"ALTER COLUMN {name} DROP DEFAULT"
        return [drop, *actions, f"ALTER COLUMN {name} SET DEFAULT {new}"]

    def update(self, change: ColumnChange) -> str:
        """Return the UPDATE that replaces renamed words and missing values."""
        name = quoted(change.expected.name)
        value = new_value_sql(change, name, self._model_column(change.expected.name), self._dialect)
        conditions = []
        if change.words:
            words = ", ".join(text_literal(word) for word in change.words)
            conditions.append(f"{name} IN ({words})")
        if change.fill is not None:
            conditions.append(f"{name} IS NULL")
        return f"UPDATE {self.name} SET {name} = {value} WHERE ({' OR '.join(conditions)})"

    def update_in_batches(self, change: ColumnChange, key: Sequence[str]) -> str:
        """Return a statement that does this UPDATE in batches, each in a transaction of its own.

        It can be repeated.
        """
        columns, update, tag = [quoted(one) for one in key], self.update(change), "batches"
        while f"${tag}$" in update:
            tag += "_"
        return _BATCHES.strip().format(
            tag=tag,
            table=self.name,
            update=update,
            key=", ".join(columns),
            reached=", ".join(f"reached.{one}" for one in columns),
            following=", ".join(f"following.{one}" for one in columns),
            batch=BATCH,
            progress=PROGRESS,
        )

    def add_constraint(self, constraint: Check | Key | ForeignKey) -> str:
        """Return ADD CONSTRAINT, in the words of SQLAlchemy."""
        model = next(
            one
            for one in self._table.constraints
            if one.name is not None and self._database_name(one) == constraint.name
        )
        return self._sql_text(AddConstraint(model, isolate_from_table=False))

    def constrain_online(self, check: Check, changed: Iterable[ColumnChange]) -> Sequence[str]:
        """Return the statements that add a rule to a large table whose words were replaced.

        Words are replaced once more, since clients may have written former ones in the meantime.
        The statements can be repeated.
        """
        name = str(check.name)
        drop = self.alter(f"DROP CONSTRAINT IF EXISTS {quoted(name)}")
        return [
            # One string is one transaction.
            f"{drop}; {self.add_constraint(check)} NOT VALID",
            *map(self.update, changed),
            self.validate(name),
        ]

    def validate(self, name: str) -> str:
        """Return VALIDATE CONSTRAINT, during which others read and write."""
        return self.alter(f"VALIDATE CONSTRAINT {quoted(name)}")

    def drop_constraint(self, name: str | None) -> str:
        """Return DROP CONSTRAINT."""
        return self.alter(f"DROP CONSTRAINT {quoted(str(name))}")

    def create_index(self, index: Index) -> str:
        """Return CREATE INDEX."""
        model = next(one for one in self._table.indexes if self._database_name(one) == index.name)
        return self._sql_text(CreateIndex(model))

    def build_index(self, index: Index) -> Sequence[str]:
        """Return the statements that build an index while others write. They can be repeated."""
        sql = self.create_index(index).replace(" INDEX ", " INDEX CONCURRENTLY ", 1)
        return [_drop_leftover(index.name), sql]

    def build_unique(self, key: Key) -> Sequence[str]:
        """Return the statements that build a unique constraint while others write.

        They can be repeated.
        """
        name = str(key.name)
        columns = ", ".join(map(quoted, key.columns))
        options = f" {key.options}" if key.options == "NULLS NOT DISTINCT" else ""
        build = (
            f"CREATE UNIQUE INDEX CONCURRENTLY {quoted(name)} ON {self.name} ({columns}){options}"
        )
        use = self.alter(f"ADD CONSTRAINT {quoted(name)} UNIQUE USING INDEX {quoted(name)}")
        return [_drop_leftover(name), build, use]

    def require(self, column: str) -> Sequence[str]:
        """Return the statements that make a column required while others write.

        SET NOT NULL does not read the rows if a rule says the same. They can be repeated.
        """
        # Another plan finds it by its name, and drops it, if this one is interrupted.
        rule = f"ck_{self._table.name}_{column}"[:50] + "_required"
        drop = f"DROP CONSTRAINT IF EXISTS {quoted(rule)}"
        check = f"CHECK ({quoted(column)} IS NOT NULL) NOT VALID"
        require = self.alter(f"ALTER COLUMN {quoted(column)} SET NOT NULL")
        return [
            self.alter(drop, f"ADD CONSTRAINT {quoted(rule)} {check}"),
            self.validate(rule),
            # One string is one transaction.
            f"{require}; {self.alter(drop)}",
        ]

    def _model_column(self, name: str) -> "ModelColumn[Any]":
        return next(one for one in self._table.columns if one.name == name)

    def _database_name(self, item: Constraint | ModelIndex) -> str | None:
        return None if item.name is None else name_in_database(item, self._dialect)

    def _sql_text(self, element: ExecutableDDLElement | CreateColumn) -> str:
        """Return a statement as the driver sends it, without parameters."""
        return str(element.compile(dialect=self._dialect)).strip().replace("%%", "%")


def _drop_leftover(index: str) -> str:
    """Return the statement that drops an index whose building was interrupted."""
    return f"DROP INDEX CONCURRENTLY IF EXISTS {quoted(index)}"
