"""The definitions that the tables of the models have on PostgreSQL."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import (
    CheckConstraint,
    Connection,
    Dialect,
    ForeignKeyConstraint,
    Table,
    UniqueConstraint,
)
from sqlalchemy import Column as ModelColumn
from sqlalchemy import Index as ModelIndex

from .definitions import Check, Column, ForeignKey, Index, Key, KeyGenerator, TableDefinition
from .explain import planner_expressions

_TEXT = re.compile(r"'(?:[^']|'')*'")
_NAME = re.compile(r'"((?:[^"]|"")*)"|(\w+)')


def expected_tables(connection: Connection, tables: Iterable[Table]) -> dict[str, TableDefinition]:
    """Return the definitions that the models' tables have on PostgreSQL, by name."""
    tables, dialect = list(tables), connection.dialect
    declared = declared_types(tables, dialect)
    casts = planner_expressions(connection, [f"CAST(NULL AS {kind})" for kind in declared])
    names = {kind: cast.removeprefix("NULL::") for kind, cast in zip(declared, casts, strict=True)}
    return definitions(tables, dialect, names)


def definitions(
    tables: Iterable[Table], dialect: Dialect, types: Mapping[str, str]
) -> dict[str, TableDefinition]:
    """Return the definitions of tables; `types` are the declared types in the catalogue."""
    return {table.name: _DefinitionBuilder(table, dialect, types).definition() for table in tables}


def declared_types(tables: Iterable[Table], dialect: Dialect) -> list[str]:
    """Return the types of all columns as in CREATE TABLE."""
    return sorted(
        {_declared_type(column, dialect)[0] for table in tables for column in table.columns}
    )


def name_in_database(item: Any, dialect: Dialect) -> str | None:
    """Return the name of a constraint or index on PostgreSQL, which truncates it."""
    formatted = dialect.identifier_preparer.format_constraint(item)
    if formatted is None:
        return None
    # The quoted name is escaped for SQL and for the driver.
    return formatted.strip('"').replace('""', '"').replace("%%", "%")


class _DefinitionBuilder:
    """Converts a table of the models to its definition."""

    def __init__(self, table: Table, dialect: Dialect, types: Mapping[str, str]) -> None:
        self._table = table
        self._dialect = dialect
        self._types = types

    def definition(self) -> TableDefinition:
        """Return the definition of the table."""
        rules = sorted(self._table.constraints, key=lambda rule: str(rule.name))
        key = self._table.primary_key
        return TableDefinition(
            name=self._table.name,
            columns=tuple(map(self._column, self._table.columns)),
            key=Key(self._name(key), tuple(column.name for column in key)) if len(key) else None,
            uniques=tuple(
                self._unique(rule) for rule in rules if isinstance(rule, UniqueConstraint)
            ),
            checks=tuple(self._check(rule) for rule in rules if isinstance(rule, CheckConstraint)),
            foreign_keys=tuple(
                self._foreign_key(rule) for rule in rules if isinstance(rule, ForeignKeyConstraint)
            ),
            indexes=tuple(
                self._index(index)
                for index in sorted(self._table.indexes, key=lambda index: str(index.name))
            ),
        )

    def _name(self, item: Any) -> str | None:
        return None if item.name is None else name_in_database(item, self._dialect)

    def _sql(self, expression: Any) -> str:
        compiled = expression.compile(
            dialect=self._dialect, compile_kwargs={"literal_binds": True, "include_table": False}
        )
        return str(compiled).replace("%%", "%")  # as the driver does

    def _column(self, column: "ModelColumn[Any]") -> Column:
        kind, collation = _declared_type(column, self._dialect)
        return Column(
            name=column.name,
            type=self._types[kind],
            nullable=bool(column.nullable) and not column.primary_key,
            collation=collation,
            generator=_key_generator(self._table, column),
            is_generated=column.computed is not None,
        )

    def _unique(self, rule: UniqueConstraint) -> Key:
        options = ["DEFERRABLE"] if rule.deferrable else []
        if rule.dialect_options["postgresql"]["nulls_not_distinct"]:
            options.insert(0, "NULLS NOT DISTINCT")
        return Key(self._name(rule), tuple(column.name for column in rule), " ".join(options))

    def _check(self, rule: CheckConstraint) -> Check:
        sql = self._sql(rule.sqltext)
        named = _NAME.findall(_TEXT.sub("", sql).lower())
        names = {quoted.replace('""', '"') or plain for quoted, plain in named}
        columns = names & {column.name.lower() for column in self._table.columns}
        return Check(self._name(rule), sql, sql, frozenset(columns))

    def _foreign_key(self, rule: ForeignKeyConstraint) -> ForeignKey:
        return ForeignKey(
            self._name(rule),
            tuple(column.name for column in rule.columns),
            rule.referred_table.name,
            tuple(element.column.name for element in rule.elements),
            (rule.ondelete or "NO ACTION").upper(),
            (rule.onupdate or "NO ACTION").upper(),
        )

    def _index(self, index: ModelIndex) -> Index:
        options = index.dialect_options["postgresql"]
        columns = [getattr(one, "name", None) or self._sql(one) for one in index.expressions]
        if options["nulls_not_distinct"]:
            columns.append("nulls not distinct")
        where = options["where"]
        return Index(
            str(self._name(index)),
            tuple(columns),
            bool(index.unique),
            None if where is None else self._sql(where),
        )


def _declared_type(column: "ModelColumn[Any]", dialect: Dialect) -> tuple[str, str | None]:
    """Return the type of a column as in CREATE TABLE, and its collation."""
    kind, _, collation = column.type.compile(dialect=dialect).partition(" COLLATE ")
    return kind, collation.strip('"') or None


def _key_generator(table: Table, column: "ModelColumn[Any]") -> KeyGenerator:
    if column.identity is not None:
        return KeyGenerator.IDENTITY_ALWAYS if column.identity.always else KeyGenerator.IDENTITY
    return KeyGenerator.SEQUENCE if table.autoincrement_column is column else KeyGenerator.NONE
