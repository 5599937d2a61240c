"""The MCP server of an application by streamable HTTP, without sessions."""

import logging

from fastapi import FastAPI, Request
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager

from ..limits import limits_of
from .calling import Origin
from .server import Context, Toolbox
from .tools import Api, tools

# At level INFO, it logs the end of a session for each request, though there are no sessions.
logging.getLogger("mcp.server").setLevel(logging.WARNING)


def http_server(app: FastAPI, *, read_only: bool) -> StreamableHTTPSessionManager:
    """Return the server of the tools of an application; its `run` must be entered."""
    toolbox = Toolbox(tools(read_only=read_only), _api_of)
    return StreamableHTTPSessionManager(
        toolbox.server(app.title, app.version),
        json_response=True,
        stateless=True,
        max_request_body_size=limits_of(app).body_bytes,
    )


async def _api_of(context: Context) -> tuple[Api, Origin]:
    """Return the application that received a request, and its origin."""
    request: Request | None = context.request
    if request is None:
        raise RuntimeError("the transport passed no request")
    return request.app, Origin.of_scope(request.scope)
