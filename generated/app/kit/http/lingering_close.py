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
"""How long data of the client is discarded at least, after all unsent data is sent."""


class LingeringTransport(asyncio.Transport):
    """A transport whose `close` lingers while `is_receiving` returns True.

    The protocol discards what it receives when `is_closing` returns True.
    """

    def __init__(self, transport: asyncio.Transport, is_receiving: Callable[[], bool]) -> None:
        super().__init__()
        self.wrapped = transport
        self._is_receiving = is_receiving
        self._is_lingering = False
        self._timer: asyncio.TimerHandle | None = None

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """Return what is known about the connection."""
        return self.wrapped.get_extra_info(name, default)

    def get_write_buffer_size(self) -> int:
        """Return the number of bytes that are not sent yet."""
        return self.wrapped.get_write_buffer_size()

    def is_closing(self) -> bool:
        """Return whether the connection is closing, lingering included."""
        return self._is_lingering or self.wrapped.is_closing()

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Send data, unless the write side is closed."""
        if not self._is_lingering:
            self.wrapped.write(data)

    def close(self) -> None:
        """Close after the unsent data, or close the write side and linger."""
        if self._is_lingering:
            return
        if not self._can_linger():
            self.wrapped.close()
            return
        self._is_lingering = True
        self.wrapped.resume_reading()
        with suppress(OSError):  # the client has closed the connection
            self.wrapped.write_eof()
        self._close_later()

    def abort(self) -> None:
        """Close at once."""
        self.wrapped.abort()

    def stop(self) -> None:
        """Stop the timer: the connection is closed."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _close_later(self) -> None:
        is_sent = not self.wrapped.get_write_buffer_size()
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(_SECONDS, self._close_if_sent, is_sent)

    def _close_if_sent(self, was_sent: bool) -> None:
        """Close if there was no unsent data when the timer started; else start it again.

        A client that reads nothing does not prolong this: the send timeout aborts the connection.
        """
        if was_sent:
            self.wrapped.close()
        else:
            self._close_later()

    def _can_linger(self) -> bool:
        is_open = not self.wrapped.is_closing()
        return is_open and self._is_receiving() and self.wrapped.can_write_eof()
