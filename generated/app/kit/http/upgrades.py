"""Requests to switch to another protocol, which a server may ignore (RFC 9110, section 7.8)."""

from typing import Any

from httptools import HttpRequestParser

from .direct_responses import DirectResponses
from .lingering_close import LingeringTransport


class IgnoredUpgrades(DirectResponses):
    """uvicorn's HTTP protocol, which answers such a request as if it did not ask for a switch.

    uvicorn would wait for data of the other protocol, and httptools stops after the head.
    """

    _lingering: LingeringTransport

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._is_closing = False
        """Whether no more input is read, and the connection closes after the last response."""
        self._is_upgrade = False
        """Whether the request asks for an upgrade to an unsupported protocol."""

    def _ignore_upgrade(self, rest: bytes) -> bytes:
        """Return the data to parse next, after a request to switch to another protocol.

        Without the header Upgrade, the head is parsed again, and the body after it.
        """
        if self._should_upgrade():
            self.transport = self._lingering.wrapped
            self.handle_websocket_upgrade()
            return b""
        if not self._is_upgrade:  # a CONNECT, which the application handles already
            self.cycle.keep_alive = False
            self._is_closing = True
            return b""
        self._is_upgrade = False
        version = self.parser.get_http_version().encode()
        parts = [b"%s %s HTTP/%s" % (self.parser.get_method(), self.url, version)]
        parts += [b"%s: %s" % (name, value) for name, value in self.headers if name != b"upgrade"]
        self.parser = HttpRequestParser(self)
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)
        return b"\r\n".join([*parts, b"", rest])
