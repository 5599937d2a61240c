"""The FastAPI dependency for `async def` handlers that use an async SQLModel session."""

from collections.abc import AsyncIterator
from importlib import import_module
from typing import Annotated

from fastapi import Depends, Request

from ..errors import DatabaseStartupError
from .dependencies import SESSION_DEPENDENCIES, database_of

try:
    import_module("greenlet")
    from sqlmodel.ext.asyncio.session import AsyncSession
except ImportError:
    raise DatabaseStartupError(
        "database: async sessions need the package greenlet\n"
        "  run: pip install 'sqlalchemy[asyncio]' (for SQLite also aiosqlite)"
    ) from None


async def async_session(request: Request) -> AsyncIterator[AsyncSession]:
    """Open an async session for the duration of a request."""
    async with database_of(request).async_session() as opened:
        yield opened


SESSION_DEPENDENCIES.append(async_session)
AsyncSessionDep = Annotated[AsyncSession, Depends(async_session)]
