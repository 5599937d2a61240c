"""The MCP server of an application by streamable HTTP, without sessions."""

import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import mcp_types as types
from fastapi import FastAPI, HTTPException, Request
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from ..http.content import check_content
from ..http.routing import JsonRequest
from ..limits import limits_of
from .calling import ApiResponse, Origin
from .messages import detail_text, find_error, make_error
from .protected_resource import challenge, has_provider
from .server import Context, Toolbox
from .tools import Api, Tool, tools

# At level INFO, it logs the end of a session for each request, though there are no sessions.
logging.getLogger("mcp.server").setLevel(logging.WARNING)


_NEEDS_LOGIN = "app.mcp.needs_login"
"""Key in the scope of a call: the error 401 of a request that its tool sent to the API."""


class HttpServer:
    """Responds to requests of the clients of agents."""

    def __init__(
        self,
        app: FastAPI,
        *,
        read_only: bool,
        caller: Callable[[Request], Awaitable[Any]] | None,
    ) -> None:
        """Serve the tools of an application. `caller` raises HTTPException if refused."""
        toolbox = Toolbox(tools(read_only=read_only), _api_of)
        self._limits, self._caller = limits_of(app), caller
        self._manager = StreamableHTTPSessionManager(
            toolbox.server(app.title, app.version),
            json_response=True,
            stateless=True,
            max_request_body_size=self._limits.body_bytes,
        )

    @asynccontextmanager
    async def run(self) -> AsyncIterator[None]:
        """Serve requests inside the context, which is entered once."""
        async with self._manager.run():
            yield

    async def respond(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Respond to a request. The status of an error is 400, 401, 403, 408, 413, 415 or 503.

        Errors have the form of JSON-RPC: clients of the protocol show no other messages.
        """
        request = JsonRequest(scope, receive)
        try:
            body = await self._body_of(request)
        except HTTPException as error:
            await self.refusal(error, request)(scope, receive, send)
            return
        if (found := find_error(body, self._limits.json_depth)) is not None:
            await _error_response(found, 400)(scope, receive, send)
            return
        waiting: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

        async def receive_body() -> Message:
            return waiting.pop() if waiting else await receive()

        async def forward(message: Message) -> None:
            if _NEEDS_LOGIN not in scope:
                await send(message)

        await self._manager.handle_request(scope, receive_body, forward)
        if _NEEDS_LOGIN in scope:
            await self.refusal(scope[_NEEDS_LOGIN], request)(scope, receive, send)

    def refusal(self, error: HTTPException, request: Request | None = None) -> Response:
        """Return the response for an error of HTTP.

        A client without valid credentials learns from WWW-Authenticate where it can get them.
        """
        code = types.INTERNAL_ERROR if error.status_code >= 500 else types.INVALID_REQUEST
        response = _error_response(
            make_error(None, detail_text(error.detail), code), error.status_code
        )
        response.headers.update(error.headers or {})
        given = response.headers.get("www-authenticate")
        if request is not None and given is not None:
            response.headers["www-authenticate"] = challenge(request, given)
        return response

    async def _body_of(self, request: JsonRequest) -> bytes:
        """Return the body of a request that is allowed. Raises HTTPException."""
        _check_origin(request)
        if self._caller is not None:
            await self._caller(request)
        body = await request.body()
        check_content(request.headers)
        return body


async def _api_of(context: Context, _tool: Tool) -> tuple[Api, Origin]:
    """Return the application that received a request, and its origin."""
    request: Request | None = context.request
    if request is None:
        raise RuntimeError("the transport passed no request")
    scope = request.scope

    def note(response: ApiResponse) -> None:
        if response.status == 401 and has_provider(request):
            given = response.headers.get("www-authenticate", "Bearer")
            error = HTTPException(401, _detail(response.json()), {"WWW-Authenticate": given})
            scope[_NEEDS_LOGIN] = error

    return request.app, Origin.of_scope(scope, note)


def _detail(body: Any) -> str:
    return str(body.get("detail", "")) if isinstance(body, dict) else ""


def _error_response(error: types.JSONRPCError, status: int) -> Response:
    content = error.model_dump_json(by_alias=True, exclude_unset=True)
    return Response(content, status, media_type="application/json")


def _check_origin(request: Request) -> None:
    """Raise HTTPException 403 for a request of a web page, unless its origin is allowed.

    A page whose host name was rebound to this address sends its own origin, as any page does.
    """
    origin = request.headers.get("origin")
    allowed = getattr(request.app.state, "cors_origins", ())
    if origin is not None and origin not in allowed:
        raise HTTPException(403, "Pages may not use /mcp: set CORS_ORIGINS to allow an origin")
