"""What a change waits for on PostgreSQL. Reason to change: what PostgreSQL says of that."""

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TypeAlias

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from crudgen.errors import DatabaseError

from .connecting import Database
from .statements import run

REPORT_AFTER_SECONDS = 2.0
"""What waits for the same process for as many seconds is reported."""
_POLL_SECONDS = 0.2
"""Shorter than the lock timeout of a statement, so that no wait is missed."""
_LONGEST = 60
"""Most characters of a query in a message."""
_BLOCKERS = """
SELECT a.pid, coalesce(nullif(a.application_name, ''), a.backend_type), a.state,
    extract(epoch FROM clock_timestamp() - a.query_start)::int, a.query,
    (SELECT min(w.relation::regclass::text) FROM pg_catalog.pg_locks AS w
        WHERE w.pid = {pid} AND NOT w.granted AND w.relation IS NOT NULL)
FROM pg_catalog.pg_stat_activity AS a
WHERE a.pid = ANY (pg_catalog.pg_blocking_pids({pid})) OR a.pid IN (
    SELECT l.pid FROM pg_catalog.pg_locks AS l
    WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1 AND l.pid <> {pid}
        AND ((l.classid::bigint << 32) | l.objid::bigint) IN ({keys})
        AND l.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database())
)
ORDER BY a.xact_start, a.pid
"""
"""Sessions of other roles have no state and no query, unless the role may read statistics."""

Row: TypeAlias = tuple[int, str | None, str | None, int | None, str, str | None]


@dataclass
class Blockers:
    """The processes that a session waits for, and when each was first and last seen."""

    report: Callable[[str], None]
    text: str = ""
    """The process that was reported last; empty if none was."""
    _seen: dict[int, tuple[float, float]] = field(default_factory=dict)
    _reported: set[int] = field(default_factory=set)

    def report_long_blocks(self, rows: Iterable[Row], now: float) -> None:
        """Report processes that block for REPORT_AFTER_SECONDS, short pauses included."""
        for pid, name, state, seconds, query, table in rows:
            first, last = self._seen.get(pid, (now, now))
            first = now if now - last > 2 * REPORT_AFTER_SECONDS else first
            self._seen[pid] = (first, now)
            if now - first >= REPORT_AFTER_SECONDS and pid not in self._reported:
                self._reported.add(pid)
                self.text = _description(pid, name, state, seconds, query)
                lock = f"a lock on {table}, which {self.text} has" if table else self.text
                self.report(f"waiting for {lock} …")


def _description(
    pid: int, name: str | None, state: str | None, seconds: int | None, query: str
) -> str:
    """Return a process in words; what the role may not read is None."""
    known = [name] if name else []
    if state:
        short = " ".join(query.split())
        short = short if len(short) <= _LONGEST else f"{short[:_LONGEST]}…"
        known += [state, f"query started {seconds} s ago: {short}"]
    return f"process {pid}" + (f" ({', '.join(known)})" if known else "")


@contextmanager
def read_only_connection(database: Database, report: Callable[[str], None]) -> Iterator[Connection]:
    """Connect, in a transaction that only reads. Report what it waits for (PostgreSQL)."""
    with database.read_only_connection() as connection:
        if connection.dialect.name == "postgresql":
            with report_blockers(database, connection, (), report):
                yield connection
        else:
            yield connection


@contextmanager
def report_blockers(
    database: Database, connection: Connection, keys: tuple[int, ...], report: Callable[[str], None]
) -> Iterator[Blockers]:
    """Report what a session waits for, also for advisory locks with these keys.

    Another session reads this, since the waiting one cannot run statements.
    """
    found = Blockers(report)
    pid: int = run(connection, "SELECT pg_backend_pid()").scalar_one()
    sql = _BLOCKERS.format(pid=pid, keys=", ".join(map(str, keys)) or "NULL")
    is_over = threading.Event()

    def report_waits() -> None:
        if is_over.wait(_POLL_SECONDS):
            return
        try:
            with database.connect() as other:
                while not is_over.wait(_POLL_SECONDS):
                    found.report_long_blocks(run(other, sql), time.monotonic())
        except (DatabaseError, DBAPIError):
            return  # there may be no connection left, or no right to look

    thread = threading.Thread(target=report_waits, daemon=True)
    thread.start()
    try:
        yield found
    finally:
        is_over.set()
        thread.join()
