"""What can go wrong: the errors that a client sees, and those that stop the application's start.

HTTPException (FastAPI)
├── Conflict       409: the row would break a unique rule
├── Referenced     409: other rows refer to the row
├── MissingTarget  409: the row refers to one that does not exist
├── Refused        422: the database does not take a value
└── Unavailable    503: the database cannot answer now; its condition says why
StartupError           the application cannot start; its text says what was found and what to do
└── UnreachableError   the database does not answer now, and may later
"""

from collections.abc import Sequence
from enum import Enum
from typing import Any

from fastapi import HTTPException
from pydantic import BaseModel

RETRY_AFTER_SECONDS = 1
MAX_PROBLEMS = 100
MAX_NAME = 100


class Condition(Enum):
    """Why the database cannot answer; the value is all that a client learns of it."""

    NOT_STARTED = "The application has not started: its lifespan has not run"
    STARTING = "The database has not answered yet, try again"
    CLOSED = "The application is shutting down"
    DOWN = "The database is down, try again"
    BUSY = "The database is busy, try again"
    READ_ONLY = "The database is read-only"
    FULL = "The database is full"
    DENIED = "The database does not permit this"
    BROKEN = "The database cannot be used"
    TABLE_UNUSABLE = "A table of the database cannot be used"
    NO_KEY_LEFT = "The database has no key left for another row"


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
        message = f"Another row has the same {names}" if names else "Conflicts with an existing row"
        problems = [problem("unique", ["body", name], message) for name in fields]
        super().__init__(409, problems or [problem("unique", ["body"], message)])


class Referenced(HTTPException):
    """409: other rows refer to the row, which would be deleted or get another key."""

    def __init__(self, place: Sequence[str | int]) -> None:
        super().__init__(409, [problem("referred_to", place, "Other rows refer to this row")])


class MissingTarget(HTTPException):
    """409: the row refers to one that does not exist. Names the properties, never a value."""

    def __init__(self, fields: Sequence[str]) -> None:
        message = "Refers to a row that does not exist"
        problems = [problem("no_target", ["body", name], message) for name in fields]
        super().__init__(409, problems or [problem("no_target", ["body"], message)])


class Refused(HTTPException):
    """422: the database does not take a value that the models let pass."""

    def __init__(self, fields: Sequence[str]) -> None:
        message = "The database does not take this value"
        problems = [problem("refused", ["body", name], message) for name in fields]
        super().__init__(422, problems or [problem("refused", ["body"], message)])


class Unavailable(HTTPException):
    """503: the database cannot answer now. `reason` is for the log alone."""

    def __init__(self, condition: Condition = Condition.BUSY, reason: str = "") -> None:
        headers = {"Retry-After": str(RETRY_AFTER_SECONDS)}
        super().__init__(503, condition.value, headers)
        self.condition = condition
        self.reason = reason


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
    409: (Problems, "Conflicts with another row, or the path has another key"),
    408: (Message, "The body came too slowly"),
    412: (Message, "The row is not the one that is expected"),
    413: (Message, "The body is too large"),
    414: (Message, "The URL is too long"),
    415: (Message, "The body is not JSON"),
    422: (Problems, "The request is not valid"),
    428: (Message, "The header If-Match is missing"),
    503: (Message, "The server is busy, or the database cannot answer now"),
}
_OF_MANY: dict[int, tuple[type[BaseModel], str]] = {
    404: (Problems, "There are no such rows"),
    409: (Problems, "Conflicts with another row, or a row is named twice"),
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
