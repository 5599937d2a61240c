"""Builds an application from settings and routers, with a database, middleware, health checks."""

from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from typing import Any, Protocol, runtime_checkable

from asgi_correlation_id import CorrelationIdMiddleware
from fastapi import APIRouter, FastAPI
from fastapi.middleware.cors import CORSMiddleware
from sqlmodel import Session

from .application import Application
from .database import Database
from .errors import StartupError
from .http import health
from .http.json_logs import RequestLog
from .http.logs import REQUEST_ID, configure_logging, server_error
from .models import Model
from .settings import BaseAppSettings

_READ_URL = "DATABASE_READ_URL"


@runtime_checkable
class Extension(Protocol):
    """A router that also adds to the application, such as middleware or a mounted page."""

    def install(self, app: Application, settings: BaseAppSettings) -> None:
        """Add to an application that has the router."""
        ...


def make_database(settings: BaseAppSettings) -> Database:
    """Return the Database of these settings, which is not connected yet.

    Raises StartupError for a URL that cannot be used.
    """
    return Database(
        settings.database_url,
        connections=settings.database_connections,
        statement_seconds=settings.statement_seconds,
        lock_seconds=settings.lock_seconds,
        secret_key=settings.secret_key,
        preparing=settings.database_prepared,
        read_only=settings.database_read_only,
        shared_reads=settings.database_shared_reads,
        migrations=settings.migrations,
    )


@contextmanager
def open_session(settings: BaseAppSettings) -> Iterator[Session]:
    """Open a SQLModel session without an application: for scripts, notebooks and workers.

    Missing tables of the imported models are created. Raises StartupError if the database cannot
    be used; errors of statements are those of SQLAlchemy.
    """
    with make_database(settings).open_sync(Model.metadata) as session:
        yield session


def build_application(
    settings: BaseAppSettings, routers: Iterable[APIRouter], **options: Any
) -> Application:
    """Return an application with these settings and routers.

    If two routers have a handler for the same path and method, the first one is used. `options` are
    those of FastAPI; a `lifespan` among them runs while the database is open. Raises StartupError
    for a database URL that cannot be used.
    """
    _check_read_url(settings)
    logs_json = configure_logging(settings.log_level, settings.log_format)
    database = make_database(settings)
    inner = options.pop("lifespan", _no_lifespan)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[Mapping[str, Any] | None]:
        settings.install(app)
        await database.open(Model.metadata)
        try:
            async with inner(app) as state:
                yield state
        finally:
            await database.close()

    usual = {
        "title": settings.api_title,
        "version": settings.api_version,
        "openapi_url": "/openapi.json" if settings.docs else None,
        "redirect_slashes": False,
        "root_path": settings.root_path,
    }
    app = Application(
        shortcut=settings.shortcut,
        limits=settings.limits,
        lifespan=lifespan,
        **{**usual, **options},
    )
    app.state.database = database
    if logs_json:
        app.observe(RequestLog())
    app.state.cors_origins = frozenset(settings.cors_origins)
    if settings.cors_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=settings.cors_origins,
            allow_methods=["*"],
            allow_headers=["*"],
            expose_headers=["*"],
        )
    app.add_middleware(CorrelationIdMiddleware, header_name=REQUEST_ID)
    app.add_exception_handler(Exception, server_error)
    app.include_router(health.router)
    for router in routers:
        app.include_router(router)
        if isinstance(router, Extension):
            router.install(app, settings)
    return app


def _check_read_url(settings: BaseAppSettings) -> None:
    """Raise StartupError if the environment or `.env` has a replica, which is not used."""
    if settings.is_given(_READ_URL) and _READ_URL.lower() not in type(settings).model_fields:
        raise StartupError(
            f"{_READ_URL} is set, but the application reads from no replica\n"
            "  write 'read_replica: true' in crudgen.yaml, or remove the variable"
        )


@asynccontextmanager
async def _no_lifespan(_app: FastAPI) -> AsyncIterator[None]:
    yield
