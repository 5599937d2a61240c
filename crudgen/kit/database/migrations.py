"""What migrations need of the application: a connection, and the comparison with the models."""

from functools import partial
from typing import Any

from sqlalchemy import Connection, Engine, MetaData, NullPool, create_engine, make_url

from ..errors import DatabaseStartupError
from .catalogue import expected_tables, read_tables
from .comparison import missing_indexes
from .connections import Connector
from .requirements import check_database, refusal, startup_errors
from .sessions import SessionSettings
from .sqlite_file import FileConnection, SqliteFile
from .tables import findings, is_internal
from .urls import check_characters, mask_url, read_postgresql_url, scheme_of

_SETTINGS = (
    "SET statement_timeout = 0; SET lock_timeout = 0; SET idle_in_transaction_session_timeout = 0"
)
_DAY = 86_400
_BUSY_SECONDS = 60.0


def connect(url: str) -> Connection:
    """Connect without the timeouts of requests; create a missing SQLite file.

    Raises StartupError.
    """
    check_characters(url)
    match scheme_of(url):
        case "sqlite":
            engine = sqlite_engine(SqliteFile(make_url(url)), _BUSY_SECONDS)
        case "postgresql":
            engine = postgresql_engine(url)
        case _:
            raise DatabaseStartupError(
                "database: the URL is neither for SQLite nor for PostgreSQL\n"
                "  write sqlite:///app.db or postgresql://user:password@host/name"
            )
    where = mask_url(url)
    with startup_errors(engine, where):
        connection = engine.connect()
    try:
        with startup_errors(engine, where):
            check_database(connection, where)
            connection.rollback()
        driver: Any = connection.connection.dbapi_connection
        if getattr(driver, "is_pooled", False):
            problem = "there is a pooler before the server, and migrations need their own session"
            raise refusal(where, problem, "set DATABASE_URL to the URL of the server itself")
    except BaseException:
        connection.close()
        raise
    return connection


def differences(connection: Connection, metadata: MetaData) -> list[str]:
    """Return the differences of a database from the models, a line for each."""
    tables = [table for table in metadata.sorted_tables if not is_internal(table)]
    found = read_tables(connection, [table.name for table in tables])
    lines = [f"table {table.name}: missing" for table in tables if table.name not in found]
    expected = expected_tables(connection, [one for one in tables if one.name in found])
    for name, model in expected.items():
        differing = findings(connection, found[name], model)
        lines += [f"table {name}: {one.text}" for one in differing if one.prevents_start]
        for index in missing_indexes(found[name], model):
            lines.append(f"table {name}: index {index.name}: missing")
    return lines


def sqlite_engine(file: SqliteFile, busy_seconds: float) -> Engine:
    """Return an engine whose connections wait `busy_seconds` for a lock."""
    creator = partial(file.connect_as, FileConnection, busy_seconds, create=True)
    return create_engine(file.url, creator=creator, poolclass=NullPool)


def postgresql_engine(url: str) -> Engine:
    """Return an engine whose connections have no timeouts. Raises StartupError."""
    try:
        parameters = read_postgresql_url(url)
    except ImportError:
        raise DatabaseStartupError(
            "database: PostgreSQL needs the driver psycopg\n  pip install 'psycopg[binary,pool]'"
        ) from None
    connector = Connector(parameters, SessionSettings(_DAY, _DAY), "false")

    def create() -> Any:
        connection = connector.connect_for_sessions()
        connection.wait.seconds = None
        if not connection.is_pooled:  # other clients get the sessions of a pooler
            connection.execute(_SETTINGS)
            connection.commit()
        return connection

    return create_engine("postgresql+psycopg://", creator=create, poolclass=NullPool)
