"""The settings that say how tokens are verified."""

from typing import Annotated

from fastapi import FastAPI
from pydantic import Field, SecretStr

from ..errors import StartupError
from ..settings import BaseAppSettings
from .fetching import is_http_url
from .keys import Keys, KeySet, SecretKey
from .opaque import OpaqueTokens
from .tokens import Tokens

MIN_SECRET_BYTES = 32
_COMMAND = "`python -c 'import secrets; print(secrets.token_urlsafe(48))'` prints one"


class AuthSettings(BaseAppSettings):
    """Settings that say which tokens are valid."""

    auth_issuer: str | None = None
    """Required claim `iss` of tokens. If it is a URL, OIDC discovery finds the keys."""
    auth_audience: str | None = None
    """Required claim `aud` of tokens, which names this API."""
    auth_jwks_url: str | None = None
    """URL of the keys of tokens (JWKS)."""
    auth_secret: SecretStr | None = None
    """Secret of tokens signed with HS256, at least 32 bytes. Takes precedence over other keys."""
    token_seconds: Annotated[float, Field(ge=0, le=3600)] = 60.0
    """How long a verified token is not verified again, and a revoked key is accepted."""

    def install(self, app: FastAPI) -> None:
        """Configure the verification of tokens; raise StartupError if keys are missing."""
        super().install(app)
        app.state.tokens = Tokens(
            self._jwt_keys(),
            issuer=self.auth_issuer,
            audience=self.auth_audience,
            seconds=self.token_seconds,
            opaque=self._issued_tokens(app),
        )
        app.state.provider, app.state.audience = self._provider(), self.auth_audience
        app.state.identify = app.state.tokens.cached_identity

    def _provider(self) -> str | None:
        """Return the URL of the identity provider whose tokens are accepted; None without one."""
        issuer = self.auth_issuer
        has_provider = issuer is not None and is_http_url(issuer) and self.auth_secret is None
        return issuer if has_provider else None

    def _issued_tokens(self, app: FastAPI) -> OpaqueTokens | None:
        """Return what finds the tokens that the application issues: here, None."""
        del app
        return None

    def _jwt_keys(self) -> Keys | None:
        if self.auth_secret is not None:
            secret = self.auth_secret.get_secret_value().encode()
            size = len(secret.strip())
            if size < MIN_SECRET_BYTES:
                found = f"AUTH_SECRET has {size} bytes"
                raise StartupError(f"{found}, it needs {MIN_SECRET_BYTES} or more\n  {_COMMAND}")
            return SecretKey(secret)
        issuer, url = self.auth_issuer, self.auth_jwks_url
        if url is None and (issuer is None or not is_http_url(issuer)):
            raise StartupError(
                "AUTH_SECRET is missing\n"
                f"  set it to the secret that tokens are signed with: {_COMMAND}\n"
                "  or, for tokens of an identity provider, set AUTH_ISSUER to its URL"
            )
        if issuer is None or self.auth_audience is None:
            missing = "AUTH_ISSUER" if issuer is None else "AUTH_AUDIENCE"
            claim = "iss" if issuer is None else "aud"
            raise StartupError(
                f"{missing} is missing\n  set it to the value of the claim {claim!r} in the tokens"
            )
        if url is not None and not is_http_url(url):
            raise StartupError("AUTH_JWKS_URL should be a URL, such as https://id.example/keys")
        return KeySet(issuer, url, self.token_seconds)
