"""Spans of the statements that sessions of SQLAlchemy run: those of handlers and functions."""

from typing import Any

from opentelemetry import trace
from sqlalchemy import Engine, event
from sqlalchemy.engine import ExceptionContext

from ..database.engines import Engines
from .statement_spans import StatementSpans, note_failure

_SPAN = "app_span"
"""The attribute of a statement's context with its span."""
_CONTROL = ("BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT", "RELEASE", "SET ")
"""The beginnings of statements without a span: they control the transaction."""


def trace_sessions(engines: Engines, spans: StatementSpans) -> None:
    """Let the engines of a database make spans of the statements of sessions."""

    def begin(
        _connection: Any, _cursor: Any, sql: str, values: Any, context: Any, many: bool
    ) -> None:
        is_sampled = context is not None and trace.get_current_span().is_recording()
        if is_sampled and not sql.startswith(_CONTROL):
            setattr(context, _SPAN, spans.start(sql, len(values) if many else 1))

    def end(
        _connection: Any, _cursor: Any, _sql: str, _values: Any, context: Any, _many: bool
    ) -> None:
        if context is not None and (span := vars(context).pop(_SPAN, None)):
            span.end()

    def fail(found: ExceptionContext) -> None:
        context = found.execution_context
        if context is not None and (span := vars(context).pop(_SPAN, None)):
            note_failure(span, found.original_exception)
            span.end()

    def listen(engine: Engine) -> None:
        event.listen(engine, "before_cursor_execute", begin)
        event.listen(engine, "after_cursor_execute", end)
        event.listen(engine, "handle_error", fail)

    engines.observe(listen)
