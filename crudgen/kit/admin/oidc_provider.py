"""Sessions of users who logged in at an identity provider, for starlette-admin."""

import asyncio
import json
import logging
import secrets
import time
from dataclasses import asdict, dataclass, replace

from fastapi import FastAPI, HTTPException
from starlette.middleware import Middleware
from starlette.middleware.base import RequestResponseEndpoint
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route
from starlette.templating import Jinja2Templates
from starlette_admin.auth import AdminUser
from starlette_admin.auth.base import AuthMiddleware
from starlette_admin.helpers import index_url, wrap_endpoint_with_kwargs

from ..access.caller import BaseCaller
from ..access.tokens import Tokens
from .api_client import ApiClient
from .cookies import SESSION_SECONDS, CookieSizeError, EncryptedCookie
from .links import absolute_url
from .oidc_requests import (
    GrantedTokens,
    LoginAttempt,
    OidcError,
    OidcRequests,
    is_same,
    refusal_message,
)
from .providers import TokenProvider

EARLY_SECONDS = 60
"""How long before the end of a token it is refreshed."""
KEPT_SECONDS = 30.0
"""How long refreshed tokens are kept for other requests with the same cookie."""
SAME = "="
"""In a cookie, an ID token that is the token of the API too."""
_STALE = "This browser did not begin this login, or has begun another one since. Log in again"
_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Session:
    """The content of the cookie of a session."""

    granted: GrantedTokens
    expires: float
    """When the token expires."""
    ends: float
    """When the user must log in again."""


class OidcProvider(TokenProvider):
    """Begins a session by an authorization code, refreshes its tokens, and ends it."""

    def __init__(
        self,
        caller: type[BaseCaller],
        app: FastAPI,
        api: ApiClient,
        session: EncryptedCookie,
        *,
        attempt: EncryptedCookie,
        requests: OidcRequests,
    ) -> None:
        super().__init__(caller, app, api, session)
        self._attempt, self._requests = attempt, requests
        self._refreshing: dict[str, asyncio.Task[GrantedTokens | None]] = {}
        self.allow_routes += ["oidc_start", "oidc_callback"]

    def get_routes(self, templates: Jinja2Templates) -> list[Route]:
        """Return the routes of logins and logouts."""

        def route(path: str, endpoint: object, name: str, method: str = "GET") -> Route:
            found = wrap_endpoint_with_kwargs(endpoint, templates=templates)  # type: ignore[arg-type]
            return Route(path, found, methods=[method], name=name)

        return [
            route(self.login_path, self.render_login, "login"),
            route(f"{self.login_path}/provider", self.start, "oidc_start"),
            route(f"{self.login_path}/callback", self.callback, "oidc_callback"),
            route(self.logout_path, self.leave, "logout", "POST"),
        ]

    def get_middleware(self) -> Middleware:
        """Return the middleware that authenticates each request, and stores refreshed tokens."""
        return Middleware(_RefreshingMiddleware, provider=self)

    async def authenticate(self, request: Request) -> AdminUser | None:
        """Return the user of a session; its tokens are refreshed if they expire soon."""
        session = self._session(request)
        if session is None:
            return None
        if session.expires - time.time() < EARLY_SECONDS and session.granted.refresh_token:
            session = await self._refreshed_session(request, session)
        return await self.user_of(request, session.granted.token)

    async def start(self, request: Request, templates: Jinja2Templates) -> Response:
        """Redirect to the provider."""
        attempt = LoginAttempt(*(secrets.token_urlsafe(32) for _ in range(3)))
        try:
            url = await self._requests.login_url(attempt, _callback_url(request))
        except OidcError as error:
            return _failed_login_page(request, templates, error)
        response = RedirectResponse(url, status_code=303)
        kept = {**asdict(attempt), "next": _page_after_login(request)}
        try:
            self._attempt.write(request, response, json.dumps(kept))
        except CookieSizeError:
            self._attempt.write(request, response, json.dumps(kept | {"next": ""}))
        return response

    async def callback(self, request: Request, templates: Jinja2Templates) -> Response:
        """Begin a session by the answer of the provider."""
        kept = json.loads(self._attempt.read(request) or "{}")
        state = request.query_params.get("state", "")
        if not kept or not is_same(state, kept["state"]):
            return _failed_login_page(request, templates, OidcError(_STALE))
        target = kept.pop("next") or index_url(request)
        try:
            session = await self._session_of_login(request, LoginAttempt(**kept))
            response: Response = RedirectResponse(target, status_code=303)
            self._write_session(request, response, session)
        except OidcError as error:
            response = _failed_login_page(request, templates, error)
        self._attempt.delete(request, response)
        return response

    async def leave(self, request: Request, templates: Jinja2Templates) -> Response:
        """End the session, here and at the provider."""
        session = self._session(request)
        login = absolute_url(request, "login")
        hint = "" if session is None else session.granted.id_token
        url = await self._requests.logout_url(hint, login)
        if session is not None and session.granted.refresh_token:
            try:
                await self._requests.revoke(session.granted.refresh_token)
            except OidcError as error:
                _logger.warning("The refresh token of a session is not revoked: %s", error)
        response: Response = RedirectResponse(login, status_code=303)
        if url is not None:  # a page: form-action of the policy forbids to redirect a form there
            context = {"url": url}
            response = templates.TemplateResponse(request, "crudgen/leave.html", context)
        self.forget(request, response)
        return response

    def forget(self, request: Request, response: Response) -> None:
        """Delete the cookies of a session, also if its tokens were refreshed by the request."""
        request.state.admin_refreshed = None
        super().forget(request, response)

    def store_refreshed(self, request: Request, response: Response) -> None:
        """Set the cookies of a session whose tokens were refreshed by a request."""
        session: Session | None = getattr(request.state, "admin_refreshed", None)
        if session is not None:
            try:
                self._write_session(request, response, session)
            except OidcError as error:
                _logger.warning("%s", error)

    async def _session_of_login(self, request: Request, attempt: LoginAttempt) -> Session:
        """Return the session that the provider's answer begins. Raises OidcError."""
        query, issuer = request.query_params, self._requests.issuer
        if query.get("iss", issuer) != issuer:
            raise OidcError("The answer is that of another identity provider")
        if "error" in query:
            raise OidcError(refusal_message(issuer, query["error"], query.get("error_description")))
        granted = await self._requests.redeem(
            query.get("code", ""), attempt, _callback_url(request)
        )
        try:
            await self._caller_of(granted.token)
            expires = await self._expiry_of(granted.token)
        except HTTPException as error:
            text = f"The API does not accept the token of {issuer}. {error.detail}"
            raise OidcError(text) from None
        return Session(granted, expires, time.time() + SESSION_SECONDS)

    async def _refreshed_session(self, request: Request, session: Session) -> Session:
        """Return the session with newer tokens; unchanged if the provider sends none."""
        old = session.granted
        task = self._refreshing.get(old.refresh_token)
        if task is None:
            task = asyncio.create_task(self._refresh(old))
            self._refreshing[old.refresh_token] = task
            forget, loop = self._refreshing.pop, asyncio.get_running_loop()
            loop.call_later(KEPT_SECONDS, forget, old.refresh_token, None)
        granted = await asyncio.shield(task)
        if granted is None:
            return session
        try:
            expires = await self._expiry_of(granted.token)
        except HTTPException:
            return session
        request.state.admin_refreshed = found = Session(granted, expires, session.ends)
        return found

    async def _refresh(self, old: GrantedTokens) -> GrantedTokens | None:
        try:
            new = await self._requests.refresh(old.refresh_token, old.subject)
        except OidcError as error:
            _logger.warning("The tokens of a session are not refreshed: %s", error)
            return None
        return replace(
            new,
            id_token=new.id_token or old.id_token,
            refresh_token=new.refresh_token or old.refresh_token,
        )

    async def _expiry_of(self, token: str) -> float:
        tokens: Tokens = self._app.state.tokens
        return float((await tokens.claims(token))["exp"])

    def _session(self, request: Request) -> Session | None:
        """Return the session of a request; None without one, or after its end."""
        text = self._sessions.read(request)
        if text is None:
            return None
        granted, expires, ends = json.loads(text)
        if ends <= time.time():
            return None
        found = GrantedTokens(**granted)
        id_token = found.id_token if found.id_token != SAME else found.token
        return Session(replace(found, id_token=id_token), expires, ends)

    def _write_session(self, request: Request, response: Response, session: Session) -> None:
        """Set the cookies of a session, without the tokens that it can do without, if too large."""
        granted = session.granted
        if granted.id_token == granted.token:
            granted = replace(granted, id_token=SAME)
        less = replace(granted, id_token="")
        for one in (granted, less, replace(less, refresh_token="")):
            try:
                text = json.dumps([asdict(one), session.expires, session.ends])
                return self._sessions.write(request, response, text)
            except CookieSizeError:
                continue
        raise OidcError(f"The token of {self._requests.issuer} is too large for cookies")


class _RefreshingMiddleware(AuthMiddleware):
    """Authenticates requests, and sets the cookies of refreshed sessions."""

    def __init__(self, app: object, provider: OidcProvider) -> None:
        super().__init__(app, provider)  # type: ignore[arg-type]
        self._oidc = provider

    async def dispatch(self, request: Request, call_next: RequestResponseEndpoint) -> Response:
        """Handle a request."""
        response = await super().dispatch(request, call_next)
        self._oidc.store_refreshed(request, response)
        return response


def _failed_login_page(request: Request, templates: Jinja2Templates, error: OidcError) -> Response:
    return templates.TemplateResponse(request, "login.html", {"error": str(error)}, 400)


def _callback_url(request: Request) -> str:
    return absolute_url(request, "oidc_callback")


def _page_after_login(request: Request) -> str:
    """Return the page to show after the login: only one of the admin page."""
    index, target = index_url(request), request.query_params.get("next", "")
    return target if target.startswith(index) else index
