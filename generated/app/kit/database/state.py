"""The state of the database: its current conditions, such as down or read-only, and their log."""

import logging
import time
from collections import defaultdict, deque
from dataclasses import dataclass, field

from ..errors import Condition, Unavailable
from .faults import condition_of, reason_of

_log = logging.getLogger(__name__)

_PHASES = {Condition.NOT_STARTED, Condition.STARTING, Condition.CLOSED}
_WRITE_CONDITIONS = {Condition.READ_ONLY, Condition.FULL}
_STATEMENT_CONDITIONS = {
    Condition.DENIED,
    Condition.BROKEN,
    Condition.TABLE_UNUSABLE,
    Condition.NO_KEY_LEFT,
}
"""Conditions that may concern only some statements: success of another one does not end them."""
_NOT_READY = {Condition.DOWN, Condition.READ_ONLY, Condition.FULL, Condition.BROKEN}
QUIET_SECONDS = 10.0
"""How long BUSY, or a frequent condition, must not occur until it ends."""
FORGET_SECONDS = 60.0
"""How long a condition of some statements lasts if these statements are not run again."""
MAX_REASONS = 100
"""Most logged reasons of one condition, and most recorded statements of each reason."""
FREQUENT_COUNT = 10
FREQUENT_SECONDS = 60.0
"""A condition is frequent if it began FREQUENT_COUNT times within this time. It would fill the log,
for example if a full disk has space for some writes only."""
FULL_SECONDS = 10.0
"""How long FULL lasts without writes."""


@dataclass(slots=True)
class _CurrentCondition:
    """A current condition."""

    last: float = 0.0
    """When the condition last occurred, on the monotonic clock."""
    reasons: dict[str, set[object]] = field(default_factory=dict)
    """The logged reasons, each with the statements that failed for it."""

    def forget(self, statement: object) -> None:
        """Remove the reasons for which a statement failed: it succeeds now."""
        for reason, statements in list(self.reasons.items()):
            if statement in statements:
                del self.reasons[reason]


class WouldWaitError(Exception):
    """A read that must not wait would have to."""


class State:
    """The current conditions of the database, for one application in one process.

    Each condition is logged once when it begins, with the reason, and once when it ends. `where` is
    the URL of the database for the log.
    """

    def __init__(self, where: str) -> None:
        self.where = where
        self.phase: Condition | None = Condition.NOT_STARTED
        """Why the database is not open; None if it is open."""
        self.episodes: dict[Condition, _CurrentCondition] = {}
        """The current conditions; usually empty."""
        self._beginnings: dict[Condition, deque[float]] = defaultdict(
            lambda: deque(maxlen=FREQUENT_COUNT)
        )
        """The last times when each condition began."""

    def unavailable(self) -> Unavailable:
        """Return the error for a request before the start or after the shutdown."""
        phase = self.phase or Condition.CLOSED
        if phase is Condition.NOT_STARTED and self.begin_condition(phase):
            self.log_begin(phase, _NOT_STARTED)
        return Unavailable(phase)

    def record_open(self) -> None:
        """Record that the database is open."""
        self.phase = None
        for condition in _PHASES & self.episodes.keys():
            self.end_condition(condition)

    def record_failure(self, error: Exception, statement: object) -> Condition | None:
        """Record that a statement failed; return the condition if it must be logged."""
        condition = condition_of(error)
        is_new = condition is not None and self.begin_condition(
            condition, statement, reason_of(error)
        )
        return condition if is_new else None

    def begin_condition(
        self, condition: Condition, statement: object = None, reason: str = ""
    ) -> bool:
        """Record that a condition occurred; return whether it must be logged."""
        now = time.monotonic()
        is_new = condition not in self.episodes
        episode = self.episodes.setdefault(condition, _CurrentCondition())
        episode.last = now
        if condition in _STATEMENT_CONDITIONS:
            is_new = reason not in episode.reasons and len(episode.reasons) < MAX_REASONS
            if is_new:
                episode.reasons[reason] = set()
            statements = episode.reasons.get(reason, set())
            if len(statements) < MAX_REASONS:
                statements.add(statement)
        if is_new:
            self._beginnings[condition].append(now)
        return is_new

    def log_begin(self, condition: Condition, reason: str) -> None:
        """Log the beginning of a condition, with the reason."""
        _log.warning("database %s: %s: %s", self.where, _LABELS[condition], reason)

    def end_condition(self, condition: Condition) -> None:
        """Remove a condition, and log its end if it is current."""
        if self.episodes.pop(condition, None) is not None:
            _log.warning("database %s: resolved: %s", self.where, _LABELS[condition])

    def record_success(self, statement: object, *, writes: bool) -> None:
        """Record that a statement succeeded: end the conditions that this disproves."""
        now = time.monotonic()
        for condition, episode in list(self.episodes.items()):
            idle = now - episode.last
            if idle <= QUIET_SECONDS and (
                condition is Condition.BUSY or self._is_frequent(condition, now)
            ):
                continue
            if condition in _STATEMENT_CONDITIONS:
                episode.forget(statement)
                is_over = not episode.reasons or idle > FORGET_SECONDS
            elif condition in _WRITE_CONDITIONS:
                is_over = writes
            else:
                is_over = condition not in _PHASES
            if is_over:
                self.end_condition(condition)

    def _is_frequent(self, condition: Condition, now: float) -> bool:
        beginnings = self._beginnings[condition]
        return len(beginnings) == FREQUENT_COUNT and now - beginnings[0] <= FREQUENT_SECONDS

    def blocking_condition(self, *, reads_only: bool) -> Condition | None:
        """Return the condition that makes `/ready` fail; None if the application is ready.

        With `reads_only`, conditions that only prevent writes are ignored.
        """
        if self.phase is not None:
            return self.phase
        now = time.monotonic()
        for condition in list(self.episodes):
            idle = now - self.episodes[condition].last
            if (condition is Condition.FULL and idle > FULL_SECONDS) or (
                condition is Condition.BROKEN and idle > FORGET_SECONDS
            ):
                self.end_condition(condition)
        found = [one for one in self.episodes if one in _NOT_READY]
        if reads_only:
            found = [one for one in found if one not in _WRITE_CONDITIONS]
        return found[0] if found else None

    def record_check(self, obstacle: str) -> None:
        """Record that rows can be read, and why they cannot be written (empty if they can)."""
        self.end_condition(Condition.DOWN)
        if not obstacle:
            self.end_condition(Condition.READ_ONLY)
        elif self.begin_condition(Condition.READ_ONLY):
            self.log_begin(Condition.READ_ONLY, obstacle)


_NOT_STARTED = (
    "its lifespan has not run: use `with TestClient(app)`; if the application is mounted, run its"
    " lifespan in that of the parent application"
)
_LABELS = {
    Condition.NOT_STARTED: "not started",
    Condition.STARTING: "starting",
    Condition.CLOSED: "closed",
    Condition.DOWN: "down",
    Condition.BUSY: "busy",
    Condition.READ_ONLY: "read-only",
    Condition.FULL: "full",
    Condition.DENIED: "permission denied",
    Condition.BROKEN: "unusable",
    Condition.TABLE_UNUSABLE: "table unusable",
    Condition.NO_KEY_LEFT: "no key left",
}
