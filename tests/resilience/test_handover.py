"""SIGTERM behind a proxy: whoever has a connection is answered, whoever has none is refused.

`ROUNDS=20 python -m pytest tests/resilience/test_handover.py` is the extended run.
"""

import itertools
import os
import signal
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from crudgen.kit.server import GRACE_SECONDS
from tests.support.servers import Api, Servers
from tests.support.wire import connect, is_whole, one_answer

pytestmark = pytest.mark.long

CLIENTS = 16
ROUNDS = int(os.environ.get("ROUNDS", "1"))
REQUEST = (
    b"POST /heroes/ HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n"
    b"\r\n%s"
)
BODY = b'{"name": "%d", "secret_name": "s"}'


class Client:
    """Connects, sends one request and reads its answer, again and again until it is refused."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self.answers: list[bytes] = []

    def run(self) -> None:
        """Send one request on each connection."""
        for count in itertools.count():
            body = BODY % count
            try:
                connection = connect(self._api, b"")
            except OSError:  # refused, as when a server is not there
                return
            with connection:
                # A connection that is reset has no answer.
                with suppress(ConnectionError):
                    connection.sendall(REQUEST % (len(body), body))
                self.answers.append(one_answer(connection))


@pytest.mark.long_cases("2")
@pytest.mark.slow
@pytest.mark.parametrize("workers", [1, 2])
def test_no_connection_that_was_made_is_left_without_an_answer(
    servers: Servers, new_database: Callable[[str], str], root: Path, workers: int
) -> None:
    for _ in range(ROUNDS):
        database = new_database("sqlite")
        patient = {"LOCK_SECONDS": "20"}  # no write is refused because others are written
        api = servers.start(
            root / "entities", "served", database, workers=workers, settings=patient
        )
        clients = [Client(api) for _ in range(CLIENTS)]
        threads = [threading.Thread(target=client.run, daemon=True) for client in clients]
        for thread in threads:
            thread.start()
        time.sleep(1)
        api.stop()
        for thread in threads:
            thread.join(20)
        answers = [answer for client in clients for answer in client.answers]
        assert len(answers) > CLIENTS
        lost = [answer for answer in answers if not answer.startswith(b"HTTP/1.1 200 ")]
        assert lost == []


def wait_until_refused(api: Api) -> None:
    """Wait until a server has begun to end: it accepts no connections.

    Attempts are dropped for a moment before, and a client would try again after a second.
    """
    deadline = time.monotonic() + 20
    while True:
        assert time.monotonic() < deadline
        try:
            socket.create_connection(api.address, timeout=0.02).close()
            time.sleep(0.005)
        except TimeoutError:
            continue
        except ConnectionError:  # refused, or accepted just before and then reset
            return


@pytest.mark.parametrize("mode", ["served", "emitted"])
def test_a_request_on_an_idle_connection_is_answered_for_another_second(
    servers: Servers, new_database: Callable[[str], str], root: Path, mode: str
) -> None:
    api = servers.start(root / "entities", mode, new_database("sqlite"))
    request = REQUEST % (len(BODY % 1), BODY % 1)
    with connect(api, request) as used, connect(api, b"") as new:
        assert is_whole(one_answer(used))
        api.client.get("/live")  # the server has accepted the connections before
        api.client.close()
        begun = time.monotonic()
        api.process.send_signal(signal.SIGTERM)
        wait_until_refused(api)
        for connection in (used, new):
            connection.sendall(request)
        for connection in (used, new):
            answer = one_answer(connection)
            assert answer.startswith(b"HTTP/1.1 200 "), answer
            assert b"\r\nconnection: close\r\n" in answer
            assert connection.recv(1) == b""
        assert api.process.wait(10) in {0, -signal.SIGTERM}
        assert time.monotonic() - begun < GRACE_SECONDS - 2  # which other clients have
