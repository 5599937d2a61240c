"""The tables of users in revisions. Reason to change: what of these tables depends on the spec.

They belong to no entity, so the spec of revisions does not have them. Their foreign keys depend on
`users` in `auth`: `AFTER` records these for each table. If users have ceased to be rows, the column
is kept until it is dropped.
"""

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from sqlalchemy import BigInteger, Column, ForeignKey, ForeignKeyConstraint, MetaData, Table

from crudgen.evolution.internal import LOGINS, USER_ROW_COLUMN
from crudgen.evolution.plan import Problem
from crudgen.kit.database.catalogue import TableDefinition
from crudgen.language.schema import Schema

from .user_records import USER_TABLES, Targets, record_of, targets_of


def recorded_targets(before: Mapping[str, str]) -> dict[str, Targets]:
    """Return what revisions have recorded of each table."""
    return {name: targets_of(before[name]) for name in USER_TABLES if name in before}


def add_tables(
    metadata: MetaData, present: MetaData, users: Mapping[str, Targets], former: Schema | None
) -> None:
    """Add the recorded tables to those of the former spec, which has their targets.

    Their other columns are those of the present tables; those that the present spec does not have
    get none, since nothing compares them.
    """
    entities = {str(one.name): str(one.table) for one in (former.entities if former else ())}
    for name, targets in users.items():
        columns: list[Column[Any]] = [Column("id", BigInteger, primary_key=True)]
        if name in present.tables:
            columns = list(present.tables[name].columns)
        plain = [one for one in columns if one.name != USER_ROW_COLUMN]
        table = Table(name, metadata, *map(_copied, plain))
        for column, target in targets.items():
            if column == USER_ROW_COLUMN:
                table.append_column(_row_column(name, metadata.tables[entities[target]]))
                continue
            if column not in table.columns:  # of a table that the present spec does not have
                table.append_column(Column(column, BigInteger))
            reference = ForeignKeyConstraint([column], [f"{target}.id"], ondelete="CASCADE")
            table.append_constraint(reference)


def _copied(column: Column[Any]) -> Column[Any]:
    return Column(
        column.name,
        column.type,
        primary_key=column.primary_key,
        nullable=column.nullable,
        unique=column.unique,
        index=column.index,
    )


def _row_column(table: str, rows: Table) -> Column[Any]:
    """Return the column with the key of a row, as the kit defines it."""
    (key,) = rows.primary_key
    kind = BigInteger() if isinstance(key.type, BigInteger) else key.type
    reference, is_unique = ForeignKey(key, ondelete="CASCADE"), table == LOGINS
    return Column(
        USER_ROW_COLUMN, kind, reference, unique=is_unique or None, index=not is_unique or None
    )


def dropped_target_problems(
    tables: Mapping[str, TableDefinition], present: Collection[str]
) -> Iterator[Problem]:
    """Yield a problem for each dropped table to which a column of a table of users still refers.

    `present` has the tables of the spec.
    """
    for name, targets in _references(tables).items():
        target = targets.get(USER_ROW_COLUMN)
        if target is not None and target not in tables:
            column = f"{name}.{USER_ROW_COLUMN}"
            remedy = f"drop the column too: --drop {column}"
            if name not in present:
                remedy = f"write a revision that drops the column, with {name} in AFTER"
            yield Problem(target, None, f"{column} refers to it", remedy)


def new_records(
    tables: Mapping[str, TableDefinition], complete: Schema
) -> Iterator[tuple[str, str]]:
    """Yield what a revision records. `tables` are those after it, of the complete spec."""
    names = {str(one.table): str(one.name) for one in complete.entities}
    for table, targets in _references(tables).items():
        named = {column: names.get(target, target) for column, target in targets.items()}
        yield table, record_of(named)


def _references(tables: Mapping[str, TableDefinition]) -> dict[str, dict[str, str]]:
    return {
        name: {column: key.target for key in tables[name].foreign_keys for column in key.columns}
        for name in USER_TABLES
        if name in tables
    }
