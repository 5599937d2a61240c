"""Statements about live tables. Reason to change: how statements are executed."""

from typing import Any

from sqlalchemy import Connection

from crudgen.kit.database.catalogue.explain import quoted

from .expressions import text_literal

_MANY = 100_000
"""From this number of rows on, an estimate will do."""


def run(connection: Connection, sql: str) -> Any:
    """Execute a statement; a percent sign in it has no meaning."""
    return connection.exec_driver_sql(sql, execution_options={"no_parameters": True})


def count_rows(connection: Connection, table: str) -> int:
    """Return the number of rows of a table, estimated if PostgreSQL has an estimate of many."""
    if connection.dialect.name == "postgresql":
        sql = f"SELECT reltuples::bigint FROM pg_class WHERE oid = {text_literal(quoted(table))}"
        estimate: int = run(connection, f"{sql}::regclass").scalar_one()
        if estimate >= _MANY:
            return estimate
    number: int = run(connection, f"SELECT count(*) FROM {quoted(table)}").scalar_one()
    return number
