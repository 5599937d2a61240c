"""What uses a column that is to be dropped. Reason to change: what can refer to a column.

A trial rename finds it: SQLite renames the column in everything that refers to it.
"""

import sqlite3
from collections.abc import Iterable, Iterator, Sequence

from crudgen.evolution.changes import TableChange
from crudgen.kit.database.catalogue import Column
from crudgen.kit.database.catalogue.explain import quoted

from .clauses import removed_clauses
from .create_table import Clause, CreateTable, Item
from .schema_copy import SchemaCopy, SchemaObject

_CONSTRAINTS = ("CHECK", "GENERATED", "UNIQUE", "FOREIGN KEY", "PRIMARY KEY")


def users_of_column(
    schema: SchemaCopy, change: TableChange, column: Column, changes: Iterable[TableChange]
) -> list[str]:
    """Return what uses a column and stays: it must be changed first."""
    table, present = change.expected.name, schema.objects
    with schema.undo_after():
        try:
            # A first rename also writes strings in double quotes as SQL, whatever they are in.
            before = _rename_column(schema, table, column.name, "_crudgen_renamed")
            after = _rename_column(schema, table, "_crudgen_renamed", "_crudgen_dropped")
        except sqlite3.Error as error:
            return [str(error)]
    by_name = {one.expected.name.lower(): one for one in changes}
    found: list[str] = []
    for one, *renamed in zip(present, before, after, strict=True):
        if renamed[0] == renamed[1]:
            continue
        if one.type != "table":
            found.append(f"{one.type} {one.name}")
        elif one.name.lower() != table.lower():
            found += _users_in_other_table(one, table, by_name.get(one.name.lower()))
        else:
            found += _users_in_own_table(change, column.name, one, renamed)
    return found


def _rename_column(schema: SchemaCopy, table: str, old: str, new: str) -> list[str]:
    """Rename a column, and return the text of all objects."""
    schema.execute(f"ALTER TABLE {quoted(table)} RENAME COLUMN {quoted(old)} TO {quoted(new)}")
    return [one.sql for one in schema.objects]


def _users_in_other_table(
    one: SchemaObject, target: str, change: TableChange | None
) -> Iterator[str]:
    table = CreateTable(one.sql)
    removed = [] if change is None else list(removed_clauses(change, table))
    for clause in table.clauses("FOREIGN KEY"):
        if clause.target == target.lower() and clause not in removed:
            yield f"foreign key of table {one.name}"


def _users_in_own_table(
    change: TableChange, column: str, one: SchemaObject, renamed: Sequence[str]
) -> Iterator[str]:
    table = CreateTable(one.sql)
    removed = list(removed_clauses(change, table))
    before, after = (_clause_texts(CreateTable(sql)) for sql in renamed)
    for item, clause, old, new in zip(*_all_clauses(table), before, after, strict=True):
        is_own = (item.column or "").lower() == column.lower()
        if old == new or is_own or clause in removed or clause.kind not in _CONSTRAINTS:
            continue
        of = f"column {item.column}: " if item.column else ""
        yield f"{of}{' '.join(table.text(clause).split())}"


def _all_clauses(table: CreateTable) -> tuple[list[Item], list[Clause]]:
    """Return all clauses, and the items that they belong to."""
    pairs = [(item, clause) for item in table.items for clause in item.clauses]
    return [item for item, _ in pairs], [clause for _, clause in pairs]


def _clause_texts(table: CreateTable) -> list[str]:
    return [table.text(clause) for clause in _all_clauses(table)[1]]
