"""Responses that the HTTP protocol sends without ASGI, if the application has them at once.

`kit/fast` makes them (see fast/direct.py). Every other request is handled by uvicorn.
"""

import logging
import math
from typing import Any

from asgi_correlation_id import correlation_id
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MAX_HEADERS = 10
"""Most headers of a request that gets a response without ASGI."""
MAX_HEAD_BYTES = 2048
"""Most bytes of their head after the request line."""
_MAX_MISSES = 16
"""After so many requests in succession that needed ASGI, a connection tries nothing else."""
_log = logging.getLogger("uvicorn.error")


class DirectResponses(HttpToolsProtocol):
    """uvicorn's HTTP protocol, with responses without ASGI."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._application = _direct_application(self.app)
        if self.root_path or self.limit_concurrency is not None:
            self._application = None  # uvicorn changes the path, or counts the requests
        self._misses = 0
        self.url = b""
        self._idle_since = -math.inf
        """The time of the last response without ASGI: the keep-alive timer may be older."""

    def _is_idle(self) -> bool:
        """Return whether all requests of the connection are answered, and all bytes are parsed."""
        cycle = self.cycle
        is_answered = cycle is None or (cycle.response_complete and not cycle.more_body)
        return is_answered and not self.flow.write_paused

    def _respond_directly(self, data: bytes) -> bool:
        """Respond to the request that `data` consists of, if possible; return whether it was."""
        reads = None if self._application is None else self._application.direct_reads
        if reads is None or not data.startswith(b"GET ") or not self._is_idle():
            return False
        try:
            found = reads.response(data, self, self.server_state.default_headers)
        except Exception as error:
            _log.debug("A response without ASGI failed", exc_info=error)
            found = None  # the error is raised again, where FastAPI handles it
        if found is None:
            self._misses += 1
            if self._misses > _MAX_MISSES:
                self._application = None
            return False
        self._misses = 0
        self.url = b""  # what the parser knows is of an earlier request
        status, target, request_id, response = found
        if self.access_log:
            self._log_access(target.decode(), status, request_id)
        self.server_state.total_requests += 1
        self.transport.write(response)
        self._idle_since = self.loop.time()
        if self.timeout_keep_alive_task is None:
            self._start_keep_alive_timer(self.timeout_keep_alive)
        return True

    def _log_access(self, target: str, status: int, request_id: str) -> None:
        """Log the request as uvicorn does, with its id."""
        client = ":".join(map(str, self.client)) if self.client else ""
        token = correlation_id.set(request_id)
        try:
            line = (client, "GET", target, "1.1", status)
            self.access_logger.info('%s - "%s %s HTTP/%s" %d', *line)
        finally:
            correlation_id.reset(token)

    def timeout_keep_alive_handler(self) -> None:
        """Close the connection if it is idle for long enough, else wait for the rest."""
        rest = self._idle_since + self.timeout_keep_alive - self.loop.time()
        if rest > 0:
            self._start_keep_alive_timer(rest)
        else:
            super().timeout_keep_alive_handler()

    def _start_keep_alive_timer(self, seconds: float) -> None:
        later = self.loop.call_later
        self.timeout_keep_alive_task = later(seconds, self.timeout_keep_alive_handler)


def _direct_application(app: Any) -> Any:
    """Return the application if it may respond without ASGI; None if it is in an unknown wrapper.

    uvicorn's ProxyHeadersMiddleware changes only requests that need ASGI.
    """
    if type(app) is ProxyHeadersMiddleware:
        app = app.app
    return app if hasattr(type(app), "direct_reads") else None
