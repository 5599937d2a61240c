"""Short reads on PostgreSQL that wait together share connections and round trips.

Each is still a transaction of its own, with its own result, error and deadline. If one takes long,
those behind it are repeated on another connection of the pool. If most take long, sharing is
no gain: each read gets its own connection for a second. A read that fails by a fault of the
connection is repeated on one of its own, as without this module. Behind a pooler, or without
prepared statements, nothing is shared. `DATABASE_SHARED_READS=false` turns it off.
"""

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import Callable, Coroutine, Sequence
from contextvars import Context
from typing import Any, Protocol

from ..database.codes import Fault
from ..database.connections import TimedOutError
from ..database.postgresql_pool import ConnectionPool
from ..database.statements import Prepared, Values
from ..database.transaction import Row
from ..errors import Condition, Unavailable
from .read_pipeline import Read, ReadPipeline, RepeatUnsharedError
from .read_times import LEAST_SECONDS, ReadTimes

MAX_PIPELINES = 3
"""Most connections that are shared at a time, apart from those that wait for a slow read."""
_RESOLUTION = 0.001
"""The least time of a timer, in seconds. uvloop starts none for a shorter time."""
IDLE_SECONDS = 0.5
"""How long a connection is kept for the next reads. The pool tests one that was idle for longer."""
CANCEL_SECONDS = 2.0


class UnsharedRead(Protocol):
    """Runs a read on a connection of its own."""

    def __call__(
        self, prepared: Prepared, values: Values, *, ends: float
    ) -> Coroutine[Any, Any, Sequence[Row]]:
        """Return the rows of a read; the deadline is `ends`."""
        ...


class SharedReads:
    """Reads that share connections of a pool.

    A read has to begin within `lock_seconds`, and to end within `seconds`.
    """

    def __init__(
        self,
        pool: ConnectionPool,
        read_unshared: UnsharedRead,
        *,
        stop_preparing: Callable[[], None],
        seconds: float,
        lock_seconds: float,
    ) -> None:
        self._pool = pool
        self._read_unshared = read_unshared
        self._stop_preparing = stop_preparing
        self._seconds = seconds
        self._lock_seconds = lock_seconds
        self._pipelines: list[ReadPipeline] = []
        self._waiting = deque[Read]()
        self._times = ReadTimes()
        self._timer: asyncio.TimerHandle | None = None
        self._connecting: asyncio.Task[None] | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._context = Context()
        """Tasks and timers are those of no request."""
        self._is_off = False

    async def read(self, prepared: Prepared, values: Values) -> Sequence[Row]:
        """Return the rows of a short SELECT."""
        began = time.monotonic()
        if not self._is_off and self._times.allow_sharing(began):
            try:
                found = await self.start_read(prepared, values, began)
            except RepeatUnsharedError as error:
                if error.fault is Fault.STATEMENT_LOST:
                    self._stop_preparing()
            else:
                return prepared.rows(found)
        return await self._read_unshared(prepared, values, ends=began + self._seconds)

    def start_read(
        self, prepared: Prepared, values: Values, began: float
    ) -> asyncio.Future[list[Row]]:
        """Send a read as soon as possible; return the future of the rows of the driver."""
        future = asyncio.get_running_loop().create_future()
        read = Read(prepared, prepared.values(values), future, began)
        if self._waiting:
            self._waiting.append(read)
        elif not self._send(read):
            self._waiting.append(read)
            self._connect()
        self._schedule_check(self._times.limit)
        return future

    def _send(self, read: Read) -> bool:
        """Send a read on a connection that accepts it; return whether there is one."""
        for pipeline in self._pipelines:
            if pipeline.can_send:
                pipeline.send(read)
                if pipeline.is_broken:
                    self._remove(pipeline)
                return True
        return False

    def _send_waiting(self) -> None:
        while self._waiting and (self._waiting[0].future.done() or self._send(self._waiting[0])):
            self._waiting.popleft()
        if self._waiting:
            self._connect()

    def free_connection(self) -> None:
        """End the use of one connection soon, so that others of the pool can have it."""
        candidates = [one for one in self._pipelines if not one.is_ending]
        if candidates:
            least = min(candidates, key=len)
            least.is_ending = True
            if not least:
                self._remove(least)

    async def close(self) -> None:
        """Complete the reads, and return the connections to the pool."""
        self._is_off = True
        while futures := [one for pipeline in self._pipelines for one in pipeline.futures()]:
            await asyncio.wait(futures)
        for pipeline in [*self._pipelines]:
            self._remove(pipeline)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._connecting is not None:
            self._connecting.cancel()
            self._tasks.add(self._connecting)
        if self._tasks:
            await asyncio.wait(self._tasks)

    # Connections

    def _connect(self) -> None:
        """Get another connection for the reads that wait, unless there are enough."""
        usable = sum(not one.is_ending and not one.is_stalled for one in self._pipelines)
        if self._connecting is None and usable < MAX_PIPELINES:
            self._connecting = self._start_task(self._add_pipeline())
            self._connecting.add_done_callback(self._on_connected)

    def _on_connected(self, task: asyncio.Task[None]) -> None:
        self._connecting = None
        if task.cancelled() or task.exception() is not None:
            for read in self._take_waiting(lambda _: True):
                read.future.set_exception(RepeatUnsharedError())
        self._send_waiting()

    async def _add_pipeline(self) -> None:
        read = next((one for one in self._waiting if not one.future.done()), None)
        if read is None:
            self._waiting.clear()
            return
        try:
            connection = await self._pool.acquire(
                read.began + self._seconds, read.began + self._lock_seconds
            )
        except Unavailable as error:
            self._fail_overdue_reads(error)
            return
        if connection.is_pooled or connection.prepare_threshold is None:
            self._is_off = True
            await self._pool.give_back(connection)
            raise RepeatUnsharedError
        try:
            await connection.wait(connection._prepared.maintain_gen(connection))
            self._pipelines.append(ReadPipeline(connection, self._send_after_results))
        except BaseException:
            await self._pool.discard(connection)
            raise

    def _fail_overdue_reads(self, error: Unavailable) -> None:
        """Set the error of reads that have waited for as long as a read waits for a connection."""
        longest = min(self._lock_seconds, self._seconds)
        latest = time.monotonic() - longest + LEAST_SECONDS
        is_closed = error.condition is Condition.CLOSED
        for read in self._take_waiting(lambda one: is_closed or one.began <= latest):
            read.future.set_exception(Unavailable(error.condition, error.reason))

    def _take_waiting(self, wanted: Callable[[Read], bool]) -> list[Read]:
        reads = [one for one in self._waiting if not one.future.done()]
        self._waiting = deque(one for one in reads if not wanted(one))
        return [one for one in reads if wanted(one)]

    def _send_after_results(self, pipeline: ReadPipeline) -> None:
        """Send further reads after results."""
        self._pool.answered = max(self._pool.answered, pipeline.answered)
        if pipeline.unnoted:
            self._times.note_answered(pipeline.unnoted, pipeline.last_seconds)
            pipeline.unnoted = 0
        if pipeline.is_ending and not pipeline:
            self._remove(pipeline)
        if self._waiting:
            self._send_waiting()

    def _remove(self, pipeline: ReadPipeline, error: Exception | None = None) -> None:
        """Return a connection to the pool, or replace it."""
        if pipeline not in self._pipelines:
            return
        self._pipelines.remove(pipeline)
        is_cancelled = pipeline.is_late and error is None
        pipeline.end(error)
        task = self._start_task(self._return_to_pool(pipeline, is_cancelled=is_cancelled))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _return_to_pool(self, pipeline: ReadPipeline, *, is_cancelled: bool) -> None:
        connection = pipeline.connection
        if not pipeline.is_broken:
            await self._pool.give_back(connection)
            return
        try:
            if is_cancelled:
                with contextlib.suppress(Exception):
                    await connection.cancel_safe(timeout=CANCEL_SECONDS)
        finally:
            await self._pool.discard(connection)

    def _start_task(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        return asyncio.get_running_loop().create_task(work, context=self._context)

    # Time

    def _schedule_check(self, seconds: float) -> None:
        """Let `_check_pipelines` run in some seconds, or earlier."""
        loop = asyncio.get_running_loop()
        if self._timer is not None:
            if self._timer.when() <= loop.time() + seconds:
                return
            self._timer.cancel()
        self._timer = loop.call_later(seconds, self._check_pipelines, context=self._context)

    def _check_pipelines(self) -> None:
        """Find reads that take long, and connections that are not needed any more."""
        self._timer = None
        if self._pool.is_exhausted and self._pool.waiting > (self._connecting is not None):
            self.free_connection()
        for pipeline in [*self._pipelines]:
            if pipeline.connection._expire_at <= time.monotonic():
                pipeline.is_ending = True
            if pipeline:
                pipeline.receive()  # what arrived while the event loop was busy
            self._check_pipeline(pipeline, time.monotonic())
        if self._connecting is None and self._waiting:
            self._fail_overdue_reads(
                Unavailable(Condition.BUSY, "timeout while waiting for a connection")
            )
        self._send_waiting()
        if any(self._pipelines) or self._waiting:
            self._schedule_check(self._seconds_until_check(time.monotonic()))
        elif self._pipelines:
            self._schedule_check(IDLE_SECONDS)

    def _seconds_until_check(self, now: float) -> float:
        """Return the time until the oldest read of a connection may have taken long."""
        limit = self._times.limit
        began = [one.since for one in self._pipelines if one and not one.is_late]
        return max(min(began) + limit - now, _RESOLUTION) if began else limit

    def _check_pipeline(self, pipeline: ReadPipeline, now: float) -> None:
        if not pipeline:
            if pipeline.is_ending or now - pipeline.since > IDLE_SECONDS:
                self._remove(pipeline)
        elif pipeline.is_late:
            oldest = pipeline.oldest
            if now > oldest.began + self._seconds:
                self._remove(pipeline, TimedOutError())
            elif oldest.future.done() and not pipeline.is_oldest_moved:
                self._remove(pipeline)  # the request was cancelled
        elif now - pipeline.since > self._times.limit:
            self._waiting.extendleft(reversed([*pipeline.take_all_but_oldest()]))
            self._times.note_late()
