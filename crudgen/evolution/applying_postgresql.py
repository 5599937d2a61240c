"""Makes the changes of a plan on PostgreSQL. Reason to change: how long others wait for a lock."""

import contextlib
import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError

from crudgen.errors import DatabaseError
from crudgen.kit.database.faults import cause_of, reason_of
from crudgen.kit.database.tables import LOCK as CREATION

from .applying import (
    ApplyOptions,
    ApplyResult,
    Progress,
    Target,
    check_result,
    checked_plan,
    run_steps,
)
from .blockers import Blockers, report_blockers
from .connecting import Database
from .plan import Plan, Step
from .postgresql.ddl import PROGRESS
from .statements import run

LOCK = CREATION + 1
"""The key of the advisory lock of the session. Starts of applications take that of `CREATION`."""
LOCK_MILLISECONDS = 300
"""The lock timeout of a statement. Other requests for the table wait no longer than that."""
ATTEMPTS = 40
_POLL_SECONDS = 0.1
_PAUSE_SECONDS = (0.1, 2.0)
"""The first and the longest pause between two attempts."""
_NOT_NOW = {"55P03", "40P01"}
"""No lock in time; a deadlock with a request."""

Result = TypeVar("Result")


class _BusyError(Exception):
    """A lock is not available now."""


class PostgresqlWriter:
    """Changes the tables of a PostgreSQL database. No statement waits long for a lock."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def apply(self, target: Target, order: ApplyOptions) -> ApplyResult:
        """Make the changes, then those after the transaction."""
        with (
            self._session() as connection,
            report_blockers(
                self._database, connection, (LOCK, CREATION), order.waiting
            ) as blockers,
            _advisory_lock(connection),
        ):
            attempts = _Attempts(self._database.where, blockers)
            plan = attempts.run(partial(_run_transaction, connection, target, order))
            if plan.transaction_steps:
                attempts.done = "other changes were made"
            for step in plan.online_steps:
                with _step_errors(step, attempts.done):
                    attempts.run(partial(_run_online_step, connection, step, order))
                attempts.done = "other changes were made"
            if plan.online_steps:
                _check_online(connection, target)
        return ApplyResult(plan)

    @contextmanager
    def _session(self) -> Iterator[Connection]:
        """Connect; raise DatabaseError behind a pooler, which shares sessions."""
        with self._database.connect() as connection:
            driver: Any = connection.connection.dbapi_connection
            if driver.is_pooled:
                raise DatabaseError(
                    f"database {self._database.where}: there is a pooler before the server, and a"
                    " change needs a session of its own\n"
                    "  give the URL of the server itself: --database postgresql://…"
                )
            yield connection


@dataclass
class _Attempts:
    """Attempts to get all locks of a change."""

    where: str
    blockers: Blockers
    done: str = "nothing was changed"
    """What was changed before."""

    def run(self, work: Callable[[], Result]) -> Result:
        """Repeat `work` until it gets its locks. Raises DatabaseError after ATTEMPTS attempts."""
        pause, longest = _PAUSE_SECONDS
        for _ in range(ATTEMPTS):
            try:
                return work()
            except _BusyError:
                time.sleep(pause * random.uniform(0.5, 1))  # noqa: S311 -- not for security
                pause = min(pause * 1.5, longest)
        by = f", by {self.blockers.text}" if self.blockers.text else ""
        raise DatabaseError(
            f"database {self.where}: a table is in use all the time{by}\n"
            f"  {self.done}; end long transactions, and try again"
        )


@contextmanager
def _advisory_lock(connection: Connection) -> Iterator[None]:
    """Hold the advisory lock.

    It is polled: a statement that waits for it would hold a snapshot, for which CREATE INDEX
    CONCURRENTLY of the holder waits.
    """
    while not run(connection, f"SELECT pg_try_advisory_lock({LOCK})").scalar_one():
        time.sleep(_POLL_SECONDS)
    try:
        yield
    finally:
        with contextlib.suppress(Exception):
            run(connection, f"SELECT pg_advisory_unlock({LOCK})")


def _run_transaction(connection: Connection, target: Target, order: ApplyOptions) -> Plan:
    """Make the changes in a transaction, and return their plan. Raises _BusyError."""
    with _busy_errors():
        run(connection, "BEGIN")
        try:
            run(connection, f"SET LOCAL lock_timeout = {LOCK_MILLISECONDS}")
            if not run(connection, f"SELECT pg_try_advisory_xact_lock({CREATION})").scalar_one():
                raise _BusyError  # noqa: TRY301 -- an application creates tables
            plan = checked_plan(target.plan(connection), order)
            if plan.transaction_steps:
                run_steps(connection, plan.transaction_steps, order.watch)
                check_result(connection, target, plan.online_steps)
            run(connection, "COMMIT")
        except BaseException:
            with contextlib.suppress(Exception):
                run(connection, "ROLLBACK")
            raise
    return plan


def _run_online_step(connection: Connection, step: Step, order: ApplyOptions) -> None:
    """Run a step outside of a transaction. Raises _BusyError."""
    with order.watch(step) as report, _report_notices(connection, report), _busy_errors():
        for statement in step.sql:
            # Without its lock in time, CREATE INDEX CONCURRENTLY leaves an invalid index.
            waits = 0 if "CONCURRENTLY" in statement else LOCK_MILLISECONDS
            run(connection, f"SET lock_timeout = {waits}")
            run(connection, statement)


@contextmanager
def _report_notices(connection: Connection, report: Progress) -> Iterator[None]:
    """Report progress: the notices of statements that commit parts of their work."""

    def receive(notice: Any) -> None:
        if notice.sqlstate == PROGRESS:
            report(notice.message_primary)

    driver: Any = connection.connection.dbapi_connection
    driver.add_notice_handler(receive)
    try:
        yield
    finally:
        driver.remove_notice_handler(receive)


@contextmanager
def _step_errors(step: Step, done: str) -> Iterator[None]:
    """Convert errors of a step after the transaction. `done` says what was changed before."""
    try:
        yield
    except DBAPIError as error:
        remedy = "run crudgen apply again to complete this change"
        if isinstance(error, IntegrityError):
            remedy = "rows written in the meantime prevent it: `crudgen plan` shows them"
        raise DatabaseError(
            f"{step.table}: {step.what}: {reason_of(error)}\n  {done}; {remedy}"
        ) from None


@contextmanager
def _busy_errors() -> Iterator[None]:
    """Convert a lock timeout or a deadlock to _BusyError."""
    try:
        yield
    except OperationalError as error:
        if getattr(cause_of(error), "sqlstate", None) in _NOT_NOW:
            raise _BusyError from None
        raise


def _check_online(connection: Connection, target: Target) -> None:
    """Raise DatabaseError if anything is left to do after the steps outside of the transaction."""
    run(connection, "BEGIN")
    left = target.plan(connection, is_done=True)
    run(connection, "ROLLBACK")
    if not left.is_empty:
        lines = [f"  {one}" for one in left.remaining_changes]
        raise DatabaseError(
            "\n".join(
                ["some changes are not complete; run crudgen apply again. Left to do:", *lines]
            )
        )
