"""How users log in to the admin page: by name and password, or with a token."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fastapi import FastAPI

from ..access.caller import BaseCaller
from .api_client import ApiClient

if TYPE_CHECKING:
    from starlette_admin.auth import BaseAuthProvider


@dataclass(frozen=True)
class TokenLogin:
    """Users log in with a token that the API accepts."""

    caller: type[BaseCaller]

    def provider(self, app: FastAPI, api: ApiClient, secret: bytes) -> "BaseAuthProvider":
        """Return what handles logins in starlette-admin."""
        from .cookies import SESSION, SESSION_SECONDS, EncryptedCookie
        from .providers import TokenProvider

        session = EncryptedCookie(secret, SESSION, SESSION_SECONDS)
        return TokenProvider(self.caller, app, api, session)

    def template(self, app: FastAPI) -> str:
        """Return the name of the template of the login form."""
        del app
        return "crudgen/token.html"


@dataclass(frozen=True)
class PasswordLogin(TokenLogin):
    """The users of the application log in by name and password."""

    def provider(self, app: FastAPI, api: ApiClient, secret: bytes) -> "BaseAuthProvider":
        """Return what handles logins in starlette-admin."""
        from .cookies import SESSION, SESSION_SECONDS, EncryptedCookie
        from .providers import PasswordProvider

        session = EncryptedCookie(secret, SESSION, SESSION_SECONDS)
        return PasswordProvider(self.caller, app, api, session)

    def template(self, app: FastAPI) -> str:
        """Return the name of the template of the login form."""
        del app
        return "crudgen/password.html"
