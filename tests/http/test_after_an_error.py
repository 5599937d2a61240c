"""After an error 500 a client knows whether its connection goes on; if it does, it is answered."""

import asyncio
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import httpx
import pytest
from asgi_correlation_id import CorrelationIdMiddleware
from fastapi import Response
from fastapi.middleware.cors import CORSMiddleware

from crudgen.kit.application import Application
from crudgen.kit.http.logs import REQUEST_ID, server_error
from crudgen.kit.http.routing import Router
from tests.support.servers import Api, Servers, emit
from tests.support.wire import connect, rest

OWN = """

class Late:
    def __init__(self, app):
        self.app = app

    async def __call__(self, scope, receive, send):
        await self.app(scope, receive, send)
        if scope.get("path") == "/own/late":
            raise RuntimeError("late")


def add_own(app):
    from fastapi import APIRouter, BackgroundTasks, Request, Response
    from fastapi.responses import StreamingResponse

    from .kit.http.routing import Router

    for own in (APIRouter(prefix="/own"), Router(prefix="/kit")):

        @own.get("/before")
        async def before() -> Response:
            raise ArithmeticError("before")

        @own.post("/partly")
        async def partly(request: Request) -> Response:
            async for _ in request.stream():
                raise ArithmeticError("partly")
            return Response()

        @own.get("/background")
        async def background(tasks: BackgroundTasks) -> dict[str, bool]:
            async def fail() -> None:
                raise ArithmeticError("background")

            tasks.add_task(fail)
            return {"ok": True}

        @own.get("/begun")
        async def begun() -> Response:
            async def parts():
                yield "a"
                raise ArithmeticError("begun")

            return StreamingResponse(parts())

        @own.get("/late")
        async def late() -> dict[str, bool]:
            return {"ok": True}

        app.include_router(own)
    app.add_middleware(Late)
    return app
"""


@pytest.fixture(scope="module")
def api(
    tmp_path_factory: pytest.TempPathFactory,
    servers: Servers,
    new_database: Callable[[str], str],
    root: Path,
) -> Iterator[Api]:
    """An emitted project with routes that fail."""
    spec = tmp_path_factory.mktemp("failing") / "entities"
    spec.symlink_to(root / "entities")
    out = tmp_path_factory.mktemp("failing") / "out"
    emit(root / "entities", out)
    main = out / "app" / "main.py"
    whole = "build_application(settings or Settings(), ROUTERS)"
    text = main.read_text("utf-8").replace(whole, f"add_own({whole})")
    before, _, made = text.rpartition("\n\napp = ")
    main.write_text(f"{before}\n{OWN}\n\napp = {made}", "utf-8")
    servers.emitted[spec] = out
    started = servers.start(spec, "emitted", new_database("sqlite"))
    yield started
    servers.end(started)


def exchange(api: Api, first: bytes) -> tuple[list[int], bytes]:
    """Send a request and, as soon as its answer has come, another on the same connection."""
    second = b"GET /live HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    received = b""
    with connect(api, first) as connection:
        while b"\r\n\r\n" not in received:
            received += connection.recv(65536)
        if b"\r\nconnection: close\r\n" not in received.lower():
            connection.sendall(second)
        with suppress(ConnectionError):
            received += rest(connection)
    return [int(status) for status in re.findall(rb"HTTP/1\.1 (\d{3}) ", received)], received


def head(method: str, path: str, more: str = "") -> bytes:
    return f"{method} {path} HTTP/1.1\r\nHost: x\r\n{more}\r\n".encode()


@pytest.mark.parametrize("prefix", ["/own", "/kit"])
@pytest.mark.parametrize(
    ("sent", "error"),
    [
        (head("GET", "/before"), "before"),
        (head("HEAD", "/before"), "before"),
        (head("POST", "/partly", "Content-Length: 3\r\n") + b"abc", "partly"),
        (head("POST", "/partly", "Content-Length: 9\r\n") + b"abc", "partly"),
        (head("POST", "/partly", "Transfer-Encoding: chunked\r\n") + b"3\r\nabc\r\n", "partly"),
    ],
)
def test_a_500_says_that_the_connection_ends(
    api: Api, prefix: str, sent: bytes, error: str
) -> None:
    if sent.startswith(b"HEAD") and prefix == "/own":
        sent = sent.replace(b"HEAD", b"GET")
    statuses, received = exchange(api, sent.replace(b" /", f" {prefix}/".encode(), 1))
    assert statuses == [500]
    assert b"\r\nconnection: close\r\n" in received
    assert error in api.log_with(f"ArithmeticError: {error}")


@pytest.mark.parametrize("prefix", ["/own", "/kit"])
def test_an_error_after_an_answer_cuts_no_connection(api: Api, prefix: str) -> None:
    statuses, received = exchange(api, head("GET", f"{prefix}/background"))
    assert statuses == [200, 200], received
    api.log_with("ArithmeticError: background")


def test_an_error_of_middleware_after_an_answer_cuts_no_connection(api: Api) -> None:
    statuses, received = exchange(api, head("GET", "/own/late"))
    assert statuses == [200, 200], received
    api.log_with("RuntimeError: late")


@pytest.mark.parametrize("prefix", ["/own", "/kit"])
def test_an_answer_that_has_begun_is_cut(api: Api, prefix: str) -> None:
    _, received = exchange(api, head("GET", f"{prefix}/begun"))
    assert received.count(b"HTTP/1.1 ") == 1
    assert not received.endswith(b"0\r\n\r\n")


def test_a_client_with_a_pool_loses_no_request(api: Api) -> None:
    with httpx.Client(base_url=api.client.base_url, timeout=30) as client:
        for number in range(6):
            for path in ("/own/before", "/kit/before", "/kit/background", "/own/late"):
                client.get(path)
                made = client.post("/heroes/", json={"name": f"n{number}", "secret_name": "s"})
                assert made.status_code == 200


@pytest.mark.parametrize(
    ("origin", "allowed"),
    [
        ("https://a.example", {"access-control-allow-origin": "https://a.example"}),
        ("https://b.example", {}),
        ("null", {}),
        (None, None),
    ],
)
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
def test_a_page_of_an_allowed_origin_reads_a_500(
    origin: str | None, allowed: dict[str, str] | None, method: str
) -> None:
    app = Application()
    app.add_exception_handler(Exception, server_error)
    origins = ["https://a.example", "https://c.example"]
    app.add_middleware(CORSMiddleware, allow_origins=origins, expose_headers=["*"])
    app.add_middleware(CorrelationIdMiddleware, header_name=REQUEST_ID)
    router = Router(prefix="/own")

    @router.api_route("/before", methods=["GET", "POST"])
    async def before() -> Response:
        raise ArithmeticError

    app.include_router(router)

    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://x") as client:
            headers = {} if origin is None else {"origin": origin}
            return await client.request(method, "/own/before", headers=headers)

    answer = asyncio.run(ask())
    assert answer.status_code == 500
    assert answer.headers["connection"] == "close"
    assert len(answer.headers[REQUEST_ID]) == 32
    found = {name: value for name, value in answer.headers.items() if name.startswith("access-")}
    if allowed is None:
        assert found == {}
    else:
        assert found == {"access-control-expose-headers": "*", **allowed}
        assert answer.headers["vary"] == "Origin"
