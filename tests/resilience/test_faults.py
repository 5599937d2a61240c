"""When the database is locked, slow, down or wrong: 503 and recovery, or 500 without details."""

import sqlite3
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import psycopg
import pytest

from tests.support.servers import Api, Servers

HERO = {"name": "n", "secret_name": "s"}


@pytest.fixture(params=["sqlite", "postgresql"])
def api(
    request: pytest.FixtureRequest, servers: Servers, new_database: Callable[[str], str], root: Path
) -> Iterator[Api]:
    started = servers.start(root / "entities", "served", new_database(request.param))
    yield started
    servers.end(started)


def unavailable(response: httpx.Response) -> bool:
    assert response.status_code in {200, 503}, response.text
    if response.status_code == 503:
        assert int(response.headers["retry-after"]) >= 1
        assert set(response.json()) == {"detail"}
    return response.status_code == 503


def test_a_locked_database_is_503_and_recovers(api: Api) -> None:
    row = api.ask("POST", "/heroes/", json=HERO).json()
    if api.database.startswith("sqlite"):
        with sqlite3.connect(api.database.removeprefix("sqlite:///")) as other:
            other.execute("BEGIN IMMEDIATE")
            assert unavailable(api.client.post("/heroes/", json=HERO))
            assert not unavailable(api.client.get("/heroes/"))
            other.rollback()
    else:
        with psycopg.connect(api.database) as other:
            other.execute("LOCK TABLE hero")
            assert unavailable(api.client.get("/heroes/"))
            assert unavailable(api.client.patch(f"/heroes/{row['id']}", json=HERO))
            assert api.client.get("/live").status_code == 200
    assert api.ask("POST", "/heroes/", json=HERO).is_success
    assert api.ask("GET", "/ready").is_success


BROKEN_VIEW = (
    "CREATE VIEW hero AS SELECT 1 AS id, 'n' AS name, 's' AS secret_name, json('no JSON') AS age",
    "CREATE TRIGGER fail INSTEAD OF INSERT ON hero BEGIN SELECT json('no JSON'); END",
)


def break_table(api: Api) -> None:
    """Let statements fail as only a bug can: on PostgreSQL a table that is gone is none."""
    with api.engine.begin() as connection:
        if api.database.startswith("sqlite"):
            connection.exec_driver_sql("DROP TABLE hero")
            for statement in BROKEN_VIEW:
                connection.exec_driver_sql(statement)
            return
        connection.exec_driver_sql(
            "CREATE FUNCTION fail() RETURNS trigger AS $$ BEGIN"
            " RAISE EXCEPTION 'x' USING ERRCODE = 'XX000'; END $$ LANGUAGE plpgsql;"
            "CREATE TRIGGER fail BEFORE INSERT ON hero FOR EACH ROW EXECUTE FUNCTION fail();"
            "ALTER TABLE hero ALTER COLUMN age TYPE tid USING NULL"
        )


def test_a_bug_is_500_and_shows_nothing(api: Api) -> None:
    break_table(api)
    for response in (
        api.client.post("/heroes/", json=HERO),
        api.client.get("/heroes/?age__gte=1&sort=-age"),
    ):
        assert (response.status_code, response.json()) == (500, {"detail": "Internal Server Error"})
        assert response.headers["connection"] == "close"
        request_id = response.headers["x-request-id"]
        log = api.log_with(request_id)
    assert "heroes/routes.py" in log
    assert "return await heroes.list(db, request, query)" in log


def test_a_table_that_is_changed_by_hand_is_no_500(api: Api) -> None:
    row = api.ask("POST", "/heroes/", json=HERO).json()
    for _ in range(20):
        api.ask("GET", f"/heroes/{row['id']}")
    with api.engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE hero ADD COLUMN extra TEXT")
        if api.database.startswith("postgresql"):
            connection.exec_driver_sql("ALTER TABLE hero ALTER COLUMN name TYPE TEXT")
    deadline = time.monotonic() + 20
    while unavailable(api.client.get(f"/heroes/{row['id']}")):
        assert time.monotonic() < deadline
    assert api.ask("PATCH", f"/heroes/{row['id']}", json={"age": 7}).json()["age"] == 7


@pytest.mark.long
@pytest.mark.slow
def test_waiting_for_a_lock_is_bounded_however_many_wait(
    servers: Servers, new_database: Callable[[str], str], root: Path
) -> None:
    """With a limit of 2 seconds each write waits once, not behind the waiting of the others."""
    api = servers.start(root / "entities", "served", new_database("sqlite"))
    with sqlite3.connect(api.database.removeprefix("sqlite:///")) as other:
        other.execute("BEGIN IMMEDIATE")
        limits = httpx.Limits(max_connections=40)
        with (
            httpx.Client(base_url=api.client.base_url, limits=limits, timeout=30) as client,
            ThreadPoolExecutor(40) as pool,
        ):
            posts = [pool.submit(client.post, "/heroes/", json=HERO) for _ in range(120)]
            assert all(unavailable(post.result()) for post in posts)
        other.rollback()
    assert api.ask("POST", "/heroes/", json=HERO).is_success
    api.stop()
