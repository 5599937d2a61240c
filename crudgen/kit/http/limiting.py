"""Enforcement of limits: requests that exceed one, and bodies that arrive too slowly."""

import asyncio
import logging
import sys

from fastapi import HTTPException
from fastapi.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ..limits import LimitExceeded
from .routing import OUTCOME

_log = logging.getLogger(__name__)


def warn_of_unenforced_limits(scope: Scope) -> None:
    """Log which limits have no effect, if the server does not use the kit's HTTP protocol.

    A server is recognized by the version of ASGI in the scope; a test client sets none.
    """
    if "asgi" in scope and not any(name.endswith(".kit.http.protocol") for name in sys.modules):
        _log.warning(
            "HEAD_SECONDS, SEND_SECONDS, MAX_HEAD_BYTES and MAX_HEADERS have no effect on this"
            " server\n  run `python -m app`, or uvicorn with --http %s.protocol:HttpProtocol",
            __package__,
        )


class LimitMiddleware:
    """Middleware that responds to a request that exceeds a limit."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Respond if the request exceeds a limit, else call the application."""
        error = scope.get(OUTCOME)
        if isinstance(error, LimitExceeded):
            response = JSONResponse({"detail": error.detail}, error.status_code, error.headers)
            await response(scope, receive, send)
        else:
            await self.app(scope, receive, send)


class TimedReceive:
    """A `receive` that raises HTTPException 408 if the body takes longer than `seconds`."""

    __slots__ = ("_ends", "_is_complete", "_receive", "_seconds")

    def __init__(self, receive: Receive, seconds: float) -> None:
        self._receive = receive
        self._seconds = seconds
        self._ends: float | None = None
        self._is_complete = False

    async def __call__(self) -> Message:
        """Return the next message of the request."""
        if self._is_complete:  # the next message is the end of the connection
            return await self._receive()
        if self._ends is None:
            self._ends = asyncio.get_running_loop().time() + self._seconds
        try:
            async with asyncio.timeout_at(self._ends):
                message = await self._receive()
        except TimeoutError:
            # The rest of the body would be read as the next request.
            headers = {"Connection": "close"}
            detail = f"The body should arrive within {self._seconds:g} seconds"
            raise HTTPException(408, detail, headers) from None
        self._is_complete = not message.get("more_body", False)
        return message
