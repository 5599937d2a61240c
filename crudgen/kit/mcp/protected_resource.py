"""How a client of an agent finds the identity provider that its user logs in at (RFC 9728)."""

from typing import Any

from fastapi import HTTPException, Request
from starlette.responses import JSONResponse, Response

WELL_KNOWN = "/.well-known/oauth-protected-resource"


async def metadata(request: Request) -> Response:
    """Return the metadata of `/mcp`. Raises HTTPException 404 without an identity provider."""
    issuer = _issuer_of(request)
    if issuer is None:
        raise HTTPException(404)
    content = {
        "resource": _resource_of(request),
        "authorization_servers": [issuer],
        "bearer_methods_supported": ["header"],
        "resource_name": request.app.title,
    }
    return JSONResponse(content, headers={"Cache-Control": "no-store"})


def challenge(request: Request, given: str) -> str:
    """Return the value of WWW-Authenticate: the given one, and where the metadata is."""
    if _issuer_of(request) is None:
        return given
    url = f"{_base_of(request)}{WELL_KNOWN}/mcp"
    separator = ", " if "=" in given else " "
    return f'{given}{separator}resource_metadata="{url}"'


def has_provider(request: Request) -> bool:
    """Return whether users of the application log in at an identity provider."""
    return _issuer_of(request) is not None


def _issuer_of(request: Request) -> str | None:
    """Return the URL of the identity provider; None if AUTH_ISSUER is none."""
    issuer = getattr(request.app.state, "issuer", None)
    return issuer if _is_url(issuer) else None


def _resource_of(request: Request) -> str:
    """Return what tokens are for: AUTH_AUDIENCE if it is a URL that `/mcp` is below."""
    own = f"{_base_of(request)}/mcp"
    audience = str(getattr(request.app.state, "audience", None))
    is_above = _is_url(audience) and f"{own}/".startswith(f"{audience.rstrip('/')}/")
    return audience if is_above else own


def _base_of(request: Request) -> str:
    return str(request.base_url).rstrip("/")


def _is_url(text: Any) -> bool:
    return isinstance(text, str) and text.startswith(("https://", "http://"))
