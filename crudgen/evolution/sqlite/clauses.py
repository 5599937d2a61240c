"""The clauses of constraints in SQLite's CREATE TABLE. Reason to change: how they are recognized.

The definitions come from before the renames, so their notation and names of columns may differ.
"""

from collections.abc import Iterator, Sequence

from crudgen.evolution.changes import TableChange
from crudgen.kit.database.catalogue import Check, ForeignKey, Key, KeyGenerator

from .create_table import Clause, CreateTable


def check_clause(table: CreateTable, checks: Sequence[Check], check: Check) -> Clause:
    """Return the clause of a rule. Equal rules can differ in their name and notation."""
    content = [(one.name, one.sql) for one in checks]
    return table.clauses("CHECK")[content.index((check.name, check.sql))]


def foreign_key_clause(table: CreateTable, keys: Sequence[ForeignKey], key: ForeignKey) -> Clause:
    """Return the clause of a foreign key. SQLite lists them from the last to the first."""
    return table.clauses("FOREIGN KEY")[-1 - keys.index(key)]


def unique_clauses(table: CreateTable, columns: Sequence[str]) -> Iterator[Clause]:
    """Yield the clauses of a unique constraint. SQLite combines those of the same columns."""
    folded = tuple(map(str.lower, columns))
    yield from (clause for clause in table.clauses("UNIQUE") if clause.columns == folded)


def removed_clauses(change: TableChange, table: CreateTable) -> Iterator[Clause]:
    """Yield the clauses of a live table that the change removes, after its renames."""
    if change.found is None:
        return
    for check in change.old_checks:
        yield check_clause(table, change.found.checks, check)
    for unique in change.old_uniques:
        found = list(unique_clauses(table, renamed_columns(change, unique)))
        named = [one for one in found if one.name and one.name.name == unique.name]
        yield from named or found
    for key in change.old_foreign_keys:
        yield foreign_key_clause(table, change.found.foreign_keys, key)
    if changes_key(change):
        yield from table.clauses("PRIMARY KEY")


def renamed_columns(change: TableChange, key: Key) -> list[str]:
    """Return the columns of a live key, after the renames."""
    names = {live.lower(): new for new, live in change.live_columns.items()}
    return [names.get(column.lower(), column) for column in key.columns]


def changes_key(change: TableChange) -> bool:
    """Return whether the clause PRIMARY KEY changes. AUTOINCREMENT may stay where it is found."""
    allowed = (KeyGenerator.AUTOINCREMENT, KeyGenerator.ROWID)
    return change.key_changed or any(
        one.changes_generator and (one.found.generator, one.expected.generator) != allowed
        for one in change.columns
    )
