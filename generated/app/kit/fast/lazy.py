"""Routes and the OpenAPI document, built when they are first needed."""

from collections.abc import Callable
from threading import RLock
from typing import Any

from anyio import Lock, to_thread
from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse
from starlette.routing import get_name

from ..http.routing import Route
from .garbage import paused_collection

_building = RLock()


class LazyRoute(Route):
    """A route that FastAPI builds when any attribute of it is first needed."""

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        self.path, self.endpoint, self._options = path, endpoint, options
        self.name = options.get("name") or get_name(endpoint)

    def __getattr__(self, name: str) -> Any:
        """Build the route if it is not built yet, and return the attribute. It is thread-safe."""
        with _building:
            options = self.__dict__.pop("_options", None)
            if options is not None:
                super().__init__(self.path, self.endpoint, **options)
        return self.__getattribute__(name)


def add_document_route(app: FastAPI) -> None:
    """Add a route for the OpenAPI document, before FastAPI adds its own.

    The document is built in a thread, and kept as text.
    """
    lock = Lock()
    schema: dict[str, Any] | None = None
    written = b""

    async def document(request: Request) -> Response:
        nonlocal schema, written
        async with lock:
            build = app.openapi if written else _build_first_document
            current = await to_thread.run_sync(build)
            server = {"url": request.scope.get("root_path", "").rstrip("/")}
            servers = current.get("servers", [])
            if server["url"] and app.root_path_in_servers and server not in servers:
                current = {**current, "servers": [server, *servers]}
            if current is not schema:
                response = await to_thread.run_sync(JSONResponse, current)
                schema, written = current, bytes(response.body)
        return Response(written, media_type="application/json")

    def _build_first_document() -> dict[str, Any]:
        with paused_collection():
            return app.openapi()

    if app.openapi_url:
        app.add_route(app.openapi_url, document, include_in_schema=False)
