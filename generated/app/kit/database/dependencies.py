"""The FastAPI dependencies for handlers: the database, and a SQLModel session."""

from collections.abc import Callable, Iterator
from typing import Annotated, Any, cast

from fastapi import Depends, Request
from sqlmodel import Session

from .core import Database
from .overrides import overridden


async def database(request: Request) -> Database:
    """Return the database of the application that handles a request.

    If the dependency of a session is overridden, return the operations in that session. Each is
    committed.
    """
    own = database_of(request)
    if overrides := request.app.dependency_overrides:
        for dependency in SESSIONS:
            if (override := overrides.get(dependency)) is not None:
                return own.in_session(await overridden(override, request), commits=True)
    return own


def session(request: Request) -> Iterator[Session]:
    """Open a session for the duration of a request, as in FastAPI's tutorial."""
    with database_of(request).session() as opened:
        yield opened


def database_of(request: Request) -> Database:
    """Return the database of the application, whatever is overridden."""
    return cast("Database", request.app.state.database)


SESSIONS: list[Callable[..., Any]] = [session]
"""The dependencies of sessions. The generated handlers follow their overrides."""
DatabaseDep = Annotated[Database, Depends(database)]
SessionDep = Annotated[Session, Depends(session)]
