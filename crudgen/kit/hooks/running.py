"""Runs a function in a transaction of its own: in the writing thread of SQLite, or a pooled one."""

import logging
import random
import sqlite3
import time
from collections.abc import Callable
from contextlib import suppress
from contextvars import copy_context
from functools import partial
from typing import Any, TypeVar

from anyio import to_thread
from sqlalchemy import Connection, StaticPool, create_engine, event
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlmodel import Session

from ..database import Database
from ..database.codes import Fault
from ..database.engines import Engines
from ..database.faults import cause_of, classify
from ..database.postgresql import ATTEMPTS, PAUSE_SECONDS, RETRIED, Postgresql
from ..database.session_backend import SessionBackend
from ..database.sqlite import Sqlite
from ..errors import Condition, Unavailable
from .pool import pool_of

Result = TypeVar("Result")
Work = Callable[[Session], Result]
SLOW_SECONDS = 0.1
"""How long a function may hold up the other writes of SQLite until a warning is logged."""
MAX_CAUSES = 10
_log = logging.getLogger(__name__)


async def run_in_transaction(db: Database, work: Work[Result], name: str) -> Result:
    """Run `work` with a session, and commit; roll back if it raises.

    It may be repeated after a conflict with a concurrent transaction. `name` is for the log.
    """
    state, backend = db.state, db._backend
    if state.phase is not None:
        raise state.unavailable()
    try:
        if isinstance(backend, Sqlite):
            found = await _run_on_sqlite(backend, work, name)
        elif isinstance(backend, Postgresql):
            found = await _run_on_postgresql(backend, work)
        else:
            found = await _run_in_savepoint(backend, work)
    except Exception as error:
        db._record_error(error, name)
        raise
    if state.episodes:
        state.record_success(name, writes=True)
    return found


async def _run_on_sqlite(backend: Sqlite, work: Work[Result], name: str) -> Result:
    context = copy_context()

    def run(connection: sqlite3.Connection) -> Result:
        began = time.monotonic()
        try:
            session_connection = _sqlalchemy_connection(connection, backend.engines)
            return context.copy().run(_run_with_session, session_connection, work)
        except Exception as error:
            if connection.in_transaction:
                raise
            raise _first_database_error(error) from None
        finally:
            seconds = time.monotonic() - began
            if seconds > SLOW_SECONDS:
                _log.warning("%s took %d ms, and other writes waited", name, 1000 * seconds)

    return await backend._writer.run(run)


async def _run_on_postgresql(backend: Postgresql, work: Work[Result]) -> Result:
    pool = pool_of(backend)

    def attempt() -> Result:
        try:
            with pool.engine.begin() as connection:
                return _run_with_session(connection, work)
        except PoolTimeoutError as error:
            raise Unavailable(Condition.BUSY, "timeout while waiting for a connection") from error

    def run() -> Result:
        for number in range(1, ATTEMPTS):
            try:
                return attempt()
            except Exception as error:
                if not _is_conflict(error):
                    raise
            longest = PAUSE_SECONDS * 2**number
            time.sleep(random.uniform(longest / 2, longest))
        return attempt()

    return await to_thread.run_sync(copy_context().run, run, limiter=pool.threads)


async def _run_in_savepoint(backend: SessionBackend, work: Work[Result]) -> Result:
    """Run `work` in a savepoint of a session that other code opened, for example a test."""

    def run(session: Session) -> Result:
        session.flush()
        with session.begin_nested():
            found = _run_with_session(session.connection(), work)
        session.expire_all()
        if backend.commits:
            session.commit()
        return found

    return await backend.run(run)


def _run_with_session(connection: Connection, work: Work[Result]) -> Result:
    """Run `work` with a session in a savepoint of the transaction of a connection."""
    session = Session(connection, join_transaction_mode="create_savepoint", expire_on_commit=False)
    try:
        found = work(session)
        session.commit()
        session.close()
    except BaseException as error:
        with suppress(Exception):  # SQLite may have rolled back the transaction
            session.close()
        if isinstance(error, Exception):
            raise
        # SystemExit, for example, must not end the writing thread.
        raise RuntimeError(f"a hook raised {type(error).__name__}") from error
    return found


def _first_database_error(error: Exception) -> Exception:
    """Return the first error of a chain that a database has raised, or the error itself.

    SQLite rolled back after it; the later errors are its consequences.
    """
    found, one = error, error.__context__
    for _ in range(MAX_CAUSES):
        if not isinstance(one, Exception):
            break
        if classify(cause_of(one)) is not Fault.BUG:
            found = one
        one = one.__context__
    return found


def _is_conflict(error: BaseException | None) -> bool:
    """Return whether an error or one of its causes is a conflict with another transaction."""
    for _ in range(MAX_CAUSES):  # errors that are raised from each other form a circle
        if not isinstance(error, Exception):
            break
        if classify(cause_of(error)) in RETRIED:
            return True
        error = error.__cause__
    return False


class _BorrowedConnection:
    """A connection of the writing thread, which begins and ends its transactions itself."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)

    def commit(self) -> None:
        """Leave the commit to the writer."""

    rollback = close = commit


def _check_transaction(connection: sqlite3.Connection, *_: Any) -> None:
    """Raise RuntimeError if a function has ended the transaction, which then cannot roll back."""
    if not connection.in_transaction:
        raise RuntimeError("the transaction has ended: hooks cannot execute COMMIT or ROLLBACK")


def _sqlalchemy_connection(connection: sqlite3.Connection, engines: Engines) -> Connection:
    """Return a connection of SQLAlchemy that uses the open transaction of one of sqlite3."""
    known: Connection | None = getattr(connection, "borrowed", None)
    if known is None or known.get_nested_transaction() is not None or not known.in_transaction():
        # There is none yet, or a function has ended the transaction by SQL.
        proxy: Any = _BorrowedConnection(connection)
        engine = create_engine(
            "sqlite://",
            creator=lambda: proxy,
            poolclass=StaticPool,
            isolation_level="AUTOCOMMIT",
        )
        event.listen(engine, "before_cursor_execute", partial(_check_transaction, connection))
        known = engines.add(engine).connect()
        known.begin()
        connection.borrowed = known  # type: ignore[attr-defined]
    return known
