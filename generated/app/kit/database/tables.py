"""Tables at start: the missing ones are created, a differing one is reported column by column."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Engine, Index, MetaData, Table, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.schema import CreateIndex

from ..errors import StartupError
from .catalogue import UNREADABLE, TableDefinition, read_tables, taken_names, wanted_tables
from .catalogue.rehearsal import rehearsed_tables
from .catalogue.wanted import statement
from .comparison import Finding, compare, missing_indexes
from .faults import cause_of
from .requirements import (
    SIGNING_KEY,
    check_database,
    check_rights,
    creation_refusal,
    explained,
    is_not_writable,
    refusal,
)
from .rights import creation_problem, owned_tables
from .secret import SECRETS, create_secret, read_secret, secret_grant

LOCK = 5_236_117_340
"""Key of the advisory lock that lets one process after another create tables on PostgreSQL."""
_NO_ADVISORY_LOCKS = {"42883", "0A000"}

_log = logging.getLogger(__name__)


@dataclass
class _State:
    """What the database lacks, and what it has beyond the models."""

    tables: list[Table] = field(default_factory=list)
    indexes: list[tuple[Table, Index]] = field(default_factory=list)
    """Of tables that exist."""
    notes: list[str] = field(default_factory=list)
    secret: bytes = b""
    lacks_secret: bool = False
    lacks_secrets: bool = False
    """Whether there is no table for the secret."""
    problem: tuple[str, str] | None = None
    """Why nothing can be created, and the remedy."""

    @property
    def lacking(self) -> list[str]:
        """The names of what has to be created."""
        names = [f"the table {table.name}" for table in self.tables]
        return [*names, SIGNING_KEY] if self.lacks_secret else names


def prepare(engine: Engine, metadata: MetaData, *, where: str, needs_secret: bool) -> bytes:
    """Create missing tables and indexes, in one transaction; return the secret kept there.

    Nothing is locked, and no right to create is needed, when nothing is missing. `where` names the
    database in messages. The secret is empty if it is not needed. Raises UnreachableError when the
    database does not answer now, StartupError when it cannot be used or a table differs.
    """
    with explained(engine, where), engine.connect() as connection:
        connection.execution_options(only_reads=True)
        check_database(connection, where)
        state = _inspect(connection, metadata, where, needs_secret=needs_secret)
        check_rights(connection, metadata, where)
    if state.problem and state.lacking:
        raise creation_refusal(where, state.lacking, *state.problem)
    if state.lacking or (state.indexes and not state.problem):
        state = _create(engine, metadata, where, state, needs_secret=needs_secret)
    _report(engine, where, state)
    return state.secret


def _inspect(
    connection: Connection, metadata: MetaData, where: str, *, needs_secret: bool
) -> _State:
    """Find out what is missing. Raises StartupError when a table differs."""
    tables = metadata.sorted_tables
    names = [table.name for table in tables]
    found = read_tables(connection, [*names, SECRETS.name] if needs_secret else names)
    present = [table for table in tables if table.name in found]
    state = _State(tables=[table for table in tables if table.name not in found])
    wanted = wanted_tables(present, connection.dialect)
    differing = []
    for name, findings in _findings(connection, present, found, wanted).items():
        state.notes += [f"table {name}: {one.text}" for one in findings if not one.refused]
        differing += [(name, finding) for finding in findings if finding.refused]
    if differing:
        raise StartupError(_differences(where, differing))
    for table in present:
        lacking = {index.name for index in missing_indexes(found[table.name], wanted[table.name])}
        state.indexes += [
            (table, index) for index in table.indexes if _name(index, connection) in lacking
        ]
    state.lacks_secrets = needs_secret and SECRETS.name not in found
    if needs_secret and not state.lacks_secrets:
        own = wanted_tables([SECRETS], connection.dialect)[SECRETS.name]
        if any(one.refused for one in compare(found[SECRETS.name], own)):
            problem = f"the table {SECRETS.name} is another one than keeps the secret"
            raise refusal(where, problem, "rename it; or set SECRET_KEY")
        if (grant := secret_grant(connection)) is not None:
            raise refusal(where, "the role may not read the secret", f"{grant}; or set SECRET_KEY")
        state.secret = read_secret(connection)
    state.lacks_secret = needs_secret and not state.secret
    if connection.dialect.name == "postgresql" and (state.lacking or state.indexes):
        state.problem = creation_problem(connection)
    return state


def _findings(
    connection: Connection,
    tables: Sequence[Table],
    found: dict[str, TableDefinition],
    wanted: dict[str, TableDefinition],
) -> dict[str, list[Finding]]:
    """Compare; what seems to differ on PostgreSQL is looked at again, as it would print it."""
    findings = {
        table.name: compare(found[table.name], wanted[table.name])
        for table in tables
        if wanted[table.name].kind != UNREADABLE or connection.dialect.name == "postgresql"
    }
    if connection.dialect.name == "postgresql":
        doubtful = [table for table in tables if any(one.refused for one in findings[table.name])]
        for name, definition in rehearsed_tables(connection, doubtful).items():
            findings[name] = compare(found[name], definition)
    return findings


def _create(
    engine: Engine, metadata: MetaData, where: str, before: _State, *, needs_secret: bool
) -> _State:
    """Create what is still missing, one process after another; return what is missing then."""
    try:
        with engine.begin() as connection:
            _wait_for_others(connection, where)
            state = _inspect(connection, metadata, where, needs_secret=needs_secret)
            taken = taken_names(connection)
            new = [*state.tables, *([SECRETS] if state.lacks_secrets else [])]
            for table in new:
                if (kind := taken.get(table.name)) is not None:
                    raise refusal(where, *_name_taken(table.name, kind))
            metadata.create_all(connection, state.tables, checkfirst=False)
            if state.lacks_secret:
                if state.lacks_secrets:
                    SECRETS.create(connection)
                state.secret = create_secret(connection)
            _create_indexes(connection, state, taken)
            return state
    except DBAPIError as error:
        if is_not_writable(cause_of(error)) and not before.lacking:
            return before  # indexes alone: requests are answered without them, if more slowly
        with explained(engine, where, before.lacking):
            raise


def _create_indexes(connection: Connection, state: _State, taken: Mapping[str, str]) -> None:
    """Create indexes where the role owns the table and the name is free, and forget those."""
    own = owned_tables(connection, {table.name for table, _ in state.indexes})
    left = []
    for table, index in state.indexes:
        if table.name in own and _name(index, connection) not in taken:
            index.create(connection)
        else:
            left.append((table, index))
    state.indexes = left


def _name_taken(name: str, kind: str) -> tuple[str, str]:
    article = "an" if kind == "index" else "a"
    return f"there can be no table {name}, which {article} {kind} has as its name", "rename one"


def _wait_for_others(connection: Connection, where: str) -> None:
    """Let one process after another create; SQLite's BEGIN IMMEDIATE has done so."""
    if connection.dialect.name != "postgresql":
        return
    # An index on a large table takes longer than a request's statement may.
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
            "database %s has no advisory locks: let one process create the tables,"
            " before others start",
            where,
        )


def _name(index: Index, connection: Connection) -> str:
    name = str(index.name)
    if connection.dialect.name == "postgresql":
        prepared = connection.dialect.identifier_preparer.format_index(index)
        name = prepared.strip('"')
    return name


def _differences(where: str, differing: Sequence[tuple[str, Finding]]) -> str:
    remedies = sorted((finding.remedy for _, finding in differing if finding.remedy), reverse=True)
    how = [
        "  BIGINT holds an int, or a decimal of an earlier version of this application, which kept",
        "  no number of decimals: 1999 may be 1999, 19.99 or 1.999. Only if these columns were",
        "  decimals with the very digits of the models, stop the application and run on the file",
        "  (in the shell sqlite3, first: .dbconfig defensive off):",
        "    PRAGMA writable_schema = ON;",
        *(f"    {sql}" for _, sql in remedies),
        "    PRAGMA writable_schema = RESET;",
        "  Otherwise these statements would change what the values mean: convert the values too,",
        "  or undo the change of the models.",
    ]
    return "\n".join(
        [
            f"database {where} has tables that differ from the models",
            *(f"  table {table}: {finding.text}" for table, finding in differing),
            *(how if remedies else []),
            "  Existing tables are never changed: there are no migrations in this version.",
            "  Change the tables by hand, undo the change of the models, or start with an empty",
            "  database: another DATABASE_URL, such as sqlite:///other.db.",
        ]
    )


def _report(engine: Engine, where: str, state: _State) -> None:
    """Log what is kept though no model knows it, and the indexes that could not be created."""
    if state.notes:
        lines = "".join(f"\n  {note}" for note in state.notes)
        _log.warning("database %s has what the models do not know; it is kept%s", where, lines)
    if state.indexes:
        sql = "; ".join(statement(CreateIndex(one), engine.dialect) for _, one in state.indexes)
        _log.warning("database %s lacks indexes that cannot be created: %s", where, sql)
