"""Each limit has its documented answer, everywhere, and the others are served meanwhile."""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import cache
from pathlib import Path

import pytest

from tests.support.servers import Api, Everywhere, Servers
from tests.support.wire import connect, rest

HERO = {"name": "n", "secret_name": "s"}
LONGEST_SECONDS = 4.5
"""Where a limit is one second: less than uvicorn keeps an idle connection, and than the defaults.

The time is measured from before the connection, so that it is never less than the limit.
"""
SLOW = (
    b"POST /heroes/ HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 99\r\n"
)


@pytest.fixture(scope="module", params=["served", "emitted"])
def mode(request: pytest.FixtureRequest) -> str:
    chosen: str = request.param
    return chosen


@pytest.fixture(scope="module")
def start(
    mode: str, servers: Servers, new_database: Callable[[str], str], root: Path
) -> Iterator[Callable[..., Api]]:
    """Yield a function that starts an application, once for the same settings."""

    @cache
    def start(**settings: str) -> Api:
        api = servers.start(root / "entities", mode, new_database("sqlite"), settings=settings)
        started.append(api)
        return api

    started: list[Api] = []
    yield start
    for api in started:
        servers.end(api)


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


def wait_until_status(api: Api, is_wanted: Callable[[int], bool]) -> None:
    """Wait until a list has a status: requests begin and end later than their clients do."""
    deadline = time.monotonic() + 20
    while not is_wanted(api.client.get("/heroes/").status_code):
        assert time.monotonic() < deadline


def test_too_many_requests_at_a_time_are_503(start: Callable[..., Api]) -> None:
    api = start(MAX_CONCURRENT_REQUESTS="3")
    with ExitStack() as stack:
        for _ in range(3):
            stack.enter_context(connect(api, SLOW + b"\r\n{"))
        wait_until_status(api, lambda status: status == 503)
        for method, path in (("GET", "/heroes/"), ("GET", "/heroes/1"), ("GET", "/ready")):
            response = api.client.request(method, path)
            assert response.status_code == 503
            assert response.json() == {"detail": "The server is busy, try again"}
            assert int(response.headers["retry-after"]) >= 1
            assert response.headers["x-request-id"]
        assert api.client.post("/heroes/", json=HERO).status_code == 503
        assert api.client.get("/live").status_code == 200
    wait_until_status(api, lambda status: status != 503)
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
    begun = time.monotonic()
    with connect(api, head + b"\r\n" + chunk) as connection:
        received = rest(connection)
    assert 0.95 < time.monotonic() - begun < LONGEST_SECONDS
    assert received.startswith(b"HTTP/1.1 408 ")
    assert received.endswith(b'{"detail":"The body should arrive within 1 seconds"}')
    assert b"x-request-id" in received


def test_a_body_that_drips_is_408_all_the_same(start: Callable[..., Api]) -> None:
    api = start(BODY_SECONDS="1")
    begun = time.monotonic()
    with connect(api, SLOW + b"\r\n") as connection:
        connection.settimeout(0.1)
        received = b""
        while not received and time.monotonic() < begun + LONGEST_SECONDS:
            connection.sendall(b" ")
            try:
                received = connection.recv(65536)
            except TimeoutError:
                continue
    assert received.startswith(b"HTTP/1.1 408 ")
    assert time.monotonic() - begun > 0.95


def test_a_head_that_comes_too_slowly_is_408_and_an_idle_connection_is_closed(
    start: Callable[..., Api],
) -> None:
    api = start(HEAD_SECONDS="1")
    for sent in (b"", b"GET", SLOW, b"GET /heroes/ HTTP/1.1\r\nHost: x\r\n"):
        begun = time.monotonic()
        with connect(api, sent) as connection:
            received = rest(connection)
        assert 0.95 < time.monotonic() - begun < LONGEST_SECONDS
        if sent:
            assert received.startswith(b"HTTP/1.1 408 Request Timeout\r\n")
            assert received.endswith(b'{"detail": "The request should arrive within 1 seconds"}')
            assert b"nosniff" in received
        else:
            assert received == b""


def test_a_head_that_drips_is_closed_on_a_connection_that_was_used(
    start: Callable[..., Api],
) -> None:
    api = start(HEAD_SECONDS="1")
    with connect(api, b"GET /live HTTP/1.1\r\nHost: x\r\n\r\n") as connection:
        answer = b""
        while not answer.endswith(b'{"detail":"live"}'):
            answer += connection.recv(65536)
        begun = time.monotonic()
        connection.settimeout(0.1)
        received = b""
        connection.sendall(b"GET /live HTTP/1.1\r\n")
        while not received and time.monotonic() < begun + LONGEST_SECONDS:
            connection.sendall(b"X-A: b\r\n")
            try:
                received = connection.recv(65536)
            except TimeoutError:
                continue
    assert received.startswith(b"HTTP/1.1 408 ")
    assert time.monotonic() - begun > 0.95


@pytest.mark.parametrize(
    "head",
    [
        b"X-A: " + b"x" * 70_000 + b"\r\n",
        b"".join(b"X-%d: x\r\n" % number for number in range(101)),
        b"X-A: " + b"x" * 10_000_000,
        b"".join(b"X-%d: x\r\n" % number for number in range(1_000_000)),
    ],
    ids=["large", "many", "endless", "endless-many"],
)
def test_large_or_many_headers_are_431(everywhere: Everywhere, head: bytes) -> None:
    for api in everywhere.apis:
        with connect(api, b"GET /tags/ HTTP/1.1\r\nHost: x\r\n") as connection:
            received = b""
            try:
                connection.sendall(head + b"\r\n")
                received = rest(connection)
            except OSError:
                assert len(head) > 100_000  # the server hung up on a client that went on sending
            else:
                assert received.startswith(b"HTTP/1.1 431 Request Header Fields Too Large\r\n")
                assert b"\r\n\r\n{" in received
        assert api.ask("GET", "/tags/", headers={"x-a": "x" * 60_000}).status_code == 200


def test_what_is_not_http_is_400(everywhere: Everywhere) -> None:
    for sent in (b"\x16\x03\x01\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"{}\r\n"):
        for api in everywhere.apis:
            with connect(api, sent) as connection:
                received = rest(connection)
            assert received.startswith(b"HTTP/1.1 400 Bad Request\r\n"), received
            assert received.endswith(b'{"detail": "The request is not valid HTTP"}')
            assert b"x-request-id" not in received.lower()


def test_a_client_that_is_answered_and_sends_on_is_closed(start: Callable[..., Api]) -> None:
    api = start(HEAD_SECONDS="1")
    for path in (b"/nothing", b"/live"):
        head = SLOW.replace(b"/heroes/", path)
        begun = time.monotonic()
        with connect(api, head + b"\r\n{") as connection:
            received = rest(connection)
        assert received.split(b" ")[1] in {b"404", b"405"}
        assert 0.95 < time.monotonic() - begun < LONGEST_SECONDS


def test_requests_behind_one_another_are_answered_in_order(start: Callable[..., Api]) -> None:
    api = start()
    many = b"GET /heroes/?limit=1 HTTP/1.1\r\nHost: x\r\n\r\n" * 20
    with connect(api, many + b"nonsense\r\n\r\n") as connection:
        received = rest(connection)
    assert 1 <= received.count(b"HTTP/1.1 200 OK") <= 20
    assert received.count(b"HTTP/1.1 400 ") <= 1


def test_a_client_that_hangs_up_within_its_body_is_no_error(start: Callable[..., Api]) -> None:
    api = start()
    for content_type in (b"text/plain", b"application/json", b""):
        head = SLOW.replace(b"application/json", content_type)
        for part in (b"", b"hello"):
            connect(api, head + b"\r\n" + part).close()
    assert api.ask("POST", "/heroes/", json=HERO).status_code == 200
    log = api.log.read_text()
    assert "Traceback" not in log
    assert "ERROR" not in log
