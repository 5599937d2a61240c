"""How long shared reads take: which one is slow, and whether most of them are."""

import time

LEAST_SECONDS = 0.003
"""A shorter time limit is never set for a read."""
MOST_SECONDS = 0.02
"""A longer time limit is never set for a read."""
_TIMES = 8
"""The time limit of a read, in usual times."""
_SLOW_SECONDS = 0.005
"""If reads usually take longer, they are not shared."""
_MOST_LATE = 0.3
"""If a larger part of the reads exceeds the time limit, they are not shared."""
_UNSHARED_SECONDS = 1.0
"""How long reads get connections of their own after most of them took long."""
_WEIGHT = 0.0625
"""The weight of the last read in the averages."""


class ReadTimes:
    """Averages over the last reads."""

    def __init__(self) -> None:
        self._usual = LEAST_SECONDS / _TIMES
        self._late = 0.0
        """The part of the reads that exceeded the time limit."""
        self._unshared_until = 0.0

    @property
    def limit(self) -> float:
        """The time limit of a read, in seconds. After it, those behind are repeated elsewhere."""
        return min(max(LEAST_SECONDS, _TIMES * self._usual), MOST_SECONDS)

    def allow_sharing(self, now: float) -> bool:
        """Return whether reads may share connections; `now` is on the monotonic clock."""
        return now >= self._unshared_until

    def note_answered(self, count: int, seconds: float) -> None:
        """Note that reads were answered, and how long the last one took."""
        self._usual += (min(seconds, self.limit) - self._usual) * _WEIGHT
        self._late *= (1 - _WEIGHT) ** count
        self._decide()

    def note_late(self) -> None:
        """Note that a read exceeds the time limit."""
        self._late += (1 - self._late) * _WEIGHT
        self._decide()

    def _decide(self) -> None:
        if self._usual >= _SLOW_SECONDS or self._late > _MOST_LATE:
            self._unshared_until = time.monotonic() + _UNSHARED_SECONDS
            self._usual, self._late = LEAST_SECONDS / _TIMES, 0.0
