"""Each limit has its documented answer, everywhere, and the others are served meanwhile."""

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from servers import Api, Everywhere, Servers

HERO = {"name": "n", "secret_name": "s"}
SLOW = (
    b"POST /heroes/ HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 99\r\n"
)


@pytest.fixture(params=["served", "emitted"])
def mode(request: pytest.FixtureRequest) -> str:
    chosen: str = request.param
    return chosen


@pytest.fixture
def start(
    mode: str, servers: Servers, new_database: Callable[[str], str], root: Path
) -> Iterator[Callable[..., Api]]:
    started: list[Api] = []

    def start(**settings: str) -> Api:
        api = servers.start(root / "entities", mode, new_database("sqlite"), settings=settings)
        started.append(api)
        return api

    yield start
    for api in started:
        api.stop()


def connect(api: Api, sent: bytes) -> socket.socket:
    host, port = str(api.client.base_url)[7:].rstrip("/").split(":")
    connection = socket.create_connection((host, int(port)), timeout=20)
    connection.sendall(sent)
    return connection


def rest(connection: socket.socket) -> bytes:
    """Read until the server closes."""
    received = b""
    while chunk := connection.recv(65536):
        received += chunk
    return received


@pytest.mark.parametrize("path", ["/animals/", "/animals/1", "/live", "/nothing", "/docs"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_url_over_the_limit_is_414(everywhere: Everywhere, method: str, path: str) -> None:
    for url in (f"{path}?{'x' * 9000}", f"{path}/{'x' * 9000}", f"{path}?limit={'9' * 8200}"):
        response = everywhere.ask(method, url)
        assert response.status_code == 414
        assert response.json() == {"detail": "Path and query should have at most 8192 bytes"}
    within = everywhere.ask("GET", f"/animals/?{'x' * 8000}")
    assert within.status_code == 422


def test_many_parameters_are_422(everywhere: Everywhere) -> None:
    for query in ("limit=1&" * 200, "&" * 500, "x=1&" * 200 + "x=1"):
        response = everywhere.ask("GET", f"/animals/?{query}")
        assert response.status_code == 422
        assert [one["type"] for one in response.json()["detail"]] == ["too_many_parameters"]
    ids = "&".join(f"id__in={number}" for number in range(100))
    assert everywhere.ask("GET", f"/animals/?{ids}&limit=1&sort=-id").status_code == 200


def test_too_many_requests_at_a_time_are_503(start: Callable[..., Api]) -> None:
    api = start(MAX_CONCURRENT_REQUESTS="3")
    with ExitStack() as stack:
        for _ in range(3):
            stack.enter_context(connect(api, SLOW + b"\r\n{"))
        time.sleep(0.3)
        for method, path in (("GET", "/heroes/"), ("GET", "/heroes/1"), ("GET", "/ready")):
            response = api.client.request(method, path)
            assert response.status_code == 503
            assert response.json() == {"detail": "The server is busy, try again"}
            assert int(response.headers["retry-after"]) >= 1
            assert response.headers["x-request-id"]
        assert api.client.post("/heroes/", json=HERO).status_code == 503
        assert api.client.get("/live").status_code == 200
    deadline = time.monotonic() + 5
    while api.client.get("/heroes/").status_code == 503:
        assert time.monotonic() < deadline
    assert api.ask("POST", "/heroes/", json=HERO).status_code == 200


@pytest.mark.parametrize(
    "head",
    [
        SLOW,
        SLOW.replace(b"Content-Length: 99", b"Transfer-Encoding: chunked"),
        SLOW + b"X-A: b\r\n",
    ],
    ids=["length", "chunked", "header"],
)
def test_a_body_that_comes_too_slowly_is_408(start: Callable[..., Api], head: bytes) -> None:
    api = start(BODY_SECONDS="1")
    chunk = b"1\r\n{\r\n" if b"chunked" in head else b"{"
    with connect(api, head + b"\r\n" + chunk) as connection:
        begun = time.monotonic()
        received = rest(connection)
    assert 0.8 < time.monotonic() - begun < 5
    assert received.startswith(b"HTTP/1.1 408 ")
    assert received.endswith(b'{"detail":"The body should arrive within 1 seconds"}')
    assert b"x-request-id" in received


def test_a_body_that_drips_is_408_all_the_same(start: Callable[..., Api]) -> None:
    api = start(BODY_SECONDS="1")
    with connect(api, SLOW + b"\r\n") as connection:
        begun = time.monotonic()
        connection.settimeout(0.1)
        received = b""
        while not received and time.monotonic() < begun + 5:
            connection.sendall(b" ")
            try:
                received = connection.recv(65536)
            except TimeoutError:
                continue
    assert received.startswith(b"HTTP/1.1 408 ")
    assert 0.8 < time.monotonic() - begun < 5


def test_slow_bodies_do_not_hold_up_others(start: Callable[..., Api]) -> None:
    api = start(BODY_SECONDS="3")
    with ExitStack() as stack:
        slow = [stack.enter_context(connect(api, SLOW + b"\r\n{")) for _ in range(300)]
        longest = 0.0
        for _ in range(100):
            begun = time.monotonic()
            assert api.ask("POST", "/heroes/", json=HERO).status_code == 200
            assert api.ask("GET", "/heroes/1").status_code == 200
            longest = max(longest, time.monotonic() - begun)
        assert longest < 1
        assert all(rest(one).startswith(b"HTTP/1.1 408 ") for one in slow)
    assert "Traceback" not in api.log.read_text()
