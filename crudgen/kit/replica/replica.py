"""The connections to a replica, and which of its rows may answer a read."""

import asyncio
import contextlib
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

from sqlalchemy import BigInteger, String, literal_column, select

from ..database import Database
from ..database.connections import CONNECT_SECONDS, Preparing, TimedOutError
from ..database.faults import reason_of
from ..database.postgresql import Postgresql
from ..database.postgresql_statements import run_one
from ..database.statements import Prepared, Values
from ..database.transaction import Row
from ..errors import Condition, StartupError, Unavailable
from .conditions import ReplicaConditions
from .positions import POSITION_SQL, SERVER_SQL, PositionHistory, make_token

CHECK_SECONDS = 1.0
"""How often the position of each connection is read, and that of the primary."""
MAX_POOL_SECONDS = 1.0
"""Longest wait for a connection or a lock. Then the primary answers."""
FIRST_PAUSE, LONGEST_PAUSE = 0.001, 0.01
"""The pauses while a read waits until the replica has replayed a write."""
_NO_RESPONSE = (TimedOutError, TimeoutError)
_STATEMENT_TIMEOUT = "57014"
_SERVER_STATE = f"SELECT {POSITION_SQL}, pg_is_in_recovery(), {SERVER_SQL}"
_POSITION = select(literal_column(POSITION_SQL, BigInteger).label("position"))
_SAMPLE = _POSITION.add_columns(literal_column(SERVER_SQL, String).label("server"))
_IDENTITY = {
    "database": "current_database()",
    "schema": "current_schema()",
    "cluster": "(SELECT system_identifier FROM pg_control_system())",
}
"""What a replica has in common with its primary."""


class NotServedError(Exception):
    """The server of a connection may not answer a read: `reason` is empty if that is usual."""

    def __init__(self, condition: str, reason: str = "") -> None:
        super().__init__(reason)
        self.condition, self.reason = condition, reason


@dataclass(slots=True)
class _ServerState:
    """What was last found on a connection. What a server has replayed only grows."""

    checked: float
    replayed: int
    refusal: NotServedError | None = None


class Replica:
    """One or more standbys of the database of an application, behind one URL.

    A read with the position of a write waits up to `wait_seconds` until the standby has replayed
    it. A standby that lags more than `lag_seconds` answers nothing.
    """

    def __init__(
        self,
        url: str,
        primary: Database,
        *,
        connections: int,
        statement_seconds: float,
        lock_seconds: float,
        preparing: Preparing,
        wait_seconds: float,
        lag_seconds: float,
    ) -> None:
        self._primary = primary
        self._server = Postgresql(
            url,
            connections=connections,
            lock_seconds=min(lock_seconds, MAX_POOL_SECONDS),
            statement_seconds=statement_seconds,
            preparing=preparing,
            read_only=True,
        )
        self._wait_seconds, self._lag_seconds = wait_seconds, lag_seconds
        self._history = PositionHistory()
        self._primary_server = ""
        self._is_checked, self._mismatch = False, ""
        self._seen: WeakKeyDictionary[Any, _ServerState] = WeakKeyDictionary()
        self._watching: asyncio.Task[None] | None = None
        self._lock = asyncio.Lock()
        self._token: str | None = None
        self._asked = self._answered = 0
        """How many writes have asked for a token, and how many of them `_token` is for."""
        self.conditions = ReplicaConditions(self._server.where)
        self.run_one = run_one
        """Runs a SELECT on a connection. Tracing replaces it."""

    @property
    def where(self) -> str:
        """The URL for messages, without a password."""
        return self._server.where

    async def open(self) -> None:
        """Connect. A replica that is down is tried again in the background.

        Raises StartupError if it is no replica of the database.
        """
        await self._server.open()
        await self._record_primary_position()
        ends = time.monotonic() + CONNECT_SECONDS
        while True:
            found = await self._probe_replica()
            if found is not Condition.BUSY or time.monotonic() > ends:
                break
        if found is None:
            await self._check_identity()
            if self._mismatch:
                raise StartupError(
                    f"replica {self.where}: {self._mismatch}\n"
                    "  set DATABASE_READ_URL to a streaming replica of DATABASE_URL"
                )
        elif found is Condition.BUSY:
            self.conditions.begin("down", "timeout while connecting")
        self._watching = asyncio.create_task(self._watch())

    async def close(self) -> None:
        """Disconnect."""
        if self._watching is not None:
            self._watching.cancel()
            await asyncio.gather(self._watching, return_exceptions=True)
        await self._server.close()

    async def token(self) -> str | None:
        """Return the token of all writes until now; None if the primary does not respond.

        One read of the position is for all writes that were committed before it began.
        """
        self._asked += 1
        number = self._asked
        async with self._lock:
            if self._answered < number:
                answered = self._asked
                self._token = await self._token_of_primary()
                self._answered = answered
            return self._token

    async def _token_of_primary(self) -> str | None:
        try:
            ((position,),) = await self._primary.read(_POSITION, {}, short=True)
        except Exception:  # the primary's state logs it
            return None
        return make_token(position, self._primary.secret)

    async def read(self, prepared: Prepared, values: Values, after: int) -> Sequence[Row] | None:
        """Return the rows of a SELECT; None if the primary must answer.

        The rows contain all writes until the position `after`.
        """
        if self.conditions.is_down:
            return None
        bound = prepared.values(values)

        async def work(connection: Any) -> list[Row]:
            if connection.is_pooled:  # the pooler may change the server after each transaction
                async with connection.transaction():
                    await self._wait_until_replayed(connection, after)
                    return await self.run_one(connection, prepared, bound)
            await self._wait_until_replayed(connection, after)
            return await self.run_one(connection, prepared, bound)

        try:
            return prepared.rows(await self._server.run(work))
        except NotServedError as refused:
            if refused.reason:
                self.conditions.begin(refused.condition, refused.reason)
        except Exception as error:
            if _is_statement_timeout(error):
                raise
            self._record_failure(error)
        return None

    async def snapshot_backend(self) -> Postgresql | None:
        """Return the backend that reads a snapshot of the replica; None if it may not answer."""
        if self.conditions.names:
            return None
        try:
            seen = await self._server.run(self._read_server_state)
        except Exception as error:
            self._record_failure(error)
            return None
        return self._server if seen.refusal is None else None

    def _record_failure(self, error: Exception) -> Condition | None:
        """Record why the replica did not answer; return the condition."""
        if isinstance(error, Unavailable):
            if error.condition is Condition.DOWN:
                self.conditions.begin("down", reason_of(error))
            return error.condition
        if isinstance(error, _NO_RESPONSE):
            self.conditions.begin("down", reason_of(error) or "the server does not respond")
            return Condition.DOWN
        self.conditions.log_failed_read(reason_of(error))
        return Condition.BROKEN

    async def _wait_until_replayed(self, connection: Any, after: int) -> None:
        """Wait until the server of a connection has replayed a position.

        Raises NotServedError if that takes too long, or if the server may not answer at all.
        """
        seen = self._seen.get(connection)
        now = time.monotonic()
        if seen is None or connection.is_pooled or now - seen.checked > CHECK_SECONDS:
            seen = await self._read_server_state(connection)
        if seen.refusal is not None:
            raise seen.refusal
        ends, pause = now + self._wait_seconds, FIRST_PAUSE
        while seen.replayed < after:
            if (
                time.monotonic() + pause > ends
                or self._history.lag(seen.replayed) > self._wait_seconds
            ):
                raise NotServedError("behind")
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)
            seen = await self._read_server_state(connection)

    async def _read_server_state(self, connection: Any) -> _ServerState:
        """Find out what the server of a connection has replayed, and whether it may answer."""
        cursor = await connection.execute(_SERVER_STATE)
        replayed, is_standby, server = await cursor.fetchone()
        seen = _ServerState(time.monotonic(), replayed or 0)
        lag = self._history.lag(seen.replayed)
        if self._mismatch:
            seen.refusal = NotServedError("wrong", self._mismatch)
        elif not is_standby and self._primary_server and server != self._primary_server:
            seen.refusal = NotServedError("promoted", "it is no standby: it may lack writes")
        elif is_standby and lag > self._lag_seconds:
            found = f"it is {lag:.0f} s behind, more than MAX_READ_LAG_SECONDS"
            seen.refusal = NotServedError("behind", found)
        self._seen[connection] = seen
        return seen

    async def _watch(self) -> None:
        """Read the positions of both servers again and again."""
        while True:
            await asyncio.sleep(CHECK_SECONDS)
            _, obstacle = await asyncio.gather(
                self._record_primary_position(), self._probe_replica()
            )
            if obstacle is None and not self._is_checked:
                await self._check_identity()

    async def _record_primary_position(self) -> None:
        """Record the position of the primary. While it is down, nothing new is committed."""
        with contextlib.suppress(Exception):  # the primary's state logs it
            async with asyncio.timeout(CHECK_SECONDS):
                ((position, self._primary_server),) = await self._primary.read(_SAMPLE, {})
                self._history.add(position)

    async def _probe_replica(self) -> Condition | None:
        """Connect to the replica; return the condition that prevents reads, or None."""
        try:
            async with asyncio.timeout(CHECK_SECONDS):
                seen = await self._server.run(self._read_server_state)
        except Exception as error:
            return self._record_failure(error)
        if seen.refusal is None:
            self.conditions.end()
        else:
            self.conditions.begin(seen.refusal.condition, seen.refusal.reason)
            self.conditions.end("down")
        return None

    async def _check_identity(self) -> None:
        """Find out whether the replica has the tables of the primary, once both respond."""
        if self._primary.state.phase is not None:
            return
        for what, expression in _IDENTITY.items():
            text = literal_column(f"({expression})::text", String).label("found")
            prepared = self._primary.compile(select(text))
            try:
                ((own,),) = await self._primary.read(prepared, {}, short=True)
                ((other,),) = await self._server.read(prepared, {}, short=True)
            except Exception:  # tried again: a server has just stopped
                return
            if own != other:
                self._mismatch = f"its {what} is {other}, but that of the primary is {own}"
        self._is_checked = True


def _is_statement_timeout(error: Exception) -> bool:
    """Return whether the server ended the statement: the primary would not be faster."""
    is_timeout = getattr(error, "sqlstate", None) == _STATEMENT_TIMEOUT
    return is_timeout and not isinstance(error, TimedOutError)
