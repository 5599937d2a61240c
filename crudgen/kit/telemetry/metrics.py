"""The router of `/metrics`, which Prometheus reads."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from hmac import compare_digest
from typing import Any

from anyio import to_thread
from fastapi import APIRouter, FastAPI, HTTPException, Request, Response
from prometheus_client import CollectorRegistry, Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.openmetrics import exposition as openmetrics
from prometheus_client.registry import Collector

from ..application import Application
from ..database import Database
from ..http.head_route import HeadRoute
from ..settings import BaseAppSettings
from .counted_events import CountedEvents
from .instruments import instruments, registry_to_read
from .metrics_settings import MetricsSettings
from .request_metrics import RequestMetrics
from .sampling import Sampler
from .worker_files import folder_of_workers, note_worker, remove_gauges_of_dead_workers

_OPEN_METRICS = "application/openmetrics-text"
SAMPLE_SECONDS = 5.0
"""How often a worker process shares its values, as another one may be asked for them."""


class Metrics:
    """The metrics of an application."""

    def __init__(
        self, database: Database, token: str | None, events: type[CountedEvents] | None
    ) -> None:
        self.own = instruments()
        self._token = token
        self._sampler = Sampler(database, self.own)
        self._events = None if events is None else events(database)

    def check(self, authorization: str) -> None:
        """Raise HTTPException 401 for a request without the token."""
        if self._token is not None:
            sent = authorization.encode("latin-1")
            if not compare_digest(sent, f"Bearer {self._token}".encode()):
                raise HTTPException(401, "Not authenticated", {"WWW-Authenticate": "Bearer"})

    async def read(self, accept: str) -> Response:
        """Return the values in the format that a client accepts: text, or OpenMetrics."""
        self._sampler.sample()
        events = () if self._events is None else await self._events.read()
        is_open = _OPEN_METRICS in accept
        encode: Any = openmetrics.generate_latest if is_open else generate_latest
        media_type = openmetrics.CONTENT_TYPE_LATEST if is_open else CONTENT_TYPE_PLAIN_0_0_4

        def encoded() -> bytes:
            if (folder := folder_of_workers()) is not None:
                remove_gauges_of_dead_workers(folder)
            text: bytes = encode(_CombinedMetrics(registry_to_read(self.own), events))

            return text

        return Response(await to_thread.run_sync(encoded), headers={"Content-Type": media_type})

    async def share_values(self) -> None:
        """Share the values with other worker processes, until the task is cancelled."""
        while True:
            self._sampler.sample()
            await asyncio.sleep(SAMPLE_SECONDS)


class _CombinedMetrics(Collector):
    """The metrics of a registry, and others."""

    def __init__(self, registry: CollectorRegistry, others: Sequence[Metric]) -> None:
        self._registry = registry
        self._others = others

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics."""
        yield from self._registry.collect()
        yield from self._others


class MetricsRouter(APIRouter):
    """Serves the metrics of an application at `/metrics`.

    `events` counts the stored events of an application that has some.
    """

    def __init__(self, events: type[CountedEvents] | None = None) -> None:
        self._events = events
        super().__init__(route_class=HeadRoute, lifespan=self._run)
        self.add_api_route("/metrics", _read_metrics, methods=["GET"], include_in_schema=False)

    def install(self, app: Application, settings: BaseAppSettings) -> None:
        """Count the requests of an application."""
        secret = settings.metrics_token if isinstance(settings, MetricsSettings) else None
        token = None if secret is None else secret.get_secret_value()
        app.state.metrics = metrics = Metrics(app.state.database, token, self._events)
        app.observe(RequestMetrics(metrics.own))

    @asynccontextmanager
    async def _run(self, app: FastAPI) -> AsyncIterator[None]:
        folder = folder_of_workers()
        if folder is None:
            yield
            return
        note_worker(folder)  # this process may be a copy of the one that has created the metrics
        running = asyncio.create_task(app.state.metrics.share_values())
        try:
            yield
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)


async def _read_metrics(request: Request) -> Response:
    metrics: Metrics = request.app.state.metrics
    metrics.check(request.headers.get("authorization", ""))
    return await metrics.read(request.headers.get("accept", ""))
