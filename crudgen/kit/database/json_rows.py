"""Encoding of rows as JSON, with the bytes that pydantic writes for the public model."""

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic_core import to_json
from sqlalchemy import ColumnElement

from ..acceleration import fast_module
from .columns import value_handling
from .returning import returning_expressions
from .transaction import Row


class JsonRowEncoder:
    """The columns of a response, and the encoder of their rows."""

    def __init__(self, columns: Mapping[str, ColumnElement[Any]], kind: str) -> None:
        self._names = tuple(columns)
        self._writers = {
            name: write
            for name, column in columns.items()
            if (write := value_handling(column.type).write) is not None
        }
        self.selected = tuple(columns.values())
        """The expressions to select. A row may have more values after these."""
        self.returned = returning_expressions(self.selected, kind)
        """The expressions for RETURNING."""

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


def json_rows(columns: Mapping[str, ColumnElement[Any]], kind: str) -> JsonRowEncoder:
    """Return the encoder of rows with these columns, on a database of this kind."""
    objects = fast_module("json_objects")
    fast: JsonRowEncoder | None = objects.json_rows(columns, kind) if objects else None
    return fast or JsonRowEncoder(columns, kind)
