"""The settings of an application with users of its own."""

from typing import Annotated, ClassVar

from fastapi import FastAPI
from pydantic import Field

from .logins import Logins
from .opaque import OpaqueTokens
from .own_settings import OwnTokenSettings, database_of
from .passwords import Passwords, PasswordThreads
from .user_tokens import UserTokens

MIN_MEMORY_MB = 12
"""With less, three passes of argon2id are weaker than OWASP recommends."""


class LoginSettings(OwnTokenSettings):
    """Settings of users and their tokens."""

    api_keys: ClassVar[bool] = False
    """Whether API keys are accepted too."""
    login_seconds: Annotated[int, Field(ge=60, le=31_536_000)] = 604_800
    """How long the token of a login is valid."""
    password_memory_mb: Annotated[int, Field(ge=MIN_MEMORY_MB, le=4096)] = 64
    """Memory to hash a password with argon2id. More is slower, also for attackers."""

    def install(self, app: FastAPI) -> None:
        """Configure the verification of tokens, and logins."""
        super().install(app)
        threads = PasswordThreads(Passwords(self.password_memory_mb))
        app.state.logins = Logins(database_of(app), app.state.tokens, threads, self.login_seconds)

    def _issued_tokens(self, app: FastAPI) -> OpaqueTokens | None:
        stores_use = not self.database_read_only
        return UserTokens(database_of(app), stores_use=stores_use, has_keys=self.api_keys)
