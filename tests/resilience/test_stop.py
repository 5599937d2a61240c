"""SIGTERM: what was acknowledged is there, what was begun is answered whole, the end comes soon.

`ROUNDS=50 python -m pytest tests/resilience/test_stop.py` is the extended run.
"""

import itertools
import os
import signal
import socket
import sqlite3
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from crudgen.kit.server import GRACE_SECONDS
from tests.support.servers import Api, Servers
from tests.support.wire import connect, connect_narrowly, is_whole, one_answer

ROUNDS = int(os.environ.get("ROUNDS", "4"))
TOGETHER = 4
LONGEST_SECONDS = 10.0
BODY = b'{"name": "%s", "secret_name": "s"}'
HEAD = b"POST /heroes/ HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
LARGE = 100_000
LIST = b"GET /heroes/ HTTP/1.1\r\nHost: x\r\n\r\n"
STUCK = [
    b"",
    b"GET /heroes/ HTTP/1.1\r\n",
    HEAD + b"Content-Length: 99\r\n\r\n{",
    HEAD + b"Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n",
    b"GET /live HTTP/1.1\r\nHost: x\r\n\r\n",
]
NEVER_READ = [LIST, 20 * LIST]
COMBINATIONS = [
    ("served", "sqlite", 1),
    ("emitted", "postgresql", 1),
    ("served", "postgresql", 2),
    ("emitted", "sqlite", 2),
    ("served", "sqlite", 2),
    ("emitted", "postgresql", 2),
    ("served", "postgresql", 1),
    ("emitted", "sqlite", 1),
]


@dataclass(frozen=True)
class Round:
    """One server that ends under load, and what its good clients saw."""

    api: Api
    workers: int
    is_refusing: bool
    """Whether it accepts no connection while it ends; the workers of uvicorn itself do."""

    def run(self) -> int:
        """Return the number of acknowledged writes."""
        with self.api.engine.begin() as connection:
            rows = [{"name": "\N{SUPERHERO}" * 255, "secret_name": "s"}] * 100
            connection.execute(self.api.tables.tables["hero"].insert(), rows)
        writers = [Writer(self.api, number) for number in range(8)]
        with ExitStack() as stack:
            for sent in STUCK * 3:
                stack.enter_context(connect(self.api, sent))
            for sent in NEVER_READ * 3:
                stack.enter_context(connect_narrowly(self.api, sent))
            pool = stack.enter_context(ThreadPoolExecutor())
            dripping = stack.enter_context(connect(self.api, STUCK[2]))
            pool.submit(drip, dripping)
            for writer in writers:
                writer.start()
            time.sleep(1)
            slow = [stack.enter_context(connect_narrowly(self.api, LIST)) for _ in range(4)]
            answers = [pool.submit(one_answer, one, 512, pause=0.01) for one in slow]
            time.sleep(0.2)
            self.end()
            for answer in answers:
                assert is_whole(answer.result())
                assert len(answer.result()) > LARGE
        for writer in writers:
            writer.join(20)
            assert writer.truncated == []
            assert writer.statuses <= {b"200", b"503"}
        acknowledged = {name for writer in writers for name in writer.acknowledged}
        assert acknowledged <= names(self.api)
        return len(acknowledged)

    def end(self) -> None:
        workers = self.api.workers
        assert len(workers) == (self.workers if self.workers > 1 else 0)
        self.api.client.close()
        self.api.process.send_signal(signal.SIGTERM)
        begun = time.monotonic()
        if self.is_refusing:
            time.sleep(1.5)
            with pytest.raises(ConnectionRefusedError):
                connect(self.api, b"")
        assert self.api.process.wait(LONGEST_SECONDS + 5) in {0, -signal.SIGTERM}
        seconds = time.monotonic() - begun
        assert seconds < LONGEST_SECONDS
        assert not any(worker.is_running() for worker in workers)
        assert "Traceback" not in self.api.log.read_text()
        print(f"ended in {seconds:.1f} s")  # noqa: T201 - `-s` shows it


class Writer(threading.Thread):
    """A client that creates heroes, in one connection each or all in one, until it is refused."""

    def __init__(self, api: Api, number: int) -> None:
        super().__init__(daemon=True)
        self.api, self.number = api, number
        self.counted = itertools.count()
        self.acknowledged: list[str] = []
        self.truncated: list[bytes] = []
        self.statuses: set[bytes] = set()

    def run(self) -> None:
        with suppress(OSError):
            while not self.truncated:
                with connect(self.api, b"") as connection:
                    while self.create(connection):
                        pass

    def create(self, connection: socket.socket) -> bool:
        """Return whether the connection can be used again."""
        name = f"{self.number}-{next(self.counted)}"
        body = BODY % name.encode()
        keep = b"close" if self.number % 2 else b"keep-alive"
        head = HEAD + b"Connection: %s\r\nContent-Length: %d\r\n\r\n" % (keep, len(body))
        try:
            connection.sendall(head + body)
        except ConnectionError:
            return False
        answer = one_answer(connection)
        if not is_whole(answer):
            self.truncated += [answer] if answer else []
            return False
        self.statuses.add(answer.split(b" ")[1])
        if answer.startswith(b"HTTP/1.1 200 "):
            self.acknowledged.append(name)
        return b"\r\nconnection: close\r\n" not in answer


def drip(connection: socket.socket) -> None:
    """Send a body byte by byte, until the server hangs up."""
    with suppress(OSError):
        while True:
            connection.sendall(b" ")
            time.sleep(0.2)


def names(api: Api) -> set[str]:
    with api.engine.connect() as connection:
        return {name for (name,) in connection.exec_driver_sql("SELECT name FROM hero")}


@pytest.mark.long
@pytest.mark.slow
def test_an_end_with_slow_and_stuck_clients(
    servers: Servers, new_database: Callable[[str], str], root: Path
) -> None:
    chosen = list(itertools.islice(itertools.cycle(COMBINATIONS), ROUNDS))
    databases = [new_database(kind) for _, kind, _ in chosen]

    def run(number: int) -> int:
        mode, _, workers = chosen[number]
        api = servers.start(root / "entities", mode, databases[number], workers=workers)
        return Round(api, workers, mode == "served" or workers == 1).run()

    with ThreadPoolExecutor(TOGETHER) as pool:
        written = list(pool.map(run, range(ROUNDS)))
    print(f"{ROUNDS} rounds, {sum(written)} acknowledged rows")  # noqa: T201 - `-s` shows it
    assert min(written) > 20


@pytest.mark.long
@pytest.mark.long_cases("emitted")
@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("mode", ["served", "emitted"])
def test_an_idle_application_ends_at_once(
    servers: Servers, new_database: Callable[[str], str], root: Path, mode: str, workers: int
) -> None:
    api = servers.start(root / "entities", mode, new_database("sqlite"), workers=workers)
    with connect(api, b""), connect(api, b"GET /heroes/ HTTP/1.1\r\n"):
        time.sleep(0.2)
        begun = time.monotonic()
        api.stop()
        assert time.monotonic() - begun < GRACE_SECONDS - 2  # which clients with a request have


@pytest.mark.parametrize("mode", ["served", "emitted"])
def test_a_request_that_waits_is_answered_before_the_end(
    servers: Servers, new_database: Callable[[str], str], root: Path, mode: str
) -> None:
    api = servers.start(root / "entities", mode, new_database("sqlite"))
    writer = Writer(api, 0)
    with sqlite3.connect(api.database.removeprefix("sqlite:///"), isolation_level=None) as other:
        other.execute("BEGIN IMMEDIATE")
        writer.start()
        time.sleep(0.5)
        api.client.close()
        api.process.send_signal(signal.SIGTERM)
        time.sleep(0.5)
        other.execute("COMMIT")
        writer.join(20)
    assert api.process.wait(LONGEST_SECONDS) in {0, -signal.SIGTERM}
    assert writer.acknowledged == ["0-0"]
    assert names(api) == {"0-0"}
