"""Sends requests of tools to the application, inside the process."""

import asyncio
import json
import logging
from collections.abc import Callable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, unquote

from opentelemetry import propagate
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Scope

from ..limits import PART

_TRACE = (b"traceparent", b"tracestate", b"baggage")
FORWARDED = (b"host", b"authorization", b"cookie", b"x-api-key", b"x-request-id", *_TRACE)
"""Headers of a request to `/mcp` that the requests of its tools have too: also credentials that
dependencies of the user read."""
_HOST = (b"host", b"localhost")
_OF_EACH = (
    (b"accept", b"application/json"),
    (b"x-read-after", b"agent"),  # no token: a replica does not answer, it may lack a write
)
_SAFE = "@!$&'()*+,;=:~"
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ApiRequest:
    """A request of a tool. `path` is encoded."""

    method: str
    path: str
    query: str = ""
    body: Any = None
    has_body: bool = False
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class ApiResponse:
    """The response to a request of a tool."""

    status: int
    headers: Headers
    content: bytes

    def json(self) -> Any:
        """Return the parsed content; None if there is none. Other content is returned as text."""
        try:
            return json.loads(self.content) if self.content else None
        except (ValueError, RecursionError):  # of a handler of the user
            return self.content.decode(errors="replace")


@dataclass(frozen=True)
class Origin:
    """Where requests of tools come from: the client's address and its headers."""

    headers: Sequence[tuple[bytes, bytes]] = (_HOST,)
    client: tuple[str, int] | None = None
    scheme: str = "http"
    server: tuple[str, int | None] | None = None
    state: Mapping[str, Any] = field(default_factory=dict)
    is_request: bool = False
    """Whether it is a request to the application, which counts for its limits."""
    note: Callable[[ApiResponse], None] | None = None
    """Is called with each response to a request of the tool."""

    @classmethod
    def of_scope(cls, scope: Scope, note: Callable[[ApiResponse], None]) -> "Origin":
        """Return the origin of a request, with its credentials."""
        return cls(
            [(name, value) for name, value in scope["headers"] if name in FORWARDED],
            scope.get("client"),
            scope.get("scheme", "http"),
            scope.get("server"),
            scope.get("state", {}),
            is_request=True,
            note=note,
        )


def encode_segment(text: str) -> str:
    """Return a text as one segment of a path. It never is `.` or `..`."""
    if not text.strip("."):
        return text.replace(".", "%2E")
    return quote(text, safe=_SAFE, errors="surrogatepass")


async def call(app: ASGIApp, request: ApiRequest, origin: Origin) -> ApiResponse:
    """Return the response of the application to a request.

    All limits, rules, hooks and validation of the API apply, as for a request of the client.
    """
    body = b""
    headers = [*_in_trace(origin.headers), *_OF_EACH]
    headers += [(name.lower().encode(), _header_value(v)) for name, v in request.headers.items()]
    if request.has_body:
        body = json.dumps(request.body, ensure_ascii=True).encode()
        headers += [(b"content-type", b"application/json")]
        headers += [(b"content-length", b"%d" % len(body))]
    scope: MutableMapping[str, Any] = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": request.method,
        "scheme": origin.scheme,
        "path": unquote(request.path),
        "raw_path": request.path.encode(),
        "query_string": request.query.encode(),
        "root_path": "",
        "headers": headers,
        "client": origin.client,
        "server": origin.server,
        "state": dict(origin.state),
        **({PART: True} if origin.is_request else {}),
    }
    waiting: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]
    received: list[Message] = []

    async def receive() -> Message:
        if not waiting:
            await asyncio.Event().wait()  # the client of a tool does not disconnect
        return waiting.pop()

    async def send(message: Message) -> None:
        received.append(message)

    try:
        await app(scope, receive, send)
    except Exception:  # the response of the error handler is sent before the exception is raised
        if not received:
            raise
        _log.exception("A tool's request failed: %s %s", request.method, request.path)
    start, *parts = received
    content = b"".join(part.get("body", b"") for part in parts)
    response = ApiResponse(start["status"], Headers(raw=start["headers"]), content)
    if origin.note is not None:
        origin.note(response)
    return response


def _in_trace(headers: Sequence[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """Return headers with the current span as the parent of the request, if there is one."""
    current: dict[str, str] = {}
    propagate.inject(current)
    sent = {name.lower().encode(): value.encode() for name, value in current.items()}
    return [*((name, value) for name, value in headers if name not in sent), *sent.items()]


def _header_value(text: str) -> bytes:
    """Return a text as the value of a header, without line breaks and other control characters."""
    return "".join(one if " " <= one <= "~" else "?" for one in text).encode()
