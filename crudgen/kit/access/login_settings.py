"""The settings of an application with users of its own."""

from typing import Annotated

from fastapi import FastAPI
from pydantic import Field

from .keys import Keys
from .logins import Logins
from .opaque import OpaqueTokens
from .own_tokens import OwnTokens
from .passwords import Passwords, PasswordThreads
from .settings import AuthSettings

MIN_MEMORY_MB = 12
"""With less, three passes of argon2id are weaker than OWASP recommends."""


class LoginSettings(AuthSettings):
    """Settings of users and their tokens."""

    login_seconds: Annotated[int, Field(ge=60, le=31_536_000)] = 604_800
    """How long the token of a login is valid."""
    password_memory_mb: Annotated[int, Field(ge=MIN_MEMORY_MB, le=4096)] = 64
    """Memory to hash a password with argon2id. More is slower, also for those who guess."""

    def install(self, app: FastAPI) -> None:
        """Configure the verification of tokens, and logins."""
        super().install(app)
        threads = PasswordThreads(Passwords(self.password_memory_mb))
        app.state.logins = Logins(app.state.database, app.state.tokens, threads, self.login_seconds)

    def _keys(self) -> Keys | None:
        """Return the keys of JWTs; None if the settings name none: there are other tokens."""
        if self.auth_secret or self.auth_issuer or self.auth_jwks_url:
            return super()._keys()
        return None

    def _opaque(self, app: FastAPI) -> OpaqueTokens | None:
        return OwnTokens(app.state.database)
