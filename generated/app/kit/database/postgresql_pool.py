"""The connections to PostgreSQL that requests share, with health checks and deadlines."""

import asyncio
import logging
import time
from contextvars import Context
from typing import Any

from ..errors import Condition, Unavailable
from .connections import Connector

RECONNECT_SECONDS = 2.0
"""How long the pool tries to reconnect by itself. Its pauses grow, so with a longer time it would
notice late that the database is back. Afterwards, each request makes the pool try again."""
_pool_log = logging.getLogger("psycopg.pool")
"""The pool logs each attempt to connect. `State` logs the changes alone."""


class ConnectionPool:
    """At most `connections` connections, each used by one request at a time.

    `lock_seconds` is the time to wait for one. Raises ImportError without psycopg's pool.
    """

    def __init__(self, connector: Connector, *, connections: int, lock_seconds: float) -> None:
        import psycopg_pool

        self._connector = connector
        self._connections = connections
        self._lock_seconds = lock_seconds
        if _pool_log.level == logging.NOTSET:
            _pool_log.setLevel(logging.ERROR)
        driver: Any = psycopg_pool
        self._pool = driver.AsyncConnectionPool(
            connection_class=connector,
            min_size=min(2, connections),
            max_size=connections,
            timeout=lock_seconds,
            reconnect_timeout=RECONNECT_SECONDS,
            open=False,
        )
        self._timeout, self._closed = psycopg_pool.PoolTimeout, psycopg_pool.PoolClosed
        self._used = 0
        self.waiting = 0
        """How many requests wait for a connection."""
        self._doubted = 0.0
        """When a connection was last found dead. Others that were idle then may be dead too."""
        self.answered = time.monotonic()
        """When the server last responded, even with an error."""
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def is_exhausted(self) -> bool:
        """Whether all connections are used."""
        return self._used >= self._connections

    def usage(self) -> dict[str, int]:
        """Return the numbers of connections, and of requests that wait for one."""
        found = self._pool.get_stats()
        size, idle = found.get("pool_size", 0), found.get("pool_available", 0)
        waiting = found.get("requests_waiting", 0)
        return {"max": self._connections, "used": size - idle, "idle": idle, "waiting": waiting}

    async def open(self) -> None:
        """Connect in the background."""
        await self._pool.open()

    async def close(self) -> None:
        """Disconnect. Connections in use are closed when they are given back."""
        if self._tasks:
            await asyncio.wait(self._tasks)
        await self._pool.close()

    async def acquire(self, ends: float, wait_ends: float | None = None) -> Any:
        """Return a working connection, whose statements end at the deadline `ends`.

        Raises Unavailable if there is none at `wait_ends`; default: after `lock_seconds`.
        """
        if wait_ends is None:
            wait_ends = time.monotonic() + self._lock_seconds
        wait_ends = min(wait_ends, ends)
        while True:
            self.waiting += 1
            try:
                connection = await self._take_connection(wait_ends)
            except self._closed:
                raise Unavailable(Condition.CLOSED) from None
            except self._timeout:
                raise self._unavailable() from None
            finally:
                self.waiting -= 1
            self._used += 1
            is_good = False
            try:
                is_good = await connection.wait.is_good(self._doubted)
            finally:  # also if the request is cancelled
                if not is_good:
                    await self.discard(connection)
            if is_good:
                connection.wait.ends = ends
                return connection
            if time.monotonic() >= connection.wait.ends:  # the test timed out
                self._doubted = time.monotonic()

    def _unavailable(self) -> Unavailable:
        refusal = self._connector.refusal
        if not refusal and time.monotonic() - self.answered > self._lock_seconds:
            refusal = "the server does not respond"
        if refusal:
            return Unavailable(Condition.DOWN, refusal)
        return Unavailable(Condition.BUSY, "timeout while waiting for a connection")

    async def give_back(self, connection: Any) -> None:
        """Let other requests use a connection, or replace it if it is closed."""
        connection.wait.used = time.monotonic()
        self._used -= 1
        await self._return_connection(connection)

    async def discard(self, connection: Any) -> None:
        """Close a connection and replace it."""
        try:
            await connection.close()
        finally:
            self._used -= 1
            await self._return_connection(connection)

    async def _take_connection(self, ends: float) -> Any:
        """Return a connection. Raises PoolTimeout at the time `ends`, or PoolClosed."""
        return await self._pool.getconn(max(ends - time.monotonic(), 0.001))

    async def _return_connection(self, connection: Any) -> None:
        """Let others take a connection, or replace it if it is closed."""
        # psycopg's pool loses a connection if this is cancelled.
        await asyncio.shield(self._begin_return(connection))

    def _begin_return(self, connection: Any) -> asyncio.Task[None]:
        """Start a task that returns a connection to psycopg's pool."""
        work = self._return_to_driver(connection)
        task = asyncio.get_running_loop().create_task(work, context=Context())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _return_to_driver(self, connection: Any) -> None:
        await self._pool.putconn(connection)
