"""The connections to PostgreSQL that functions in `hooks.py` use, with a thread for each."""

from anyio import CapacityLimiter
from sqlalchemy import Engine, QueuePool, create_engine

from ..database.postgresql import Postgresql

_KEY = "hook_pool"


class Pool:
    """A pool as large as the one for requests without functions; connections open on demand."""

    def __init__(self, backend: Postgresql) -> None:
        self.engine: Engine = backend.engines.add(
            create_engine(
                "postgresql+psycopg://",
                creator=backend.connector.connect_for_sessions,
                poolclass=QueuePool,
                pool_size=backend.connections,
                max_overflow=0,
                pool_timeout=backend.lock_seconds,
                pool_pre_ping=True,
                pool_use_lifo=True,
            )
        )
        self.threads = CapacityLimiter(backend.connections)
        backend.closers.append(self.engine.dispose)


def pool_of(backend: Postgresql) -> Pool:
    """Return the pool of a database."""
    found: Pool | None = vars(backend).get(_KEY)
    if found is None:
        found = vars(backend)[_KEY] = Pool(backend)
    return found
