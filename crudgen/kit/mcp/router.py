"""The route `/mcp`: tools for agents by streamable HTTP, without sessions."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from fastapi import APIRouter, FastAPI, Request
from starlette.routing import BaseRoute, Route
from starlette.types import Receive, Scope, Send

from ..errors import StartupError
from .protected_resource import METADATA_ROUTE, PATH, metadata

FindCaller = Callable[[Request], Awaitable[Any]]


class McpRouter(APIRouter):
    """Offers the rows of an application to agents at `/mcp`, with the permissions of the caller.

    With `read_only`, agents cannot write. `caller` raises Unauthorized (401) for invalid
    credentials; with it, clients find the identity provider. The routes are not in the OpenAPI
    document.
    """

    def __init__(self, *, read_only: bool = False, caller: FindCaller | None = None) -> None:
        self._read_only, self._caller = read_only, caller
        routes: list[BaseRoute] = [Route(PATH, _Endpoint(), methods=["POST"])]
        if caller is not None:
            routes.append(Route(METADATA_ROUTE, metadata))
        super().__init__(lifespan=self._run, routes=routes)

    @asynccontextmanager
    async def _run(self, app: FastAPI) -> AsyncIterator[None]:
        if not hasattr(app, "collections") or not hasattr(app, "limit_responses"):
            raise StartupError(
                "`mcp` needs an application of the kit, which knows its collections\n"
                "  make it with build_application, or remove McpRouter from ROUTERS"
            )
        try:
            from .http_server import HttpServer
        except ModuleNotFoundError as error:
            if (error.name or "").partition(".")[0] not in {"mcp", "mcp_types"}:
                raise
            raise StartupError(
                "`mcp` in crudgen.yaml needs the package mcp\n"
                "  pip install 'crudgen[mcp]', or in an emitted project: pip install 'mcp>=2.3,<3'"
            ) from None
        server = HttpServer(app, read_only=self._read_only, caller=self._caller)
        async with server.run():
            app.state.mcp = server
            app.limit_responses[PATH] = server.refusal
            yield


class _Endpoint:
    """Passes requests to the server of the application: one router may be in several."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await scope["app"].state.mcp.respond(scope, receive, send)
