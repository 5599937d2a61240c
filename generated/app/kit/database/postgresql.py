"""The PostgreSQL backend: a connection pool, with deadlines and retries for statements."""

import asyncio
import logging
import random
import time
from collections.abc import Awaitable, Callable, Container, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from sqlalchemy import Dialect, MetaData, NullPool, create_engine
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg

from ..errors import Condition, StartupError, Unavailable
from .codes import Fault
from .connections import GRACE_SECONDS, Connector, Preparing, TimedOutError
from .faults import classify
from .postgresql_statements import run_all, run_one
from .returning import final_rows, keys_to_read
from .sessions import SessionSettings
from .statements import Prepared, Values
from .transaction import Change, Result, Row, Step
from .urls import describe, effective_parameters, read_postgresql_url

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

RECONNECT_SECONDS = 2.0
"""How long the pool tries to reconnect by itself. Its pauses grow, so with a longer time it would
notice late that the database is back. Afterwards, each request makes the pool try again."""
ATTEMPTS = 5
PAUSE_SECONDS = 0.005
"""The first pause between two attempts lasts up to twice this time, and each next one up to twice
as long. Random pauses make conflicting transactions unlikely to meet again."""
YIELD_SECONDS = 0.05
"""How long a transaction that yields waits for a lock. PostgreSQL detects deadlocks after 1 s."""
RETRIED = {Fault.RETRY, Fault.SCHEMA_CHANGED, Fault.STATEMENT_LOST}
_DISCARDING = {Fault.SCHEMA_CHANGED, Fault.STATEMENT_LOST}
"""Faults of one connection. It is closed, and the statement is repeated on another one."""
_MAY_WRITE = """
SELECT pg_is_in_recovery(), current_setting('transaction_read_only') = 'on',
    cardinality(%(names)s::text[]) = 0 OR EXISTS (
        SELECT FROM unnest(%(names)s::text[]) AS name
        WHERE has_table_privilege(to_regclass(quote_ident(name)), 'DELETE')
            OR has_any_column_privilege(to_regclass(quote_ident(name)), 'INSERT, UPDATE')
    )
"""
_pool_log = logging.getLogger("psycopg.pool")
"""The pool logs each attempt to connect. `State` logs the changes alone."""


class Postgresql:
    """Runs statements on PostgreSQL: a single one in autocommit mode, with one round trip."""

    def __init__(
        self,
        url: str,
        *,
        connections: int,
        lock_seconds: float,
        statement_seconds: float,
        preparing: Preparing = "auto",
        read_only: bool = False,
    ) -> None:
        try:
            import psycopg_pool

            parameters = read_postgresql_url(url)
        except ImportError:
            raise StartupError(
                "database: PostgreSQL needs the driver psycopg\n"
                "  pip install 'psycopg[binary,pool]'"
            ) from None
        self.where = describe(parameters)
        self.dialect: Dialect = PGDialect_psycopg()  # type: ignore[no-untyped-call]
        self._discarding = set(_DISCARDING)
        if effective_parameters(parameters).get("target_session_attrs") in {
            "primary",
            "read-write",
        }:
            self._discarding.add(Fault.READ_ONLY)  # the server may have become a standby
        self.statement_seconds = statement_seconds
        self._seconds = statement_seconds + GRACE_SECONDS
        self.lock_seconds = lock_seconds
        self.connections = connections
        self.closers: list[Callable[[], None]] = []
        """What closes other connections to the database when it is closed."""
        settings = SessionSettings(statement_seconds, lock_seconds, read_only)
        self.connector = Connector(parameters, settings, preparing)
        self.engine = create_engine(
            "postgresql+psycopg://",
            creator=self.connector.connect_for_sessions,
            poolclass=NullPool,
        )
        driver: Any = psycopg_pool
        if _pool_log.level == logging.NOTSET:
            _pool_log.setLevel(logging.ERROR)
        self._pool = driver.AsyncConnectionPool(
            connection_class=self.connector,
            min_size=min(2, connections),
            max_size=connections,
            timeout=lock_seconds,
            reconnect_timeout=RECONNECT_SECONDS,
            open=False,
        )
        self._timeout, self._closed = psycopg_pool.PoolTimeout, psycopg_pool.PoolClosed
        self._doubted = 0.0
        """When a connection was last found dead. Others that were idle then may be dead too."""
        self._answered = time.monotonic()
        """When the server last responded, even with an error."""
        self._turn = asyncio.Lock()
        """Held by the transaction that is repeated because it did not get a lock."""

    @cached_property
    def async_engine(self) -> "AsyncEngine":
        """The engine of async sessions."""
        from sqlalchemy.ext.asyncio import create_async_engine

        return create_async_engine(
            "postgresql+psycopg://",
            async_creator=self.connector.connect_for_async_sessions,
            poolclass=NullPool,
        )

    def usage(self) -> dict[str, int]:
        """Return the numbers of connections, and of requests that wait for one."""
        found = self._pool.get_stats()
        size, idle = found.get("pool_size", 0), found.get("pool_available", 0)
        waiting = found.get("requests_waiting", 0)
        return {"max": self.connections, "used": size - idle, "idle": idle, "waiting": waiting}

    async def open(self) -> None:
        """Start the pool."""
        await self._pool.open()

    async def close(self) -> None:
        """Complete the current statements, and disconnect."""
        await self._pool.close()
        for close in self.closers:
            close()

    async def write_obstacle(self, metadata: MetaData, conditions: Container[Condition]) -> str:
        """Return why transactions or the role cannot write; empty if they can."""
        del conditions
        names = [table.name for table in metadata.sorted_tables]

        async def ask(connection: Any) -> Any:
            cursor = await connection.execute(_MAY_WRITE, {"names": names})
            return await cursor.fetchone()

        is_standby, is_read_only, may_write = await self.run(
            ask, retry_on=RETRIED | {Fault.DISCONNECTED}
        )
        if is_standby:
            return "the server is a standby"
        if is_read_only:
            return "its transactions are read-only"
        return "" if may_write else "the role may write to none of the tables"

    async def read(self, prepared: Prepared, values: Values, *, short: bool) -> Sequence[Row]:
        """Return the rows of a SELECT; retry it if the connection is broken."""
        del short
        return await self._run(prepared, values, retry_on=RETRIED | {Fault.DISCONNECTED})

    def read_now(self, prepared: Prepared, values: Values) -> None:
        """Return None: every statement waits for the server."""

    async def write(
        self, prepared: Prepared, values: Values, read_back: Prepared | None = None
    ) -> Sequence[Row]:
        """Run one statement; retry it after a conflict with a concurrent transaction.

        If triggers or rules may change its row, it runs in a transaction and the row is read back.
        """
        if read_back is None or prepared.returns_final_row:
            rows = await self._run(prepared, values, retry_on=RETRIED)
            if read_back is None:
                return rows
            prepared.returns_final_row = not any(row[-1] for row in rows)
            rows = [row[:-1] for row in rows]
            if rows and prepared.returns_final_row:
                return rows
            for key in keys_to_read(prepared, rows, values):
                read = await self.read(read_back, {"key__": key}, short=True)
                if rows:
                    return final_rows(prepared, key, rows, read)
                if read:
                    break  # the row exists: a trigger prevented the statement
            else:
                return []
        step = Step(Change(prepared.statement, values), prepared, read_back)
        return (await self.write_all([step]))[0]

    async def write_all(self, steps: Sequence[Step]) -> list[Sequence[Row]]:
        """Run statements in a transaction; retry it after a conflict with a concurrent one."""
        yields = any(step.change.yields for step in steps)
        lock_seconds = min(YIELD_SECONDS, self.lock_seconds / 4) if yields else None

        async def run_statements(connection: Any) -> list[Sequence[Row]]:
            return await run_all(connection, steps, lock_seconds)

        return await self.run(run_statements, RETRIED | {Fault.LOCKED} if yields else RETRIED)

    async def _run(self, prepared: Prepared, values: Values, retry_on: set[Fault]) -> Sequence[Row]:
        bound = prepared.values(values)

        async def run_statement(connection: Any) -> Sequence[Row]:
            return prepared.rows(await run_one(connection, prepared, bound))

        return await self.run(run_statement, retry_on)

    async def run(
        self, work: Callable[[Any], Awaitable[Result]], retry_on: Container[Fault] = ()
    ) -> Result:
        """Run `work` on a connection; retry it after the faults in `retry_on`.

        At most ATTEMPTS attempts are made, until the deadline. For a lock, all attempts take
        LOCK_SECONDS at least.
        """
        ends = time.monotonic() + self._seconds
        locked_until = time.monotonic() + self.lock_seconds
        attempt, has_turn = 1, False
        try:
            while True:
                connection = await self._acquire(ends)
                try:
                    result = await work(connection)
                except Exception as error:
                    fault = classify(error)
                    if not isinstance(error, TimedOutError):
                        self._answered = time.monotonic()
                    if fault in self._discarding:
                        if fault is Fault.STATEMENT_LOST:
                            self.connector.stop_preparing()
                        await connection.close()
                    now = time.monotonic()
                    is_last = now > locked_until if fault is Fault.LOCKED else attempt >= ATTEMPTS
                    if is_last or fault not in retry_on or now > ends:
                        raise
                else:
                    self._answered = time.monotonic()
                    return result
                finally:
                    connection.wait.used = time.monotonic()
                    await self._pool.putconn(connection)
                await _pause_before_retry(fault, attempt)
                if fault is Fault.LOCKED and not has_turn:
                    has_turn = await self._wait_for_turn(locked_until)
                attempt += 1
        finally:
            if has_turn:
                self._turn.release()

    async def _wait_for_turn(self, until: float) -> bool:
        """Wait until no other transaction is repeated for a lock; return False if `until` passes.

        Transactions that are repeated at the same time could block each other again.
        """
        try:
            async with asyncio.timeout(until - time.monotonic()):
                return await self._turn.acquire()
        except TimeoutError:
            return False

    async def _acquire(self, ends: float) -> Any:
        """Return a working connection from the pool, with the deadline `ends`."""
        wait_ends = min(time.monotonic() + self.lock_seconds, ends)
        while True:
            try:
                connection = await self._pool.getconn(max(wait_ends - time.monotonic(), 0.001))
            except self._closed:
                raise Unavailable(Condition.CLOSED) from None
            except self._timeout:
                refusal = self.connector.refusal
                if not refusal and time.monotonic() - self._answered > self.lock_seconds:
                    refusal = "the server does not respond"
                if refusal:
                    raise Unavailable(Condition.DOWN, refusal) from None
                reason = "timeout while waiting for a connection"
                raise Unavailable(Condition.BUSY, reason) from None
            is_good = False
            try:
                is_good = await connection.wait.is_good(self._doubted)
            finally:  # also if the request is cancelled
                if not is_good:
                    await connection.close()
                    await self._pool.putconn(connection)
            if is_good:
                connection.wait.ends = ends
                return connection
            if time.monotonic() >= connection.wait.ends:  # the test timed out
                self._doubted = time.monotonic()


async def _pause_before_retry(fault: Fault, attempt: int) -> None:
    """Let a conflicting transaction finish first, after a number of attempts."""
    if fault in {Fault.RETRY, Fault.LOCKED}:
        longest = PAUSE_SECONDS * 2 ** min(attempt, ATTEMPTS)
        await asyncio.sleep(random.uniform(longest / 2, longest))
