"""uvicorn's HTTP protocol with limits for request heads and for clients that do not read.

Use it with `uvicorn --http app.kit.http.protocol:HttpProtocol`. Without it, uvicorn waits for
headers without a time limit, accepts any number of headers and trailers, and keeps an unread
response forever. It also accepts requests without a Host, or with unknown transfer codings.
"""

import asyncio
from functools import cache, partial
from http import HTTPStatus
from typing import Any

from httptools import HttpParserError, HttpParserUpgrade
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from ..settings import ServerSettings
from .direct_responses import MAX_HEAD_BYTES, MAX_HEADERS
from .late_errors import run_application
from .lingering_close import LingeringTransport
from .request_head import INVALID, TOO_LARGE, Refusal, encode_refusal, find_refusal, split_url
from .send_timeout import SendTimeout
from .upgrades import IgnoredUpgrades

_settings = cache(ServerSettings)
_ABORT_SECONDS = 1.0
"""How long before the end of uvicorn's graceful shutdown the remaining connections are aborted.
Their requests end as by a disconnected client; uvicorn would cancel them with an error 500."""
_IDLE_SECONDS = 1.0
"""How long an idle connection stays open during a shutdown: a proxy may be sending a request."""


class HttpProtocol(IgnoredUpgrades):
    """One client connection. A late request head is answered 408, one that is too large 431."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.app = partial(run_application, self.app)
        self._limits = _settings()
        least = (self._limits.max_headers, self._limits.max_head_bytes)
        if least[0] < MAX_HEADERS or least[1] < MAX_HEAD_BYTES:
            self._application = None  # only a parser applies the limits
        self._timer: asyncio.TimerHandle | None = None
        """Limits the time for the next request, or for the rest of one; closes the connection."""
        self._send_timeout = SendTimeout(self._limits.send_seconds)
        self._abort_timer: asyncio.TimerHandle | None = None
        """Aborts the connection shortly before the end of a graceful shutdown."""
        self._idle_timer: asyncio.TimerHandle | None = None
        """Closes an idle connection during a shutdown."""
        self._answering: RequestResponseCycle | None = None
        """The request that is being answered. With pipelining, `self.cycle` is a later one."""
        self._in_head = False
        self._pending_refusal: Refusal | None = None
        """The refusal of the last request, sent when the requests before it are answered."""
        self._packet_bytes = 0
        self._head_bytes = 0
        """Bytes received of an incomplete head after the packet in which it began.

        After a head, the bytes received since the last part of the body, such as trailers.
        """
        self._refusal = INVALID

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start the timer for the first head."""
        super().connection_made(transport)
        self._lingering = LingeringTransport(transport, self._is_receiving)
        self.transport = self._lingering
        self._start_timer(self._limits.head_seconds)

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop all timers, and tell the application that the client has disconnected."""
        self._pass_on_held_request()
        self._stop_timer()
        self._send_timeout.stop()
        self._lingering.stop()
        for timer in (self._abort_timer, self._idle_timer):
            if timer is not None:
                timer.cancel()
        if self._answering is not None and not self._answering.response_complete:
            self._answering.disconnected = True
            self._answering.message_event.set()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse received data. If it ends within a head, start the timer for the rest."""
        if self._is_closing or self.transport.is_closing():
            return
        rest = self._respond_directly(data)
        if rest:
            self._parse(rest)
        else:
            self._stop_timer()

    def _parse(self, data: bytes) -> None:
        self._packet_bytes = len(data)
        self._head_bytes += len(data)
        while data:
            try:
                self.parser.feed_data(data)
            except HttpParserError:
                self.logger.warning("Invalid HTTP request received.")
                self.send_400_response("")
            except HttpParserUpgrade as upgrade:
                data = self._ignore_upgrade(data[upgrade.args[0] :])
                continue
            break
        if self._head_bytes > self._limits.max_head_bytes:
            self._refuse(TOO_LARGE)
        elif self._in_head and self._timer is None:
            self._start_timer(self._limits.head_seconds)

    def on_message_begin(self) -> None:
        """Note the beginning of a head. Blank lines before it leave the connection idle."""
        if self.timeout_keep_alive_task is not None:
            self._unset_keepalive_if_required()
        self._in_head = True
        self._head_bytes = 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Start the request; raise ValueError for an invalid head.

        uvicorn calls `send_400_response` for an exception that is raised here.
        """
        self._in_head = False
        self._stop_timer()
        is_many = len(self.headers) > self._limits.max_headers
        if is_many or self._packet_bytes + self._head_bytes > self._limits.max_head_bytes:
            size = sum(len(name) + len(value) for name, value in self.headers)
            if is_many or size > self._limits.max_head_bytes:
                self._refusal = TOO_LARGE
                raise ValueError(TOO_LARGE[1])
        version = self.parser.get_http_version()
        fault = find_refusal(version, self.url, self.headers)
        if fault is not None:
            self._refusal = fault
            raise ValueError(fault[1])
        if version == "1.0":
            self.expect_100_continue = False  # HTTP/1.0 has no 100 (RFC 9110, section 15.2)
        if self.url[:1] not in b"/*" and (url := split_url(self.url)) is not None:
            host, self.url = url
            others = [header for header in self.headers if header[0] != b"host"]
            self.headers[:] = [(b"host", host), *others]  # RFC 9112, section 3.2.2
        if self.parser.should_upgrade():
            has_upgrade = any(name == b"upgrade" for name, _ in self.headers)
            self._is_upgrade = has_upgrade and not self._should_upgrade()
            if not self._is_upgrade:
                super().on_headers_complete()
            return
        super().on_headers_complete()
        self.headers = []  # trailers must not be added to the headers (RFC 9110, section 6.5.1)

    def on_body(self, body: bytes) -> None:
        """Pass a part of the body to the application."""
        self._unset_keepalive_if_required()
        self._head_bytes = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """End the body of a request. If it is answered already, start the keep-alive timer."""
        if self._is_upgrade:
            return
        super().on_message_complete()
        if self._timer is not None:
            self._stop_timer()
            self._start_timer(self.timeout_keep_alive)

    def on_response_complete(self) -> None:
        """End a response. If the client still sends the body, limit the time for the rest."""
        super().on_response_complete()
        if self._in_head:
            self._unset_keepalive_if_required()
        cycle = self.cycle
        if self.transport.is_closing():
            self._send_timeout.start(self.transport)
        elif cycle.more_body and cycle.response_complete:
            self._start_timer(self._limits.head_seconds)

    def pause_writing(self) -> None:
        """Start the send timeout: the write buffer is full."""
        super().pause_writing()
        self._send_timeout.start(self.transport)

    def resume_writing(self) -> None:
        """Stop the send timeout, unless the connection is closing."""
        super().resume_writing()
        if not self.transport.is_closing():
            self._send_timeout.stop()

    def timeout_keep_alive_handler(self) -> None:
        """Close an idle connection after the client has read the last response."""
        super().timeout_keep_alive_handler()
        self._send_timeout.start(self.transport)

    def shutdown(self) -> None:
        """Close the connection after the current response; abort it if that takes too long."""
        self._pass_on_held_request()
        if self.cycle is None or self.cycle.response_complete:
            self._idle_timer = self.loop.call_later(_IDLE_SECONDS, super().shutdown)
        else:
            super().shutdown()
        seconds = self.config.timeout_graceful_shutdown
        if seconds is not None:
            delay = max(seconds - _ABORT_SECONDS, 0)
            self._abort_timer = self.loop.call_later(delay, self.transport.abort)

    def send_400_response(self, msg: str) -> None:
        """Refuse a request that is not valid HTTP, or that `on_headers_complete` rejected."""
        del msg
        self._refuse(self._refusal)

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        self._answering = cycle
        if self._idle_timer is not None:
            cycle.keep_alive = False
        if self._pending_refusal is not None and cycle is self.cycle:
            self._refuse(self._pending_refusal)
        else:
            super()._start_asgi_task(cycle, app)

    def _refuse(self, refusal: Refusal) -> None:
        if self.transport.is_closing():
            return
        self._is_closing = True
        cycle = self.cycle
        if cycle is not None and not cycle.response_complete:
            if not cycle.more_body or cycle.response_started:
                cycle.keep_alive = False  # the response of that request is the last one
                return
            if cycle is not self._answering:
                self._pending_refusal = refusal
                return
            cycle.disconnected = True  # the invalid data is in the body of that request
            cycle.message_event.set()
        is_head = self.url != b"" and self.parser.get_method() == b"HEAD"
        defaults = self.server_state.default_headers
        self.transport.write(encode_refusal(refusal, defaults, is_head=is_head))
        self._close()

    def _is_idle(self) -> bool:
        return not self._in_head and self._idle_timer is None and super()._is_idle()

    def _is_receiving(self) -> bool:
        """Return whether the client may be sending data that will be discarded."""
        is_in_body = self.cycle is not None and self.cycle.more_body
        return self._is_closing or self._in_head or is_in_body

    def _start_timer(self, seconds: float) -> None:
        if self._timer is None:
            self._timer = self.loop.call_later(seconds, self._on_timeout)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _on_timeout(self) -> None:
        self._timer = None
        if self.transport.is_closing():
            return
        if self._in_head:
            detail = f"The request should arrive within {self._limits.head_seconds:g} seconds"
            self._refuse((HTTPStatus.REQUEST_TIMEOUT, detail))
        else:
            self._close()

    def _close(self) -> None:
        self.transport.close()
        self._send_timeout.start(self.transport)
