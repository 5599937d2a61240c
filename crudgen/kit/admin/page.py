"""The admin page of an application, at /admin. It is built at the first request to it."""

from collections.abc import Sequence
from importlib.util import find_spec
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any, Protocol

from fastapi import APIRouter, FastAPI
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ..errors import StartupError
from ..settings import BaseAppSettings
from .api_client import ApiClient
from .links import without_host
from .tables import Table

if TYPE_CHECKING:
    from starlette_admin.auth import BaseAuthProvider

PATH = "/admin"
_HEADERS = {
    b"content-security-policy": (
        b"default-src 'self'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline';"
        b" img-src 'self' data:; font-src 'self' data:; object-src 'none'; base-uri 'none';"
        b" form-action 'self'; frame-ancestors 'none'"
    ),
    b"referrer-policy": b"same-origin",
    b"x-content-type-options": b"nosniff",
    b"x-frame-options": b"DENY",
}
_NOT_STORED = (b"cache-control", b"no-store")


class Login(Protocol):
    """How users log in."""

    def template(self, app: FastAPI) -> str:
        """Return the name of the template of the login form."""
        ...

    def provider(self, app: FastAPI, api: ApiClient, secret: bytes) -> "BaseAuthProvider":
        """Return what handles logins in starlette-admin."""
        ...


class AdminPage(APIRouter):
    """The admin page. Without `login`, everybody who can connect may use it: for this host only."""

    def __init__(self, tables: Sequence[Table], login: Login | None = None) -> None:
        super().__init__()
        self._tables, self._login = tables, login

    def install(self, app: FastAPI, settings: BaseAppSettings) -> None:
        """Add the page to an application. Raises StartupError without starlette-admin."""
        if find_spec("starlette_admin") is None:
            raise StartupError(
                "The admin page needs starlette-admin\n"
                "  pip install 'crudgen[admin]', or in an emitted project:"
                " pip install 'starlette-admin>=1.0.3,<1.1'"
            )
        page = _Page(app, settings.api_title, self._tables, self._login)
        app.add_route(PATH, _redirect_to_index, include_in_schema=False)
        app.mount(PATH, page, name="admin")


class _Page:
    """The application below /admin."""

    def __init__(
        self, app: FastAPI, title: str, tables: Sequence[Table], login: Login | None
    ) -> None:
        self._app, self._title, self._tables, self._login = app, title, tables, login
        self._built: ASGIApp | None = None

    @property
    def routes(self) -> list[BaseRoute]:
        """The routes of the page, for links to it."""
        found: list[BaseRoute] = getattr(self._built, "routes", [])
        return found

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request to the page."""
        if scope["type"] != "http":
            await PlainTextResponse("Not Found", 404)(scope, receive, send)
            return
        if self._login is None and not _is_local(scope):
            text = "This page has no login: open it as http://localhost or http://127.0.0.1"
            await PlainTextResponse(text, 403)(scope, receive, send)
            return
        if self._built is None:
            self._built = self._build()
        await self._built(without_host(scope), receive, _with_headers(scope, send))

    def _build(self) -> ASGIApp:
        from .site import build_site

        api, secret = ApiClient(self._app), self._app.state.database.secret
        login = self._login
        provider = None if login is None else login.provider(self._app, api, secret)
        template = "" if login is None else login.template(self._app)
        return build_site(
            self._title,
            self._tables,
            api=api,
            secret=secret,
            provider=provider,
            login_template=template,
        )


def _redirect_to_index(request: Request) -> RedirectResponse:
    """Redirect to the page with a slash at the end."""
    return RedirectResponse(f"{request.scope.get('root_path', '')}{PATH}/", status_code=307)


def _is_local(scope: Scope) -> bool:
    """Return whether a request names this host by a loopback address, not another site's name."""
    hosts = [value.decode("latin-1") for name, value in scope["headers"] if name == b"host"]
    if len(hosts) != 1:
        return False
    name = hosts[0].rpartition("]")[0].lstrip("[") or hosts[0].partition(":")[0]
    if name == "localhost":
        return True
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return False


def _with_headers(scope: Scope, send: Send) -> Send:
    """Return a `send` that adds the headers that protect the page; cookies are secure by TLS."""
    is_static = "/static/" in scope["path"]
    ending = b"; Secure" if scope["scheme"] == "https" else b""

    async def send_message(message: Message) -> None:
        if message["type"] == "http.response.start":
            added: list[Any] = [*_HEADERS.items(), *([] if is_static else [_NOT_STORED])]
            sent = [
                (name, value + ending if name == b"set-cookie" else value)
                for name, value in message.get("headers", ())
            ]
            message["headers"] = [*sent, *added]
        await send(message)

    return send_message
