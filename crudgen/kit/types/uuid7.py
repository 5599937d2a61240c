"""UUIDs that sort by creation time (RFC 9562, section 5.7)."""

import secrets
import time
from threading import Lock
from uuid import UUID

_FRACTIONS = 4096
"""Fractions of a millisecond, in the 12 bits after it (method 3 of section 6.2)."""


class _Ticks:
    """A clock in fractions of a millisecond since 1970 that never returns a value twice.

    If the system clock stops or goes back, the ticks continue from the last one.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._last = 0

    def next(self) -> int:
        """Return the current tick, or the one after the last, whichever is later."""
        now = time.time_ns() * _FRACTIONS // 1_000_000
        with self._lock:
            self._last = max(now, self._last + 1)
            return self._last


_ticks = _Ticks()


def uuid7() -> UUID:
    """Return a new version 7 UUID, of the Unix time and 62 random bits.

    It sorts after all earlier UUIDs of this process.
    """
    milliseconds, fraction = divmod(_ticks.next(), _FRACTIONS)
    random = secrets.randbits(62)
    return UUID(int=milliseconds << 80 | 7 << 76 | fraction << 64 | 2 << 62 | random)
