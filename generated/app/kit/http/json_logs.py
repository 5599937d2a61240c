"""The log as JSON: one object a line, and one line for each request."""

import json
import logging
import re
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any

from asgi_correlation_id import correlation_id
from opentelemetry import trace
from starlette.types import Scope

from .exchange import Exchange, Observer

REQUESTS = "app.requests"
"""The name of the logger with a line for each request."""
_FIELDS = "fields"
"""The attribute of a record of the log that has further fields of its object."""
_TRACEPARENT = re.compile(rb"[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}")
_KNOWN = {*vars(logging.makeLogRecord({})), "message", "asctime", "color_message", "correlation_id"}
_trace_id: ContextVar[str | None] = ContextVar("trace_id", default=None)
"""The trace of the request, from its header `traceparent`."""
_requests = logging.getLogger(REQUESTS)


class JsonFormatter(logging.Formatter):
    """Writes a record as one line of JSON, in ASCII: a value cannot begin another line.

    Fields of `extra` are added, unless they have the name of another field. uvicorn sets
    `use_colors`, which has no effect.
    """

    def __init__(self, *, use_colors: bool | None = None) -> None:
        super().__init__()
        del use_colors

    def format(self, record: logging.LogRecord) -> str:
        """Return the line of a record."""
        found: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC)
            .isoformat(timespec="milliseconds")
            .replace("+00:00", "Z"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            "request_id": correlation_id.get(),
            **_trace_fields(),
            **getattr(record, _FIELDS, {}),
        }
        if record.exc_info:
            found["exception"] = self.formatException(record.exc_info)
        if record.stack_info:
            found["stack"] = self.formatStack(record.stack_info)
        for name, value in vars(record).items():
            if name not in _KNOWN and name != _FIELDS:
                found.setdefault(name, value)
        return _encode({name: value for name, value in found.items() if value is not None})


class RequestLog:
    """An observer that logs each request."""

    count = None

    def ignores(self, method: str, path: str, notes: dict[Observer, Any]) -> bool:
        """Return whether no request is logged, because the level of the log is above INFO."""
        del method, path, notes
        return not _requests.isEnabledFor(logging.INFO)

    def begin(self, exchange: Exchange) -> None:
        """Note the trace that the client names."""
        _trace_id.set(_trace_of_client(exchange.scope))

    def forget(self, exchange: Exchange) -> None:
        """Log nothing."""

    def end(self, exchange: Exchange) -> None:
        """Log a request, without its query and its headers: they may contain secrets."""
        if _requests.isEnabledFor(logging.INFO):
            path = exchange.scope["path"]
            fields = {
                "method": exchange.method,
                "route": exchange.route,
                "path": path,
                "status": exchange.status,
                "milliseconds": round(exchange.seconds * 1000, 3),
                "caller": exchange.caller,
            }
            _requests.info(
                "%s %s %d", exchange.method, path, exchange.status, extra={_FIELDS: fields}
            )


def _encode(fields: dict[str, Any]) -> str:
    try:
        return json.dumps(fields, default=_as_text, allow_nan=False)
    except (TypeError, ValueError):  # a key that is no text, a value that contains itself, NaN
        return json.dumps({name: _as_value(value) for name, value in fields.items()})


def _as_value(value: Any) -> Any:
    """Return a value, or its text if JSON has no such value."""
    try:
        json.dumps(value, allow_nan=False)
    except (TypeError, ValueError):
        return _as_text(value)
    return value


def _as_text(value: Any) -> str:
    try:
        return str(value)
    except Exception:
        return f"<{type(value).__name__}>"


def _trace_fields() -> dict[str, str]:
    context = trace.get_current_span().get_span_context()
    if context.is_valid:
        return {"trace_id": f"{context.trace_id:032x}", "span_id": f"{context.span_id:016x}"}
    found = _trace_id.get()
    return {} if found is None else {"trace_id": found}


def _trace_of_client(scope: Scope) -> str | None:
    """Return the trace id in the header `traceparent` (W3C Trace Context), if it is valid."""
    for name, value in scope["headers"]:
        if name == b"traceparent":
            found = _TRACEPARENT.fullmatch(value)
            return found[1].decode() if found else None
    return None
