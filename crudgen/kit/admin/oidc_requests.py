"""Requests of the admin page to an identity provider: OpenID Connect, by Authlib."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from hmac import compare_digest
from time import monotonic
from typing import Any
from urllib.parse import urlencode, urlsplit

import httpx2
from authlib.integrations.base_client import OAuthError  # type: ignore[import-untyped]
from authlib.integrations.httpx_client import (  # type: ignore[import-untyped]
    AsyncOAuth2Client,
)
from authlib.oauth2.client import OAuth2Client  # type: ignore[import-untyped]
from fastapi import HTTPException

from ..access.fetching import FetchError, fetch_discovery, is_http_url, run_in_thread
from ..access.keys import KeySet
from ..access.tokens import Tokens
from .oidc_client import OidcClient

METADATA_SECONDS = 3600.0
"""How long the discovery document of the provider is not fetched again."""
KEY_SECONDS = 60.0
"""How long the keys of the provider are not fetched again."""
TIMEOUT_SECONDS = 10.0
"""Timeout of the token endpoint."""
_SUPPORTED = "token_endpoint_auth_methods_supported"


class OidcError(Exception):
    """A login failed; the text is for the user."""


@dataclass(frozen=True)
class LoginAttempt:
    """What the answer of the provider to a login must belong to."""

    state: str
    nonce: str
    verifier: str


@dataclass(frozen=True)
class GrantedTokens:
    """The tokens of a user; empty texts for those that the provider did not send."""

    token: str
    """The token that the API accepts."""
    subject: str
    id_token: str
    refresh_token: str


class OidcRequests:
    """Requests tokens from the provider."""

    def __init__(self, client: OidcClient) -> None:
        self._client = client
        self._metadata: Mapping[str, Any] = {}
        self._fetched = 0.0
        self._id_tokens = Tokens(
            KeySet(client.issuer, client.jwks_url, KEY_SECONDS),
            issuer=client.issuer,
            audience=client.client_id,
            seconds=0,
        )

    @property
    def issuer(self) -> str:
        """The URL of the provider."""
        return self._client.issuer

    async def login_url(self, attempt: LoginAttempt, callback: str) -> str:
        """Return the URL at the provider where a user logs in. Raises OidcError."""
        url = await self._endpoint("authorization_endpoint")
        oauth = OAuth2Client(
            None,
            client_id=self._client.client_id,
            scope=self._client.scopes,
            redirect_uri=callback,
            code_challenge_method="S256",
        )
        audience = {} if self._client.uses_id_token else {"audience": self._client.audience}
        found, _ = oauth.create_authorization_url(
            url, attempt.state, attempt.verifier, nonce=attempt.nonce, **audience
        )
        return str(found)

    async def redeem(self, code: str, attempt: LoginAttempt, callback: str) -> GrantedTokens:
        """Return the tokens for an authorization code. Raises OidcError."""
        url = await self._endpoint("token_endpoint")
        sent = await self._request_tokens(
            lambda oauth: oauth.fetch_token(
                url,
                grant_type="authorization_code",
                code=code,
                redirect_uri=callback,
                code_verifier=attempt.verifier,
            )
        )
        claims = await self._id_claims(_text_value(sent, "id_token"))
        nonce = claims.get("nonce")
        if not isinstance(nonce, str) or not is_same(nonce, attempt.nonce):
            raise OidcError("The ID token does not belong to this login")
        return self._tokens_of_response(sent, str(claims["sub"]))

    async def refresh(self, refresh_token: str, subject: str) -> GrantedTokens:
        """Return newer tokens of a user. Raises OidcError."""
        url = await self._endpoint("token_endpoint")
        sent = await self._request_tokens(
            lambda oauth: oauth.refresh_token(url, refresh_token=refresh_token),
            {"refresh_token": refresh_token},
        )
        if _text_value(sent, "id_token") or self._client.uses_id_token:
            claims = await self._id_claims(_text_value(sent, "id_token"))
            if claims["sub"] != subject:
                raise OidcError("The refreshed tokens are those of another user")
        return self._tokens_of_response(sent, subject)

    async def revoke(self, refresh_token: str) -> None:
        """Revoke a refresh token, if the provider can (RFC 7009). Raises OidcError."""
        if not (await self._discover()).get("revocation_endpoint"):
            return
        url = await self._endpoint("revocation_endpoint")

        async def request(oauth: Any) -> Mapping[str, Any]:
            answer = await oauth.revoke_token(url, refresh_token, "refresh_token")
            answer.raise_for_status()
            return {}

        await self._request_tokens(request)

    async def logout_url(self, id_token: str, returns_to: str) -> str | None:
        """Return the URL at the provider where a user logs out; None if it has none."""
        try:
            url = await self._endpoint("end_session_endpoint")
        except OidcError:
            return None
        sent = {"client_id": self._client.client_id, "post_logout_redirect_uri": returns_to}
        hint = {"id_token_hint": id_token} if id_token else {}
        return f"{url}{'&' if '?' in url else '?'}{urlencode(sent | hint)}"

    def _tokens_of_response(self, sent: Mapping[str, Any], subject: str) -> GrantedTokens:
        id_token, access_token = _text_value(sent, "id_token"), _text_value(sent, "access_token")
        token = id_token if self._client.uses_id_token else access_token
        if not token:
            raise OidcError(f"{self.issuer} sent no access token")
        return GrantedTokens(token, subject, id_token, _text_value(sent, "refresh_token"))

    async def _id_claims(self, token: str) -> Mapping[str, Any]:
        """Return the claims of an ID token, verified (OpenID Connect Core 3.1.3.7)."""
        if not token:
            raise OidcError(f"{self.issuer} sent no ID token: is openid one of the scopes?")
        try:
            claims = await self._id_tokens.claims(token)
        except HTTPException as error:
            raise OidcError(f"The ID token is not valid. {error.detail}") from None
        audience = claims.get("aud")
        party = claims.get("azp", None if isinstance(audience, list) and audience[1:] else "")
        if party not in {"", self._client.client_id}:
            raise OidcError("The ID token is for another client")
        return claims

    async def _request_tokens(
        self,
        request: Callable[[Any], Awaitable[Any]],
        token: Mapping[str, str] | None = None,
    ) -> Mapping[str, Any]:
        """Send a request to the token endpoint, and return its response. Raises OidcError."""
        methods = (await self._discover()).get(_SUPPORTED) or ["client_secret_basic"]
        by_body = "client_secret_basic" not in methods and "client_secret_post" in methods
        secret = self._client.client_secret
        way = "client_secret_post" if by_body else "client_secret_basic"
        async with AsyncOAuth2Client(
            self._client.client_id,
            secret,
            token_endpoint_auth_method=way if secret else "none",
            token=None if token is None else dict(token),
            timeout=TIMEOUT_SECONDS,
        ) as oauth:
            try:
                sent = await request(oauth)
            except OAuthError as error:
                raise OidcError(
                    refusal_message(self.issuer, error.error, error.description)
                ) from None
            except httpx2.HTTPStatusError as error:
                status = error.response.status_code
                raise OidcError(f"{self.issuer} responded with status {status}") from None
            except (httpx2.HTTPError, ValueError, TypeError, OSError):
                raise OidcError(f"{self.issuer} sent no valid response") from None
        return dict(sent)

    async def _discover(self) -> Mapping[str, Any]:
        """Return the discovery document of the provider. Raises OidcError."""
        if not self._metadata or monotonic() - self._fetched > METADATA_SECONDS:
            try:
                self._metadata = await run_in_thread(lambda: fetch_discovery(self.issuer))
            except FetchError as error:
                raise OidcError(f"The identity provider is not available: {error}") from None
            self._fetched = monotonic()
        return self._metadata

    async def _endpoint(self, name: str) -> str:
        """Return the URL of an endpoint of the provider. Raises OidcError."""
        url = (await self._discover()).get(name)
        if not isinstance(url, str) or not is_http_url(url):
            raise OidcError(f"{self.issuer} has no valid {name}")
        if urlsplit(self.issuer).scheme == "https" and urlsplit(url).scheme != "https":
            raise OidcError(f"{self.issuer} has a {name} without TLS")
        return url


def is_same(left: str, right: str) -> bool:
    """Return whether two texts are equal, in a time that does not depend on them."""
    return compare_digest(left.encode("utf-8", "replace"), right.encode("utf-8", "replace"))


def refusal_message(issuer: str, error: object, description: object) -> str:
    """Return the message of an error that the provider reports."""
    reason = f"{error}: {description}" if description else f"{error}"
    return f"{issuer} refused the login. {reason[:300]}"


def _text_value(sent: Mapping[str, Any], name: str) -> str:
    found = sent.get(name)
    return found if isinstance(found, str) else ""
