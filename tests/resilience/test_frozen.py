"""The network or the host of PostgreSQL freezes: nothing comes, and no connection is closed.

Every request is answered within STATEMENT_SECONDS + 3 s, and soon after the end all is well.
`ROUNDS=10 python -m pytest -s tests/resilience/test_frozen.py` is the extended run.
"""

import json
import os
import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from http.client import HTTPConnection, HTTPException
from pathlib import Path

import httpx
import pytest

from crudgen.kit.http.health import READY_SECONDS
from tests.resilience.clients import Seen, Writer
from tests.support.freezer import FreezingProxy
from tests.support.servers import Api, Servers

ROUNDS = int(os.environ.get("ROUNDS", "1"))
STATEMENT_SECONDS = 1.0
LONGEST_SECONDS = STATEMENT_SECONDS + 3
RECOVERY_SECONDS = 5.0
LIVE_SECONDS = 2.5
"""Less than a request that waits for the database takes: if `/live` waited too, it would show."""
SETTINGS = {
    "STATEMENT_SECONDS": str(STATEMENT_SECONDS),
    "LOCK_SECONDS": "0.5",
    "DATABASE_CONNECTIONS": "4",
}
REQUESTS: tuple[tuple[str, str, object], ...] = (
    ("GET", "/tags/aa", None),
    ("GET", "/tags/?label=aa&sort=-code&count=exact", None),
    ("GET", "/tags/?cursor=", None),
    ("GET", "/animals/", None),
    ("PATCH", "/tags/aa", {"label": "again"}),
    ("POST", "/tags/", {"code": "bb", "label": "b", "plate": "X"}),
    ("DELETE", "/tags/cc", None),
    ("POST", "/events/bulk", [{"what": "x"}, {"what": "y"}]),
    ("DELETE", "/events/bulk?id=0190b0a0-0000-7000-8000-000000000009", None),
    ("GET", "/ready", None),
)
"""Each reads or writes the database, in one statement or in a transaction of several."""


def ask_each(api: Api, seen: Seen) -> None:
    """Send all requests at once, each on a connection of its own."""
    threads = [
        threading.Thread(target=ask, args=(api, seen, *request), daemon=True)
        for request in REQUESTS
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)


def ask(api: Api, seen: Seen, method: str, path: str, body: object) -> None:
    begun = time.monotonic()
    headers = {"idempotency-key": f"k{begun}"} if method == "POST" else {}
    if body is not None:
        headers["content-type"] = "application/json"
    try:
        with closing(HTTPConnection(*api.address, timeout=30)) as connection:
            connection.request(method, path, json.dumps(body) if body else None, headers)
            answer = connection.getresponse()
            answer.read()
    except (OSError, HTTPException) as error:
        seen.errors.append(f"{method} {path}: {error!r}")
        return
    seen.longest = max(seen.longest, time.monotonic() - begun)
    seen.statuses.append(answer.status)
    if answer.status == 503 and path != "/ready" and not answer.getheader("retry-after"):
        seen.errors.append(f"{method} {path}: no Retry-After")


@contextmanager
def watched(api: Api) -> Iterator[None]:
    """Ask /live all the time: it is answered at once."""
    is_over = threading.Event()
    seen = Seen()

    def watch() -> None:
        while not is_over.wait(0.1):
            ask(api, seen, "GET", "/live", None)

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    yield
    is_over.set()
    thread.join(40)
    assert seen.errors == []
    assert set(seen.statuses) == {200}
    assert seen.longest < LIVE_SECONDS


def seconds_until_well(api: Api) -> float:
    """Return how long it takes until every request is answered without a 503."""
    begun = time.monotonic()
    while True:
        seen = Seen()
        ask_each(api, seen)
        assert seen.errors == []
        if all(status < 500 for status in seen.statuses):
            return time.monotonic() - begun
        assert time.monotonic() - begun < 4 * RECOVERY_SECONDS, api.log.read_text()[-3000:]
        time.sleep(0.05)


@pytest.fixture
def frozen(
    request: pytest.FixtureRequest,
    servers: Servers,
    new_database: Callable[[str], str],
    root: Path,
) -> Iterator[tuple[Api, FreezingProxy]]:
    """Start the zoo behind the proxy."""
    with FreezingProxy(new_database("postgresql")) as proxy:
        spec = root / "tests/specs/zoo/entities"
        api = servers.start(spec, request.param, proxy.url, settings=SETTINGS)
        api.ask("POST", "/tags/", json={"code": "aa", "label": "aa", "plate": "X"})
        yield api, proxy
        proxy.thaw()
        api.stop()
        assert "Traceback" not in api.log.read_text()


@pytest.mark.long
@pytest.mark.slow
@pytest.mark.parametrize(
    ("frozen", "end"), [("emitted", "thaw"), ("served", "drop")], indirect=["frozen"]
)
def test_a_frozen_database_is_503_in_time_and_back_soon(
    frozen: tuple[Api, FreezingProxy], end: str
) -> None:
    api, proxy = frozen
    for _ in range(ROUNDS):
        seconds_until_well(api)
        with watched(api):
            proxy.freeze()
            time.sleep(READY_SECONDS)
            for _ in range(3):
                seen = Seen()
                ask_each(api, seen)
                assert seen.errors == []
                assert set(seen.statuses) == {503}
                assert seen.longest < LONGEST_SECONDS
            getattr(proxy, end)()
            seconds = seconds_until_well(api)
        print(f"{end}: well after {seconds:.1f} s")  # noqa: T201 - `-s` shows it
        assert seconds < RECOVERY_SECONDS


@pytest.mark.long
@pytest.mark.parametrize("frozen", ["served"], indirect=True)
def test_connections_that_freeze_are_replaced_while_new_ones_work(
    frozen: tuple[Api, FreezingProxy],
) -> None:
    api, proxy = frozen
    for _ in range(ROUNDS):
        seconds_until_well(api)
        with watched(api):
            proxy.freeze(new=False)
            seen = Seen()
            ask_each(api, seen)
            assert seen.errors == []
            assert seen.longest < LONGEST_SECONDS
            assert seconds_until_well(api) < RECOVERY_SECONDS


@pytest.mark.long
@pytest.mark.parametrize("frozen", ["emitted"], indirect=True)
def test_an_idle_application_notices_that_its_connections_have_frozen(
    frozen: tuple[Api, FreezingProxy],
) -> None:
    """The first request after a silent night meets connections that a firewall has forgotten."""
    api, proxy = frozen
    seconds_until_well(api)
    proxy.freeze(new=False)
    time.sleep(2)
    for _ in range(4):
        seen = Seen()
        ask(api, seen, *REQUESTS[0])
        assert seen.errors == []
        assert seen.longest < LONGEST_SECONDS
    assert seconds_until_well(api) < RECOVERY_SECONDS


@pytest.mark.long
@pytest.mark.slow
@pytest.mark.parametrize("frozen", ["served"], indirect=True)
def test_writes_that_freeze_under_way_are_answered_and_none_is_lost(
    frozen: tuple[Api, FreezingProxy],
) -> None:
    api, proxy = frozen
    chance = random.Random(3)  # noqa: S311 - when to freeze
    with api.engine.begin() as connection:
        connection.execute(api.tables.tables["tag"].delete())
    writers = [Writer(api, number) for number in range(8)]
    for writer in writers:
        writer.start()
    for number in range(3 * ROUNDS):
        time.sleep(chance.uniform(0.2, 0.6))
        proxy.freeze(new=number % 3 != 0)
        time.sleep(chance.uniform(1, 6))
        (proxy.drop if number % 2 else proxy.thaw)()
    time.sleep(RECOVERY_SECONDS)
    for writer in writers:
        writer.is_over.set()
    for writer in writers:
        writer.join(30)
        assert writer.seen.errors == []
        assert writer.seen.longest < LONGEST_SECONDS
        assert writer.seen.statuses[-5:] == [200] * 5
    with api.engine.connect() as connection:
        codes = {code for (code,) in connection.exec_driver_sql("SELECT code FROM tag")}
    assert {code for writer in writers for code in writer.acknowledged} <= codes


@pytest.mark.long
def test_an_application_that_starts_while_the_database_is_frozen_waits_for_it(
    servers: Servers, new_database: Callable[[str], str], root: Path
) -> None:
    with FreezingProxy(new_database("postgresql")) as proxy:
        proxy.freeze()
        spec = root / "tests/specs/zoo/entities"
        api = servers.start(spec, "emitted", proxy.url, wait=False, settings=SETTINGS)
        deadline = time.monotonic() + 90
        while not lives(api):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        with watched(api):
            seen = Seen()
            ask_each(api, seen)
            assert seen.errors == []
            assert set(seen.statuses) == {503}
            assert seen.longest < LONGEST_SECONDS
            proxy.thaw()
            assert seconds_until_well(api) < RECOVERY_SECONDS
        api.stop()
        assert "Traceback" not in api.log.read_text()


def lives(api: Api) -> bool:
    assert api.process.poll() is None, api.log.read_text()
    try:
        return api.client.get("/live").status_code == 200
    except httpx.TransportError:
        return False
