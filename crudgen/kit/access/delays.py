"""Growing delays between wrong passwords for one name."""

import time
from math import ceil

from fastapi import HTTPException

FREE_ATTEMPTS = 5
"""Wrong passwords for one name without a delay."""
MAX_DELAY_SECONDS = 60
FORGET_SECONDS = 900
"""After this time without an attempt, a name has no delay."""
MAX_NAMES = 10_000


class TooManyAttempts(HTTPException):
    """429: the delay after wrong passwords for this name has not passed."""

    def __init__(self, seconds: float) -> None:
        wait = max(1, ceil(seconds))
        message = f"Too many wrong passwords for this name: try again in {wait} s"
        super().__init__(429, message, {"Retry-After": str(wait)})


class LoginDelays:
    """Counts the attempts to log in, by name, in one process. Unknown names have delays too."""

    def __init__(self) -> None:
        self._attempts: dict[str, tuple[int, float]] = {}
        """For each name, the attempts since the last success, and when the next is allowed."""

    def __len__(self) -> int:
        """Return the number of names with attempts."""
        return len(self._attempts)

    def count_attempt(self, name: str) -> None:
        """Count an attempt before its password is verified; raise TooManyAttempts if too early.

        So concurrent attempts count too.
        """
        now = time.monotonic()
        count, allowed = self._attempts.pop(name, (0, now))
        if now < allowed:
            self._attempts[name] = count, allowed
            raise TooManyAttempts(allowed - now)
        if now > allowed + FORGET_SECONDS:
            count = 0
        while len(self._attempts) >= MAX_NAMES:
            del self._attempts[next(iter(self._attempts))]
        late = count + 1 - FREE_ATTEMPTS
        delay = 0 if late < 0 else min(2.0 ** min(late, 10), MAX_DELAY_SECONDS)
        self._attempts[name] = count + 1, now + delay

    def forget_attempts(self, name: str) -> None:
        """Forget the attempts for a name after the right password."""
        self._attempts.pop(name, None)
