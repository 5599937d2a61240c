"""Random bytes from a client: responses without ASGI are those with ASGI, and closings too.

`STREAMS` is the number of random connections. Each has the same bytes in each run.
"""

import asyncio
import importlib
import os
import re
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any

import pytest

from tests.fast.test_direct import Transport, Wire
from tests.fast.test_shortcut import NewDatabase, Packages, make

pytestmark = pytest.mark.long

STREAMS = int(os.environ.get("STREAMS", "400"))
ROWS = 5
MOST_REQUESTS = 6
_REQUEST_ID = re.compile(rb"(?<=x-request-id: )[0-9a-f]{32}")
_STATUS = re.compile(rb"HTTP/1\.1 (\d{3}) ")
DEFAULTS = [(b"date", b"Sun, 01 Feb 2026 00:00:00 GMT"), (b"server", b"test")]

PLAIN_TARGETS = [
    *(b"/heroes/%d" % key for key in range(1, ROWS + 3)),
    *(b"/heroes", b"/heroes/", b"/heroes/?limit=2", b"/heroes/?sort=-id", b"/heroes?age__gt=1"),
]
ODD_TARGETS = [
    *(b"/", b"*", b"//", b"//heroes/1", b"/heroes//1", b"/heroes/1/", b"/heroes/../heroes/1"),
    *(b"/heroes/%31", b"/heroes/01", b"/heroes/x", b"/heroes/-1", b"/heroes/1?", b"/heroes/1?x=1"),
    *(b"/heroes/?limit=0", b"/heroes/?limit=2&limit=2", b"/heroes/?name=%00", b"/heroes/?%FF=1"),
    *(b"/heroes/?fields=id", b"/heroes/?cursor=x", b"/heroes/?a?b", b"/heroes/1#x", b"/heroes\\1"),
    *(b"/live", b"/nothing", b"/heroes/" + b"9" * 30, b"/heroes/" + b"9" * 9000, b"/heroes/{}"),
    *(b"http://test/heroes/1", b"HTTP://test/heroes/1", b"http://a b/", b"test:80", b"", b"heroes"),
    *(
        b"/heroes/1 ",
        b" /heroes/1",
        b"/heroes/\xe9",
        b"/heroes/\t1",
        b"/heroes/;a=b",
        b"/heroes/1\0",
    ),
]
PLAIN_HEADERS = [
    *(b"Accept: */*", b"accept: text/html, */*;q=0.1", b"Accept-Encoding: gzip, br"),
    *(b"User-Agent: test", b"user-agent:test", b"Connection: keep-alive", b"Pragma: no-cache"),
    *(b"Cache-Control: no-cache", b"Authorization: Bearer x", b"accept-language: \t de"),
]
CHANGING_HEADERS = [
    *(b"Connection: close", b"connection: CLOSE", b"Connection: keep-alive, close", b"Host: test"),
    *(b"If-None-Match: *", b"X-Request-ID: 1", b"X-Forwarded-For: 192.0.2.1", b"Expect: x"),
    *(b"Content-Length: 5", b"Transfer-Encoding: chunked", b"Connection: Upgrade\r\nUpgrade: h2c"),
]
ODD_HEADERS = [
    *(b"Connection: keep-alive, x", b"Connection: "),
    *(b"Connection: Upgrade", b"Upgrade: h2c", b"TE: trailers"),
    *(b"Content-Length: 0", b"Content-Length: 5", b"Content-Length: +0", b"Content-Length: 0, 0"),
    *(b"Content-Length:", b"Content-Length: 0\r\nContent-Length: 0", b"Content-Length: 0x0"),
    *(b"Transfer-Encoding: chunked", b"Transfer-Encoding: identity", b"Transfer-Encoding: gzip"),
    *(b"Transfer-Encoding : chunked", b"Transfer-Encoding: chunked\r\nContent-Length: 4"),
    *(b"Host: test", b"Host: other", b"Host : test", b"Host:", b"Host: a b", b"Host: test:80"),
    *(
        b"Accept: a\r\n b",
        b"Accept: a\r\n\tb",
        b"Accept: a\r\nAccept: b",
        b" Accept: a",
        b"Accept :a",
    ),
    *(b"Accept: a\nUser-Agent: b", b"Accept: a\rb", b"Accept: \0", b"Accept: \xff\xe9", b"Accept"),
    *(
        b": a",
        b"Acc\0ept: a",
        b"Acc ept: a",
        b"Accept: " + b"a" * 3000,
        b"Accept: \x7f\x01",
        b"\xe9: a",
    ),
    *(b"Expect: 100-continue", b"Expect: x", b"If-None-Match: *", b'If-None-Match: "x"', b"X-A: b"),
    *(b"X-Request-ID: 1", b"X-Forwarded-For: 192.0.2.1", b"X-Forwarded-Proto: https", b"Range: x"),
    *(b"Accept: a\r\n\r\nGET /heroes/2 HTTP/1.1\r\nHost: test", b"\r\nHost: test", b"\nHost: test"),
]
METHODS = [b"HEAD", b"POST", b"PATCH", b"OPTIONS", b"get", b"GE", b"GET ", b"PRI", b"QUERY", b"\0"]
VERSIONS = [
    b"HTTP/1.0",
    b"HTTP/1.2",
    b"HTTP/2.0",
    b"HTTP/0.9",
    b"http/1.1",
    b"HTTP/1.1 ",
    b"",
    b"ICE/1.0",
]
BODIES = [
    b"",
    b"hello",
    b"0\r\n\r\n",
    b"2\r\nab\r\n0\r\n\r\n",
    b"2\r\nab\r\n0\r\nx: y\r\n\r\n",
    b"0\r\n",
]
BETWEEN = [
    b"GET /heroes/1 HTTP/1.1\r\n\r\nGET /heroes/2 HTTP/1.1\r\nHost: test\r\n\r\n",
    *[b"\r\n", b"\n", b"\r\n\r\n", b"\r", b" ", b"\0", b"x"],
]
BYTES = [*b"\0\t\n\r :;,/?#%&=\"'\x7f\x80\xff0aAGH", *range(256)]
BODY = b'{"name": "A", "secret_name": "B", "age": 3}'
CREATE = (
    b"POST /heroes/ HTTP/1.1\r\nHost: test\r\nContent-Type: application/json\r\n"
    b"Content-Length: %d\r\n\r\n%b" % (len(BODY), BODY)
)
WRITES = [
    *((b"PATCH", b"/heroes/%d" % key, b'{"age": %d}' % (10 * key)) for key in range(1, ROWS + 3)),
    (b"PATCH", b"/heroes/1", b"{}"),
    (b"PATCH", b"/heroes/1", b'{"age": "x"}'),
    (b"PATCH", b"/heroes/x", b'{"age": 3}'),
    (b"PATCH", b"/heroes/1", b"{"),
    (b"PATCH", b"/heroes/1", b""),
    (b"POST", b"/heroes/", BODY[:-1]),
    (b"POST", b"/heroes", b"{}"),
    (b"DELETE", b"/heroes/1000000", b""),
    (b"DELETE", b"/heroes/1000000", b"{}"),
    (b"PUT", b"/heroes/1", BODY),
]
"""They leave the rows that other requests read, but for the age."""


def plain_request(random: Random, *more: bytes) -> bytes:
    """Return a request that may need no ASGI; many have the same headers."""
    headers = [b"Host: test", *more]
    if random.random() < 0.4:
        headers += random.sample(PLAIN_HEADERS, random.randrange(4))
    line = b"GET %b HTTP/1.1" % random.choice(PLAIN_TARGETS)
    return b"\r\n".join([line, *headers, b"", b""])


def plain_write(random: Random) -> bytes:
    """Return a write that may need no ASGI. The row of each create is new."""
    headers = [b"Host: test", b"Content-Type: application/json"]
    if random.random() < 0.3:
        headers += random.sample(PLAIN_HEADERS, random.randrange(4))
    method, target, body = random.choice(WRITES)
    if body:
        headers.insert(random.randrange(len(headers) + 1), b"Content-Length: %d" % len(body))
    return b"\r\n".join([b"%b %b HTTP/1.1" % (method, target), *headers, b"", body])


def odd_request(random: Random) -> bytes:
    """Return a request with something that is unusual or invalid."""
    method, target, version = b"GET", random.choice(PLAIN_TARGETS), b"HTTP/1.1"
    headers, body, end = [b"Host: test"], b"", b"\r\n"
    for _ in range(random.choice((1, 1, 1, 2, 3))):
        match random.randrange(10):
            case 0:
                method = random.choice(METHODS)
            case 1 | 2:
                target = random.choice(ODD_TARGETS)
            case 3:
                version = random.choice(VERSIONS)
            case 4:
                headers.remove(random.choice(headers)) if headers else None
            case 5:
                body = random.choice(BODIES)
            case 6:
                end = random.choice((b"\n", b"\r", b"\r\r\n"))
            case _:
                headers.insert(random.randint(0, len(headers)), random.choice(ODD_HEADERS))
    return end.join([b"%b %b %b" % (method, target, version), *headers, b"", b""]) + body


def mutated(random: Random, data: bytes) -> bytes:
    """Return bytes with one to three changes."""
    changed = bytearray(data)
    for _ in range(random.choice((1, 1, 2, 3))):
        at = random.randrange(len(changed)) if changed else 0
        match random.randrange(4):
            case 0:
                changed[at : at + 1] = bytes([random.choice(BYTES)])
            case 1:
                changed.insert(at, random.choice(BYTES))
            case 2:
                del changed[at : at + random.choice((1, 1, 2, 20))]
            case _:
                changed[at:at] = changed[at : at + random.randrange(40)]
    return bytes(changed)


def any_write(random: Random) -> bytes:
    """Return a request that may change a row."""
    return CREATE if random.random() < 0.03 else plain_write(random)


def stream(random: Random, write: Callable[[Random], bytes]) -> tuple[list[bytes], bool]:
    """Return requests as packets, which begin and end anywhere; and whether the client waits.

    `write` returns a request with a body.

    It waits for responses after each packet unless all requests are plain ones. A server omits the
    response to invalid bytes if it has not sent the response before them yet.
    """
    packets: list[bytes] = []
    if random.random() < 0.2:
        return [plain_request(random) for _ in range(random.randint(1, MOST_REQUESTS))], False
    for _ in range(random.randint(1, MOST_REQUESTS)):
        match random.randrange(12):
            case 0 | 1:
                packets.append(odd_request(random))
            case 2:
                packets.append(mutated(random, plain_request(random)))
            case 3:
                packets.append(mutated(random, plain_write(random)))
            case 4 if random.random() < 0.5:
                packets.append(plain_request(random, random.choice(CHANGING_HEADERS)))
            case 4:
                packets.append(random.choice(BETWEEN))
            case 5 | 6 | 7:
                packets.append(write(random))
            case _:
                packets.append(plain_request(random))
    if random.random() < 0.6:
        return packets, True
    data = b"".join(packets)
    places = {random.randrange(len(data) + 1) for _ in range(random.randrange(6))}
    bounds = [0, *sorted(places), len(data)]
    return [data[start:end] for start, end in pairwise(bounds)], True


@dataclass
class Pair:
    """Two applications with the same rows, the first of which may respond without ASGI."""

    wires: list[Wire]
    statuses: Counter[bytes] = field(default_factory=Counter)
    closed: int = 0
    stops: bool = True
    """Whether the server stops during some streams."""
    write: Callable[[Random], bytes] = any_write

    async def compare(self, number: int) -> None:
        """Send a stream to both; they must send the same bytes, and close after the same packet."""
        found = [await self.send(wire, number) for wire in self.wires]
        assert found[0] == found[1], number
        written, is_closed, _ = found[0][-1]
        self.statuses.update(_STATUS.findall(written))
        self.closed += is_closed

    async def send(self, wire: Wire, number: int) -> list[tuple[bytes, bool, int]]:
        """Return what was sent, whether the connection is closed, and the number of responses.

        They are compared after each packet whose responses the client waits for.
        """
        with wire.counting():
            return await self._send_packets(wire, number)

    async def _send_packets(self, wire: Wire, number: int) -> list[tuple[bytes, bool, int]]:
        connection, transport = wire.connect()
        state = connection.server_state
        state.default_headers = DEFAULTS
        random = Random(number)  # noqa: S311
        packets, waits = stream(random, self.write)
        stops = waits and random.random() < 0.03 and self.stops
        found: list[tuple[bytes, bool, int]] = []
        for packet in packets:
            if transport.closed:
                break
            pauses = random.random() < 0.03
            if stops and random.random() < 0.3:
                connection.shutdown()
            if pauses:
                connection.pause_writing()
            connection.data_received(packet)
            if pauses:
                connection.resume_writing()
            if waits or packet is packets[-1]:
                await settle(connection, transport)
                sent = _REQUEST_ID.sub(b"made up", transport.written)
                found.append((sent, transport.closed, state.total_requests))
        sent = _REQUEST_ID.sub(b"made up", transport.written)
        found.append((sent, transport.closed, state.total_requests))
        connection.connection_lost(None)
        await asyncio.gather(*connection.tasks)
        return found


async def settle(connection: Any, transport: Transport) -> None:
    """Wait until every request has its response, or waits for its body."""
    async with asyncio.timeout(20):
        while not transport.closed:
            one = connection._answering  # noqa: SLF001
            is_held = getattr(connection, "_held", b"") != b""
            if not is_held and (one is None or one.response_complete or _waits(one)):
                return
            await asyncio.sleep(0)


def _waits(cycle: Any) -> bool:
    """Return whether the application waits for the body."""
    event = cycle.message_event
    return bool(event._waiters) and not event.is_set()  # noqa: SLF001


@pytest.fixture
def package(root: Path) -> Iterator[Any]:
    imported = Packages(root, times=1)
    yield imported.edited("heroes", lambda _: None)[0]
    imported.unload()


def test_random_streams_get_the_same_bytes(package: Any, new_database: NewDatabase) -> None:
    protocol = importlib.import_module(f"{package.__name__}.kit.http.protocol")

    async def check() -> None:
        async with AsyncExitStack() as stack:
            wires = []
            for is_direct in (True, False):
                app = make(package, new_database("sqlite"))
                await stack.enter_async_context(app.router.lifespan_context(app))
                wires.append(Wire(app, protocol.HttpProtocol, is_direct))
                await wires[-1].respond([CREATE] * ROWS)
            pair = Pair(wires)
            for number in range(STREAMS):
                await pair.compare(number)
        assert {b"200", b"400", b"404", b"422"} <= {*pair.statuses}
        assert pair.closed > STREAMS / 5
        assert wires[0].sent_directly > STREAMS

    asyncio.run(check())
