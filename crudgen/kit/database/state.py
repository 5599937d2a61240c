"""The state of the database: what it can do now, and the log of when that began and ended."""

import logging
import time
from collections import defaultdict, deque
from dataclasses import dataclass, field

from ..errors import Condition, Unavailable
from .faults import condition_of, reason_of

_log = logging.getLogger(__name__)

_PHASES = {Condition.NOT_STARTED, Condition.STARTING, Condition.CLOSED}
_OF_WRITES = {Condition.READ_ONLY, Condition.FULL}
_OF_STATEMENTS = {
    Condition.DENIED,
    Condition.BROKEN,
    Condition.TABLE_UNUSABLE,
    Condition.NO_KEY_LEFT,
}
"""What may concern one table alone: another statement that works does not end it."""
_NOT_READY = {Condition.DOWN, Condition.READ_ONLY, Condition.FULL, Condition.BROKEN}
QUIET_SECONDS = 10.0
"""How long a busy database, or one that changes often, has to do well until it is said to."""
FORGET_SECONDS = 60.0
"""How long what concerns some statements is remembered when nobody sends these any more."""
MOST_REASONS = 100
"""How many reasons for one condition are logged, and how many statements remembered for each."""
OFTEN = 10
OFTEN_SECONDS = 60.0
"""A condition that was logged so often within this time ends only when it was not met for a while:
one statement after another would begin and end it, such as where a full disk has room in places."""
FULL_SECONDS = 10.0
"""How long a full database is called so when nobody writes: then the next write finds out."""


@dataclass(slots=True)
class _Episode:
    """A condition that has begun."""

    last: float = 0.0
    """When it was met last, on the monotonic clock."""
    reasons: dict[str, set[object]] = field(default_factory=dict)
    """What was logged of a condition that concerns statements, and those that met it."""

    def forget(self, statement: object) -> None:
        """Drop the reasons for which a statement failed that works now: others may, too."""
        for reason, statements in list(self.reasons.items()):
            if statement in statements:
                del self.reasons[reason]


class State:
    """What the database can do now. One per application and process.

    `where` names the database in the log. Each condition is logged once when it begins, with the
    reason that the database gave, and once when it ends.
    """

    def __init__(self, where: str) -> None:
        self.where = where
        self.phase: Condition | None = Condition.NOT_STARTED
        """Why nothing can be asked yet, or any more; None: the database is open."""
        self.episodes: dict[Condition, _Episode] = {}
        """The conditions that have begun. Empty, as it usually is: all is well."""
        self._beginnings: dict[Condition, deque[float]] = defaultdict(lambda: deque(maxlen=OFTEN))
        """When each condition was logged, the last times."""

    def unavailable(self) -> Unavailable:
        """Return the answer to a request before the start or after the end."""
        phase = self.phase or Condition.CLOSED
        if phase is Condition.NOT_STARTED and self.begin(phase):
            self.log_begin(phase, _NOT_STARTED)
        return Unavailable(phase)

    def opened(self) -> None:
        """Note that the database answers."""
        self.phase = None
        for condition in _PHASES & self.episodes.keys():
            self.end(condition)

    def failed(self, error: Exception, statement: object) -> Condition | None:
        """Note an error of a statement; return the condition that it tells of, if that is new."""
        condition = condition_of(error)
        is_new = condition is not None and self.begin(condition, statement, reason_of(error))
        return condition if is_new else None

    def begin(self, condition: Condition, statement: object = None, reason: str = "") -> bool:
        """Note a condition; tell whether it is new, and so is to be logged."""
        now = time.monotonic()
        is_new = condition not in self.episodes
        episode = self.episodes.setdefault(condition, _Episode())
        episode.last = now
        if condition in _OF_STATEMENTS:
            is_new = reason not in episode.reasons and len(episode.reasons) < MOST_REASONS
            if is_new:
                episode.reasons[reason] = set()
            statements = episode.reasons.get(reason, set())
            if len(statements) < MOST_REASONS:
                statements.add(statement)
        if is_new:
            self._beginnings[condition].append(now)
        return is_new

    def log_begin(self, condition: Condition, reason: str) -> None:
        """Log that a condition has begun, with the reason that the database gave."""
        _log.warning("database %s: %s: %s", self.where, _LABELS[condition], reason)

    def end(self, condition: Condition) -> None:
        """Note that a condition has ended, if it had begun."""
        if self.episodes.pop(condition, None) is not None:
            _log.warning("database %s: no longer %s", self.where, _LABELS[condition])

    def succeeded(self, statement: object, *, writes: bool) -> None:
        """Note that a statement worked. To be called only while `episodes` has any."""
        now = time.monotonic()
        for condition, episode in list(self.episodes.items()):
            idle = now - episode.last
            if idle <= QUIET_SECONDS and (
                condition is Condition.BUSY or self._is_frequent(condition, now)
            ):
                continue
            if condition in _OF_STATEMENTS:
                episode.forget(statement)
                is_over = not episode.reasons or idle > FORGET_SECONDS
            elif condition in _OF_WRITES:
                is_over = writes
            else:
                is_over = condition not in _PHASES
            if is_over:
                self.end(condition)

    def _is_frequent(self, condition: Condition, now: float) -> bool:
        beginnings = self._beginnings[condition]
        return len(beginnings) == OFTEN and now - beginnings[0] <= OFTEN_SECONDS

    def blocking(self, *, reads_only: bool) -> Condition | None:
        """Return why the application is not ready; `reads_only` tells that nothing is written."""
        if self.phase is not None:
            return self.phase
        now = time.monotonic()
        for condition in list(self.episodes):
            idle = now - self.episodes[condition].last
            if (condition is Condition.FULL and idle > FULL_SECONDS) or (
                condition is Condition.BROKEN and idle > FORGET_SECONDS
            ):
                self.end(condition)
        found = [one for one in self.episodes if one in _NOT_READY]
        if reads_only:
            found = [one for one in found if one not in _OF_WRITES]
        return found[0] if found else None

    def checked(self, obstacle: str) -> None:
        """Note that rows can be read; and that they can be written, unless there is an obstacle."""
        self.end(Condition.DOWN)
        if not obstacle:
            self.end(Condition.READ_ONLY)
        elif self.begin(Condition.READ_ONLY):
            self.log_begin(Condition.READ_ONLY, obstacle)


_NOT_STARTED = (
    "its lifespan has not run: use `with TestClient(app)`, or run it with that of what mounts it"
)
_LABELS = {
    Condition.NOT_STARTED: "not started",
    Condition.STARTING: "no answer yet",
    Condition.CLOSED: "closed",
    Condition.DOWN: "down",
    Condition.BUSY: "busy",
    Condition.READ_ONLY: "read-only",
    Condition.FULL: "full",
    Condition.DENIED: "not permitted",
    Condition.BROKEN: "unusable",
    Condition.TABLE_UNUSABLE: "without a usable table",
    Condition.NO_KEY_LEFT: "without a key for another row",
}
