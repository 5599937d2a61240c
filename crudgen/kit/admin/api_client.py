"""Requests of the admin page to the API, in the same process, as the caller of the page."""

import asyncio
import json as json_library
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode

from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.types import ASGIApp, Message

from .links import RECEIVED

_FORWARDED = ("host", "user-agent", "x-request-id", "traceparent", "tracestate", "baggage")
"""The headers of a request to the page that its requests to the API have too."""
Parameters = Sequence[tuple[str, str]]


@dataclass(frozen=True)
class ApiResponse:
    """A response of the API."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    @property
    def is_success(self) -> bool:
        """Whether the request did what it should."""
        return 200 <= self.status < 300

    @property
    def json(self) -> Any:
        """The value in the body; None if there is none, or it is not JSON."""
        try:
            return json_library.loads(self.body) if self.body else None
        except ValueError:
            return None


class ApiClient:
    """Sends requests to an application in this process."""

    def __init__(self, app: Starlette) -> None:
        self.app = app

    async def send(
        self,
        request: Request,
        method: str,
        path: str,
        query: Parameters = (),
        *,
        json: Any = None,
        form: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> ApiResponse:
        """Send a request on behalf of a request to the page, with its credentials."""
        body, kind = b"", ""
        if form is not None:
            body, kind = urlencode(form).encode(), "application/x-www-form-urlencoded"
        elif json is not None:
            text = json_library.dumps(json, ensure_ascii=False, allow_nan=False)
            body, kind = text.encode("utf-8", "surrogatepass"), "application/json"
        sent = {**_headers(request), **(headers or {})}
        if kind:
            sent |= {"content-type": kind, "content-length": str(len(body))}
        received = request.scope[RECEIVED]
        scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "method": method,
            "scheme": received.get("scheme", "http"),
            "path": path,
            "raw_path": quote(path, safe="/%:@!$&'()*+,;=~").encode(),
            "query_string": urlencode(query).encode(),
            "root_path": "",
            "headers": [
                (name.encode(), value.encode("latin-1", "replace")) for name, value in sent.items()
            ],
            "client": received.get("client"),
            "server": received.get("server"),
            "state": dict(received.get("state", {})),
        }
        return await _run(self.app, scope, body)


def authorize(request: Request, authorization: str) -> None:
    """Send this value of the header Authorization with all further requests."""
    request.state.admin_authorization = authorization


def _headers(request: Request) -> dict[str, str]:
    """Return the headers of every request: host, request ID, trace, credentials.

    Its X-Read-After lets no replica answer, which may lack what the user has just written.
    """
    given = Headers(scope=request.scope[RECEIVED])
    sent = {"x-read-after": "latest"} | {
        name: value for name in _FORWARDED if (value := given.get(name)) is not None
    }
    authorization = getattr(request.state, "admin_authorization", None)
    return sent if authorization is None else sent | {"authorization": authorization}


async def _run(app: ASGIApp, scope: dict[str, Any], body: bytes) -> ApiResponse:
    waiting: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]
    done = asyncio.Event()
    status, headers, parts = 0, dict[str, str](), list[bytes]()

    async def receive() -> Message:
        if waiting:
            return waiting.pop()
        await done.wait()
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        nonlocal status
        if message["type"] == "http.response.start":
            status = message["status"]
            headers.update(
                (name.decode("latin-1").lower(), value.decode("latin-1"))
                for name, value in message.get("headers", ())
            )
        elif message["type"] == "http.response.body":
            parts.append(message.get("body", b""))
            if not message.get("more_body", False):
                done.set()

    try:
        await app(scope, receive, send)
    finally:
        done.set()
    return ApiResponse(status, headers, b"".join(parts))
