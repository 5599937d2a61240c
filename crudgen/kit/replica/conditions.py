"""What is wrong with a replica at the moment, and the log of it."""

import logging
import time

QUIET_SECONDS = 10.0
"""How long a condition must not occur until its end is logged, unless the replica was down."""
MAX_REASONS = 100

_log = logging.getLogger(__name__)


class ReplicaConditions:
    """The current conditions of a replica. Each is logged once when it begins and when it ends."""

    def __init__(self, where: str) -> None:
        self._where = where
        self._conditions: dict[str, float] = {}
        self._logged: set[str] = set()

    @property
    def is_down(self) -> bool:
        """Whether the primary answers all reads, until the replica responds again."""
        return "down" in self._conditions

    @property
    def names(self) -> str:
        """The current conditions, such as `down, behind`; usually empty."""
        return ", ".join(self._conditions)

    def begin(self, condition: str, reason: str) -> None:
        """Record that a condition occurred: `down`, `behind` or `promoted`."""
        if condition not in self._conditions:
            message = "replica %s: %s: %s\n  the primary answers reads meanwhile"
            _log.warning(message, self._where, condition, reason)
        self._conditions[condition] = time.monotonic()

    def end(self, *conditions: str) -> None:
        """Record that the replica responded: end these conditions, or all that did not recur."""
        now = time.monotonic()
        for condition, last in list(self._conditions.items()):
            is_over = condition == "down" or now - last > QUIET_SECONDS
            if condition in conditions or (is_over and not conditions):
                del self._conditions[condition]
                _log.warning("replica %s: resolved: %s", self._where, condition)

    def log_failed_read(self, reason: str) -> None:
        """Log why one read failed, which the primary then answers; each reason once."""
        if reason not in self._logged and len(self._logged) < MAX_REASONS:
            self._logged.add(reason)
            _log.warning("replica %s: a read failed: %s", self._where, reason)
