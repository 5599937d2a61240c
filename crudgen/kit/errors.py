"""What can go wrong: the errors that a client sees, and those that stop the application's start.

HTTPException (FastAPI)
├── Conflict       409: the row would break a unique rule
├── Refused        422: the database does not take a value
└── Unavailable    503: the database is locked, down or too slow; the client may try again
StartupError           the application cannot start; its text says what was found and what to do
└── UnreachableError   the database does not answer now, and may later
"""

from collections.abc import Sequence
from typing import Any

from fastapi import HTTPException
from pydantic import BaseModel

RETRY_AFTER_SECONDS = 1
MAX_PROBLEMS = 100
MAX_NAME = 100


class Message(BaseModel):
    """Why a request failed, in a sentence."""

    detail: str


class Deleted(BaseModel):
    """A row was deleted."""

    ok: bool = True


class Problem(BaseModel):
    """One thing that is wrong with a request, and where it is."""

    type: str
    loc: list[str | int]
    msg: str


class Problems(BaseModel):
    """Everything that is wrong with a request."""

    detail: list[Problem]


class StartupError(Exception):
    """The application cannot start. The text says what was found, where, and what to do."""


class UnreachableError(StartupError):
    """The database does not answer now, and may later."""


class Conflict(HTTPException):
    """409: another row has the same values. Names the properties, never a value."""

    def __init__(self, fields: Sequence[str]) -> None:
        self.fields = tuple(fields)
        names = " and ".join(fields)
        message = f"Another row has the same {names}" if names else "Another row stands in the way"
        problems = [problem("unique", ["body", name], message) for name in fields]
        super().__init__(409, problems or [problem("unique", ["body"], message)])


class Refused(HTTPException):
    """422: the database does not take a value that the models let pass."""

    def __init__(self, fields: Sequence[str]) -> None:
        message = "The database does not take this value"
        problems = [problem("refused", ["body", name], message) for name in fields]
        super().__init__(422, problems or [problem("refused", ["body"], message)])


class Unavailable(HTTPException):
    """503: the database cannot answer now."""

    def __init__(self) -> None:
        headers = {"Retry-After": str(RETRY_AFTER_SECONDS)}
        super().__init__(503, "The database is busy or down, try again", headers)


def problem(kind: str, loc: Sequence[str | int], msg: str) -> dict[str, Any]:
    """Make one entry of a 409's or a 422's `detail`."""
    return {"type": kind, "loc": list(loc), "msg": msg}


def of_item(error: HTTPException, index: int) -> HTTPException:
    """Say of which item of a list in the body the problems of an error are."""
    problems: Any = error.detail
    detail = [{**one, "loc": [*one["loc"][:1], index, *one["loc"][1:]]} for one in problems]
    return HTTPException(error.status_code, detail)


def public(errors: Sequence[Any]) -> list[dict[str, Any]]:
    """Keep what a client needs of pydantic's errors: the input may be a secret, the list long."""
    return [
        problem(
            error["type"],
            [part[:MAX_NAME] if isinstance(part, str) else part for part in error["loc"]],
            error["msg"],
        )
        for error in errors[:MAX_PROBLEMS]
    ]


_DESCRIPTIONS: dict[int, tuple[type[BaseModel] | None, str]] = {
    304: (None, "The client knows the row as it is"),
    404: (Message, "No such row"),
    409: (Problems, "Another row has the same values, or the path another key"),
    408: (Message, "The body came too slowly"),
    412: (Message, "The row is not the one that is expected"),
    413: (Message, "The body is too large"),
    414: (Message, "The URL is too long"),
    415: (Message, "The body is not JSON"),
    422: (Problems, "The request is not valid"),
    428: (Message, "The header If-Match is missing"),
    503: (Message, "The server is busy, or the database busy or down"),
}
_OF_MANY: dict[int, tuple[type[BaseModel], str]] = {
    404: (Problems, "There are no such rows"),
    409: (Problems, "Another row has the same values, or a row is named twice"),
    412: (Message, "There is no ETag of many rows"),
}


def errors(*statuses: int, many: bool = False) -> dict[int | str, dict[str, Any]]:
    """Declare the errors of an operation, for OpenAPI; those of how a request arrives by itself.

    An operation on `many` rows tells which one is not found, and that it takes no conditions.
    """
    arriving = {408, 414} if 413 in statuses else {414}
    described = {**_DESCRIPTIONS, **_OF_MANY} if many else _DESCRIPTIONS
    return {
        status: {"model": described[status][0], "description": described[status][1]}
        for status in sorted({*statuses, *arriving})
    }
