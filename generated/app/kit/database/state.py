"""The state of the database: what it can do now, and the log of when that began and ended."""

import logging
import time
from dataclasses import dataclass, field

from ..errors import Condition, Unavailable
from .faults import condition_of, reason_of

_log = logging.getLogger(__name__)

_PHASES = {Condition.NOT_STARTED, Condition.STARTING, Condition.CLOSED}
_OF_WRITES = {Condition.READ_ONLY, Condition.FULL}
_OF_STATEMENTS = {Condition.DENIED, Condition.BROKEN}
"""What may concern one table alone: another statement that works does not end it."""
_NOT_READY = {Condition.DOWN, Condition.READ_ONLY, Condition.FULL, Condition.BROKEN}
BUSY_SECONDS = 10.0
"""How long a busy database has to answer in time until it is called so no more."""
FORGET_SECONDS = 60.0
"""How long what concerns some statements is remembered when nobody sends these any more."""
MOST_REASONS = 10
"""How many reasons for one statement are logged."""
FULL_SECONDS = 10.0
"""How long a full database is called so when nobody writes: then the next write finds out."""


@dataclass(slots=True)
class _Episode:
    """A condition that has begun."""

    last: float = 0.0
    """When it was met last, on the monotonic clock."""
    statements: dict[object, set[str]] = field(default_factory=dict)
    """Those that met it, and for which reasons."""


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

    def closed(self) -> Unavailable:
        """Return the answer to a request that comes before the start or after the end."""
        phase = self.phase or Condition.CLOSED
        if phase is Condition.NOT_STARTED and self.begin(phase):
            self.say(phase, _NOT_STARTED)
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
        is_new = condition not in self.episodes
        episode = self.episodes.setdefault(condition, _Episode())
        episode.last = time.monotonic()
        if condition in _OF_STATEMENTS:
            reasons = episode.statements.setdefault(statement, set())
            is_new = reason not in reasons and len(reasons) < MOST_REASONS
            reasons.add(reason)
        return is_new

    def say(self, condition: Condition, reason: str) -> None:
        """Log that a condition has begun, with the reason that the database gave."""
        _log.warning("database %s: %s: %s", self.where, _LABELS[condition], reason)

    def end(self, condition: Condition) -> None:
        """Note that a condition has ended, if it had begun."""
        if self.episodes.pop(condition, None) is not None:
            _log.warning("database %s: no longer %s", self.where, _LABELS[condition])

    def worked(self, statement: object, *, writes: bool) -> None:
        """Note that a statement worked. To be called only while `episodes` has any."""
        now = time.monotonic()
        for condition, episode in list(self.episodes.items()):
            if condition in _OF_STATEMENTS:
                episode.statements.pop(statement, None)
                is_over = not episode.statements or now - episode.last > FORGET_SECONDS
            elif condition in _OF_WRITES:
                is_over = writes
            elif condition is Condition.BUSY:
                is_over = now - episode.last > BUSY_SECONDS
            else:
                is_over = condition is Condition.DOWN
            if is_over:
                self.end(condition)

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

    def probed(self, obstacle: str) -> None:
        """Note that rows can be read; and that they can be written, unless there is an obstacle."""
        self.end(Condition.DOWN)
        if not obstacle:
            self.end(Condition.READ_ONLY)
        elif self.begin(Condition.READ_ONLY):
            self.say(Condition.READ_ONLY, obstacle)


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
}
