"""Normalization of SQL expressions by PostgreSQL, which prints them in one notation."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from .definitions import Column


def planner_expressions(
    connection: Connection, expressions: Sequence[str], columns: Sequence[Column] = ()
) -> list[str]:
    """Return expressions as PostgreSQL's planner prints them; unchanged if it rejects them.

    `columns` are those that the expressions may use. No table is read, so no privilege is needed.
    """
    if not expressions:
        return []
    declared = ", ".join(
        f"{quoted(one.name)} {one.type}"
        + (f" COLLATE {quoted(one.collation)}" if one.collation else "")
        for one in columns
    )
    source = f" FROM json_to_record('{{}}') AS x({declared})" if columns else ""
    selected = ", ".join(f"({expression})" for expression in expressions)
    sql = f"EXPLAIN (VERBOSE, COSTS OFF, FORMAT JSON) SELECT {selected}{source}"
    plans = value_unless_rejected(connection, sql)
    if plans is not None:
        printed: list[str] = plans[0]["Plan"]["Output"]
        return printed
    if len(expressions) == 1:
        return list(expressions)
    return [planner_expressions(connection, [one], columns)[0] for one in expressions]


def quoted(name: str) -> str:
    """Return a name, quoted for SQL that the driver executes without parameters."""
    return '"' + name.replace('"', '""') + '"'


def value_unless_rejected(connection: Connection, sql: str) -> Any:
    """Return the only value of a SELECT or EXPLAIN, or None if the database rejects it.

    A savepoint keeps the transaction usable.
    """
    try:
        with connection.begin_nested():
            cursor = connection.connection.cursor()
            cursor.execute(sql)  # without parameters: a percent sign has no meaning
            ((value,),) = cursor.fetchall()
    except (DBAPIError, connection.dialect.loaded_dbapi.Error):
        return None
    return value
