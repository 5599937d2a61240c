"""Files on a real server: no client takes an error, or the end of the server, for their end."""

import signal
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import text

from tests.export.walking import NDJSON
from tests.support.servers import Api, Servers, write_entities
from tests.support.wire import connect, connect_narrowly, rest

ROWS = 20_000
REQUEST = f"GET /heroes/ HTTP/1.1\r\nHost: x\r\nAccept: {NDJSON}\r\n\r\n".encode()
SPEC = {"hero": "name: Hero\nfields: {name: str(1..2000)}\napi: {export: [ndjson]}\n"}
LONGEST_SECONDS = 10.0


@pytest.fixture(params=["sqlite", "postgresql"])
def api(
    request: pytest.FixtureRequest,
    servers: Servers,
    tmp_path: Path,
    new_database: Callable[[str], str],
) -> Iterator[Api]:
    spec = write_entities(tmp_path / "entities", SPEC)
    api = servers.start(spec, "emitted", new_database(request.param), keeps_names=True)
    rows = [{"name": f"{n:0>1000}"} for n in range(ROWS)]
    with api.engine.begin() as connection:
        connection.execute(text("INSERT INTO hero (name) VALUES (:name)"), rows)
    yield api
    servers.end(api)


def begun(api: Api, *, narrowly: bool = True) -> socket.socket:
    """Request all rows, and read the first of them.

    `narrowly`: what is not read stays with the server.
    """
    client = connect_narrowly(api, REQUEST) if narrowly else connect(api, REQUEST)
    received = b""
    while b'"id":1}' not in received:
        received += client.recv(1000)
    assert received.startswith(b"HTTP/1.1 200 OK\r\n")
    return client


def rest_of(client: socket.socket) -> bytes:
    """Return what arrives before the connection is closed or reset."""
    try:
        return rest(client)
    except ConnectionError:
        return b""


@pytest.mark.long
@pytest.mark.slow
def test_an_error_closes_the_connection_without_the_end_of_the_body(api: Api) -> None:
    is_sqlite = api.engine.dialect.name == "sqlite"
    if is_sqlite:
        with api.engine.begin() as connection:
            connection.execute(text("UPDATE hero SET name = x'ff' WHERE id = 12000"))
    with closing(begun(api, narrowly=not is_sqlite)) as client:
        if not is_sqlite:
            with api.engine.begin() as connection:
                connection.execute(
                    text(
                        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                        " WHERE pid != pg_backend_pid() AND state = 'idle in transaction'"
                    )
                )
        assert not rest_of(client).endswith(b"\r\n0\r\n\r\n")
    assert api.client.get("/heroes/?limit=1").status_code == 200
    log = api.log.read_text()
    if not is_sqlite:
        assert "/heroes/: the response is aborted: " in log
        assert "Traceback" not in log


@pytest.mark.long
@pytest.mark.slow
def test_the_server_stops_while_a_client_reads_nothing(api: Api) -> None:
    with closing(begun(api)) as client:
        began = time.monotonic()
        api.process.send_signal(signal.SIGTERM)
        api.process.wait(30)
        assert time.monotonic() - began < LONGEST_SECONDS
        assert not rest_of(client).endswith(b"\r\n0\r\n\r\n")
    assert "Traceback" not in api.log.read_text()


@pytest.mark.long
@pytest.mark.slow
def test_a_file_is_complete(api: Api) -> None:
    answer = api.client.get("/heroes/", headers={"accept": NDJSON})
    assert answer.status_code == 200
    assert answer.text.count("\n") == ROWS
    with closing(begun(api)):
        pass
    assert api.client.get("/heroes/", headers={"accept": NDJSON}).text == answer.text
