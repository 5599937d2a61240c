"""The PostgreSQL backend: a connection pool, with deadlines and retries for statements."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Container, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from sqlalchemy import Dialect, MetaData, NullPool, create_engine
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg

from ..acceleration import fast_module
from ..errors import Condition, DatabaseStartupError
from .codes import Fault
from .connections import GRACE_SECONDS, Connector, Preparing, TimedOutError
from .engines import Engines
from .faults import classify
from .postgresql_pool import ConnectionPool
from .postgresql_statements import run_all, run_one
from .returning import final_rows, keys_to_read
from .sessions import SessionSettings
from .statements import Prepared, Values
from .transaction import Change, Result, Row, Step
from .urls import describe_parameters, effective_parameters, read_postgresql_url

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

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
        shared_reads: bool = True,
    ) -> None:
        settings = SessionSettings(statement_seconds, lock_seconds, read_only)
        try:
            parameters = read_postgresql_url(url)
            self.connector = Connector(parameters, settings, preparing)
            self._pool = _pool_class()(
                self.connector, connections=connections, lock_seconds=lock_seconds
            )
        except ImportError:
            raise DatabaseStartupError(
                "database: PostgreSQL needs the driver psycopg\n"
                "  pip install 'psycopg[binary,pool]'"
            ) from None
        self.where = describe_parameters(parameters)
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
        self.engines = Engines()
        self.engine = self.engines.add(
            create_engine(
                "postgresql+psycopg://",
                creator=self.connector.connect_for_sessions,
                poolclass=NullPool,
            )
        )
        fast = fast_module("shared_reads") if shared_reads else None
        self._shared = fast and fast.SharedReads(
            self._pool,
            self._read_unshared,
            stop_preparing=self.connector.stop_preparing,
            seconds=self._seconds,
            lock_seconds=lock_seconds,
        )
        """Reads that share connections; None if each has one of its own."""
        self._turn = asyncio.Lock()
        """Held by the transaction that is repeated because it did not get a lock."""

    @cached_property
    def async_engine(self) -> "AsyncEngine":
        """The engine of async sessions."""
        from sqlalchemy.ext.asyncio import create_async_engine

        engine = create_async_engine(
            "postgresql+psycopg://",
            async_creator=self.connector.connect_for_async_sessions,
            poolclass=NullPool,
        )
        self.engines.add(engine.sync_engine)
        return engine

    def usage(self) -> dict[str, int]:
        """Return the numbers of connections, and of requests that wait for one."""
        return self._pool.usage()

    async def open(self) -> None:
        """Start the pool."""
        await self._pool.open()

    async def close(self) -> None:
        """Complete the current statements, and disconnect."""
        if self._shared is not None:
            await self._shared.close()
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
        if short and self._shared is not None:
            return await self._shared.read(prepared, values)  # type: ignore[no-any-return]
        return await self._read_unshared(prepared, values)

    async def _read_unshared(
        self, prepared: Prepared, values: Values, *, ends: float | None = None
    ) -> Sequence[Row]:
        return await self._run(prepared, values, RETRIED | {Fault.DISCONNECTED}, ends)

    def try_read(self, prepared: Prepared, values: Values) -> None:
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

    async def _run(
        self,
        prepared: Prepared,
        values: Values,
        retry_on: set[Fault],
        ends: float | None = None,
    ) -> Sequence[Row]:
        bound = prepared.values(values)

        async def run_statement(connection: Any) -> Sequence[Row]:
            return prepared.rows(await run_one(connection, prepared, bound))

        return await self.run(run_statement, retry_on, ends)

    async def run(
        self,
        work: Callable[[Any], Awaitable[Result]],
        retry_on: Container[Fault] = (),
        ends: float | None = None,
    ) -> Result:
        """Run `work` on a connection; retry it after the faults in `retry_on`.

        At most ATTEMPTS attempts are made, until the deadline `ends`. For a lock, all attempts take
        LOCK_SECONDS at least.
        """
        ends = ends or time.monotonic() + self._seconds
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
                        self._pool.answered = time.monotonic()
                    if fault in self._discarding:
                        if fault is Fault.STATEMENT_LOST:
                            self.connector.stop_preparing()
                        await connection.close()
                    now = time.monotonic()
                    is_last = now > locked_until if fault is Fault.LOCKED else attempt >= ATTEMPTS
                    if is_last or fault not in retry_on or now > ends:
                        raise
                else:
                    self._pool.answered = time.monotonic()
                    return result
                finally:
                    await self._pool.give_back(connection)
                await _pause_before_retry(fault, attempt)
                if fault is Fault.LOCKED and not has_turn:
                    has_turn = await self._wait_for_lock_retries(locked_until)
                attempt += 1
        finally:
            if has_turn:
                self._turn.release()

    async def _acquire(self, ends: float) -> Any:
        if self._shared is not None and self._pool.is_exhausted:
            self._shared.free_connection()
        return await self._pool.acquire(ends)

    async def _wait_for_lock_retries(self, until: float) -> bool:
        """Wait until no other transaction is repeated for a lock; return False if `until` passes.

        Transactions that are repeated at the same time could block each other again.
        """
        try:
            async with asyncio.timeout(until - time.monotonic()):
                return await self._turn.acquire()
        except TimeoutError:
            return False


def _pool_class() -> type[ConnectionPool]:
    fast = fast_module("kept_connections")
    return ConnectionPool if fast is None else fast.KeptConnections


async def _pause_before_retry(fault: Fault, attempt: int) -> None:
    """Let a conflicting transaction finish first, after a number of attempts."""
    if fault in {Fault.RETRY, Fault.LOCKED}:
        longest = PAUSE_SECONDS * 2 ** min(attempt, ATTEMPTS)
        await asyncio.sleep(random.uniform(longest / 2, longest))
