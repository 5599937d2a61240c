"""Spans of the functions of the owner, of messages to webhooks, and of snapshots for exports."""

import inspect
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import wraps
from typing import Any, cast
from urllib.parse import urlsplit

from opentelemetry.trace import Span, SpanKind, StatusCode, Tracer

from ..database.spans import Function, NoteStatus, Spans
from .statement_spans import StatementSpans


class WorkSpans(Spans):
    """Makes spans by a tracer. None contains values of rows, messages of errors, or a URL."""

    def __init__(self, tracer: Tracer, statements: StatementSpans) -> None:
        self._tracer = tracer
        self._statements = statements

    def of_function(self, function: Function) -> Function:
        """Return a function whose calls have spans, named by its module and its name."""
        name = getattr(function, "__qualname__", type(function).__qualname__)
        module = getattr(function, "__module__", "")
        path = f"{module}.{name}"
        attributes = {"code.function.name": path}
        title = path.partition(".")[2]  # without the name of the package

        if inspect.iscoroutinefunction(function):

            @wraps(function)
            async def traced(*args: Any, **options: Any) -> Any:
                with self._span(title, SpanKind.INTERNAL, attributes):
                    return await function(*args, **options)

            return cast(Function, traced)

        @wraps(function)
        def traced_in_thread(*args: Any, **options: Any) -> Any:
            with self._span(title, SpanKind.INTERNAL, attributes):
                return function(*args, **options)

        return cast(Function, traced_in_thread)

    def of_snapshot(self) -> AbstractContextManager[object]:
        """Make a span of a snapshot, from its connection to its end."""
        return self._span("snapshot", SpanKind.INTERNAL, self._statements.attributes)

    def of_statement(self, sql: str) -> AbstractContextManager[object]:
        """Make a span of a statement that no backend runs."""
        return self._statements.span(sql)

    @contextmanager
    def of_message(self, name: str, url: str, attempt: int) -> Iterator[NoteStatus]:
        """Make a span of the request to a receiver, with the host of its URL."""
        attributes: dict[str, Any] = {"http.request.method": "POST", "app.webhook": name}
        place = urlsplit(url)
        if place.hostname:
            attributes["server.address"] = place.hostname
            attributes["server.port"] = place.port or (443 if place.scheme == "https" else 80)
        if attempt > 1:
            attributes["http.request.resend_count"] = attempt - 1
        with self._span("POST", SpanKind.CLIENT, attributes) as span:

            def note_status(status: int) -> None:
                span.set_attribute("http.response.status_code", status)

            yield note_status

    @contextmanager
    def _span(self, name: str, kind: SpanKind, attributes: dict[str, Any]) -> Iterator[Span]:
        with self._tracer.start_as_current_span(
            name,
            kind=kind,
            attributes=attributes,
            record_exception=False,
            set_status_on_exception=False,
        ) as span:
            try:
                yield span
            except BaseException as error:
                _note_error(span, error)
                raise


def _note_error(span: Span, error: BaseException) -> None:
    """Note the class of an error, or the status of a response.

    An HTTPException with a status below 500 is no failure.
    """
    status = getattr(error, "status", None)
    span.set_attribute("error.type", str(status or type(error).__qualname__))
    if getattr(error, "status_code", 500) >= 500:
        span.set_status(StatusCode.ERROR)
