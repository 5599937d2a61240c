"""Starts the generated applications as processes of their own, and asks them over HTTP."""

import compileall
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from functools import cached_property
from itertools import count, cycle, product
from pathlib import Path
from typing import Any, TypeAlias

import httpx
import psutil
from sqlalchemy import (
    Engine,
    ForeignKeyConstraint,
    MetaData,
    NullPool,
    Table,
    create_engine,
    quoted_name,
)
from sqlalchemy.schema import sort_tables_and_constraints

import crudgen.kit.types.decimals  # noqa: F401 - SQLAlchemy reflects its types then
from crudgen.codegen import render
from crudgen.delivery import disk
from crudgen.language import load
from tests.support.forked import Forked
from tests.support.translation import NAMES, Translation, sets_names, with_names

# How one spec runs: from which code, on which database.
COMBINATIONS = tuple(product(("served", "emitted"), ("sqlite", "postgresql")))

MOST_RUNNING = 12

KEPT_ALIVE = httpx.Limits(max_connections=100, max_keepalive_connections=20, keepalive_expiry=2)
"""A server closes an idle connection after 5 s, by default also the time after which httpx does.

A request that is sent at that moment would get no response.
"""

# In an emitted project's processes crudgen cannot be imported, as if it were not installed.
NO_CRUDGEN = "import sys\nsys.modules['crudgen'] = None\n"


Process: TypeAlias = "subprocess.Popen[bytes] | Forked"

# Runs what should be bound by the modes of files; root is not.
BOUND_BY_MODES = (
    ("setpriv", "--bounding-set=-dac_override,-dac_read_search", "--") if os.geteuid() == 0 else ()
)


@dataclass
class Api:
    """One running application, and a client of it."""

    client: httpx.Client
    database: str
    process: Process
    log: Path
    names: Translation | None = None
    was_ready: bool = False

    @property
    def address(self) -> tuple[str, int]:
        return self.client.base_url.host, self.client.base_url.port or 80

    @property
    def workers(self) -> list[psutil.Process]:
        """The processes that answer, where there are several."""
        children = psutil.Process(self.process.pid).children()
        return [child for child in children if _is_worker(child)]

    def emptied(self) -> "Api":
        """Delete every row, but not the secret that cursors are signed with."""
        with self._emptying.begin() as connection:
            for table, keys in reversed(self.tables_in_order):
                if table is None:  # these foreign keys form circles
                    for key in keys:
                        connection.execute(key.table.update().values(dict.fromkeys(key.columns)))
                elif table.name != "_secret":
                    connection.execute(table.delete())
        return self

    @cached_property
    def tables_in_order(self) -> list[tuple[Table | None, list[ForeignKeyConstraint]]]:
        """The tables, each after those that it refers to; last, the foreign keys of circles."""
        for table in self.tables.tables.values():
            # SQLAlchemy quotes a keyword such as "returning" only on request.
            table.name = quoted_name(table.name, quote=True)
        tables = self.tables.tables.values()
        return list(sort_tables_and_constraints(tables))  # type: ignore[no-untyped-call]

    @cached_property
    def engine(self) -> Engine:
        return create_engine(self.database, poolclass=NullPool)

    @cached_property
    def _emptying(self) -> Engine:
        """An engine that keeps its connection to PostgreSQL, which starts a process for each."""
        if self.engine.dialect.name == "sqlite":
            return self.engine
        return create_engine(self.database, pool_size=1, pool_pre_ping=True)

    @cached_property
    def tables(self) -> MetaData:
        metadata = MetaData()
        if self.names is not None:
            self.names.reflect(metadata)
        metadata.reflect(self.engine)
        return metadata

    def ask(self, method: str, path: str, **options: Any) -> httpx.Response:
        response = self.client.request(method, path, **options)
        assert response.headers["x-request-id"]
        assert response.status_code < 500, (response.text, self.log.read_text()[-3000:])
        return response

    def once_ready(self) -> "Api":
        """Wait for the end of the start."""
        if not self.was_ready:
            self.wait_until_ready()
        return self

    def wait_until_ready(self) -> None:
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline:
            assert self.process.poll() is None, self.log.read_text()
            try:
                if self.client.get("/ready").status_code == 200:
                    self.was_ready = True
                    return
            except httpx.TransportError:
                pass
            time.sleep(0.05)
        raise AssertionError(self.log.read_text())

    def wait_until_it_listens(self) -> None:
        deadline = time.monotonic() + 60
        while True:
            assert self.process.poll() is None, self.log.read_text()
            try:
                return socket.create_connection(self.address).close()
            except ConnectionRefusedError:
                assert time.monotonic() < deadline, self.log.read_text()
                time.sleep(0.05)

    def wait_until_all_answer(self, workers: int) -> None:
        """Wait until each of several workers takes connections."""
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline:
            with ExitStack() as stack:
                for _ in range(32):
                    stack.enter_context(socket.create_connection(self.address))
                time.sleep(0.1)
                busy = [worker for worker in self.workers if _has_clients(worker)]
            if len(busy) == workers:
                return
        raise AssertionError(self.log.read_text())

    def log_with(self, text: str, *, after: int = 0) -> str:
        """Wait until the log has a text: it may be written after the answer was sent.

        Return the log after a number of characters, where the text must be.
        """
        deadline = time.monotonic() + 60
        while text not in (log := self.log.read_text()[after:]) or not log.endswith("\n"):
            assert time.monotonic() < deadline, log
            time.sleep(0.05)
        return log

    def close(self) -> None:
        self.client.close()
        if "_emptying" in vars(self):
            self._emptying.dispose()

    def stop(self, seconds: float = 15) -> None:
        self.terminate()
        self.wait_for_end(seconds)

    def terminate(self) -> None:
        self.close()
        self.process.send_signal(signal.SIGTERM)

    def wait_for_end(self, seconds: float = 15) -> None:
        assert self.process.wait(seconds) in {0, -signal.SIGTERM}, self.log.read_text()[-3000:]

    def kill(self) -> None:
        """Kill -9 the process and its workers."""
        self.close()
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(15)


def _is_worker(child: psutil.Process) -> bool:
    try:
        return "spawn_main" in " ".join(child.cmdline())
    except psutil.NoSuchProcess:  # it has just been killed
        return False


def _has_clients(worker: psutil.Process) -> bool:
    connections = worker.net_connections("tcp")
    return any(one.status == psutil.CONN_ESTABLISHED for one in connections)


@dataclass
class Servers:
    """Starts each combination once, and keeps the last few that were asked for."""

    folder: Path
    new_database: Callable[[str], str]
    names: str = NAMES
    running: dict[tuple[Path, str, str], Api] = field(default_factory=dict)
    emitted: dict[Path, Path] = field(default_factory=dict)
    numbers: Iterator[int] = field(default_factory=count)
    started: list[tuple[httpx.Client, Process]] = field(default_factory=list)
    ending: list[Api] = field(default_factory=list)
    emitting: threading.Lock = field(default_factory=threading.Lock)

    def api(self, spec: Path, mode: str, kind: str) -> Api:
        return self._begin(spec, mode, kind).once_ready()

    def everywhere(self, spec: Path, *, keeps_names: bool = False) -> "Everywhere":
        """Serve a spec in every combination, without a row."""
        apis = [
            self._begin(spec, mode, kind, keeps_names=keeps_names) for mode, kind in COMBINATIONS
        ]
        return Everywhere([api.once_ready() for api in apis]).emptied()

    def _begin(self, spec: Path, mode: str, kind: str, *, keeps_names: bool = False) -> Api:
        """Start an application unless it runs; it may not be ready yet."""
        key = (spec, mode, kind)
        api = self.running.pop(key, None)
        self.running[key] = api or self.start(
            spec, mode, self.new_database(kind), wait=False, keeps_names=keeps_names
        )
        if len(self.running) > MOST_RUNNING:  # each holds connections to one PostgreSQL
            self.end(self.running.pop(next(iter(self.running))))
        return self.running[key]

    def end(self, api: Api) -> None:
        """End an application; `stop` checks that it ended in order.

        An application answers for a second after SIGTERM, and a test need not wait for that.
        """
        api.terminate()
        self.ending.append(api)

    def stop(self) -> None:
        for api in self.running.values():
            self.end(api)
        for api in self.ending:
            api.wait_for_end()
        for client, process in self.started:
            client.close()
            if process.poll() is None:  # its test has failed
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()

    def start(
        self,
        spec: Path,
        mode: str,
        database: str,
        *,
        workers: int = 1,
        wait: bool = True,
        settings: Mapping[str, str] | None = None,
        port: int | None = None,
        options: Sequence[str] = (),
        prefix: Sequence[str] = (),
        keeps_names: bool = False,
    ) -> Api:
        """Start one application, with settings and options of its own; its caller stops it.

        `prefix` is a command that runs another one, such as `BOUND_BY_MODES`. The names of fields
        can differ from those in the test (see translation.py), unless it writes SQL of its own.
        """
        names = None
        keeps_names = keeps_names or spec in self.emitted or sets_names(spec)
        if self.names == "camel" and not keeps_names:
            spec = with_names(spec, self.folder)
            names = Translation(spec)
        port = port or free_port()
        log = self.folder / f"server{next(self.numbers)}.log"
        own = settings or {}
        environment = os.environ | {"DATABASE_URL": database, **own}
        if mode == "served":
            place = self.folder
            command = ["crudgen", "serve", str(spec), "--no-reload", "--database", database]
        else:
            place = self.emit(spec)
            command = ["app"]
        command += ["--port", str(port), "--workers", str(workers), *options]
        process: Process
        if workers == 1 and not prefix and "PYTHONPATH" not in own:
            process = Forked(*command, folder=place, environment=environment, output=log)
        else:
            if mode == "emitted" and "PYTHONPATH" not in own:
                environment["PYTHONPATH"] = str(without_crudgen(self.folder))
            process = _start([*prefix, sys.executable, "-m", *command], place, environment, log)
        url = f"http://127.0.0.1:{port}"
        new_client = httpx.Client if names is None else names.client
        client = new_client(base_url=url, timeout=20, limits=KEPT_ALIVE, verify=False)
        self.started.append((client, process))
        api = Api(client, database, process, log, names)
        if wait:
            api.wait_until_ready()
            if workers > 1:
                api.wait_until_all_answer(workers)
        return api

    def emit(self, spec: Path) -> Path:
        with self.emitting:
            if spec not in self.emitted:
                out = self.folder / f"emitted{len(self.emitted)}"
                emit(spec, out)
                # For all starts: a process may be told not to write what it has compiled.
                compileall.compile_dir(out / "app", quiet=2)
                self.emitted[spec] = out
            return self.emitted[spec]


def _start(
    command: Sequence[str], folder: Path, environment: Mapping[str, str], log: Path
) -> subprocess.Popen[bytes]:
    """Start a command in a process group of its own: it and its workers."""
    with log.open("wb") as output:
        return subprocess.Popen(
            command,
            cwd=folder,
            env=environment,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )


def write_entities(folder: Path, texts: Mapping[str, str]) -> Path:
    """Write one spec file per entity."""
    folder.mkdir()
    for name, text in texts.items():
        (folder / f"{name}.yaml").write_text(text, "utf-8")
    return folder


def emit(spec: Path, out: Path) -> None:
    """Emit a project; the variable KIT sets `kit:` in all of them."""
    if form := os.environ.get("KIT"):
        copied = out.with_name(f"{out.name}-spec")
        shutil.copytree(spec, copied / "entities", dirs_exist_ok=True)
        settings = spec.parent / "crudgen.yaml"
        said = settings.read_text("utf-8") if settings.exists() else ""
        if "kit:" not in said:
            said = f"{said.rstrip()}\nkit: {form}\n".lstrip()
        (copied / "crudgen.yaml").write_text(said, "utf-8")
        spec = copied / "entities"
    disk.write(render(load(spec)), out)


def without_crudgen(folder: Path) -> Path:
    """Make a folder for PYTHONPATH in which crudgen cannot be imported."""
    place = folder / "without_crudgen"
    place.mkdir(exist_ok=True)
    (place / "sitecustomize.py").write_text(NO_CRUDGEN)
    return place


def _ports() -> Iterator[int]:
    """Yield ports, other ones in each worker of the tests.

    They are below those that systems give to connections of clients, which could take one before
    a server listens to it.
    """
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % 16
    ports = range(12_000 + 1_000 * worker, 13_000 + 1_000 * worker)
    start = os.getpid() % len(ports)
    return cycle([*ports[start:], *ports[:start]])


_PORTS = _ports()


def free_port() -> int:
    while True:
        port = next(_PORTS)
        with socket.socket() as listener, suppress(OSError):
            listener.bind(("127.0.0.1", port))
            return port


@dataclass(frozen=True)
class Everywhere:
    """The same application four times."""

    apis: Sequence[Api]

    def emptied(self) -> "Everywhere":
        """Delete every row."""
        for api in self.apis:
            api.emptied()
        return self

    def ask(self, method: str, path: str, **options: Any) -> httpx.Response:
        """Send a request to all of them; all must answer the same."""
        first, *others = [api.ask(method, path, **options) for api in self.apis]
        for other in others:
            assert (other.status_code, other.content) == (first.status_code, first.content)
        return first
