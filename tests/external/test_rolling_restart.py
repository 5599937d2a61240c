"""Two applications behind a proxy are restarted one after the other: no request fails.

Extended run: `ROUNDS=10 python -m pytest -s -m external tests/external/test_rolling_restart.py`.
The configurations are those of docs/how-to/deployment.md.
"""

import itertools
import json
import os
import threading
import time
from collections.abc import Callable
from http.client import HTTPConnection, HTTPException
from pathlib import Path

import pytest

from tests.docs.pages import blocks_of
from tests.external.programs import Programs
from tests.support.servers import Api, Servers, free_port

pytestmark = pytest.mark.external

ROUNDS = int(os.environ.get("ROUNDS", "2"))
CLIENTS = int(os.environ.get("CLIENTS", "8"))
PAUSE_SECONDS = 1.0
PROXIES = ("haproxy", "nginx")


def configuration(proxy: str, port: int, ports: list[int]) -> str:
    """Return a configuration of the documentation, with the ports of a test."""
    text = blocks_of("docs/how-to/deployment.md", proxy)[0].text
    for written, own in zip((8000, 8001, 8002), (port, *ports), strict=True):
        assert f":{written}" in text, f"docs/how-to/deployment.md has no port {written} for {proxy}"
        text = text.replace(f":{written}", f":{own}")
    return text.replace("bind :", "bind 127.0.0.1:")


class Client:
    """Creates, reads, updates, lists and deletes heroes, until it is told to end."""

    def __init__(self, port: int, number: int) -> None:
        self._port = port
        self._number = number
        self._keeps = number % 2 == 0
        """Whether it keeps its connection, or opens one for each request."""
        self._connection = HTTPConnection("127.0.0.1", port, timeout=30)
        self.is_over = threading.Event()
        self.answers = 0
        self.failures: list[str] = []
        self.ages: dict[str, int | None] = {}
        """Each name whose creation was acknowledged, with the last age; None: deleted."""

    def run(self) -> None:
        """Send requests one after another."""
        for count in itertools.count():
            if self.is_over.is_set():
                break
            name = f"{self._number}-{count}"
            hero = self.ask("POST", "/heroes/", {"name": name, "secret_name": "s", "age": 1})
            if not hero:
                continue
            self.ages[name] = 1
            path = f"/heroes/{hero['id']}"
            if self.ask("PATCH", path, {"age": 2}):
                self.ages[name] = 2
            self.ask("GET", path)
            self.ask("GET", "/heroes/?limit=3&sort=-id")
            if count % 4 == 0 and self.ask("DELETE", path):
                self.ages[name] = None
        self._connection.close()

    def ask(self, method: str, path: str, body: object = None) -> dict[str, int]:
        """Return the row of an answer; nothing, if it was not 200."""
        content = json.dumps(body) if body else None
        headers = {"content-type": "application/json"} if body else {}
        try:
            if not self._keeps:
                self._connection.close()
            self._connection.request(method, path, content, headers)
            answer = self._connection.getresponse()
            text = answer.read()
        except (OSError, HTTPException) as error:
            self._connection.close()
            self.failures.append(f"{time.monotonic():.3f} {method} {path}: {error!r}")
            return {}
        self.answers += 1
        if answer.status != 200:
            self.failures.append(f"{time.monotonic():.3f} {method} {answer.status} {text!r}")
            return {}
        row = json.loads(text)
        return row if isinstance(row, dict) else {}


@pytest.mark.parametrize("proxy", PROXIES)
def test_no_request_fails(
    programs: Programs, servers: Servers, root: Path, database: str, proxy: str
) -> None:
    ports = [free_port(), free_port()]
    apis = [servers.start(root / "entities", "served", database, port=port) for port in ports]
    port = free_port()
    start: Callable[[str, int], object] = getattr(programs, proxy)
    start(configuration(proxy, port, ports), port)
    clients = [Client(port, number) for number in range(CLIENTS)]
    threads = [threading.Thread(target=client.run, daemon=True) for client in clients]
    for thread in threads:
        thread.start()
    for _ in range(ROUNDS):
        for number, own in enumerate(ports):
            time.sleep(PAUSE_SECONDS)
            stop(apis[number])
            apis[number] = servers.start(root / "entities", "served", database, port=own)
    time.sleep(PAUSE_SECONDS)
    for client in clients:
        client.is_over.set()
    for thread in threads:
        thread.join(40)
    failures = [failure for client in clients for failure in client.failures]
    answers = sum(client.answers for client in clients)
    print(f"{proxy}: {2 * ROUNDS} restarts, {answers} answers")  # noqa: T201 - `-s` shows it
    assert failures == []
    expected = {name: age for client in clients for name, age in client.ages.items()}
    assert read_ages(apis[0]) == {name: age for name, age in expected.items() if age}
    for api in apis:
        api.stop()
        assert "Traceback" not in api.log.read_text()


def stop(api: Api) -> None:
    """Restart as a service manager does: SIGTERM, and the next start after the end."""
    api.stop()
    assert "Traceback" not in api.log.read_text()


def read_ages(api: Api) -> dict[str, int]:
    with api.engine.connect() as connection:
        rows = connection.exec_driver_sql("SELECT name, age FROM hero").fetchall()
    return dict(map(tuple, rows))
