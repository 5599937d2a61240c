"""Values of properties as texts of forms, and back, without loss."""

import base64
import json
import math
import re
from datetime import UTC, datetime
from typing import Any

from .tables import Property

_NUMBER = re.compile(r"[+-]?[0-9]*\.?[0-9]+(e[+-]?[0-9]+)?", re.ASCII | re.IGNORECASE)


class FormValueError(ValueError):
    """A text of a form that is not a value of its property."""


def shown_text(one: Property, value: Any, *, is_short: bool = False) -> str | None:
    """Return a value as details show it, or with `is_short` as lists do: times to the second."""
    match value:
        case None:
            return None
        case _ if one.kind == "json":
            return json.dumps(value, ensure_ascii=False, indent=2)
        case bool():
            return "true" if value else "false"
        case str():
            return _shown_string(one, value, is_short=is_short)
        case list():
            return ", ".join(map(str, value))
        case _:
            return str(value)


def form_text(one: Property, value: Any) -> str:
    """Return a value as the text of its input; null is empty."""
    if value is None:
        return ""
    if one.kind == "datetime":
        return _local_datetime(str(value))
    if one.kind == "time":
        return _milliseconds(str(value))
    if one.kind == "bytes":
        return ""
    return shown_text(one, value) or ""


def is_unchanged(one: Property, text: str, value: Any) -> bool:
    """Return whether a text of a form is that of the stored value."""
    return normalize_lines(text) == normalize_lines(form_text(one, value))


def normalize_lines(text: str) -> str:
    """Return a text with the line ends that JSON has: a form sends others."""
    return text.replace("\r\n", "\n")


def json_value(one: Property, text: str) -> Any:
    """Return the text of an input as a value for a body; empty is null, or an empty text.

    Raises FormValueError. What is not a value of the type is returned unchanged: the API says why.
    """
    if text == "" and (one.optional or not one.is_text):
        return None
    match one.kind:
        case "int" | "float":
            return _number(text, is_integer=one.kind == "int")
        case "bool":
            return {"true": True, "false": False}.get(text, text)
        case "json":
            return _json(text)
        case "datetime" | "time":
            return exact_time(one.kind, text)
        case _:
            return normalize_lines(text) if one.is_text else text


def exact_time(kind: str, text: str) -> str:
    """Return the text of an input as the API has times: with seconds, and a datetime in UTC."""
    if kind == "datetime":
        return _utc_datetime(text)
    return f"{text}:00" if kind == "time" and text.count(":") == 1 else text


def _number(text: str, *, is_integer: bool) -> int | float | str:
    number = text.strip()
    if not _NUMBER.fullmatch(number):
        return text
    try:
        found = int(number) if is_integer else float(number)
    except ValueError:
        return text
    return found if math.isfinite(found) else text


def _json(text: str) -> Any:
    try:
        return json.loads(text, parse_constant=_reject_constant)
    except ValueError as error:
        raise FormValueError(f"Invalid JSON: {error}") from None
    except RecursionError:
        raise FormValueError("Invalid JSON: nested too deeply") from None


def _reject_constant(name: str) -> Any:
    raise ValueError(f"{name} is not a number of JSON")


def _shown_string(one: Property, value: str, *, is_short: bool) -> str:
    """Return the size of a file, and `2024-02-29 12:00:00.5` for a datetime."""
    if one.kind == "bytes":
        return f"{len(base64.b64decode(value))} bytes"
    if one.kind not in {"time", "datetime"}:
        return value
    whole, _, fraction = value.removesuffix("Z").replace("T", " ").partition(".")
    digits = "" if is_short else fraction.rstrip("0")
    return f"{whole}.{digits}" if digits else whole


def _local_datetime(value: str) -> str:
    """Return a datetime as `datetime-local` has it, in UTC, to the millisecond."""
    try:
        found = datetime.fromisoformat(value)
    except ValueError:
        return value
    found = found if found.tzinfo is None else found.astimezone(UTC).replace(tzinfo=None)
    return found.isoformat(timespec="milliseconds" if found.microsecond else "seconds")


def _milliseconds(value: str) -> str:
    whole, dot, fraction = value.partition(".")
    return f"{whole}.{fraction[:3]}" if dot and len(fraction) > 3 else value


def _utc_datetime(text: str) -> str:
    """Return the text of a `datetime-local` with its zone, UTC; another text is unchanged."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return text
    if found.tzinfo is not None:
        return text
    return f"{found.isoformat()}Z"
