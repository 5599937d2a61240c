"""The settings of an application whose users are rows of an entity."""

from typing import ClassVar

from fastapi import FastAPI

from ..errors import StartupError
from .keys import Keys
from .login_settings import LoginSettings
from .opaque import OpaqueTokens
from .own_settings import database_of
from .user_row_tokens import RowTokens
from .user_rows import UserRows


class RowLoginSettings(LoginSettings):
    """Settings of users who are rows."""

    user_rows: ClassVar[UserRows]
    """The rows that are the users."""

    def _jwt_keys(self) -> Keys | None:
        if self.auth_secret is None and (self.auth_issuer or self.auth_jwks_url):
            name = "AUTH_JWKS_URL" if self.auth_jwks_url else "AUTH_ISSUER"
            table = self.user_rows.model.__name__
            raise StartupError(
                f"{name} is set, and the users are rows of {table}: other tokens have no row\n"
                "  unset it"
            )
        return super()._jwt_keys()

    def _issued_tokens(self, app: FastAPI) -> OpaqueTokens | None:
        db, stores_use = database_of(app), not self.database_read_only
        return RowTokens(db, self.user_rows, stores_use=stores_use, has_keys=self.api_keys)
