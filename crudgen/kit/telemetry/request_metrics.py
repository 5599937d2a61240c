"""Counts requests by method, route and status, and measures how long they take."""

from typing import Any

from ..http.exchange import METHODS, OTHER, Exchange, Observer
from .instruments import Instruments


class RequestMetrics:
    """An observer that counts each request once."""

    def __init__(self, instruments: Instruments) -> None:
        self._active = instruments.active
        self._requests = instruments.requests
        self._known: dict[tuple[str, str, int], Any] = {}

    def ignores(self, method: str, path: str, notes: dict[Observer, Any]) -> bool:
        """Return False: every request is counted."""
        del method, path, notes
        return False

    def begin(self, exchange: Exchange) -> None:
        """Count a request in progress."""
        del exchange
        self._active.inc()

    def forget(self, exchange: Exchange) -> None:
        """Count a request in progress no longer."""
        del exchange
        self._active.dec()

    def end(self, exchange: Exchange) -> None:
        """Count a completed request, and its duration."""
        self._active.dec()
        method = exchange.method if exchange.method in METHODS else OTHER
        self.count(method, exchange.route, exchange.status, exchange.seconds)

    def count(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count a completed request, and its duration."""
        key = (method, route, status)
        durations = self._known.get(key)
        if durations is None:
            durations = self._known[key] = self._requests.labels(*key)
        durations.observe(seconds)
