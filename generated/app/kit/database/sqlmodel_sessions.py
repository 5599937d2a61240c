"""SQLModel sessions, and operations that run in the transaction of a session."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Any

from anyio import CancelScope
from sqlalchemy import MetaData
from sqlmodel import Session

from .faults import reason_of
from .postgresql import Postgresql
from .session_backend import SessionBackend
from .spans import NO_SPANS, Spans
from .sqlite import Sqlite
from .state import State
from .statements import Prepared, Statement
from .tables import prepare_tables

if TYPE_CHECKING:
    from sqlmodel.ext.asyncio.session import AsyncSession

    from .core import Database


class Sessions:
    """Opens SQLModel sessions. The base class of Database."""

    _backend: Sqlite | Postgresql
    _prepared: dict[tuple[Statement, tuple[str, ...]], Prepared]
    _secret: bytes
    _has_tables: bool = False
    _migrations: bool = False
    kind: str
    state: State
    where: str
    spans: Spans = NO_SPANS
    """Makes spans of functions, messages and snapshots, if the application is traced."""

    @contextmanager
    def session(self) -> Iterator[Session]:
        """Open a SQLModel session, for handlers with `def`, not `async def`."""
        if self.state.phase is not None:
            raise self.state.unavailable()
        try:
            with Session(self._backend.engine) as session:
                yield session
        except Exception as error:
            self._log_failure(error, self.session)
            raise

    @asynccontextmanager
    async def async_session(self) -> AsyncIterator["AsyncSession"]:
        """Open an async SQLModel session, for handlers with `async def`."""
        from sqlmodel.ext.asyncio.session import AsyncSession

        if self.state.phase is not None:
            raise self.state.unavailable()
        try:
            async with AsyncSession(self._backend.async_engine) as session:
                yield session
        except Exception as error:
            self._log_failure(error, self.async_session)
            raise

    @contextmanager
    def open_sync(self, metadata: MetaData) -> Iterator[Session]:
        """Open a SQLModel session without an application: for scripts, notebooks and workers.

        The first call creates and compares tables, as the start of an application does. Raises
        StartupError if the database cannot be used; errors of statements are those of SQLAlchemy.
        """
        if not self._has_tables:
            self._create_tables(metadata)
        with Session(self._backend.engine) as session:
            yield session

    def _log_failure(self, error: Exception, opened: object) -> None:
        condition = self.state.record_failure(error, opened)
        if condition is not None:
            self.state.log_begin(condition, reason_of(error))

    def _create_tables(self, metadata: MetaData) -> None:
        """Create missing tables, compare existing ones, and read the secret."""
        stored = prepare_tables(
            self._backend.engine,
            metadata,
            where=self.where,
            needs_secret=not self._secret,
            migrations=self._migrations,
        )
        self._secret = self._secret or stored
        self._has_tables = True

    def in_session(self, session: Any, *, commits: bool = False) -> "Database":
        """Return a Database whose operations run in the transaction of a session.

        The session may be an AsyncSession, and may have another engine. The caller commits it; with
        `commits`, each operation is committed.
        """
        from .session_database import SessionDatabase  # it imports this module

        secret, prepared = self._secret, self._prepared
        found = SessionDatabase(session, self.where, secret, prepared, commits=commits)
        found.spans = self.spans
        return found

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator["Database"]:
        """Run operations in one transaction: all are committed, or none after an exception.

        Pass the Database that this yields to each of them.
        """
        if self.state.phase is not None:
            raise self.state.unavailable()
        session = Session(self._backend.engine, close_resets_only=False)
        backend = SessionBackend(session, commits=False)
        try:
            yield self.in_session(session)
            await backend.run(Session.commit)
        finally:
            with CancelScope(shield=True):
                await backend.run(Session.close)
