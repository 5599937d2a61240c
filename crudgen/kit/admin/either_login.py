"""Logins to the admin page by name and password, or at an identity provider."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fastapi import FastAPI

from .api_client import ApiClient
from .login import PasswordLogin
from .oidc_login import ATTEMPT, ATTEMPT_SECONDS, client_of

if TYPE_CHECKING:
    from starlette_admin.auth import BaseAuthProvider

PASSWORD_SESSION = "admin_user"
"""The cookie of those who log in by name and password."""


@dataclass(frozen=True)
class EitherLogin(PasswordLogin):
    """Users log in by name and password; with ADMIN_CLIENT_ID, at the identity provider too."""

    def provider(self, app: FastAPI, api: ApiClient, secret: bytes) -> "BaseAuthProvider":
        """Return what handles logins in starlette-admin."""
        client = client_of(app)
        if client is None:
            return super().provider(app, api, secret)
        from .cookies import SESSION, SESSION_SECONDS, EncryptedCookie
        from .either_provider import EitherProvider
        from .oidc_requests import OidcRequests
        from .providers import PasswordProvider

        of_password = EncryptedCookie(secret, PASSWORD_SESSION, SESSION_SECONDS)
        return EitherProvider(
            self.caller,
            app,
            api,
            EncryptedCookie(secret, SESSION, SESSION_SECONDS),
            attempt=EncryptedCookie(secret, ATTEMPT, ATTEMPT_SECONDS),
            requests=OidcRequests(client),
            passwords=PasswordProvider(self.caller, app, api, of_password),
        )

    def template(self, app: FastAPI) -> str:
        """Return the name of the template of the login form."""
        return super().template(app) if client_of(app) is None else "crudgen/either.html"
