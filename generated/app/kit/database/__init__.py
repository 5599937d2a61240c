"""The database of the application: short ways for its rows, a Session for everything else."""

import asyncio
import contextlib
import hashlib
import logging
from collections.abc import Iterator, Sequence
from typing import Annotated, cast

from anyio import to_thread
from fastapi import Depends, Request
from pydantic import SecretStr
from sqlalchemy import URL, Integer, MetaData, literal_column, make_url, select
from sqlalchemy.exc import ArgumentError
from sqlmodel import Session

from ..errors import StartupError, Unavailable, UnreachableError
from .backend import Backend, Change, Row, Step
from .faults import http_error
from .postgresql import Postgresql
from .sqlite import Sqlite
from .statements import Prepared, Statement, Values
from .tables import prepare

__all__ = ["Change", "Database", "DatabaseDep", "SessionDep", "database", "session"]

MOST_PREPARED = 10_000
LONGEST_PAUSE_SECONDS = 1.0
"""Between two attempts to reach a database that was down at the start."""
PING: Statement = select(literal_column("1", Integer()))

_log = logging.getLogger(__name__)


class Database:
    """One database, SQLite or PostgreSQL.

    `connections` bounds how many statements run at the same time; `lock_seconds` how long a request
    waits for one of them or for a lock, `statement_seconds` how long one statement runs
    (PostgreSQL). `secret_key` signs cursors and seals idempotency keys. Raises StartupError for a
    URL that cannot be used.
    """

    def __init__(
        self,
        url: str,
        *,
        connections: int = 10,
        statement_seconds: float = 5.0,
        lock_seconds: float = 2.0,
        secret_key: SecretStr | None = None,
    ) -> None:
        self._backend = _backend(url, connections, statement_seconds, lock_seconds)
        self.kind: str = self._backend.dialect.name
        """`sqlite` or `postgresql`."""
        self._secret = _digest(secret_key) if secret_key else b""
        self._is_open = False
        self._opening: asyncio.Task[None] | None = None
        self._prepared: dict[tuple[Statement, tuple[str, ...]], Prepared] = {}

    @property
    def secret(self) -> bytes:
        """What signs cursors and seals keys: of the setting, else one that the database keeps."""
        if not self._secret:
            raise Unavailable
        return self._secret

    async def open(self, metadata: MetaData) -> None:
        """Create the tables that are missing, and connect; later, if the database is down now.

        Until then every use raises Unavailable. Raises StartupError when the database cannot be
        used, or one of its tables differs.
        """
        try:
            await self._open(metadata)
        except UnreachableError as error:
            _log.warning("%s\n  trying again until it answers", error)
            self._opening = asyncio.create_task(self._open_later(metadata, str(error)))

    async def _open(self, metadata: MetaData) -> None:
        kept = await to_thread.run_sync(prepare, self._backend.engine, metadata)
        self._secret = self._secret or kept
        await self._backend.open()
        self._is_open = True

    async def _open_later(self, metadata: MetaData, said: str) -> None:
        pause = LONGEST_PAUSE_SECONDS / 8
        while not self._is_open:
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE_SECONDS)
            try:
                await self._open(metadata)
            except Exception as error:  # whatever it is, somebody may put it right
                if str(error) != said:
                    said = str(error)
                    _log.error("%s", said, exc_info=not isinstance(error, StartupError))
        _log.warning("the database answers")

    async def close(self) -> None:
        """Finish what was begun, and disconnect."""
        if self._opening is not None:
            self._opening.cancel()
            await asyncio.wait({self._opening})
        self._is_open = False
        await self._backend.close()

    async def ping(self) -> bool:
        """Tell whether the database answers."""
        try:
            await self.read(PING, {})
        except Exception as error:
            if isinstance(http_error(error), Unavailable):
                return False
            raise
        return True

    def compile(self, statement: Statement) -> Prepared:
        """Make a statement ready that is not kept here, for there may be too many of its kind."""
        return Prepared(statement, self._backend.dialect, ())

    async def read(
        self, statement: Statement | Prepared, values: Values, *, short: bool = False
    ) -> Sequence[Row]:
        """Run a SELECT. `short` tells that it touches few rows, found by the primary key."""
        if not self._is_open:
            raise Unavailable
        if not isinstance(statement, Prepared):
            statement = self._prepare(statement, ())
        return await self._backend.read(statement, values, short=short)

    async def write(
        self,
        statement: Statement,
        values: Values,
        columns: tuple[str, ...] = (),
        read_back: Statement | None = None,
    ) -> Sequence[Row]:
        """Run an INSERT, UPDATE or DELETE with RETURNING; when this returns, it is durable.

        The parameters are those of a Change.
        """
        if not self._is_open:
            raise Unavailable
        again = None if read_back is None else self._prepare(read_back, ())
        return await self._backend.write(self._prepare(statement, columns), values, again)

    async def write_all(self, changes: Sequence[Change]) -> list[Sequence[Row]]:
        """Run statements in one transaction, all or none; when this returns, it is durable."""
        if not self._is_open:
            raise Unavailable
        return await self._backend.write_all([self._step(change) for change in changes])

    def _step(self, change: Change) -> Step:
        read_back = None if change.read_back is None else self._prepare(change.read_back, ())
        return Step(change, self._prepare(change.statement, change.columns), read_back)

    def _prepare(self, statement: Statement, columns: tuple[str, ...]) -> Prepared:
        """Compile a statement once for each set of columns."""
        prepared = self._prepared.get((statement, columns))
        if prepared is None:
            if len(self._prepared) >= MOST_PREPARED:
                self._prepared.clear()
            prepared = Prepared(statement, self._backend.dialect, columns)
            self._prepared[statement, columns] = prepared
        return prepared

    @contextlib.contextmanager
    def session(self) -> Iterator[Session]:
        """Open a SQLModel session for a handler of your own (`def`, not `async def`)."""
        if not self._is_open:
            raise Unavailable
        with Session(self._backend.engine) as session:
            yield session


def _backend(url: str, connections: int, statement_seconds: float, lock_seconds: float) -> Backend:
    try:
        parsed = make_url(url)
    except ArgumentError:
        parsed = URL.create("unknown")
    match parsed.get_backend_name():
        case "sqlite":
            return Sqlite(parsed, connections=connections, lock_seconds=lock_seconds)
        case "postgresql" | "postgres":
            return Postgresql(
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


def _digest(secret: SecretStr) -> bytes:
    return hashlib.sha256(secret.get_secret_value().encode()).digest()


def database(request: Request) -> Database:
    """Find the database of the application that answers a request."""
    return cast("Database", request.app.state.database)


def session(request: Request) -> Iterator[Session]:
    """Open a session for a handler of your own, as FastAPI's tutorial does."""
    with database(request).session() as opened:
        yield opened


DatabaseDep = Annotated[Database, Depends(database)]
SessionDep = Annotated[Session, Depends(session)]
