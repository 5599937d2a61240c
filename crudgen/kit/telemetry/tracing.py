"""The router that traces requests and statements with OpenTelemetry. It has no routes."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from anyio import to_thread
from fastapi import APIRouter, FastAPI
from opentelemetry import trace
from opentelemetry.trace import TracerProvider

from ..application import Application
from ..database import Database
from ..settings import BaseAppSettings
from .provider import configure, flush
from .request_spans import RequestSpans
from .session_spans import trace_sessions
from .statement_spans import StatementSpans, trace_replica, trace_statements
from .work_spans import WorkSpans

NAME = "app"
"""The name of the tracer."""


class TracingRouter(APIRouter):
    """Makes spans of requests, of statements, and of functions, messages and snapshots.

    By default, the global provider of OpenTelemetry gets them. If there is none when the
    application starts, one is configured by the environment variables of OpenTelemetry.
    """

    def __init__(self, provider: TracerProvider | None = None) -> None:
        self._provider = provider
        super().__init__(lifespan=self._run)

    def install(self, app: Application, settings: BaseAppSettings) -> None:
        """Trace the requests of an application, in place of FastAPI."""
        del settings
        tracer = trace.get_tracer(NAME, tracer_provider=self._provider)
        app.observe(RequestSpans(tracer, self._provider))
        app._telemetry["tracing"] = False
        database: Database = app.state.database
        statements = StatementSpans(tracer, database.kind, database.where)
        trace_statements(database._backend, statements)
        trace_sessions(database._backend.engines, statements)
        database.spans = WorkSpans(tracer, statements)

    @asynccontextmanager
    async def _run(self, app: FastAPI) -> AsyncIterator[None]:
        if self._provider is None:
            configure(app.title)
        replica = getattr(app.state, "replica", None)
        if replica is not None:
            tracer = trace.get_tracer(NAME, tracer_provider=self._provider)
            trace_replica(replica, StatementSpans(tracer, app.state.database.kind, replica.where))
        try:
            yield
        finally:
            await to_thread.run_sync(flush)
