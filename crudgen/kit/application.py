"""FastAPI with limits, shortcuts to handlers, and support for many routers."""

import gc
import sys
from collections.abc import Callable
from functools import partial
from typing import Any

from anyio import Lock, to_thread
from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.responses import JSONResponse
from starlette.types import Message, Receive, Scope, Send

from .errors import StartupError
from .fast.shortcut_table import ShortcutTable
from .http.head_route import without_body
from .http.headers import PAGE_HEADERS, adding_headers
from .http.root_path import RootPath
from .http.routing import Router
from .limits import BROKEN, USUAL, Gate, Limits, Patience

_NO_LIFESPAN = type(APIRouter().lifespan_context)


class Application(FastAPI):
    """A FastAPI application. `shortcut` enables the shortcuts (see shortcut.py).

    `root_path` works with proxies that strip it and with proxies that do not.
    """

    def __init__(
        self, *, shortcut: bool = True, limits: Limits = USUAL, root_path: str = "", **options: Any
    ) -> None:
        self._prefixes: dict[int, str] = {}
        self._root_path = RootPath(root_path, self._prefixes.values())
        self._shortcut = shortcut
        self._shortcuts: ShortcutTable | None = None
        self._limits = limits
        self._concurrent = 0
        super().__init__(**options)
        self._pages = {self.docs_url, self.redoc_url}
        self.state.limits = limits
        self.add_middleware(Gate)

    def setup(self) -> None:
        """Add the routes of the documentation. The text of `/openapi.json` is cached."""
        lock = Lock()
        written: tuple[Any, bytes] = (None, b"")

        async def document(request: Request) -> Response:
            nonlocal written
            async with lock:
                build = self.openapi if written[1] else partial(_undisturbed, self.openapi)
                schema = await to_thread.run_sync(build)
                server = {"url": request.scope.get("root_path", "").rstrip("/")}
                servers = schema.get("servers", [])
                if server["url"] and self.root_path_in_servers and server not in servers:
                    schema = {**schema, "servers": [server, *servers]}
                if schema is not written[0]:
                    response = await to_thread.run_sync(JSONResponse, schema)
                    written = (schema, bytes(response.body))
            return Response(written[1], media_type="application/json")

        if self.openapi_url:
            self.add_route(self.openapi_url, document, include_in_schema=False)
        super().setup()

    def openapi(self) -> dict[str, Any]:
        """Return the OpenAPI document, with 64-bit bounds as integers instead of doubles."""
        if not self.openapi_schema:
            _write_integers(super().openapi().get("components", {}).get("schemas", {}))
        return super().openapi()

    def include_router(self, router: APIRouter, *, prefix: str = "", **options: Any) -> None:
        """Include a router as FastAPI does."""
        lifespan = self.router.lifespan_context
        super().include_router(router, prefix=prefix, **options)
        handlers = [*router.on_startup, *router.on_shutdown]
        if type(router.lifespan_context) is _NO_LIFESPAN and not handlers:
            # FastAPI nests a call for each router, which overflows the stack at 300 routers.
            self.router.lifespan_context = lifespan
        if isinstance(router, Router):
            self._prefixes[id(self.routes[-1])] = prefix + router.prefix

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request, by a shortcut if there is one."""
        path: str = scope.get("path", "")
        if scope["type"] != "lifespan" and (self._root_path.own or scope.get("root_path")):
            path = self._root_path.place(scope)
        if scope["type"] != "http":
            is_start = scope["type"] == "lifespan"
            await super().__call__(scope, receive, _saying_why(send) if is_start else send)
            return
        if scope["method"] == "HEAD":
            send = without_body(send)
        self._concurrent += 1
        try:
            broken = self._limits.broken(scope, path, self._concurrent)
            if broken is not None:
                scope[BROKEN] = broken
            elif self._shortcut and not self._is_changed():
                if self._shortcuts is None:
                    self._shortcuts = ShortcutTable(self, self._prefixes)
                found = self._shortcuts.find(scope["method"], path)
                if found is not None:
                    shortcut, key = found
                    rest = await shortcut.answer(self, key, scope, receive, send)
                    if rest is None:
                        return
                    receive = rest
            more = PAGE_HEADERS if path in self._pages else []
            patient = Patience(receive, self._limits.body_seconds)
            await super().__call__(scope, patient, adding_headers(send, *more))
        finally:
            self._concurrent -= 1

    def _is_changed(self) -> bool:
        """Tell whether dependencies are overridden, or FastAPI's own root path is set."""
        return bool(self.dependency_overrides or self.root_path)


def _saying_why(send: Send) -> Send:
    """Return a `send` that reports a failed start by the message of its StartupError.

    Starlette would report a traceback.
    """

    async def send_reason(message: Message) -> None:
        error = sys.exc_info()[1]
        if message["type"] == "lifespan.startup.failed" and isinstance(error, StartupError):
            message = {**message, "message": str(error)}
        await send(message)

    return send_reason


def _write_integers(schema: Any) -> None:
    for key, value in schema.items() if isinstance(schema, dict) else enumerate(schema):
        if isinstance(value, dict | list):
            _write_integers(value)
        elif isinstance(value, float) and value.is_integer() and abs(value) >= 2**53:
            schema[key] = int(value)


def _undisturbed(build: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Build the document without garbage collection, and exclude it from later collections.

    With many entities this is faster, and later collections do not delay requests.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        return build()
    finally:
        gc.freeze()
        if was_on:
            gc.enable()
