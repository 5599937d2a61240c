"""Passwords: which are allowed, and their hashes (argon2id)."""

from base64 import b64encode

from anyio import CapacityLimiter, to_thread
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from fastapi import HTTPException

from ..errors import RETRY_AFTER_SECONDS

MIN_PASSWORD = 8
MAX_PASSWORD = 1024
"""Maximum length of a password: a longer one only costs time."""
THREADS = 2
"""Hashes that are computed at the same time in one process. Each takes a processor."""
MAX_WAITING = 32
"""Maximum number of requests that wait for a thread. If exceeded, the response is 503."""
_PASSES = 3
_HASH_BYTES = 32
_SALT_BYTES = 16


def password_problem(password: str) -> str | None:
    """Return why a text cannot be a password; None if it can."""
    if len(password) < MIN_PASSWORD:
        return f"A password should have at least {MIN_PASSWORD} characters"
    if len(password) > MAX_PASSWORD:
        return f"A password should have at most {MAX_PASSWORD} characters"
    if not is_storable(password):
        return "A password should be text without NUL"
    return None


def is_storable(text: str) -> bool:
    """Return whether a text has no NUL, and no half of a surrogate pair."""
    return "\0" not in text and text.encode("utf-8", "replace").decode() == text


class Passwords:
    """Hashes and verifies passwords, with `memory_mb` megabytes each."""

    def __init__(self, memory_mb: int) -> None:
        kib = memory_mb * 1024
        self._hasher = PasswordHasher(
            time_cost=_PASSES,
            memory_cost=kib,
            parallelism=1,
            hash_len=_HASH_BYTES,
            salt_len=_SALT_BYTES,
        )
        salt, digest = (_base64(bytes(size)) for size in (_SALT_BYTES, _HASH_BYTES))
        self._of_nobody = f"$argon2id$v=19$m={kib},t={_PASSES},p=1${salt}${digest}"
        """A hash that no password has. The comparison takes as long as with the hash of a user."""

    def hash(self, password: str) -> str:
        """Return the hash of a password, which contains its salt and parameters."""
        return self._hasher.hash(password)

    def is_password(self, password: str, stored: str | None) -> bool:
        """Return whether the stored hash is that of a password.

        Without a hash, return False after the same time.
        """
        try:
            self._hasher.verify(stored or self._of_nobody, password)
        except (VerificationError, InvalidHashError):
            return False
        return stored is not None

    def is_outdated(self, stored: str) -> bool:
        """Return whether a hash has other parameters than new hashes have."""
        return self._hasher.check_needs_rehash(stored)


class PasswordThreads:
    """Computes hashes in a few threads, so that logins do not take all processors."""

    def __init__(self, passwords: Passwords) -> None:
        self.passwords = passwords
        self._limiter = CapacityLimiter(THREADS)

    async def hash(self, password: str) -> str:
        """Return the hash of a password."""
        self._check_capacity()
        return await to_thread.run_sync(self.passwords.hash, password, limiter=self._limiter)

    async def is_password(self, password: str, stored: str | None) -> bool:
        """Return whether the stored hash is that of a password."""
        self._check_capacity()
        verify = self.passwords.is_password
        return await to_thread.run_sync(verify, password, stored, limiter=self._limiter)

    def _check_capacity(self) -> None:
        if self._limiter.statistics().tasks_waiting >= MAX_WAITING:
            headers = {"Retry-After": str(RETRY_AFTER_SECONDS)}
            raise HTTPException(503, "Too many logins at the same time, try again", headers)


def _base64(value: bytes) -> str:
    return b64encode(value).rstrip(b"=").decode()
