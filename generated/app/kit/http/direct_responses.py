"""Responses that the HTTP protocol sends without ASGI messages.

`kit/fast` makes them (see fast/direct.py): at once, or in a task. Every other request is handled by
uvicorn.
"""

import asyncio
import logging
import math
from functools import partial
from typing import Any, NamedTuple, Protocol

from asgi_correlation_id import correlation_id
from starlette.types import Receive, Scope, Send
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware
from uvicorn.protocols.http.httptools_impl import (
    STATUS_LINE,
    HttpToolsProtocol,
    RequestResponseCycle,
)
from uvicorn.protocols.utils import get_client_addr, get_path_with_query_string

from .exchange import NOTES
from .late_errors import run_application

MAX_HEADERS = 10
"""Most headers of a request that gets a response without ASGI."""
MAX_HEAD_BYTES = 2048
"""Most bytes of their head after the request line."""
MAX_BODY_BYTES = 65_536
"""Most bytes of their body: uvicorn does not buffer more."""
_BODY_SECONDS = 0.05
"""How long requests wait for the rest of a body, at most, before uvicorn handles them."""
_MAX_MISSES = 16
"""After so many requests in succession that needed ASGI, a connection tries nothing else."""
_METHODS = {b"GET ", b"POST", b"PATC", b"PUT ", b"DELE"}
"""The first bytes of requests that may need no ASGI."""
_log = logging.getLogger("uvicorn.error")


class SerializedResponse(NamedTuple):
    """A response that is sent at once."""

    status: int
    target: bytes
    request_id: str
    sent: bytes


class SingleRequestApplication(Protocol):
    """A request whose response is sent by a task: an ASGI application for this one request.

    It may write the response by `send_response`.
    """

    scope: Scope
    body: bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle the request. `send` is that of a RequestResponseCycle."""
        ...


INCOMPLETE = "incomplete"
"""What a request is of which a part of the body is missing."""


class DirectResponses(HttpToolsProtocol):
    """uvicorn's HTTP protocol, with responses without ASGI messages."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._application = _direct_application(self.app)
        if self.root_path or self.limit_concurrency is not None:
            self._application = None  # uvicorn changes the path, or counts the requests
        self._misses = 0
        self.url = b""
        self._idle_since = -math.inf
        """The time of the last response without ASGI: the keep-alive timer may be older."""
        self._held = b""
        """A request of which a part of the body is missing."""
        self._hold_timer: asyncio.TimerHandle | None = None
        self._notes: dict[Any, Any] | None = None
        """What observers noted of the request that uvicorn handles next."""

    def _is_idle(self) -> bool:
        """Return whether all requests of the connection are answered, and all bytes are parsed."""
        cycle = self.cycle
        is_answered = cycle is None or (cycle.response_complete and not cycle.more_body)
        return is_answered and not self.flow.write_paused

    def _respond_directly(self, data: bytes) -> bytes:
        """Handle the request that `data` consists of, if possible; return the bytes to parse."""
        if self._held:
            data, self._held = self._held + data, b""
        application = self._application
        if application is None or data[:4] not in _METHODS or not self._is_idle():
            return data
        requests = application.direct_requests
        if requests is None:
            return data
        try:
            found = requests.handle(data, self, self.server_state.default_headers)
        except Exception as error:
            _log.debug("A response without ASGI failed", exc_info=error)
            found = None  # the error is raised again, where FastAPI handles it
        if found is None or isinstance(found, dict):
            self._notes = found
            self._misses += 1
            if self._misses > _MAX_MISSES:
                self._application = None
            return data
        self._misses = 0
        if found == INCOMPLETE:
            self._held = data
            if self._hold_timer is None:
                self._hold_timer = self.loop.call_later(_BODY_SECONDS, self._pass_on_held_request)
        elif isinstance(found, tuple):
            response: Any = found  # maybe a SerializedResponse of another copy of this module
            self._send_serialized(response)
        else:
            self._start_request_task(found, requests)
        return b""

    def _send_serialized(self, response: SerializedResponse) -> None:
        self.url = b""  # what the parser knows is of an earlier request
        if self.access_log:
            self._log_access(response)
        self.server_state.total_requests += 1
        self.transport.write(response.sent)
        self._idle_since = self.loop.time()
        if self.timeout_keep_alive_task is None:
            self._start_keep_alive_timer(self.timeout_keep_alive)

    def _start_request_task(self, request: SingleRequestApplication, requests: object) -> None:
        """Start the task of a request. Until it ends, the next requests are queued by uvicorn."""
        self.url = b""
        self._unset_keepalive_if_required()
        self.cycle = cycle = RequestResponseCycle(
            scope=request.scope,  # type: ignore[arg-type]
            transport=self.transport,
            flow=self.flow,
            logger=self.logger,
            access_logger=self.access_logger,
            access_log=self.access_log,
            default_headers=self.server_state.default_headers,
            message_event=asyncio.Event(),
            expect_100_continue=False,
            keep_alive=True,
            on_response=self.on_response_complete,
        )
        cycle.body += request.body
        cycle.more_body = False
        cycle.message_event.set()
        self._start_asgi_task(cycle, partial(self._run_request, request, requests))

    async def _run_request(
        self,
        request: SingleRequestApplication,
        requests: object,
        scope: Any,
        receive: Any,
        send: Any,
    ) -> None:
        """Handle a request; as usual if the application was replaced since it arrived."""
        application = self._application
        if application is not None and application.direct_requests is requests:
            await run_application(request, scope, receive, send)
        else:
            await self.app(scope, receive, send)

    def _pass_on_held_request(self) -> None:
        """Let uvicorn handle a request whose body is late, and limit the time for the rest."""
        if self._hold_timer is not None:
            self._hold_timer.cancel()
            self._hold_timer = None
        if self._held:
            data, self._held = self._held, b""
            self._parse(data)

    def on_headers_complete(self) -> None:
        """Start the request, with the notes that observers have made already."""
        if self._notes:
            scope: Any = self.scope
            scope[NOTES] = self._notes
        self._notes = None
        super().on_headers_complete()

    def _parse(self, data: bytes) -> None:
        """Let uvicorn handle received data."""
        super().data_received(data)

    def _log_access(self, response: SerializedResponse) -> None:
        """Log the request as uvicorn does, with its id."""
        client = ":".join(map(str, self.client)) if self.client else ""
        token = correlation_id.set(response.request_id)
        try:
            line = (client, "GET", response.target.decode(), "1.1", response.status)
            self.access_logger.info('%s - "%s %s HTTP/%s" %d', *line)
        finally:
            correlation_id.reset(token)

    def timeout_keep_alive_handler(self) -> None:
        """Close the connection if it is idle for long enough, else wait for the rest."""
        rest = self._idle_since + self.timeout_keep_alive - self.loop.time()
        if self._held:
            rest = _BODY_SECONDS
        if rest > 0:
            self._start_keep_alive_timer(rest)
        else:
            super().timeout_keep_alive_handler()

    def _start_keep_alive_timer(self, seconds: float) -> None:
        later = self.loop.call_later
        self.timeout_keep_alive_task = later(seconds, self.timeout_keep_alive_handler)


async def send_response(
    cycle: RequestResponseCycle, status: int, headers: bytes, body: bytes | memoryview
) -> None:
    """Send a complete response as `cycle.send` does, but in one step.

    `headers` are lines without a blank one. They have the Content-Length.
    """
    if cycle.flow.write_paused and not cycle.disconnected:
        await cycle.flow.drain()
    if cycle.disconnected:
        return
    cycle.response_started = True
    if cycle.access_log:
        scope = cycle.scope
        client, target = get_client_addr(scope), get_path_with_query_string(scope)
        line = (client, scope["method"], target, scope["http_version"], status)
        cycle.access_logger.info('%s - "%s %s HTTP/%s" %d', *line)
    defaults = b"".join([b"%b: %b\r\n" % one for one in cycle.default_headers])
    end = b"\r\n" if cycle.keep_alive else b"connection: close\r\n\r\n"
    cycle.transport.write(b"".join((STATUS_LINE[status], defaults, headers, end, body)))
    cycle.response_complete = True
    cycle.message_event.set()
    if not cycle.keep_alive:
        cycle.transport.close()
    cycle.on_response()


def _direct_application(app: Any) -> Any:
    """Return the application if it may respond without ASGI; None if it is in an unknown wrapper.

    uvicorn's ProxyHeadersMiddleware changes only requests that need ASGI.
    """
    if type(app) is ProxyHeadersMiddleware:
        app = app.app
    return app if hasattr(type(app), "direct_requests") else None
