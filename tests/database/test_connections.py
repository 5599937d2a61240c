"""Connections that break while they idle, or are never answered: no request notices the first."""

import asyncio
import contextlib
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import literal_column, select

from crudgen.kit.database import connections
from crudgen.kit.database.postgresql import Postgresql
from crudgen.kit.database.statements import Prepared
from tests.support.postgres import end_clients_of
from tests.support.servers import Api, Servers

HERO = {"name": "n", "secret_name": "s"}
MODES = ("served", "emitted")


@pytest.fixture(scope="module", params=MODES)
def api(
    request: pytest.FixtureRequest, servers: Servers, new_database: Callable[[str], str], root: Path
) -> Iterator[Api]:
    started = servers.start(root / "entities", request.param, new_database("postgresql"))
    yield started
    servers.end(started)


def end_connections(api: Api) -> int:
    """End every connection of the application, as an administrator or a restart would."""
    with psycopg.connect(api.database) as connection:
        return end_clients_of(connection)


@pytest.mark.long
@pytest.mark.parametrize("method", ["POST", "PATCH", "list", "GET", "ready"])
def test_connections_that_were_ended_are_replaced(api: Api, method: str) -> None:
    row = api.ask("POST", "/heroes/", json=HERO).json()["id"]
    requests = {
        "POST": ("POST", "/heroes/", HERO),
        "PATCH": ("PATCH", f"/heroes/{row}", {"age": 1}),
        "list": ("GET", "/heroes/?cursor=&count=exact", None),
        "GET": ("GET", f"/heroes/{row}", None),
        "ready": ("GET", "/ready", None),
    }
    for _ in range(3):
        assert end_connections(api) >= 1
        asked, path, body = requests[method]
        answer = api.client.request(asked, path, json=body)
        assert answer.status_code == 200, answer.text
        assert api.ask("POST", "/heroes/", json=HERO).is_success
    assert "Traceback" not in api.log.read_text()


@pytest.mark.long
@pytest.mark.parametrize(
    ("mode", "setting"),
    [("served", "idle_session_timeout"), ("emitted", "idle_in_transaction_session_timeout")],
)
def test_a_timeout_of_idle_sessions_does_not_concern_requests(
    servers: Servers, new_database: Callable[[str], str], root: Path, mode: str, setting: str
) -> None:
    url = new_database("postgresql")
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"ALTER DATABASE {connection.info.dbname} SET {setting} = '500ms'")
    api = servers.start(root / "entities", mode, url)
    for _ in range(2):
        for _ in range(3):
            assert api.client.post("/heroes/", json=HERO).status_code == 200
        time.sleep(1.5)
    assert api.client.get("/ready").status_code == 200
    api.stop()


def test_a_timeout_of_the_url_stays_as_it_is(
    servers: Servers, new_database: Callable[[str], str], root: Path
) -> None:
    url = new_database("postgresql")
    options = "-cidle_session_timeout%3D600ms%20-cstatement_timeout%3D250ms"
    settings = {"LOCK_SECONDS": "20"}
    api = servers.start(root / "entities", "served", f"{url}&options={options}", settings=settings)
    for _ in range(3):
        assert api.client.post("/heroes/", json=HERO).status_code == 200
        time.sleep(1)
    with psycopg.connect(url) as other:
        other.execute("LOCK TABLE hero")
        begun = time.monotonic()
        assert api.client.get("/heroes/").status_code == 503
        assert time.monotonic() - begun < 10
    api.stop()


@pytest.mark.long
@pytest.mark.parametrize(
    ("mode", "greeting"),
    [("served", b""), ("emitted", b"HTTP/1.1 400 Bad Request\r\n\r\n"), ("served", b"N")],
)
def test_a_port_that_is_no_postgresql_is_waited_for(
    servers: Servers, root: Path, mode: str, greeting: bytes
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        url = f"postgresql://u:hunter2@127.0.0.1:{port}/x?sslmode=prefer"
        api = servers.start(root / "entities", mode, url, wait=False)
        listener.settimeout(90)
        accepted, _ = listener.accept()
        with accepted:
            if greeting:
                accepted.sendall(greeting)
            log = api.log_with("retrying in the background")
            api.wait_until_it_listens()
            assert api.client.get("/live").status_code == 200
            for path in ("/ready", "/heroes/"):
                answer = api.client.get(path)
                assert (answer.status_code, answer.json()["detail"]) == (
                    503,
                    "The application is still connecting to the database, try again",
                )
        api.stop()
    assert "hunter2" not in log
    assert "Traceback" not in api.log.read_text()


def test_a_request_that_is_cancelled_gives_its_connection_back(
    new_database: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """At whichever step: while it waits for a connection, checks that it is good, or uses it."""
    monkeypatch.setattr(connections, "IDLE_SECONDS", -1.0)
    backend = Postgresql(
        new_database("postgresql"), connections=2, lock_seconds=5.0, statement_seconds=5.0
    )
    one = Prepared(select(literal_column("1")), backend.dialect, ())

    async def read_and_cancel() -> None:
        await backend.open()
        try:
            for steps in range(30):
                assert await backend.read(one, {}, short=True) == [(1,)]
                task = asyncio.create_task(backend.read(one, {}, short=True))
                for _ in range(steps):
                    await asyncio.sleep(0)
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task
        finally:
            await backend.close()

    asyncio.run(read_and_cancel())
