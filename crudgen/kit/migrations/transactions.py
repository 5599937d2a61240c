"""The transactions of migrations: one process at a time, without long waits for locks."""

import random
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from alembic.util import CommandError
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from .steps import LOCK_MILLISECONDS, NOT_NOW, rows, sqlstate

LOCK = 5_236_117_341
"""The key of the advisory lock that serializes migrations on PostgreSQL."""
ATTEMPTS = 40
POLL_SECONDS = 0.1
MAX_PAUSE_SECONDS = 2.0
WRITER_SECONDS = 60
"""How long to wait for another process that writes to a SQLite database."""


@contextmanager
def migration_lock(connection: Connection) -> Iterator[None]:
    """Let no other process migrate the database meanwhile.

    On SQLite, all revisions are one transaction. On PostgreSQL, each one has its own.
    """
    is_sqlite = connection.dialect.name == "sqlite"
    yield from _lock_on_sqlite(connection) if is_sqlite else _lock_on_postgresql(connection)


def repeat(connection: Connection, work: Callable[[], None]) -> None:
    """Call `work` until it gets its locks. Requests would queue behind a longer wait for them."""
    pause = POLL_SECONDS
    for _ in range(ATTEMPTS):
        try:
            work()
        except DBAPIError as error:
            connection.rollback()
            if sqlstate(error) not in NOT_NOW:
                raise
        else:
            return
        time.sleep(pause * random.uniform(0.5, 1))
        pause = min(pause * 1.5, MAX_PAUSE_SECONDS)
    raise CommandError("a table is locked all the time\n  end long transactions, and try again")


def _lock_on_postgresql(connection: Connection) -> Iterator[None]:
    # A statement that waits for the lock would have a snapshot, for which CREATE INDEX CONCURRENTLY
    # in the process that has the lock would wait.
    while not rows(connection, f"SELECT pg_try_advisory_lock({LOCK})")[0][0]:
        connection.rollback()
        time.sleep(POLL_SECONDS)
    try:
        rows(connection, f"SET lock_timeout = {LOCK_MILLISECONDS}")
        connection.commit()
        yield
    finally:
        with suppress(DBAPIError):  # if the connection is lost, so is the lock
            connection.rollback()
            rows(connection, f"SELECT pg_advisory_unlock({LOCK})")
            connection.commit()


def _lock_on_sqlite(connection: Connection) -> Iterator[None]:
    driver: Any = connection.connection.dbapi_connection
    driver.isolation_level = None  # the transaction begins below, not with the first change of rows
    driver.execute(f"PRAGMA busy_timeout = {1000 * WRITER_SECONDS}")
    # In a transaction, this would have no effect, and DROP TABLE would delete the rows of children.
    driver.execute("PRAGMA foreign_keys = OFF")
    try:
        try:
            rows(connection, "BEGIN IMMEDIATE")
        except DBAPIError as error:
            raise CommandError(f"the database cannot be changed: {error.orig}") from None
        changes, problem = driver.total_changes, _schema_problem(connection)
        yield
        if driver.total_changes > changes:
            _check_orphans(connection)
            if (found := _schema_problem(connection)) not in {"", problem}:
                remedy = "drop it, and create it again after the revisions"
                raise CommandError(f"{found}: nothing changed\n  {remedy}")
        connection.commit()
    finally:
        connection.rollback()
        driver.execute("PRAGMA foreign_keys = ON")


def _check_orphans(connection: Connection) -> None:
    """Raise CommandError if the transaction added rows that refer to a missing row."""
    orphans = _orphans(connection)
    if orphans:
        with connection.engine.connect() as before:  # it does not see the transaction
            orphans -= _orphans(before)
    for (table, parent), count in orphans.items():
        refer = "1 row" if count == 1 else f"{count:,} rows"
        raise CommandError(f"{refer} of {table} would refer to no row of {parent}: nothing changed")


def _orphans(connection: Connection) -> Counter[tuple[str, str]]:
    """Count the rows that refer to a missing row, by their table and the table referred to."""
    return Counter((row[0], row[2]) for row in rows(connection, "PRAGMA foreign_key_check"))


def _schema_problem(connection: Connection) -> str:
    """Return SQLite's error about a view or trigger that cannot work; empty if there is none.

    SQLite looks for them when it renames a table.
    """
    savepoint = connection.begin_nested()
    try:
        rows(connection, "CREATE TABLE _probe (id)")
        rows(connection, "ALTER TABLE _probe RENAME TO _probed")
    except DBAPIError as error:
        return str(error.orig)
    finally:
        savepoint.rollback()
    return ""
