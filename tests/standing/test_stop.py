"""SIGTERM: what was acknowledged is there, what was begun is answered whole, the end comes soon."""

import signal
import sqlite3
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest
from servers import Api, Servers
from wire import connect, rest

LONGEST_SECONDS = 10.0
BODY = b'{"name": "%s", "secret_name": "s"}'
HEAD = b"POST /heroes/ HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"


class Writer(threading.Thread):
    """A client that creates heroes, one after another, until its connection ends."""

    def __init__(self, api: Api, number: int) -> None:
        super().__init__(daemon=True)
        self.api, self.number = api, number
        self.acknowledged: list[str] = []
        self.truncated: list[bytes] = []
        self.statuses: set[bytes] = set()

    def run(self) -> None:
        for count in range(1_000_000):
            name = f"{self.number}-{count}"
            try:
                answer = self.ask(name)
            except OSError:
                return
            if not answer:
                return
            head, _, body = answer.partition(b"\r\n\r\n")
            lengths = [
                int(line[15:]) for line in head.lower().split(b"\r\n") if b"content-l" in line
            ]
            if lengths != [len(body)]:
                self.truncated.append(answer)
                return
            self.statuses.add(head.split(b" ")[1])
            if head.startswith(b"HTTP/1.1 200 "):
                self.acknowledged.append(name)

    def ask(self, name: str) -> bytes:
        body = BODY % name.encode()
        length = b"Content-Length: %d\r\nConnection: close\r\n\r\n" % len(body)
        with connect(self.api, HEAD + length + body) as connection:
            return rest(connection)


def rows(api: Api) -> set[str]:
    with api.engine.connect() as connection:
        return {name for (name,) in connection.exec_driver_sql("SELECT name FROM hero")}


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
@pytest.mark.parametrize("mode", ["served", "emitted"])
def test_an_end_with_slow_and_stuck_clients(
    servers: Servers, new_database: Callable[[str], str], root: Path, mode: str, kind: str
) -> None:
    api = servers.start(root / "entities", mode, new_database(kind))
    stuck = [
        b"",
        b"GET /heroes/ HTTP/1.1\r\n",
        HEAD + b"Content-Length: 99\r\n\r\n{",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n",
        b"GET /live HTTP/1.1\r\nHost: x\r\n\r\n",
    ]
    writers = [Writer(api, number) for number in range(8)]
    with ExitStack() as stack:
        for sent in stuck * 5:
            stack.enter_context(connect(api, sent))
        for writer in writers:
            writer.start()
        time.sleep(1)
        api.client.close()
        api.process.send_signal(signal.SIGTERM)
        begun = time.monotonic()
        assert api.process.wait(LONGEST_SECONDS + 5) in {0, -signal.SIGTERM}
        assert time.monotonic() - begun < LONGEST_SECONDS
    for writer in writers:
        writer.join(20)
        assert writer.truncated == []
        assert writer.statuses <= {b"200", b"503"}
    acknowledged = {name for writer in writers for name in writer.acknowledged}
    assert len(acknowledged) > 20
    assert acknowledged <= rows(api)


@pytest.mark.parametrize("mode", ["served", "emitted"])
def test_an_idle_application_ends_at_once(
    servers: Servers, new_database: Callable[[str], str], root: Path, mode: str
) -> None:
    api = servers.start(root / "entities", mode, new_database("sqlite"))
    with connect(api, b""), connect(api, b"GET /heroes/ HTTP/1.1\r\n"):
        time.sleep(0.2)
        begun = time.monotonic()
        api.stop()
        assert time.monotonic() - begun < 3


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
    assert rows(api) == {"0-0"}
