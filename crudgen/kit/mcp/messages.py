"""Validation of the bodies that clients send, and the errors of those that are no message."""

import json
from typing import Any

import mcp_types as types
from fastapi import HTTPException
from pydantic import ValidationError

from ..http.json_body import parse_json

DEPTH_ABOVE_VALUES = 3
"""Levels of a message above the values of a row: the message, its parameters, the arguments."""
_NO_MESSAGE = "The body should be one request, notification or response of JSON-RPC 2.0"
_Id = str | int | None


def make_error(identifier: _Id, text: str, code: int = types.INVALID_REQUEST) -> types.JSONRPCError:
    """Return an error as a response. `identifier` is that of the request, if it is known."""
    sendable = text.encode(errors="backslashreplace").decode()
    error = types.ErrorData(code=code, message=sendable)
    return types.JSONRPCError(jsonrpc="2.0", id=identifier, error=error)


def find_error(body: bytes, max_depth: int) -> types.JSONRPCError | None:
    """Return the error for a body that is not a message; None if it is one.

    `max_depth` is the maximum number of levels in the values of a row. The SDK's own parsers accept
    duplicate keys, and their errors are long.
    """
    try:
        value = parse_json(body, max_depth + DEPTH_ABOVE_VALUES)
    except HTTPException as error:
        return make_error(_id_of(body), detail_text(error.detail), types.PARSE_ERROR)
    try:
        message = types.jsonrpc_message_adapter.validate_python(value, by_name=False)
    except ValidationError:
        return make_error(_id_in(value), _NO_MESSAGE)
    if isinstance(message, types.JSONRPCNotification) and "id" in value:  # such as null
        return make_error(None, _NO_MESSAGE)
    return None


def detail_text(detail: Any) -> str:
    """Return the detail of an error of the API as text: the messages of its problems."""
    return "; ".join(map(_text_of_problem, detail)) if isinstance(detail, list) else str(detail)


def _text_of_problem(problem: Any) -> str:
    """Return the message of a problem, and its place: `params.arguments.values.name`."""
    if not isinstance(problem, dict) or "msg" not in problem:
        return str(problem)  # of a handler of the user
    place = ".".join(map(str, problem.get("loc", ())[1:]))
    return f"{problem['msg']}: {place}" if place else str(problem["msg"])


def _id_of(body: bytes) -> _Id:
    """Return the ID of a message with errors, so that its client need not wait for a response."""
    try:
        return _id_in(json.loads(body))
    except (ValueError, RecursionError):
        return None


def _id_in(value: Any) -> _Id:
    found = value.get("id") if isinstance(value, dict) else None
    if isinstance(found, str):
        return found if found.isprintable() else None  # a lone surrogate cannot be sent
    return found if isinstance(found, int) and not isinstance(found, bool) else None
