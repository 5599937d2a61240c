"""The class Application: FastAPI with limits, shortcuts, and a root path."""

import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, Protocol, runtime_checkable

from fastapi import APIRouter, FastAPI
from fastapi.openapi.utils import get_openapi
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from .acceleration import fast_module
from .errors import StartupError
from .http.docs_pages import add_docs_pages
from .http.exchange import EXCHANGE, NOTES, Exchange, Observer, note_route
from .http.global_providers import NativeTelemetry
from .http.head_route import without_body
from .http.headers import adding_headers
from .http.limiting import (
    LimitMiddleware,
    RateLimiter,
    TimedReceive,
    describe_rate_limit,
    warn_of_unenforced_limits,
)
from .http.openapi import add_tag_descriptions, adjust_document
from .http.precedence import routes_in_use
from .http.root_path import RootPath
from .http.routing import OUTCOME, Router
from .limits import DEFAULT_LIMITS, PART, LimitExceeded, Limits

_NO_LIFESPAN = type(APIRouter().lifespan_context)


@runtime_checkable
class Describing(Protocol):
    """A router that adds to the OpenAPI document what its routes do not say."""

    def describe(self, document: dict[str, Any]) -> None:
        """Add to an OpenAPI document."""
        ...


class Application(FastAPI):
    """A FastAPI application with limits.

    `shortcut` lets requests that need nothing of FastAPI but its handler go straight to it (see
    fast/shortcut.py). `root_path` is the path below which a proxy serves it, whether the proxy
    strips that path or not.
    """

    def __init__(
        self,
        *,
        shortcut: bool = True,
        limits: Limits = DEFAULT_LIMITS,
        root_path: str = "",
        **options: Any,
    ) -> None:
        self._prefixes: dict[int, str] = {}
        self._tags: dict[str, str] = {}
        self._collections: dict[str, str] = {}
        self._describing: list[Describing] = []
        self._root_path = RootPath(root_path, self._prefixes.values())
        fast = fast_module("shortcut_table") if shortcut else None
        self._shortcut = fast.ShortcutTable(self, self._prefixes) if fast else None
        direct = fast_module("direct") if fast else None
        self._direct = direct.DirectRequests(self, self._shortcut) if direct else None
        self._limits = limits
        self._rate = None if limits.rate is None else RateLimiter(limits.rate)
        self.concurrent = 0
        """The number of current requests."""
        self.observers: list[Observer] = []
        self._document: dict[str, Any] | None = None
        self.wrap_send: Callable[[Scope, Send], Send] | None = None
        """Returns the `send` of a request, which may add headers to the response."""
        self.hold: Callable[[Scope], AbstractContextManager[None]] | None = None
        """Returns the context of a request that is handled without `__call__`."""
        self.limit_responses: dict[str, Callable[[LimitExceeded], Response]] = {}
        """Make the responses to requests that exceed a limit, by path; others have `detail`."""
        super().__init__(**options)
        self.native_telemetry = NativeTelemetry(self._native_telemetry)
        self.state.limits = limits
        self.add_middleware(LimitMiddleware)

    def setup(self) -> None:
        """Add the routes `/openapi.json`, `/docs` and `/redoc`."""
        if lazy := fast_module("lazy"):
            lazy.add_document_route(self)
        add_docs_pages(self)
        docs_url, redoc_url = self.docs_url, self.redoc_url
        self.docs_url = self.redoc_url = None  # FastAPI would add its own pages
        super().setup()
        self.docs_url, self.redoc_url = docs_url, redoc_url

    def openapi(self) -> dict[str, Any]:
        """Return the OpenAPI document, with its named schemas in one place.

        Of two handlers for the same requests, it describes the one that is used.
        """
        self.openapi_tags = add_tag_descriptions(self.openapi_tags, self._tags)
        document = super().openapi()
        if document is not self._document:
            used = routes_in_use(self.routes)
            if used is not None:
                described = get_openapi(
                    title=self.title,
                    version=self.version,
                    routes=used,
                    webhooks=self.webhooks.routes,
                    separate_input_output_schemas=self.separate_input_output_schemas,
                )
                document |= {key: described.get(key, {}) for key in ("paths", "components")}
            for router in self._describing:
                router.describe(document)
            adjust_document(document)
            if self._rate is not None:
                describe_rate_limit(document)
            self._document = document
        return document

    def include_router(self, router: APIRouter, *, prefix: str = "", **options: Any) -> None:
        """Include a router as FastAPI does, except for the lifespan of a router that has none."""
        lifespan = self.router.lifespan_context
        super().include_router(router, prefix=prefix, **options)
        handlers = [*router.on_startup, *router.on_shutdown]
        if type(router.lifespan_context) is _NO_LIFESPAN and not handlers:
            # FastAPI nests a call for each router, which overflows the stack at 300 routers.
            self.router.lifespan_context = lifespan
        if isinstance(router, Describing):
            self._describing.append(router)
        if isinstance(router, Router):
            self._prefixes[id(self.routes[-1])] = prefix + router.prefix
            for tag in map(str, router.tags):  # several routers can have one tag
                self._tags[tag] = router.description or self._tags.get(tag, "")
            self._collections |= {str(tag): prefix + router.prefix for tag in router.tags}

    @property
    def collections(self) -> dict[str, str]:
        """The paths of the collections that routers of the kit have, by tag."""
        return dict(self._collections)

    def observe(self, observer: Observer) -> None:
        """Tell an observer of each HTTP request, whether a shortcut or FastAPI handles it."""
        self.observers.append(observer)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle an HTTP request by a shortcut if possible; pass everything else to FastAPI."""
        if self.observers and scope["type"] == "http" and EXCHANGE not in scope:
            notes = scope.pop(NOTES, None)
            await Exchange(scope, send, self.observers, notes).run(self, receive)
            return
        path: str = scope.get("path", "")
        if scope["type"] != "lifespan" and (self._root_path.own or scope.get("root_path")):
            path = self._root_path.apply(scope)
        if scope["type"] != "http":
            await self._pass_on(scope, receive, send)
            return
        if scope["method"] == "HEAD":
            send = without_body(send)
        if self.wrap_send is not None:
            send = self.wrap_send(scope, send)
        counted = 0 if PART in scope else 1
        self.concurrent += counted
        try:
            is_decided = OUTCOME in scope
            exceeded = None if is_decided else self._error_if_exceeded(scope, path)
            if exceeded is not None:
                scope[OUTCOME] = exceeded
            elif self._shortcut is not None and not (is_decided or self._skips_shortcuts()):
                found = self._shortcut.find(scope["method"], path)
                if found is not None:
                    shortcut, key = found
                    note_route(scope, shortcut.path, shortcut.entity)
                    rest = await shortcut.answer(self, key, scope, receive, send)
                    if rest is None:
                        return
                    receive = rest
            self._record_selected_route(scope)
            timed = TimedReceive(receive, self._limits.body_seconds)
            await super().__call__(scope, timed, adding_headers(send))
        finally:
            self.concurrent -= counted

    def _error_if_exceeded(self, scope: Scope, path: str) -> LimitExceeded | None:
        """Return the error for a request that exceeds a limit."""
        is_part = PART in scope
        concurrent = 0 if is_part else self.concurrent
        exceeded = self._limits.error_if_exceeded(scope, path, concurrent)
        if exceeded is None and self._rate is not None and not is_part:
            exceeded = self._rate.error_if_exceeded(scope, path, self.state)
        return exceeded

    def _record_selected_route(self, scope: Scope) -> None:
        """Let FastAPI record the route that it selects, unless its own telemetry does."""
        if self.observers and not self.native_telemetry.observes_requests():
            scope[EXCHANGE].record_selected_route()

    async def _pass_on(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let FastAPI handle what is no HTTP request."""
        if scope["type"] == "lifespan":
            warn_of_unenforced_limits(scope)
            send = _with_startup_message(send)
        await super().__call__(scope, receive, send)

    @property
    def direct_requests(self) -> Any:
        """The DirectRequests (see fast/direct.py) that may handle requests now, or None."""
        needs_scope = self._rate or self._root_path.own or self.wrap_send
        if type(self).__call__ is not _OWN_CALL:
            return None  # that of a subclass, or a replacement, would see no request
        if needs_scope or self._skips_shortcuts() or self.native_telemetry.observes_requests():
            return None
        return self._direct

    def exceeds_limits(self, path: bytes, query: bytes) -> bool:
        """Return whether a request without a scope exceeds a limit."""
        limits = self._limits
        is_short = len(path) <= limits.url_bytes and not query
        if is_short and self.concurrent < limits.concurrent_requests:
            return False
        scope = {"raw_path": path, "query_string": query}
        return limits.error_if_exceeded(scope, "", self.concurrent + 1) is not None

    def _skips_shortcuts(self) -> bool:
        """Return whether shortcuts are off: dependencies are overridden, or `root_path` is set."""
        return bool(self.dependency_overrides or self.root_path)


_OWN_CALL = Application.__call__


def _with_startup_message(send: Send) -> Send:
    """Return a `send` that reports only the message of a StartupError, without a traceback."""

    async def send_message(message: Message) -> None:
        error = sys.exc_info()[1]
        if message["type"] == "lifespan.startup.failed" and isinstance(error, StartupError):
            message = {**message, "message": str(error)}
        await send(message)

    return send_message
