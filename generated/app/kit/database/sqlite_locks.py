"""Transactions of SQLite sessions that take the write lock with their first write.

A transaction that has only read is restarted before it writes. Otherwise, SQLite would reject the
write if another connection has written in between, whatever the busy timeout is.
"""

import re
from typing import Any

from sqlalchemy import Connection, Engine, Select, TextClause, TextualSelect, event
from sqlalchemy.sql.selectable import CompoundSelect

_STATE = "app.transaction"
_READING, _WRITING = "reading", "writing"
_COMMENTS = r"\s*(?:--[^\n]*\n\s*|/\*.*?\*/\s*)*"
_READ = re.compile(rf"(?is){_COMMENTS}(?:SELECT|VALUES|EXPLAIN|PRAGMA|WITH)\b")
"""Matches SQL that only reads, unless _WRITE matches too."""
_WRITE = re.compile(r"\b(?:INSERT|UPDATE|DELETE|REPLACE)\b", re.IGNORECASE)


def defer_write_lock(engine: Engine) -> None:
    """Begin transactions with their first statement, and lock only when a statement writes."""
    event.listen(engine, "begin", _forget_state)
    event.listen(engine, "before_cursor_execute", _before_statement)


def take_write_lock(connection: Connection) -> None:
    """Begin a transaction that writes, before its first statement."""
    connection.info[_STATE] = _WRITING
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _forget_state(connection: Connection) -> None:
    connection.info.pop(_STATE, None)


def _before_statement(
    connection: Connection, _cursor: Any, statement: str, _values: Any, context: Any, _many: bool
) -> None:
    """Begin the transaction, or restart it if the statement writes and it has only read so far."""
    state = connection.info.get(_STATE)
    if state == _WRITING:
        return
    reads = _needs_no_lock(statement, context)
    if state == _READING and reads:
        return
    connection.info[_STATE] = _WRITING  # also for the statements below
    try:
        if state == _READING:
            connection.exec_driver_sql("COMMIT")
        connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")
    except BaseException:
        connection.info.pop(_STATE, None)
        raise
    connection.info[_STATE] = _READING if reads else _WRITING


def _needs_no_lock(statement: str, context: Any) -> bool:
    """Return whether a statement needs no write lock. One with FOR UPDATE does."""
    compiled = None if context is None else context.compiled
    if compiled is not None and not isinstance(compiled.statement, TextClause | TextualSelect):
        construct = compiled.statement
        is_select = isinstance(construct, Select | CompoundSelect)
        return is_select and getattr(construct, "_for_update_arg", None) is None
    return only_reads(statement)


def only_reads(sql: str) -> bool:
    """Return whether a text of SQL only reads."""
    return _READ.match(sql) is not None and not _WRITE.search(sql)
