"""UUIDs that sort by the time they were made (RFC 9562, section 5.7)."""

import secrets
import time
from uuid import UUID


def uuid7() -> UUID:
    """Make a version 7 UUID: 48 bits of Unix time in milliseconds, 74 random bits."""
    milliseconds = time.time_ns() // 1_000_000
    random = secrets.randbits(74)
    high = random >> 62
    low = random & (2**62 - 1)
    return UUID(int=milliseconds << 80 | 7 << 76 | high << 64 | 2 << 62 | low)
