"""Inserts batches of rows into a table. Reason to change: which databases have a faster way."""

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

from sqlalchemy import Connection, Table, insert

InsertBatch: TypeAlias = Callable[[Sequence[Mapping[str, Any]]], None]
"""Inserts rows that have values of the same columns. Raises DBAPIError."""


def batch_insert(connection: Connection, table: Table) -> InsertBatch:
    """Return the fastest function with the result of one INSERT for each row."""
    statement, copy_batch = insert(table), _copy(connection, table)

    def insert_batch(rows: Sequence[Mapping[str, Any]]) -> None:
        if copy_batch is not None and len(rows) > 1:
            copy_batch(rows)
        else:
            connection.execute(statement, rows)

    return insert_batch


def _copy(connection: Connection, table: Table) -> InsertBatch | None:
    """Return a function that uses COPY; None if it would not do the same."""
    if connection.dialect.name != "postgresql":
        return None
    # The driver warns of each batch that is refused, which is then halved.
    logging.getLogger("psycopg").setLevel(logging.ERROR)
    from .batch_copy import BatchCopy, can_copy  # noqa: PLC0415 -- it imports psycopg

    return BatchCopy(connection, table).insert if can_copy(connection, table) else None
