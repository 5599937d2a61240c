"""Makes the changes of a plan. Reason to change: the protocol.

Take the lock; plan again; refuse if rows prevent it; change; plan again, which must find nothing to
do; commit. An error before that undoes all. Steps that can be repeated follow the commit.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from sqlalchemy import Connection, MetaData

from crudgen.errors import DatabaseError

from .choices import Choices
from .connecting import Database
from .hints import Hints
from .plan import Plan, Risk, Step
from .planning import make_plan
from .statements import run

Progress = Callable[[str], None]
"""Reports what a step has done so far: `20,000 rows`."""
Watch = Callable[[Step], AbstractContextManager[Progress]]
"""Reports a step while it runs."""
_SAVED = {Risk.CONVERTS, Risk.FILLS, Risk.DROPS}


class RefusedError(DatabaseError):
    """A plan cannot be applied. `plan` says why, or has changed."""

    def __init__(self, message: str, plan: Plan) -> None:
        super().__init__(message)
        self.plan = plan


@dataclass(frozen=True, slots=True)
class Target:
    """The tables that a database should have, with the hints and options of the change."""

    metadata: MetaData
    hints: Hints
    choices: Choices = field(default_factory=Choices)

    def plan(self, connection: Connection, *, is_done: bool = False) -> Plan:
        """Return what is to do, or what is left if the changes are done. Only reads."""
        return make_plan(connection, self.metadata, self.hints, self.choices, is_done=is_done)


@dataclass(frozen=True, slots=True)
class ApplyResult:
    """The plan that was applied, and the backup."""

    plan: Plan
    backup: Path | None = None
    """A copy of the SQLite database before the change."""


@dataclass(frozen=True, slots=True)
class ApplyOptions:
    """How a plan is applied: its reports, the expected plan, and whether to make a backup."""

    watch: Watch
    waiting: Callable[[str], None]
    """Called with what the change waits for."""
    expected: str | None = None
    """The digest of the plan that was reviewed."""
    backup: bool = True


class Writer(Protocol):
    """Applies plans on one kind of database."""

    def apply(self, target: Target, order: ApplyOptions) -> ApplyResult:
        """Make the changes."""


def watch_nothing(step: Step) -> AbstractContextManager[Progress]:
    """Report nothing about a step."""
    del step
    return nullcontext(lambda _text: None)


def apply(database: Database, target: Target, order: ApplyOptions) -> ApplyResult:
    """Make the tables of a database those of the models, and return what was done.

    Raises RefusedError if the plan has problems or is not the expected one, and DatabaseError.
    """
    from .applying_postgresql import PostgresqlWriter  # noqa: PLC0415 -- they import this module
    from .applying_sqlite import SqliteWriter  # noqa: PLC0415

    writer: Writer = SqliteWriter(database) if database.file else PostgresqlWriter(database)
    return writer.apply(target, order)


def checked_plan(plan: Plan, order: ApplyOptions) -> Plan:
    """Return the plan. Raises RefusedError if it must not be applied.

    An empty plan is accepted: another process may have applied the expected one.
    """
    if order.expected not in {None, plan.digest} and not plan.is_empty:
        raise RefusedError(
            f"the plan is now {plan.digest}, not {order.expected}\n"
            "  give the same --fill, --drop and --integers as for the reviewed plan; if they are\n"
            "  the same, the spec or the database has changed: review the plan with crudgen plan",
            plan,
        )
    if plan.problems:
        count = len(plan.problems)
        problems = "1 problem" if count == 1 else f"{count} problems"
        raise RefusedError(f"{problems}: nothing was changed", plan)
    return plan


def needs_backup(plan: Plan) -> bool:
    """Return whether a plan changes or deletes values of rows."""
    return any(step.risk in _SAVED for step in plan.steps)


def run_steps(connection: Connection, steps: tuple[Step, ...], watch: Watch) -> None:
    """Run the statements of steps, in their order."""
    for step in steps:
        with watch(step):
            for statement in step.sql:
                run(connection, statement)


def check_result(connection: Connection, target: Target, following: tuple[Step, ...] = ()) -> None:
    """Raise DatabaseError if the changes in this transaction did not lead to the models.

    `following` are steps after the transaction. PostgreSQL estimates the number of rows better now,
    so the new plan may have them in the transaction.
    """
    left = target.plan(connection, is_done=True)
    later = {(step.table, step.column, step.what) for step in following}
    if left.problems or any(
        (step.table, step.column, step.what) not in later for step in left.transaction_steps
    ):
        lines = [
            "the changes did not lead to the spec, and were rolled back. Left to do:",
            *(f"  {one}" for one in left.remaining_changes),
            "  this is a fault of crudgen: report it, with the output of: plan --sql",
        ]
        raise DatabaseError("\n".join(lines))
