"""How the client of an agent finds the identity provider, where its user logs in (RFC 9728)."""

from fastapi import HTTPException, Request
from starlette.responses import JSONResponse, Response

PATH = "/mcp"
_WELL_KNOWN = "/.well-known/oauth-protected-resource"
METADATA_ROUTE = f"{_WELL_KNOWN}{{prefix:path}}{PATH}"
"""The route of the metadata. Below a root path, clients request it with and without that prefix."""


async def metadata(request: Request) -> Response:
    """Return the metadata of `/mcp`. Raises HTTPException 404 without an identity provider."""
    provider = _provider_of(request)
    if provider is None or request.path_params["prefix"] not in {"", _root_path_of(request)}:
        raise HTTPException(404)
    content = {
        "resource": _resource_of(request),
        "authorization_servers": [provider],
        "bearer_methods_supported": ["header"],
        "resource_name": request.app.title,
    }
    return JSONResponse(content, headers={"Cache-Control": "no-store"})


def challenge(request: Request, given: str) -> str:
    """Return a value of WWW-Authenticate with the URL of the metadata added."""
    if not has_provider(request):
        return given
    url = f"{_base_of(request)}{_WELL_KNOWN}{PATH}"
    separator = ", " if "=" in given else " "
    return f'{given}{separator}resource_metadata="{url}"'


def has_provider(request: Request) -> bool:
    """Return whether users of the application log in at an identity provider."""
    return _provider_of(request) is not None


def _provider_of(request: Request) -> str | None:
    """Return the URL of the identity provider; None without one."""
    found: str | None = getattr(request.app.state, "provider", None)
    return found


def _resource_of(request: Request) -> str:
    """Return the resource that clients request tokens for.

    It is AUTH_AUDIENCE if that is the URL of `/mcp` or a URL above it, else the URL of `/mcp`.
    """
    own = f"{_base_of(request)}{PATH}"
    audience = str(getattr(request.app.state, "audience", None))
    return audience if f"{own}/".startswith(f"{audience.rstrip('/')}/") else own


def _base_of(request: Request) -> str:
    return str(request.base_url).rstrip("/")


def _root_path_of(request: Request) -> str:
    found: str = request.scope.get("root_path", "")
    return found
