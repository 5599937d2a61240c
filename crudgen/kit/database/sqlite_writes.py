"""Execution of writes on a SQLite connection, and reading their rows back."""

import sqlite3
from collections.abc import Sequence
from typing import Any

from .backend import Row, Step
from .returning import final_rows, keys_to_read
from .sequences import explain_full
from .statements import Prepared
from .writer import RollbackError, own_error

Rows = list[Row]


def write_one(
    prepared: Prepared,
    bound: dict[str, Any],
    read_back: Prepared | None,
    connection: sqlite3.Connection,
) -> Rows:
    """Run one INSERT, UPDATE or DELETE.

    `read_back` reads the rows again if triggers or foreign keys changed more rows than returned.
    Raises RollbackError for an error while the rows are read back.
    """
    before = connection.total_changes
    try:
        returned = connection.execute(prepared.sql, bound).fetchall()
    except sqlite3.OperationalError as error:
        cause = explain_full(connection, prepared.sql, error)
        if cause is error:
            raise
        raise cause from error
    if read_back is None or (returned and connection.total_changes - before == len(returned)):
        return returned
    try:
        return _read_back(prepared, read_back, bound, connection, returned)
    except Exception as error:
        raise RollbackError(error) from error


class Transaction:
    """Runs the statements of one transaction, and collects their rows."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._stale = False
        """Whether a returned row may have been changed afterwards."""
        self._done: list[tuple[Step, Rows, dict[str, Any]]] = []
        self._found: list[Sequence[Row]] = []

    def run(self, steps: Sequence[Step]) -> list[Sequence[Row]]:
        """Run the statements; raise the explained error of the first one that fails."""
        for step in steps:
            if step.change.derive is not None:
                self._refresh()
            bound = step.bound(self._found)
            before = self._connection.total_changes
            returned = _execute(self._connection, step, bound)
            rows = returned
            if step.read_back is not None:
                changed = self._connection.total_changes - before
                if not (returned and changed == len(returned)):
                    rows = _read_back(
                        step.prepared, step.read_back, bound, self._connection, returned
                    )
                    self._stale = True
            self._done.append((step, returned, bound))
            self._found.append(step.rows(rows))
        self._refresh()
        return self._found

    def _refresh(self) -> None:
        """Read all written rows again, because a later statement may have changed one."""
        if not self._stale:
            return
        self._stale = False
        for index, (step, returned, bound) in enumerate(self._done):
            if step.read_back is not None:
                rows = _read_back(step.prepared, step.read_back, bound, self._connection, returned)
                self._found[index] = step.prepared.rows(rows)


def _execute(connection: sqlite3.Connection, step: Step, bound: dict[str, Any]) -> Rows:
    try:
        return connection.execute(step.prepared.sql, bound).fetchall()
    except Exception as error:
        cause = explain_full(connection, step.prepared.sql, own_error(error))
        answer = step.explained(cause)
        if answer is error or not connection.in_transaction:
            raise
        raise answer from error


def _read_back(
    prepared: Prepared,
    read_back: Prepared,
    bound: dict[str, Any],
    connection: sqlite3.Connection,
    returned: Rows,
) -> Rows:
    rows: Rows = []
    for key in keys_to_read(prepared, returned, bound):
        read = connection.execute(read_back.sql, {"key__": key}).fetchall()
        rows += final_rows(prepared, key, returned, read)
    return rows
