"""The class Database: runs statements on SQLite or PostgreSQL, and opens sessions."""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from anyio import to_thread
from pydantic import SecretStr
from sqlalchemy import MetaData, make_url

from ..errors import Condition, DatabaseStartupError, StartupError, Unavailable, UnreachableError
from .condition_log import ConditionLog
from .connections import Preparing
from .faults import http_error, is_undefined, reason_of
from .postgresql import Postgresql
from .secret import hash_secret
from .sqlite import Sqlite
from .sqlmodel_sessions import Sessions
from .state import State, WouldWaitError
from .statements import Prepared, Statement, Values
from .transaction import Change, Row, Step
from .urls import check_characters, scheme_of

MAX_PREPARED = 10_000
"""Most statements in the cache, of some 7 kB each. A PATCH has one for each set of properties."""
MAX_RETRY_SECONDS = 1.0
"""Longest pause between two attempts to reach a database that was down at the start."""

_log = logging.getLogger(__name__)

NO_VALUES: Values = MappingProxyType({})


class Database(Sessions):
    """One database, SQLite or PostgreSQL.

    `connections` is the maximum number of connections, `lock_seconds` the time to wait for a
    connection or a lock, `statement_seconds` the time for one statement (on SQLite: for one read).
    `secret_key` signs cursors and hashes idempotency keys. `preparing` says whether statements are
    prepared on PostgreSQL; `auto` means unless a pooler is detected. `shared_reads` says whether
    short reads on PostgreSQL share connections. With `read_only`, nothing is written. With
    `migrations`, only revisions create tables once one is recorded. Raises StartupError for an
    invalid URL.
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
        shared_reads: bool = True,
        migrations: bool = False,
    ) -> None:
        check_characters(url)
        self._backend: Sqlite | Postgresql
        match scheme_of(url):
            case "sqlite":
                self._backend = Sqlite(
                    make_url(url),
                    connections=connections,
                    lock_seconds=lock_seconds,
                    statement_seconds=statement_seconds,
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
                    shared_reads=shared_reads,
                )
            case _:
                raise DatabaseStartupError(
                    "database: the URL is neither for SQLite nor for PostgreSQL\n"
                    "  write sqlite:///app.db or postgresql://user:password@host/name"
                )
        self.kind: str = self._backend.dialect.name
        """`sqlite` or `postgresql`."""
        self.where = self._backend.where
        """The URL of the database for messages, without a password."""
        self.state = State(self.where)
        self._read_only = read_only
        self._migrations = migrations
        self._secret = hash_secret(secret_key) if secret_key else b""
        self._metadata = MetaData()
        self._opening: asyncio.Task[None] | None = None
        self._log = ConditionLog(self.state)
        self._prepared: dict[tuple[Statement, tuple[str, ...]], Prepared] = {}

    must_not_wait = False
    """Whether a read that has to wait raises WouldWaitError instead."""

    for_request: "Callable[[Mapping[str, Any]], Database] | None" = None
    """Returns the database for the handler of a request, by its ASGI scope. None: this one."""

    readiness = "ready"
    """What `/ready` says if `check` succeeds."""

    @property
    def database_and_added_values(self) -> "tuple[Database, Values]":
        """The database, and the values that it adds to those of each statement: here, none."""
        return self, NO_VALUES

    @property
    def secret(self) -> bytes:
        """The application's secret: the hash of SECRET_KEY, or the one stored in the database."""
        if not self._secret:
            raise self.state.unavailable()
        return self._secret

    async def open(self, metadata: MetaData) -> None:
        """Create missing tables and connect. If the database is down, retry in the background.

        Until then, all operations raise Unavailable. Raises StartupError if the database cannot be
        used, or if a table differs from its model.
        """
        self.state.phase = Condition.STARTING
        self._metadata = metadata
        try:
            await self._open()
        except UnreachableError as error:
            _log.warning("%s\n  retrying in the background", error)
            self._opening = asyncio.create_task(self._retry_opening(str(error)))

    async def _open(self) -> None:
        await to_thread.run_sync(self._create_tables, self._metadata)
        await self._backend.open()
        self.state.record_open()
        with contextlib.suppress(Unavailable):  # the state logs the condition
            await self.check()

    async def _retry_opening(self, logged: str) -> None:
        """Try to open the database until it succeeds; log each new error, but not `logged`."""
        pause = MAX_RETRY_SECONDS / 8
        while self.state.phase is not None:
            await asyncio.sleep(pause)
            pause = min(2 * pause, MAX_RETRY_SECONDS)
            try:
                await self._open()
            except Exception as error:  # an administrator may fix any error
                if str(error) != logged:
                    logged = str(error)
                    _log.error("%s", logged, exc_info=not isinstance(error, StartupError))
        _log.warning("database %s: connected", self.where)

    async def close(self) -> None:
        """Complete the current statements, and disconnect."""
        if self._opening is not None:
            self._opening.cancel()
            await asyncio.wait({self._opening})
        self.state.phase = Condition.CLOSED
        await self._backend.close()

    def usage(self) -> Mapping[str, int]:
        """Return how many connections are used and idle, how many requests wait, and the maximum.

        With group commit, also the numbers of queued writes, and of writes and batches so far.
        """
        return self._backend.usage()

    async def check(self) -> None:
        """Raise Unavailable unless rows can be read and, if not read-only, written."""
        if self.state.phase is None:
            try:
                reason = await self._backend.write_obstacle(self._metadata, self.state.episodes)
            except Exception as error:
                self._record_error(error, self.check)
                answer = http_error(error)
                if isinstance(error, Unavailable) and error.condition is Condition.BUSY:
                    pass  # requests use all connections: no sign of another condition
                elif answer is error:
                    raise
                else:
                    raise answer from error
            else:
                self.state.record_check(reason)
                self.state.record_success(self.check, writes=False)
        blocking = self.state.blocking_condition(reads_only=self._read_only)
        if blocking is not None:
            raise Unavailable(blocking)

    async def snapshot_backend(self) -> Sqlite | Postgresql:
        """Return the backend that reads a snapshot (see snapshots.py)."""
        return self._backend

    def compile(self, statement: Statement) -> Prepared:
        """Compile a statement without caching it: the caller keeps the result."""
        return Prepared(statement, self._backend.dialect, ())

    async def read(
        self, statement: Statement | Prepared, values: Values, *, short: bool = False
    ) -> Sequence[Row]:
        """Return the rows of a SELECT. `short`: it reads few rows by a key or an index."""
        state = self.state
        if state.phase is not None:
            raise state.unavailable()
        if self.must_not_wait:
            if short and (found := self.try_read(statement, values)) is not None:
                return found
            raise WouldWaitError
        if not isinstance(statement, Prepared):
            statement = self._prepare(statement, ())
        try:
            rows = await self._backend.read(statement, values, short=short)
        except Exception as error:
            self._record_error(error, statement)
            raise
        if state.episodes:
            state.record_success(statement, writes=False)
        return rows

    def try_read(self, statement: Statement | Prepared, values: Values) -> Sequence[Row] | None:
        """Return the rows of a short SELECT if they can be read without waiting, else None."""
        if self.state.phase is not None or self.state.episodes:
            return None
        if not isinstance(statement, Prepared):
            statement = self._prepare(statement, ())
        return self._backend.try_read(statement, values)

    async def write(
        self,
        statement: Statement,
        values: Values,
        columns: tuple[str, ...] = (),
        read_back: Statement | None = None,
    ) -> Sequence[Row]:
        """Run an INSERT, UPDATE or DELETE, and commit it durably; return the rows of RETURNING.

        The parameters are those of a Change.
        """
        state = self.state
        if state.phase is not None:
            raise state.unavailable()
        reread = None if read_back is None else self._prepare(read_back, ())
        try:
            rows = await self._backend.write(self._prepare(statement, columns), values, reread)
        except Exception as error:
            self._record_error(error, (statement, columns))
            raise
        if state.episodes:
            state.record_success((statement, columns), writes=True)
        return rows

    async def write_all(self, changes: Sequence[Change]) -> list[Sequence[Row]]:
        """Run changes in one durable transaction; return the rows of each."""
        state = self.state
        if state.phase is not None:
            raise state.unavailable()
        steps = [self._prepared_step(change) for change in changes]
        statements = frozenset(one.statement for one in changes)
        try:
            found = await self._backend.write_all(steps)
        except Exception as error:
            self._record_error(error, statements)
            raise
        if state.episodes:
            state.record_success(statements, writes=True)
        return found

    def _prepared_step(self, change: Change) -> Step:
        read_back = None if change.read_back is None else self._prepare(change.read_back, ())
        return Step(change, self._prepare(change.statement, change.columns), read_back)

    def _record_error(self, error: Exception, statement: object) -> None:
        """Record the condition that caused an error, and log it.

        Raises Unavailable for a table or column that existed at the start.
        """
        if is_undefined(error):
            unusable = Unavailable(Condition.TABLE_UNUSABLE, reason_of(error))
            self._record_condition(unusable, statement)
            raise unusable from error
        self._record_condition(error, statement)

    def _record_condition(self, error: Exception, statement: object) -> None:
        condition = self.state.record_failure(error, statement)
        if condition is not None:
            engine = self._backend.engine
            self._log.log_begin(condition, reason_of(error), engine, self._metadata)

    def _prepare(self, statement: Statement, columns: tuple[str, ...]) -> Prepared:
        """Return a statement compiled for some columns, from the cache if possible."""
        prepared = self._prepared.get((statement, columns))
        if prepared is None:
            if len(self._prepared) >= MAX_PREPARED:
                self._prepared.clear()
            prepared = Prepared(statement, self._backend.dialect, columns)
            self._prepared[statement, columns] = prepared
        return prepared
