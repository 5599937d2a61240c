"""UUIDs that sort by the time they were made (RFC 9562, section 5.7)."""

import secrets
import time
from threading import Lock
from uuid import UUID

_FRACTIONS = 4096
"""Of a millisecond; they take the 12 bits behind it (method 3 of section 6.2)."""


class _Ticks:
    """Fractions of a millisecond since 1970, each given once.

    When the clock stands still or goes back, they go on from the last one.
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
    """Make a version 7 UUID: the Unix time to a quarter of a microsecond, 62 random bits.

    It sorts behind every one that this process has made before.
    """
    milliseconds, fraction = divmod(_ticks.next(), _FRACTIONS)
    random = secrets.randbits(62)
    return UUID(int=milliseconds << 80 | 7 << 76 | fraction << 64 | 2 << 62 | random)
