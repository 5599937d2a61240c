"""PostgreSQL: a pool of asynchronous connections, and statements that do not run forever."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

from sqlalchemy import URL, Dialect, NullPool, create_engine
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg

from ..errors import StartupError, Unavailable
from .backend import Change, Row, Step
from .faults import Fault, classify
from .returning import keys_to_read, row_as_it_is
from .statements import Prepared, Values

CONNECT_SECONDS = 3
RECONNECT_SECONDS = 2.0
"""How long the pool tries by itself; then each request makes it try again. It would wait longer
and longer, so that a database that is back would not be noticed for minutes."""
ATTEMPTS = 3
Result = TypeVar("Result")


class Postgresql:
    """A statement is a transaction of its own: one round trip."""

    def __init__(
        self, url: URL, *, connections: int, lock_seconds: float, statement_seconds: float
    ) -> None:
        try:
            import psycopg_pool
        except ImportError:
            raise StartupError(
                "database: PostgreSQL needs the driver psycopg\n"
                "  pip install 'psycopg[binary,pool]'"
            ) from None
        settings = {
            "statement_timeout": int(statement_seconds * 1000),
            "lock_timeout": int(lock_seconds * 1000),
            "idle_in_transaction_session_timeout": int(statement_seconds * 2000),
            "timezone": "UTC",
        }
        options = " ".join(f"-c {name}={value}" for name, value in settings.items())
        arguments: dict[str, Any] = {"connect_timeout": CONNECT_SECONDS, "options": options}
        self.dialect: Dialect = PGDialect_psycopg()  # type: ignore[no-untyped-call]
        self.engine = create_engine(
            url.set(drivername="postgresql+psycopg"), connect_args=arguments, poolclass=NullPool
        )
        self._pool = psycopg_pool.AsyncConnectionPool(
            url.set(drivername="postgresql").render_as_string(hide_password=False),
            kwargs={**arguments, "autocommit": True},
            min_size=min(2, connections),
            max_size=connections,
            timeout=lock_seconds,
            reconnect_timeout=RECONNECT_SECONDS,
            open=False,
        )
        self._lost = (psycopg_pool.PoolTimeout, psycopg_pool.PoolClosed)

    async def open(self) -> None:
        """Start to connect."""
        await self._pool.open()

    async def close(self) -> None:
        """Disconnect when the statements that run have ended."""
        await self._pool.close()

    async def read(self, prepared: Prepared, values: Values, *, short: bool) -> Sequence[Row]:
        """Run a SELECT; again if the connection turns out to be broken."""
        del short
        return await self._run(
            prepared, values, again={Fault.RETRY, Fault.STALE, Fault.DISCONNECTED}
        )

    async def write(
        self, prepared: Prepared, values: Values, read_back: Prepared | None = None
    ) -> Sequence[Row]:
        """Run one statement; again if a concurrent transaction was in the way.

        It is alone unless triggers or rules may change its row, as far as is known.
        """
        if read_back is None or prepared.returns_as_it_is:
            rows = await self._run(prepared, values, again={Fault.RETRY, Fault.STALE})
            if read_back is None:
                return rows
            prepared.returns_as_it_is = not any(row[-1] for row in rows)
            rows = [row[:-1] for row in rows]
            if rows and prepared.returns_as_it_is:
                return rows
            for key in keys_to_read(prepared, rows, values):
                read = await self.read(read_back, {"key__": key}, short=True)
                if rows:
                    return row_as_it_is(prepared, key, rows, read)
                if read:
                    break  # a trigger has kept the statement from the row
            else:
                return []
        step = Step(Change(prepared.statement, values), prepared, read_back)
        return (await self.write_all([step]))[0]

    async def write_all(self, steps: Sequence[Step]) -> list[Sequence[Row]]:
        """Run statements in a transaction; again if a concurrent one was in the way."""

        async def several(connection: Any) -> list[Sequence[Row]]:
            async with connection.transaction():
                return await _Several(connection).run(steps)

        return await self._repeat(several, again={Fault.RETRY, Fault.STALE})

    async def _run(self, prepared: Prepared, values: Values, again: set[Fault]) -> Sequence[Row]:
        bound = prepared.values(values)

        async def single(connection: Any) -> Sequence[Row]:
            return prepared.rows(await _execute(connection, prepared, bound))

        return await self._repeat(single, again)

    async def _repeat(self, work: Callable[[Any], Awaitable[Result]], again: set[Fault]) -> Result:
        for attempt in range(1, ATTEMPTS + 1):
            try:
                async with self._pool.connection() as connection:
                    try:
                        return await work(connection)
                    except Exception as error:
                        if classify(error) is Fault.STALE:
                            await connection.close()
                        raise
            except self._lost:
                raise Unavailable from None
            except Exception as error:
                if attempt == ATTEMPTS or classify(error) not in again:
                    raise
        raise Unavailable


class _Several:
    """Statements of one transaction, and what they have found."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self._stale = False
        """Whether a row may have been changed after it was returned."""
        self._done: list[tuple[Step, list[Row], dict[str, Any]]] = []
        self._found: list[Sequence[Row]] = []

    async def run(self, steps: Sequence[Step]) -> list[Sequence[Row]]:
        for step in steps:
            if step.change.derive is not None:
                await self._refresh()
            bound = step.bound(self._found)
            rows = returned = await self._execute(step, bound)
            if step.read_back is not None:
                has_effects = any(row[-1] for row in returned)
                step.prepared.returns_as_it_is = not has_effects
                rows = returned = [row[:-1] for row in returned]
                if has_effects or not returned:
                    rows = await self._read_back(step, returned, bound)
                    self._stale = self._stale or has_effects or bool(rows)
            self._done.append((step, returned, bound))
            self._found.append(step.rows(rows))
        await self._refresh()
        return self._found

    async def _execute(self, step: Step, bound: dict[str, Any]) -> list[Row]:
        try:
            return await _execute(self._connection, step.prepared, bound)
        except Exception as error:
            answer = step.explained(error)
            if answer is error:
                raise
            raise answer from error

    async def _refresh(self) -> None:
        """Read the rows again that were written: a later statement may have changed one."""
        if not self._stale:
            return
        self._stale = False
        await self._connection.execute("SET CONSTRAINTS ALL IMMEDIATE")  # triggers that wait
        for index, (step, returned, bound) in enumerate(self._done):
            if step.read_back is not None:
                rows = await self._read_back(step, returned, bound)
                self._found[index] = step.prepared.rows(rows)

    async def _read_back(self, step: Step, returned: list[Row], bound: dict[str, Any]) -> list[Row]:
        assert step.read_back is not None
        rows: list[Row] = []
        for key in keys_to_read(step.prepared, returned, bound):
            read = await _execute(self._connection, step.read_back, {"key__": key})
            rows += row_as_it_is(step.prepared, key, returned, read)
        return rows


async def _execute(connection: Any, prepared: Prepared, bound: dict[str, Any]) -> list[Row]:
    cursor = await connection.execute(prepared.sql, bound, prepare=True)
    rows: list[Row] = await cursor.fetchall()
    return rows
