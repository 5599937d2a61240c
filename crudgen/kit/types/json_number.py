"""Numbers in a JSON body with their text, which is exact: a float has at most 17 digits."""

import json
from typing import Any, Self

from .value_types import BODY_CONVERTERS


class JsonNumber(float):
    """A float with the text that the request contains."""

    __slots__ = ("text",)

    text: str

    def __new__(cls, text: str) -> Self:
        """Parse a number, and keep its text."""
        number = super().__new__(cls, text)
        number.text = text
        return number


def keep_text(body: bytes, value: Any) -> Any:
    """Return the value of a JSON body, with a JsonNumber for each property that is a float."""
    if isinstance(value, dict):
        return _with_text(value, _exact(body)) if _has_float(value) else value
    if isinstance(value, list) and any(isinstance(row, dict) and _has_float(row) for row in value):
        rows = zip(value, _exact(body), strict=True)
        return [_with_text(row, exact) if isinstance(row, dict) else row for row, exact in rows]
    return value


def _has_float(row: dict[str, Any]) -> bool:
    return float in map(type, row.values())


def _exact(body: bytes) -> Any:
    return json.loads(body, parse_float=JsonNumber)


def _with_text(row: dict[str, Any], exact: dict[str, Any]) -> dict[str, Any]:
    return {key: exact[key] if type(value) is float else value for key, value in row.items()}


BODY_CONVERTERS.append(keep_text)
