"""How users log in to the admin page: by name and password, or with a token."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fastapi import FastAPI

from ..access.caller import BaseCaller
from .calls import Api

if TYPE_CHECKING:
    from starlette_admin.auth import BaseAuthProvider


@dataclass(frozen=True)
class TokenLogin:
    """Users log in with a token that the API accepts."""

    caller: type[BaseCaller]

    def provider(self, app: FastAPI, api: Api, secret: bytes) -> "BaseAuthProvider":
        """Return what handles logins in starlette-admin."""
        from .providers import TokenProvider
        from .sessions import Sessions

        return TokenProvider(self.caller, app, api, Sessions(secret))

    @property
    def template(self) -> str:
        """The template of the login form."""
        return "crudgen/token.html"


@dataclass(frozen=True)
class PasswordLogin(TokenLogin):
    """The users of the application log in by name and password."""

    def provider(self, app: FastAPI, api: Api, secret: bytes) -> "BaseAuthProvider":
        """Return what handles logins in starlette-admin."""
        from .providers import PasswordProvider
        from .sessions import Sessions

        return PasswordProvider(self.caller, app, api, Sessions(secret))

    @property
    def template(self) -> str:
        """The template of the login form."""
        return "crudgen/password.html"
