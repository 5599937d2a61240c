"""Encoding of rows as JSON, with the bytes that pydantic writes for the public model."""

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic_core import to_json
from sqlalchemy import ColumnElement

from ..acceleration import fast_module
from .backend import Row
from .columns import value_type
from .returning import returned


class JsonRows:
    """The columns of a response, and the encoder of their rows."""

    def __init__(self, columns: Mapping[str, ColumnElement[Any]], kind: str) -> None:
        self._names = tuple(columns)
        self._writers = {
            name: write
            for name, column in columns.items()
            if (write := value_type(column.type).write) is not None
        }
        objects = fast_module("json_objects")
        written: ColumnElement[str] | None = (
            objects.json_object(columns, kind) if objects is not None else None
        )
        self._are_written = written is not None
        """Whether the database encodes the rows."""
        self.selected: tuple[ColumnElement[Any], ...] = (
            tuple(columns.values()) if written is None else (written,)
        )
        """The expressions to select. A row may have more values after these."""
        self.returned = returned(self.selected, kind) if written is None else self.selected
        """The expressions for RETURNING."""

    def write(self, row: Row) -> bytes:
        """Encode one row as an object."""
        if self._are_written:
            text: str = row[0]
            return text.encode()
        return to_json(self._properties(row))

    def write_all(self, rows: Sequence[Row]) -> bytes:
        """Encode rows as an array of objects."""
        if self._are_written:
            return f"[{','.join([row[0] for row in rows])}]".encode()
        return to_json([self._properties(row) for row in rows])

    def _properties(self, row: Row) -> dict[str, Any]:
        values = dict(zip(self._names, row, strict=False))
        for name, write in self._writers.items():
            if values[name] is not None:
                values[name] = write(values[name])
        return values
