"""Makes the changes of a plan on SQLite. Reason to change: what protects the rows there."""

import contextlib
import os
import sqlite3
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from sqlalchemy import Connection
from sqlalchemy.exc import OperationalError

from crudgen.errors import DatabaseError
from crudgen.kit.database.catalogue.explain import quoted
from crudgen.kit.database.faults import cause_of

from .applying import (
    ApplyOptions,
    ApplyResult,
    Target,
    check_result,
    checked_plan,
    needs_backup,
    run_steps,
)
from .connecting import Database
from .plan import Lock, Plan, Risk
from .statements import run

_WAIT_SECONDS = 60.0
"""How long another process may write before the command gives up."""
REPORT_AFTER_SECONDS = 2.0
"""How long another process may write before that is reported."""


class SqliteWriter:
    """Changes the tables of a SQLite database: all of them in one transaction, or none."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def apply(self, target: Target, order: ApplyOptions) -> ApplyResult:
        """Make the changes. Readers go on meanwhile, writers wait."""
        with self._database.connect() as connection:
            # Inside of a transaction this has no effect, and DROP TABLE would delete child rows.
            run(connection, "PRAGMA foreign_keys = OFF")
            try:
                with self._write_lock(connection, order):
                    plan = checked_plan(target.plan(connection), order)
                    if plan.is_empty:
                        return ApplyResult(plan)
                    saved = order.backup and needs_backup(plan)
                    backup = self._back_up(plan) if saved else None
                    self._change_tables(connection, target, plan, order)
            finally:
                run(connection, "PRAGMA foreign_keys = ON")
        return ApplyResult(plan, backup)

    def _change_tables(
        self, connection: Connection, target: Target, plan: Plan, order: ApplyOptions
    ) -> None:
        # Reading all rows takes long, and only these steps can lose any.
        may_lose = any(step.lock is Lock.COPIED or step.risk is Risk.DROPS for step in plan.steps)
        orphans = _count_orphans(connection) if may_lose else Counter()
        broken = _broken_views(connection)
        run_steps(connection, plan.steps, order.watch)
        if may_lose and (more := _count_orphans(connection) - orphans):
            (table, parent), count = more.most_common(1)[0]
            raise DatabaseError(
                f"database {self._database.where}: {count:,} rows of {table} would refer to no row"
                f" of {parent}\n  nothing was changed"
            )
        if views := _broken_views(connection) - broken:
            raise DatabaseError(
                f"database {self._database.where}: the view {min(views)} would fail\n"
                "  nothing was changed; drop the view, and create it again afterwards"
            )
        check_result(connection, target)

    @contextmanager
    def _write_lock(self, connection: Connection, order: ApplyOptions) -> Iterator[None]:
        """Hold the write lock; commit at the end, and roll back after an error."""
        begins = time.monotonic()
        has_said = False
        while True:
            try:
                run(connection, "BEGIN IMMEDIATE")
                break
            except OperationalError as error:
                code = getattr(cause_of(error), "sqlite_errorcode", 0) & 0xFF
                if code != sqlite3.SQLITE_BUSY or time.monotonic() > begins + _WAIT_SECONDS:
                    raise
            if not has_said and time.monotonic() > begins + REPORT_AFTER_SECONDS:
                order.waiting("waiting for another process that writes to the database …")
                has_said = True
        try:
            yield
            run(connection, "COMMIT")
        except BaseException:
            with contextlib.suppress(Exception):
                run(connection, "ROLLBACK")
            raise

    def _back_up(self, plan: Plan) -> Path | None:
        """Copy the database, while nobody can write, to a file beside it. Return its path."""
        file = self._database.file
        if file is None:
            return None
        first = backup = file.with_name(f"{file.name}.before-{plan.digest}")
        number = 1
        while os.path.lexists(backup):  # the same plan was applied before
            number += 1
            backup = first.with_name(f"{first.name}-{number}")
        copy_database(file, backup)
        return backup


def copy_database(file: Path, copy: Path) -> None:
    """Copy a SQLite database, with what other connections have committed. Raises DatabaseError."""
    part = copy.with_name(f"{copy.name}.part")
    try:
        part.unlink(missing_ok=True)
        source = sqlite3.connect(f"{file.as_uri()}?mode=rw", uri=True, isolation_level=None)
        with closing(source) as connection:
            connection.execute("VACUUM INTO ?", (str(part),))
        part.replace(copy)
    except (sqlite3.Error, OSError) as error:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)
        raise DatabaseError(
            f"database {file}: it cannot be copied to {copy}: {error}\n"
            "  nothing was changed; make room for the copy, or use --no-backup"
        ) from None


def _count_orphans(connection: Connection) -> Counter[tuple[str, str]]:
    """Count the rows that refer to a missing row, by their table and the table referred to."""
    return Counter((row[0], row[2]) for row in run(connection, "PRAGMA foreign_key_check"))


def _broken_views(connection: Connection) -> set[str]:
    """Return the views that cannot be selected."""
    broken = set()
    views = run(connection, "SELECT name FROM sqlite_master WHERE type = 'view'").scalars().all()
    for name in views:
        try:
            run(connection, f"SELECT * FROM {quoted(name)} LIMIT 0").all()
        except OperationalError:
            broken.add(name)
    return broken
