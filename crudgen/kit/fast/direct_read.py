"""One handler that reads rows, called from the HTTP protocol without waiting."""

import logging
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from time import perf_counter
from types import MappingProxyType
from typing import Any

from asgi_correlation_id import correlation_id
from starlette.types import Message, Scope

from ..database import Database
from ..http.exchange import Exchange, Observer
from ..http.headers import JsonText, with_default_headers
from ..http.routing import JsonRequest
from .head_cache import HARMLESS
from .plain_reads import find_plain_read
from .request_ids import REQUEST_ID_HEADER
from .row_reads import RowReads, row_reads
from .shortcut import Shortcut

_log = logging.getLogger("uvicorn.error")
_NO_NOTES: Mapping[str, Any] = MappingProxyType({})


@dataclass(slots=True)
class DirectRequest:
    """A GET request, as the protocol received it."""

    app: Any
    """The Application."""
    path: str
    key: str
    """The end of the path, if the route ends with a key."""
    query: bytes
    headers: Mapping[bytes, bytes]
    """Harmless headers, each given once."""
    new_scope: Callable[[], Scope]
    """Returns the ASGI scope of the request."""
    request_id: str
    notes: dict[Observer, Any] | None = None
    """What observers noted of the request; None without observers."""


class DirectRead:
    """A handler that has no effects: if it has to wait, it is called again as usual.

    Raises ValueError for other handlers.
    """

    def __init__(self, shortcut: Shortcut) -> None:
        read = None if shortcut.has_body else find_plain_read(shortcut.endpoint)
        if read is None or not shortcut.passed_on.isdisjoint(HARMLESS):
            raise ValueError("the handler may have effects, or depends on other headers")
        self._shortcut = shortcut
        self._source = read
        self._rows: RowReads | None = None
        """What reads the row, if the handler is called with a key and nothing else."""
        if read.operation == "read" and shortcut.takes_only_key:
            self._rows = row_reads(read.rows)

    def response(self, request: DirectRequest) -> tuple[int, bytes] | None:
        """Return the status of the response, and the bytes of its headers and its body.

        Return None if the request is to be handled as usual.
        """
        if not self._source.is_current():
            return None
        observers: Sequence[Observer] = request.app.observers
        others = [one for one in observers if one.count is None]
        if others:
            request.notes = {}
            if not self._is_ignored_by(others, request.path, request.notes):
                return self._respond_observed(request, observers)
        began = perf_counter()
        found = self._respond(request)
        if found is not None:
            seconds = perf_counter() - began
            for one in observers:
                if one.count is not None:
                    try:
                        one.count("GET", self._shortcut.path, found[0], seconds)
                    except Exception as error:
                        _log_error(error)
        return found

    def _is_ignored_by(
        self, observers: Sequence[Observer], path: str, notes: dict[Observer, Any]
    ) -> bool:
        """Return whether all of these observers ignore the request."""
        return all(one.ignores("GET", path, notes) for one in observers)

    def _respond_observed(
        self, request: DirectRequest, observers: Sequence[Observer]
    ) -> tuple[int, bytes] | None:
        """Return the response as `response` does, and tell all observers of the request."""
        exchange = Exchange(request.new_scope(), _send_nothing, observers, request.notes)
        exchange.route, exchange.entity = self._shortcut.path, self._shortcut.entity
        token = correlation_id.set(request.request_id)
        found = None
        try:
            exchange.begin()
            try:
                request.new_scope = lambda: exchange.scope
                found = self._respond(request, exchange.scope)
            finally:
                if found is None:
                    exchange.forget()
                else:
                    try:
                        exchange.complete(found[0])
                    except Exception as error:
                        _log_error(error)
        finally:
            correlation_id.reset(token)
        return found

    def _respond(
        self, request: DirectRequest, notes: Mapping[str, Any] = _NO_NOTES
    ) -> tuple[int, bytes] | None:
        """Return the response as `response` does. `notes` have the Exchange of the request."""
        shortcut, app, key = self._shortcut, request.app, request.key
        db: Database = app.state.database
        arguments: dict[str, Any] = {}
        if not shortcut.is_allowed(app, request.headers, notes, arguments):
            return None
        if not shortcut.read_parameters(key, request.query, arguments):
            return None
        header = (REQUEST_ID_HEADER, request.request_id.encode())
        if self._rows is not None:
            (value,) = arguments.values()
            encoded = self._rows.encoded_response(db, value, header[1])
            return None if encoded is None else (200, encoded)

        def json_request() -> JsonRequest:
            scope = request.new_scope()
            scope["headers"].append(header)
            return shortcut.request(app, key, scope, _receive_nothing)

        shortcut.add_arguments(arguments, lambda: db, json_request)
        response = _result_without_waiting(db, shortcut.endpoint(**arguments), request.request_id)
        if type(response) is not JsonText or response.background is not None:
            return None
        sent = with_default_headers([*response.raw_headers, header])
        lines = [b"%b: %b\r\n" % one for one in sent]
        return response.status_code, b"".join([*lines, b"\r\n", response.body])


def _result_without_waiting(
    db: Database, handler: Coroutine[Any, Any, Any], request_id: str
) -> Any:
    """Return the result of a handler; None if it raises an error or has to wait."""
    token = correlation_id.set(request_id)
    db.must_not_wait = True
    try:
        handler.send(None)
    except StopIteration as end:
        return end.value
    except Exception:
        return None  # it is called again, and raises the error again
    finally:
        db.must_not_wait = False
        correlation_id.reset(token)
        handler.close()
    return None


def _log_error(error: Exception) -> None:
    """Log the error of an observer: the request is complete, and must not be handled again."""
    _log.error("Exception in ASGI application\n", exc_info=error)


async def _receive_nothing() -> Message:
    raise RuntimeError("a read has no body")


async def _send_nothing(_message: Message) -> None:
    raise RuntimeError("the protocol sends the response")
