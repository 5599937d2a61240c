"""The FastAPI application. This file is yours: crudgen does not overwrite it.

Run it with `uvicorn --factory app.main:create_app --no-server-header
--timeout-graceful-shutdown 7 --http app.kit.http.protocol:HttpProtocol --ws none`.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from asgi_correlation_id import CorrelationIdMiddleware
from fastapi import FastAPI
from fastapi.middleware.cors import CORSMiddleware

from . import api
from .kit.application import Application
from .kit.database import Database
from .kit.http import health
from .kit.http.logs import REQUEST_ID, configure_logging, server_error
from .kit.models import Model
from .settings import Settings


def create_app(settings: Settings | None = None) -> FastAPI:
    """Create the application. By default, settings come from the environment."""
    settings = settings or Settings()
    configure_logging(settings.log_level)
    database = Database(
        settings.database_url,
        connections=settings.database_connections,
        statement_seconds=settings.statement_seconds,
        lock_seconds=settings.lock_seconds,
        secret_key=settings.secret_key,
        preparing=settings.database_prepared,
        read_only=settings.database_read_only,
    )

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        await database.open(Model.metadata)
        yield
        await database.close()

    app = Application(
        title=settings.api_title,
        version=settings.api_version,
        lifespan=lifespan,
        openapi_url="/openapi.json" if settings.docs else None,
        redirect_slashes=False,
        root_path=settings.root_path,
        shortcut=settings.shortcut,
        limits=settings.limits,
    )
    app.state.database = database
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
    for router in api.ROUTERS:
        app.include_router(router)
    return app
