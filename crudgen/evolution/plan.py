"""A plan: what has to be done to a database, and what prevents it. Reason to change: its content.

Nothing here knows SQL or a database.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum


class Risk(StrEnum):
    """What a step can do to rows and to requests."""

    SAFE = "safe"
    """No row and no request can fail."""
    NARROWS = "narrows"
    """A new rule: rows that do not meet it are counted first."""
    FILLS = "fills"
    """Rows get a value that they did not have."""
    CONVERTS = "converts"
    """Values change their form: those that do not convert are counted first."""
    DROPS = "drops"
    """Values are deleted."""


class Lock(StrEnum):
    """What a step locks, and for how long."""

    INSTANT = "instant"
    CHECKED = "all rows are checked, everybody waits"
    REWRITTEN = "all rows are rewritten, everybody waits"
    COPIED = "the table is copied, writers wait"
    SAME_COPY = "in the same copy"
    INDEXED = "all rows are read, writers wait"
    BACKGROUND = "in the background"


CREATES = "+ table"
"""What a step does that creates a table."""


@dataclass(frozen=True, slots=True)
class Step:
    """One change of a plan, and the statements that make it."""

    table: str
    """The name of the table in the models."""
    column: str | None
    """The name of the column in the models; None for the table."""
    what: str
    """The change in the words of the spec: `years: was age; int → str(1..20)`, `+ level int`."""
    risk: Risk
    lock: Lock
    sql: tuple[str, ...] = ()
    """The statements. Those of several changes of a table are in the first of its steps."""
    online: bool = False
    """Whether the step runs after the transaction, outside of it. It can be repeated."""
    breaks_running: bool = False
    """Whether servers of the version before fail afterwards."""
    running: str = ""
    """Which requests fail there: `writes may fail`."""
    seconds: float | None = None
    """An estimate of the time that the step takes, if it depends on the number of rows."""

    @property
    def creates_table(self) -> bool:
        """Whether the step creates a table, which has no rows."""
        return self.what == CREATES


@dataclass(frozen=True, slots=True)
class Problem:
    """What prevents a plan: rows in the way, or a change that is not possible."""

    table: str
    column: str | None
    what: str
    """What was found: `499,999 rows have the word 'angry', which is not in the spec`."""
    remedy: str
    """What to do about it."""
    count: int = 0
    """The number of rows in the way; 0 if the change is not possible with any rows."""
    examples: tuple[tuple[object, ...], ...] = ()
    """Primary keys of up to three of the rows."""
    select: str = ""
    """The statement that shows the rows."""
    flag: str = ""
    """The option of `crudgen apply` that solves it, such as `--fill hero.level=VALUE`."""
    place: str = ""
    """Where the spec defines the column or the table: `entities/hero.yaml:7`."""


@dataclass(frozen=True, slots=True)
class Copy:
    """A table that is created anew, with its rows."""

    table: str
    definition: str
    """What follows the name in CREATE TABLE."""
    values: Mapping[str, str]
    """SQL for the value of each column that is copied."""
    dropped: tuple[str, ...]
    removed: tuple[str, ...]
    """The constraints that a revision has to name, since it removes them."""
    sql: tuple[str, ...]
    """All statements of the copy."""


@dataclass(frozen=True, slots=True)
class DatabaseSteps:
    """The steps that make changes on one kind of database, and what it would refuse."""

    steps: tuple[Step, ...] = ()
    """In the order in which they run."""
    problems: tuple[Problem, ...] = ()
    """What the database would refuse."""
    copies: tuple[Copy, ...] = ()


@dataclass(frozen=True, slots=True)
class Note:
    """What is worth knowing about a table, and prevents nothing."""

    table: str
    column: str | None
    text: str
    may_be: str | None = None
    """The column or table of the database that a new one may be, under another name."""
    is_warning: bool = False
    """Whether users should see it also if they did not ask for a plan: it may be a mistake."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What has to be done to a database, so that its tables are those of the models."""

    steps: tuple[Step, ...] = ()
    """The changes, in the order in which they are made."""
    problems: tuple[Problem, ...] = ()
    notes: tuple[Note, ...] = ()
    rows: Mapping[str, int] = field(default_factory=dict)
    """The number of rows of each table that changes, possibly estimated."""
    unused: tuple[str, ...] = ()
    """Options without effect, and why, a line each."""
    copies: tuple[Copy, ...] = ()
    """The tables that are copied; their statements are those of a step."""

    @property
    def transaction_steps(self) -> tuple[Step, ...]:
        """The steps of the transaction."""
        return tuple(step for step in self.steps if not step.online)

    @property
    def online_steps(self) -> tuple[Step, ...]:
        """The steps after the transaction."""
        return tuple(step for step in self.steps if step.online)

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to do. Notes do not count."""
        return not self.steps and not self.problems

    @property
    def digest(self) -> str:
        """A short name of what the plan does. Numbers of rows do not change it."""
        does = [[step.table, step.column, step.what, step.sql] for step in self.steps]
        prevented = [[one.table, one.column, one.select or one.what] for one in self.problems]
        text = json.dumps([does, prevented])
        return hashlib.sha256(text.encode()).hexdigest()[:12]

    @property
    def remaining_changes(self) -> list[str]:
        """The steps and problems, a line each, for messages."""
        lines = [f"{step.table}: {step.what}" for step in self.steps]
        return [*lines, *(f"{one.table}: {one.what}" for one in self.problems)]

    @property
    def warnings(self) -> tuple[Note, ...]:
        """The notes that users should see also if they did not ask for a plan."""
        return tuple(note for note in self.notes if note.is_warning)

    def with_warnings_only(self) -> "Plan":
        """Return the plan without the notes that are no warnings."""
        return replace(self, notes=self.warnings)

    def without_notes(self) -> "Plan":
        """Return the plan without its notes."""
        return replace(self, notes=())

    def as_json(self) -> dict[str, object]:
        """Return the plan for `--json`."""
        return {
            "digest": self.digest,
            "rows": dict(self.rows),
            "steps": [asdict(step) for step in self.steps],
            "problems": [asdict(problem) for problem in self.problems],
            "notes": [asdict(note) for note in self.notes],
            "unused": list(self.unused),
        }
