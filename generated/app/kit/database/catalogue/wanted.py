"""The tables that the models want, as the database's catalogue would show them."""

from collections.abc import Iterable
from dataclasses import replace

from sqlalchemy import Dialect, Table
from sqlalchemy.schema import CreateIndex, CreateTable

from . import postgresql, sqlite
from .ddl import read_create_index, read_create_table
from .definitions import UNREADABLE, TableDefinition
from .tokens import UnreadableError

_TYPES = {"sqlite": sqlite.type_name, "postgresql": postgresql.type_name}


def wanted_tables(tables: Iterable[Table], dialect: Dialect) -> dict[str, TableDefinition]:
    """Read the very statements that would create the tables."""
    return {table.name: _definition(table, dialect) for table in tables}


def statement(element: CreateTable | CreateIndex, dialect: Dialect) -> str:
    """Write a statement as it would be sent."""
    sql = str(element.compile(dialect=dialect)).strip()
    if dialect.paramstyle in {"format", "pyformat"}:
        sql = sql.replace("%%", "%")  # the driver would
    return sql


def _definition(table: Table, dialect: Dialect) -> TableDefinition:
    sql = statement(CreateTable(table), dialect)
    try:
        found = read_create_table(sql, dialect.name, _TYPES[dialect.name])
    except UnreadableError:
        return TableDefinition(table.name, UNREADABLE, sql=sql)
    indexes = [
        read_create_index(statement(CreateIndex(index), dialect), dialect.name)
        for index in sorted(table.indexes, key=lambda index: str(index.name))
    ]
    return replace(found, indexes=tuple(indexes))
