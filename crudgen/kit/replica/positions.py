"""Positions in PostgreSQL's log of changes, and the tokens with which clients refer to them.

A token is the position after a write, and a signature: a client cannot make reads wait for a
position that does not exist. Of two tokens, the greater text has the later position.
"""

import hashlib
import hmac
import re
import time
from collections import deque
from collections.abc import Sequence

_TOKEN = re.compile(rb"([0-9A-F]{16})-([0-9a-f]{32})")
_PURPOSE = b"read-after:"
"""Signed too: no other signature of the application is valid as a token."""
_MAX_SAMPLES = 4000

POSITION_SQL = """(CASE
    WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn()
    WHEN current_setting('synchronous_commit') = 'off' THEN pg_current_wal_insert_lsn()
    ELSE pg_current_wal_flush_lsn()
END - '0/0'::pg_lsn)::bigint"""
"""What a server has written durably or, as a standby, replayed. A committed row is before it."""
SERVER_SQL = "extract(epoch FROM pg_postmaster_start_time())::text"
"""Different for each server."""


def make_token(position: int, secret: bytes) -> str:
    """Return the token of a position."""
    text = f"{position:016X}"
    return f"{text}-{_sign(text.encode(), secret)}"


def latest_position(tokens: Sequence[bytes], secret: bytes) -> int | None:
    """Return the latest position in the values of a header; None if one of them is invalid."""
    latest = 0
    for value in tokens:
        for token in value.split(b","):
            match = _TOKEN.fullmatch(token.strip(b" \t"))
            if match is None or not hmac.compare_digest(match[2], _sign(match[1], secret).encode()):
                return None
            latest = max(latest, int(match[1], 16))
    return latest


def _sign(text: bytes, secret: bytes) -> str:
    return hmac.new(secret, _PURPOSE + text, hashlib.sha256).hexdigest()[:32]


class PositionHistory:
    """When the primary was found at which positions."""

    def __init__(self) -> None:
        self._samples: deque[tuple[float, int]] = deque(maxlen=_MAX_SAMPLES)

    def add(self, position: int) -> None:
        """Record the current position of the primary."""
        while self._samples and self._samples[-1][1] > position:
            self._samples.pop()  # a promoted standby lacks the last writes of the former primary
        if not self._samples or self._samples[-1][1] < position:
            self._samples.append((time.monotonic(), position))

    def lag(self, replayed: int) -> float:
        """Return how long the primary has been past a position: at least so many seconds."""
        since: float | None = None
        for when, position in reversed(self._samples):
            if position <= replayed:
                break
            since = when
        return 0.0 if since is None else time.monotonic() - since
