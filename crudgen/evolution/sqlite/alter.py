"""What SQLite changes without a copy of the table. Reason to change: what ALTER TABLE can do."""

from collections.abc import Iterator

from crudgen.evolution.changes import AddedColumn, ColumnChange, TableChange
from crudgen.kit.database.catalogue import Check, Column, ForeignKey, Key
from crudgen.kit.database.catalogue.explain import quoted
from crudgen.language.schema import Now

from .clauses import changes_key, check_clause, foreign_key_clause
from .create_table import Clause, CreateTable
from .defaults import default_of_added
from .schema_copy import SchemaCopy


def needs_copy(change: TableChange) -> bool:
    """Return whether ALTER TABLE cannot make a change. Dropped columns are not considered."""
    if change.found is None:
        return False
    attached = [
        rule for added in change.added for rule in constraints_of_added_column(change, added)
    ]
    return (
        any(map(_needs_copy, change.columns))
        or any(map(_is_required_without_default, change.added))
        or changes_key(change)
        or bool(change.released or change.old_checks or change.old_foreign_keys)
        or bool(change.new_uniques)
        or any(key in change.found.uniques for key in change.old_uniques)
        or any(rule not in attached for rule in (*change.new_checks, *change.new_foreign_keys))
    )


def _needs_copy(change: ColumnChange) -> bool:
    found, expected = change.found, change.expected
    return (
        change.changes_type
        or change.changes_collation
        or change.changes_values
        or found.nullable != expected.nullable
    )


def _is_required_without_default(added: AddedColumn) -> bool:
    is_filled = added.is_filled and not isinstance(added.fill, Now)
    return not is_filled and (added.is_filled or not added.expected.nullable)


def constraints_of_added_column(
    change: TableChange, added: AddedColumn
) -> Iterator[Check | ForeignKey]:
    """Yield the new constraints that use an added column only: they can be added with it."""
    name = added.expected.name.lower()
    yield from (check for check in change.new_checks if check.columns == {name})
    yield from (
        key for key in change.new_foreign_keys if [one.lower() for one in key.columns] == [name]
    )


def add_column(change: TableChange, added: AddedColumn, schema: SchemaCopy) -> str:
    """Return ALTER TABLE ADD COLUMN, with the constraints of the column."""
    model = CreateTable(change.expected.sql)
    column = next(one for one in change.table.columns if one.name == added.expected.name)
    parts = [
        f"ALTER TABLE {quoted(change.expected.name)} ADD COLUMN",
        model.text(model.column(column.name)),
        default_of_added(added, column, schema),
    ]
    for rule in constraints_of_added_column(change, added):
        if isinstance(rule, Check):
            parts.append(model.text(check_clause(model, change.expected.checks, rule)))
        else:
            clause = foreign_key_clause(model, change.expected.foreign_keys, rule)
            parts.append(_as_column_clause(model, clause))
    return " ".join(filter(None, parts))


def drop_column(change: TableChange, column: Column) -> str:
    """Return ALTER TABLE DROP COLUMN."""
    return f"ALTER TABLE {quoted(change.expected.name)} DROP COLUMN {quoted(column.name)}"


def index_of_removed_key(change: TableChange, item: object) -> str | None:
    """Return the name of the index behind a removed unique key; None for anything else."""
    if change.found is None or not isinstance(item, Key) or item in change.found.uniques:
        return None
    return item.name if item in change.old_uniques else None


def _as_column_clause(table: CreateTable, clause: Clause) -> str:
    """Return a foreign key of a table as a clause of its column."""
    name = table.sql[clause.start : clause.tokens[0].start]
    return f"{name}{table.sql[clause.body : clause.end]}"
