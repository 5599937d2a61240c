"""The HTTP protocol sends the same bytes with ASGI and without, however requests arrive."""

import asyncio
import importlib
import itertools
import logging
import os
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any
from urllib.parse import quote

import pytest
from asgi_correlation_id import CorrelationIdFilter
from fastapi import FastAPI, HTTPException
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from uvicorn import Config
from uvicorn.server import ServerState

from tests.fast.test_shortcut import (
    HERO,
    KEYS,
    MOST_BYTES,
    QUERIES,
    ROUTES,
    Asked,
    NewDatabase,
    Packages,
    Tree,
    edit,
    make,
    odd,
    well_formed,
    with_body,
    write,
)

EXAMPLES = int(os.environ.get("EXAMPLES", "12"))
TOGETHER = 6
_REQUEST_ID = re.compile(rb"(x-request-id: )(?!00000000-0000-4000-8000-00000000000a)[^\r]*")
PLAIN = Asked("GET", "/heroes/1")


class Transport(asyncio.Transport):
    """Keeps what is written."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.ended = asyncio.Event()

    @property
    def closed(self) -> bool:
        return self.ended.is_set()

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        known = {"sockname": ("127.0.0.1", 2), "peername": ("127.0.0.1", 1)}
        return known.get(name, default)

    def get_write_buffer_size(self) -> int:
        return 0

    def is_closing(self) -> bool:
        return self.closed

    def write(self, data: bytes | bytearray | memoryview) -> None:
        assert not self.closed
        self.written += bytes(data)

    def can_write_eof(self) -> bool:
        return False

    def close(self) -> None:
        self.ended.set()

    abort = close

    def pause_reading(self) -> None: ...

    def resume_reading(self) -> None: ...


def encoded(asked: Asked) -> bytes:
    """Return the bytes of a request; a body without a length is sent in chunks."""
    target = asked.path.encode("latin-1") + (b"?" + asked.query if asked.query else b"")
    headers = [(b"Host", b"test"), *asked.headers]
    body = b"".join(asked.chunks)
    if body and not any(name == b"content-length" for name, _ in headers):
        headers.append((b"transfer-encoding", b"chunked"))
        body = b"".join(b"%x\r\n%b\r\n" % (len(one), one) for one in asked.chunks if one)
        body += b"0\r\n\r\n"
    lines = [b"%b %b HTTP/1.1" % (asked.method.encode(), target)]
    return b"\r\n".join([*lines, *(b"%b: %b" % one for one in headers), b"", body])


def divided(request: bytes, apart: bool) -> list[bytes]:
    """Return the packets of a request: the body may come after the head."""
    head, end, body = request.partition(b"\r\n\r\n")
    return [head + end, body] if apart and body else [request]


@dataclass
class Wire:
    """An application behind connections of a server."""

    app: FastAPI
    protocol: Any
    is_direct: bool
    sent_directly: int = 0
    """The number of requests that were handled without ASGI messages."""
    config: Config = field(init=False)

    def __post_init__(self) -> None:
        self.config = Config(self.app, log_level="critical", proxy_headers=True)
        self.config.load()

    async def respond(self, packets: Sequence[bytes], *, waits: bool = True) -> bytes:
        """Return what the server sends on a new connection to the packets of a client.

        The client waits for responses after each packet, or after the last one.
        """
        connection, transport = self.connect()
        with self.counting():
            for packet in packets:
                connection.data_received(packet)
                if waits or packet is packets[-1]:
                    await rest(connection, transport)
            connection.connection_lost(None)
            await asyncio.gather(*connection.tasks)
        return _REQUEST_ID.sub(rb"\1made up", transport.written)

    @contextmanager
    def counting(self) -> Iterator[None]:
        """Count the responses that are sent without ASGI messages within a `with` block."""
        if not hasattr(self.protocol, "_send_serialized"):  # uvicorn's protocol
            yield
            return
        module: Any = importlib.import_module(f"{self.protocol.__module__[:-9]}.direct_responses")
        call: Any = sys.modules[f"{self.protocol.__module__[:-14]}.fast.direct_call"]

        def count(function: Callable[..., Any]) -> Callable[..., Any]:
            def counted(*arguments: Any) -> Any:
                self.sent_directly += 1
                return function(*arguments)

            return counted

        with pytest.MonkeyPatch.context() as patch:
            one = module.DirectResponses
            patch.setattr(one, "_send_serialized", count(one._send_serialized))  # noqa: SLF001
            patch.setattr(call, "send_response", count(call.send_response))
            yield

    def connect(self) -> tuple[Any, Transport]:
        """Return a new connection, and what it writes to."""
        connection = self.protocol(self.config, ServerState(), {})
        if not self.is_direct:
            connection._application = None  # noqa: SLF001
        transport = Transport()
        connection.connection_made(transport)
        return connection, transport


async def rest(connection: Any, transport: Transport) -> None:
    """Wait until all whole requests have their responses."""
    async with asyncio.timeout(20):
        while not transport.closed:
            if not _is_busy(connection):
                return
            await asyncio.sleep(0)


def _is_busy(connection: Any) -> bool:
    """Return whether a whole request has no response yet."""
    answering = connection._answering  # noqa: SLF001
    pending = [connection.cycle, answering, *(one for one, _ in connection.pipeline)]
    return any(one and not one.response_complete and not one.more_body for one in pending)


def unchanged(_tree: Tree) -> None: ...


def unextended(_app: FastAPI, _package: ModuleType) -> None: ...


@dataclass
class Wires:
    """One application three times: without ASGI where possible, with shortcuts, with neither."""

    loop: asyncio.Runner
    new_database: NewDatabase
    known: Packages
    stack: AsyncExitStack = field(default_factory=AsyncExitStack)
    wires: list[Wire] = field(default_factory=list)
    packages: list[ModuleType] = field(default_factory=list)

    def start(
        self,
        name: str = "heroes",
        kind: str = "sqlite",
        change: Callable[[Tree], None] = unchanged,
        extend: Callable[[FastAPI, ModuleType], None] = unextended,
        **options: Any,
    ) -> "Wires":
        self.packages = self.known.edited(name, change)
        ways = ((True, True), (True, False), (False, False))
        for package, (shortcut, is_direct) in zip(self.packages, ways, strict=True):
            app = make(package, self.new_database(kind), shortcut=shortcut, **options)
            extend(app, package)
            self.loop.run(self._open(app))
            protocol = importlib.import_module(f"{package.__name__}.kit.http.protocol")
            self.wires.append(Wire(app, protocol.HttpProtocol, is_direct))
        return self

    async def _open(self, app: FastAPI) -> None:
        await self.stack.enter_async_context(app.router.lifespan_context(app))

    def send(self, *packets: bytes, waits: bool = True) -> bytes:
        """Send packets three times; return the response, which must be the same."""
        found = [self.loop.run(wire.respond(packets, waits=waits)) for wire in self.wires]
        assert found[0] == found[1] == found[2], packets
        return found[0]

    def store(self) -> None:
        """Store the first row. The request is not counted."""
        assert self.send(encoded(write("POST", "/heroes/", HERO))).startswith(b"HTTP/1.1 200")
        for wire in self.wires:
            wire.sent_directly = 0

    @property
    def sent_directly(self) -> int:
        """The number of requests that were handled without ASGI messages."""
        assert not any(wire.sent_directly for wire in self.wires[2:])
        return self.wires[0].sent_directly

    def close(self) -> None:
        self.loop.run(self.stack.aclose())


@pytest.fixture(scope="module")
def packages(root: Path) -> Iterator[Packages]:
    imported = Packages(root, times=3)
    yield imported
    imported.unload()


@pytest.fixture
def wires(new_database: NewDatabase, packages: Packages) -> Iterator[Wires]:
    with asyncio.Runner() as loop:
        started = Wires(loop, new_database, packages)
        yield started
        started.close()


# Random requests

STORED: list[tuple[str, dict[str, Any]]] = [
    *(("/tags/", {"code": code, "plate": "X", "label": code}) for code in ("ab", "a.b", "x y")),
    *(("/v1/countries/", {"number": number, "name": str(number)}) for number in (0, 1, 2)),
    *(("/events/", {"what": "a"}) for _ in range(3)),
    *(("/blog-posts/", {"uid": uid}) for uid in ("a", "b", "abc")),
]


HARMLESS = st.lists(
    st.sampled_from(
        [
            (b"accept", b"*/*"),
            (b"Accept-Encoding", b"gzip, br"),
            (b"User-Agent", b"test"),
            (b"connection", b"keep-alive"),
            (b"authorization", b"Bearer x"),
        ]
    ),
    max_size=3,
)


@st.composite
def plain_reads(draw: st.DrawFn) -> Asked:
    collection = draw(st.sampled_from(sorted(KEYS)))
    headers = tuple(draw(HARMLESS))
    if draw(st.booleans()):
        key = draw(st.sampled_from(KEYS[collection]))
        return Asked("GET", f"{collection}/{key}", headers=headers)
    return Asked("GET", collection + draw(st.sampled_from(["", "/"])), draw(QUERIES), headers)


@st.composite
def plain_requests(draw: st.DrawFn) -> Asked:
    """Draw a read or a write whose headers are harmless."""
    asked = draw(plain_reads() | well_formed())
    return replace(asked, headers=(*draw(HARMLESS), *asked.headers))


@st.composite
def streams(draw: st.DrawFn) -> tuple[list[bytes], bool]:
    """Draw requests, as packets that begin and end anywhere."""
    if draw(st.integers(0, 1)) == 0:
        plain = draw(st.lists(plain_requests(), min_size=TOGETHER, max_size=TOGETHER))
        sent = [part for one in plain for part in divided(encoded(one), draw(st.booleans()))]
        return sent, draw(st.sampled_from([True, True, False]))
    requests = draw(
        st.lists(plain_reads() | well_formed() | odd(), min_size=TOGETHER, max_size=TOGETHER)
    )
    sent = [encoded(one) for one in requests]
    if draw(st.booleans()):
        return sent, draw(st.booleans())
    stream = b"".join(sent)
    places = draw(st.lists(st.integers(1, len(stream) - 1), max_size=2 * TOGETHER, unique=True))
    bounds = [0, *sorted(places), len(stream)]
    packets = [stream[start:end] for start, end in itertools.pairwise(bounds)]
    return packets, draw(st.booleans())


@pytest.mark.slow
@pytest.mark.long_cases("postgresql")
@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_three_ways_send_the_same_bytes(wires: Wires, kind: str) -> None:
    wires.start("zoo", kind)
    for path, row in STORED:
        assert wires.send(encoded(write("POST", path, row))).startswith(b"HTTP/1.1 200")
    statuses: list[bytes] = []

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )
    @given(drawn=streams())
    def check(drawn: tuple[list[bytes], bool]) -> None:
        packets, waits = drawn
        statuses.extend(re.findall(rb"HTTP/1.1 (\d+)", wires.send(*packets, waits=waits)))

    check()
    assert len(statuses) > 2 * EXAMPLES
    assert {b"200", b"404", b"422"} <= {*statuses}
    assert wires.sent_directly > EXAMPLES


# Which requests need no ASGI


def test_plain_reads_need_no_asgi(wires: Wires) -> None:
    wires.start()
    wires.store()
    for path, query in (
        ("/heroes/1", b""),
        ("/heroes/", b""),
        ("/heroes", b"limit=1&sort=-id"),
        ("/heroes/", b"fields=id&fields=name"),
    ):
        before = wires.sent_directly
        assert wires.send(encoded(Asked("GET", path, query))).startswith(b"HTTP/1.1 200")
        assert wires.sent_directly == before + 1, path


CREATE = write("POST", "/heroes/", HERO)
CHANGE = write("PATCH", "/heroes/1", {"age": 4})
DELETE = Asked("DELETE", "/heroes/1")


@pytest.mark.long_cases("postgresql")
@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_plain_writes_need_no_asgi(wires: Wires, kind: str) -> None:
    wires.start(kind=kind)
    for count, asked in enumerate((CREATE, CHANGE, CREATE, DELETE), 1):
        packets = divided(encoded(asked), count == 3)
        assert wires.send(*packets, waits=False).startswith(b"HTTP/1.1 200"), asked
        assert wires.sent_directly == count


def test_the_server_may_have_its_own_copy_of_the_protocol(wires: Wires) -> None:
    wires.start()
    wire, other = wires.wires[0], wires.wires[1].protocol
    wires.wires[0] = replace(wire, protocol=other)
    with wire.counting():
        for asked in (CREATE, PLAIN, CHANGE, DELETE):
            packets = divided(encoded(asked), True)
            assert wires.send(*packets, waits=False).startswith(b"HTTP/1.1 200"), asked
    assert wire.sent_directly == 3
    assert wires.wires[0].sent_directly == 1


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        (write("POST", "/heroes/", {"name": 1}), b"422"),
        (write("POST", "/heroes/", b"{"), b"422"),
        (write("POST", "/heroes/", b""), b"422"),
        (write("PATCH", "/heroes/2", {"age": 4}), b"404"),
        (replace(DELETE, path="/heroes/2"), b"404"),
        (write("PATCH", "/heroes/1", {"age": 4}, (b"if-match", b'"x"')), b"412"),
        (write("POST", "/heroes/", {"name": "x" * MOST_BYTES}), b"413"),
        (write("POST", "/nothing/", HERO), b"404"),
        (replace(CREATE, headers=((b"content-type", b"text/plain"),)), b"415"),
        (replace(CREATE, path="/heroes/1"), b"405"),
        (replace(DELETE, chunks=(b"x",), headers=((b"content-length", b"1"),)), b"200"),
    ],
)
def test_errors_and_other_writes_are_sent_as_usual(
    wires: Wires, asked: Asked, status: bytes
) -> None:
    wires.start()
    wires.store()
    assert wires.send(encoded(asked)).startswith(b"HTTP/1.1 " + status)
    assert wires.send(encoded(asked), encoded(PLAIN), waits=False).count(b"HTTP/1.1 ") == 2


@pytest.mark.long
@pytest.mark.parametrize(
    "packets",
    [
        [encoded(PLAIN)[:9], encoded(PLAIN)[9:]],
        [encoded(PLAIN) * 2],
        [b"\r\n" + encoded(PLAIN)],
        [b"GET /heroes/1 HTTP/1.1\r\n\r\n" + encoded(PLAIN)],
        [encoded(replace(PLAIN, method="HEAD"))],
        [encoded(replace(PLAIN, path="/heroes/%31"))],
        [encoded(replace(PLAIN, path="/heroes/2"))],
        [encoded(replace(PLAIN, path="/heroes/x"))],
        [encoded(replace(PLAIN, query=b"x=1"))],
        *(
            [encoded(replace(PLAIN, headers=(header,)))]
            for header in (
                (b"connection", b"close"),
                (b"if-none-match", b"*"),
                (b"x-request-id", b"1"),
                (b"x-forwarded-for", b"192.0.2.1"),
                (b"content-length", b"0"),
                (b"transfer-encoding", b"chunked"),
                (b"host", b"test"),
                (b"accept", b"*/*\r\naccept: */*"),
                (b"upgrade", b"websocket"),
                (b"expect", b"100-continue"),
                (b"x" * 30, b"y" * 3000),
            )
        ),
    ],
)
def test_other_requests_go_through_asgi(wires: Wires, packets: list[bytes]) -> None:
    wires.start()
    wires.store()
    wires.send(*packets)
    assert not wires.sent_directly


def test_a_response_waits_for_those_before_it(wires: Wires) -> None:
    wires.start()
    created = encoded(write("POST", "/heroes/", HERO))
    sent = wires.send(created, encoded(PLAIN), encoded(Asked("GET", "/heroes/")), waits=False)
    assert sent.count(b"HTTP/1.1 200") == 3
    assert sent.index(b"location") < sent.index(b'[{"name"')
    assert wires.sent_directly == 1


CREATE_BODY = "    return await heroes.create(db, request, hero)\n"


@pytest.mark.parametrize(
    "changed",
    [
        'response.body += b" "',
        "response.body = response.body[1:]",
        "response.raw_headers = response.raw_headers[1:]",
        'response.raw_headers.append((b"content-length", b"1"))',
        'response.raw_headers[0] = (b"Content-Length", b"1")',
    ],
)
def test_a_response_of_another_length_is_sent_as_usual(wires: Wires, changed: str) -> None:
    lines = ("response = await heroes.create(db, request, hero)", changed, "return response")
    body = "".join(f"    {line}\n" for line in lines)
    wires.start(change=lambda tree: edit(tree, ROUTES, CREATE_BODY, body))
    wires.send(encoded(CREATE), encoded(CREATE))
    assert not wires.sent_directly


COUNTED = """
from collections import Counter
calls = Counter()
class Unlike:
    async def read(self, db, key):
        calls["read"] += 1
        return await heroes.read(db, key)
unlike = Unlike()
def noted(key):
    calls["noted"] += 1
    return key
"""
AUDITED = """
from copy import copy
class Audited(Resource):
    async def read(self, db, key):
        calls["audited"] += 1
        return await super().read(db, key)
audited = copy(heroes)
audited.__class__ = Audited
"""


@pytest.mark.parametrize(
    "body",
    [
        'calls["x"] += 1\nreturn await heroes.read(db, hero_id)',
        "return await heroes.read(db, noted(hero_id))",
        "return await unlike.read(db, hero_id)",
        "return await (lambda: heroes.read(db, hero_id))()",
        'globals()["calls"]["x"] += 1\nreturn await heroes.read(db, hero_id)',
        "from asyncio import sleep\nawait sleep(0)\nreturn await heroes.read(db, hero_id)",
        'return await getattr(heroes, "read")(db, hero_id)',
        "try:\n    return await heroes.read(db, hero_id)\nexcept:\n    return heroes.read",
        "return await audited.read(db, hero_id)",
    ],
)
def test_handlers_with_code_of_ones_own_go_through_asgi(wires: Wires, body: str) -> None:
    def change(tree: Tree) -> None:
        with_body(body, more=COUNTED)(tree)
        tree[f"app/{ROUTES}"] += AUDITED

    wires.start(change=change)
    wires.store()
    assert wires.send(encoded(PLAIN)).startswith(b"HTTP/1.1 200")
    assert not wires.sent_directly
    for package in wires.packages:
        calls = importlib.import_module(f"{package.__name__}.heroes.routes").calls
        assert not calls or set(calls.values()) == {1}


def test_handlers_with_variables_of_another_function_go_through_asgi(wires: Wires) -> None:
    more = """
def counting(count):
    async def read_hero(hero_id: HeroId, db: DatabaseDep) -> Response:
        count()
        return await heroes.read(db, hero_id)
    return read_hero
calls = []
"""

    def change(tree: Tree) -> None:
        edit(tree, ROUTES, "\nrouter = ", f"\n{more}\nrouter = ")
        tree[f"app/{ROUTES}"] += """
router.routes[:] = [one for one in router.routes if getattr(one, "name", "") != "read_hero"]
router.get("/{hero_id}", response_model=HeroPublic)(counting(lambda: calls.append(1)))
"""

    wires.start(change=change)
    wires.store()
    assert wires.send(encoded(PLAIN)).startswith(b"HTTP/1.1 200")
    assert not wires.sent_directly
    for package in wires.packages:
        assert importlib.import_module(f"{package.__name__}.heroes.routes").calls == [1]


def test_a_resource_that_is_replaced_is_not_read(wires: Wires) -> None:
    wires.start()
    wires.store()
    wires.send(encoded(PLAIN))
    assert wires.sent_directly == 1

    class Gone:
        async def read(self, _db: Any, _key: Any) -> Any:
            raise HTTPException(410)

    for package in wires.packages:
        routes = importlib.import_module(f"{package.__name__}.heroes.routes")
        assert isinstance(routes, ModuleType)
        vars(routes)["heroes"] = Gone()
    assert wires.send(encoded(PLAIN)).startswith(b"HTTP/1.1 410")
    assert wires.sent_directly == 1


def test_an_application_that_overrides_call_sees_every_request(wires: Wires) -> None:
    seen: list[str] = []

    def override(app: FastAPI, _package: ModuleType) -> None:
        class Own(type(app)):  # type: ignore[misc]
            async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
                seen.append(scope["type"])
                await super().__call__(scope, receive, send)

        app.__class__ = Own

    wires.start(extend=override)
    wires.store()
    wires.send(encoded(PLAIN))
    assert seen == ["http"] * 6


def test_nothing_is_sent_directly_if_the_application_sees_every_request(wires: Wires) -> None:
    def override(app: FastAPI, package: ModuleType) -> None:
        database = importlib.import_module(f"{package.__name__}.kit.database").database
        app.dependency_overrides[database] = lambda: app.state.database

    def add_middleware(app: FastAPI, _package: ModuleType) -> None:
        @app.middleware("http")
        async def unchanged(request: Any, call_next: Any) -> Any:
            return await call_next(request)

    plain: dict[str, Any] = {}
    for extend, options in (
        (override, plain),
        (add_middleware, plain),
        (unextended, {"rate_limit": "1000/second"}),
        (unextended, {"root_path": "/api"}),
    ):
        wires.wires.clear()
        wires.start(extend=extend, **options)
        wires.store()
        assert wires.send(encoded(PLAIN)).startswith(b"HTTP/1.1 200")
        assert not wires.sent_directly


def test_the_way_closes_while_a_global_provider_is_set(
    wires: Wires, monkeypatch: pytest.MonkeyPatch
) -> None:
    wires.start()
    wires.store()
    wires.send(encoded(PLAIN))
    before = wires.sent_directly
    assert before
    with monkeypatch.context() as patch:
        patch.setattr(trace, "_TRACER_PROVIDER", TracerProvider())
        assert wires.send(encoded(PLAIN)).startswith(b"HTTP/1.1 200")
    assert wires.sent_directly == before
    wires.send(encoded(PLAIN))
    assert wires.sent_directly == before + 1


NUMBERS = ("1", "0", "01", "+1", "-1", "1.0", "1e0", "\N{FULLWIDTH DIGIT ONE}", "9" * 18, "9" * 19)


@pytest.mark.parametrize("key", NUMBERS)
def test_keys_have_one_form(wires: Wires, key: str) -> None:
    wires.start()
    wires.store()
    wires.send(encoded(Asked("GET", f"/heroes/{quote(key)}")))


Told = tuple[str, str, int]


@dataclass
class Observer:
    """Notes what it is told of each request."""

    count: Callable[..., None] | None = None
    told: list[Told] = field(default_factory=list)
    active: int = 0

    def ignores(self, method: str, path: str, notes: dict[Any, Any]) -> bool:
        assert notes == {}
        assert (method, path[:7]) in {("GET", "/heroes"), ("POST", "/heroes")}
        return False

    def begin(self, exchange: Any) -> None:
        del exchange
        self.active += 1

    def forget(self, exchange: Any) -> None:
        del exchange
        self.active -= 1

    def end(self, exchange: Any) -> None:
        self.active -= 1
        assert exchange.seconds > 0
        assert exchange.scope["type"] == "http"
        self.told.append((exchange.method, exchange.route, exchange.status))


class Counter(Observer):
    """Needs to know only that a request is complete."""

    def __init__(self) -> None:
        super().__init__(self._count)

    def _count(self, method: str, route: str, status: int, seconds: float) -> None:
        assert seconds > 0
        self.told.append((method, route, status))


@pytest.mark.parametrize("kinds", [(Observer,), (Counter,), (Counter, Observer)])
def test_observers_are_told_of_each_request_once(
    wires: Wires, kinds: tuple[type[Observer], ...]
) -> None:
    observers: list[Observer] = []

    def observe(app: Any, _package: ModuleType) -> None:
        for kind in kinds:
            observers.append(kind())
            app.observe(observers[-1])

    wires.start(extend=observe)
    wires.store()
    for path in ("/heroes/1", "/heroes/2", "/heroes/", "/heroes/x", "/heroes", "/nothing"):
        wires.send(encoded(Asked("GET", path)))
    assert wires.sent_directly == 3
    assert {observer.active for observer in observers} == {0}
    expected = [
        ("POST", "/heroes/", 200),
        ("GET", "/heroes/{hero_id}", 200),
        ("GET", "/heroes/{hero_id}", 404),
        ("GET", "/heroes/", 200),
        ("GET", "/heroes/{hero_id}", 422),
        ("GET", "/heroes/", 200),
        ("GET", "unmatched", 404),
    ]
    assert all(observer.told == expected for observer in observers)


class SamplingObserver(Observer):
    """Decides for each request whether it is sampled, as the spans of requests do."""

    decisions = 0
    is_ignored = True

    def ignores(self, method: str, path: str, notes: dict[Any, Any]) -> bool:
        del method, path
        self.decisions += 1
        notes[self] = None
        return self.is_ignored

    def begin(self, exchange: Any) -> None:
        if self not in exchange.notes:
            self.decisions += 1
        exchange.notes[self] = None
        super().begin(exchange)

    def __hash__(self) -> int:
        return id(self)


def test_a_request_is_sampled_once(wires: Wires) -> None:
    samplers: list[SamplingObserver] = []

    def observe(app: Any, _package: ModuleType) -> None:
        samplers.append(SamplingObserver())
        app.observe(samplers[-1])
        app.observe(Counter())

    wires.start(extend=observe)
    wires.store()
    assert {one.decisions for one in samplers} == {1}
    wires.send(encoded(PLAIN))
    assert {one.decisions for one in samplers} == {2}


@pytest.mark.parametrize("ignored", [True, False])
def test_a_request_that_is_handled_as_usual_after_all_is_sampled_once(
    wires: Wires, *, ignored: bool
) -> None:
    samplers: list[SamplingObserver] = []

    def observe(app: Any, _package: ModuleType) -> None:
        samplers.append(SamplingObserver())
        app.observe(samplers[-1])
        samplers[-1].is_ignored = ignored

    wires.start(extend=observe)
    wires.store()
    for number, asked in enumerate(
        [
            Asked("GET", "/heroes/1"),
            Asked("GET", "/heroes/7"),
            Asked("GET", "/heroes/x"),
            Asked("GET", "/heroes/", b"limit=x"),
            write("POST", "/heroes/", {"name": 1}),
            write("POST", "/heroes/", HERO),
            Asked("GET", "/nothing"),
        ],
        2,
    ):
        wires.send(encoded(asked))
        assert {one.decisions for one in samplers} == {number}, asked
    assert all(one.active == 0 for one in samplers)


class FailingObserver(Observer):
    """Raises errors at the beginning or at the end."""

    def __init__(self, name: str) -> None:
        super().__init__()
        setattr(self, name, self._fail)

    def _fail(self, *_: Any) -> None:
        raise ZeroDivisionError


@pytest.mark.parametrize("name", ["ignores", "begin", "end", "count"])
def test_errors_of_observers_give_the_same_response(wires: Wires, name: str) -> None:
    counters: list[Counter] = []

    def observe(app: Any, _package: ModuleType) -> None:
        counters.append(Counter())
        app.observe(FailingObserver(name))
        app.observe(counters[-1])

    wires.start(extend=observe)
    status = b"HTTP/1.1 500" if name == "begin" else b"HTTP/1.1 200"
    assert wires.send(encoded(write("POST", "/heroes/", HERO))).startswith(status)
    assert wires.send(encoded(PLAIN)).startswith(status)
    assert {len(one.told) for one in counters} == {0 if name == "begin" else 2}


def test_limits_of_heads_are_applied(wires: Wires, monkeypatch: pytest.MonkeyPatch) -> None:
    wires.start()
    wires.store()
    many = replace(PLAIN, headers=((b"accept", b"*/*"), (b"user-agent", b"x" * 1500)))
    assert wires.send(encoded(many)).startswith(b"HTTP/1.1 200")
    assert wires.sent_directly == 1
    for changed in ({"max_headers": 2}, {"max_head_bytes": 1024}):
        for wire in wires.wires:
            module = importlib.import_module(wire.protocol.__module__)
            limits = importlib.import_module(f"{wire.protocol.__module__[:-14]}.settings")
            monkeypatch.setattr(module, "_settings", partial(limits.ServerSettings, **changed))
        assert wires.send(encoded(many)).startswith(b"HTTP/1.1 431")


def test_options_of_uvicorn_that_change_requests_need_asgi(wires: Wires) -> None:
    wires.start()
    wires.store()
    for option, value in (("root_path", "/api"), ("limit_concurrency", 100)):
        for wire in wires.wires:
            setattr(wire.config, option, value)
        wires.send(encoded(PLAIN))
        assert not wires.sent_directly
        for wire in wires.wires:
            setattr(wire.config, option, "" if option == "root_path" else None)
    wires.send(encoded(PLAIN))
    assert wires.sent_directly == 1


# The connection


def test_an_idle_connection_is_closed(wires: Wires) -> None:
    wires.start()
    wires.store()

    async def check() -> None:
        wires.wires[0].config.timeout_keep_alive = 1
        connection, transport = wires.wires[0].connect()
        for _ in range(3):
            connection.data_received(encoded(PLAIN))
            await asyncio.sleep(0.4)
            assert not transport.closed
        async with asyncio.timeout(10):
            await transport.ended.wait()
        assert transport.written.count(b"HTTP/1.1 200") == 3

    wires.loop.run(check())


@pytest.mark.parametrize("invalid", [b"GE\xe8 /heroes/1 HTTP/1.1\r\n\r\n", b"\0"])
def test_the_response_to_an_invalid_method_has_a_body(wires: Wires, invalid: bytes) -> None:
    wires.start()
    wires.store()
    head = encoded(replace(PLAIN, method="HEAD"))
    assert wires.send(head, encoded(PLAIN), invalid).endswith(b'not valid HTTP"}')
    assert wires.sent_directly == 1


def test_a_client_that_does_not_read_gets_no_more(wires: Wires) -> None:
    wires.start()
    wires.store()

    async def check() -> None:
        connection, transport = wires.wires[0].connect()
        connection.pause_writing()
        connection.data_received(encoded(PLAIN))
        await asyncio.sleep(0.05)
        assert not transport.written
        connection.resume_writing()
        await rest(connection, transport)
        assert transport.written.startswith(b"HTTP/1.1 200")
        connection.connection_lost(None)

    wires.loop.run(check())


def heroes_of(wire: Wire) -> "asyncio.Future[bytes]":
    return asyncio.ensure_future(wire.respond([encoded(Asked("GET", "/heroes/"))]))


def test_a_request_whose_body_is_late_is_handled_as_usual(wires: Wires) -> None:
    wires.start()
    head, body = divided(encoded(CREATE), True)

    async def check() -> None:
        connection, transport = wires.wires[0].connect()
        connection.data_received(head + body[:5])
        assert connection.cycle is None
        await asyncio.sleep(0.1)
        assert connection.cycle is not None
        connection.data_received(body[5:] + encoded(PLAIN))
        await rest(connection, transport)
        assert transport.written.count(b"HTTP/1.1 200") == 2
        connection.connection_lost(None)

    wires.loop.run(check())


def test_a_body_that_arrives_byte_by_byte_is_limited_in_time(wires: Wires) -> None:
    wires.start(body_seconds=0.2)

    async def check() -> None:
        connection, transport = wires.wires[0].connect()
        length = (b"content-length", b"8000")
        head = (b"content-type", b"application/json"), length
        connection.data_received(encoded(Asked("POST", "/heroes/", headers=head, chunks=(b"{",))))
        async with asyncio.timeout(20):
            while not transport.written:
                await asyncio.sleep(0.02)
                connection.data_received(b" ")
        assert transport.written.startswith(b"HTTP/1.1 408")
        connection.connection_lost(None)
        await asyncio.gather(*connection.tasks)

    wires.loop.run(check())


@pytest.mark.parametrize("stop", ["shutdown", "connection_lost"])
def test_a_request_without_the_rest_of_its_body_begins_before_the_connection_ends(
    wires: Wires, stop: str
) -> None:
    wires.start()
    head, body = divided(encoded(CREATE), True)

    async def check() -> None:
        connection, transport = wires.wires[0].connect()
        connection.data_received(head)
        if stop == "shutdown":
            connection.shutdown()
            connection.data_received(body)
            await rest(connection, transport)
            assert b"connection: close" in transport.written
            assert transport.closed
        assert connection.cycle is not None or stop != "shutdown"
        connection.connection_lost(None)
        assert connection.cycle is not None
        await asyncio.gather(*connection.tasks)
        assert (b'"name"' in await heroes_of(wires.wires[0])) == (stop == "shutdown")

    wires.loop.run(check())


def test_a_write_that_is_running_ends_before_the_connection_closes(wires: Wires) -> None:
    wires.start()

    async def check() -> None:
        connection, transport = wires.wires[0].connect()
        connection.data_received(encoded(CREATE))
        connection.shutdown()
        connection.data_received(encoded(CREATE))
        await rest(connection, transport)
        first, *_ = transport.written.split(b"HTTP/1.1 200 OK\r\n")[1:]
        assert transport.written.count(b"connection: close") == 1
        assert transport.closed
        assert first
        connection.connection_lost(None)

    wires.loop.run(check())


def test_a_write_without_its_client_is_stored(wires: Wires) -> None:
    wires.start()

    async def check() -> None:
        wire = wires.wires[0]
        connection, transport = wire.connect()
        connection.data_received(encoded(CREATE))
        assert connection.tasks
        connection.connection_lost(None)
        await asyncio.gather(*connection.tasks)
        assert not transport.written
        assert b'"name"' in await heroes_of(wire)
        connection, transport = wire.connect()
        connection.pause_writing()
        connection.data_received(encoded(CREATE))
        await asyncio.sleep(0.05)
        assert not transport.written
        connection.resume_writing()
        await rest(connection, transport)
        assert transport.written.startswith(b"HTTP/1.1 200")
        connection.connection_lost(None)

    wires.loop.run(check())


def test_an_idle_connection_stays_open_during_a_write(wires: Wires) -> None:
    wires.start()

    async def check() -> None:
        connection, transport = wires.wires[0].connect()
        connection.data_received(encoded(CREATE))
        assert connection.timeout_keep_alive_task is None
        await rest(connection, transport)
        assert connection.timeout_keep_alive_task is not None
        connection.data_received(encoded(CREATE)[:-5])
        connection.timeout_keep_alive_handler()
        assert not transport.closed
        connection.data_received(encoded(CREATE)[-5:])
        await rest(connection, transport)
        assert transport.written.count(b"HTTP/1.1 200") == 2
        connection.connection_lost(None)

    wires.loop.run(check())


def test_too_many_requests_get_503(wires: Wires) -> None:
    wires.start(max_concurrent_requests=2)

    async def check(wire: Wire) -> list[bytes]:
        found = await asyncio.gather(*(wire.respond([encoded(CREATE)]) for _ in range(4)))
        return sorted(one[:12] for one in found)

    answers = [wires.loop.run(check(wire)) for wire in wires.wires]
    assert answers[0] == answers[1] == answers[2]
    assert answers[0] == [b"HTTP/1.1 200"] * 2 + [b"HTTP/1.1 503"] * 2


def test_a_request_counts_once(wires: Wires) -> None:
    wires.start(max_concurrent_requests=1)
    assert wires.send(encoded(CREATE), encoded(PLAIN)).count(b"HTTP/1.1 200") == 2
    assert wires.sent_directly == 2


def test_a_stopping_server_closes_the_connection(wires: Wires) -> None:
    wires.start()
    wires.store()

    async def check() -> None:
        connection, transport = wires.wires[0].connect()
        connection.data_received(encoded(PLAIN))
        connection.shutdown()
        assert not transport.closed
        connection.data_received(encoded(PLAIN))
        await rest(connection, transport)
        first, last = transport.written.split(b"HTTP/1.1 200 OK\r\n")[1:]
        assert b"connection: close" in last
        assert b"connection: close" not in first
        assert transport.closed
        connection.connection_lost(None)

    wires.loop.run(check())


def test_the_access_log_has_the_same_lines(wires: Wires, caplog: pytest.LogCaptureFixture) -> None:
    wires.start()
    wires.store()
    logger = logging.getLogger("uvicorn.access")
    logger.setLevel(logging.INFO)
    logger.addHandler(caplog.handler)
    try:
        lines = []
        for wire in wires.wires:
            caplog.clear()
            wire.config.access_log = True
            for one in (PLAIN, Asked("GET", "/heroes/", b"limit=1&offset=%30")):
                wires.loop.run(wire.respond([encoded(one)]))
            lines.append(caplog.messages[:])
        assert lines[0] == lines[1] == lines[2]
        assert lines[0][1] == '127.0.0.1:1 - "GET /heroes/?limit=1&offset=%30 HTTP/1.1" 200'
    finally:
        logger.removeHandler(caplog.handler)


async def request_id(wire: Wire) -> str:
    """Return the id of one request."""
    connection, transport = wire.connect()
    connection.data_received(encoded(PLAIN))
    await rest(connection, transport)
    connection.connection_lost(None)
    (found,) = re.findall(rb"x-request-id: (.*)\r", transport.written)
    return str(found.decode())


def test_the_access_log_has_the_id_of_the_request(
    wires: Wires, caplog: pytest.LogCaptureFixture
) -> None:
    wires.start()
    wires.store()
    logger = logging.getLogger("uvicorn.access")
    logger.setLevel(logging.INFO)
    logger.addHandler(caplog.handler)
    named = CorrelationIdFilter()
    caplog.handler.addFilter(named)
    try:
        for wire in wires.wires:
            wire.config.access_log = True
            caplog.clear()
            sent = wires.loop.run(request_id(wire))
            (record,) = caplog.records
            assert vars(record)["correlation_id"] == sent
    finally:
        caplog.handler.removeFilter(named)
        logger.removeHandler(caplog.handler)


def test_a_connection_whose_requests_need_asgi_tries_nothing_else(wires: Wires) -> None:
    wires.start()
    wires.store()
    other = [replace(PLAIN, headers=((b"x-n", b"%d" % number),)) for number in range(20)]
    for count, expected in ((16, 1), (17, 0)):
        before = wires.sent_directly
        wires.send(*map(encoded, [*other[:count], PLAIN]))
        assert wires.sent_directly == before + expected
