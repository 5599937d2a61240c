"""The route `/mcp`: tools for agents by streamable HTTP, without sessions."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from fastapi import APIRouter, FastAPI, HTTPException, Request
from starlette.routing import Route
from starlette.types import Message, Receive, Scope, Send

from ..errors import StartupError
from ..http.content import check_content
from ..http.routing import JsonRequest

PATH = "/mcp"
FindCaller = Callable[[Request], Awaitable[Any]]


class McpRouter(APIRouter):
    """Offers the rows of an application to agents at `/mcp`, with the permissions of the caller.

    With `read_only`, agents cannot write. `caller` raises Unauthorized (401) for invalid
    credentials. The route is not in the OpenAPI document.
    """

    def __init__(self, *, read_only: bool = False, caller: FindCaller | None = None) -> None:
        self._read_only = read_only
        endpoint = Route(PATH, _Endpoint(caller), methods=["POST"])
        super().__init__(lifespan=self._run, routes=[endpoint])

    @asynccontextmanager
    async def _run(self, app: FastAPI) -> AsyncIterator[None]:
        if not hasattr(app, "collections"):
            raise StartupError(
                "`mcp` needs an application of the kit, which knows its collections\n"
                "  make it with build_application, or remove McpRouter from ROUTERS"
            )
        server = _http_server(app, read_only=self._read_only)
        async with server.run():
            app.state.mcp = server
            yield


def _http_server(app: FastAPI, *, read_only: bool) -> Any:
    """Return the MCP server of an application. Raises StartupError without the package mcp."""
    try:
        from .http_server import http_server
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in {"mcp", "mcp_types"}:
            raise
        raise StartupError(
            "`mcp` in crudgen.yaml needs the package mcp\n"
            "  pip install 'crudgen[mcp]', or in an emitted project: pip install 'mcp>=2.3,<3'"
        ) from None
    return http_server(app, read_only=read_only)


class _Endpoint:
    """Passes requests to the MCP server: those that are allowed, with their body."""

    def __init__(self, caller: FindCaller | None) -> None:
        self._caller = caller

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Respond to a request. Raises HTTPException 401, 403, 408, 413, 415."""
        request = JsonRequest(scope, receive)
        _check_origin(request)
        if self._caller is not None:
            await self._caller(request)
        body = await request.body()
        check_content(request.headers)
        waiting: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

        async def receive_body() -> Message:
            return waiting.pop() if waiting else await receive()

        await request.app.state.mcp.handle_request(scope, receive_body, send)


def _check_origin(request: Request) -> None:
    """Raise HTTPException 403 for a request of a web page, unless its origin is allowed.

    A page whose host name was rebound to this address sends its own origin, as any page does.
    """
    origin = request.headers.get("origin")
    allowed = getattr(request.app.state, "cors_origins", ())
    if origin is not None and origin not in allowed:
        raise HTTPException(403, f"Pages may not use {PATH}: set CORS_ORIGINS to allow an origin")
