"""Sessions of users on the admin page, for starlette-admin."""

from fastapi import FastAPI, HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette_admin.auth import AdminUser, AuthProvider
from starlette_admin.exceptions import LoginFailed
from starlette_admin.helpers import index_url, safe_redirect_url

from ..access.caller import BaseCaller
from ..access.errors import Unauthorized
from ..access.tokens import Tokens
from .api_client import ApiClient, authorize
from .api_errors import message_of
from .cookies import CookieSizeError, EncryptedCookie

_NAMES = ("login_name", "name", "email")
"""The attributes of a caller that name them to a user."""


class TokenProvider(AuthProvider):
    """Begins a session with a token, and ends it."""

    def __init__(
        self, caller: type[BaseCaller], app: FastAPI, api: ApiClient, sessions: EncryptedCookie
    ) -> None:
        super().__init__()
        self._caller, self._app, self._api, self._sessions = caller, app, api, sessions

    async def authenticate(self, request: Request) -> AdminUser | None:
        """Return the user of a session whose token the API still accepts."""
        token = self._sessions.read(request)
        return None if token is None else await self.user_of(request, token)

    async def user_of(self, request: Request, token: str) -> AdminUser | None:
        """Return the user of a token, as whom a request calls the API; None if it is invalid."""
        try:
            caller = await self._caller_of(token)
        except Unauthorized:
            return None
        authorize(request, f"Bearer {token}")
        request.state.admin_caller = caller
        return AdminUser(username=_name_of(caller))

    async def login(
        self, username: str, password: str, remember_me: bool, request: Request
    ) -> Response:
        """Begin a session. Raises LoginFailed if the API does not accept what the form has."""
        del remember_me
        token = await self._token(request, username, password)
        try:
            await self._caller_of(token)
        except HTTPException as error:
            raise LoginFailed(str(error.detail)) from None
        index = index_url(request)
        target = safe_redirect_url(request.query_params.get("next") or index, request, index)
        response = RedirectResponse(target, status_code=303)
        try:
            self._sessions.write(request, response, token)
        except CookieSizeError:
            raise LoginFailed("The token is too large for the cookies of a session") from None
        return response

    async def logout(self, request: Request) -> Response:
        """End the session."""
        response = RedirectResponse(index_url(request), status_code=303)
        self.forget(request, response)
        return response

    def has_session(self, request: Request) -> bool:
        """Return whether a request has the cookie of a session."""
        return self._sessions.read(request) is not None

    def forget(self, request: Request, response: Response) -> None:
        """Delete the cookies of a session."""
        self._sessions.delete(request, response)

    async def _token(self, request: Request, username: str, password: str) -> str:
        """Return the token in the form."""
        del request, username
        return password.strip()

    async def _caller_of(self, token: str) -> BaseCaller:
        """Return the caller of a token. Raises Unauthorized."""
        tokens: Tokens = self._app.state.tokens
        return await tokens.caller(f"Bearer {token}".encode("utf-8", "replace"), self._caller)


class PasswordProvider(TokenProvider):
    """Logs users in and out by the API, so that its delays and limits hold."""

    async def logout(self, request: Request) -> Response:
        """End the session, and revoke its token."""
        await self.revoke(request)
        return await super().logout(request)

    async def revoke(self, request: Request) -> None:
        """Revoke the token of the session of a request, if it has one."""
        if await self.authenticate(request) is not None:
            await self._api.send(request, "POST", "/logout")

    async def _token(self, request: Request, username: str, password: str) -> str:
        """Return a new token of a user."""
        form = {"username": username, "password": password}
        answer = await self._api.send(request, "POST", "/login", form=form)
        if not answer.is_success:
            raise LoginFailed(message_of(answer))
        return str(answer.json["access_token"])


def _name_of(caller: BaseCaller) -> str:
    """Return how the page names a caller."""
    names = (getattr(caller, one, None) for one in _NAMES)
    return next((one for one in names if isinstance(one, str) and one), caller.subject)
