import contextlib
import json
import os
import queue
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

import httpx
import pytest

from crudgen.delivery.listening import listen
from crudgen.errors import ServeError

PROGRAM = "tests.delivery.serve_fakes"
ROOT = Path(__file__).parents[2]
PATIENCE = 90.0


class Server:
    """A server process and what it reports."""

    def __init__(self, entities: Path, workers: int = 1, *keep: str) -> None:
        self.entities = entities
        self.process = subprocess.Popen(
            [sys.executable, "-m", PROGRAM, entities, str(workers), *keep],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=entities.parent,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
        )
        self.lines: queue.Queue[dict[str, Any]] = queue.Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout
        for line in self.process.stdout:
            if line.startswith("{"):
                self.lines.put(json.loads(line))

    def expect(self, event: str) -> dict[str, Any]:
        line = self.lines.get(timeout=PATIENCE)
        assert line["event"] == event, line
        return line

    def save(self, text: str) -> None:
        (self.entities / "hero.yaml").write_text(text)

    def save_as_editors_do(self, text: str) -> None:
        """Write another file and rename it into place."""
        draft = self.entities / ".hero.yaml.swp"
        draft.write_text(text)
        draft.replace(self.entities / "hero.yaml")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
        assert self.process.stderr
        self.errors = self.process.stderr.read()
        self._reader.join()
        assert self.process.stdout
        self.process.stdout.close()
        self.process.stderr.close()


@pytest.fixture
def entities(tmp_path: Path) -> Path:
    folder = tmp_path / "entities"
    folder.mkdir()
    (folder / "hero.yaml").write_text("first")
    return folder


class Load:
    """Clients that ask without a pause, each on one connection."""

    def __init__(self, url: str) -> None:
        self.failures: list[str] = []
        self.answers: set[str] = set()
        self.count = 0
        self._url = url
        self._over = threading.Event()

    @contextmanager
    def running(self) -> Iterator[None]:
        threads = [threading.Thread(target=self._ask) for _ in range(3)]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self._over.set()
            for thread in threads:
                thread.join()

    def _ask(self) -> None:
        limits = httpx.Limits(max_connections=1)
        with httpx.Client(base_url=self._url, limits=limits, timeout=PATIENCE) as client:
            ports = set()
            while not self._over.wait(0.002):
                try:
                    answer = client.get("/version")
                    stream = answer.extensions["network_stream"]
                    ports.add(stream.get_extra_info("client_addr"))
                except httpx.HTTPError as error:
                    self.failures.append(repr(error))
                    continue
                self.count += 1
                if answer.status_code == 200:
                    self.answers.add(answer.json())
                else:
                    self.failures.append(answer.text)
            if len(ports) != 1:
                self.failures.append(f"connections: {ports}")


@pytest.mark.long
@pytest.mark.slow
def test_saves_under_load_lose_no_request(entities: Path) -> None:
    with Server(entities) as server:
        load = Load(server.expect("serving")["url"])
        with load.running():
            for number in range(40):
                save = server.save if number % 4 < 2 else server.save_as_editors_do
                if number % 2:
                    save(f"broken {number}")
                    failed = server.expect("failed")
                    assert failed["place"].endswith("hero.yaml:1:1")
                    assert f"broken {number}" in failed["text"]
                else:
                    save(f"good {number}")
                    server.expect("reloaded")
    assert load.failures == []
    assert load.answers >= {f"good {number}" for number in range(0, 38, 2)}
    assert load.count > 200
    assert server.errors == ""


def test_what_does_not_start_is_reported(entities: Path) -> None:
    with Server(entities) as server:
        url = server.expect("serving")["url"]
        server.save("differs")
        failed = server.expect("failed")
        assert failed["kind"] == "ServeError"
        assert failed["text"] == "table 'hero' lacks the column 'age'"
        server.save("bug")
        assert server.expect("failed")["kind"] == "ZeroDivisionError"
        assert httpx.get(f"{url}/version", timeout=PATIENCE).json() == "first"
        server.save("first")
        server.expect("recovered")
        server.save("second")
        server.expect("reloaded")
        assert httpx.get(f"{url}/version", timeout=PATIENCE).json() == "second"


@pytest.mark.long
def test_a_half_written_file_is_not_reported(entities: Path) -> None:
    with Server(entities) as server:
        url = server.expect("serving")["url"]
        for text in ("", "broken", "", "second"):
            server.save(text)
        server.expect("reloaded")
        assert httpx.get(f"{url}/version", timeout=PATIENCE).json() == "second"


@pytest.mark.long
def test_a_folder_that_is_made_anew_is_followed(entities: Path) -> None:
    with Server(entities) as server:
        server.expect("serving")
        shutil.rmtree(entities)
        server.expect("failed")
        entities.mkdir()
        server.save("second")
        server.expect("reloaded")
        server.save("third")
        server.expect("reloaded")


def until_begun(url: str) -> None:
    """Wait until a request for `/slow` has begun in the application that is served."""
    deadline = time.monotonic() + PATIENCE
    while httpx.get(f"{url}/begun", timeout=PATIENCE).json() < 1:
        assert time.monotonic() < deadline


def test_an_open_request_outlives_a_swap_and_a_shutdown(entities: Path) -> None:
    answers: list[Any] = []
    with Server(entities) as server:
        url = server.expect("serving")["url"]

        def ask() -> None:
            answers.append(httpx.get(f"{url}/slow", timeout=PATIENCE).json())

        asking = [threading.Thread(target=ask) for _ in range(2)]
        asking[0].start()
        until_begun(url)
        server.save("second")
        server.expect("reloaded")
        asking[1].start()
        until_begun(url)
    for thread in asking:
        thread.join()
    assert all(answer["open"] for answer in answers)
    assert {answer["version"] for answer in answers} <= {"first", "second"}
    assert server.process.returncode == -signal.SIGTERM


@pytest.mark.long
def test_kept_code_is_written_and_followed(entities: Path, tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    with Server(entities, 1, str(kept)) as server:
        url = server.expect("serving")["url"]
        assert "'first'" in (kept / "app/api.py").read_text()
        server.save("second")
        server.expect("reloaded")
        assert httpx.get(f"{url}/version", timeout=PATIENCE).json() == "second"
        (kept / "app/api.py").write_text("mine = 1\n")
        server.save("third")
        assert server.expect("failed")["kind"] == "UnresolvedError"
        assert httpx.get(f"{url}/version", timeout=PATIENCE).json() == "second"
    assert (kept / "app/api.py").read_text() == "mine = 1\n"


@pytest.mark.long
def test_several_workers(entities: Path) -> None:
    with Server(entities, 2) as server:
        url = server.expect("serving")["url"]
        load = Load(url)
        with load.running():
            for _ in range(20):
                assert httpx.get(f"{url}/version", timeout=PATIENCE).json() == "first"
    assert load.failures == []
    assert server.errors == ""
    assert server.process.returncode == 0


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize(
    ("text", "message"),
    [("broken", "no version: 'broken'"), ("differs", "table 'hero' lacks the column 'age'")],
)
def test_a_first_start_that_fails(entities: Path, text: str, message: str, workers: int) -> None:
    (entities / "hero.yaml").write_text(text)
    with Server(entities, workers) as server:
        assert server.process.wait(PATIENCE) == 1
    assert message in server.errors
    assert "Traceback" not in server.errors


def test_an_interrupt_ends_it(entities: Path) -> None:
    with Server(entities) as server:
        server.expect("serving")
        server.process.send_signal(signal.SIGINT)
        server.process.wait(PATIENCE)


def test_a_taken_port_is_said_so() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(ServeError, match=f"port {port} is already in use"):
            listen("127.0.0.1", port)


@pytest.mark.parametrize("host", ["192.0.2.1", "", "\udcff", "a" * 300])
def test_a_bad_host_is_said_so(host: str) -> None:
    with pytest.raises(ServeError, match=r"(?s)cannot listen on.*set --host to an address of this"):
        listen(host, 0)


def _loopbacks() -> list[str]:
    """Name the loopback addresses that this machine has."""
    hosts = ["127.0.0.1", "localhost"]
    with contextlib.suppress(OSError), socket.socket(socket.AF_INET6) as probe:
        probe.bind(("::1", 0))
        hosts.append("::1")
    return hosts


@pytest.mark.parametrize("host", _loopbacks())
def test_every_loopback_address_can_be_used(host: str) -> None:
    listen(host, 0).close()
