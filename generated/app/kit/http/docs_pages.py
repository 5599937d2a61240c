"""The pages `/docs` and `/redoc`, each with a Content-Security-Policy that allows only its files.

The files are those of the package fastapi-standalone-docs, so the pages need no internet access. If
the package is not installed, browsers load the files from the CDN that FastAPI uses.
"""

import re
from base64 import b64encode
from functools import cache
from hashlib import sha256
from html import escape
from importlib.util import find_spec
from urllib.parse import quote

from fastapi import FastAPI, HTTPException, Request, Response
from fastapi.openapi.docs import (
    get_redoc_html,
    get_swagger_ui_html,
    get_swagger_ui_oauth2_redirect_html,
)
from starlette.staticfiles import StaticFiles

PACKAGE = "fastapi_standalone_docs"
FOLDERS = ("static/swagger", "static/redoc", "static/fastapi")
"""The folders of the package that contain files of the pages."""
_SWAGGER_JS, _SWAGGER_CSS = "swagger-ui-bundle.js", "swagger-ui.css"
_REDOC_JS, _FAVICON, _LOGO = "redoc.standalone.js", "favicon.png", "logo-mini.svg"
CDN = {
    _SWAGGER_JS: "https://cdn.jsdelivr.net/npm/swagger-ui-dist@5/swagger-ui-bundle.js",
    _SWAGGER_CSS: "https://cdn.jsdelivr.net/npm/swagger-ui-dist@5/swagger-ui.css",
    _REDOC_JS: "https://cdn.jsdelivr.net/npm/redoc@2/bundles/redoc.standalone.js",
    _FAVICON: "https://fastapi.tiangolo.com/img/favicon.png",
    _LOGO: "https://cdn.redoc.ly/redoc/logo-mini.svg",
}
"""The URLs of the files if the package is not installed."""
_CACHED = "public, max-age=86400"
_INLINE_SCRIPT = re.compile("<script>(.*?)</script>", re.DOTALL)


def add_docs_pages(app: FastAPI) -> None:
    """Add the pages that `docs_url` and `redoc_url` name, and their files below them."""
    if not app.openapi_url:
        return
    if app.docs_url:
        app.add_route(app.docs_url, _swagger_ui, include_in_schema=False)
        if app.swagger_ui_oauth2_redirect_url:
            redirect_url = app.swagger_ui_oauth2_redirect_url
            app.add_route(redirect_url, _oauth2_redirect, include_in_schema=False)
    if app.redoc_url:
        app.add_route(app.redoc_url, _redoc, include_in_schema=False)
        # The package's ReDoc loads its logo from there.
        app.add_route(f"{app.redoc_url}/{_LOGO}", _serve_file, include_in_schema=False)
    if folder := _assets_path(app):
        app.add_route(f"{folder}/{{name}}", _serve_file, include_in_schema=False)


async def _swagger_ui(request: Request) -> Response:
    app, root = request.app, _root_path(request)
    redirect_url = app.swagger_ui_oauth2_redirect_url
    page = get_swagger_ui_html(
        openapi_url=root + app.openapi_url,
        title=escape(f"{app.title} - Swagger UI"),
        swagger_js_url=_file_url(request, _SWAGGER_JS),
        swagger_css_url=_file_url(request, _SWAGGER_CSS),
        swagger_favicon_url=_file_url(request, _FAVICON),
        oauth2_redirect_url=redirect_url and root + redirect_url,
        init_oauth=app.swagger_ui_init_oauth,
        swagger_ui_parameters=app.swagger_ui_parameters,
    )
    return _with_security_policy(
        page,
        f"script-src {_policy_source(_SWAGGER_JS)}",
        f"style-src {_policy_source(_SWAGGER_CSS)}",
        f"img-src {_policy_source(_FAVICON)} data:",
    )


async def _redoc(request: Request) -> Response:
    page = get_redoc_html(
        openapi_url=_root_path(request) + request.app.openapi_url,
        title=escape(f"{request.app.title} - ReDoc"),
        redoc_js_url=_file_url(request, _REDOC_JS),
        redoc_favicon_url=_file_url(request, _FAVICON),
        with_google_fonts=False,
    )
    images = " ".join(dict.fromkeys(map(_policy_source, (_FAVICON, _LOGO))))
    return _with_security_policy(
        page,
        f"script-src {_policy_source(_REDOC_JS)}",
        "style-src 'unsafe-inline'",  # ReDoc adds its styles as elements
        f"img-src {images} data:",
        "worker-src blob:",
    )


async def _oauth2_redirect(_request: Request) -> Response:
    return _with_security_policy(get_swagger_ui_oauth2_redirect_html(), "script-src")


async def _serve_file(request: Request) -> Response:
    """Return a file of the package. Raises HTTPException 404 if there is none."""
    files = package_files()
    if files is None:
        raise HTTPException(404)
    response = await files.get_response(request.path_params.get("name", _LOGO), request.scope)
    response.headers["Cache-Control"] = _CACHED
    return response


@cache
def package_files() -> StaticFiles | None:
    """Return the files of the package, or None if it is not installed or lacks one of them."""
    spec = find_spec(PACKAGE)  # the package is not imported: it imports and patches FastAPI
    if spec is None:
        return None
    files = StaticFiles(packages=[(PACKAGE, folder) for folder in FOLDERS])
    return files if all(files.lookup_path(name)[1] for name in CDN) else None


def _assets_path(app: FastAPI) -> str:
    page = app.docs_url or app.redoc_url
    return f"{page.rstrip('/')}/assets" if page else ""


def _file_url(request: Request, name: str) -> str:
    if package_files() is None:
        return CDN[name]
    return f"{_root_path(request)}{_assets_path(request.app)}/{name}"


def _policy_source(name: str) -> str:
    """Return the source of a file, as a Content-Security-Policy lists it."""
    return CDN[name] if package_files() is None else "'self'"


def _root_path(request: Request) -> str:
    """Return the root path, encoded: the path of a mount can contain text of the client."""
    return quote(request.scope.get("root_path", "").rstrip("/"))


def _with_security_policy(page: Response, script_sources: str, *directives: str) -> Response:
    """Return a page with a Content-Security-Policy that allows its inline script by its hash."""
    hashes = [
        f"'sha256-{b64encode(sha256(script.encode()).digest()).decode()}'"
        for script in _INLINE_SCRIPT.findall(bytes(page.body).decode())
    ]
    page.headers["Content-Security-Policy"] = "; ".join(
        [
            "default-src 'none'",
            "base-uri 'none'",
            "connect-src 'self'",
            "form-action 'none'",
            "frame-ancestors 'none'",
            " ".join([script_sources, *hashes]),
            *directives,
        ]
    )
    page.headers["Referrer-Policy"] = "no-referrer"
    return page
