"""Runs Python code of the user on the names of an application. Reason to change: how it is run."""

import code
import linecache
import re
import sys
import traceback
from collections.abc import Callable
from importlib import import_module
from types import CodeType, TracebackType
from typing import TYPE_CHECKING, Any

from crudgen.cli import console
from crudgen.errors import DatabaseError

if TYPE_CHECKING:
    from sqlmodel import Session

Names = dict[str, Any]
_TEXT = re.compile(r"--[^\n]*|/\*.*?\*/|'(?:[^']|'')*+'|\"(?:[^\"]|\"\")*+\"", re.DOTALL)
"""What contains words that are not keywords: comments, texts and quoted names."""
_LOCKING = re.compile(r"\bfor\s+(?:no\s+key\s+)?update\b")
_WORD = re.compile(r"[a-z_0-9$]+")
_TRANSACTION = ("begin", "commit", "rollback", "savepoint", "release", "set")
_READING = frozenset(("pragma", "show", "values", "table", *_TRANSACTION))
_CHANGING = frozenset(("insert", "update", "delete", "merge", "into"))
_MAKING = frozenset(("create", "refresh", "execute"))
"""What EXPLAIN ANALYZE of PostgreSQL runs too."""


def run_code(text: str, filename: str, names: Names) -> None:
    """Run a text. Raises DatabaseError, or SystemExit after an exception of the code."""
    from sqlalchemy.exc import DBAPIError  # noqa: PLC0415 -- slow to import

    from crudgen.data.open_application import rejected_statement_message  # noqa: PLC0415 -- lazy

    linecache.cache[filename] = (len(text), None, text.splitlines(keepends=True), filename)
    try:
        exec(_compiled(text, filename), names)  # noqa: S102 -- it is what the user asks for
    except DBAPIError as error:
        raise DatabaseError(rejected_statement_message(error)) from None
    except Exception as error:  # noqa: BLE001 -- any exception of the code
        traceback.print_exception(type(error), error, _own_frames(error, filename))
        raise SystemExit(1) from None


def _compiled(text: str, filename: str) -> CodeType:
    return compile(text, filename, "exec", dont_inherit=True)


def _own_frames(error: Exception, filename: str) -> TracebackType | None:
    """Return the traceback from the code of the user on; None if the code is not valid Python."""
    frame = error.__traceback__
    while frame is not None and frame.tb_frame.f_code.co_filename != filename:
        frame = frame.tb_next
    return frame


def change_detector(session: "Session") -> Callable[[], bool]:
    """Return a function that says whether a session has changes that are not committed.

    Its statements count too: those of a flush, and those that are written as text.
    """
    from sqlalchemy import event  # noqa: PLC0415 -- slow to import

    is_changed = False

    def after_cursor_execute(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        nonlocal is_changed
        is_changed = is_changed or _may_change(statement)

    def after_transaction_end(_session: Any, transaction: Any) -> None:
        nonlocal is_changed
        is_changed = is_changed and transaction.parent is not None

    event.listen(session.get_bind(), after_cursor_execute.__name__, after_cursor_execute)
    event.listen(session, after_transaction_end.__name__, after_transaction_end)
    return lambda: bool(is_changed or session.new or session.dirty or session.deleted)


def _may_change(statement: str) -> bool:
    """Return whether a statement is not one that only reads.

    `SELECT … INTO` and `EXPLAIN ANALYZE` of a change write on PostgreSQL; `FOR UPDATE` does not.
    """
    keywords = _TEXT.sub(" ", statement.lower())
    words = _WORD.findall(_LOCKING.sub(" ", keywords))
    match words[:1]:
        case ["select" | "with"]:
            return not _CHANGING.isdisjoint(words)
        case ["explain"]:
            is_run = not {"analyze", "analyse"}.isdisjoint(words)
            return is_run and not (_CHANGING | _MAKING).isdisjoint(words)
        case [first]:
            return first not in _READING
        case _:
            return False


def interact(banner: str, names: Names, session: "Session") -> None:
    """Read code from the terminal and run it, in IPython if it is installed."""
    try:
        ipython: Any = import_module("IPython")
    except ImportError:
        _enable_history(names)
        DatabaseConsole(names, session).interact(banner, exitmsg="")
        return
    console.say(banner)
    ipython.start_ipython(argv=["--no-banner"], user_ns=names)


def _enable_history(names: Names) -> None:
    """Edit lines with readline and complete names, where Python has it."""
    try:
        readline: Any = import_module("readline")
    except ImportError:
        return
    readline.set_completer(import_module("rlcompleter").Completer(names).complete)
    readline.parse_and_bind("tab: complete")


class DatabaseConsole(code.InteractiveConsole):
    """A console in which an error of the database is a message."""

    def __init__(self, names: Names, session: "Session") -> None:
        super().__init__(names)
        self._session = session

    def showtraceback(self) -> None:
        """Print an exception; roll back after an error of the database."""
        from sqlalchemy.exc import DBAPIError  # noqa: PLC0415 -- slow to import

        from crudgen.data.open_application import rejected_statement_message  # noqa: PLC0415 -- lazy

        error = sys.exc_info()[1]
        if not isinstance(error, DBAPIError):
            super().showtraceback()
            return
        self._session.rollback()
        console.print_error(DatabaseError(f"{rejected_statement_message(error)}\n  rolled back"))
