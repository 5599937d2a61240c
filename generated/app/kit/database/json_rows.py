"""Encoding of rows as JSON, with the bytes that pydantic writes for the public model."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic_core import to_json
from sqlalchemy import ColumnElement

from ..acceleration import fast_module
from .columns import value_handling
from .returning import returning_expressions
from .transaction import Row


class JsonRowEncoder:
    """The encoder of rows with some columns.

    It keeps no SQL expressions, which take much memory: caches have many encoders.
    """

    def __init__(self, columns: Mapping[str, ColumnElement[Any]]) -> None:
        self._names = tuple(columns)
        self._writers = {
            name: write
            for name, column in columns.items()
            if (write := value_handling(column.type).write) is not None
        }

    def write(self, row: Row) -> bytes:
        """Return one row as a JSON object."""
        return to_json(self._properties(row))

    def write_all(self, rows: Sequence[Row]) -> bytes:
        """Return rows as a JSON array of objects."""
        return to_json([self._properties(row) for row in rows])

    def _properties(self, row: Row) -> dict[str, Any]:
        values = dict(zip(self._names, row, strict=False))
        for name, write in self._writers.items():
            if values[name] is not None:
                values[name] = write(values[name])
        return values


@dataclass(frozen=True, slots=True)
class JsonRows:
    """What a statement selects or returns to read rows, and the encoder of these rows."""

    encoder: JsonRowEncoder
    selected: Sequence[ColumnElement[Any]]
    """The expressions to select. A row may have more values after these."""
    returned: Sequence[ColumnElement[Any]]
    """The expressions for RETURNING."""


def json_rows(columns: Mapping[str, ColumnElement[Any]], kind: str) -> JsonRows:
    """Return how to read rows with these columns as JSON, from a database of this kind."""
    objects = fast_module("json_objects")
    fast: JsonRows | None = objects.json_rows(columns, kind) if objects else None
    return fast or encoded_rows(JsonRowEncoder(columns), columns, kind)


def encoded_rows(
    encoder: JsonRowEncoder, columns: Mapping[str, ColumnElement[Any]], kind: str
) -> JsonRows:
    """Return the JsonRows of these columns that encode rows in Python."""
    selected = tuple(columns.values())
    return JsonRows(encoder, selected, returning_expressions(selected, kind))
