"""A request and its response, as observers see them: the log of requests, metrics, traces."""

from collections.abc import Callable, Mapping, Sequence
from time import perf_counter
from typing import Any, Protocol

from fastapi.telemetry._api import _RequestTelemetry, _route_selected
from starlette.types import ASGIApp, Message, Receive, Scope, Send

EXCHANGE = "app.exchange"
"""Key of a request's scope: its Exchange, if the application has observers."""
NOTES = "app.notes"
"""Key of a request's scope: the notes of observers, if the request begins again."""
UNMATCHED = "unmatched"
"""The route of requests whose path has no route."""
METHODS = frozenset(
    ("CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "QUERY", "TRACE")
)
OTHER = "_OTHER"
"""What observers call all other methods: a client could send any number of them."""
_SELECTED = "fastapi.telemetry"
"""Key of a request's scope where FastAPI records the selected route, and exceptions."""


class Observer(Protocol):
    """Is told of each request once, when it begins and when its response is complete."""

    @property
    def count(self) -> "Callable[[str, str, int, float], None] | None":
        """The method that notes a complete request: its method, route, status and seconds.

        None if the observer needs `begin` and `end`.
        """
        ...

    def ignores(self, method: str, path: str, notes: "dict[Observer, Any]") -> bool:
        """Return whether a request, which names no trace, needs no `begin` and `end`.

        `notes` are those of its Exchange, if it gets one: what is decided here is not asked again.
        """
        ...

    def begin(self, exchange: "Exchange") -> None:
        """Note the beginning of a request."""
        ...

    def end(self, exchange: "Exchange") -> None:
        """Note the end of the response, or of a request without one."""
        ...

    def forget(self, exchange: "Exchange") -> None:
        """Undo `begin`: the request begins again, with another Exchange and the same notes."""
        ...


class Exchange:
    """A request and its response. It ends once: with the response, or with an exception."""

    __slots__ = (
        "_began",
        "_observers",
        "_send",
        "caller",
        "cleanup",
        "entity",
        "is_ended",
        "method",
        "notes",
        "route",
        "scope",
        "seconds",
        "status",
    )

    def __init__(
        self,
        scope: Scope,
        send: Send,
        observers: Sequence[Observer],
        notes: dict[Observer, Any] | None = None,
    ) -> None:
        """Observe a request. `notes` are those of observers that know of it already."""
        self.scope = scope
        self.method: str = scope["method"]
        self.route = UNMATCHED
        """The path of the route, with the names of its parameters: `/heroes/{id}`."""
        self.entity: str | None = None
        """The first tag of the route of a shortcut."""
        self.caller: str | None = None
        """The subject of the caller, if the request has a valid token."""
        self.status = 500
        """The status of the response; 500 without one, which the server then sends."""
        self.seconds = 0.0
        self.notes = {} if notes is None else notes
        """What observers keep from the beginning to the end."""
        self.cleanup: Callable[[], object] | None = None
        """Is called at the end, in the task of the request; another task may send the response."""
        self.is_ended = False
        self._observers = observers
        self._send = send
        self._began = 0.0

    async def run(self, app: ASGIApp, receive: Receive) -> None:
        """Let the application handle the request."""
        self.begin()
        try:
            await app(self.scope, receive, self._forward)
        finally:
            try:
                self._end()
            finally:
                self._clean_up()

    def begin(self) -> None:
        """Tell the observers that the request begins."""
        self.scope[EXCHANGE] = self
        self._began = perf_counter()
        for one in self._observers:
            one.begin(self)

    def complete(self, status: int) -> None:
        """Tell the observers of a response that was not sent by `run`."""
        self.status = status
        try:
            self._end()
        finally:
            self._clean_up()

    def forget(self) -> None:
        """Tell the observers that the request begins again, with another Exchange."""
        for one in reversed(self._observers):
            one.forget(self)
        self._clean_up()

    def record_selected_route(self) -> None:
        """Let FastAPI record the route that it selects, unless its own telemetry does."""
        if _SELECTED not in self.scope:
            self.scope[_SELECTED] = _RequestTelemetry(span=None, span_method=self.method, data=None)

    @property
    def exception(self) -> BaseException | None:
        """The last exception of the handler or of middleware, if FastAPI called it."""
        selected = self.scope.get(_SELECTED)
        return selected._exceptions[-1] if selected and selected._exceptions else None

    async def _forward(self, message: Message) -> None:
        kind = message["type"]
        if kind == "http.response.start":
            self.status = message["status"]
            selected = self.scope.get(_SELECTED)
            if selected is not None and selected.route is not None:
                self.route = selected.route
            await self._send(message)
            return
        await self._send(message)
        if not message.get("more_body", False) and kind != "http.response.debug":
            self._end()

    def _end(self) -> None:
        if not self.is_ended:
            self.is_ended = True
            self.seconds = perf_counter() - self._began
            for one in reversed(self._observers):
                one.end(self)

    def _clean_up(self) -> None:
        if self.cleanup is not None:
            self.cleanup()
        del self.scope[EXCHANGE]  # only the garbage collector would free a cycle


def note_route(scope: Scope, path: str, entity: str | None) -> None:
    """Note the route of a request that a shortcut handles."""
    exchange: Exchange | None = scope.get(EXCHANGE)
    if exchange is not None:
        exchange.route, exchange.entity = path, entity
    if _SELECTED in scope:  # the application is mounted in another one
        _route_selected(scope=scope, path=path)


def note_status(scope: Scope, status: int) -> None:
    """Note the status of a response that is sent without ASGI messages."""
    exchange: Exchange | None = scope.get(EXCHANGE)
    if exchange is not None:
        exchange.status = status


def note_caller(scope: Mapping[str, Any], subject: str | None) -> None:
    """Note the subject of the caller."""
    exchange: Exchange | None = scope.get(EXCHANGE)
    if exchange is not None:
        exchange.caller = subject
