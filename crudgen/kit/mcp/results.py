"""The results of tools: rows, or the problem of the API, with the places in the arguments."""

import json
import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from math import ceil
from typing import Any
from urllib.parse import parse_qs, urlsplit

import mcp_types as types

from .calling import ApiResponse
from .requests import ToolProblem

MAX_RESULT_BYTES = 100_000
"""Longest result with rows, as JSON. A description depends on the spec alone."""
_OK = {"ok": True}
"""The body of a response without a row."""
_TITLES = {413: "Content Too Large", 414: "URI Too Long", 422: "Unprocessable Content"}
_ARGUMENTS = {"q": "search"}
_NUMBER = re.compile(r"[0-9]{1,18}")
_OWN = {"sort", "fields", "include", "limit", "cursor", "count"}


def success(
    content: dict[str, Any], *, advice: str = "", limit: int | None = MAX_RESULT_BYTES
) -> types.CallToolResult:
    """Return a result with structured content, and the same as text: some clients only show that.

    `advice` is what to do if it has more bytes than the limit.
    """
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
    if limit is not None and len(text.encode(errors="replace")) > limit:
        reason = f"the result has more than {limit:,} bytes"
        return failure(None, f"{reason}: {advice}" if advice else reason)
    return types.CallToolResult(
        content=[types.TextContent(type="text", text=text)], structured_content=content
    )


def failure(status: int | None, detail: Any) -> types.CallToolResult:
    """Return the result of a call that has failed: why, and where in the arguments."""
    content: dict[str, Any] = {"error": detail}
    if status is not None:
        content = {"status": status, "title": _status_title(status), "error": detail}
    # Names in the arguments may have surrogates, which no JSON text can have.
    data = json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode(errors="replace")
    text = data.decode()
    if len(data) > MAX_RESULT_BYTES:
        return failure(status, "the problem is too long to be shown")
    return types.CallToolResult(
        content=[types.TextContent(type="text", text=text)],
        structured_content=json.loads(text),
        is_error=True,
    )


def _status_title(status: int) -> str:
    """Return the name of a status, the same in each version of Python."""
    try:
        return _TITLES.get(status) or HTTPStatus(status).phrase
    except ValueError:  # of a handler of the user
        return "Unknown"


def problem_result(problem: ToolProblem) -> types.CallToolResult:
    """Return the result of a call that no request stands for."""
    return failure(None, str(problem))


def read_result(response: ApiResponse) -> types.CallToolResult:
    """Return the result of a call of `read_rows`."""
    if response.status >= 300:
        return _error_result(response)
    body = response.json()
    if not isinstance(body, list):
        return success(_with_etag({"row": body}, response), advice="pass fewer fields or include")
    content: dict[str, Any] = {"rows": body}
    if (cursor := _next_cursor(response)) is not None:
        content["next_cursor"] = cursor
    if (total := _header_number(response.headers.get("x-total-count"))) is not None:
        content["total"] = total
    return success(content, advice="pass a lower limit, or fewer fields or include")


def write_result(response: ApiResponse, done: str) -> types.CallToolResult:
    """Return the result of a call that writes. `done` says what was done."""
    if response.status >= 300:
        return _error_result(response)
    body = response.json()
    content: dict[str, Any] = {"done": done}
    if isinstance(body, dict) and body != _OK:
        content |= {"row": body}
    elif body is not None and body != _OK:
        content |= {"result": body}
    result = success(_with_etag(content, response))
    if not result.is_error:
        return result
    return success(_with_etag({"done": done, "note": "the row is too long to be shown"}, response))


def _with_etag(content: dict[str, Any], response: ApiResponse) -> dict[str, Any]:
    etag = response.headers.get("etag")
    return content if etag is None else {**content, "etag": etag}


def _error_result(response: ApiResponse) -> types.CallToolResult:
    """Return the problem of the API. Places in its request become those in the arguments."""
    body = response.json()
    detail = body.get("detail", body) if isinstance(body, dict) else body
    if isinstance(detail, list):
        detail = [_with_place(one) for one in detail]
    if (seconds := _retry_seconds(response.headers.get("retry-after"))) is not None:
        return failure(response.status, {"problem": detail, "retry_after_seconds": seconds})
    return failure(response.status, detail)


def _header_number(text: str | None) -> int | None:
    """Return the number in a header; None for other texts."""
    return int(text) if text is not None and _NUMBER.fullmatch(text) else None


def _retry_seconds(text: str | None) -> int | None:
    """Return the seconds that Retry-After says, or those until its date (RFC 9110)."""
    if text is None:
        return None
    if (number := _header_number(text)) is not None:
        return number
    try:
        date = parsedate_to_datetime(text)
    except ValueError:
        return None
    date = date if date.tzinfo else date.replace(tzinfo=UTC)  # the zone -0000
    return max(0, ceil((date - datetime.now(UTC)).total_seconds()))


def _with_place(problem: Any) -> Any:
    if not isinstance(problem, dict) or not isinstance(problem.get("loc"), list):
        return problem
    where, *rest = problem["loc"] or [""]
    if where == "body":
        place = ["values", *rest]
    elif where == "path":
        place = ["key"]
    elif where == "header":
        place = ["etag"]
    elif where == "query" and rest:
        name = _ARGUMENTS.get(rest[0], rest[0])
        own = name in _OWN or name == "search"
        place = [name, *rest[1:]] if own else ["filters", name, *rest[1:]]
    else:
        place = [where, *rest]
    return {**problem, "loc": place}


def _next_cursor(response: ApiResponse) -> str | None:
    """Return the cursor of the next page, from the header Link."""
    for link in response.headers.get("link", "").split(", <"):
        url, _, rest = link.strip("<").partition(">")
        if 'rel="next"' in rest:
            return parse_qs(urlsplit(url).query).get("cursor", [None])[0]
    return None
