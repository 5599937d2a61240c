"""What HTTP lets a client add around a request: trailers, and a wish for another protocol."""

import re
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.support.servers import Api, Everywhere
from tests.support.wire import connect, one_answer, rest

JSON = b"Host: x\r\nContent-Type: application/json\r\n"
TAG = b'{"code": "ab", "plate": "X", "label": "one"}'


def chunked(path: bytes, body: bytes, method: bytes = b"POST", head: bytes = b"") -> bytes:
    """Write a request up to where its trailers begin."""
    start = b"%s %s HTTP/1.1\r\n%s%sTransfer-Encoding: chunked\r\n" % (method, path, JSON, head)
    return start + b"Connection: close\r\n\r\n%x\r\n%s\r\n0\r\n" % (len(body), body)


def sized(head: bytes, body: bytes) -> bytes:
    start = b"POST /tags/ HTTP/1.1\r\n" + JSON + head
    return start + b"Content-Length: %d\r\n\r\n%s" % (len(body), body)


def asked(api: Api, *packets: bytes) -> bytes:
    """Send packets one after another, and read until the server closes."""
    with connect(api, packets[0]) as connection:
        for packet in packets[1:]:
            time.sleep(0.1)
            connection.sendall(packet)
        return rest(connection)


def test_trailers_are_not_headers(everywhere: Everywhere) -> None:
    for api in everywhere.apis:
        made = asked(api, chunked(b"/tags/", TAG) + b"Idempotency-Key: x\r\nX-A: b\r\n\r\n")
        assert made.startswith(b"HTTP/1.1 200 ")
        empty = chunked(b"/tags/ab", b"{}", b"PATCH")
        for trailer in (b"If-Match: x", b"Content-Type: text/plain"):
            assert asked(api, empty + trailer + b"\r\n\r\n").startswith(b"HTTP/1.1 200 ")
        plain = empty.replace(b"application/json", b"text/plain")
        answer = asked(api, plain + b"Content-Type: application/json\r\n\r\n")
        assert answer.startswith(b"HTTP/1.1 415 ")


@pytest.mark.parametrize("line", [b"X-A: b\r\n" * 8192, b"x" * 65536], ids=["many", "long"])
def test_trailers_without_an_end_are_431(everywhere: Everywhere, line: bytes) -> None:
    for api in everywhere.apis:
        with connect(api, chunked(b"/tags/", TAG) + b"X-B: ") as connection:
            time.sleep(0.1)
            for _ in range(200):
                connection.sendall(line)
            assert rest(connection).startswith(b"HTTP/1.1 431 ")
        assert api.ask("GET", "/tags/").json() == []


@pytest.mark.long
@pytest.mark.parametrize("protocol", [b"h2c", b"websocket", b"TLS/1.0"])
def test_a_wish_for_another_protocol_is_ignored(everywhere: Everywhere, protocol: bytes) -> None:
    wish = b"Connection: upgrade\r\nUpgrade: " + protocol + b"\r\n"
    second = b"GET /tags/?limit=1 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    for api in everywhere.apis:
        whole = sized(wish, TAG)
        for packets in (
            [whole + second],
            [whole[:-10], whole[-10:] + second],
            [whole[: -len(TAG)], TAG, second],
            [whole[:30], whole[30:], second],
        ):
            answer = asked(api, *packets)
            assert answer.count(b"HTTP/1.1 200 ") == answer.count(b"HTTP/1.1 ") == 2
            assert answer.count(b'"label":"one"') == 2
            api.emptied()
        hidden = sized(wish + b"Connection: close\r\n", second)
        smuggled = asked(api, hidden[: -len(second)], second)
        assert smuggled.count(b"HTTP/1.1 ") == 1
        assert smuggled.startswith(b"HTTP/1.1 422 ")
        many = b"GET /live HTTP/1.1\r\nHost: x\r\n" + wish + b"\r\n"
        assert asked(api, many * 500 + second).count(b"HTTP/1.1 200 ") == 501


def test_a_handshake_of_websockets_is_answered_as_any_request(everywhere: Everywhere) -> None:
    handshake = (
        b"GET /tags/ HTTP/1.1\r\nHost: x\r\nConnection: upgrade, close\r\nUpgrade: websocket\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
    for api in everywhere.apis:
        answer = asked(api, handshake)
        assert answer.startswith(b"HTTP/1.1 200 ")
        assert b"x-request-id" in answer


def test_a_tunnel_is_refused(everywhere: Everywhere) -> None:
    for api in everywhere.apis:
        answer = asked(api, b"CONNECT x:80 HTTP/1.1\r\nHost: x\r\n\r\nGET /live HTTP/1.1\r\n\r\n")
        assert answer.startswith(b"HTTP/1.1 4")
        assert answer.count(b"HTTP/1.1 ") == 1


@pytest.mark.parametrize(
    "request_",
    [
        chunked(b"/tags/", TAG).replace(b"chunked", b"gzip"),
        chunked(b"/tags/", TAG).replace(b"\r\n0\r\n", b"\r\nnothing\r\n"),
        chunked(b"/tags/", TAG, head=b"Content-Length: 3\r\n"),
    ],
    ids=["coding", "chunk", "two lengths"],
)
def test_a_body_that_cannot_be_read_is_400_at_once(everywhere: Everywhere, request_: bytes) -> None:
    for api in everywhere.apis:
        answer = asked(api, request_)
        assert answer.startswith(b"HTTP/1.1 400 ")
        assert answer.endswith(b'{"detail": "The request is not valid HTTP"}')
        assert api.ask("GET", "/tags/").json() == []
        assert "Traceback" not in api.log.read_text()


def test_a_body_that_cannot_be_read_is_400_behind_other_requests(everywhere: Everywhere) -> None:
    before = b"GET /tags/?limit=1 HTTP/1.1\r\nHost: x\r\n\r\n"
    broken = chunked(b"/tags/", TAG).replace(b"\r\n0\r\n", b"\r\nnothing\r\n")
    for api in everywhere.apis:
        for more in (b"", b"x" * 200_000):
            with connect(api, before * 2 + broken + more) as connection:
                begun = time.monotonic()
                statuses = re.findall(rb"HTTP/1.1 (\d+) ", rest(connection))
            assert statuses == [b"200", b"200", b"400"]
            assert time.monotonic() - begun < 10  # it does not wait for the rest of a body


@pytest.mark.long
@pytest.mark.slow
def test_a_blank_line_keeps_no_connection_open(everywhere: Everywhere) -> None:
    asks = b"GET /live HTTP/1.1\r\nHost: x\r\n\r\n"

    def idle(api: Api) -> None:
        with connect(api, asks) as connection:
            assert one_answer(connection).startswith(b"HTTP/1.1 200 ")
            connection.sendall(b"\r\n")
            assert rest(connection) == b""

    def begin(api: Api) -> None:
        with connect(api, asks) as connection:
            one_answer(connection)
            connection.sendall(b"\r\n" + asks[:5])
            time.sleep(6)  # a head that has begun has a time of its own
            connection.sendall(asks[5:])
            assert one_answer(connection).startswith(b"HTTP/1.1 200 ")

    with ThreadPoolExecutor() as pool:
        served = everywhere.apis[::2]
        for done in [pool.submit(step, api) for step in (idle, begin) for api in served]:
            done.result()
