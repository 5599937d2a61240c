"""Finds duplicate keys of JSON objects: parsers keep the last value. Reason to change: how."""

import json
import re
from typing import Any

_KEY = re.compile(rb'"[ \t\r\n]*+:')
"""The end of a key, or of an escaped quotation mark in a text."""


class _DuplicateKeyError(Exception):
    """An object has a key twice."""


def duplicate_key(text: str | bytes, members: int | None = None) -> str | None:
    """Return a key that an object in a valid JSON text has more than once; None if none has.

    `members` is the number of members that a parser found in all objects. A text with no more
    colons, or no more ends of keys, has no duplicate key, and is not parsed again.
    """
    found = text.encode() if isinstance(text, str) else text
    if members is not None and (
        found.count(b":") == members or len(_KEY.findall(found)) == members
    ):
        return None
    try:
        # Numbers are not needed here, and integers of any length are not converted.
        json.loads(
            found, object_pairs_hook=_object_with_unique_keys, parse_int=str, parse_float=str
        )
    except _DuplicateKeyError as error:
        return str(error)
    return None


def _object_with_unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return an object. Raises _DuplicateKeyError."""
    members: dict[str, Any] = {}
    for key, value in pairs:
        if key in members:
            raise _DuplicateKeyError(key)
        members[key] = value
    return members
