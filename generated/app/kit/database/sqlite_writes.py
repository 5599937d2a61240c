"""Execution of writes on a SQLite connection."""

import contextlib
import sqlite3
from collections.abc import Sequence
from typing import Any, cast

from .sequences import explain_exhausted
from .statements import Prepared
from .transaction import (
    Execution,
    ExecutionResult,
    Result,
    Row,
    Step,
    Work,
    explanation,
    read_again,
    transaction,
)
from .writer import MustRollBackError, error_of_statement


def write_one(
    prepared: Prepared,
    bound: dict[str, Any],
    read_back: Prepared | None,
    connection: sqlite3.Connection,
) -> list[Row]:
    """Run one INSERT, UPDATE or DELETE; return the rows of RETURNING, in their final state.

    `read_back` reads the rows again if triggers or foreign keys changed more rows than returned.
    Raises MustRollBackError for an error while the rows are read back.
    """
    returned, has_effects = _execute(connection, (prepared, bound, None))
    if read_back is None or (returned and not has_effects):
        return returned
    try:
        return _run(connection, read_again(prepared, read_back, returned, bound))
    except Exception as error:
        raise MustRollBackError(error) from error


def write_all(steps: Sequence[Step], connection: sqlite3.Connection) -> list[Sequence[Row]]:
    """Run statements; return their rows, or raise the converted error of one that fails."""
    return _run(connection, transaction(steps), steps)


def _run(connection: sqlite3.Connection, work: Work[Result], steps: Sequence[Step] = ()) -> Result:
    """Run the statements of `work`; return its result. `steps` are those of the transaction."""
    answer: ExecutionResult | None = None
    while True:
        try:
            execution = work.send(answer)
        except StopIteration as end:
            return cast("Result", end.value)
        answer = ([], False) if execution is None else _execute(connection, execution, steps)


def _execute(
    connection: sqlite3.Connection, execution: Execution, steps: Sequence[Step] = ()
) -> ExecutionResult:
    prepared, bound, _ = execution
    before = connection.total_changes
    try:
        rows = connection.execute(prepared.sql, bound).fetchall()
    except Exception as error:
        cause = explain_exhausted(connection, prepared.sql, error_of_statement(error))
        answer = _explained_error(connection, execution, cause, steps)
        if connection.total_changes != before or _may_be_partial(error):
            raise MustRollBackError(answer) from error
        if answer is error or not connection.in_transaction:
            raise
        raise answer from error
    return rows, prepared.rereads or connection.total_changes - before != len(rows)


def _may_be_partial(error: Exception) -> bool:
    """Return whether a failed statement may have changed rows.

    SQLite does not undo a statement that fails by RAISE(FAIL), which counts its changes, or by a
    chain of too many cascades, which does not.
    """
    return getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_ERROR


def _explained_error(
    connection: sqlite3.Connection, failed: Execution, error: Exception, steps: Sequence[Step]
) -> Exception:
    """Return the error to raise for a failed statement, whose transaction should still be open."""
    if connection.in_transaction:
        with contextlib.suppress(sqlite3.Error):
            return _run(connection, explanation(failed, error, steps))
    step = failed[2]
    return error if step is None else step.explained_error(error)
