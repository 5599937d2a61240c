"""The table definitions of the models, for comparison with those of the catalogue."""

from collections.abc import Iterable
from dataclasses import replace

from sqlalchemy import Dialect, Table
from sqlalchemy.schema import CreateIndex, CreateTable

from . import postgresql, sqlite
from .create_index import read_create_index
from .create_table import read_create_table
from .definitions import UNREADABLE, TableDefinition
from .tokens import UnreadableError

_TYPES = {"sqlite": sqlite.type_name, "postgresql": postgresql.type_name}


def wanted_tables(tables: Iterable[Table], dialect: Dialect) -> dict[str, TableDefinition]:
    """Return the definitions of the models' tables, parsed from their CREATE statements."""
    return {table.name: _definition(table, dialect) for table in tables}


def statement(element: CreateTable | CreateIndex, dialect: Dialect) -> str:
    """Return the text of a statement as the database receives it."""
    sql = str(element.compile(dialect=dialect)).strip()
    if dialect.paramstyle in {"format", "pyformat"}:
        sql = sql.replace("%%", "%")  # as the driver does
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
