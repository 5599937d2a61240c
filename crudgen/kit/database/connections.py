"""Connections to PostgreSQL: how each is made, keeps a deadline, and is known to be good.

The server's own timeouts end nothing when it, or the network before it, does not answer any more.
"""

import logging
import select
import time
from collections.abc import Awaitable, Callable, Mapping
from importlib import import_module
from typing import Any, Literal

from .sessions import PID, SessionSettings, Statement, check_options, check_way_of_values
from .urls import effective_parameters

Preparing = Literal["auto", "true", "false"]
CONNECT_SECONDS = 3
GRACE_SECONDS = 2.0
"""How much longer than a statement may run its client waits for the answer."""
IDLE_SECONDS = 2.0
"""From when on an idle connection is asked whether the server still answers it."""
ANSWER_SECONDS = 1.0
"""How long the server has to answer that."""
MOST_MESSAGES = 10
"""How many packets a server may have sent to an idle connection, such as notices."""
_PARAMETERS = {
    "connect_timeout": str(CONNECT_SECONDS),
    "keepalives_idle": "10",
    "keepalives_interval": "5",
    "keepalives_count": "3",
    "tcp_user_timeout": "20000",
}
"""Parameters of libpq, where neither the URL nor the environment names them."""

_log = logging.getLogger(__name__)


class TimedOutError(Exception):
    """The server has not answered in time; the connection is closed."""

    sqlstate = "57014"

    def __init__(self) -> None:
        super().__init__("the server has not answered in time")


class Link:
    """Takes the place of a connection's `wait`: past its deadline, the connection is closed.

    Raises TimedOutError then.
    """

    __slots__ = ("_poll", "_wait", "connection", "ends", "used")

    def __init__(self, connection: Any) -> None:
        self.connection = connection
        self._wait: Callable[..., Awaitable[Any]] = connection.wait
        poller = select.poll()
        poller.register(connection.fileno(), select.POLLIN)
        self._poll = poller.poll
        self.used = time.monotonic()
        self.ends = self.used + CONNECT_SECONDS
        """When its user gives up, on the monotonic clock."""
        connection.wait = self

    async def __call__(self, generator: Any, **options: Any) -> Any:
        """Wait as psycopg does."""
        left = self.ends - time.monotonic()
        try:
            return await self._wait(generator, **{"timeout": max(left, 0.0), **options})
        except Exception as error:
            if time.monotonic() < self.ends or getattr(error, "sqlstate", "") is not None:
                raise
        self.connection.pgconn.finish()
        raise TimedOutError from None

    async def is_good(self, doubted: float) -> bool:
        """Tell whether the server still answers; not, if it was `doubted` since the last use."""
        try:
            for _ in range(MOST_MESSAGES):
                if not self._poll(0):
                    break
                self.connection.pgconn.consume_input()  # raises at the end of the connection
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


class Connector:
    """Makes connections; for the pool, it stands for their class.

    `preparing` says whether statements are prepared: `auto` is wherever there is no pooler.
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
        """Why the last connection could not be made; empty: it was made."""

    async def connect(self, conninfo: str = "", **options: Any) -> Any:
        """Make a connection of the pool. Raises the driver's error, or StartupError."""
        del conninfo
        try:
            connection = await self._driver.AsyncConnection.connect(
                **{**self._parameters, **options}, autocommit=True
            )
            Link(connection)
            try:
                statement = self._next(await _row(connection, PID), connection)
                cursor = await connection.execute(*statement)
                self._look_at(await cursor.fetchall(), connection)
            except BaseException:
                await connection.close()
                raise
        except Exception as error:
            self.refusal = str(error).strip().splitlines()[0]
            raise
        self.refusal = ""
        return connection

    def connect_for_sessions(self) -> Any:
        """Make a connection for SQLAlchemy. Raises the driver's error, or StartupError."""
        connection = self._driver.connect(
            **self._parameters, autocommit=True, prepare_threshold=None
        )
        SessionLink(connection, self._settings.statement_seconds + GRACE_SECONDS)
        try:
            statement = self._next(connection.execute(PID).fetchone(), connection)
            self._look_at(connection.execute(*statement).fetchall(), connection)
            connection.autocommit = False
        except BaseException:
            connection.close()
            raise
        return connection

    def stop_preparing(self) -> None:
        """Prepare nothing on connections that are made from now on."""
        if self._preparing == "auto":
            _log.warning("prepared statements got lost, as behind a pooler: none are used any more")
            self._preparing = "false"

    def _next(self, row: tuple[int], connection: Any) -> Statement:
        """Choose what a new connection is to run; a pooler gives other process numbers."""
        connection.is_pooled = row[0] != connection.info.backend_pid
        if self._preparing == "false" or (self._preparing == "auto" and connection.is_pooled):
            connection.prepare_threshold = None
        return self._settings.question if connection.is_pooled else self._settings.statement

    def _look_at(self, found: list[Any], connection: Any) -> None:
        if not connection.is_pooled:
            return
        check_options(self._options)
        check_way_of_values(found)
        missing = self._settings.missing_timeouts(found)
        if missing and not self._has_warned:
            self._has_warned = True
            _log.warning(
                "a pooler stands before PostgreSQL, and no %s is in force\n  %s",
                " or ".join(missing),
                self._settings.set_for(connection.info.user, missing),
            )


async def _row(connection: Any, statement: str) -> Any:
    return await (await connection.execute(statement)).fetchone()


class SessionLink:
    """Takes the place of `wait` for a connection of SQLAlchemy: each wait ends after `seconds`."""

    __slots__ = ("_connection", "_wait", "seconds")

    def __init__(self, connection: Any, seconds: float) -> None:
        self._connection = connection
        self._wait: Callable[..., Any] = connection.wait
        self.seconds: float | None = seconds
        """None: a wait may last, such as for an index on a large table."""
        connection.wait = self

    def __call__(self, generator: Any, **options: Any) -> Any:
        """Wait as psycopg does; raises TimedOutError when it is too long."""
        if self.seconds is None:
            return self._wait(generator, **options)
        ends = time.monotonic() + self.seconds
        try:
            return self._wait(generator, **{"timeout": self.seconds, **options})
        except Exception as error:
            if time.monotonic() < ends or getattr(error, "sqlstate", "") is not None:
                raise
        self._connection.pgconn.finish()
        raise TimedOutError from None
