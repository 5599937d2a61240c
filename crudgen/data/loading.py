"""Loads a dump into an empty database: all rows, or none. Reason to change: the protocol.

Create missing tables; refuse tables with rows; insert; check; commit. All of it is one transaction.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import groupby

from sqlalchemy import Connection, select

from crudgen.errors import DatabaseError, DataError
from crudgen.evolution.applying import Target, run_steps, watch_nothing
from crudgen.evolution.connecting import Database
from crudgen.evolution.statements import run

from .dump_contents import DumpedTable
from .head import LoadedTable, matched_tables
from .inserting import TableRows
from .reading import DumpReader, Record
from .writing import Report


@dataclass(frozen=True, slots=True)
class Destination:
    """The database that gets rows, and the tables that it should have."""

    database: Database
    target: Target
    is_dry_run: bool = False
    """Whether everything is undone at the end."""

    @contextmanager
    def opened(self) -> Iterator[Connection]:
        """Yield a connection in a transaction, with all tables. Raises DatabaseError."""
        database, existed = self.database, self.database.exists
        try:
            with database.connect() as connection:
                run(connection, "BEGIN IMMEDIATE" if database.file else "BEGIN")
                try:
                    _create_missing_tables(connection, self.target, database.where)
                    yield connection
                    run(connection, "ROLLBACK" if self.is_dry_run else "COMMIT")
                except BaseException:
                    with suppress(Exception):
                        run(connection, "ROLLBACK")
                    raise
                existed = existed or not self.is_dry_run
        finally:
            if not existed and database.file is not None:
                database.file.unlink(missing_ok=True)


def load_dump(
    into: Destination, tables: Sequence[DumpedTable], dump: DumpReader, report: Report
) -> dict[str, int]:
    """Insert the rows of a dump, and return their number by table. Raises CrudgenError."""
    loaded = matched_tables(dump.head, tables, dump.place)
    with into.opened() as connection:
        _check_empty(connection, loaded, into.database.where)
        rows = _table_rows(connection, loaded)
        counts = _insert(rows, loaded, dump, report)
        rows.finish(loaded)
    return counts


def _create_missing_tables(connection: Connection, target: Target, where: str) -> None:
    """Create the tables that a database lacks. Raises DatabaseError if it lacks more than that."""
    plan = target.plan(connection)
    if plan.is_empty:
        return
    created = {step.table for step in plan.steps if step.creates_table}
    if plan.problems or any(step.table not in created for step in plan.steps):
        raise DatabaseError(
            f"database {where}: the tables differ from those of the spec\n"
            "  to see and make the changes, run: crudgen plan, then crudgen apply"
        )
    if target.hints.has_revisions:
        raise DatabaseError(
            f"database {where}: tables are missing, and revisions create them\n  run: crudgen apply"
        )
    run_steps(connection, plan.steps, watch_nothing)


def _check_empty(connection: Connection, loaded: Sequence[LoadedTable], where: str) -> None:
    """Raise DatabaseError if a table has rows."""
    full = [
        one.dumped.name
        for one in loaded
        if connection.execute(select(*one.dumped.table.primary_key).limit(1)).first()
    ]
    if full:
        verb = "has" if len(full) == 1 else "have"
        raise DatabaseError(
            f"database {where}: {', '.join(full)} {verb} rows, and a dump is loaded into empty"
            " tables\n  load it into another database: --database URL"
        )


def _table_rows(connection: Connection, loaded: Sequence[LoadedTable]) -> TableRows:
    if connection.dialect.name == "sqlite":
        from .inserting_sqlite import SqliteRows  # noqa: PLC0415 -- only one is needed

        return SqliteRows(connection)
    from .inserting_postgresql import PostgresqlRows  # noqa: PLC0415 -- it imports psycopg

    return PostgresqlRows(connection, loaded)


def _insert(
    rows: TableRows, loaded: Sequence[LoadedTable], dump: DumpReader, report: Report
) -> dict[str, int]:
    """Insert the records, table by table. Raises DataError if some are missing."""
    counts = dict.fromkeys((one.dumped.name for one in loaded), 0)
    left = [*loaded]
    for name, records in groupby(dump.records(loaded), lambda record: record.table):
        while left and left[0].dumped.name != name:
            left.pop(0)
        if not left:
            place = next(records).place
            raise DataError(f"{place}: rows of {name}: the first line has another order of tables")
        reported = _with_progress(records, report)  # noqa: B031 -- `next` was not called
        counts[name] = rows.insert(left.pop(0), reported)
    for one in loaded:
        if counts[one.dumped.name] != one.rows:
            raise DataError(
                f"{dump.place}: the dump has {one.rows:,} rows of {one.dumped.name}, and the file"
                f" {counts[one.dumped.name]:,}\n  the file is incomplete: dump the database again"
            )
    return counts


def _with_progress(records: Iterator[Record], report: Report) -> Iterator[Record]:
    for number, record in enumerate(records, 1):
        yield record
        if not number % 1000:
            report(1000)
