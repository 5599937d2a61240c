"""The statements of a transaction, and reading their rows back. The drivers run them."""

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from fastapi import HTTPException
from sqlalchemy import Column, Select

from ..errors import MAX_PROBLEMS, MissingTarget
from .returning import final_rows, keys_to_read
from .statements import Prepared, Statement, Values

Row = tuple[Any, ...]
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Change:
    """One statement of a transaction."""

    statement: Statement
    values: Values
    columns: tuple[str, ...] = ()
    """The columns that an INSERT or UPDATE sets."""
    check: Callable[[Sequence[Row]], None] | None = None
    """Checks the returned rows. If it raises, the transaction is rolled back."""
    explain: Callable[[Exception], Exception] | None = None
    """Converts a driver error to an HTTP error; returns other errors unchanged."""
    derive: Callable[[Sequence[Sequence[Row]]], Values] | None = None
    """Returns additional values, computed from the rows of the statements before."""
    read_back: Select[Any] | None = None
    """Reads the written row by `key__`, if RETURNING may not return its final state.

    The statement must return the columns of this SELECT, then the key."""
    yields: bool = False
    """Whether the transaction is repeated if it does not get a lock soon (PostgreSQL).

    Foreign keys can lock rows in an order that deadlocks with other transactions."""


@dataclass(frozen=True, slots=True)
class Step:
    """A change with its compiled statements."""

    change: Change
    prepared: Prepared
    read_back: Prepared | None = None

    def bound(self, found: Sequence[Sequence[Row]]) -> dict[str, Any]:
        """Return the bound values for the driver. `found` are the rows of the steps before."""
        derive = self.change.derive
        derived = {} if derive is None else derive(found)
        return self.prepared.values({**self.change.values, **derived})

    def rows(self, found: list[Row]) -> Sequence[Row]:
        """Return rows of the driver as rows of Python values, after the check of the change."""
        rows = self.prepared.rows(found)
        if self.change.check is not None:
            self.change.check(rows)
        return rows

    def explained_error(self, error: Exception) -> Exception:
        """Return the exception to raise for a driver error."""
        return error if self.change.explain is None else self.change.explain(error)


Execution = tuple[Prepared, dict[str, Any], Step | None]
"""A statement to run, its values for the driver, and its step; None to read a row back."""
ExecutionResult = tuple[list[Row], bool]
"""The rows of a statement, and whether triggers or foreign keys may have changed other rows."""
Work = Generator[Execution | None, Any, Result]
"""Yields the statements to run, and None to run deferred triggers; is sent their results."""


Key = tuple[Column[Any], Any]
"""A column that others refer to, and a value of it."""


class Diagnosis(Protocol):
    """Finds out why a statement failed, by reading other rows."""

    def __call__(self, error: Exception, failed: Prepared, bound: Values) -> Work[Exception]:
        """Yield the statements that read rows; return the exception to raise.

        `bound` are the values of the failed statement. It returns `error` itself if the rows do not
        explain it.
        """
        ...

    def missing_target(
        self, written: Prepared, values: Values, new: set[Key]
    ) -> Work[MissingTarget | None]:
        """Yield the statements that look up the targets of a row; return the error about them.

        `new` are the keys of rows of the same request that could not be written. That of this row
        is added.
        """
        ...


def transaction(steps: Sequence[Step]) -> Work[list[Sequence[Row]]]:
    """Yield the statements of a transaction; return the rows of each step in their final state."""
    done: list[tuple[Step, list[Row], dict[str, Any]]] = []
    found: list[Sequence[Row]] = []
    is_stale = False  # whether a returned row may have been changed afterwards
    for step in steps:
        if is_stale and step.change.derive is not None:
            yield from _reread_rows(done, found)
            is_stale = False
        bound = step.bound(found)
        returned, has_effects = yield step.prepared, bound, step
        rows = returned
        if step.read_back is not None and (has_effects or not returned):
            rows = yield from read_again(step.prepared, step.read_back, returned, bound)
            is_stale = is_stale or has_effects or bool(rows)
        done.append((step, returned, bound))
        found.append(step.rows(rows))
    if is_stale:
        yield from _reread_rows(done, found)
    return found


def _reread_rows(
    done: Sequence[tuple[Step, list[Row], dict[str, Any]]], found: list[Sequence[Row]]
) -> Work[None]:
    """Read all written rows again, because a later statement may have changed one."""
    yield None
    for index, (step, returned, bound) in enumerate(done):
        if step.read_back is not None:
            rows = yield from read_again(step.prepared, step.read_back, returned, bound)
            found[index] = step.prepared.rows(rows)


def read_again(
    prepared: Prepared, read_back: Prepared, returned: Sequence[Row], bound: Values
) -> Work[list[Row]]:
    """Yield the statements that read the written rows; return their final state."""
    rows: list[Row] = []
    for key in keys_to_read(prepared, returned, bound):
        read, _ = yield read_back, read_back.with_constants({"key__": key}), None
        rows += final_rows(prepared, key, returned, read)
    return rows


def explanation(
    failed: Execution,
    error: Exception,
    steps: Sequence[Step] = (),
    *,
    is_rolled_back: bool = False,
) -> Work[Exception]:
    """Yield the statements that explain the error of a failed one; return the exception to raise.

    `steps` are all steps of the transaction. If it has been rolled back, those before the failed
    one are repeated, so that the rows can be read that they wrote.
    """
    prepared, bound, step = failed
    position = next((index for index, one in enumerate(steps) if one is step), 0)
    if prepared.diagnosis is not None:
        given = bound if step is None else _values_without_derived(bound, step.change)
        work = prepared.diagnosis(error, prepared, given)
        error = yield from _after_steps(steps[:position] if is_rolled_back else (), work)
    if step is None:
        return error
    explained = step.explained_error(error)
    if isinstance(error, MissingTarget) and isinstance(explained, HTTPException):
        yield from _add_other_targets(explained, steps[position:])
    return explained


def _values_without_derived(bound: Values, change: Change) -> Values:
    """Return the values of a statement without those that were derived from rows: these are gone.

    Those that the defaults of columns have computed stay.
    """
    derived = {*change.columns} - change.values.keys()
    return {name: value for name, value in bound.items() if name not in derived}


def _add_other_targets(error: HTTPException, steps: Sequence[Step]) -> Work[None]:
    """Look up the targets of rows that were not written; add those that are missing to an error.

    `error` is about the first of the steps.
    """
    problems: list[Any] = [*error.detail]
    new = set[Key]()
    for step in steps:
        diagnosis = step.prepared.diagnosis
        if diagnosis is None or step.prepared.deletes or len(problems) >= MAX_PROBLEMS:
            continue
        missing = yield from diagnosis.missing_target(step.prepared, step.change.values, new)
        explained = None if missing is None else step.explained_error(missing)
        if isinstance(explained, HTTPException) and step is not steps[0]:
            problems += explained.detail
    error.detail = problems[:MAX_PROBLEMS]  # type: ignore[assignment]  # FastAPI allows any JSON


def _after_steps(steps: Sequence[Step], work: Work[Exception]) -> Work[Exception]:
    """Yield the statements of `steps`, then those of `work`; none if `work` has none.

    If the first of `work` reads no rows, those of `steps` are not needed. The steps derive their
    values again: a generated key differs from the one that was rolled back.
    """
    try:
        execution = next(work)
        if steps and (execution is None or execution[0].reads_rows):
            yield from transaction(steps)
        while True:
            answer = yield execution
            execution = work.send(answer)
    except StopIteration as end:
        return end.value  # type: ignore[no-any-return]
