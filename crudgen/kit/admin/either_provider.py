"""Sessions of users who logged in by name and password, or at an identity provider."""

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.templating import Jinja2Templates
from starlette_admin.auth import AdminUser
from starlette_admin.helpers import wrap_endpoint_with_kwargs

from ..access.caller import BaseCaller
from .api_client import ApiClient
from .cookies import EncryptedCookie
from .oidc_provider import OidcProvider
from .oidc_requests import OidcRequests
from .providers import PasswordProvider


class EitherProvider(OidcProvider):
    """Begins and ends sessions of both kinds.

    Each kind has a cookie; a login of one kind deletes the cookie of the other.
    """

    def __init__(
        self,
        caller: type[BaseCaller],
        app: FastAPI,
        api: ApiClient,
        session: EncryptedCookie,
        *,
        attempt: EncryptedCookie,
        requests: OidcRequests,
        passwords: PasswordProvider,
    ) -> None:
        super().__init__(caller, app, api, session, attempt=attempt, requests=requests)
        self._passwords = passwords
        self.allow_routes += ["password_login"]

    def get_routes(self, templates: Jinja2Templates) -> list[Route]:
        """Return the routes of logins and logouts.

        The form is also sent to the paths on which it is shown with an error of the provider.
        """
        login = wrap_endpoint_with_kwargs(self.render_login, templates=templates)
        ends = ("", "/provider", "/callback")
        return [
            *super().get_routes(templates),
            *(
                Route(f"{self.login_path}{end}", login, methods=["POST"], name="password_login")
                for end in ends
            ),
        ]

    async def authenticate(self, request: Request) -> AdminUser | None:
        """Return the user of a session of either kind: of that at the provider, if both exist."""
        user = await super().authenticate(request)
        request.state.admin_is_of_provider = user is not None
        return user or await self._passwords.authenticate(request)

    async def login(
        self, username: str, password: str, remember_me: bool, request: Request
    ) -> Response:
        """Begin a session by name and password. Raises LoginFailed."""
        response = await self._passwords.login(username, password, remember_me, request)
        self.forget(request, response)
        return response

    async def callback(self, request: Request, templates: Jinja2Templates) -> Response:
        """Begin a session by the answer of the provider; it ends a session by password."""
        response = await super().callback(request, templates)
        if response.status_code == 303:
            await self._passwords.revoke(request)
            self._passwords.forget(request, response)
        return response

    async def leave(self, request: Request, templates: Jinja2Templates) -> Response:
        """End the sessions of the request; one at the provider, there too."""
        if not request.state.admin_is_of_provider:
            response = await self._passwords.logout(request)
            self.forget(request, response)
            return response
        response = await super().leave(request, templates)
        await self._passwords.revoke(request)
        self._passwords.forget(request, response)
        return response
