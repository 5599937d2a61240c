"""Strict parsing of JSON bodies (RFC 8259): limited depth, and no duplicate keys.

pydantic's parser is fast, but does not limit the depth and accepts duplicate keys. For most bodies,
counting brackets and colons is a sufficient check. Others are parsed again, by Python's parser.
"""

import json
import re
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

from fastapi import HTTPException
from pydantic_core import from_json

from ..errors import MAX_NAME, problem
from ..types.value_types import BODY_CONVERTERS

NUL = rb"\u0000"
_COLON = rb"\u003"
"""The beginning of an escaped colon."""
_DUPLICATE = object()
"""Replaces the value of a duplicate key."""
_LARGE = object()
"""Replaces a number that is too large."""
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
"""Some editors and libraries write it before UTF-8."""
MAX_DIGITS = 4300
"""Python's own limit: the time to convert an integer grows with the square of its length."""
_LONG = re.compile(rf"-?[0-9]{{{MAX_DIGITS + 1}}}")
Location = list[str | int]


def parse(body: bytes, max_depth: int) -> Any:
    """Return the value of the body of a request for rows; raise HTTPException 422 if it is invalid.

    `max_depth` is the maximum number of levels of objects and arrays.
    """
    value = parse_json(body, max_depth)
    if NUL in body and (loc := _find_nul(value)) is not None:
        raise _body_error("string_nul", loc, "NUL is not allowed")
    for convert in BODY_CONVERTERS:
        value = convert(body, value)
    return value


def parse_json(body: bytes, max_depth: int) -> Any:
    """Return the value of a JSON body; raise HTTPException 422 if it is invalid."""
    try:
        value = from_json(body, allow_inf_nan=False)
    except ValueError as error:
        if body.startswith(_BYTE_ORDER_MARK):  # RFC 8259, section 8.1: a parser may ignore it
            return parse_json(b" " + body.removeprefix(_BYTE_ORDER_MARK), max_depth)
        raise _invalid_body_error(body, str(error), max_depth) from None
    if body.count(b"{") + body.count(b"[") > max_depth and _nesting_depth(value) > max_depth:
        raise _body_error("json_depth", [], _depth_message(max_depth))
    if not _has_unique_keys(body, value) and (duplicate := _duplicate_key_error(body)) is not None:
        raise duplicate
    return value


def _invalid_body_error(body: bytes, error: str, max_depth: int) -> HTTPException:
    """Return the HTTPException 422 for a body that pydantic's parser rejects."""
    if "recursion limit" in error:
        return _body_error("json_depth", [], _depth_message(max_depth))
    if not _is_utf8(body):
        return _body_error("json_invalid", [], "The body should be JSON in UTF-8")
    invalid = _body_error("json_invalid", [], "The body is not valid JSON")
    try:
        return _large_number_error(body) or _duplicate_key_error(body) or invalid
    except RecursionError:
        return _body_error("json_depth", [], _depth_message(max_depth))
    except ValueError:
        return invalid


def _is_utf8(body: bytes) -> bool:
    """Return whether a body is UTF-8. JSON in UTF-16 or UTF-32 has a NUL in its first bytes."""
    try:
        body.decode()
    except UnicodeDecodeError:
        return False
    return b"\0" not in body[:4]


def _body_error(kind: str, loc: Location, message: str) -> HTTPException:
    shown = [part[:MAX_NAME] if isinstance(part, str) else part for part in loc]
    return HTTPException(422, [problem(kind, ["body", *shown], message)])


def _depth_message(max_depth: int) -> str:
    return f"The body should have at most {max_depth} levels of objects and arrays"


def _nesting_depth(value: Any) -> int:
    depth, level = 0, [value]
    while level := [item for item in level if isinstance(item, dict | list)]:
        depth += 1
        level = [
            child for item in level for child in (item.values() if isinstance(item, dict) else item)
        ]
    return depth


def _has_unique_keys(body: bytes, value: Any) -> bool:
    """Return True if the keys are certainly unique: the parsed value has all colons of the text.

    The parser drops a duplicate key, so its colon is missing from the value.
    """
    written = body.count(b":")
    if written == (len(value) if isinstance(value, dict) else 0):
        return True
    return _COLON not in body and written == _count_colons(value)


def _count_colons(value: Any) -> int:
    """Return the number of colons in a value as JSON: one for each key, and those in strings."""
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


def _mark_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return an object as a dict, with _DUPLICATE as the value of each duplicate key."""
    parsed = dict(pairs)
    if len(parsed) < len(pairs):
        counts = Counter(key for key, _ in pairs)
        parsed |= {key: _DUPLICATE for key, count in counts.items() if count > 1}
    return parsed


def _duplicate_key_error(body: bytes) -> HTTPException | None:
    """Return the error for the first duplicate key of a body; None if there is none."""
    value = json.loads(
        body.decode(), object_pairs_hook=_mark_duplicates, parse_int=len, parse_float=len
    )
    loc = _find_location(value, lambda item: item is _DUPLICATE)
    message = "The property should be given once"
    return None if loc is None else _body_error("json_duplicate", loc, message)


def _large_number_error(body: bytes) -> HTTPException | None:
    """Return the error for the first number with too many digits; None if there is none.

    Raises ValueError if the body is not JSON.
    """
    value = json.loads(
        body.decode(),
        parse_int=_number_placeholder,
        parse_float=_number_placeholder,
        parse_constant=_refuse_constant,
    )
    loc = _find_location(value, lambda item: item is _LARGE)
    message = f"The number should have at most {MAX_DIGITS} digits"
    return None if loc is None else _body_error("int_parsing_size", loc, message)


def _number_placeholder(text: str) -> object:
    return _LARGE if _LONG.match(text) else 0


def _refuse_constant(name: str) -> None:
    raise ValueError(name)


def _find_nul(value: Any) -> Location | None:
    return _find_location(value, _has_nul)


def _has_nul(item: Any) -> bool:
    if isinstance(item, str):
        return "\0" in item
    return isinstance(item, dict) and "\0" in "".join(item)


def _find_location(value: Any, matches: Callable[[Any], bool]) -> Location | None:
    """Return the location of the first matching item, or None. Callers check the depth before."""
    if matches(value):
        return []
    inner: Iterable[tuple[str | int, Any]] = ()
    if isinstance(value, dict):
        inner = value.items()
    elif isinstance(value, list):
        inner = enumerate(value)
    for step, item in inner:
        if (loc := _find_location(item, matches)) is not None:
            return [step, *loc]
    return None
