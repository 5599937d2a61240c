"""Rows as CSV (RFC 4180): the values of the list's JSON, as text."""

import re
from collections.abc import Callable, Collection, Sequence
from typing import Any

from pydantic_core import from_json, to_json

_MAY_BE_SPECIAL = re.compile(r'[",\s\\]')
_SPECIAL = re.compile(r'[",\r\n]|^\s|\s$|^\\\.$')
"""Matches text that is quoted. PostgreSQL takes a line of `\\.` for the end of the file."""


class CsvText:
    """Writes rows, which are JSON objects, as lines.

    The properties `json_names` have any JSON value, and are written as JSON. `names` are the
    properties of a row, for a file without rows.
    """

    def __init__(self, names: Sequence[str], json_names: Collection[str]) -> None:
        self._names = names
        self._json_names = json_names
        self._has_header = False
        self._cells: list[tuple[str, Callable[[Any], str]]] = []
        """The names of the properties, each with what writes its value."""

    def write(self, rows: Sequence[bytes]) -> bytes:
        """Return the lines of rows, with the header before the first ones."""
        found = from_json(b"[" + b",".join(rows) + b"]")
        lines = []
        if not self._has_header:
            self._has_header = True
            self._names = [*found[0]] if found else self._names
            self._cells = [
                (name, _json_cell if name in self._json_names else _cell) for name in self._names
            ]
            lines.append(",".join(map(_quoted, self._names)))
        lines += map(self._line, found)
        return "".join([f"{line}\r\n" for line in lines]).encode()

    def _line(self, row: dict[str, Any]) -> str:
        if len(row) != len(self._names):
            raise ValueError(f"rows have other properties than the first: {[*row]}")
        cells = [write(row[name]) for name, write in self._cells]
        # Programs skip empty lines.
        return ",".join(cells) or '""'


def _cell(value: Any) -> str:
    """Return a value as a cell: null is empty, and an empty text is `""`."""
    if type(value) is str:
        return value if value and not _MAY_BE_SPECIAL.search(value) else _quoted(value)
    if type(value) is int:
        return str(value)
    return "" if value is None else _json_cell(value)


def _json_cell(value: Any) -> str:
    return "" if value is None else _quoted(to_json(value).decode())


def _quoted(text: str) -> str:
    if text and not _SPECIAL.search(text):
        return text
    return '"' + text.replace('"', '""') + '"'
