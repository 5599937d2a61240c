"""The FastAPI application. This file is yours: crudgen does not overwrite it."""

from fastapi import FastAPI

from .api import ROUTERS
from .kit.database import session as get_session
from .kit.wiring import build_application
from .settings import Settings

__all__ = ["app", "create_app", "get_session"]


def create_app(settings: Settings | None = None) -> FastAPI:
    """Create the application. By default, settings come from the environment."""
    return build_application(settings or Settings(), ROUTERS)


app = create_app()
