"""The transactions of sessions on SQLite, which take the write lock when they need it.

A transaction that has only read begins anew when it writes: SQLite would reject the write if
another connection has written in between, whatever the busy timeout is.
"""

import re
from typing import Any

from sqlalchemy import Connection, Engine, Select, TextClause, TextualSelect, event
from sqlalchemy.sql.selectable import CompoundSelect

_STATE = "app.transaction"
_READING, _WRITING = "reading", "writing"
_COMMENTS = r"\s*(?:--[^\n]*\n\s*|/\*.*?\*/\s*)*"
_READ = re.compile(rf"(?is){_COMMENTS}(?:SELECT|VALUES|EXPLAIN|PRAGMA|WITH)\b")
"""Text that reads, unless it has a word of _WRITE too."""
_WRITE = re.compile(r"\b(?:INSERT|UPDATE|DELETE|REPLACE)\b", re.IGNORECASE)


def take_locks_late(engine: Engine) -> None:
    """Let the transactions of an engine begin with their first statement, as it needs."""
    event.listen(engine, "begin", _begin)
    event.listen(engine, "before_cursor_execute", _before_statement)


def take_write_lock(connection: Connection) -> None:
    """Begin a transaction that writes, before its first statement."""
    connection.info[_STATE] = _WRITING
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _begin(connection: Connection) -> None:
    connection.info.pop(_STATE, None)


def _before_statement(
    connection: Connection, _cursor: Any, statement: str, _values: Any, context: Any, _many: bool
) -> None:
    """Begin the transaction, or begin it anew if it must write and has only read."""
    state = connection.info.get(_STATE)
    if state == _WRITING:
        return
    reads = _only_reads(statement, context)
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


def _only_reads(statement: str, context: Any) -> bool:
    """Return whether a statement needs no write lock. One with FOR UPDATE does."""
    compiled = None if context is None else context.compiled
    if compiled is not None and not isinstance(compiled.statement, TextClause | TextualSelect):
        asked = compiled.statement
        is_read = isinstance(asked, Select | CompoundSelect)
        return is_read and getattr(asked, "_for_update_arg", None) is None
    return _READ.match(statement) is not None and not _WRITE.search(statement)
