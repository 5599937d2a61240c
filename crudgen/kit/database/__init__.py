"""The database of the application: short ways for its rows, a Session for everything else."""

import asyncio
import contextlib
import hashlib
import logging
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Annotated, cast

from anyio import to_thread
from fastapi import Depends, Request
from pydantic import SecretStr
from sqlalchemy import MetaData, make_url
from sqlmodel import Session

from ..errors import Condition, StartupError, Unavailable, UnreachableError
from .backend import Backend, Change, Row, Step
from .connections import Preparing
from .faults import http_error, reason_of
from .postgresql import Postgresql
from .rights import missing_grants
from .sqlite import Sqlite
from .state import State
from .statements import Prepared, Statement, Values
from .tables import prepare
from .urls import check_characters, scheme_of

__all__ = ["Change", "Database", "DatabaseDep", "SessionDep", "database", "session"]

MOST_PREPARED = 10_000
LONGEST_PAUSE_SECONDS = 1.0
"""Between two attempts to reach a database that was down at the start."""
_GONE = {"42P01", "42703"}
"""SQLSTATEs of a table and a column that are not there, or cannot be seen without a right."""
_OF_RIGHTS = {Condition.DENIED, Condition.TABLE_UNUSABLE}

_log = logging.getLogger(__name__)


class Database:
    """One database, SQLite or PostgreSQL.

    `connections` bounds how many statements run at the same time; `lock_seconds` how long a request
    waits for one of them or for a lock, `statement_seconds` how long one statement runs
    (PostgreSQL). `secret_key` signs cursors and seals idempotency keys. `preparing` says whether
    statements are prepared on PostgreSQL: `auto` is wherever no pooler is found. With `read_only`,
    nothing is written. Raises StartupError for a URL that cannot be used.
    """

    def __init__(
        self,
        url: str,
        *,
        connections: int = 10,
        statement_seconds: float = 5.0,
        lock_seconds: float = 2.0,
        secret_key: SecretStr | None = None,
        preparing: Preparing = "auto",
        read_only: bool = False,
    ) -> None:
        check_characters(url)
        self._backend: Backend
        match scheme_of(url):
            case "sqlite":
                self._backend = Sqlite(
                    make_url(url),
                    connections=connections,
                    lock_seconds=lock_seconds,
                    read_only=read_only,
                )
            case "postgresql":
                self._backend = Postgresql(
                    url,
                    connections=connections,
                    lock_seconds=lock_seconds,
                    statement_seconds=statement_seconds,
                    preparing=preparing,
                    read_only=read_only,
                )
            case _:
                raise StartupError(
                    "database: the URL is neither SQLite's nor PostgreSQL's\n"
                    "  write sqlite:///app.db or postgresql://user:password@host/name"
                )
        self.kind: str = self._backend.dialect.name
        """`sqlite` or `postgresql`."""
        self.where = self._backend.where
        """The database as messages name it, without a password."""
        self.state = State(self.where)
        self._read_only = read_only
        self._secret = _digest(secret_key) if secret_key else b""
        self._metadata = MetaData()
        self._opening: asyncio.Task[None] | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._prepared: dict[tuple[Statement, tuple[str, ...]], Prepared] = {}

    @property
    def secret(self) -> bytes:
        """What signs cursors and seals keys: of the setting, else one that the database keeps."""
        if not self._secret:
            raise self.state.closed()
        return self._secret

    async def open(self, metadata: MetaData) -> None:
        """Create the tables that are missing, and connect; later, if the database is down now.

        Until then every use raises Unavailable. Raises StartupError when the database cannot be
        used, or one of its tables differs.
        """
        self.state.phase = Condition.STARTING
        self._metadata = metadata
        try:
            await self._open()
        except UnreachableError as error:
            _log.warning("%s\n  trying again until it answers", error)
            self._opening = asyncio.create_task(self._open_later(str(error)))

    async def _open(self) -> None:
        kept = await to_thread.run_sync(
            partial(
                prepare,
                self._backend.engine,
                self._metadata,
                where=self.where,
                needs_secret=not self._secret,
            )
        )
        self._secret = self._secret or kept
        await self._backend.open()
        self.state.opened()
        with contextlib.suppress(Unavailable):  # what the database cannot do now is logged
            await self.check()

    async def _open_later(self, said: str) -> None:
        pause = LONGEST_PAUSE_SECONDS / 8
        while self.state.phase is not None:
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE_SECONDS)
            try:
                await self._open()
            except Exception as error:  # whatever it is, somebody may put it right
                if str(error) != said:
                    said = str(error)
                    _log.error("%s", said, exc_info=not isinstance(error, StartupError))
        _log.warning("database %s: it answers", self.where)

    async def close(self) -> None:
        """Finish what was begun, and disconnect."""
        if self._opening is not None:
            self._opening.cancel()
            await asyncio.wait({self._opening})
        self.state.phase = Condition.CLOSED
        await self._backend.close()

    async def check(self) -> None:
        """Raise Unavailable unless rows can be read, and written where they may be."""
        if self.state.phase is None:
            try:
                reason = await self._backend.obstacle(self._metadata, self.state.episodes)
            except Exception as error:
                self._failed(error, self.check)
                answer = http_error(error)
                if isinstance(error, Unavailable) and error.condition is Condition.BUSY:
                    pass  # requests use every connection, which tells nothing else
                elif answer is error:
                    raise
                else:
                    raise answer from error
            else:
                self.state.probed(reason)
                self.state.worked(self.check, writes=False)
        blocking = self.state.blocking(reads_only=self._read_only)
        if blocking is not None:
            raise Unavailable(blocking)

    def compile(self, statement: Statement) -> Prepared:
        """Make a statement ready that is not kept here, for there may be too many of its kind."""
        return Prepared(statement, self._backend.dialect, ())

    async def read(
        self, statement: Statement | Prepared, values: Values, *, short: bool = False
    ) -> Sequence[Row]:
        """Run a SELECT. `short` tells that it touches few rows, found by the primary key."""
        state = self.state
        if state.phase is not None:
            raise state.closed()
        if not isinstance(statement, Prepared):
            statement = self._prepare(statement, ())
        try:
            rows = await self._backend.read(statement, values, short=short)
        except Exception as error:
            self._failed(error, statement)
            raise
        if state.episodes:
            state.worked(statement, writes=False)
        return rows

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
        state = self.state
        if state.phase is not None:
            raise state.closed()
        again = None if read_back is None else self._prepare(read_back, ())
        try:
            rows = await self._backend.write(self._prepare(statement, columns), values, again)
        except Exception as error:
            self._failed(error, (statement, columns))
            raise
        if state.episodes:
            state.worked((statement, columns), writes=True)
        return rows

    async def write_all(self, changes: Sequence[Change]) -> list[Sequence[Row]]:
        """Run statements in one transaction, all or none; when this returns, it is durable."""
        state = self.state
        if state.phase is not None:
            raise state.closed()
        steps = [self._step(change) for change in changes]
        statements = frozenset(one.statement for one in changes)
        try:
            found = await self._backend.write_all(steps)
        except Exception as error:
            self._failed(error, statements)
            raise
        if state.episodes:
            state.worked(statements, writes=True)
        return found

    def _step(self, change: Change) -> Step:
        read_back = None if change.read_back is None else self._prepare(change.read_back, ())
        return Step(change, self._prepare(change.statement, change.columns), read_back)

    def _failed(self, error: Exception, statement: object) -> None:
        """Note what an error tells of the database; for a missing right, find out which.

        Raises Unavailable for a table or column that was there at the start.
        """
        if getattr(error, "sqlstate", None) in _GONE:
            gone = Unavailable(Condition.TABLE_UNUSABLE, reason_of(error))
            self._note(gone, statement)
            raise gone from error
        self._note(error, statement)

    def _note(self, error: Exception, statement: object) -> None:
        condition = self.state.failed(error, statement)
        if condition is not None and condition in _OF_RIGHTS:
            task = asyncio.create_task(self._explain(condition, reason_of(error)))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        elif condition is not None:
            self.state.say(condition, reason_of(error))

    async def _explain(self, condition: Condition, reason: str) -> None:
        """Log a condition together with the rights that are missing, and what grants them."""

        def grants() -> list[str]:
            with self._backend.engine.connect() as connection:
                return missing_grants(connection, self._metadata)

        with contextlib.suppress(Exception):  # then the reason alone has to do
            reason = "; ".join([reason, *await to_thread.run_sync(grants)])
        self.state.say(condition, reason)

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
        if self.state.phase is not None:
            raise self.state.closed()
        try:
            with Session(self._backend.engine) as session:
                yield session
        except Exception as error:
            condition = self.state.failed(error, self.session)
            if condition is not None:
                self.state.say(condition, reason_of(error))
            raise


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
