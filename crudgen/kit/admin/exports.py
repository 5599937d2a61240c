"""Exported files of the admin page."""

import json
from typing import Any

from starlette_admin.export.csv import CsvExporter
from starlette_admin.fields import BaseField, HasMany, StringField, TextAreaField

from .fields import JsonField

_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""The first characters of what a spreadsheet takes for a formula."""


class TextSafeCsv(CsvExporter):
    """CSV with the values of the API, in which an apostrophe precedes text like a formula."""

    async def generate(self, fields: list[BaseField], rows: list[dict[str, Any]]) -> bytes:
        """Return the file."""
        cells = [{one.name: _cell(one, row.get(one.name)) for one in fields} for row in rows]
        return await super().generate(fields, cells)


def _cell(field: BaseField, value: Any) -> Any:
    if value is None:
        return None
    if isinstance(field, JsonField):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(field, HasMany):
        return ",".join(map(str, value))
    if isinstance(value, bool):
        return "true" if value else "false"
    is_text = type(field) in {StringField, TextAreaField} and not _is_number(str(value))
    return f"'{value}" if is_text and str(value).startswith(_FORMULA) else value


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
