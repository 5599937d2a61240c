"""What statements that write do on a connection of SQLite, and which rows they give."""

import sqlite3
from collections.abc import Sequence
from typing import Any

from .backend import Row, Step
from .group_commit import Rows, UndoError, actual
from .returning import final_rows, keys_to_read
from .sequences import explain_full
from .statements import Prepared


def write_one(
    prepared: Prepared,
    bound: dict[str, Any],
    read_back: Prepared | None,
    exact: bool,
    connection: sqlite3.Connection,
) -> Rows:
    """Run one INSERT, UPDATE or DELETE.

    `read_back` reads its rows again if triggers or foreign keys have changed others than those that
    it returns, or if RETURNING is not `exact`. Raises UndoError for what reading them back raises.
    """
    before = connection.total_changes
    try:
        returned = connection.execute(prepared.sql, bound).fetchall()
    except sqlite3.OperationalError as error:
        cause = explain_full(connection, prepared.sql, error)
        if cause is error:
            raise
        raise cause from error
    if read_back is None or (
        exact and returned and connection.total_changes - before == len(returned)
    ):
        return returned
    try:
        return _read_back(prepared, read_back, bound, connection, returned)
    except Exception as error:
        raise UndoError(error) from error


class Several:
    """Statements of one transaction, and what they have found.

    `exact` tells that RETURNING gives a row as it is stored.
    """

    def __init__(self, connection: sqlite3.Connection, *, exact: bool) -> None:
        self._connection = connection
        self._exact = exact
        self._stale = False
        """Whether a row may have been changed after it was returned."""
        self._done: list[tuple[Step, Rows, dict[str, Any]]] = []
        self._found: list[Sequence[Row]] = []

    def run(self, steps: Sequence[Step]) -> list[Sequence[Row]]:
        """Run the statements; raise what the first one that fails is explained with."""
        for step in steps:
            if step.change.derive is not None:
                self._refresh()
            bound = step.bound(self._found)
            before = self._connection.total_changes
            returned = _execute(self._connection, step, bound)
            rows = returned
            if step.read_back is not None:
                changed = self._connection.total_changes - before
                if not (self._exact and returned and changed == len(returned)):
                    rows = _read_back(
                        step.prepared, step.read_back, bound, self._connection, returned
                    )
                    self._stale = True
            self._done.append((step, returned, bound))
            self._found.append(step.rows(rows))
        self._refresh()
        return self._found

    def _refresh(self) -> None:
        """Read the rows again that were written: a later statement may have changed one."""
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
        cause = explain_full(connection, step.prepared.sql, actual(error))
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
