"""Prepared statements on a PostgreSQL connection, executed by libpq without a cursor of psycopg.

A statement that the connection has not prepared yet is left to psycopg, which prepares it.
"""

import asyncio
import contextlib
import time
from contextvars import Context
from importlib import import_module
from typing import Any

from ..database.connections import TimedOutError
from ..database.transaction import Row
from .driver_queries import queries_of

_psycopg: Any = import_module("psycopg")  # an import statement would need it for type checks
_execute: Any = import_module("psycopg.generators").execute
_PREPARED: Any = import_module("psycopg._preparing").Prepare.YES
_FAILED, _ROWS = _psycopg.pq.ExecStatus.FATAL_ERROR, _psycopg.pq.ExecStatus.TUPLES_OK
CANCEL_SECONDS = 2.0


class SentStatement:
    """A statement that was sent, whose result has not been received."""

    __slots__ = ("_connection", "_future", "_results", "_server", "_socket", "_transformer")

    def __init__(self, connection: Any, transformer: Any) -> None:
        self._connection = connection
        self._server = connection.pgconn
        self._transformer = transformer
        self._results: list[Any] = []

    async def rows(self) -> list[Row]:
        """Return the rows as loaded by the driver.

        Raises the driver's error, or TimedOutError at the deadline of the connection.
        """
        if self._server.flush():  # the statement does not fit in the buffer of the socket
            self._results = await self._connection.wait(_execute(self._server))
        else:
            await self._receive_all()
        failed = next((one for one in self._results if one.status == _FAILED), None)
        if failed is not None:
            raise _psycopg.errors.error_from_result(failed, encoding="utf-8")
        result = self._results[0] if self._results else None
        if result is None or result.status != _ROWS:
            raise _psycopg.ProgrammingError("the statement returned no rows")
        self._transformer.set_pgresult(result)
        rows: list[Row] = self._transformer.load_rows(0, result.ntuples, tuple)
        return rows

    async def _receive_all(self) -> None:
        loop = asyncio.get_running_loop()
        self._future = loop.create_future()
        left = self._connection.wait.ends - time.monotonic()
        timer = loop.call_later(max(left, 0.0), self._time_out, context=Context())
        self._socket = self._server.socket
        loop.add_reader(self._socket, self._receive)
        try:
            await self._future
        except asyncio.CancelledError:
            if not self._future.done() or self._future.cancelled():
                self._stop_receiving()
                with contextlib.suppress(Exception):
                    await self._connection.cancel_safe(timeout=CANCEL_SECONDS)
                self._server.finish()
            raise
        finally:
            timer.cancel()

    def _receive(self) -> None:
        """Take the results that have arrived; after the last one, end `_receive_all`."""
        server = self._server
        try:
            server.consume_input()
            while not server.is_busy():
                result = server.get_result()
                if result is None:
                    self._end()
                    return
                self._results.append(result)
        except _psycopg.Error as error:
            # The server may have sent the reason before it disconnected.
            self._end(None if any(one.status == _FAILED for one in self._results) else error)

    def _time_out(self) -> None:
        if not self._future.done():
            self._receive()  # what arrived while the event loop was busy
        if not self._future.done():
            self._end(TimedOutError())
            self._server.finish()

    def _end(self, error: Exception | None = None) -> None:
        self._stop_receiving()
        if self._future.done():
            return
        if error is None:
            self._future.set_result(None)
        else:
            self._future.set_exception(error)

    def _stop_receiving(self) -> None:
        """Stop at once: the number of a closed socket may be used again."""
        if self._socket >= 0:
            asyncio.get_running_loop().remove_reader(self._socket)
            self._socket = -1


def send(connection: Any, sql: str, bound: dict[str, Any]) -> SentStatement | None:
    """Send a statement; return None if the connection has to prepare it first.

    Raises the driver's error if it cannot be sent.
    """
    statements = connection._prepared
    if statements._to_flush:
        return None
    transformer, query = queries_of(connection).transformer_and_query(sql, bound)
    prepared, name = statements.get(query, True)
    if prepared is not _PREPARED:
        return None
    statements.maybe_add_to_cache(query, prepared, name)
    connection.pgconn.send_query_prepared(name, query.params, param_formats=query.formats)
    return SentStatement(connection, transformer)
