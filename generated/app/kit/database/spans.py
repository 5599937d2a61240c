"""What an application does outside of single statements: functions, snapshots, messages.

`Spans` makes no spans of it. An application with tracing has others: see telemetry/work_spans.py.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any, TypeVar

Function = TypeVar("Function", bound=Callable[..., Any])
NoteStatus = Callable[[int], object]
"""Is called with the status of a response."""


class Spans:
    """Makes no spans."""

    def of_function(self, function: Function) -> Function:
        """Return a function whose calls have spans."""
        return function

    def of_snapshot(self) -> AbstractContextManager[object]:
        """Return the context of a snapshot: reads of one state of the database."""
        return nullcontext()

    def of_statement(self, sql: str) -> AbstractContextManager[object]:
        """Return the context of a statement that no backend runs."""
        del sql
        return nullcontext()

    def of_message(self, name: str, url: str, attempt: int) -> AbstractContextManager[NoteStatus]:
        """Return the context in which a message is sent to the receiver `name`."""
        del name, url, attempt
        return nullcontext(_ignore)


def _ignore(status: int) -> None:
    """Note nothing."""
    del status


NO_SPANS = Spans()
