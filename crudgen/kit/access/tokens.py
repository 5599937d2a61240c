"""Bearer tokens: their verification, and a cache of those that were verified."""

import re
import time
from collections.abc import Callable, Mapping
from typing import Any

import jwt
from jwt.exceptions import (
    ExpiredSignatureError,
    ImmatureSignatureError,
    InvalidAlgorithmError,
    InvalidAudienceError,
    InvalidIssuedAtError,
    InvalidIssuerError,
    InvalidJTIError,
    InvalidSignatureError,
    InvalidSubjectError,
    MissingRequiredClaimError,
    PyJWTError,
)

from ..models import MAX_INT
from .caller import BaseCaller
from .errors import Unauthorized
from .keys import Key, Keys
from .opaque import OpaqueTokens

LEEWAY_SECONDS = 30
"""Maximum difference of the issuer's clock."""
MAX_KNOWN = 10_000
"""Maximum number of tokens in the cache."""
MAX_KNOWN_BYTES = 8192
"""Maximum length of a header in the cache."""
_HEADER = re.compile(rb"[ \t]*bearer +([A-Za-z0-9._~+/=-]+)[ \t]*", re.IGNORECASE)
_KNOWN = b"Bearer "
"""The start of a header in the cache: one token has one entry, in all forms of the header."""
_REASONS: Mapping[type[Exception], str] = {
    ExpiredSignatureError: "The token has expired",
    ImmatureSignatureError: "The token is not valid yet",
    InvalidIssuerError: "The token is of another issuer",
    InvalidAudienceError: "The token is for another audience",
    InvalidSignatureError: "The signature of the token is invalid",
    InvalidAlgorithmError: "The token is not signed with the algorithm of its key",
    InvalidSubjectError: "The claim sub of the token should be a text",
    InvalidJTIError: "The claim jti of the token should be a text",
    InvalidIssuedAtError: "The claim iat of the token should be a number",
}
_TIMES = ("exp", "nbf", "iat")
"""The claims that must be numbers. PyJWT accepts texts too, such as "9_000"."""
_MALFORMED = "The token is malformed"
_INVALID = (PyJWTError, ValueError, TypeError, KeyError, AttributeError, OverflowError)
"""The exceptions of PyJWT for invalid tokens."""


class Tokens:
    """Finds the caller of a request by its header `Authorization`."""

    def __init__(
        self,
        keys: Keys | None,
        *,
        issuer: str | None,
        audience: str | None,
        seconds: float,
        opaque: OpaqueTokens | None = None,
    ) -> None:
        """Cache verified tokens for `seconds`, at most.

        `opaque` are tokens that the application has issued. Without keys, no others are valid.
        """
        self._keys, self._opaque = keys, opaque
        self._issuer, self._audience, self._seconds = issuer, audience, seconds
        self._known: dict[bytes, tuple[float, BaseCaller]] = {}
        self._required = ["exp", "sub"]
        self._required += ["iss"] if issuer is not None else []
        self._required += ["aud"] if audience is not None else []

    def cached_caller(self, header: bytes) -> BaseCaller | None:
        """Return the cached caller of a header; None if its token must be verified."""
        found = self._known.get(header)
        if found is None or found[0] <= time.monotonic():
            return None
        return found[1]

    def cached_identity(self, header: bytes) -> str | None:
        """Return the identity of the cached caller of a header; None if it must be verified."""
        caller = self.cached_caller(header)
        return None if caller is None else caller.identity

    async def caller(self, header: bytes, kind: type[BaseCaller]) -> BaseCaller:
        """Return the caller of a header. Raises Unauthorized, with the reason."""
        match = _HEADER.fullmatch(header)
        if match is None:
            raise Unauthorized("The header Authorization should be: Bearer, a space, and a token")
        header = _KNOWN + match[1]
        known = self.cached_caller(header)
        if known is not None:
            return known
        token = match[1].decode("ascii")
        if self._opaque is not None:
            since = time.monotonic()
            found = await self._opaque.find(token)
            if found is not None:
                caller = kind.from_claims({**found.claims, kind.__roles_claim__: found.roles})
                self._cache_caller(header, caller, found.expires, since)
                return caller
        claims, checked_at = await self._claims(token)
        caller = kind.from_claims(claims)
        self._cache_caller(header, caller, claims["exp"], checked_at)
        return caller

    async def claims(self, token: str) -> Mapping[str, Any]:
        """Return the claims of a JWT. Raises Unauthorized, with the reason."""
        return (await self._claims(token))[0]

    def forget(self, is_meant: Callable[[str], bool]) -> None:
        """Remove tokens from the cache: those for which `is_meant` returns True."""
        for header in list(self._known):
            if is_meant(header.removeprefix(_KNOWN).decode("ascii")):
                self._known.pop(header, None)

    async def _claims(self, token: str) -> tuple[dict[str, Any], float]:
        """Return the claims of a JWT, and when its key was checked. Raises Unauthorized."""
        if self._keys is None:
            raise Unauthorized("The token was not issued by this application")
        key = await self._keys.key(*_key_id_and_algorithm(token))
        return self._verified_claims(token, key), self._keys.checked_at

    def _verified_claims(self, token: str, key: Key) -> dict[str, Any]:
        """Verify a token by a key and its algorithm; return the claims. Raises Unauthorized."""
        try:
            claims: dict[str, Any] = jwt.decode(
                token,
                key.key,
                algorithms=[key.algorithm],
                issuer=self._issuer,
                audience=self._audience,
                leeway=LEEWAY_SECONDS,
                options={"require": self._required, "verify_aud": self._audience is not None},
            )
        except MissingRequiredClaimError as error:
            raise Unauthorized(f"The token lacks the claim {error.claim}") from None
        except _INVALID as error:
            raise Unauthorized(_REASONS.get(type(error), _MALFORMED)) from None
        except RecursionError:
            raise Unauthorized(_MALFORMED) from None
        for name in _TIMES:
            if type(claims.get(name, 0)) not in {int, float}:
                raise Unauthorized(f"The claim {name} of the token should be a number")
        return claims

    def _cache_caller(self, header: bytes, caller: BaseCaller, expires: Any, since: float) -> None:
        """Cache the caller of a token until it expires, or for as long as the settings allow.

        `since` is when it was known not to be revoked, in monotonic seconds.
        """
        if len(header) > MAX_KNOWN_BYTES:
            return
        now = time.monotonic()
        left = min(int(expires), MAX_INT) - time.time()
        end = min(since + self._seconds, now + left)
        self._known.pop(header, None)
        if end > now:
            while len(self._known) >= MAX_KNOWN:
                del self._known[next(iter(self._known))]
            self._known[header] = (end, caller)


def token_in(header: str) -> str:
    """Return the token in a header `Authorization`; empty if there is none."""
    match = _HEADER.fullmatch(header.encode("latin-1"))
    return "" if match is None else match[1].decode("ascii")


def _key_id_and_algorithm(token: str) -> tuple[str | None, str]:
    """Return the id of the key that a token names, or None, and the algorithm that it names."""
    try:
        header = jwt.get_unverified_header(token)
    except (*_INVALID, RecursionError):
        raise Unauthorized(_MALFORMED) from None
    kid, algorithm = header.get("kid"), header.get("alg")
    if not isinstance(kid, str | None) or not isinstance(algorithm, str):
        raise Unauthorized(_MALFORMED)
    return kid, algorithm
