"""The tables at the start: creates missing ones, and compares existing ones with the models."""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from sqlalchemy import Connection, Engine, Index, MetaData, Table, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.schema import CreateIndex

from ..errors import StartupError
from .catalogue import (
    TableDefinition,
    expected_tables,
    normalize_checks,
    read_tables,
    taken_names,
)
from .catalogue.models import name_in_database
from .comparison import Finding, compare, missing_indexes
from .faults import cause_of
from .requirements import (
    SIGNING_KEY,
    check_database,
    check_rights,
    creation_refusal,
    is_not_writable,
    refusal,
    startup_errors,
)
from .revisions import has_revision
from .rights import creation_problem, owned_tables, reference_problem
from .secret import SECRETS, create_secret, read_secret, secret_grant
from .sqlite_locks import take_write_lock

LOCK = 5_236_117_340
"""The key of the advisory lock that serializes the creation of tables on PostgreSQL."""
_NO_ADVISORY_LOCKS = {"42883", "0A000"}
_BY_CRUDGEN = (
    "  The start never changes existing tables. In the folder of the spec, crudgen plan",
    "  shows what has to change, and crudgen apply changes it. Or undo the change of the",
)
_BY_REVISIONS = (
    "  The start never changes existing tables. Run the revisions: alembic upgrade head. If that",
    "  changes nothing, write one for the change: crudgen revision. Or undo the change of the",
)

_log = logging.getLogger(__name__)


@dataclass
class _Inspection:
    """What the start finds in a database: missing objects, tolerated differences, the secret."""

    tables: list[Table] = field(default_factory=list)
    indexes: list[tuple[Table, Index]] = field(default_factory=list)
    """Missing indexes of existing tables."""
    notes: list[str] = field(default_factory=list)
    """Differences from the models that do not prevent the start."""
    secret: bytes = b""
    lacks_secret: bool = False
    lacks_secret_table: bool = False
    awaited: list[str] = field(default_factory=list)
    """The names of missing indexes that a revision creates."""
    problem: tuple[str, str] | None = None
    """Why tables cannot be created, and the remedy."""

    @property
    def lacking(self) -> list[str]:
        """The names of the objects to create, without the indexes."""
        names = [f"the table {table.name}" for table in self.tables]
        return [*names, SIGNING_KEY] if self.lacks_secret else names


def prepare_tables(
    engine: Engine, metadata: MetaData, *, where: str, needs_secret: bool, migrations: bool = False
) -> bytes:
    """Create missing tables and indexes in one transaction; return the signing secret.

    If nothing is missing, no lock is taken and no privilege to create is needed. `where` is the URL
    in messages. The secret is empty unless `needs_secret`. With `migrations`, a database with a
    recorded revision gets no table or index of a model. Raises UnreachableError if the database
    cannot be reached, StartupError if it cannot be used or a table differs.
    """
    inspect = partial(
        _inspect, metadata=metadata, where=where, needs_secret=needs_secret, migrations=migrations
    )
    with startup_errors(engine, where), engine.connect() as connection:
        check_database(connection, where)
        state = inspect(connection)
        check_rights(connection, metadata, where)
    if state.problem and state.lacking:
        raise creation_refusal(where, state.lacking, *state.problem)
    if state.lacking or (state.indexes and not state.problem):
        state = _create_missing(engine, metadata, where, state, inspect)
    _log_findings(engine, where, state)
    return state.secret


def findings(
    connection: Connection, found: TableDefinition, expected: TableDefinition
) -> list[Finding]:
    """Return the differences between a table and its model."""
    if found.checks != expected.checks:
        found, expected = normalize_checks(connection, found, expected)
    return compare(found, expected)


def is_internal(table: Table) -> bool:
    """Return whether a table belongs to the application itself, and not to an entity."""
    return table.name.startswith("_")


def _inspect(
    connection: Connection, *, metadata: MetaData, where: str, needs_secret: bool, migrations: bool
) -> _Inspection:
    """Return what the database lacks. Raises StartupError if a table differs from its model."""
    tables = metadata.sorted_tables
    names = [table.name for table in tables]
    found = read_tables(connection, [*names, SECRETS.name] if needs_secret else names)
    present = [table for table in tables if table.name in found]
    state = _Inspection(tables=[table for table in tables if table.name not in found])
    expected = expected_tables(connection, present)
    differing = []
    for name, model in expected.items():
        all_found = findings(connection, found[name], model)
        state.notes += [f"table {name}: {one.text}" for one in all_found if not one.prevents_start]
        differing += [(name, finding) for finding in all_found if finding.prevents_start]
    if differing:
        raise StartupError(_differences_message(where, differing, migrations=migrations))
    for table in present:
        lacking = {index.name for index in missing_indexes(found[table.name], expected[table.name])}
        state.indexes += [
            (table, index) for index in table.indexes if _index_name(index, connection) in lacking
        ]
    if migrations and has_revision(connection):
        _leave_to_revisions(state, where)
    state.lacks_secret_table = needs_secret and SECRETS.name not in found
    if needs_secret and not state.lacks_secret_table:
        own = expected_tables(connection, [SECRETS])[SECRETS.name]
        if any(one.prevents_start for one in compare(found[SECRETS.name], own)):
            problem = f"the table {SECRETS.name} is not the table of the application's secret"
            raise refusal(where, problem, "rename it; or set SECRET_KEY")
        if (grant := secret_grant(connection)) is not None:
            raise refusal(
                where, "the role cannot read the signing secret", f"{grant}; or set SECRET_KEY"
            )
        state.secret = read_secret(connection)
    state.lacks_secret = needs_secret and not state.secret
    if connection.dialect.name == "postgresql" and (state.lacking or state.indexes):
        state.problem = creation_problem(connection) or reference_problem(
            connection, state.tables, present
        )
    return state


def _leave_to_revisions(state: _Inspection, where: str) -> None:
    """Remove from `state` what revisions create. Raises StartupError if a table is missing."""
    missing = [f"the table {table.name}" for table in state.tables if not is_internal(table)]
    if missing:
        verb = "is" if len(missing) == 1 else "are"
        problem = f"{', '.join(missing)} {verb} missing, and revisions create tables"
        raise refusal(where, problem, "alembic upgrade head")
    state.awaited = [str(index.name) for table, index in state.indexes if not is_internal(table)]
    state.indexes = [(table, index) for table, index in state.indexes if is_internal(table)]


def _create_missing(
    engine: Engine,
    metadata: MetaData,
    where: str,
    before: _Inspection,
    inspect: Callable[[Connection], _Inspection],
) -> _Inspection:
    """Create the missing objects, one process at a time; return what is left to report."""
    try:
        with engine.begin() as connection:
            _take_lock(connection, where)
            state = inspect(connection)
            taken = taken_names(connection)
            new = [*state.tables, *([SECRETS] if state.lacks_secret_table else [])]
            for table in new:
                if (kind := taken.get(table.name)) is not None:
                    raise refusal(where, *_name_taken_problem(table.name, kind))
            metadata.create_all(connection, state.tables, checkfirst=False)
            if state.lacks_secret:
                if state.lacks_secret_table:
                    SECRETS.create(connection)
                state.secret = create_secret(connection)
            _create_indexes(connection, state, taken)
            return state
    except DBAPIError as error:
        if is_not_writable(cause_of(error)) and not before.lacking:
            return before  # only indexes are missing: the application works without them
        with startup_errors(engine, where, before.lacking):
            raise


def _create_indexes(connection: Connection, state: _Inspection, taken: Mapping[str, str]) -> None:
    """Create the missing indexes, except on tables of another owner or with a used name."""
    own = owned_tables(connection, {table.name for table, _ in state.indexes})
    left = []
    for table, index in state.indexes:
        if table.name in own and _index_name(index, connection) not in taken:
            index.create(connection)
        else:
            left.append((table, index))
    state.indexes = left


def _name_taken_problem(name: str, kind: str) -> tuple[str, str]:
    """Return the problem of a table whose name another object has, and the remedy."""
    article = "an" if kind == "index" else "a"
    return f"the table {name} cannot be created: {article} {kind} has this name", "rename one"


def _take_lock(connection: Connection, where: str) -> None:
    """Lock the creation of tables: by an advisory lock on PostgreSQL, the write lock on SQLite."""
    if connection.dialect.name != "postgresql":
        take_write_lock(connection)
        return
    # An index on a large table takes longer than the timeout of requests.
    connection.execute(text("SET LOCAL statement_timeout = 0"))
    driver: Any = connection.connection.dbapi_connection
    driver.wait.seconds = None
    try:
        with connection.begin_nested():
            connection.execute(text(f"SELECT pg_catalog.pg_advisory_xact_lock({LOCK})"))
    except DBAPIError as error:
        if getattr(error.orig, "sqlstate", None) not in _NO_ADVISORY_LOCKS:
            raise
        _log.warning(
            "database %s has no advisory locks: start a single process first, to create the tables",
            where,
        )


def _index_name(index: Index, connection: Connection) -> str:
    if connection.dialect.name == "postgresql":
        return name_in_database(index, connection.dialect) or ""
    return str(index.name)


def _differences_message(
    where: str, differing: Sequence[tuple[str, Finding]], *, migrations: bool
) -> str:
    remedies = sorted((finding.remedy for _, finding in differing if finding.remedy), reverse=True)
    how = [
        "  A BIGINT column may be an int, or a decimal of an earlier version of this application,",
        "  which did not store the number of decimals: 1999 may mean 1999, 19.99 or 1.999. Only if",
        "  these columns are decimals with the digits of the models, stop the application and run",
        "  on the file (in the shell sqlite3, run .dbconfig defensive off first):",
        "    PRAGMA writable_schema = ON;",
        *(f"    {sql}" for _, sql in remedies),
        "    PRAGMA writable_schema = RESET;",
        "  Otherwise these statements would change the meaning of the values: convert the values,",
        "  or undo the change of the models.",
    ]
    return "\n".join(
        [
            f"database {where} has tables that differ from the models",
            *(f"  table {table}: {finding.text}" for table, finding in differing),
            *(how if remedies else []),
            *(_BY_REVISIONS if migrations else _BY_CRUDGEN),
            "  models, or use an empty database by another DATABASE_URL, such as sqlite:///other.db.",
        ]
    )


def _log_findings(engine: Engine, where: str, state: _Inspection) -> None:
    """Log the tolerated differences, and the missing indexes that cannot be created."""
    if state.notes:
        lines = "".join(f"\n  {note}" for note in state.notes)
        message = "database %s has objects that differ from the models; they are kept%s"
        _log.warning(message, where, lines)
    if state.awaited:
        names = ", ".join(state.awaited)
        _log.warning("database %s lacks indexes: %s\n  alembic upgrade head", where, names)
    if state.indexes:
        sql = "; ".join(_create_index_sql(one, engine) for _, one in state.indexes)
        _log.warning("database %s lacks indexes that cannot be created: %s", where, sql)


def _create_index_sql(index: Index, engine: Engine) -> str:
    sql = str(CreateIndex(index).compile(dialect=engine.dialect))
    return sql.replace("%%", "%") if engine.dialect.name == "postgresql" else sql
