"""Worker processes of `--workers`: how long they may take to start, to respond and to exit."""

import logging
import time
from pickle import UnpicklingError
from socket import socket

from uvicorn.config import Config
from uvicorn.supervisors import multiprocess

START_SECONDS = 30
"""How long a worker that is starting may take to respond: longer than others, on a busy machine."""
CLOSE_SECONDS = 1
"""How long a worker may take to exit after the time that requests have after SIGTERM."""

_logger = logging.getLogger("uvicorn.error")


class Worker(multiprocess.Process):
    """A worker process whose checks do not block the parent process, which handles signals."""

    def __init__(self, config: Config, sockets: list[socket]) -> None:
        super().__init__(config, sockets)
        self._has_started = False
        self._asked_at: float | None = None
        self._exits_by: float | None = None

    def is_alive(self, timeout: float = 5) -> bool:
        """Return whether the process runs and has responded in time. Send it another check."""
        if not self.process.is_alive():
            return False
        now = time.monotonic()
        try:
            while self.parent_conn.poll():
                self._has_started = self.parent_conn.recv()
                self._asked_at = None
            if self._asked_at is None:
                self.parent_conn.send(b"ping")
                self._asked_at = now
        except (OSError, EOFError, UnpicklingError):
            return False
        longest = timeout if self._has_started else max(timeout, START_SECONDS)
        return now - self._asked_at < longest

    def terminate(self) -> None:
        """Send SIGTERM. From now on, the time until the process must have exited counts."""
        super().terminate()
        grace = self.config.timeout_graceful_shutdown
        if grace is not None:
            self._exits_by = time.monotonic() + grace + CLOSE_SECONDS

    def join(self) -> None:
        """Wait until the process has exited. Kill it if it does not exit in time."""
        if self._exits_by is not None:
            self.process.join(max(self._exits_by - time.monotonic(), 0))
            if self.process.is_alive():
                _logger.warning("Killing child process [%s]: it did not exit in time", self.pid)
                self.process.kill()
        super().join()


def install_worker() -> None:
    """Make uvicorn's parent process start workers of the class `Worker`."""
    multiprocess.Process = Worker  # type: ignore[misc]
