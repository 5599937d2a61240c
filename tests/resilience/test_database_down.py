"""A database that is down at the start, or away for long: the application waits for it."""

import sqlite3
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from tests.support.postgres import UNAVAILABLE, Postgres
from tests.support.servers import Api, Servers

HERO = {"name": "n", "secret_name": "s"}
RECOVERY_SECONDS = 5.0
MODES = ("served", "emitted")


def wait_for(condition: Callable[[], bool], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def lives(api: Api) -> bool:
    assert api.process.poll() is None, api.log.read_text()
    try:
        return api.client.get("/live").status_code == 200
    except httpx.TransportError:
        return False


def ready(api: Api) -> bool:
    return api.client.get("/ready").status_code == 200


def answers(api: Api) -> bool:
    """Return whether a request is answered; if not, it is 503 as documented."""
    statuses = set()
    for response in (
        api.client.post("/heroes/", json=HERO),
        api.client.get("/heroes/"),
        api.client.get("/heroes/?cursor="),
    ):
        statuses.add(response.status_code)
        if response.status_code != 200:
            assert response.status_code == 503, response.text
            assert int(response.headers["retry-after"]) >= 1
            assert response.json()["detail"] in UNAVAILABLE
    return statuses == {200}


@pytest.mark.long
@pytest.mark.slow
def test_postgresql_down_at_the_start_and_for_long_afterwards(
    postgres: Postgres, servers: Servers, root: Path
) -> None:
    postgres.stop()
    api = servers.start(root / "entities", "emitted", postgres.url, wait=False)
    wait_for(lambda: lives(api), 90)
    assert not answers(api)
    assert not ready(api)
    time.sleep(3)
    assert lives(api)
    postgres.start()
    wait_for(lambda: answers(api), RECOVERY_SECONDS)
    wait_for(lambda: ready(api), 2)

    postgres.stop()
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        assert not answers(api)
        assert lives(api)
    postgres.start()
    wait_for(lambda: answers(api), RECOVERY_SECONDS)
    api.stop()
    assert "Traceback" not in api.log.read_text()


def test_sqlite_that_is_locked_at_the_start(
    servers: Servers, new_database: Callable[[str], str], root: Path
) -> None:
    database = new_database("sqlite")
    with sqlite3.connect(database.removeprefix("sqlite:///"), isolation_level=None) as other:
        other.execute("PRAGMA journal_mode = WAL")
        other.execute("BEGIN IMMEDIATE")
        api = servers.start(root / "entities", "emitted", database, wait=False)
        wait_for(lambda: lives(api), 90)
        assert not answers(api)
        assert not ready(api)
        other.execute("ROLLBACK")
    wait_for(lambda: answers(api), RECOVERY_SECONDS)
    api.stop()


def test_wrong_tables_that_appear_meanwhile_are_never_served(
    servers: Servers, new_database: Callable[[str], str], root: Path
) -> None:
    database = new_database("sqlite")
    with sqlite3.connect(database.removeprefix("sqlite:///"), isolation_level=None) as other:
        other.execute("PRAGMA journal_mode = WAL")
        other.execute("BEGIN IMMEDIATE")
        other.execute("CREATE TABLE hero (id INTEGER PRIMARY KEY)")
        api = servers.start(root / "entities", "served", database, wait=False)
        wait_for(lambda: lives(api), 90)
        other.execute("COMMIT")
        assert "table hero: column name: missing" in api.log_with("differ from the models")
        assert not answers(api)
        other.execute("DROP TABLE hero")
    wait_for(lambda: answers(api), RECOVERY_SECONDS)
    api.stop()


@pytest.mark.parametrize("mode", MODES)
def test_an_application_that_waits_for_its_database_ends_in_order(
    servers: Servers, root: Path, mode: str
) -> None:
    url = "postgresql://u:hunter2@127.0.0.1:1/x"
    api = servers.start(root / "entities", mode, url, wait=False)
    wait_for(lambda: lives(api), 90)
    api.stop()
    log = api.log.read_text()
    assert "check that the server is running" in log
    assert "hunter2" not in log
    assert "Traceback" not in log
