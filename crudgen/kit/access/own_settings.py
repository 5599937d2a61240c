"""The settings of an application that issues tokens of its own."""

from fastapi import FastAPI

from ..database import Database
from ..errors import StartupError
from .keys import Keys
from .opaque import OpaqueTokens
from .own_tokens import OwnTokens
from .settings import AuthSettings


class OwnTokenSettings(AuthSettings):
    """Settings of an application with API keys or users of its own. JWTs are optional."""

    def _jwt_keys(self) -> Keys | None:
        """Return the keys of JWTs; None if the settings have none: other tokens are accepted."""
        if self.auth_secret or self.auth_issuer or self.auth_jwks_url:
            return super()._jwt_keys()
        return None

    def _issued_tokens(self, app: FastAPI) -> OpaqueTokens | None:
        return OwnTokens(database_of(app), stores_use=not self.database_read_only)


def database_of(app: FastAPI) -> Database:
    """Return the database of an application. Raises StartupError if it has none yet."""
    database: Database | None = getattr(app.state, "database", None)
    if database is None:
        raise StartupError("settings.install(app) needs app.state.database: set it before")
    return database
