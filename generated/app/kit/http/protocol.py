"""uvicorn's HTTP, with bounds for what an application does not see: heads, and stuck clients.

`uvicorn --http app.kit.http.protocol:HttpProtocol`. By itself uvicorn waits for a head for ever,
collects headers without an end, also behind a body, and keeps an answer for ever that its client
does not take. It also takes requests without a Host, or with codings that it does not know. What
is refused here is JSON too, and closes the connection.
"""

import asyncio
import json
import logging
from functools import cache, partial
from http import HTTPStatus
from typing import Any

from httptools import HttpParserError, HttpParserUpgrade, HttpRequestParser
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from ..settings import ServerSettings
from .headers import with_usual
from .request_head import INVALID, find_fault, split_url

_settings = cache(ServerSettings)
_log = logging.getLogger("uvicorn.error")
_LAST_SECOND = 1.0
"""Of uvicorn's time for a graceful end: what is stuck then ends in order, not with an error 500."""
_IDLE_SECONDS = 1.0
"""How long an idle connection stays open after the listening socket: a proxy that has not noticed
yet may be sending a request."""


class HttpProtocol(HttpToolsProtocol):
    """One connection. A head that is too late is answered 408, one that is too large 431."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.app = partial(_run, self.app)
        self._limits = _settings()
        self._timer: asyncio.TimerHandle | None = None
        self._reader: asyncio.TimerHandle | None = None
        """The next look at a client that does not take its answer."""
        self._end: asyncio.TimerHandle | None = None
        self._last_request: asyncio.TimerHandle | None = None
        """When an idle connection is closed at the end of the server."""
        self._answering: RequestResponseCycle | None = None
        """`self.cycle` is the request that came last; others may be before it."""
        self._in_head = False
        self._is_over = False
        """Whether nothing more is read, and the connection ends with the last answer."""
        self._due: tuple[HTTPStatus, str] | None = None
        """How the last request will be refused, once those before it are answered."""
        self._is_leaving = False
        """Whether the request asks for a protocol that is not spoken here."""
        self._packet_bytes = 0
        self._head_bytes = 0
        """What has come of an incomplete head since the packet that it began in.

        Behind a head: what has come since the last part of its body, such as trailers.
        """
        self._refusal = INVALID

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Expect the first head."""
        super().connection_made(transport)
        self._wait(self._limits.head_seconds)

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop waiting."""
        self._stop_waiting()
        self._stop_watching()
        if self._end is not None:
            self._end.cancel()
        if self._last_request is not None:
            self._last_request.cancel()
        if self._answering is not None and not self._answering.response_complete:
            self._answering.disconnected = True
            self._answering.message_event.set()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse; a head that is incomplete now has a limited time for its rest."""
        if self._is_over:
            return
        self._packet_bytes = len(data)
        self._head_bytes += len(data)
        while data:
            try:
                self.parser.feed_data(data)
            except HttpParserError:
                self.logger.warning("Invalid HTTP request received.")
                self.send_400_response("")
            except HttpParserUpgrade as upgrade:
                data = self._stay(data[upgrade.args[0] :])
                continue
            break
        if self._head_bytes > self._limits.max_head_bytes:
            self._refuse(*_TOO_LARGE)
        elif self._in_head and self._timer is None:
            self._wait(self._limits.head_seconds)

    def _stay(self, rest: bytes) -> bytes:
        """Give what to parse instead of a request that asks for another protocol.

        A server may ignore that (RFC 9110, section 7.8); httptools takes the body for the other
        protocol already.
        """
        if self._should_upgrade():
            self.handle_websocket_upgrade()
            return b""
        if not self._is_leaving:  # it is a CONNECT, which is answered already
            self.cycle.keep_alive = False
            self._is_over = True
            return b""
        self._is_leaving = False
        version = self.parser.get_http_version().encode()
        parts = [b"%s %s HTTP/%s" % (self.parser.get_method(), self.url, version)]
        parts += [b"%s: %s" % (name, value) for name, value in self.headers if name != b"upgrade"]
        self.parser = HttpRequestParser(self)
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)
        return b"\r\n".join([*parts, b"", rest])

    def on_message_begin(self) -> None:
        """Begin a head; the connection is idle until then, also with a blank line before it."""
        if self.timeout_keep_alive_task is not None:
            self._unset_keepalive_if_required()
        self._in_head = True
        self._head_bytes = 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Check the whole head; uvicorn turns what this raises into `send_400_response`."""
        self._in_head = False
        if self._timer is not None:
            self._stop_waiting()
        is_many = len(self.headers) > self._limits.max_headers
        if is_many or self._packet_bytes + self._head_bytes > self._limits.max_head_bytes:
            size = sum(len(name) + len(value) for name, value in self.headers)
            if is_many or size > self._limits.max_head_bytes:
                self._refusal = _TOO_LARGE
                raise ValueError(_TOO_LARGE[1])
        version = self.parser.get_http_version()
        fault = find_fault(version, self.url, self.headers)
        if fault is not None:
            self._refusal = fault
            raise ValueError(fault[1])
        if version == "1.0":
            self.expect_100_continue = False  # it knows of no such answer (RFC 9110, section 15.2)
        if self.url[:1] not in b"/*" and (url := split_url(self.url)) is not None:
            host, self.url = url
            others = [header for header in self.headers if header[0] != b"host"]
            self.headers[:] = [(b"host", host), *others]  # RFC 9112, section 3.2.2
        if self.parser.should_upgrade():
            is_asked = any(name == b"upgrade" for name, _ in self.headers)
            self._is_leaving = is_asked and not self._should_upgrade()
            if not self._is_leaving:
                super().on_headers_complete()
            return
        super().on_headers_complete()
        self.headers = []  # trailers are none of the head's business (RFC 9110, section 6.5.1)

    def on_body(self, body: bytes) -> None:
        """Take a part of the body."""
        self._unset_keepalive_if_required()
        self._head_bytes = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """End a request; if it was answered before it had ended, the next one may not be late."""
        if self._is_leaving:
            return
        super().on_message_complete()
        if self._timer is not None:
            self._stop_waiting()
            self._wait(self.timeout_keep_alive)

    def on_response_complete(self) -> None:
        """Give a client that is answered, and still sends its body, a limited time to end it."""
        super().on_response_complete()
        if self._in_head:
            self._unset_keepalive_if_required()
        cycle = self.cycle
        if self.transport.is_closing():
            self._watch()
        elif cycle.more_body and cycle.response_complete:
            self._wait(self._limits.head_seconds)

    def pause_writing(self) -> None:
        """Watch whether the client takes its answer: there is much that it has not taken."""
        super().pause_writing()
        self._watch()

    def resume_writing(self) -> None:
        """Send on."""
        super().resume_writing()
        if not self.transport.is_closing():
            self._stop_watching()

    def timeout_keep_alive_handler(self) -> None:
        """Close an idle connection, once its client has taken the last answer."""
        super().timeout_keep_alive_handler()
        self._watch()

    def shutdown(self) -> None:
        """End after the answer that is due or soon will be; hang up on a client that is stuck."""
        if self.cycle is None or self.cycle.response_complete:
            self._last_request = self.loop.call_later(_IDLE_SECONDS, super().shutdown)
        else:
            super().shutdown()
        seconds = self.config.timeout_graceful_shutdown
        if seconds is not None:
            self._end = self.loop.call_later(max(seconds - _LAST_SECOND, 0), self.transport.abort)

    def send_400_response(self, msg: str) -> None:
        """Refuse what is not HTTP, or what this class raised for."""
        del msg
        self._refuse(*self._refusal)

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        self._answering = cycle
        if self._last_request is not None:
            cycle.keep_alive = False
        if self._due is not None and cycle is self.cycle:
            self._refuse(*self._due)
        else:
            super()._start_asgi_task(cycle, app)

    def _refuse(self, status: HTTPStatus, detail: str) -> None:
        if self.transport.is_closing():
            return
        self._is_over = True
        cycle = self.cycle
        if cycle is not None and not cycle.response_complete:
            if not cycle.more_body or cycle.response_started:
                cycle.keep_alive = False  # the answer before this one comes first, and is the last
                return
            if cycle is not self._answering:
                self._due = status, detail
                return
            cycle.disconnected = True  # its body is what is amiss
            cycle.message_event.set()
        body = json.dumps({"detail": detail}).encode()
        headers = [
            *self.server_state.default_headers,
            (b"content-type", b"application/json"),
            (b"content-length", str(len(body)).encode()),
            (b"connection", b"close"),
        ]
        lines = [b"HTTP/1.1 %d %s" % (status, status.phrase.encode())]
        lines += [name + b": " + value for name, value in with_usual(headers)]
        is_head = self.parser.get_method() == b"HEAD"
        self.transport.write(b"\r\n".join([*lines, b"", b"" if is_head else body]))
        self._close()

    def _wait(self, seconds: float) -> None:
        if self._timer is None:
            self._timer = self.loop.call_later(seconds, self._give_up)

    def _stop_waiting(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _watch(self) -> None:
        left = self.transport.get_write_buffer_size()
        if left and self._reader is None:
            self._reader = self.loop.call_later(self._limits.send_seconds, self._look_again, left)

    def _look_again(self, before: int) -> None:
        self._reader = None
        if self.transport.get_write_buffer_size() < before:
            self._watch()
        else:
            self.transport.abort()

    def _stop_watching(self) -> None:
        if self._reader is not None:
            self._reader.cancel()
            self._reader = None

    def _give_up(self) -> None:
        self._timer = None
        if self.transport.is_closing():
            return
        if self._in_head:
            detail = f"The request should arrive within {self._limits.head_seconds:g} seconds"
            self._refuse(HTTPStatus.REQUEST_TIMEOUT, detail)
        else:
            self._close()

    def _close(self) -> None:
        self.transport.close()
        self._watch()


async def _run(app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer a request; an error after the whole answer is logged, and closes no connection.

    uvicorn would close it: a client that keeps its connections would lose its next request.
    """
    try:
        return await app(scope, receive, send)
    except Exception as error:
        cycle: RequestResponseCycle = send.__self__  # type: ignore[attr-defined]
        if not cycle.response_complete:
            raise
        _log.error("Exception in ASGI application\n", exc_info=error)


_TOO_LARGE = HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "The headers are too large or too many"
