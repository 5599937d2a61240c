"""The metrics of a process, and those of all worker processes together."""

from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any, Literal

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    Metric,
    ProcessCollector,
)
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from .worker_files import folder_of_workers, note_worker

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""The upper bounds of the durations of requests that are counted together."""


class Instruments:
    """The metrics of a process. Names and labels of requests are those of OpenTelemetry."""

    def __init__(self, registry: CollectorRegistry | None) -> None:
        """Create the metrics in a registry; None if they are in files."""
        self.registry = registry
        self.requests = Histogram(
            "http_server_request_duration_seconds",
            "Duration of requests, from the arrival of the head to the end of the response.",
            ("http_request_method", "http_route", "http_response_status_code"),
            registry=registry,
            buckets=SECONDS,
        )
        self.active = self._gauge("http_server_active_requests", "Requests in progress.")
        self.connections = self._gauge(
            "db_client_connection_count",
            "Connections to the database that are idle or used.",
            ("state",),
        )
        self.most_connections = self._gauge(
            "db_client_connection_max", "Most connections to the database: DATABASE_CONNECTIONS."
        )
        self.pending = self._gauge(
            "db_client_connection_pending_requests", "Requests that wait for a connection."
        )
        self.queued_writes = self._gauge(
            "group_commit_queued_writes", "Writes that wait for their transaction (SQLite)."
        )
        self.batches = self._counter(
            "group_commit_batches", "Transactions, each with one or more writes (SQLite)."
        )
        self.writes = self._counter("group_commit_writes", "Writes in these transactions (SQLite).")

    def _gauge(self, name: str, text: str, labels: Iterable[str] = ()) -> Gauge:
        mode: Literal["livesum"] = "livesum"
        return Gauge(name, text, labels, registry=self.registry, multiprocess_mode=mode)

    def _counter(self, name: str, text: str) -> Counter:
        return Counter(name, text, registry=self.registry)


def instruments() -> Instruments:
    """Return new metrics; where worker processes share files, those of this process."""
    folder = folder_of_workers()
    return _own_instruments() if folder is None else _shared_instruments(folder)


def _own_instruments() -> Instruments:
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    return Instruments(registry)


@cache
def _shared_instruments(folder: Path) -> Instruments:
    note_worker(folder)
    return Instruments(None)  # two metrics of one name would overwrite each other's values


def registry_to_read(own: Instruments) -> CollectorRegistry:
    """Return the registry with the values of this process, or of all worker processes."""
    folder = folder_of_workers()
    if own.registry is not None or folder is None:
        return own.registry or CollectorRegistry()
    registry = CollectorRegistry()
    registry.register(_SharedValues(folder))
    return registry


class _SharedValues(Collector):
    """The values of all worker processes, from their files."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def collect(self) -> Iterable[Metric]:
        """Return the metrics, without files that a starting process has not filled yet."""
        library: Any = MultiProcessCollector  # it has no annotations
        files = [str(file) for file in self._folder.glob("*.db") if _has_values(file)]
        merged: Iterable[Metric] = library.merge(files)
        return merged


def _has_values(file: Path) -> bool:
    try:
        return file.stat().st_size > 0
    except FileNotFoundError:  # its process has ended
        return False
