"""The steps of revisions: statements for SQLite and for PostgreSQL.

It imports nothing of the application, so that revisions still run when the application changes.
"""

import logging
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

from alembic import op
from alembic.util import CommandError
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from .table_text import LostError, NewTable, with_kept

Step = str | Callable[[Connection], None]
"""An SQL statement, or the result of `rebuild`."""

LOCK_MILLISECONDS = 300
"""The lock timeout on PostgreSQL. Other requests for the table wait no longer than that."""
ANALYZED_ROWS = 1000
"""How many rows of an index SQLite reads for its statistics."""
NOT_NOW = {"55P03", "40P01"}
"""SQLSTATEs of a lock that was not available in time, and of a deadlock."""
_EXISTS = {"42P07", "42701", "42710"}
"""SQLSTATEs of a table or index that exists already, of a column, and of another object."""
_NOT_RECORDED = (
    "the database has tables, but no revision is recorded. If they are those of the latest",
    "revision, and `crudgen plan` finds nothing to do, record it: alembic stamp head",
)
_CHANGED = ("something else changed the database: `crudgen plan` compares it with the models",)
_AUTOINCREMENT = re.compile(r"\bAUTOINCREMENT\b", re.IGNORECASE)

_log = logging.getLogger("alembic.runtime.migration")


def run(*, sqlite: Sequence[Step] = (), postgresql: Sequence[str] = ()) -> None:
    """Execute the steps for the database in use, in the transaction of the revision."""
    is_first = not op.get_context().get_current_heads()
    for step in sqlite if _is_sqlite() else postgresql:
        if isinstance(step, str):
            _execute(step, _NOT_RECORDED if is_first else _CHANGED)
        elif op.get_context().as_sql:
            raise CommandError("SQLite: a rebuild reads the table: run it without --sql")
        else:
            step(op.get_bind())


def in_background(*, postgresql: Sequence[str] = ()) -> None:
    """Execute statements outside of a transaction, while other clients read and write.

    They belong in a revision of their own. If it is interrupted, it runs again from its start, so
    each statement must be repeatable. Does nothing on SQLite.
    """
    if _is_sqlite():
        return
    with op.get_context().autocommit_block():
        try:
            for statement in postgresql:
                # Without its lock in time, CREATE INDEX CONCURRENTLY leaves an invalid index.
                _set_lock_timeout(0 if "CONCURRENTLY" in statement else LOCK_MILLISECONDS)
                _execute(statement)
        finally:
            _set_lock_timeout(LOCK_MILLISECONDS)


def in_the_way(what: str, *, sqlite: str | None = None, postgresql: str | None = None) -> None:
    """Stop if the SELECT for the database in use finds rows. `what` says what is wrong with them.

    With `--sql`, the printed statements stop likewise.
    """
    select = sqlite if _is_sqlite() else postgresql
    if select is None:
        return
    if op.get_context().as_sql:
        message = f"rows prevent this revision: {what}".replace("%", "%%").replace("'", "''")
        check = f"IF EXISTS ({select}) THEN RAISE EXCEPTION '{message}'; END IF;"
        _execute(select if _is_sqlite() else f"DO $check$ BEGIN {check} END $check$")
        return
    with _described_errors(select):
        count = rows(op.get_bind(), f"SELECT count(*) FROM ({select}) AS found")[0][0]
    if count:
        prevent = "1 row prevents" if count == 1 else f"{count:,} rows prevent"
        raise CommandError(f"{prevent} this revision, which changed nothing: {what}\n  {select}")


def rebuild(
    table: str,
    definition: str,
    values: Mapping[str, str],
    *,
    dropped: Collection[str] = (),
    removed: Collection[str] = (),
) -> Step:
    """Return a step that gives a SQLite table another definition, which SQLite cannot alter.

    `definition` is what follows the name in CREATE TABLE. `values` are the SQL expressions of the
    new columns. The values of `dropped` columns are lost; if the table has any other column, the
    step stops. `removed` are constraints that the new table does not have any more. Constraints,
    defaults, collations, indexes and triggers that no revision knows are kept.
    """
    return partial(_rebuild, new=NewTable(table, definition, values, dropped, removed))


def rows(connection: Connection, sql: str, *values: object) -> Sequence[Any]:
    """Execute a statement as it is written, and return its rows."""
    options = {"no_parameters": True}  # without values, percent signs are literal
    result = connection.exec_driver_sql(sql, values or None, execution_options=options)
    return result.fetchall() if result.returns_rows else ()


def sqlstate(error: DBAPIError) -> str | None:
    """Return PostgreSQL's code of an error."""
    return getattr(error.orig, "sqlstate", None)


def _is_sqlite() -> bool:
    return op.get_context().dialect.name == "sqlite"


def _set_lock_timeout(milliseconds: int) -> None:
    if not op.get_context().as_sql:
        _execute(f"SET lock_timeout = {milliseconds}")


def _execute(sql: str, if_exists: Sequence[str] = _CHANGED) -> None:
    """Execute a statement; with `--sql`, print it. `if_exists` explains why an object exists."""
    context = op.get_context()
    if context.as_sql:
        context.impl.static_output(f"{sql};")
        return
    with _described_errors(sql, if_exists):
        rows(op.get_bind(), sql)


@contextmanager
def _described_errors(sql: str, if_exists: Sequence[str] = _CHANGED) -> Iterator[None]:
    """Convert errors of a statement to CommandError, unless it may succeed when repeated."""
    try:
        yield
    except DBAPIError as error:
        if sqlstate(error) in NOT_NOW:
            raise
        reason = str(error.orig).strip().splitlines()
        exists = sqlstate(error) in _EXISTS or reason[0].endswith("already exists")
        lines = [*reason, f"statement: {' '.join(sql.split())}", *(if_exists if exists else ())]
        raise CommandError("\n  ".join(lines)) from None


def _rebuild(connection: Connection, new: NewTable) -> None:
    if rows(connection, "PRAGMA foreign_keys")[0][0]:
        raise CommandError(
            "a rebuild needs the transaction of `migration_lock`, as in migrations/environment.py"
        )
    table, old, made = new.name, _quoted(new.name), _quoted(f"_new_{new.name}")
    columns, definition = _column_names(connection, table), _kept_definition(connection, new)
    objects = rows(
        connection,
        "SELECT sql FROM sqlite_master WHERE tbl_name = ? COLLATE NOCASE"
        " AND type IN ('index', 'trigger') AND sql IS NOT NULL ORDER BY type",
        table,
    )
    is_analyzed = _has_rows_about(connection, "sqlite_stat1", "tbl", table)
    _execute_sqlite(connection, f"CREATE TABLE {made} {definition}")
    _check_columns(new, columns, _column_names(connection, f"_new_{table}"))
    names = ", ".join(map(_quoted, new.values))
    # OR ABORT overrides ON CONFLICT clauses of the definition, which could skip rows.
    insert = f"INSERT OR ABORT INTO {made} ({names})"
    _execute_sqlite(connection, f"{insert} SELECT {', '.join(new.values.values())} FROM {old}")
    if _AUTOINCREMENT.search(definition):
        _keep_sequence(connection, table)
    _execute_sqlite(connection, f"DROP TABLE {old}")
    # Otherwise, SQLite would reject the name: views and triggers use the table, which is missing.
    _execute_sqlite(connection, "PRAGMA legacy_alter_table = ON")
    _execute_sqlite(connection, f"ALTER TABLE {made} RENAME TO {old}")
    _execute_sqlite(connection, "PRAGMA legacy_alter_table = OFF")
    for (sql,) in objects:
        _execute_sqlite(connection, sql)
    if is_analyzed:
        _execute_sqlite(connection, f"PRAGMA analysis_limit = {ANALYZED_ROWS}")
        _execute_sqlite(connection, f"ANALYZE {old}")


def _execute_sqlite(connection: Connection, sql: str) -> None:
    with _described_errors(sql):
        rows(connection, sql)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _column_names(connection: Connection, table: str) -> dict[str, bool]:
    """Return the columns of a table, in lower case, and whether their values are generated."""
    found = rows(connection, "SELECT name, hidden FROM pragma_table_xinfo(?)", table)
    return {name.lower(): hidden > 1 for name, hidden in found}


def _kept_definition(connection: Connection, new: NewTable) -> str:
    """Return the definition with what the table has and no revision knows. Raises CommandError."""
    query = "SELECT sql FROM sqlite_master WHERE type = 'table' AND name = ? COLLATE NOCASE"
    found = rows(connection, query, new.name)
    if not found:
        raise CommandError(f"table {new.name}: no such table\n  {_CHANGED[0]}")
    try:
        definition, defaults = with_kept(found[0][0], new)
    except LostError as error:
        raise CommandError(
            f"table {new.name}: the revision would remove {error}, and changed nothing\n"
            "  add it to the definition to keep it, or to `removed` to remove it"
        ) from None
    for one in defaults:
        _log.warning("table %s: the values change, and their default is removed: %s", new.name, one)
    return definition


def _check_columns(new: NewTable, old: Mapping[str, bool], made: Mapping[str, bool]) -> None:
    """Raise CommandError if a column, its values or their generation would be lost."""
    copied = {name.lower() for name in new.values}
    kept = copied | {name for name, generated in made.items() if generated}
    lost = old.keys() - kept - {name.lower() for name in new.dropped}
    if lost:
        names = ", ".join(sorted(lost))
        raise CommandError(
            f"table {new.name}: the revision would lose the values of {names}, and changed nothing"
            "\n  add the column to the definition and to the values, or to `dropped`"
        )
    if generated := sorted(name for name in copied if old.get(name)):
        raise CommandError(
            f"table {new.name}: {', '.join(generated)} would not be generated any more, and nothing"
            " was changed\n  change this by hand before the revision"
        )


def _keep_sequence(connection: Connection, table: str) -> None:
    """Give the new table the largest key that the old one ever had, so that none is reused."""
    rows(connection, "DELETE FROM sqlite_sequence WHERE name = ?", f"_new_{table}")
    rows(
        connection,
        "INSERT INTO sqlite_sequence (name, seq) SELECT ?, seq FROM sqlite_sequence WHERE name = ?"
        " COLLATE NOCASE",
        f"_new_{table}",
        table,
    )


def _has_rows_about(connection: Connection, catalogue: str, column: str, table: str) -> bool:
    """Return whether a table of SQLite's own, which may be missing, has rows about a table."""
    exists = rows(connection, "SELECT 1 FROM sqlite_master WHERE name = ?", catalogue)
    query = f"SELECT 1 FROM {catalogue} WHERE {column} = ? COLLATE NOCASE"
    return bool(exists and rows(connection, query, table))
