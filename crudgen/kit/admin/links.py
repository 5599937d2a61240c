"""Links of the page. They have no host, so a request cannot choose it by the header Host."""

from typing import Any
from urllib.parse import quote

from starlette.datastructures import URL, URLPath
from starlette.requests import Request
from starlette.types import Scope

RECEIVED = "admin.received"
"""Key in the scope of a request to the page: its scope as the application received it."""


def without_host(scope: Scope) -> Scope:
    """Return the scope of a request for starlette-admin, whose links then are absolute paths."""
    origin = quote(str(_scheme_and_host(scope)), safe="").encode()
    # actions.js sends the URL of its page as `_origin`, to which an action returns.
    query = scope["query_string"].replace(b"_origin=" + origin, b"_origin=")
    return {
        **scope,
        "headers": [one for one in scope["headers"] if one[0] != b"host"],
        "server": None,
        "router": _PathsOfRoutes(scope["router"]),
        "query_string": query,
        "state": dict(scope.get("state", {})),
        RECEIVED: scope,
    }


class _PathsOfRoutes:
    """A router that finds the paths of routes. `Request.url_for` adds no scheme to them."""

    def __init__(self, router: Any) -> None:
        self._router = router

    def url_path_for(self, name: str, /, **parameters: Any) -> URLPath:
        """Return the path of a route. Raises NoMatchFound."""
        return URLPath(str(self._router.url_path_for(name, **parameters)))


def absolute_url(request: Request, route: str) -> str:
    """Return the URL of a route of the page with the host of the request.

    It is for an identity provider, which accepts only registered URLs.
    """
    path = request.url_for(f"{request.app.state.ROUTE_NAME}:{route}").path
    return f"{_scheme_and_host(request.scope[RECEIVED])}{path}"


def _scheme_and_host(scope: Scope) -> URL:
    """Return the scheme and the host that a request names."""
    return URL(scope={**scope, "path": "", "query_string": b""})
