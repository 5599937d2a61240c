"""The time limit for a client that does not read its response."""

import asyncio


class SendTimeout:
    """Aborts a connection if the client reads nothing for `seconds`."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._timer: asyncio.TimerHandle | None = None

    def start(self, transport: asyncio.Transport) -> None:
        """Start the timer, if there is unsent data and no timer runs."""
        unsent = transport.get_write_buffer_size()
        if unsent and self._timer is None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(self._seconds, self._abort_if_stalled, transport, unsent)

    def stop(self) -> None:
        """Stop the timer."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _abort_if_stalled(self, transport: asyncio.Transport, unsent: int) -> None:
        """Abort if the client has read nothing of the `unsent` bytes; else restart the timer."""
        self._timer = None
        if transport.get_write_buffer_size() < unsent:
            self.start(transport)
        else:
            transport.abort()
