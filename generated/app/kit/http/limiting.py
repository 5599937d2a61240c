"""Enforcement of limits: on the number and the rate of requests, and the time of their bodies."""

import asyncio
import logging
import sys
import time
from collections.abc import Callable
from functools import lru_cache
from ipaddress import AddressValueError, IPv6Address
from math import ceil
from typing import Any

from fastapi import HTTPException
from fastapi.responses import JSONResponse
from starlette.datastructures import State
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ..errors import errors
from ..limits import LimitExceeded, Rate
from .routing import OUTCOME

MAX_KEYS = 100_000
"""Most callers and addresses whose requests are counted."""
UNLIMITED = frozenset({"/live", "/ready"})
"""Paths of health checks, which the rate limit leaves out."""
_AUTHORIZATION = b"authorization"
_NETWORK_BITS = 64
"""An address of IPv6 counts as its network: a client can have all addresses of it."""

_log = logging.getLogger(__name__)


def warn_of_unenforced_limits(scope: Scope) -> None:
    """Log which limits have no effect, if the server does not use the kit's HTTP protocol.

    Servers put the version of ASGI into the scope; test clients do not, and get no warning.
    """
    if "asgi" in scope and not any(name.endswith(".kit.http.protocol") for name in sys.modules):
        _log.warning(
            "HEAD_SECONDS, SEND_SECONDS, MAX_HEAD_BYTES and MAX_HEADERS have no effect on this"
            " server\n  run `python -m app`, or uvicorn with --http %s.protocol:HttpProtocol",
            __package__,
        )


class LimitMiddleware:
    """Middleware that responds to a request that exceeds a limit.

    The application has `limit_responses`, for paths whose clients expect another form of errors.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Respond if the request exceeds a limit, else call the application."""
        error = scope.get(OUTCOME)
        if isinstance(error, LimitExceeded):
            path = scope["path"].removeprefix(scope.get("root_path", ""))
            make_response = scope["app"].limit_responses.get(path, _detail_response)
            await make_response(error)(scope, receive, send)
        else:
            await self.app(scope, receive, send)


def _detail_response(error: LimitExceeded) -> Response:
    return JSONResponse({"detail": error.detail}, error.status_code, error.headers)


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


class RateLimiter:
    """Counts requests in one process.

    A caller that was idle for a period may send all requests of a period at once. Further ones are
    allowed at an even pace (generic cell rate algorithm). One number is kept for each caller: when
    its requests so far would have ended at that pace.
    """

    def __init__(self, rate: Rate) -> None:
        self._rate = rate
        self._share = rate.seconds / rate.requests
        self._ends: dict[str, float] = {}

    def error_if_exceeded(self, scope: Scope, path: str, state: State) -> LimitExceeded | None:
        """Return the error for a request that exceeds the limit, else count it and return None.

        A token that is not verified yet counts for the address.
        """
        if path in UNLIMITED:
            return None
        key = _client_key(scope, getattr(state, "identify", None))
        now, ends = time.monotonic(), self._ends
        end = max(ends.pop(key, now), now)
        wait = end + self._share - now - self._rate.seconds
        if wait > 0:
            ends[key] = end
            seconds = max(1, ceil(wait))
            message = f"At most {self._rate} are allowed: try again in {seconds} s"
            return LimitExceeded(429, message, {"Retry-After": str(seconds)})
        if len(ends) >= MAX_KEYS:
            del ends[next(iter(ends))]
        ends[key] = end + self._share
        return None


def describe_rate_limit(document: dict[str, Any]) -> None:
    """Add the response 429 to the operations of an OpenAPI document."""
    described = errors(429)[429]
    content = {"application/json": {"schema": {"$ref": "#/components/schemas/Message"}}}
    response = {
        "description": described["description"],
        "headers": described["headers"],
        "content": content,
    }
    for path, operations in document.get("paths", {}).items():
        for operation in operations.values() if path not in UNLIMITED else ():
            operation["responses"].setdefault("429", response)


def _client_key(scope: Scope, identify: Callable[[bytes], str | None] | None) -> str:
    """Return the key that requests are counted by: the caller, or else the address."""
    if identify is not None:
        for name, value in scope["headers"]:
            if name == _AUTHORIZATION:
                if (caller := identify(value)) is not None:
                    return caller
                break
    client = scope.get("client")
    return _network_of_address(client[0]) if client else ""


@lru_cache(maxsize=10_000)
def _network_of_address(address: str) -> str:
    """Return an address of IPv4, or the network of one of IPv6."""
    try:
        number = int(IPv6Address(address.partition("%")[0]))
    except AddressValueError:
        return address
    mapped = IPv6Address(number).ipv4_mapped
    return str(mapped) if mapped else f"{number >> _NETWORK_BITS:x}::"
