"""The errors of the application: HTTP errors, and errors that prevent the start.

HTTPException (FastAPI)
├── Conflict       409: the row violates a unique constraint
├── Referenced     409: other rows refer to this row
├── MissingTarget  409: the row refers to a row that does not exist
├── Refused        422: the database rejected a value
├── RuleViolated   422: the row violates rules about its properties
└── Unavailable    503: the database cannot serve requests now; its condition says why
ResponseAbortedError   a response that has started cannot be completed
StartupError           the application cannot start; the message says what was found and what to do
└── DatabaseStartupError   the database of the settings cannot be used
    └── UnreachableError   the database cannot be reached now; a later attempt may succeed
"""

from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Any

from fastapi import HTTPException
from pydantic import BaseModel

RETRY_AFTER_SECONDS = 1
MAX_PROBLEMS = 100
MAX_NAME = 100


class Condition(Enum):
    """Why the database cannot serve requests. The value is the `detail` of the response."""

    NOT_STARTED = "The application has not started: its lifespan has not run"
    STARTING = "The application is still connecting to the database, try again"
    CLOSED = "The application is shutting down"
    DOWN = "The database is down, try again"
    BUSY = "The database is busy, try again"
    READ_ONLY = "The database is read-only"
    FULL = "The database is full"
    DENIED = "Permission denied by the database"
    BROKEN = "The database cannot be used"
    TABLE_UNUSABLE = "A database table or column is missing or cannot be accessed"
    NO_KEY_LEFT = "No key is left for a new row"


class Message(BaseModel):
    """A message in plain text: the reason of an error, or the result of a health check."""

    detail: str


class Deleted(BaseModel):
    """Confirmation of a deletion."""

    ok: bool


# The schemas of FastAPI's own 422 have these names too.
class ValidationError(BaseModel):
    """One problem of a request: its type, its location and a message."""

    type: str
    loc: list[str | int]
    msg: str


class HTTPValidationError(BaseModel):
    """The problems of a request."""

    detail: list[ValidationError]


class StartupError(Exception):
    """The application cannot start. The message says what was found, where, and what to do."""


class DatabaseStartupError(StartupError):
    """The database of the settings cannot be used. The message begins with `database`."""

    is_about_database = True
    """The mark by which commands know the error, also that of another copy of the kit."""


class UnreachableError(DatabaseStartupError):
    """The database cannot be reached now. A later attempt may succeed."""


class ResponseAbortedError(Exception):
    """A response that has started cannot be completed. The reason is logged."""

    aborts_response = True
    """The mark by which the protocol knows the error, also that of another copy of the kit."""


class Conflict(HTTPException):
    """409: another row has the same values. The problems name properties, but no values."""

    def __init__(self, fields: Sequence[str]) -> None:
        self.fields = tuple(fields)
        names = " and ".join(fields)
        message = f"Another row has the same {names}" if names else "Conflicts with an existing row"
        problems = [problem("unique", ["body", name], message) for name in fields]
        super().__init__(409, problems or [problem("unique", ["body"], message)])


class Referenced(HTTPException):
    """409: the row cannot be deleted or get a new key, because other rows refer to it.

    `loc` is None while the location of the key in the request is unknown. If it has several keys,
    `indexes` has that of each reason.
    """

    def __init__(
        self,
        loc: Sequence[str | int] | None = None,
        reasons: Sequence[str] = ("Other rows refer to it",),
        *,
        kind: str = "referred_to",
        indexes: Sequence[int] = (),
    ) -> None:
        self.loc, self.reasons, self.kind, self.indexes = loc, reasons, kind, indexes
        place = loc or ["body"]
        places = [[*place, index] for index in indexes] or [[*place]] * len(reasons)
        problems = zip(places, reasons, strict=True)
        super().__init__(409, [problem(kind, where, reason) for where, reason in problems])

    def at(self, loc: Sequence[str | int] | None) -> "Referenced":
        """Return the error with a location, unless it has one."""
        if self.loc:
            return self
        return Referenced(loc, self.reasons, kind=self.kind, indexes=self.indexes)


class MissingTarget(HTTPException):
    """409: the row refers to rows that do not exist. The problems name the properties.

    `targets` are the words for the missing rows, by property.
    """

    def __init__(self, targets: Mapping[str, str]) -> None:
        problems = [
            problem("no_target", ["body", name], f"There is no such {words}")
            for name, words in targets.items()
        ]
        unknown = problem("no_target", ["body"], "Refers to a row that does not exist")
        super().__init__(409, problems or [unknown])


class Refused(HTTPException):
    """422: the database rejected a value that the models accept."""

    def __init__(self, fields: Sequence[str]) -> None:
        message = "The database rejected this value"
        problems = [problem("refused", ["body", name], message) for name in fields]
        super().__init__(422, problems or [problem("refused", ["body"], message)])


class RuleViolated(HTTPException):
    """422: the row violates rules about its properties.

    `rules` are the properties and the message of each. Every property is the place of a problem.
    """

    def __init__(self, rules: Sequence[tuple[Sequence[str], str]]) -> None:
        problems = [
            problem("check", ["body", name], message) for names, message in rules for name in names
        ]
        super().__init__(422, problems[:MAX_PROBLEMS])


class Unavailable(HTTPException):
    """503: the database cannot serve requests now. `reason` is logged, not sent to the client."""

    def __init__(self, condition: Condition = Condition.BUSY, reason: str = "") -> None:
        headers = {"Retry-After": str(RETRY_AFTER_SECONDS)}
        super().__init__(503, condition.value, headers)
        self.condition = condition
        self.reason = reason


def problem(kind: str, loc: Sequence[str | int], msg: str) -> dict[str, Any]:
    """Return one problem: an item of the `detail` of an error response."""
    return {"type": kind, "loc": list(loc), "msg": msg}


def to_problems(errors: Sequence[Any]) -> list[dict[str, Any]]:
    """Return pydantic's errors as problems: at most MAX_PROBLEMS, without the input values."""
    return [
        problem(
            error["type"],
            [part[:MAX_NAME] if isinstance(part, str) else part for part in error["loc"]],
            error["msg"],
        )
        for error in errors[:MAX_PROBLEMS]
    ]


_DESCRIPTIONS: dict[int, tuple[type[BaseModel] | None, str]] = {
    204: (None, "No content: the row was written, and the caller may not read it"),
    304: (None, "Not modified: the row matches If-None-Match"),
    401: (Message, "Unauthorized: the bearer token is missing or invalid"),
    403: (HTTPValidationError, "Forbidden: the caller may not do this"),
    404: (Message, "Not found: no row has this key"),
    408: (Message, "Request timeout: the body did not arrive in time"),
    409: (HTTPValidationError, "Conflict with another row, or with the key in the path"),
    412: (Message, "Precondition failed: the row does not match If-Match or If-None-Match"),
    413: (Message, "Content too large: the body exceeds the limit"),
    414: (Message, "URI too long: path and query exceed the limit"),
    415: (Message, "Unsupported media type: the body must be JSON in UTF-8"),
    422: (HTTPValidationError, "Unprocessable content: a parameter or the body is invalid"),
    428: (Message, "Precondition required: the header If-Match is missing"),
    429: (Message, "Too many requests: see Retry-After"),
    503: (Message, "Service unavailable: the server is busy, or the database is unavailable"),
}


_RETRY_AFTER = {
    "Retry-After": {
        "description": "Seconds to wait before the next attempt.",
        "required": True,
        "schema": {"type": "integer", "minimum": 0},
    }
}
_CHALLENGE = {
    "WWW-Authenticate": {
        "description": "The scheme of credentials, and why those of the request are invalid.",
        "required": True,
        "schema": {"type": "string"},
    }
}


def errors(
    *statuses: int, created: type[BaseModel] | None = None
) -> dict[int | str, dict[str, Any]]:
    """Return descriptions of error responses for OpenAPI. Adds 414, and 408 if 413 is given.

    With `created`, the model of a row, adds the response of a PUT that creates the row.
    """
    added = {408, 414} if 413 in statuses else {414}
    responses: dict[int | str, dict[str, Any]] = {
        status: {"model": _DESCRIPTIONS[status][0], "description": _DESCRIPTIONS[status][1]}
        for status in sorted({*statuses, *added})
    }
    if 401 in responses:
        responses[401]["headers"] = _CHALLENGE
    for status in {429, 503} & responses.keys():
        responses[status]["headers"] = _RETRY_AFTER
    if created is not None:
        responses[201] = {"model": created, "description": "Created: no row had this key"}
    return responses
