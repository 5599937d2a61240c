"""PostgreSQL: one pool of checked connections, and statements that do not run forever."""

from importlib.util import find_spec

from sqlalchemy import URL, create_engine

from ..errors import StartupError
from .backend import Backend

CONNECT_SECONDS = 3


def connect(
    url: URL, *, connections: int, lock_seconds: float, statement_seconds: float
) -> Backend:
    """Make a pool of connections in UTC, with time limits.

    Raises StartupError when the driver is not installed.
    """
    if find_spec("psycopg") is None:
        raise StartupError(
            "database: PostgreSQL needs the driver psycopg\n  pip install 'psycopg[binary]'"
        )
    settings = {
        "statement_timeout": int(statement_seconds * 1000),
        "lock_timeout": int(lock_seconds * 1000),
        "idle_in_transaction_session_timeout": int(statement_seconds * 2000),
        "timezone": "UTC",
    }
    engine = create_engine(
        url.set(drivername="postgresql+psycopg"),
        connect_args={
            "connect_timeout": CONNECT_SECONDS,
            "options": " ".join(f"-c {name}={value}" for name, value in settings.items()),
        },
        pool_size=connections,
        max_overflow=0,
        pool_timeout=lock_seconds,
        pool_pre_ping=True,
    )
    # Outside a transaction a read is one round trip instead of three.
    reader = engine.execution_options(isolation_level="AUTOCOMMIT")
    return Backend(reader=reader, writer=engine, writers=connections, reads_keys_at_once=False)
