"""Connections that change tables. Reason to change: their settings.

They have no timeouts of requests: a copy of a large table takes as long as it takes.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import unquote

from sqlalchemy import Connection, Engine, NullPool, create_engine, make_url
from sqlalchemy.exc import DBAPIError

from crudgen.errors import DatabaseError, NotConnectedError
from crudgen.kit.database.codes import Fault
from crudgen.kit.database.faults import cause_of, classify, reason_of
from crudgen.kit.database.migrations import postgresql_engine, sqlite_engine
from crudgen.kit.database.requirements import check_database, startup_errors
from crudgen.kit.database.sqlite_file import SqliteFile
from crudgen.kit.database.urls import check_characters, mask_url, scheme_of
from crudgen.kit.errors import DatabaseStartupError, StartupError

_BUSY_SECONDS = 0.5
"""How long a connection to SQLite waits for a lock. Longer waits are repeated."""
_REMEDIES = {
    Fault.BUSY: "another process writes or holds a lock: wait for its end, then try again",
    Fault.LOCKED: "another process holds a lock: wait for its end, then try again",
    Fault.READ_ONLY: "make the database writable, or give the URL of one that is",
    Fault.DENIED: "use a role that owns the tables",
    Fault.FULL: "make room on the disk of the database, then try again",
}


class Database:
    """A database whose tables change. Raises DatabaseError for an invalid URL."""

    def __init__(self, url: str) -> None:
        self.where = mask_url(url)
        """The URL without a password."""
        self.kind = scheme_of(url)
        self.file: Path | None = None
        """The file of a SQLite database."""
        with _as_database_errors(NotConnectedError):
            check_characters(url)
            if self.kind == "sqlite":
                file = SqliteFile(make_url(url))
                self.file = Path(str(file.url.database)).absolute()
                self._engine = sqlite_engine(file, _BUSY_SECONDS)
            elif self.kind == "postgresql":
                self._engine = postgresql_engine(url)
            else:
                raise DatabaseStartupError(
                    "database: the URL is neither for SQLite nor for PostgreSQL\n"
                    "  write sqlite:///app.db or postgresql://user:password@host/name"
                )

    @property
    def exists(self) -> bool:
        """Whether the SQLite file exists; True for a server."""
        return self.file is None or self.file.exists()

    @contextmanager
    def connect(self) -> Iterator[Connection]:
        """Connect in autocommit mode; create a missing file. Raises DatabaseError."""
        with self._checked_connection(self._engine) as connection:
            yield connection

    @contextmanager
    def read_only_connection(self) -> Iterator[Connection]:
        """Connect, in a transaction that only reads. A missing file is an empty database."""
        engine = self._engine if self.exists else create_engine("sqlite://", poolclass=NullPool)
        with self._checked_connection(engine) as connection:
            begin = "BEGIN" if self.kind == "sqlite" else "BEGIN ISOLATION LEVEL REPEATABLE READ"
            connection.exec_driver_sql(begin)
            yield connection

    @contextmanager
    def _checked_connection(self, engine: Engine) -> Iterator[Connection]:
        with _as_database_errors(NotConnectedError), startup_errors(engine, self.where):
            connection = engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        try:
            with self.errors():
                check_database(connection, self.where)
                yield connection
        finally:
            connection.close()

    @contextmanager
    def errors(self) -> Iterator[None]:
        """Convert errors of the driver to DatabaseError, with the statement."""
        try:
            with _as_database_errors():
                yield
        except DBAPIError as error:
            statement = " ".join((error.statement or "").split())
            cause = cause_of(error)
            hint = getattr(getattr(cause, "diag", None), "message_detail", None)
            remedy = _REMEDIES.get(classify(cause))
            lines = [f"database {self.where}: {reason_of(error)}", *([f"  {hint}"] if hint else [])]
            lines += [f"  statement: {statement}"] if statement else []
            lines += ["  nothing was changed", *([f"  {remedy}"] if remedy else [])]
            raise DatabaseError("\n".join(lines)) from None


def without_password(url: str) -> str:
    """Return a URL without its password; unlike `mask_url`, it keeps all else."""
    masked = mask_url(url)
    if not masked.startswith("postgresql://") or masked == "postgresql://…":
        return masked
    address, _, query = url.partition("?")
    scheme, _, rest = address.partition("://")
    login, at, place = rest.rpartition("@")
    parameters = [one for one in query.split("&") if one and "password" not in unquote(one)]
    shown = f"{scheme}://{login.partition(':')[0]}{at}{place}"
    return f"{shown}?{'&'.join(parameters)}" if parameters else shown


@contextmanager
def _as_database_errors(kind: type[DatabaseError] = DatabaseError) -> Iterator[None]:
    """Convert StartupError to a DatabaseError."""
    try:
        yield
    except StartupError as error:
        raise kind.of_startup(error) from None
