"""The errors of functions of the owner, as the responses report them.

A client can neither see nor correct the rows of other tables that a function writes. So their
errors are not reported as errors of the body.
"""

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from fastapi import HTTPException

from ..database.codes import Fault
from ..database.faults import cause_of, classify, reason_of
from ..errors import problem
from .sent_body import is_problem_list

_CONFLICTS = {404, 409, 412, 428}
_log = logging.getLogger(__name__)


class OtherRowsConflict(HTTPException):
    """409: a function cannot write another row. The log says which, and why."""

    def __init__(self) -> None:
        super().__init__(409, [problem("conflict", [], "The request conflicts with other rows")])


class FunctionError(Exception):
    """A function has written another row with a value that the database rejects: a 500."""


def error_to_send(
    error: Exception, where: str, others: Sequence[tuple[Exception, str]] = ()
) -> Exception:
    """Return the error that the response reports for one in a function, which `where` names.

    `others` are the errors about other rows than that of the request, each with the operation
    that raised it, such as `update of Team`.
    """
    doing = next((doing for one, doing in others if one is error), None)
    if isinstance(error, HTTPException):
        return error if doing is None else _error_about_others(error, where, doing)
    match classify(cause_of(error)):
        case Fault.UNIQUE | Fault.REFERENCE | Fault.REFERENCED:
            return _logged_conflict(where, error)
        case Fault.VALUE:
            return FunctionError(f"{where}: {reason_of(error)}")
        case _:
            return error


@contextmanager
def located_errors(*place: str | int) -> Iterator[None]:
    """Put the place of an item before the places of the problems that an HTTPException reports."""
    try:
        yield
    except HTTPException as error:
        problems: Any = error.detail
        if is_problem_list(problems):
            detail = [
                {**one, "loc": [*place, *_location_in_item(place, one["loc"])]} for one in problems
            ]
            raise HTTPException(error.status_code, detail, error.headers) from error
        raise


def _location_in_item(place: Sequence[str | int], loc: Sequence[str | int]) -> Sequence[str | int]:
    """Return the location of a problem inside an item; empty for an item of the query."""
    return loc[1:] if place[0] == "body" else ()


def _error_about_others(error: HTTPException, function: str, doing: str) -> Exception:
    where, cause = f"{function}: {doing}", error.__cause__
    reason = cause if isinstance(cause, Exception) else error
    if error.status_code in _CONFLICTS:
        return _logged_conflict(where, reason)
    if error.status_code == 422:
        return FunctionError(f"{where}: {reason_of(reason)}")
    problems: Any = error.detail
    if is_problem_list(problems):
        unplaced = [_with_location_in_message(one, doing) for one in problems]
        return HTTPException(error.status_code, unplaced, error.headers)
    return error


def _with_location_in_message(one: dict[str, Any], doing: str) -> dict[str, Any]:
    """Move the place of a problem to its message, because the request has no such place."""
    name = ".".join(map(str, one["loc"][1:]))
    message = f"{one['msg']}: {name} (in the {doing})" if name else one["msg"]
    return {**one, "loc": [], "msg": message}


def _logged_conflict(where: str, reason: Exception) -> OtherRowsConflict:
    _log.warning("%s: %s", where, reason_of(reason))
    return OtherRowsConflict()
