"""The settings of logins to the admin page at an identity provider."""

from importlib.util import find_spec

from fastapi import FastAPI
from pydantic import SecretStr

from ..access.fetching import is_http_url
from ..access.settings import AuthSettings
from ..errors import StartupError
from .oidc_client import OidcClient


class AdminLoginSettings(AuthSettings):
    """Settings of the admin page, with which users log in at the provider of AUTH_ISSUER."""

    admin_client_id: str | None = None
    """Client ID of the admin page at the provider `AUTH_ISSUER`. Default: it asks for a token."""
    admin_client_secret: SecretStr | None = None
    """Secret of that client. Default: it is a public client."""
    admin_scopes: str = "openid profile email"
    """Scopes of a login. `offline_access` requests a refresh token from most providers."""

    def install(self, app: FastAPI) -> None:
        """Configure logins; raise StartupError if settings are missing."""
        super().install(app)
        app.state.admin_oidc = self._client()

    def _client(self) -> OidcClient | None:
        if not self.admin_client_id:
            if self.admin_client_secret is not None:
                raise StartupError(
                    "ADMIN_CLIENT_SECRET is set, and ADMIN_CLIENT_ID is missing\n"
                    "  set it to the client ID of the admin page at the identity provider"
                )
            return None
        issuer, audience = self.auth_issuer, self.auth_audience
        if issuer is None or audience is None or not is_http_url(issuer):
            raise StartupError(
                "ADMIN_CLIENT_ID is set, and AUTH_ISSUER or AUTH_AUDIENCE is missing\n"
                "  set AUTH_ISSUER to the URL of the identity provider, and AUTH_AUDIENCE to the\n"
                "  claim 'aud' of the tokens that the API accepts"
            )
        if self.auth_secret is not None:
            raise StartupError(
                "ADMIN_CLIENT_ID is set, and AUTH_SECRET too: the API does not accept the tokens"
                " of the provider\n  unset AUTH_SECRET, or ADMIN_CLIENT_ID"
            )
        if "openid" not in self.admin_scopes.split():
            raise StartupError("ADMIN_SCOPES should contain openid, such as: openid profile email")
        if find_spec("authlib") is None or find_spec("httpx2") is None:
            raise StartupError(
                "ADMIN_CLIENT_ID needs Authlib\n"
                "  pip install 'crudgen[admin]', or in an emitted project:"
                " pip install 'authlib>=1.9,<2' 'httpx2>=2.16,<3'"
            )
        secret = self.admin_client_secret
        return OidcClient(
            issuer,
            self.auth_jwks_url,
            audience,
            self.admin_client_id,
            None if secret is None else secret.get_secret_value(),
            self.admin_scopes,
        )
