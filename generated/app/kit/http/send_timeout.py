"""The time limit for a client that does not read its response."""

import array
import asyncio
import fcntl
import termios
from contextlib import suppress


class SendTimeout:
    """Aborts a connection if the client reads nothing for `seconds`."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._timer: asyncio.TimerHandle | None = None

    def start(self, transport: asyncio.Transport) -> None:
        """Start the timer, if there is unsent data and no timer runs."""
        if transport.get_write_buffer_size() and self._timer is None:
            loop = asyncio.get_running_loop()
            unread = _count_unread(transport)
            self._timer = loop.call_later(self._seconds, self._abort_if_stalled, transport, unread)

    def stop(self) -> None:
        """Stop the timer."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _abort_if_stalled(self, transport: asyncio.Transport, unread: int) -> None:
        """Abort if the client has read nothing of the `unread` bytes; else restart the timer."""
        self._timer = None
        if _count_unread(transport) < unread:
            self.start(transport)
        else:
            transport.abort()


def _count_unread(transport: asyncio.Transport) -> int:
    """Return the number of bytes that are not sent, or not acknowledged by the client.

    The operating system takes no further data until much of its own buffer is acknowledged, so a
    client that reads slowly changes only that for a while.
    """
    queued = array.array("i", [0])
    with suppress(OSError, AttributeError):  # no socket, or a system that does not say it
        fcntl.ioctl(transport.get_extra_info("socket").fileno(), termios.TIOCOUTQ, queued)
    return transport.get_write_buffer_size() + queued[0]
