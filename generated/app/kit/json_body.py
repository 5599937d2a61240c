"""A JSON body, read strictly (RFC 8259), no deeper than a limit, and no key of an object twice.

pydantic's parser neither counts depth nor sees that a key came twice. Two counts in the text tell
that all is well: 0.6 µs for a row of ten columns, 2.6 µs if its texts have colons. Only a body that
they do not clear is parsed once more, by Python.
"""

import json
from typing import Any

from fastapi import HTTPException
from pydantic_core import from_json

from .errors import MAX_NAME, problem

NUL = rb"\u0000"
_COLON = rb"\u003"
Place = list[str | int]


def parse(body: bytes, max_depth: int) -> Any:
    """Parse a body, or raise HTTPException 422. `max_depth` counts objects and arrays."""
    try:
        value = from_json(body, allow_inf_nan=False)
    except ValueError as error:
        if "recursion limit" in str(error):
            raise _refused("json_depth", [], _too_deep(max_depth)) from None
        raise _refused("json_invalid", [], "The body is not valid JSON") from None
    if body.count(b"{") + body.count(b"[") > max_depth and _depth(value) > max_depth:
        raise _refused("json_depth", [], _too_deep(max_depth))
    if not _is_clear(body, value) and (loc := _find_duplicate(body)) is not None:
        raise _refused("json_duplicate", loc, "The property should be given once")
    if NUL in body and (loc := _find_nul(value)) is not None:
        raise _refused("string_nul", loc, "NUL is not allowed")
    return value


def _refused(kind: str, loc: Place, message: str) -> HTTPException:
    shown = [part[:MAX_NAME] if isinstance(part, str) else part for part in loc]
    return HTTPException(422, [problem(kind, ["body", *shown], message)])


def _too_deep(max_depth: int) -> str:
    return f"The body should nest objects and arrays at most {max_depth} deep"


def _depth(value: Any) -> int:
    depth, level = 0, [value]
    while level := [item for item in level if isinstance(item, dict | list)]:
        depth += 1
        level = [
            child for item in level for child in (item.values() if isinstance(item, dict) else item)
        ]
    return depth


def _is_clear(body: bytes, value: Any) -> bool:
    """Tell whether no key can have come twice: every colon of the text is still in the value.

    Of two equal keys the parser drops one, and its colon with it.
    """
    written = body.count(b":")
    if written == (len(value) if isinstance(value, dict) else 0):
        return True
    return _COLON not in body and written == _colons(value)


def _colons(value: Any) -> int:
    """Count the colons of a value as JSON: one for each key, and those within its texts."""
    count, pending = 0, [value]
    while pending:
        item = pending.pop()
        if isinstance(item, str):
            count += item.count(":")
        elif isinstance(item, dict):
            count += len(item) + "".join(item).count(":")
            pending.extend(item.values())
        elif isinstance(item, list):
            pending.extend(item)
    return count


class _Pairs(list[tuple[str, Any]]):
    """An object as it was written, every key of it."""


def _find_duplicate(body: bytes) -> Place | None:
    pending: list[tuple[Place, Any]] = [
        ([], json.loads(body.decode(), object_pairs_hook=_Pairs, parse_int=len, parse_float=len))
    ]
    while pending:
        loc, item = pending.pop()
        if isinstance(item, _Pairs):
            seen: set[str] = set()
            for key, child in item:
                if key in seen:
                    return [*loc, key]
                seen.add(key)
                pending.append(([*loc, key], child))
        elif isinstance(item, list):
            pending += [([*loc, index], child) for index, child in enumerate(item)]
    return None


def _find_nul(value: Any) -> Place | None:
    pending: list[tuple[Place, Any]] = [([], value)]
    while pending:
        loc, item = pending.pop()
        if isinstance(item, str) and "\0" in item:
            return loc
        if isinstance(item, dict):
            if any("\0" in key for key in item):
                return loc
            pending += [([*loc, key], child) for key, child in item.items()]
        elif isinstance(item, list):
            pending += [([*loc, index], child) for index, child in enumerate(item)]
    return None
