"""The applications that are compared: commands, paths, and a check of their responses."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from bench.data import fill, fill_pocketbase
from bench.load import SERVER_CORE, LoadError, pin
from bench.work import HERO, WORKS, Paths

ROOT = Path(__file__).parents[1]


@dataclass(frozen=True, slots=True)
class Contender:
    """An application that is compared."""

    name: str
    command: Callable[[int, str], list[str]]
    """Returns the command for a port and a database URL."""
    databases: tuple[str, ...] = ("sqlite", "postgresql")
    paths: Paths = field(default_factory=Paths)
    works: tuple[str, ...] = WORKS
    answers_rows: bool = True
    """Whether its responses are rows of the database, which are checked."""


def _uvicorn(app: str) -> Callable[[int, str], list[str]]:
    arguments = ["--no-access-log", "--log-level", "warning"]
    return lambda port, _url: [
        *(sys.executable, "-m", "uvicorn", f"bench.apps.{app}:app", "--port", str(port)),
        *arguments,
    ]


def _crudgen(port: int, url: str) -> list[str]:
    serve = [sys.executable, "-m", "crudgen", "serve", str(ROOT / "entities"), "--no-reload"]
    return [*serve, "--port", str(port), "--database", url]


def _pocketbase(port: int, url: str) -> list[str]:
    folder = Path(url.removeprefix("sqlite:///")).parent
    return ["pocketbase", "serve", f"--http=127.0.0.1:{port}", f"--dir={folder / 'pb_data'}"]


POCKETBASE_PATHS = Paths(
    rows="/api/collections/heroes/records",
    row="/api/collections/heroes/records/%015d",
    page="/api/collections/heroes/records?perPage=100&skipTotal=1",
    deep_page="/api/collections/heroes/records?perPage=100&page=501&skipTotal=1",
)
FASTCRUD_PATHS = Paths(
    rows="/heroes",
    row="/heroes/%d",
    page="/heroes?offset=0&limit=100",
    deep_page="/heroes?offset=50000&limit=100",
)
BASELINE = "by hand"
CONTENDERS = (
    Contender("crudgen", _crudgen),
    Contender(BASELINE, _uvicorn("by_hand")),
    Contender("FastCRUD", _uvicorn("with_fastcrud"), paths=FASTCRUD_PATHS),
    Contender("PocketBase", _pocketbase, ("sqlite",), POCKETBASE_PATHS),
    Contender("bare ASGI", _uvicorn("bare")),
    Contender("FastAPI, nothing", _uvicorn("nothing"), ("sqlite",), answers_rows=False),
)


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

    def check(self) -> None:
        """Raise LoadError if a response is wrong."""
        if not self.contender.answers_rows:
            return
        paths = self.contender.paths
        with httpx.Client(base_url=self.base, timeout=30) as client:
            row = client.get(paths.row % 7).raise_for_status().json()
            page = _rows(client.get(paths.page).raise_for_status().json())
            deep = _rows(client.get(paths.deep_page).raise_for_status().json())
            created = client.post(
                paths.rows, content=HERO, headers={"content-type": "application/json"}
            ).raise_for_status()
            changed = client.patch(paths.row % 8, json={"age": 17})
            changed.raise_for_status()
            again = client.get(paths.row % 8).json()
        right = (
            row["name"] == "hero 7"
            and len(page) == len(deep) == 100
            and created.json()["name"] == "Rusty-Man"
            and again["age"] == 17
        )
        if not right:
            raise LoadError(f"{self.contender.name} returned a wrong row: {row} or {again}")


def _rows(answer: Any) -> list[Any]:
    """Return the rows of a page: the JSON value itself, or a list in it."""
    return answer if isinstance(answer, list) else answer.get("data") or answer["items"]


def start(contender: Contender, database: str, folder: Path, *, pinned: bool = True) -> Server:
    """Start a contender with 100,000 rows. Raises LoadError if it does not respond in time."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    if contender.name == "PocketBase":
        fill_pocketbase(folder / "pb_data")
    else:
        fill(database)
    log = (folder / f"{contender.name}.log").open("wb")
    process = subprocess.Popen(
        contender.command(port, database),
        cwd=ROOT,
        env=os.environ | {"DATABASE_URL": database, "LOG_LEVEL": "WARNING"},
        stdout=log,
        stderr=log,
        preexec_fn=(lambda: pin(SERVER_CORE)) if pinned else None,
    )
    server = Server(contender, f"http://127.0.0.1:{port}", process)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        try:
            httpx.get(server.base + contender.paths.row % 1, timeout=5)
        except httpx.TransportError:
            time.sleep(0.1)
        else:
            server.check()
            return server
    server.stop()
    raise LoadError(f"{contender.name} did not start; see {folder}/{contender.name}.log")
