"""A connection to PostgreSQL in pipeline mode: reads are sent at once, results arrive in order.

Each read is a transaction of its own: after an error, PostgreSQL continues with the next one
(https://www.postgresql.org/docs/current/libpq-pipeline-mode.html). psycopg's own pipelines wait for
all statements together. So this module calls libpq by `psycopg.pq`.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from ..database.codes import Fault
from ..database.faults import classify
from ..database.statements import Prepared
from ..database.transaction import Row
from .driver_queries import queries_of

_psycopg: Any = import_module("psycopg")  # an import statement would need it for type checks
_SHOULD_PREPARE: Any = import_module("psycopg._preparing").Prepare.SHOULD
_BAD = _psycopg.pq.ConnStatus.BAD
_FAILED, _ROWS = _psycopg.pq.ExecStatus.FATAL_ERROR, _psycopg.pq.ExecStatus.TUPLES_OK
_SYNC = _psycopg.pq.ExecStatus.PIPELINE_SYNC

MAX_SENT = 8
"""Most reads that are sent and not answered. All of them wait for a slow one among them."""
_MAX_UNUSED = 20
"""Most prepared statements that are not used any more, until the connection deallocates them."""
REPEATED = {Fault.RETRY, Fault.DISCONNECTED, Fault.SCHEMA_CHANGED, Fault.STATEMENT_LOST}
_DISCARDING = {Fault.SCHEMA_CHANGED, Fault.STATEMENT_LOST}


class RepeatUnsharedError(Exception):
    """A read is to be repeated on a connection of its own. `fault` is the reason, if known."""

    def __init__(self, fault: Fault | None = None) -> None:
        super().__init__(fault)
        self.fault = fault


@dataclass(slots=True, eq=False)
class Read:
    """A read, and the future of its rows."""

    prepared: Prepared
    bound: dict[str, Any]
    future: asyncio.Future[list[Row]]
    began: float
    """When it was requested, on the monotonic clock."""


@dataclass(slots=True)
class _SentRead:
    """A read that was sent on a connection."""

    read: Read
    transformer: Any
    at: float
    added: tuple[Any, ...] | None
    """What psycopg needs to know to validate a statement that was prepared for this read."""
    is_moved: bool = False
    """Whether another connection repeats the read. Then only its rows matter, not an error."""


class ReadPipeline:
    """Sends reads on one connection. `received` is called after results, and after its end."""

    def __init__(self, connection: Any, received: "Callable[[ReadPipeline], None]") -> None:
        self.connection = connection
        self.since = time.monotonic()
        """When the oldest read was sent, or the one before it was answered."""
        self.answered = 0.0
        """When the last result arrived, on the monotonic clock."""
        self.last_seconds = 0.0
        """How long the last answered read took."""
        self.unnoted = 0
        """How many reads were answered that SharedReads has not counted yet."""
        self.is_late = False
        """Whether the oldest read takes so long that all others were moved."""
        self.is_stalled = False
        """Whether a new read would wait for one that takes long, or for moved ones."""
        self.is_ending = False
        """Whether no more reads may be sent."""
        self.is_broken = False
        """Whether the connection must not be used again."""
        self._received = received
        self._server = connection.pgconn
        self._statements = connection._prepared
        self._queries = queries_of(connection)
        self._sent = deque[_SentRead]()
        self._results: list[Any] = []
        self._loop = asyncio.get_running_loop()
        self._socket = self._server.socket
        self._server.enter_pipeline_mode()
        self._loop.add_reader(self._socket, self.receive)

    def __len__(self) -> int:
        """Return the number of reads that are sent and not answered."""
        return len(self._sent)

    @property
    def can_send(self) -> bool:
        """Whether a read can be sent."""
        return not self.is_ending and not self.is_stalled and len(self._sent) < MAX_SENT

    @property
    def is_oldest_moved(self) -> bool:
        """Whether another connection repeats the oldest read."""
        return bool(self._sent) and self._sent[0].is_moved

    @property
    def oldest(self) -> Read:
        """The oldest read that is not answered. Raises IndexError if there is none."""
        return self._sent[0].read

    def futures(self) -> list[asyncio.Future[list[Row]]]:
        """Return the futures of the reads that are not answered."""
        return [sent.read.future for sent in self._sent if not sent.read.future.done()]

    def send(self, read: Read) -> None:
        """Send a read, whose future gets the rows or the error."""
        try:
            transformer, query = self._queries.transformer_and_query(read.prepared.sql, read.bound)
        except Exception as error:  # a value that the driver cannot send
            read.future.set_exception(error)
            return
        prepare, name = self._statements.get(query, True)
        key = self._statements.maybe_add_to_cache(query, prepare, name)
        now = time.monotonic()
        if not self._sent:
            self.since = now
        added = None if key is None else (key, prepare, name)
        self._sent.append(_SentRead(read, transformer, now, added))
        server = self._server
        try:
            if prepare is _SHOULD_PREPARE:
                server.send_prepare(name, query.query, param_types=query.types)
            server.send_query_prepared(name, query.params, param_formats=query.formats)
            server.pipeline_sync()
            if server.flush():
                self._loop.add_writer(self._socket, self._flush)
        except _psycopg.Error:
            self.end()

    def _flush(self) -> None:
        """Send the rest of what did not fit in the buffer of the socket."""
        try:
            if not self._server.flush():
                self._loop.remove_writer(self._socket)
        except _psycopg.Error:
            self.end()
            self._received(self)

    def receive(self) -> None:
        """Pass on the results that have arrived."""
        try:
            self._server.consume_input()
            self._take_results()
        except _psycopg.Error:
            self.end()
        self._received(self)

    def _take_results(self) -> None:
        server, results, was_none = self._server, self._results, False
        while self._sent and not server.is_busy():
            result = server.get_result()
            if result is None:
                if was_none:
                    break  # no more results
                was_none = True  # the end of the results of a statement
                continue
            was_none = False
            if result.status != _SYNC:
                results.append(result)
                continue
            sent = self._sent.popleft()
            self.is_late = False
            self.is_stalled = bool(self._sent) and self._sent[-1].is_moved
            began = max(sent.at, self.since)  # it waited for the reads before it until then
            self.since = self.answered = time.monotonic()
            if not sent.is_moved:
                self.last_seconds = self.since - began
                self.unnoted += 1
            try:
                self._resolve(sent, results)
            finally:
                results.clear()
        if server.status == _BAD:
            self.end()

    def _resolve(self, sent: _SentRead, results: list[Any]) -> None:
        """Set the rows or the error of a read."""
        if sent.added is not None:
            self._statements.validate(*sent.added, results[:1])  # that of the preparation
        if len(self._statements._to_flush) > _MAX_UNUSED:
            self.is_ending = True
        future, last = sent.read.future, results[-1] if results else None
        if future.done():
            return  # the request was cancelled, or another connection was faster
        if last is None or last.status != _ROWS:
            failed = [one for one in results if one.status == _FAILED]
            error = self._error_of_results(failed)
            if not sent.is_moved:
                future.set_exception(error)
            return
        try:
            sent.transformer.set_pgresult(last)
            future.set_result(sent.transformer.load_rows(0, last.ntuples, tuple))
        except Exception as error:  # a value that the driver cannot parse
            future.set_exception(error)

    def _error_of_results(self, failed: list[Any]) -> Exception:
        if not failed:
            return RepeatUnsharedError()
        error = _psycopg.errors.error_from_result(failed[0], encoding="utf-8")
        fault = classify(error)
        if fault in _DISCARDING:
            self.is_ending = self.is_broken = True
        return RepeatUnsharedError(fault) if fault in REPEATED else error

    def take_all_but_oldest(self) -> Iterable[Read]:
        """Return all reads but the oldest, to be repeated on other connections.

        The rows that arrive first count.
        """
        self.is_late = self.is_stalled = True
        others = [sent for sent in self._sent if sent is not self._sent[0] and not sent.is_moved]
        for sent in others:
            sent.is_moved = True
        return [sent.read for sent in others if not sent.read.future.done()]

    def end(self, error: Exception | None = None) -> None:
        """Stop. Reads without results are repeated unshared; the oldest gets `error`, if any."""
        if self._socket < 0:
            return
        self._loop.remove_reader(self._socket)
        self._loop.remove_writer(self._socket)
        self._socket = -1
        self.is_ending = True
        if self._sent or self._server.status == _BAD:
            self.is_broken = True
        else:
            try:
                self._server.exit_pipeline_mode()
            except _psycopg.Error:
                self.is_broken = True
        while self._sent:
            sent = self._sent.popleft()
            if not sent.is_moved and not sent.read.future.done():
                sent.read.future.set_exception(error or RepeatUnsharedError())
            error = None
