"""A client of an application in the process of a test, with less work per request than httpx."""

import asyncio
import json as json_library
import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote, unquote, urlencode

import httpx
from fastapi import FastAPI
from starlette.types import ASGIApp, Message, Scope

ADDRESS = "http://test"
_REQUEST = httpx.Request("GET", ADDRESS)
"""`Response.raise_for_status` needs one."""


class AsgiClient:
    """Sends requests, one after another, and returns the responses as httpx does."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def request(
        self,
        method: str,
        url: str,
        *,
        params: Mapping[str, str] | Sequence[tuple[str, str]] | None = None,
        json: Any = None,
        headers: Mapping[str, str] | None = None,
    ) -> httpx.Response:
        """Return the response to a request; an exception of the application is raised."""
        path, _, query = url.removeprefix(ADDRESS).partition("?")
        if params:
            query = "&".join(part for part in (query, urlencode(params)) if part)
        path = quote(path, safe="/%:@!$&'()*+,;=~")
        sent = [(b"host", b"test")]
        sent += [(name.lower().encode(), value.encode()) for name, value in (headers or {}).items()]
        body = b""
        if json is not None:
            body = json_library.dumps(json).encode()
            sent += [(b"content-type", b"application/json")]
            sent += [(b"content-length", b"%d" % len(body))]
        scope: Scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "method": method.upper(),
            "scheme": "http",
            "path": unquote(path),
            "raw_path": path.encode(),
            "query_string": quote(query, safe="/%:@!$&'()*+,;=~?").encode(),
            "root_path": "",
            "headers": sent,
            "client": ("127.0.0.1", 1),
            "server": ("test", 80),
        }
        waiting: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]
        received: list[Message] = []

        async def receive() -> Message:
            if not waiting:
                await asyncio.Event().wait()  # the client stays
            return waiting.pop()

        async def send(message: Message) -> None:
            received.append(message)

        await self._app(scope, receive, send)
        start, *parts = received
        self._check_status(method, path, start["status"])
        assert start["type"] == "http.response.start"
        assert not parts[-1].get("more_body", False)
        content = b"".join(part.get("body", b"") for part in parts)
        return httpx.Response(
            start["status"], headers=start["headers"], content=content, request=_REQUEST
        )

    def _check_status(self, method: str, path: str, status: int) -> None:
        """Check a status, in case of a DescribedClient."""

    async def get(self, url: str, **options: Any) -> httpx.Response:
        return await self.request("GET", url, **options)

    async def post(self, url: str, **options: Any) -> httpx.Response:
        return await self.request("POST", url, **options)

    async def delete(self, url: str, **options: Any) -> httpx.Response:
        return await self.request("DELETE", url, **options)


class DescribedClient(AsgiClient):
    """Checks that the OpenAPI document of an application has the status of each response."""

    def __init__(self, app: FastAPI) -> None:
        super().__init__(app)
        paths = app.openapi()["paths"]
        self._operations = [
            (re.compile(re.sub(r"{\w+}", "[^/]+", path)), paths[path])
            for path in sorted(paths, key=lambda path: path.count("{"))
        ]

    def _check_status(self, method: str, path: str, status: int) -> None:
        matching = (each for pattern, each in self._operations if pattern.fullmatch(path))
        found: dict[str, Any] = next(matching, {})
        operation = found.get(method.lower())
        if operation is not None:
            described = {str(status), f"{status // 100}XX"}
            assert not described.isdisjoint(operation["responses"]), (method, path, status)
