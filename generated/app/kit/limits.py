"""The limits of requests: size, time and concurrency. Each is a setting (see settings.py)."""

import asyncio
from dataclasses import dataclass

from fastapi import HTTPException
from fastapi.responses import JSONResponse
from starlette.applications import Starlette
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .errors import RETRY_AFTER_SECONDS, problem

BROKEN = "app.broken_limit"
"""The key of the scope with the HTTPException for an exceeded limit."""


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of all requests."""

    body_bytes: int = 1_048_576
    """Size of a body. If exceeded: 413."""
    body_seconds: float = 30.0
    """Time to receive a body. If exceeded: 408."""
    json_depth: int = 32
    """Levels of objects and arrays in a body. If exceeded: 422."""
    url_bytes: int = 8192
    """Size of path and query. If exceeded: 414."""
    query_parameters: int = 200
    """Number of query parameters. If exceeded: 422. One filter of a list takes up to 100."""
    concurrent_requests: int = 1000
    """Concurrent requests of one process. If exceeded: 503."""
    idempotency_seconds: float = 86_400.0
    """How long the response to a request with an Idempotency-Key is stored."""

    def broken(self, scope: Scope, path: str, concurrent: int) -> HTTPException | None:
        """Return the error for a request that exceeds a limit; None if it exceeds none.

        `path` is the path below the root path, `concurrent` the number of current requests.
        """
        query: bytes = scope["query_string"]
        if len(scope.get("raw_path") or scope["path"]) + len(query) > self.url_bytes:
            message = f"Path and query should have at most {self.url_bytes} bytes"
            return HTTPException(414, message)
        if query and query.count(b"&") >= self.query_parameters:
            message = f"The query should have at most {self.query_parameters} parameters"
            return HTTPException(422, [problem("too_many_parameters", ["query"], message)])
        # /live must answer on a busy server too.
        if concurrent > self.concurrent_requests and path != "/live":
            headers = {"Retry-After": str(RETRY_AFTER_SECONDS)}
            return HTTPException(503, "The server is busy, try again", headers)
        return None


USUAL = Limits()


def limits_of(app: Starlette) -> Limits:
    """Return the limits of an application, by default USUAL."""
    limits: Limits = getattr(app.state, "limits", USUAL)
    return limits


class Gate:
    """Middleware that sends the error response of a request that exceeds a limit."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the error response, or call the application."""
        broken: HTTPException | None = scope.get(BROKEN)
        if broken is None:
            await self.app(scope, receive, send)
        else:
            answer = JSONResponse({"detail": broken.detail}, broken.status_code, broken.headers)
            await answer(scope, receive, send)


class Patience:
    """Receives a body with a time limit; raises HTTPException 408 if it is exceeded."""

    __slots__ = ("_ends", "_is_whole", "_receive", "_seconds")

    def __init__(self, receive: Receive, seconds: float) -> None:
        self._receive = receive
        self._seconds = seconds
        self._ends: float | None = None
        self._is_whole = False

    async def __call__(self) -> Message:
        """Receive the next message."""
        if self._is_whole:  # the next message is the disconnect, at any time
            return await self._receive()
        if self._ends is None:
            self._ends = asyncio.get_running_loop().time() + self._seconds
        try:
            async with asyncio.timeout_at(self._ends):
                message = await self._receive()
        except TimeoutError:
            # The server would parse the rest of the body as the next request.
            headers = {"Connection": "close"}
            detail = f"The body should arrive within {self._seconds:g} seconds"
            raise HTTPException(408, detail, headers) from None
        self._is_whole = not message.get("more_body", False)
        return message
