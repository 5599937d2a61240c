"""The table of shortcuts (see shortcut.py): requests that only one route can match."""

import inspect
import logging
from collections.abc import Iterable, Mapping
from typing import Any

from asgi_correlation_id import CorrelationIdMiddleware
from fastapi import FastAPI, Response
from fastapi.params import Body
from fastapi.routing import RouteContext, iter_route_contexts
from starlette.applications import Starlette
from starlette.routing import BaseRoute

from ..database import database
from ..http.limiting import LimitMiddleware
from ..http.logs import REQUEST_ID
from ..http.precedence import Guard
from ..http.routing import REPLACEMENT, Route
from ..query.query_parameters import QueryParameters
from .lazy import LazyRoute
from .shortcut import Shortcut

_log = logging.getLogger(__name__)
Shortcuts = dict[tuple[str, str, bool], Shortcut]
"""Shortcuts by method, path and False; or by method, the path before a key, and True."""


class ShortcutTable:
    """The shortcuts of an application. Those of a router are built on its first request.

    The table is empty if the application has middleware that a shortcut would skip.
    """

    def __init__(self, app: FastAPI, prefixes: Mapping[int, str]) -> None:
        """`prefixes` are those of the application's routers, by the `id()` of their routes."""
        self._app = app
        self._known = prefixes
        self._nodes: list[tuple[str | None, BaseRoute]] = []
        self._prefixes: set[str] = set()
        self._found: dict[str, Shortcuts] = {}

    def find(self, method: str, path: str) -> tuple[Shortcut, str] | None:
        """Return a shortcut, and the key that ends the path (may be empty); or None."""
        if not self._nodes:
            self._read_routes()
        collection, _, key = path.rpartition("/")
        found = self._shortcuts_under(collection)
        if found is None and (found := self._shortcuts_under(path)) is None:
            return None
        if (shortcut := found.get((method, path, False))) is not None:
            return shortcut, ""
        # Starlette ignores a newline at the end of a path. For U+FFFD, see routing.py.
        if not key or "\n" in key or REPLACEMENT in key:
            return None
        shortcut = found.get((method, collection, True))
        return None if shortcut is None else (shortcut, key)

    def _read_routes(self) -> None:
        """Read the routes. If there is other middleware than the kit's, allow no shortcut."""
        app = self._app
        middleware: list[Any] = [(one.cls, one.args, one.kwargs) for one in app.user_middleware]
        kit: list[Any] = [(CorrelationIdMiddleware, (), {"header_name": REQUEST_ID})]
        plain = middleware == [*kit, (LimitMiddleware, (), {})]
        if plain and (reason := _find_instrumentation(app)):
            _log.info("SHORTCUT is off: %s observes requests in the middleware of FastAPI", reason)
            plain = False
        self._nodes = [(self._known.get(id(node)), node) for node in app.routes]
        self._prefixes = {prefix for prefix, _ in self._nodes if prefix is not None and plain}

    def _shortcuts_under(self, prefix: str) -> Shortcuts | None:
        found = self._found.get(prefix)
        if found is None and prefix in self._prefixes:
            found = _build_shortcuts(
                node
                for other, node in self._nodes
                if other is None or other.startswith(prefix) or prefix.startswith(other)
            )
            self._found[prefix] = found
        return found


def _find_instrumentation(app: FastAPI) -> str | None:
    """Return what of another library observes requests on the way that a shortcut would skip."""
    application: Any = app
    if application.native_telemetry.observes_requests():
        return "the provider of FastAPI's telemetry"
    if "build_middleware_stack" in vars(app):
        return str(vars(app)["build_middleware_stack"].__module__)
    for method, module in (
        (type(app).build_middleware_stack, "fastapi.applications"),
        (FastAPI.__call__, "fastapi.applications"),
        (Starlette.__call__, "starlette.applications"),
    ):
        if method.__module__ != module:
            return method.__module__
    return None


def _build_shortcuts(routes: Iterable[BaseRoute]) -> Shortcuts:
    found: Shortcuts = {}
    earlier: list[RouteContext] = []
    for context in iter_route_contexts(list(routes)):
        if not _can_shortcut(context):
            earlier.append(context)
            continue
        shortcut = Shortcut(context)
        for method in context.methods or ():
            for path in _path_forms(str(context.path)):
                collection, _, last = path.rpartition("/")
                keyed = last == "{}"
                taken = last != "" and (method, collection, True) in found
                if not taken and not any(_may_match(one, method, path) for one in earlier):
                    found.setdefault((method, collection if keyed else path, keyed), shortcut)
    return found


def _can_shortcut(context: RouteContext) -> bool:
    """Return whether the kit can supply all parameters of a handler."""
    if type(context.original_route) not in {Route, LazyRoute}:
        return False
    path, dependant, body = str(context.path), context.dependant, context.body_field
    collection, _, last = path.rpartition("/")
    keys = [last[1:-1]] if last.startswith("{") else []
    return (
        "{" not in collection
        and [field.alias for field in dependant.path_params] == keys
        and inspect.iscoroutinefunction(dependant.call)
        and inspect.signature(dependant.call).return_annotation is Response
        and all(
            one.call is database
            or isinstance(one.call, Guard)
            or (isinstance(one.call, QueryParameters) and not dependant.query_params)
            for one in dependant.dependencies
        )
        and all(
            field.field_info.annotation == str | None and not field.field_info.is_required()
            for field in dependant.header_params
        )
        and (body is None or (dependant.body_params == [body] and type(body.field_info) is Body))
        and not any(getattr(dependant, name) for name in _UNKNOWN)
    )


_UNKNOWN = (
    "cookie_params",
    "response_param_name",
    "background_tasks_param_name",
    "security_scopes_param_name",
    "http_connection_param_name",
    "websocket_param_name",
)
"""Kinds of parameters that only FastAPI can supply."""


def _path_forms(path: str) -> list[str]:
    """Return the forms of a path: `…/{}` with a key, or with and without the final slash."""
    if path.endswith("}"):
        return [path.rpartition("/")[0] + "/{}"]
    return [path, path.removesuffix("/")]


def _may_match(earlier: RouteContext, method: str, path: str) -> bool:
    """Return whether an earlier route may match a request with this path.

    It may also match the path without its final slash (see routing.py).
    """
    template, methods = earlier.path, earlier.methods
    if template is None or methods is None or ":" in template:
        return True  # a mounted application, for example
    if method not in methods:
        return False
    one = template.split("/")
    return any(
        len(one) == len(other)
        and all(
            a == b or ("{" in a and b != "") or (b == "{}" and a != "")
            for a, b in zip(one, other, strict=True)
        )
        for other in (path.split("/"), [*path.split("/"), ""])
    )
