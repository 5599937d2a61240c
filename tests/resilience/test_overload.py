"""Large bodies and slow clients: documented answers, good clients go on, memory stays as it is.

`ROUNDS=5 python -m pytest tests/resilience/test_overload.py` is the extended run: each time 8
bodies of 100 MB at once, and 300 slow clients.
"""

import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Self

import httpx
import psutil
import pytest

from tests.support.servers import Api, Servers
from tests.support.wire import connect, connect_narrowly, is_whole, one_answer, rest

ROUNDS = int(os.environ.get("ROUNDS", "1"))
MOST_GROWTH = 50_000_000
LARGE = 100_000_000
PART = b" " * 1_000_000
HERO = {"name": "n", "secret_name": "s"}
POST = b"POST /heroes/ HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
LIST = b"GET /heroes/ HTTP/1.1\r\nHost: x\r\n\r\n"
LAST_LIST = LIST.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
LISTS = [LIST, LAST_LIST]
SECONDS = {"HEAD_SECONDS": "3", "BODY_SECONDS": "3", "SEND_SECONDS": "2"}


class GoodClients:
    """Four clients that create and read, and a look at the memory of the server, meanwhile."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._process = psutil.Process(api.process.pid)
        self._is_over = threading.Event()
        self._threads = [threading.Thread(target=self._work, daemon=True) for _ in range(4)]
        self.statuses: list[int] = []
        self.errors: list[Exception] = []
        self.before = self.most = 0

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        time.sleep(0.5)
        self.before = self.most = self._process.memory_info().rss
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        for thread in self._threads:
            thread.join(30)

    def check(self) -> None:
        assert self.errors == []
        assert set(self.statuses) == {200}
        assert len(self.statuses) > 20
        growth = self.most - self.before
        print(  # noqa: T201 - `-s` shows it
            f"{len(self.statuses)} good answers, {growth / 1_000_000:.1f} MB more at the most"
        )
        assert growth < MOST_GROWTH

    def _work(self) -> None:
        with httpx.Client(base_url=self._api.client.base_url, timeout=20) as client:
            while not self._is_over.wait(0.01):
                try:
                    created = client.post("/heroes/", json=HERO)
                    read = client.get(created.headers["location"])
                except Exception as error:  # noqa: BLE001 - each is a failure of the test
                    self.errors.append(error)
                    return
                self.statuses += [created.status_code, read.status_code]
                self.most = max(self.most, self._process.memory_info().rss)


@pytest.fixture(params=["served", "emitted"])
def api(
    request: pytest.FixtureRequest,
    servers: Servers,
    new_database: Callable[[str], str],
    root: Path,
) -> Iterator[Api]:
    started = servers.start(
        root / "entities", request.param, new_database("sqlite"), settings=SECONDS
    )
    with started.engine.begin() as connection:
        rows = [{"name": "\N{SUPERHERO}" * 255, "secret_name": "s"}] * 100
        connection.execute(started.tables.tables["hero"].insert(), rows)
    for _ in range(10):
        started.ask("GET", "/heroes/")
    yield started
    assert "Traceback" not in started.log.read_text()
    servers.end(started)


@pytest.mark.long_cases("emitted")
@pytest.mark.slow
def test_bodies_of_100_mb(api: Api) -> None:
    with GoodClients(api) as good, ThreadPoolExecutor(8) as pool:
        for _ in range(ROUNDS):
            answers = list(pool.map(lambda number: send_large(api, number), range(8)))
            for answer in answers:
                assert answer.startswith(b"HTTP/1.1 413 ")
                assert is_whole(answer)
    good.check()


def send_large(api: Api, number: int) -> bytes:
    """Send a body to its end, half of them without telling its length before."""
    length = b"Transfer-Encoding: chunked" if number % 2 else b"Content-Length: %d" % LARGE
    begin, end = (b"%x\r\n" % len(PART), b"\r\n") if number % 2 else (b"", b"")
    with connect(api, POST + length + b"\r\n\r\n") as connection:
        for _ in range(LARGE // len(PART)):
            connection.sendall(begin + PART + end)
        connection.sendall(b"0\r\n\r\n" if number % 2 else b"")
        return one_answer(connection)


@pytest.mark.long
@pytest.mark.slow
def test_300_slow_clients(api: Api) -> None:
    with GoodClients(api) as good, ThreadPoolExecutor(2) as pool:
        for _ in range(ROUNDS):
            with ExitStack() as stack:
                readers = [stack.enter_context(connect_narrowly(api, one)) for one in LISTS]
                answers = [pool.submit(one_answer, one, 512, pause=0.03) for one in readers]
                slow = [
                    stack.enter_context(connect(api, POST + sent))
                    for sent in [b"", b"Content-Length: 99\r\n\r\n"] * 120
                ]
                stuck = [
                    stack.enter_context(connect_narrowly(api, sent))
                    for sent in [*LISTS, 20 * LIST] * 20
                ]
                drip(slow)
                for connection in slow:
                    answer = rest(connection)
                    assert answer.startswith(b"HTTP/1.1 408 ")
                    assert is_whole(answer)
                wait_until_hung_up_on(api, stuck)
                assert all(is_whole(answer.result()) for answer in answers)
    good.check()


def drip(connections: list[socket.socket]) -> None:
    """Send each request bit by bit, and stop before its time is over."""
    for _ in range(8):
        for number, connection in enumerate(connections):
            connection.sendall(b" " if number % 2 else b"X-A: b\r\n")
        time.sleep(0.2)


def wait_until_hung_up_on(api: Api, connections: list[socket.socket]) -> None:
    """An idle connection is closed after 5 s, and its client has 2 s more to take its answer."""
    process = psutil.Process(api.process.pid)
    mine = {connection.getsockname()[1] for connection in connections}
    deadline = time.monotonic() + 20
    while mine & {one.raddr.port for one in process.net_connections("tcp") if one.raddr}:
        assert time.monotonic() < deadline
        time.sleep(0.1)
