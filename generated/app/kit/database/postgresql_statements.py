"""Execution of statements on a PostgreSQL connection."""

from collections.abc import Sequence
from typing import Any, cast

from ..acceleration import fast_module
from .codes import Fault
from .faults import classify
from .statements import Prepared
from .transaction import (
    Execution,
    ExecutionResult,
    Result,
    Row,
    Step,
    Work,
    explanation,
    transaction,
)


async def run_one(connection: Any, prepared: Prepared, bound: dict[str, Any]) -> list[Row]:
    """Run one statement in autocommit mode; return its rows."""
    try:
        return await _execute(connection, prepared, bound)
    except Exception as error:
        answer = await _explained_error(connection, (prepared, bound, None), error)
        if answer is error:
            raise
        raise answer from error


async def run_all(
    connection: Any, steps: Sequence[Step], lock_seconds: float | None = None
) -> list[Sequence[Row]]:
    """Run statements in a transaction; return the rows of each.

    Each lock must be available in `lock_seconds`, unless that is None.
    """
    work, answer = transaction(steps), None
    failed: Execution | None = None
    try:
        async with connection.transaction():
            await _limit_locks(connection, lock_seconds)
            while True:
                try:
                    execution = work.send(answer)
                except StopIteration as end:
                    return cast("list[Sequence[Row]]", end.value)
                failed = execution
                answer = await _run_execution(connection, execution)
                failed = None
    except Exception as error:
        if failed is None:
            raise
        explained = await _explained_error(
            connection, failed, error, steps, lock_seconds=lock_seconds
        )
        if explained is error:
            raise
        raise explained from error


async def _explained_error(
    connection: Any,
    failed: Execution,
    error: Exception,
    steps: Sequence[Step] = (),
    *,
    lock_seconds: float | None = None,
) -> Exception:
    """Return the exception to raise for an error, whose transaction has been rolled back.

    If its explanation reads rows, the steps before are repeated first, and rolled back again.
    With `lock_seconds`, a lock that is not available raises, so that the transaction is retried.
    """
    work = explanation(failed, error, steps, is_rolled_back=True)
    try:
        first = next(work)
    except StopIteration as end:
        return cast("Exception", end.value)
    try:
        async with connection.transaction(force_rollback=True):
            await _limit_locks(connection, lock_seconds)
            return await _run(connection, work, first)
    except Exception as problem:
        fault = classify(problem)
        is_retried = lock_seconds is not None and fault in {Fault.LOCKED, Fault.RETRY}
        if fault is Fault.BUG or is_retried:
            raise
        step = failed[2]
        return error if step is None else step.explained_error(error)


async def _limit_locks(connection: Any, seconds: float | None) -> None:
    """Fail the transaction if a lock is not available within `seconds`; None: no limit."""
    if seconds is not None:
        await connection.execute(f"SET LOCAL lock_timeout = {int(seconds * 1000)}")


async def _run(connection: Any, work: Work[Result], execution: Execution | None) -> Result:
    """Run the statements of `work`, from `execution` on; return its result."""
    while True:
        answer = await _run_execution(connection, execution)
        try:
            execution = work.send(answer)
        except StopIteration as end:
            return cast("Result", end.value)


async def _run_execution(connection: Any, execution: Execution | None) -> ExecutionResult:
    """Run one statement; None runs the deferred triggers.

    Return its rows, and whether triggers may have changed other rows.
    """
    if execution is None:
        await connection.execute("SET CONSTRAINTS ALL IMMEDIATE")  # runs deferred triggers
        return [], False
    prepared, bound, step = execution
    rows = await _execute(connection, prepared, bound)
    if step is None or step.read_back is None:
        return rows, False
    has_effects = prepared.rereads or any(row[-1] for row in rows)
    prepared.returns_final_row = not has_effects
    return [row[:-1] for row in rows], has_effects


async def _execute(connection: Any, prepared: Prepared, bound: dict[str, Any]) -> list[Row]:
    fast = fast_module("direct_statements")
    if fast is not None and (statement := fast.send(connection, prepared.sql, bound)) is not None:
        return await statement.rows()  # type: ignore[no-any-return]
    cursor = await connection.execute(prepared.sql, bound, prepare=True)
    rows: list[Row] = await cursor.fetchall()
    return rows
