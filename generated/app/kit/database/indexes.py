"""The indexes that return the rows of a list in the order of keys."""

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import Column, Integer, Table, UniqueConstraint


def is_indexed(table: Table, column: Column[Any]) -> bool:
    """Return whether an index has the rows with one value of a column in the order of keys.

    SQLite's indexes of a single column have this order if the key is an integer.
    """
    key = [*table.primary_key]
    if len(key) != 1:
        return False
    if [column] in _unique_columns(table):
        return True
    orders = [[column, *key]]
    if isinstance(key[0].type, Integer):
        orders.append([column])
    return any([*index.columns] in orders and not index.dialect_kwargs for index in table.indexes)


def _unique_columns(table: Table) -> Iterator[Sequence[Column[Any]]]:
    """Yield the columns of which no two rows have the same values."""
    yield [*table.primary_key]
    for one in table.constraints:
        if isinstance(one, UniqueConstraint):
            yield [*one.columns]
    for index in table.indexes:
        if index.unique and not index.dialect_kwargs:
            yield [*index.columns]
