"""`/openapi.json`: built once, in a thread, and kept as text."""

from typing import Any

from anyio import Lock, to_thread
from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse

from .garbage import uncollected


def add_document(app: FastAPI) -> None:
    """Add the route before FastAPI adds its own, which takes the same document."""
    lock = Lock()
    schema: dict[str, Any] | None = None
    written = b""

    async def document(request: Request) -> Response:
        nonlocal schema, written
        async with lock:
            build = app.openapi if written else _first
            current = await to_thread.run_sync(build)
            server = {"url": request.scope.get("root_path", "").rstrip("/")}
            servers = current.get("servers", [])
            if server["url"] and app.root_path_in_servers and server not in servers:
                current = {**current, "servers": [server, *servers]}
            if current is not schema:
                response = await to_thread.run_sync(JSONResponse, current)
                schema, written = current, bytes(response.body)
        return Response(written, media_type="application/json")

    def _first() -> dict[str, Any]:
        with uncollected():
            return app.openapi()

    if app.openapi_url:
        app.add_route(app.openapi_url, document, include_in_schema=False)
