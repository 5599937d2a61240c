"""Logins to the admin page at an identity provider; with a token if none is configured."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fastapi import FastAPI

from .api_client import ApiClient
from .login import TokenLogin
from .oidc_client import OidcClient

if TYPE_CHECKING:
    from starlette_admin.auth import BaseAuthProvider

ATTEMPT = "admin_login"
ATTEMPT_SECONDS = 600
"""How long a user can take to log in at the provider."""


@dataclass(frozen=True)
class OidcLogin(TokenLogin):
    """Users log in at the identity provider; without ADMIN_CLIENT_ID, with a token."""

    def provider(self, app: FastAPI, api: ApiClient, secret: bytes) -> "BaseAuthProvider":
        """Return what handles logins in starlette-admin."""
        client = client_of(app)
        if client is None:
            return super().provider(app, api, secret)
        from .cookies import SESSION, SESSION_SECONDS, EncryptedCookie
        from .oidc_provider import OidcProvider
        from .oidc_requests import OidcRequests

        session = EncryptedCookie(secret, SESSION, SESSION_SECONDS)
        attempt = EncryptedCookie(secret, ATTEMPT, ATTEMPT_SECONDS)
        requests = OidcRequests(client)
        return OidcProvider(self.caller, app, api, session, attempt=attempt, requests=requests)

    def template(self, app: FastAPI) -> str:
        """Return the name of the template of the login form."""
        return super().template(app) if client_of(app) is None else "crudgen/oidc.html"


def client_of(app: FastAPI) -> OidcClient | None:
    """Return what the page is at the provider; None if no provider is configured."""
    found: OidcClient | None = getattr(app.state, "admin_oidc", None)
    return found
