"""The limits of requests: size, time and concurrency. Each is a setting (see settings.py)."""

import re
from dataclasses import dataclass

from fastapi import HTTPException
from starlette.applications import Starlette
from starlette.types import Scope

from .errors import RETRY_AFTER_SECONDS, problem

PART = "app.part"
"""Key in the scope of a request that another request sends inside the process: that one counts."""


class LimitExceeded(HTTPException):
    """414, 422, 429 or 503: a request exceeds a limit."""


_PERIODS = {"second": 1.0, "minute": 60.0, "hour": 3600.0, "day": 86_400.0}
_RATE = re.compile(r"([1-9][0-9]{0,8})/(second|minute|hour|day)")


@dataclass(frozen=True, slots=True)
class Rate:
    """How many requests are allowed in a period."""

    requests: int
    period: str
    """`second`, `minute`, `hour` or `day`."""

    @property
    def seconds(self) -> float:
        """The duration of the period."""
        return _PERIODS[self.period]

    def __str__(self) -> str:
        return f"{self.requests} requests per {self.period}"


def parse_rate(text: str) -> Rate | None:
    """Return the rate that a text such as `100/minute` says; None if it says none."""
    match = _RATE.fullmatch(text)
    return None if match is None else Rate(int(match[1]), match[2])


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of the requests to an application."""

    body_bytes: int = 1_048_576
    """Maximum bytes of a body. If exceeded: 413."""
    body_seconds: float = 30.0
    """Maximum time to receive a body. If exceeded: 408."""
    json_depth: int = 32
    """Maximum levels of nested objects and arrays in a body. If exceeded: 422."""
    url_bytes: int = 8192
    """Maximum bytes of path and query together. If exceeded: 414."""
    query_parameters: int = 200
    """Maximum number of query parameters. If exceeded: 422. One `in` filter alone may use 100."""
    concurrent_requests: int = 1000
    """Maximum number of concurrent requests of one process. If exceeded: 503."""
    idempotency_seconds: float = 86_400.0
    """How long the response to a request with an Idempotency-Key is stored."""
    rate: Rate | None = None
    """Maximum requests of one caller in a period. If exceeded: 429."""

    def error_if_exceeded(self, scope: Scope, path: str, concurrent: int) -> LimitExceeded | None:
        """Return the error for a request that exceeds a limit; None if it exceeds none.

        `path` is the path below the root path, `concurrent` the number of current requests.
        """
        query: bytes = scope["query_string"]
        if len(scope.get("raw_path") or scope["path"]) + len(query) > self.url_bytes:
            message = f"Path and query should have at most {self.url_bytes} bytes"
            return LimitExceeded(414, message)
        if query and query.count(b"&") >= self.query_parameters:
            message = f"The query should have at most {self.query_parameters} parameters"
            return LimitExceeded(422, [problem("too_many_parameters", ["query"], message)])
        # /live must answer on a busy server too.
        if concurrent > self.concurrent_requests and path != "/live":
            headers = {"Retry-After": str(RETRY_AFTER_SECONDS)}
            return LimitExceeded(503, "The server is busy, try again", headers)
        return None


DEFAULT_LIMITS = Limits()


def limits_of(app: Starlette) -> Limits:
    """Return the limits of an application; DEFAULT_LIMITS if it has none."""
    limits: Limits = getattr(app.state, "limits", DEFAULT_LIMITS)
    return limits
