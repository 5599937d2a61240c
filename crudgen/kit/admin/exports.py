"""Exported files of the admin page."""

from typing import Any

from starlette_admin.export.csv import CsvExporter
from starlette_admin.fields import BaseField, StringField

_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""The first characters of what a spreadsheet takes for a formula."""


class TextSafeCsv(CsvExporter):
    """CSV in which no text is a formula: an apostrophe precedes it. Numbers are unchanged."""

    async def generate(self, fields: list[BaseField], rows: list[dict[str, Any]]) -> bytes:
        """Return the file."""
        texts = {one.name for one in fields if type(one) is StringField or one.type in _TEXTS}
        changed = [
            {name: _safe(value) if name in texts else value for name, value in row.items()}
            for row in rows
        ]
        return await super().generate(fields, changed)


_TEXTS = {"TextAreaField", "JsonField"}


def _safe(value: Any) -> Any:
    is_formula = isinstance(value, str) and value.startswith(_FORMULA) and not _is_number(value)
    return f"'{value}" if is_formula else value


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
