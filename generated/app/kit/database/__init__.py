"""The database of the application: short ways for its rows, a Session for everything else."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Annotated, Any, TypeVar, cast

import anyio
from anyio import CapacityLimiter, Semaphore, to_thread
from fastapi import Depends, Request
from sqlalchemy import URL, Connection, Executable, MetaData, Row, make_url, text
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlmodel import Session

from ..errors import StartupError, Unavailable
from . import postgresql, sqlite
from .backend import Backend
from .faults import Fault, classify
from .tables import prepare

T = TypeVar("T")
ATTEMPTS = 3


class Database:
    """The connections to one database, SQLite or PostgreSQL.

    `connections` bounds how many work at the same time; `lock_seconds` how long a request waits for
    one of them or for a lock, `statement_seconds` how long one statement runs (PostgreSQL). Raises
    StartupError for a URL that cannot be used.
    """

    def __init__(
        self,
        url: str,
        *,
        connections: int = 10,
        statement_seconds: float = 5.0,
        lock_seconds: float = 2.0,
    ) -> None:
        self._backend = _connect(url, connections, statement_seconds, lock_seconds)
        self._lock_seconds = lock_seconds
        self._readers = Semaphore(connections)
        self._writers = Semaphore(self._backend.writers)
        self._threads = CapacityLimiter(connections + self._backend.writers)

    async def open(self, metadata: MetaData) -> None:
        """Create the tables that are missing.

        Raises StartupError when the database cannot be reached, or one of its tables differs.
        """
        await to_thread.run_sync(prepare, self._backend.writer, metadata)

    async def close(self) -> None:
        """Close every connection."""
        await to_thread.run_sync(self._backend.reader.dispose)
        await to_thread.run_sync(self._backend.writer.dispose)

    async def ping(self) -> bool:
        """Tell whether the database answers."""
        try:
            await self.fetch_all(text("SELECT 1"))
        except (DBAPIError, Unavailable):
            return False
        return True

    async def fetch_by_key(self, statement: Executable, values: dict[str, Any]) -> Row[Any] | None:
        """Run a SELECT that finds at most one row by a unique index."""
        if self._backend.reads_keys_at_once:
            with self._backend.reader.connect() as connection:
                return connection.execute(statement, values).first()
        rows = await self.fetch_all(statement, values)
        return rows[0] if rows else None

    async def fetch_all(
        self, statement: Executable, values: dict[str, Any] | None = None
    ) -> list[Row[Any]]:
        """Run a SELECT outside a transaction."""

        def read() -> list[Row[Any]]:
            with self._backend.reader.connect() as connection:
                return list(connection.execute(statement, values))

        return await self._run(self._readers, read)

    async def write(
        self, statement: Executable, values: dict[str, Any] | None = None
    ) -> Row[Any] | None:
        """Run one statement with RETURNING in a transaction of its own; answer its first row."""

        def execute(connection: Connection) -> Row[Any] | None:
            return connection.execute(statement, values).first()

        return await self.transaction(execute)

    async def transaction(self, work: Callable[[Connection], T]) -> T:
        """Run `work` in a transaction, in a thread; again when a concurrent one was in the way."""

        def attempt() -> T:
            with self._backend.writer.begin() as connection:
                return work(connection)

        def write() -> T:
            for _ in range(ATTEMPTS - 1):
                try:
                    return attempt()
                except DBAPIError as error:
                    if classify(error) is not Fault.RETRY:
                        raise
            return attempt()

        return await self._run(self._writers, write)

    @contextmanager
    def session(self) -> Iterator[Session]:
        """Open a SQLModel session for a handler of your own (`def`, not `async def`)."""
        with Session(self._backend.writer) as session:
            yield session

    async def _run(self, slots: Semaphore, work: Callable[[], T]) -> T:
        """Run `work` in a thread when a slot is free; raise Unavailable when none is in time.

        A client that goes away does not stop a write: the thread is always waited for.
        """
        try:
            with anyio.fail_after(self._lock_seconds):
                await slots.acquire()
        except TimeoutError:
            raise Unavailable from None
        try:
            return await to_thread.run_sync(work, limiter=self._threads)
        except PoolTimeoutError:
            raise Unavailable from None
        finally:
            slots.release()


def _connect(url: str, connections: int, statement_seconds: float, lock_seconds: float) -> Backend:
    try:
        parsed = make_url(url)
    except ArgumentError:
        parsed = URL.create("unknown")
    match parsed.get_backend_name():
        case "sqlite":
            return sqlite.connect(parsed, connections=connections, lock_seconds=lock_seconds)
        case "postgresql" | "postgres":
            return postgresql.connect(
                parsed,
                connections=connections,
                lock_seconds=lock_seconds,
                statement_seconds=statement_seconds,
            )
        case _:
            raise StartupError(
                "database: the URL is neither SQLite's nor PostgreSQL's\n"
                "  write sqlite:///app.db or postgresql://user:password@host/name"
            )


def database(request: Request) -> Database:
    """Find the database of the application that answers a request."""
    return cast("Database", request.app.state.database)


def session(request: Request) -> Iterator[Session]:
    """Open a session for a handler of your own, as FastAPI's tutorial does."""
    with database(request).session() as opened:
        yield opened


DatabaseDep = Annotated[Database, Depends(database)]
SessionDep = Annotated[Session, Depends(session)]
