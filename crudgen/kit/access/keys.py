"""The keys that tokens are signed with: a secret, or the key set of an identity provider."""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from time import monotonic
from typing import Any, Protocol

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from jwt import PyJWK
from jwt.exceptions import PyJWTError

from .errors import KeysUnavailable, Unauthorized
from .fetching import FetchError, fetch_key_set, run_in_thread

FETCH_SECONDS = 10.0
"""Minimum time between two fetches: any client can send tokens that cause one."""
WAIT_SECONDS = 1.0
"""Longest wait for the fetch of newer keys, if the key of a token is known."""
UNKNOWN_WAIT_SECONDS = 5.0
"""Longest wait for the fetch of a key that is not known."""
ALGORITHMS = frozenset(
    {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"}
)
"""The algorithms of public keys."""
MIN_RSA_BITS = 2048
"""Shortest RSA key (RFC 7518)."""
_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Key:
    """A key, and the only algorithm that it is used with."""

    key: Any
    algorithm: str


class Keys(Protocol):
    """The keys that verify tokens."""

    async def key(self, kid: str | None, algorithm: str) -> Key:
        """Return the key with an id; raise Unauthorized if there is none.

        Of several keys with the id, it is the one with the algorithm, if there is one.
        """
        ...

    @property
    def checked_at(self) -> float:
        """When the keys were last compared with those of the issuer, in monotonic seconds."""
        ...


class SecretKey:
    """A secret that the application shares with the issuer: HS256."""

    def __init__(self, secret: bytes) -> None:
        self._key = Key(secret, "HS256")

    async def key(self, kid: str | None, algorithm: str) -> Key:
        """Return the secret, whatever the id is."""
        del kid, algorithm
        return self._key

    @property
    def checked_at(self) -> float:
        """Now: a secret does not change while the application runs."""
        return monotonic()


class KeySet:
    """The key set (JWKS) of an identity provider, fetched when it is needed.

    It is fetched again if it is older than `seconds`, or lacks the key of a token, but at most once
    in FETCH_SECONDS. Fetched keys are valid until the next successful fetch.
    """

    def __init__(self, issuer: str, url: str | None, seconds: float) -> None:
        self._issuer, self._url, self._seconds = issuer, url, seconds
        self._keys: Sequence[tuple[str | None, Key]] = ()
        self._attempted: float | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def checked_at(self) -> float:
        """When a fetch was last attempted, in monotonic seconds."""
        return monotonic() if self._attempted is None else self._attempted

    async def key(self, kid: str | None, algorithm: str) -> Key:
        """Return the key with an id; raise Unauthorized (401), KeysUnavailable (503).

        If there is only one key, the token or the key may lack the id.
        """
        found = self._find_key(kid, algorithm)
        if found is not None and self._age() >= self._seconds:
            await self._fetch_keys(WAIT_SECONDS)
            found = self._find_key(kid, algorithm)
        elif found is None:
            await self._fetch_keys(UNKNOWN_WAIT_SECONDS)
            found = self._find_key(kid, algorithm)
        if found is not None:
            return found
        if not self._keys or not (self._task is None or self._task.done()):
            raise KeysUnavailable
        if kid is None:
            raise Unauthorized("The token has no kid, and the key set has several keys")
        raise Unauthorized("The token is signed with an unknown key")

    def _find_key(self, kid: str | None, algorithm: str) -> Key | None:
        if len(self._keys) == 1:
            ((name, key),) = self._keys
            return key if name == kid or None in {name, kid} else None
        named = [key for name, key in self._keys if name == kid and kid is not None]
        matching = (key for key in named if key.algorithm == algorithm)
        return next(matching, named[0] if named else None)

    def _age(self) -> float:
        return monotonic() - self.checked_at

    async def _fetch_keys(self, wait: float) -> None:
        """Fetch the key set, unless that was tried less than FETCH_SECONDS ago.

        Concurrent requests share one fetch. Returns after `wait` seconds at most.
        """
        task = self._task
        loop = asyncio.get_running_loop()
        if task is None or task.done() or task.get_loop() is not loop:
            if self._attempted is not None and self._age() < FETCH_SECONDS:
                return
            self._attempted = monotonic()
            task = self._task = loop.create_task(self._replace_keys())
        await asyncio.wait({task}, timeout=wait)

    async def _replace_keys(self) -> None:
        try:
            found = await run_in_thread(lambda: fetch_key_set(self._issuer, self._url))
            keys = usable_keys(found)
            if not keys:
                raise FetchError("the key set has no usable key")
        except FetchError as error:
            _logger.warning("The keys of %s cannot be fetched: %s", self._issuer, error)
        else:
            self._keys = keys


def usable_keys(found: Sequence[Any]) -> list[tuple[str | None, Key]]:
    """Return the public keys for signatures in a key set, each with its id.

    The algorithm is that of the key. A secret is never accepted: a key set is public.
    """
    keys: list[tuple[str | None, Key]] = []
    for one in found:
        if not isinstance(one, dict) or one.get("alg", "RS256") not in ALGORITHMS:
            continue
        kid = one.get("kid")
        if one.get("use", "sig") != "sig" or not isinstance(kid, str | None):
            continue
        try:
            key = PyJWK(one)
        except (PyJWTError, ValueError, TypeError, KeyError):
            continue  # PyJWT does not support this key; tokens may use the others
        if isinstance(key.key, RSAPublicKey) and key.key.key_size < MIN_RSA_BITS:
            problem = "The key %r is ignored: it has %s bits, RSA needs %s"
            _logger.warning(problem, kid, key.key.key_size, MIN_RSA_BITS)
        elif key.algorithm_name in ALGORITHMS:
            keys.append((kid, Key(key, key.algorithm_name)))
    return keys
