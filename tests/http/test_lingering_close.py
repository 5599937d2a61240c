"""The last response of a connection reaches a client that is still sending."""

import re
import socket
import time
from contextlib import ExitStack

import pytest

from tests.support.servers import Everywhere
from tests.support.wire import connect, rest

GET = b"GET /tags/?limit=1 HTTP/1.1\r\nHost: x\r\n\r\n"
POST = b"POST /tags/ HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
TAG = b'{"code": "ab", "plate": "X", "label": "one"}'
MUCH = b"x" * 3_000_000


def chunks(tail: bytes) -> bytes:
    return POST + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n%s" % (len(TAG), TAG, tail)


CASES = {
    "no request": (b"nothing\r\n", [400]),
    "head": (GET[:-2] + b"X-A: ", [431]),
    "headers": (GET[:-2] + b"X-A: b\r\n" * 8192, [431]),
    "target": (GET.replace(b"/tags/", b"tags"), [400]),
    "chunk": (chunks(b"nothing\r\n"), [400]),
    "trailer": (chunks(b"0\r\nX-A: "), [431]),
    "behind": (GET * 3 + chunks(b"nothing\r\n"), [200, 200, 200, 400]),
    "after": (GET * 3 + b"nothing\r\n", [200, 200, 200]),
    "after a body": (POST + b"Content-Length: %d\r\n\r\n%s" % (len(TAG), TAG), [200]),
    "body": (POST + b"Connection: close\r\nContent-Length: 3000000\r\n\r\n", [413]),
    "HTTP/1.0": (POST.replace(b"1.1", b"1.0") + b"Content-Length: 3000000\r\n\r\n", [413]),
    "method": (b"PUT /tags/ HTTP/1.0\r\nContent-Length: 3000000\r\n\r\n", [405]),
}


@pytest.mark.parametrize("name", CASES)
def test_a_client_that_sends_more_gets_every_response(everywhere: Everywhere, name: str) -> None:
    begin, statuses = CASES[name]
    for api in everywhere.apis:
        for _ in range(3):
            with connect(api, begin + MUCH) as connection:
                found = re.findall(rb"HTTP/1.1 (\d+) ", rest(connection))
            assert [int(status) for status in found] == statuses
            api.emptied()


@pytest.mark.slow
def test_a_client_that_never_stops_sending_is_closed(everywhere: Everywhere) -> None:
    with ExitStack() as stack:
        connections = [stack.enter_context(connect(api, b"nothing\r\n")) for api in everywhere.apis]
        for connection in connections:
            assert rest(connection).startswith(b"HTTP/1.1 400 ")
        deadline = time.monotonic() + 15
        while connections:
            assert time.monotonic() < deadline
            assert everywhere.ask("GET", "/live").status_code == 200  # others are served meanwhile
            time.sleep(0.05)
            connections = [connection for connection in connections if is_open(connection)]


def is_open(connection: socket.socket) -> bool:
    """Send something more, and return whether the server still receives it."""
    try:
        connection.sendall(b"x" * 1000)
    except ConnectionError:
        return False
    return True
