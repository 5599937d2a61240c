"""Closing a connection whose client may still be sending, so that it gets the last response.

A socket that is closed with unread data resets the connection, and a reset discards what the client
has not read yet. RFC 9112, section 9.6: close the write side first, and read until the client
closes.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Any

_SECONDS = 2.0
"""How long data of the client is read and discarded before the connection is closed."""


class LingeringTransport(asyncio.Transport):
    """A transport whose `close` lingers while `is_receiving` returns True.

    The protocol discards what it receives when `is_closing` returns True.
    """

    def __init__(self, transport: asyncio.Transport, is_receiving: Callable[[], bool]) -> None:
        super().__init__()
        self._transport = transport
        self._is_receiving = is_receiving
        self._is_lingering = False

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """Return what is known about the connection."""
        return self._transport.get_extra_info(name, default)

    def get_write_buffer_size(self) -> int:
        """Return the number of bytes that are not sent yet."""
        return self._transport.get_write_buffer_size()

    def is_closing(self) -> bool:
        """Return whether the connection is closing, lingering included."""
        return self._is_lingering or self._transport.is_closing()

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Send data, unless the write side is closed."""
        if not self._is_lingering:
            self._transport.write(data)

    def close(self) -> None:
        """Close after the unsent data, or close the write side and linger."""
        if self._is_lingering:
            return
        if not self._can_linger():
            self._transport.close()
            return
        self._is_lingering = True
        self._transport.resume_reading()
        with suppress(OSError):  # the client has closed the connection
            self._transport.write_eof()
        asyncio.get_running_loop().call_later(_SECONDS, self._transport.close)

    def abort(self) -> None:
        """Close at once."""
        self._transport.abort()

    def _can_linger(self) -> bool:
        is_open = not self._transport.is_closing()
        return is_open and self._is_receiving() and self._transport.can_write_eof()
