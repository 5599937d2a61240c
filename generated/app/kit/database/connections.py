"""Connections to PostgreSQL: their creation, their deadlines, and their health checks.

The timeouts of the server have no effect if the server or the network hangs. The deadlines do.
"""

import logging
import select
import time
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any, Literal

from .sessions import PID, SessionSettings, Statement, check_options, check_session
from .urls import effective_parameters

Preparing = Literal["auto", "true", "false"]
CONNECT_SECONDS = 3
GRACE_SECONDS = 2.0
"""How much longer than the server's statement timeout the client waits."""
IDLE_SECONDS = 2.0
"""A connection that was idle for longer is tested before use."""
ANSWER_SECONDS = 1.0
"""The time for that test."""
MAX_MESSAGES = 10
"""Most packets, such as notices, that a server may have sent to an idle connection."""
_PARAMETERS = {
    "connect_timeout": str(CONNECT_SECONDS),
    "keepalives_idle": "10",
    "keepalives_interval": "5",
    "keepalives_count": "3",
    "tcp_user_timeout": "20000",
}
"""Defaults of libpq parameters, if neither the URL nor the environment sets them."""

_log = logging.getLogger(__name__)


class TimedOutError(Exception):
    """The server did not respond in time. The connection is closed."""

    sqlstate = "57014"

    def __init__(self) -> None:
        super().__init__("the server did not respond in time")


class _TimedWait:
    """Replaces the method `wait` of a psycopg connection, to close it at a deadline."""

    __slots__ = ("_wait", "connection")

    def __init__(self, connection: Any) -> None:
        self.connection = connection
        self._wait: Callable[..., Any] = connection.wait
        connection.wait = self

    def _close_if_late(self, error: Exception, ends: float) -> None:
        """Close the connection and raise TimedOutError if an error means that time is over."""
        if time.monotonic() >= ends and getattr(error, "sqlstate", "") is None:
            self.connection.pgconn.finish()
            raise TimedOutError from None


class PoolWait(_TimedWait):
    """Replaces `wait` of a pooled connection: its statements raise TimedOutError at `ends`."""

    __slots__ = ("_poll", "ends", "used")

    def __init__(self, connection: Any) -> None:
        super().__init__(connection)
        poller = select.poll()
        poller.register(connection.fileno(), select.POLLIN)
        self._poll = poller.poll
        self.used = time.monotonic()
        """When the connection was last used, on the monotonic clock."""
        self.ends = self.used + CONNECT_SECONDS
        """The deadline of the current request, on the monotonic clock."""

    async def __call__(self, generator: Any, **options: Any) -> Any:
        """Wait as psycopg does, until the deadline."""
        left = self.ends - time.monotonic()
        try:
            return await self._wait(generator, **{"timeout": max(left, 0.0), **options})
        except Exception as error:
            self._close_if_late(error, self.ends)
            raise

    async def is_good(self, doubted: float) -> bool:
        """Return whether the connection works; if it was idle for long, test it.

        False without a test if it was last used before `doubted`, when another was found dead.
        """
        try:
            for _ in range(MAX_MESSAGES):
                if not self._poll(0):
                    break
                self.connection.pgconn.consume_input()  # raises if the connection is closed
            else:
                return False
            idle = time.monotonic() - self.used
            if idle > IDLE_SECONDS:
                if self.used <= doubted:
                    return False
                self.ends = time.monotonic() + ANSWER_SECONDS
                await self.connection.execute("SELECT 1")
        except Exception:
            return False
        return True


class SessionWait(_TimedWait):
    """The method `wait` of a connection for SQLAlchemy. Each call lasts at most `seconds`."""

    __slots__ = ("seconds",)

    def __init__(self, connection: Any, seconds: float) -> None:
        super().__init__(connection)
        self.seconds: float | None = seconds
        """None: no limit, for example to create an index on a large table."""

    def __call__(self, generator: Any, **options: Any) -> Any:
        """Wait as psycopg does, but raise TimedOutError after some seconds."""
        if self.seconds is None:
            return self._wait(generator, **options)
        ends = time.monotonic() + self.seconds
        try:
            return self._wait(generator, **{"timeout": self.seconds, **options})
        except Exception as error:
            self._close_if_late(error, ends)
            raise


class AsyncSessionWait(_TimedWait):
    """The method `wait` of a connection for async sessions. Each call lasts at most `seconds`."""

    __slots__ = ("_seconds",)

    def __init__(self, connection: Any, seconds: float) -> None:
        super().__init__(connection)
        self._seconds = seconds

    async def __call__(self, generator: Any, **options: Any) -> Any:
        """Wait as psycopg does, but raise TimedOutError after some seconds."""
        ends = time.monotonic() + self._seconds
        try:
            return await self._wait(generator, **{"timeout": self._seconds, **options})
        except Exception as error:
            self._close_if_late(error, ends)
            raise


class Connector:
    """Creates connections. The pool uses it as the connection class.

    `preparing` says whether statements are prepared. `auto` means unless there is a pooler.
    """

    def __init__(
        self, parameters: Mapping[str, str], settings: SessionSettings, preparing: Preparing
    ) -> None:
        self._driver: Any = import_module("psycopg")
        named = effective_parameters(parameters)
        ours = {name: value for name, value in _PARAMETERS.items() if name not in named}
        self._parameters = {**ours, **parameters, "client_encoding": "UTF8"}
        self._options = named.get("options", "")
        self._settings = settings
        self._preparing = preparing
        self._has_warned = False
        self.refusal = ""
        """Why the last attempt to connect failed; empty if it succeeded."""

    async def connect(self, conninfo: str = "", **options: Any) -> Any:
        """Return a new connection for the pool. Raises an error of the driver, or StartupError."""
        del conninfo
        try:
            connection = await self._driver.AsyncConnection.connect(
                **{**self._parameters, **options}, autocommit=True
            )
            PoolWait(connection)
            try:
                statement = self._first_statement(await _fetch_row(connection, PID), connection)
                cursor = await connection.execute(*statement)
                self._check_pooled_session(await cursor.fetchall(), connection)
            except BaseException:
                await connection.close()
                raise
        except Exception as error:
            self.refusal = str(error).strip().splitlines()[0]
            raise
        self.refusal = ""
        return connection

    def connect_for_sessions(self) -> Any:
        """Return a new connection for SQLAlchemy. Raises a driver error or StartupError."""
        connection = self._driver.connect(
            **self._parameters, autocommit=True, prepare_threshold=None
        )
        SessionWait(connection, self._settings.statement_seconds + GRACE_SECONDS)
        try:
            statement = self._first_statement(connection.execute(PID).fetchone(), connection)
            self._check_pooled_session(connection.execute(*statement).fetchall(), connection)
            connection.autocommit = False
        except BaseException:
            connection.close()
            raise
        return connection

    async def connect_for_async_sessions(self) -> Any:
        """Return a new connection for async sessions. Raises a driver error or StartupError."""
        connection = await self._driver.AsyncConnection.connect(
            **self._parameters, autocommit=True, prepare_threshold=None
        )
        AsyncSessionWait(connection, self._settings.statement_seconds + GRACE_SECONDS)
        try:
            statement = self._first_statement(await _fetch_row(connection, PID), connection)
            cursor = await connection.execute(*statement)
            self._check_pooled_session(await cursor.fetchall(), connection)
            await connection.set_autocommit(False)
        except BaseException:
            await connection.close()
            raise
        return connection

    def stop_preparing(self) -> None:
        """Prepare no more statements on new connections, if `preparing` is `auto`."""
        if self._preparing == "auto":
            _log.warning(
                "a prepared statement was lost, as behind a pooler:"
                " statements are no longer prepared"
            )
            self._preparing = "false"

    def _first_statement(self, row: tuple[int], connection: Any) -> Statement:
        """Return the statement that sets the session settings; behind a pooler, that reads them.

        A pooler is recognized by its process id, which is not that of the server.
        """
        connection.is_pooled = row[0] != connection.info.backend_pid
        if self._preparing == "false" or (self._preparing == "auto" and connection.is_pooled):
            connection.prepare_threshold = None
        return self._settings.check_statement if connection.is_pooled else self._settings.statement

    def _check_pooled_session(self, found: list[Any], connection: Any) -> None:
        """Behind a pooler, raise StartupError for a harmful session; log missing timeouts."""
        if not connection.is_pooled:
            return
        check_options(self._options)
        check_session(found)
        missing = self._settings.missing_timeouts(found)
        if missing and not self._has_warned:
            self._has_warned = True
            _log.warning(
                "PostgreSQL is behind a pooler, and %s not set\n  %s",
                f"{' and '.join(missing)} {'is' if len(missing) == 1 else 'are'}",
                self._settings.alter_role(connection.info.user, missing),
            )


async def _fetch_row(connection: Any, statement: str) -> Any:
    return await (await connection.execute(statement)).fetchone()
