"""The FastAPI dependencies for handlers: the database, and a SQLModel session."""

from collections.abc import Iterator
from typing import Annotated, cast

from fastapi import Depends, Request
from sqlmodel import Session

from .core import Database


def database(request: Request) -> Database:
    """Return the database of the application that handles a request."""
    return cast("Database", request.app.state.database)


def session(request: Request) -> Iterator[Session]:
    """Open a session for the duration of a request, as in FastAPI's tutorial."""
    with database(request).session() as opened:
        yield opened


DatabaseDep = Annotated[Database, Depends(database)]
SessionDep = Annotated[Session, Depends(session)]
