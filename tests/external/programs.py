"""Programs from outside of Python, each with a configuration of its own, on 127.0.0.1.

They run as the user of the embedded PostgreSQL where the tests are root's: PgBouncer refuses root.
"""

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy import make_url

from tests.support.cluster import USER
from tests.support.servers import free_port

START_SECONDS = 20.0
SYSTEM_FOLDERS = ("/usr/sbin", "/usr/local/sbin")
"""Where Debian has servers; PATH leaves them out for users other than root."""


def find_program(name: str) -> str:
    """Return the path of a program; the variable of its name in capitals replaces it."""
    found = _which(name)
    assert found, f"{name} is missing; .ci/run shows how to install it"
    return found


def is_there(name: str) -> bool:
    """Return whether a program is installed, while tests are collected."""
    return _which(name) is not None


def _which(name: str) -> str | None:
    path = os.pathsep.join((os.environ.get("PATH", ""), *SYSTEM_FOLDERS))
    return shutil.which(os.environ.get(name.upper(), name), path=path)


def version_of(name: str) -> tuple[int, ...]:
    """Return the version of a program that prints it as its second word."""
    done = subprocess.run([find_program(name), "-V"], check=True, capture_output=True, text=True)
    return tuple(int(part) for part in done.stdout.split()[1].split("."))


@dataclass
class Program:
    """One running program."""

    process: subprocess.Popen[bytes]
    log: Path
    port: int
    command: Sequence[str]

    def wait_until_it_listens(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while True:
            assert self.process.poll() is None, self.log.read_text()
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
            except OSError:
                assert time.monotonic() < deadline, self.log.read_text()
                time.sleep(0.05)
            else:
                return

    def stop(self) -> None:
        """End the program and its children, if it still runs."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(2)
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, signal.SIGKILL)
                self.process.wait()


@dataclass
class Programs:
    """Starts programs in a folder, and ends all of them."""

    folder: Path
    running: list[Program] = field(default_factory=list)

    def pgbouncer(self, database: str, settings: Mapping[str, object]) -> tuple[Program, str]:
        """Start PgBouncer in front of a database; return it and the database's URL through it."""
        url = make_url(database)
        server = " ".join(
            f"{key}={value}"
            for key, value in {
                "host": url.host or url.query["host"],
                "port": url.port,
                "dbname": url.database,
            }.items()
            if value
        )
        port = free_port()
        users = self._write("users.txt", f'"{url.username}" ""\n')
        own = {
            "listen_addr": "127.0.0.1",
            "listen_port": port,
            "unix_socket_dir": "",
            "auth_type": "trust",
            "auth_file": users,
            "admin_users": url.username,
            **settings,
        }
        lines = ["[databases]", f"{url.database} = {server}", "[pgbouncer]"]
        lines += [f"{name} = {value}" for name, value in own.items()]
        file = self._write("pgbouncer.ini", "\n".join(lines) + "\n")
        program = self.start("pgbouncer", [file], port)
        return program, f"postgresql://{url.username}@127.0.0.1:{port}/{url.database}"

    def haproxy(self, configuration: str, port: int) -> Program:
        """Start HAProxy with a configuration that listens on a port."""
        file = self._write("haproxy.cfg", configuration)
        return self.start("haproxy", ["-db", "-f", file], port)

    def nginx(self, configuration: str, port: int) -> Program:
        """Start nginx with a configuration that listens on a port, and writes to its own folder."""
        place = self.folder / f"nginx{len(self.running)}"
        place.mkdir()
        self._give(place)
        folders = [
            f"{name}_temp_path {place}/{name};"
            for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        ]
        text = "\n".join(
            (
                f"daemon off; pid {place}/pid; error_log stderr; worker_processes 1;",
                "events { worker_connections 512; }",
                "http {",
                "access_log off;",
                *folders,
                configuration,
                "}\n",
            )
        )
        file = self._write("nginx.conf", text)
        return self.start("nginx", ["-e", "stderr", "-p", str(place), "-c", file], port)

    def start(self, name: str, arguments: Sequence[str], port: int) -> Program:
        """Start a program; return when it listens on a port."""
        return self._start([find_program(name), *arguments], port)

    def again(self, program: Program) -> Program:
        """Start a program again that was stopped."""
        return self._start(program.command, program.port)

    def _start(self, command: Sequence[str], port: int) -> Program:
        log = self.folder / f"{Path(command[0]).name}{len(self.running)}.log"
        options: dict[str, Any] = {"user": USER, "extra_groups": []} if os.geteuid() == 0 else {}
        with log.open("wb") as output:
            process = subprocess.Popen(
                command,
                stdout=output,
                stderr=output,
                cwd=self.folder,
                start_new_session=True,  # a group of its own: it and its children
                **options,
            )
        program = Program(process, log, port, command)
        self.running.append(program)
        program.wait_until_it_listens()
        return program

    def stop(self) -> None:
        for program in reversed(self.running):
            program.stop()

    def _write(self, name: str, text: str) -> str:
        file = self.folder / f"{len(self.running)}-{name}"
        file.write_text(text, "utf-8")
        self._give(file)
        return str(file)

    def _give(self, path: Path) -> None:
        if os.geteuid() == 0:
            shutil.chown(path, USER)


@contextmanager
def console(program: Program) -> Iterator[Callable[[str], list[dict[str, Any]]]]:
    """Connect to PgBouncer's console; return what runs a command, such as SHOW POOLS."""
    url = f"host=127.0.0.1 port={program.port} user=postgres dbname=pgbouncer"
    with psycopg.connect(url, autocommit=True, cursor_factory=psycopg.ClientCursor) as connection:

        def ask(command: str) -> list[dict[str, Any]]:
            cursor = connection.execute(command)
            if cursor.description is None:
                return []
            names = [column.name for column in cursor.description]
            return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

        yield ask


def ask_pgbouncer(program: Program, command: str) -> list[dict[str, Any]]:
    """Return the rows of a command of PgBouncer's console."""
    with console(program) as ask:
        return ask(command)
