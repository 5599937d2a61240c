"""How much a request may be, and how many at a time; each limit is a setting (see settings.py)."""

import asyncio
from dataclasses import dataclass

from fastapi import HTTPException
from fastapi.responses import JSONResponse
from starlette.applications import Starlette
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .errors import RETRY_AFTER_SECONDS, problem

BROKEN = "app.broken_limit"
"""Where a request's scope holds the HTTPException for the limit that it breaks."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What requests are bounded by."""

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

    def broken(self, scope: Scope, path: str, concurrent: int) -> HTTPException | None:
        """Tell the answer to a request that breaks a limit; it is one of so many at this moment.

        `path` is what stands below the root path.
        """
        query: bytes = scope["query_string"]
        if len(scope.get("raw_path") or scope["path"]) + len(query) > self.url_bytes:
            message = f"Path and query should have at most {self.url_bytes} bytes"
            return HTTPException(414, message)
        if query and query.count(b"&") >= self.query_parameters:
            message = f"The query should have at most {self.query_parameters} parameters"
            return HTTPException(422, [problem("too_many_parameters", ["query"], message)])
        # A process that is busy is alive all the same.
        if concurrent > self.concurrent_requests and path != "/live":
            headers = {"Retry-After": str(RETRY_AFTER_SECONDS)}
            return HTTPException(503, "The server is busy, try again", headers)
        return None


USUAL = Limits()


def limits_of(app: Starlette) -> Limits:
    """Give the limits of an application; where it names none, the usual ones."""
    limits: Limits = getattr(app.state, "limits", USUAL)
    return limits


class Gate:
    """Middleware that answers a request for which a limit is broken, and passes on the others."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or pass on."""
        broken: HTTPException | None = scope.get(BROKEN)
        if broken is None:
            await self.app(scope, receive, send)
        else:
            answer = JSONResponse({"detail": broken.detail}, broken.status_code, broken.headers)
            await answer(scope, receive, send)


class Patience:
    """Receives a body until its time is over, then raises HTTPException 408."""

    __slots__ = ("_ends", "_is_whole", "_receive", "_seconds")

    def __init__(self, receive: Receive, seconds: float) -> None:
        self._receive = receive
        self._seconds = seconds
        self._ends: float | None = None
        self._is_whole = False

    async def __call__(self) -> Message:
        """Receive the next message."""
        if self._is_whole:  # what is still to come is the end of the connection
            return await self._receive()
        if self._ends is None:
            self._ends = asyncio.get_running_loop().time() + self._seconds
        try:
            async with asyncio.timeout_at(self._ends):
                message = await self._receive()
        except TimeoutError:
            # What the client may still send would be taken for its next request.
            headers = {"Connection": "close"}
            detail = f"The body should arrive within {self._seconds:g} seconds"
            raise HTTPException(408, detail, headers) from None
        self._is_whole = not message.get("more_body", False)
        return message
