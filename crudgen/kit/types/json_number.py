"""Numbers in a JSON body with their text, which is exact: a float has at most 17 digits."""

import json
from collections.abc import Iterator
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
    """Return the value of a JSON body, with a JsonNumber for each property that is a float.

    The properties are those of a row, of a list of rows, and of lists of rows in a row.
    """
    return _with_text(value, _parse_exact(body)) if _has_float(value) else value


def _has_float(value: Any) -> bool:
    if isinstance(value, dict):
        kinds = {*map(type, value.values())}
        return float in kinds or (list in kinds and any(map(_has_float, _lists_in(value))))
    return isinstance(value, list) and any(
        isinstance(row, dict) and _has_float(row) for row in value
    )


def _lists_in(row: dict[str, Any]) -> Iterator[list[Any]]:
    return (one for one in row.values() if isinstance(one, list))


def _parse_exact(body: bytes) -> Any:
    return json.loads(body, parse_float=JsonNumber)


def _with_text(value: Any, exact: Any) -> Any:
    """Return a row or a list of rows, each float replaced by the equal number in `exact`."""
    if isinstance(value, dict):
        return {
            key: exact[key] if type(one) is float else _with_text_in_list(one, exact[key])
            for key, one in value.items()
        }
    return [
        _with_text(row, same) if isinstance(row, dict) else row
        for row, same in zip(value, exact, strict=True)
    ]


def _with_text_in_list(value: Any, exact: Any) -> Any:
    return _with_text(value, exact) if isinstance(value, list) else value


BODY_CONVERTERS.append(keep_text)
