"""A span for each request, with the names of OpenTelemetry's semantic conventions for HTTP."""

from functools import partial
from typing import Any

from opentelemetry import context as contexts
from opentelemetry import propagate, trace
from opentelemetry.context import Context
from opentelemetry.propagators.textmap import DefaultGetter
from opentelemetry.trace import Span, SpanKind, StatusCode, Tracer, TracerProvider
from starlette.types import Scope

from ..http.exchange import METHODS, OTHER, UNMATCHED, Exchange, Observer

_GETTER = DefaultGetter()


class RequestSpans:
    """An observer that makes a span of each request. It is current while the request is handled."""

    count = None

    def __init__(self, tracer: Tracer, provider: TracerProvider | None) -> None:
        """Make spans by a tracer of this provider, or of the global one."""
        self._tracer = tracer
        self._provider = provider
        self._headers = {name.lower().encode() for name in propagate.get_global_textmap().fields}

    def ignores(self, method: str, path: str, notes: dict[Observer, Any]) -> bool:
        """Return whether the request is not sampled. The notes get its span, for `begin`."""
        if self._is_dropped(method, path):
            notes[self] = None
            return True
        notes[self] = span = self._start(method, path, Context())
        return not span.is_recording()

    def _is_dropped(self, method: str, path: str) -> bool:
        """Return whether the provider says in advance that the request is not sampled."""
        provider = self._provider or trace.get_tracer_provider()
        ids: Any = getattr(provider, "id_generator", None)
        if not hasattr(ids, "is_sampled"):
            return False  # a provider that was not configured here
        return not ids.is_sampled(provider, method, _first_attributes(method, path))

    def begin(self, exchange: Exchange) -> None:
        """Start the span, as a child of the span that the client names."""
        parent = self._parent_context(exchange.scope)
        if self not in exchange.notes:
            span = self._start(exchange.method, exchange.scope["path"], parent)
        else:
            span = exchange.notes[self] or _unsampled_span()
        exchange.notes[self] = span
        token = contexts.attach(trace.set_span_in_context(span, parent))
        exchange.cleanup = partial(contexts.detach, token)

    def end(self, exchange: Exchange) -> None:
        """End the span. One that is not sampled gets no attributes."""
        span = exchange.notes[self]
        if span.is_recording():
            span.set_attributes(_attributes(exchange))
            if exchange.route != UNMATCHED:
                span.update_name(f"{_span_name(exchange.method)} {exchange.route}")
            if exchange.status >= 500:
                error = exchange.exception
                kind = type(error).__qualname__ if error else str(exchange.status)
                span.set_attribute("error.type", kind)
                span.set_status(StatusCode.ERROR)
        span.end()

    def forget(self, exchange: Exchange) -> None:
        """Keep the span in the notes, so that the request is sampled once."""

    def _start(self, method: str, path: str, parent: Context) -> Span:
        attributes = _first_attributes(method, path)
        return self._tracer.start_span(_span_name(method), parent, SpanKind.SERVER, attributes)

    def _parent_context(self, scope: Scope) -> Context:
        sent: dict[str, Any] = {
            name.decode("latin-1"): value.decode("latin-1")
            for name, value in scope["headers"]
            if name in self._headers
        }
        return propagate.extract(sent, Context(), _GETTER) if sent else Context()


def _unsampled_span() -> Span:
    """Return the span of a request that the provider does not sample."""
    from .trace_ids import unsampled_span

    return unsampled_span()


def _first_attributes(method: str, path: str) -> dict[str, str]:
    """Return the attributes that samplers can use."""
    known = method if method in METHODS else OTHER
    return {"http.request.method": known, "url.path": path}


def _span_name(method: str) -> str:
    """Return the name of a method in spans; `HTTP` for those that a client can make up."""
    return method if method in METHODS else "HTTP"


def _attributes(exchange: Exchange) -> dict[str, Any]:
    scope = exchange.scope
    found: dict[str, Any] = {
        "http.response.status_code": exchange.status,
        "url.scheme": scope.get("scheme", "http"),
        "network.protocol.version": scope.get("http_version", "1.1"),
    }
    if exchange.route != UNMATCHED:
        found["http.route"] = exchange.route
    if exchange.method not in METHODS:
        found["http.request.method_original"] = exchange.method
    tags = getattr(scope.get("route"), "tags", None)
    entity = exchange.entity or (str(tags[0]) if tags else None)
    if entity is not None:
        found["app.entity"] = entity
    return found
