"""Statements of a PostgreSQL connection as psycopg sends them, kept for their next values."""

from importlib import import_module
from typing import Any

_psycopg: Any = import_module("psycopg")  # an import statement would need it for type checks
_Query: Any = import_module("psycopg._queries").PostgresQuery
_MAX_QUERIES = 100
"""Most statements whose parsed text is kept for a connection."""
_ATTRIBUTE = "driver_queries"


class DriverQueries:
    """The statements of one connection."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self._queries: dict[str, tuple[Any, Any]] = {}

    def transformer_and_query(self, sql: str, bound: dict[str, Any]) -> tuple[Any, Any]:
        """Return psycopg's Transformer and PostgresQuery of a statement, with some values.

        They are valid until the next call. Raises the driver's error for an unsuitable value.
        """
        found = self._queries.get(sql)
        if found is not None:
            found[1].dump(bound)
            return found
        if len(self._queries) >= _MAX_QUERIES:
            self._queries.clear()
        transformer = _psycopg.adapt.Transformer(self._connection)
        query = _Query(transformer)
        query.convert(sql, bound)
        self._queries[sql] = transformer, query
        return self._queries[sql]


def queries_of(connection: Any) -> DriverQueries:
    """Return the statements of a connection, kept as long as the connection."""
    found: DriverQueries | None = getattr(connection, _ATTRIBUTE, None)
    if found is None:
        found = DriverQueries(connection)
        setattr(connection, _ATTRIBUTE, found)
    return found
