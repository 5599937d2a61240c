"""Errors of the API as messages of the page."""

from collections.abc import Collection
from typing import Any

from starlette.exceptions import HTTPException

from .api_client import ApiResponse

GENERAL = ":request"
"""The key of the message about a request, beside those of its properties. No property has it."""
CHANGED = (
    "Somebody has changed this row since you opened the page."
    " Open it again, and repeat your changes"
)


def errors_by_property(answer: ApiResponse, known: Collection[str]) -> dict[str | int, Any]:
    """Return the messages of a failed write, by property; those without one are general."""
    found: dict[str, list[str]] = {}
    detail = _detail(answer)
    for problem in detail if isinstance(detail, list) else ():
        place = problem.get("loc") or []
        name = str(place[1]) if len(place) > 1 and place[0] == "body" else ""
        message = str(problem.get("msg", ""))
        if name in known:
            rest = ".".join(map(str, place[2:]))
            found.setdefault(name, []).append(f"{rest}: {message}" if rest else message)
        else:
            found.setdefault(GENERAL, []).append(_with_place(place, message))
    if not found:
        found[GENERAL] = [message_of(answer)]
    return {name: "; ".join(messages) for name, messages in found.items()}


def message_of(answer: ApiResponse) -> str:
    """Return what a failed request did not do, and why."""
    if answer.status == 412:
        return CHANGED
    detail = _detail(answer)
    if isinstance(detail, list):
        found = (_with_place(one.get("loc") or [], str(one.get("msg", ""))) for one in detail)
        return "; ".join(dict.fromkeys(found))
    if isinstance(detail, str) and detail:
        return detail
    return f"The API responded with status {answer.status}"


def problems_of(answer: ApiResponse) -> list[tuple[list[Any], str]]:
    """Return where the problems of a failed request are, and their messages."""
    detail = _detail(answer)
    problems = detail if isinstance(detail, list) else []
    return [(list(one.get("loc") or ()), str(one.get("msg", ""))) for one in problems]


def http_error(answer: ApiResponse) -> HTTPException:
    """Return the exception that shows the message of a failed request on a page of its own."""
    status = answer.status if 400 <= answer.status < 600 else 500
    return HTTPException(status, message_of(answer))


def _detail(answer: ApiResponse) -> Any:
    body = answer.json
    return body.get("detail") if isinstance(body, dict) else None


def _with_place(place: list[Any], message: str) -> str:
    rest = "" if place[:1] == ["path"] else ".".join(map(str, place[1:]))
    return f"{rest}: {message}" if rest else message
