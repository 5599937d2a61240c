"""The backend of a Database in a session: its statements run in the transaction of the session."""

from asyncio import CancelledError, Task, current_task, ensure_future, gather, shield
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeVar, cast

from anyio import CancelScope, Lock, to_thread
from sqlalchemy import Connection, Delete, Dialect, FromClause, Insert, Table, Update, inspect
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite
from sqlalchemy.exc import DBAPIError, InvalidRequestError
from sqlalchemy.orm import SessionTransaction
from sqlmodel import Session

from .faults import cause_of
from .statements import Prepared, Values
from .transaction import Change, Execution, ExecutionResult, Row, Step, explanation, transaction

Result = TypeVar("Result")
_SESSION_USE = "app.use"
"""Key of the _SessionUse of a session in its `info`."""
_DRIVERS = {("sqlite", "pysqlite"), ("sqlite", "aiosqlite"), ("postgresql", "psycopg")}


class _SessionUse:
    """How a session is used: by one operation at a time, and in which savepoints."""

    def __init__(self) -> None:
        self.lock = Lock(fast_acquire=True)
        self.savepoints: list[tuple[SessionBackend, Task[Any] | None]] = []
        """The backend of each open savepoint, and the task that began it."""

    def check_savepoint_owner(self, backend: "SessionBackend") -> None:
        """Raise RuntimeError if `backend` is outside of a savepoint that another task has begun.

        The savepoint may be rolled back, and what the operation has written would be lost.
        """
        if self.savepoints:
            inner, task = self.savepoints[-1]
            if inner is not backend and task is not current_task():
                raise RuntimeError(
                    "another task has begun a transaction inside this one, and has not ended it\n"
                    "  begin nested transactions one after another, or pass on the inner one"
                )


class SessionBackend:
    """Runs statements in the transaction of a session, an AsyncSession or a Session.

    Changes run in a savepoint, so that an error leaves the transaction usable. With `commits`, each
    is committed. Objects of the session that belong to a changed row are refreshed. Concurrent
    operations on a session run one after another.
    """

    def __init__(self, session: Any, *, commits: bool) -> None:
        self.session = session
        self.commits = commits
        self._use: _SessionUse = session.info.setdefault(_SESSION_USE, _SessionUse())
        dialect = session.get_bind().dialect
        if (dialect.name, dialect.driver) not in _DRIVERS:
            raise TypeError(
                f"the session uses the driver {dialect.name}+{dialect.driver}\n"
                "  use pysqlite or aiosqlite for SQLite, and psycopg for PostgreSQL"
            )
        self.dialect: Dialect = (
            SQLiteDialect_pysqlite(paramstyle="named")
            if dialect.name == "sqlite"
            else PGDialect_psycopg()  # type: ignore[no-untyped-call]
        )

    async def run(self, work: Callable[[Session], Result]) -> Result:
        """Run `work` with the session: in a thread, or in the greenlet of an AsyncSession."""
        async with self._use.lock:
            self._use.check_savepoint_owner(self)
            if hasattr(self.session, "run_sync"):
                return cast("Result", await self.session.run_sync(work))
            return await _run_in_thread(work, self.session)

    @asynccontextmanager
    async def commit_after(self, inner: "SessionBackend") -> AsyncIterator[None]:
        """Run the operations of `inner` in the transaction of the session, and commit it."""
        try:
            yield
            await inner.run(lambda session: session.commit())
        except BaseException:
            with CancelScope(shield=True):
                await inner.run(lambda session: session.rollback())
            raise

    @asynccontextmanager
    async def savepoint(self, inner: "SessionBackend") -> AsyncIterator[None]:
        """Run the operations of `inner` in a savepoint, which an exception rolls back."""
        task, savepoints = current_task(), self._use.savepoints

        begun: list[SessionTransaction] = []

        def begin(session: Session) -> None:
            _flush(session)
            _begin(session.connection())
            begun.append(session.begin_nested())
            savepoints.append((inner, task))

        def commit(_: Session) -> None:
            begun[0].commit()
            savepoints.remove((inner, task))

        def roll_back(_: Session) -> None:
            savepoints.remove((inner, task))
            begun[0].rollback()

        try:
            await self.run(begin)
            yield
            await inner.run(commit)
        except BaseException:
            if (inner, task) in savepoints:
                with CancelScope(shield=True):
                    await inner.run(roll_back)
            raise

    async def read(self, prepared: Prepared, values: Values, *, short: bool) -> Sequence[Row]:
        """Return the rows of a SELECT, which sees the changes of the session."""
        del short
        bound = prepared.values(values)

        def work(session: Session) -> Sequence[Row]:
            _flush(session)
            return prepared.rows(_execute(session.connection(), prepared, bound))

        return await self.run(work)

    async def write(
        self, prepared: Prepared, values: Values, read_back: Prepared | None = None
    ) -> Sequence[Row]:
        """Run one statement; return its rows."""
        step = Step(Change(prepared.statement, values), prepared, read_back)
        return (await self.write_all([step]))[0]

    async def write_all(self, steps: Sequence[Step]) -> list[Sequence[Row]]:
        """Run statements in a savepoint; return the rows of each."""

        def work(session: Session) -> list[Sequence[Row]]:
            _flush(session)
            _begin(session.connection())
            found = _run_all(session, steps)
            for step, rows in zip(steps, found, strict=True):
                _refresh_objects(session, step.prepared.statement, rows)
            if self.commits:
                session.commit()
            return found

        return await self.run(work)


async def _run_in_thread(work: Callable[[Session], Result], session: Session) -> Result:
    """Run `work` in a thread; if cancelled, wait until it has ended."""
    running = ensure_future(to_thread.run_sync(work, session))
    try:
        return await shield(running)
    except CancelledError:
        with CancelScope(shield=True):
            await gather(running, return_exceptions=True)
        raise


def _flush(session: Session) -> None:
    if session.autoflush:
        session.flush()


def _begin(connection: Connection) -> None:
    """Begin a transaction if SQLite's driver has begun none: RELEASE would commit otherwise."""
    driver: Any = connection.connection.driver_connection
    if getattr(driver, "isolation_level", None) is not None and not driver.in_transaction:
        connection.exec_driver_sql("BEGIN")


def _run_all(session: Session, steps: Sequence[Step]) -> list[Sequence[Row]]:
    """Run statements in a savepoint; return the rows of each."""
    work, answer = transaction(steps), None
    failed: Execution | None = None
    try:
        with session.begin_nested():
            while True:
                try:
                    execution = work.send(answer)
                except StopIteration as end:
                    return cast("list[Sequence[Row]]", end.value)
                failed = execution
                answer = _run_execution(session.connection(), execution)
                failed = None
    except Exception as error:
        if failed is None:
            raise
        explained = _explained_error(session, failed, error, steps)
        if explained is error:
            raise
        raise explained from error


def _explained_error(
    session: Session, failed: Execution, error: Exception, steps: Sequence[Step]
) -> Exception:
    """Return the exception to raise for an error, whose savepoint has been rolled back.

    If its explanation reads rows, the steps before are repeated first, and rolled back again.
    """
    work = explanation(failed, error, steps, is_rolled_back=True)
    try:
        execution = next(work)
        with session.begin_nested() as savepoint:
            try:
                while True:
                    execution = work.send(_run_execution(session.connection(), execution))
            finally:
                savepoint.rollback()
    except StopIteration as end:
        return cast("Exception", end.value)


def _run_execution(connection: Connection, execution: Execution | None) -> ExecutionResult:
    """Run one statement; return its rows, and whether triggers may have changed other rows."""
    is_sqlite = connection.dialect.name == "sqlite"
    if execution is None:
        if not is_sqlite:
            connection.exec_driver_sql("SET CONSTRAINTS ALL IMMEDIATE")  # runs deferred triggers
        return [], False
    prepared, bound, step = execution
    before = _total_changes(connection) if is_sqlite else 0
    rows = _execute(connection, prepared, bound)
    if is_sqlite:
        return rows, prepared.rereads or _total_changes(connection) - before != len(rows)
    if step is None or step.read_back is None:
        return rows, False
    return [row[:-1] for row in rows], prepared.rereads or any(row[-1] for row in rows)


def _total_changes(connection: Connection) -> int:
    driver: Any = connection.connection.driver_connection
    return int(driver.total_changes)


def _execute(connection: Connection, prepared: Prepared, bound: dict[str, Any]) -> list[Row]:
    try:
        found = connection.exec_driver_sql(prepared.sql, bound)
        return [tuple(row) for row in found] if found.returns_rows else []
    except DBAPIError as error:
        raise cause_of(error) from error


def _refresh_objects(session: Session, statement: Any, rows: Sequence[Row]) -> None:
    """Refresh the objects of changed rows, and remove those of deleted rows from the session.

    A deletion can delete or change rows that refer to the deleted ones.
    """
    if not isinstance(statement, Insert | Update | Delete) or not rows:
        return
    table, keys = cast("Table", statement.table), {row[-1] for row in rows}
    behind = _affected_tables(table) if isinstance(statement, Delete) else set()
    for instance in list(session.identity_map.values()):
        state = inspect(instance)
        if state.mapper.local_table is table and state.identity and state.identity[0] in keys:
            if isinstance(statement, Delete):
                session.expunge(instance)
            else:
                session.refresh(instance)
        elif state.mapper.local_table in behind:
            try:
                session.refresh(instance)
            except InvalidRequestError:  # the row does not exist any more
                session.expunge(instance)


def _affected_tables(table: Table) -> set[FromClause]:
    """Return the tables whose rows a deletion may delete or change by foreign keys."""
    found: set[FromClause] = set()
    pending = [table]
    while pending:
        target = pending.pop()
        for other in target.metadata.tables.values():
            keys = other.foreign_keys
            if other not in found and any(
                key.ondelete and key.column.table is target for key in keys
            ):
                found.add(other)
                pending.append(other)
    return found
