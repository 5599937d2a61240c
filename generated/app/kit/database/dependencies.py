"""The FastAPI dependencies for handlers: the database, and a SQLModel session."""

from collections.abc import Callable, Iterator, Mapping
from typing import Annotated, Any, cast

from fastapi import Depends, FastAPI, Request
from sqlmodel import Session

from .core import Database
from .overrides import resolve_override


async def database(request: Request) -> Database:
    """Return the database of the application that handles a request.

    If a session dependency is overridden, the operations run in the session of the override, and
    each of them is committed.
    """
    if overrides := request.app.dependency_overrides:
        for dependency in SESSION_DEPENDENCIES:
            if (override := overrides.get(dependency)) is not None:
                session = await resolve_override(override, request)
                return database_of(request).in_session(session, commits=True)
    return database_for(request.app, request.scope)


def session(request: Request) -> Iterator[Session]:
    """Open a session for the duration of a request, as in FastAPI's tutorial."""
    with database_of(request).session() as opened:
        yield opened


def database_for(app: FastAPI, scope: Mapping[str, Any]) -> Database:
    """Return the database for the handler of a request."""
    own = cast("Database", app.state.database)
    return own if own.for_request is None else own.for_request(scope)


def database_of(request: Request) -> Database:
    """Return the database of the application, whatever is overridden."""
    return cast("Database", request.app.state.database)


SESSION_DEPENDENCIES: list[Callable[..., Any]] = [session]
"""The session dependencies. If one is overridden, the generated handlers use the override too."""
DatabaseDep = Annotated[Database, Depends(database)]
SessionDep = Annotated[Session, Depends(session)]
