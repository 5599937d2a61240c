"""A pool that passes a connection to PostgreSQL on to the next request without psycopg's pool.

psycopg's pool creates, replaces and limits the connections. One that is given back is kept for a
short time, or passed to the request that has waited longest.
"""

import asyncio
import time
from collections import deque
from contextvars import Context
from importlib import import_module
from typing import Any

from ..database.postgresql_pool import ConnectionPool

KEPT_SECONDS = 0.5
"""How long an unused connection is kept, at least; at most twice as long."""
_psycopg: Any = import_module("psycopg")  # an import statement would need it for type checks
_IDLE = _psycopg.pq.TransactionStatus.IDLE
_NO_PIPELINE = _psycopg.pq.PipelineStatus.OFF


class KeptConnections(ConnectionPool):
    """A ConnectionPool that keeps connections."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._kept: list[Any] = []
        """Connections that no request uses; the last one was used last."""
        self._taken = 0
        """How many connections are taken from psycopg's pool, or requested from it."""
        self._requested = 0
        self._waiters = deque[asyncio.Future[Any]]()
        """Of the requests that wait because all connections are taken. A result is a connection;
        None lets the request take one from psycopg's pool."""
        self._timer: asyncio.TimerHandle | None = None
        self._is_closed = False

    def usage(self) -> dict[str, int]:
        """Return the numbers of connections, and of requests that wait for one."""
        found, kept = super().usage(), len(self._kept)
        waiting = sum(not one.done() for one in self._waiters)
        return {
            "max": found["max"],
            "used": found["used"] - kept,
            "idle": found["idle"] + kept,
            "waiting": found["waiting"] + waiting,
        }

    async def close(self) -> None:
        """Disconnect. Connections in use are closed when they are given back."""
        self._is_closed = True
        if self._timer is not None:
            self._timer.cancel()
        while self._waiters:
            waiter = self._waiters.popleft()
            if not waiter.done():
                waiter.set_exception(self._closed())
        while self._kept:
            await self._return_connection(self._kept.pop())
        await super().close()

    async def _take_connection(self, ends: float) -> Any:
        if self._kept:
            return self._kept.pop()
        if self._is_closed:
            raise self._closed
        if self._taken < self._connections:
            self._taken += 1
        elif (connection := await self._wait_for_connection(ends)) is not None:
            return connection
        self._requested += 1
        try:
            return await super()._take_connection(ends)
        except BaseException:
            self._let_next_waiter_connect()
            raise
        finally:
            self._requested -= 1

    async def _wait_for_connection(self, ends: float) -> Any:
        """Wait for a connection, or for None: then one may be taken from psycopg's pool."""
        loop = asyncio.get_running_loop()
        waiter = loop.create_future()
        timer = loop.call_later(
            ends - time.monotonic(), self._time_out_waiter, waiter, context=Context()
        )
        self._waiters.append(waiter)
        try:
            return await waiter
        except asyncio.CancelledError:
            if waiter.done() and not waiter.cancelled() and waiter.exception() is None:
                connection = waiter.result()
                if connection is None:
                    self._let_next_waiter_connect()
                else:
                    await self._return_connection(connection)
            raise
        finally:
            timer.cancel()

    def _time_out_waiter(self, waiter: asyncio.Future[Any]) -> None:
        if not waiter.done():
            waiter.set_exception(self._timeout())

    async def _return_connection(self, connection: Any) -> None:
        # A request that waits in psycopg's pool gets the connection there.
        if self._requested or not self._is_reusable(connection):
            await super()._return_connection(connection)
        elif (waiter := self._next_waiter()) is not None:
            waiter.set_result(connection)
        else:
            self._kept.append(connection)
            self._start_timer()

    def _is_reusable(self, connection: Any) -> bool:
        server = connection.pgconn
        return (
            not self._is_closed
            and server.transaction_status == _IDLE
            and server.pipeline_status == _NO_PIPELINE
            and connection._expire_at > time.monotonic()
        )

    async def _return_to_driver(self, connection: Any) -> None:
        try:
            await super()._return_to_driver(connection)
        finally:
            self._let_next_waiter_connect()

    def _let_next_waiter_connect(self) -> None:
        """Let the next request take a connection from psycopg's pool."""
        waiter = self._next_waiter()
        if waiter is None:
            self._taken -= 1
        else:
            waiter.set_result(None)

    def _next_waiter(self) -> asyncio.Future[Any] | None:
        while self._waiters:
            waiter = self._waiters.popleft()
            if not waiter.done():
                return waiter
        return None

    def _start_timer(self) -> None:
        if self._timer is None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(KEPT_SECONDS, self._return_unused, context=Context())

    def _return_unused(self) -> None:
        """Return the connections to psycopg's pool that were not used for some time."""
        self._timer = None
        latest = time.monotonic() - KEPT_SECONDS
        unused = [one for one in self._kept if one.wait.used <= latest]
        self._kept = [one for one in self._kept if one.wait.used > latest]
        for connection in unused:
            self._begin_return(connection)
        if self._kept:
            self._start_timer()
