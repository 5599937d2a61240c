"""What uses a column that is to be dropped. Reason to change: what can refer to a column.

SQLite is asked: a renamed column is renamed in everything that refers to it.
"""

import sqlite3
from collections.abc import Iterable, Iterator

from crudgen.evolution.changes import TableChange
from crudgen.evolution.expressions import quoted
from crudgen.kit.database.catalogue import Column

from .clauses import removed_clauses
from .create_table import CreateTable
from .schema_copy import SchemaCopy, SchemaObject

_CONSTRAINTS = ("CHECK", "GENERATED", "UNIQUE", "FOREIGN KEY", "PRIMARY KEY")


def users_of_column(
    schema: SchemaCopy, change: TableChange, column: Column, changes: Iterable[TableChange]
) -> list[str]:
    """Return what uses a column and stays: it must be changed first."""
    table, before = change.expected.name, schema.objects
    with schema.undone():
        try:
            schema.execute(
                f"ALTER TABLE {quoted(table)}"
                f" RENAME COLUMN {quoted(column.name)} TO _crudgen_dropped"
            )
        except sqlite3.Error as error:
            return [str(error)]
        after = schema.objects
    by_name = {one.expected.name.lower(): one for one in changes}
    found: list[str] = []
    for one, other in zip(before, after, strict=True):
        if one.sql == other.sql:
            continue
        if one.type != "table":
            found.append(f"{one.type} {one.name}")
        elif one.name.lower() != table.lower():
            found += _of_other_table(one, table, by_name.get(one.name.lower()))
        else:
            found += _of_own_table(change, column.name, one, other)
    return found


def _of_other_table(one: SchemaObject, target: str, change: TableChange | None) -> Iterator[str]:
    table = CreateTable(one.sql)
    removed = [] if change is None else list(removed_clauses(change, table))
    for clause in table.clauses("FOREIGN KEY"):
        if clause.target == target.lower() and clause not in removed:
            yield f"foreign key of table {one.name}"


def _of_own_table(
    change: TableChange, column: str, before: SchemaObject, after: SchemaObject
) -> Iterator[str]:
    old, new = CreateTable(before.sql), CreateTable(after.sql)
    removed = list(removed_clauses(change, old))
    for item, renamed in zip(old.items, new.items, strict=True):
        if (item.column or "").lower() == column.lower():
            continue
        for clause, other in zip(item.clauses, renamed.clauses, strict=True):
            is_changed = old.text(clause) != new.text(other)
            if is_changed and clause.kind in _CONSTRAINTS and clause not in removed:
                of = f"column {item.column}: " if item.column else ""
                yield f"{of}{' '.join(old.text(clause).split())}"
