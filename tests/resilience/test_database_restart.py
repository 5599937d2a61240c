"""PostgreSQL is stopped and started under load: 503 meanwhile, then answers, and nothing is lost.

`ROUNDS=20 python -m pytest tests/resilience/test_database_restart.py` is the extended run.
"""

import json
import os
import random
import threading
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest

from tests.support.postgres import UNAVAILABLE, Postgres
from tests.support.servers import Api, Servers
from tests.support.wire import connect, is_whole, one_answer

ROUNDS = int(os.environ.get("ROUNDS", "2"))
CLIENTS = 16
RECOVERY_SECONDS = 5.0
HEAD = b"%s %s HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"


@dataclass(frozen=True)
class Seen:
    """One answer."""

    sent: float
    came: float
    status: int


class Client(threading.Thread):
    """Reads and writes in one connection, from the beginning to the end."""

    def __init__(self, api: Api, number: int) -> None:
        super().__init__(daemon=True)
        self.number = number
        self.connection = connect(api, b"")
        self.is_over = threading.Event()
        self.seen: list[Seen] = []
        self.acknowledged: dict[str, int] = {}
        """Each name that was created, and the last age that was acknowledged."""
        self.errors: list[bytes] = []

    def run(self) -> None:
        count = 0
        while not self.is_over.wait(0.01) and not self.errors:
            count += 1
            name = f"{self.number}-{count}"
            hero = {"name": name, "secret_name": "s", "age": 1}
            created = self.ask(b"POST", b"/heroes/", hero)
            if created:
                self.acknowledged[name] = 1
                row = b"/heroes/%d" % created["id"]
                if self.ask(b"PATCH", row, {"age": 2}):
                    self.acknowledged[name] = 2
                self.ask(b"GET", row)
            self.ask(b"GET", b"/heroes/?limit=5&sort=-id")
        self.connection.close()

    def ask(self, method: bytes, path: bytes, value: object = None) -> dict[str, int]:
        """Send a request, give its row; what is neither 200 nor the documented 503 is an error."""
        body = b"" if value is None else json.dumps(value).encode()
        sent = time.monotonic()
        try:
            self.connection.sendall(HEAD % (method, path, len(body)) + body)
            answer = one_answer(self.connection)
        except OSError as error:
            answer = repr(error).encode()
        head, _, text = answer.partition(b"\r\n\r\n")
        is_good = answer.startswith(b"HTTP/1.1 200 ") and is_whole(answer)
        if is_good or (
            answer.startswith(b"HTTP/1.1 503 ")
            and b"\r\nretry-after: " in head
            and json.loads(text)["detail"] in UNAVAILABLE
        ):
            self.seen.append(Seen(sent, time.monotonic(), int(answer.split(b" ")[1])))
        else:
            self.errors.append(answer)
        row: dict[str, int] = json.loads(text) if is_good and text.startswith(b"{") else {}
        return row


@dataclass(frozen=True)
class Outage:
    """When PostgreSQL was away, on the monotonic clock."""

    stopping: float
    stopped: float
    starting: float
    started: float

    def check(self, seen: list[Seen], until: float) -> float:
        """Check what the clients saw of it; return the seconds until all was well."""
        during = [one for one in seen if self.stopped < one.sent and one.came < self.starting]
        assert during
        assert {one.status for one in during} == {503}
        later = [one for one in seen if self.started < one.came < until]
        first = min(one.came for one in later if one.status == 200)
        last_refused = max((one.came for one in later if one.status == 503), default=0.0)
        return max(first, last_refused) - self.started


def stop_and_start(postgres: Postgres, number: int, seconds: float) -> Outage:
    stopping = time.monotonic()
    postgres.stop("immediate" if number % 2 else "fast")
    stopped = time.monotonic()
    time.sleep(seconds)
    starting = time.monotonic()
    postgres.start()
    return Outage(stopping, stopped, starting, time.monotonic())


@pytest.mark.long
@pytest.mark.slow
def test_postgresql_is_stopped_and_started_under_load(
    postgres: Postgres, servers: Servers, root: Path
) -> None:
    start = partial(servers.start, root / "entities", settings={"LOCK_SECONDS": "1"})
    apis = [start("served", postgres.url), start("emitted", postgres.url, workers=2)]
    clients = [Client(apis[number % 2], number) for number in range(CLIENTS)]
    for client in clients:
        client.start()
    chance = random.Random(5)  # noqa: S311 - when to stop
    outages: list[Outage] = []
    for number in range(ROUNDS):
        time.sleep(chance.uniform(0.3, 1))
        outages.append(stop_and_start(postgres, number, chance.uniform(2.2, 3)))
        wait_for_answers(clients)
    time.sleep(1)
    for client in clients:
        client.is_over.set()
    for client in clients:
        client.join(20)
        assert client.errors == []
    seen = sorted((one for client in clients for one in client.seen), key=lambda one: one.sent)
    ends = [*(outage.stopping for outage in outages[1:]), time.monotonic()]
    waits = [outage.check(seen, end) for outage, end in zip(outages, ends, strict=True)]
    ages = read_ages(apis[0])
    acknowledged = {name: age for client in clients for name, age in client.acknowledged.items()}
    assert all(ages[name] >= age for name, age in acknowledged.items())
    print(  # noqa: T201 - `-s` shows it
        f"{ROUNDS} rounds, {len(seen)} answers, {len(acknowledged)} acknowledged rows,"
        f" longest recovery {max(waits):.1f} s"
    )
    assert max(waits) < RECOVERY_SECONDS
    assert all("Traceback" not in api.log.read_text() for api in apis)
    for api in apis:
        api.stop()


def wait_for_answers(clients: list[Client]) -> None:
    """Wait until each client is answered again."""
    begun = time.monotonic()
    for client in clients:
        while not any(one.sent > begun and one.status == 200 for one in client.seen[-20:]):
            assert client.is_alive(), client.errors
            assert time.monotonic() < begun + 2 * RECOVERY_SECONDS
            time.sleep(0.02)


def read_ages(api: Api) -> dict[str, int]:
    with api.engine.connect() as connection:
        rows = connection.exec_driver_sql("SELECT name, age FROM hero").fetchall()
    return dict(map(tuple, rows))
