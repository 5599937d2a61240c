"""Suites: tasks, the contenders that run them, and the check of their responses."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

import httpx

from bench.load import SERVER_CORE, LoadError, pin

ROOT = Path(__file__).parents[1]
CRUDGEN = "crudgen"
BASELINE = "by hand"
POCKETBASE = "PocketBase"
_START = 'json = {["Content-Type"] = "application/json"}\nmath.randomseed(os.time())\n'
Request: TypeAlias = str | Callable[[httpx.Client], str]
"""Lua code that returns a request, or a function that returns the code, for a running server."""


@dataclass(frozen=True, slots=True)
class Contender:
    """An application that is compared."""

    name: str
    command: Callable[[int, str], list[str]]
    """Returns the command for a port and a database URL."""
    requests: Mapping[str, Request]
    """The request of each task that the application can run."""
    first: str
    """A path to request until the application responds."""
    databases: tuple[str, ...] = ("sqlite", "postgresql")
    check: Callable[[httpx.Client], bool] = lambda _client: True
    """Returns whether the responses are right."""
    missing: Callable[[], str | None] = lambda: None
    """Returns why it cannot run on this machine; None if it can."""


@dataclass(frozen=True, slots=True)
class Target:
    """The least ratio of crudgen's responses per second to those of another contender."""

    database: str
    task: str
    contender: str
    ratio: float


@dataclass(frozen=True, slots=True)
class Suite:
    """Contenders with the same data, and their tasks."""

    name: str
    tasks: tuple[str, ...]
    contenders: tuple[Contender, ...]
    fill: Callable[[str], None]
    """Creates the tables of a database, and inserts the rows."""
    fill_pocketbase: Callable[[Path], None] | None = None
    """The same for PocketBase, in its folder, if it is a contender."""
    one_client: frozenset[str] = frozenset()
    """Tasks that are measured with one client only: they take some contenders seconds."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """Environment variables of the contenders."""
    targets: tuple[Target, ...] = ()
    """What is compared with the results of 64 clients."""


@dataclass
class Server:
    """A running contender."""

    contender: Contender
    base: str
    process: subprocess.Popen[bytes]

    def stop(self) -> None:
        """Stop the process, and wait for its end."""
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(15)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def script(self, task: str) -> str:
        """Return the Lua script of a task."""
        request = self.contender.requests[task]
        if callable(request):
            with httpx.Client(base_url=self.base, timeout=60) as client:
                request = request(client)
        return script_of(request)

    def check(self) -> None:
        """Raise LoadError if a response is wrong."""
        with httpx.Client(base_url=self.base, timeout=30) as client:
            if not self.contender.check(client):
                raise LoadError(f"{self.contender.name} returned a wrong response")


def script_of(request: str) -> str:
    """Return the Lua script that sends a request again and again."""
    return f"{_START}request = function()\n  {request}\nend\n"


def get(path: str, most: int = 0) -> str:
    """Return the Lua code that requests a path, with a random number from 1 to `most` for %d."""
    if not most:
        return f'return wrk.format("GET", "{path}")'
    return f'return wrk.format("GET", string.format("{path}", math.random(1, {most})))'


def uvicorn(app: str) -> Callable[[int, str], list[str]]:
    """Return the command of an application in `bench/apps`."""
    arguments = ["--no-access-log", "--log-level", "warning"]
    return lambda port, _url: [
        *(sys.executable, "-m", "uvicorn", f"bench.apps.{app}:app", "--port", str(port)),
        *arguments,
    ]


def crudgen(entities: Path) -> Callable[[int, str], list[str]]:
    """Return the command of `crudgen serve` for a folder of entities."""
    serve = [sys.executable, "-m", "crudgen", "serve", str(entities), "--no-reload"]
    return lambda port, url: [*serve, "--port", str(port), "--database", url]


def pocketbase(port: int, url: str) -> list[str]:
    """Return the command of PocketBase, with its data next to the database of the URL."""
    folder = Path(url.removeprefix("sqlite:///")).parent
    return ["pocketbase", "serve", f"--http=127.0.0.1:{port}", f"--dir={folder / 'pb_data'}"]


def start(
    suite: Suite, contender: Contender, database: str, folder: Path, *, pinned: bool = True
) -> Server:
    """Start a contender with the data of its suite.

    Raises LoadError if it does not respond in time, or if a response is wrong.
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    if contender.name == POCKETBASE and suite.fill_pocketbase is not None:
        suite.fill_pocketbase(folder / "pb_data")
    else:
        suite.fill(database)
    log = (folder / f"{contender.name}.log").open("wb")
    process = subprocess.Popen(
        contender.command(port, database),
        cwd=ROOT,
        env=os.environ | suite.environment | {"DATABASE_URL": database, "LOG_LEVEL": "WARNING"},
        stdout=log,
        stderr=log,
        preexec_fn=(lambda: pin(SERVER_CORE)) if pinned else None,
    )
    server = Server(contender, f"http://127.0.0.1:{port}", process)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        try:
            httpx.get(server.base + contender.first, timeout=5)
        except httpx.TransportError:
            time.sleep(0.1)
        else:
            server.check()
            return server
    server.stop()
    raise LoadError(f"{contender.name} did not start; see {folder}/{contender.name}.log")
