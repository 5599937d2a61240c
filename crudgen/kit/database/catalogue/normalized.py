"""Table definitions normalized by PostgreSQL: from temporary copies of the models' tables."""

from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy import Connection, MetaData, Table, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.schema import CreateTable

from .definitions import TableDefinition
from .postgresql import read_tables
from .wanted import wanted_tables

_CAN_CREATE_TEMPORARY = text(
    "SELECT pg_catalog.has_database_privilege(pg_catalog.current_database(), 'TEMPORARY')"
    " AND pg_catalog.current_setting('transaction_read_only') = 'off'"
)


def normalized_tables(
    connection: Connection, tables: Sequence[Table]
) -> dict[str, TableDefinition]:
    """Return the definitions that PostgreSQL prints for temporary copies of tables.

    The copies are rolled back. Return nothing if the role cannot create temporary tables.
    """
    if not tables or not connection.scalar(_CAN_CREATE_TEMPORARY):
        return {}
    copies = MetaData(naming_convention=tables[0].metadata.naming_convention)
    for table in tables[0].metadata.sorted_tables:
        table.to_metadata(copies, schema="pg_temp")
    names = {table.name for table in tables}
    savepoint = connection.begin_nested()
    try:
        for table in copies.tables.values():
            if table.name in names:
                connection.execute(CreateTable(table, include_foreign_key_constraints=[]))
        found = read_tables(connection, names, "pg_catalog.pg_my_temp_schema()")
    except DBAPIError:
        return {}
    finally:
        savepoint.rollback()
    wanted = wanted_tables(tables, connection.dialect)
    return {
        name: replace(table, indexes=wanted[name].indexes, foreign_keys=wanted[name].foreign_keys)
        for name, table in found.items()
    }
