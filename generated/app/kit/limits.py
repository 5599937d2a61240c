"""Limits of requests: size, time, number at a time. Each is a setting (see settings.py)."""

from dataclasses import dataclass

from fastapi import HTTPException
from starlette.applications import Starlette
from starlette.types import Scope

from .errors import RETRY_AFTER_SECONDS, problem


class LimitExceeded(HTTPException):
    """414, 422 or 503: a request exceeds a limit."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of the requests to one application."""

    body_bytes: int = 1_048_576
    """More is answered 413."""
    body_seconds: float = 30.0
    """From the first look at a body to its end; more is answered 408."""
    json_depth: int = 32
    """Objects and arrays within one another; more is answered 422."""
    url_bytes: int = 8192
    """Path and query; more is answered 414."""
    query_parameters: int = 200
    """More is answered 422. A list takes 100 values for one filter."""
    concurrent_requests: int = 1000
    """Of one process; more are answered 503."""
    idempotency_seconds: float = 86_400.0
    """How long the answer to a request with an Idempotency-Key is kept."""

    def exceeded(self, scope: Scope, path: str, concurrent: int) -> LimitExceeded | None:
        """Return the response to a request that exceeds a limit, or None.

        `path` is relative to the root path. `concurrent` is the number of requests at this moment.
        """
        query: bytes = scope["query_string"]
        if len(scope.get("raw_path") or scope["path"]) + len(query) > self.url_bytes:
            message = f"Path and query should have at most {self.url_bytes} bytes"
            return LimitExceeded(414, message)
        if query and query.count(b"&") >= self.query_parameters:
            message = f"The query should have at most {self.query_parameters} parameters"
            return LimitExceeded(422, [problem("too_many_parameters", ["query"], message)])
        # A process that is busy is alive all the same.
        if concurrent > self.concurrent_requests and path != "/live":
            headers = {"Retry-After": str(RETRY_AFTER_SECONDS)}
            return LimitExceeded(503, "The server is busy, try again", headers)
        return None


DEFAULT_LIMITS = Limits()


def limits_of(app: Starlette) -> Limits:
    """Return the limits of an application, or the defaults."""
    limits: Limits = getattr(app.state, "limits", DEFAULT_LIMITS)
    return limits
