"""The tables and columns of a dump, in their order. Reason to change: what a dump contains."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, MetaData, Table

from crudgen.evolution.internal import CREDENTIALS, LOGINS, is_internal
from crudgen.language.schema import Schema

from .order import targets_first

ACCOUNTS = {LOGINS, CREDENTIALS}
"""The tables of crudgen with users, their tokens and API keys, which are secrets.

Other tables of crudgen are not dumped: stored responses, events that wait, and the signing secret
belong to one database.
"""


@dataclass(frozen=True, slots=True)
class DumpedTable:
    """A table, and those of its columns that are dumped, the primary key first."""

    table: Table
    columns: tuple[Column[Any], ...]

    @property
    def name(self) -> str:
        """The name of the table."""
        return self.table.name


def dumped_tables(metadata: MetaData, schema: Schema, *, secrets: bool) -> tuple[DumpedTable, ...]:
    """Return what a dump contains, targets of references first.

    Without `secrets`, users and API keys are left out, and `write_only` fields.
    """
    hidden = frozenset() if secrets else hidden_columns(schema)
    tables = [
        table
        for table in metadata.tables.values()
        if not is_internal(table.name) or (secrets and table.name in ACCOUNTS)
    ]
    return tuple(_dumped_table(table, hidden) for table in sorted_by_references(tables))


def hidden_columns(schema: Schema) -> frozenset[tuple[str, str]]:
    """Return the table and column of each `write_only` field."""
    return frozenset(
        (str(entity.table), str(field.column))
        for entity in schema.entities
        for field in entity.fields
        if field.write_only
    )


def _dumped_table(table: Table, hidden: Collection[tuple[str, str]]) -> DumpedTable:
    columns = [one for one in table.columns if (table.name, one.name) not in hidden]
    key_first = sorted(columns, key=lambda one: not one.primary_key)
    return DumpedTable(table, tuple(key_first))


def sorted_by_references(tables: Iterable[Table]) -> list[Table]:
    """Return tables so that each follows those it refers to, as far as cycles allow, by name."""
    by_name = {table.name: table for table in tables}
    targets = {
        name: {key.referred_table.name for key in table.foreign_key_constraints}
        for name, table in by_name.items()
    }
    return [by_name[name] for name in targets_first(sorted(by_name), targets)]


def later_references(tables: Sequence[Table]) -> list[tuple[str, str]]:
    """Return the table and name of each foreign key that refers to a table after its own."""
    places = {table.name: number for number, table in enumerate(tables)}
    return [
        (table.name, str(key.name))
        for number, table in enumerate(tables)
        for key in sorted(table.foreign_key_constraints, key=lambda key: str(key.name))
        if places.get(key.referred_table.name, -1) > number
    ]
