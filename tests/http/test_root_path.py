"""Below the path of a proxy, links lead back through the proxy, whether it strips it or not."""

import asyncio
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from fastapi import WebSocket
from pydantic import TypeAdapter, ValidationError
from starlette.types import Message

from crudgen.kit.application import Application
from crudgen.kit.settings import RootPath
from tests.support.servers import Api, Servers

pytestmark = pytest.mark.long

HERO = {"name": "n", "secret_name": "s"}
ROOT = "/api/v2"
WAYS = {
    "served, setting": ("served", {"ROOT_PATH": ROOT}, []),
    "served, option": ("served", {"ROOT_PATH": "/other"}, ["--root-path", ROOT]),
    "emitted, setting": ("emitted", {"ROOT_PATH": ROOT}, []),
    "emitted, uvicorn's option": ("emitted", {}, ["--root-path", ROOT]),
    "emitted, both": ("emitted", {"ROOT_PATH": ROOT}, ["--root-path", ROOT]),
    "emitted, without the short way": ("emitted", {"ROOT_PATH": ROOT, "SHORTCUT": "false"}, []),
}


@pytest.fixture(scope="module", params=WAYS)
def api(
    request: pytest.FixtureRequest,
    servers: Servers,
    new_database: Callable[[str], str],
    root: Path,
) -> Iterator[Api]:
    mode, settings, options = WAYS[request.param]
    started = servers.start(
        root / "entities", mode, new_database("sqlite"), settings=settings, options=options
    )
    yield started
    servers.end(started)


@pytest.fixture(params=["strips", "keeps"])
def client(request: pytest.FixtureRequest, api: Api) -> Iterator[httpx.Client]:
    """A client that sees the application through a proxy."""

    class Proxy(httpx.HTTPTransport):
        def handle_request(self, request_: httpx.Request) -> httpx.Response:
            path = request_.url.raw_path
            if not path.startswith(ROOT.encode() + b"/"):
                return httpx.Response(502)
            if request.param == "strips":
                request_.url = request_.url.copy_with(raw_path=path[len(ROOT) :])
            return super().handle_request(request_)

    api.emptied()
    transport = Proxy() if api.names is None else api.names.transport(Proxy())
    with httpx.Client(base_url=api.client.base_url, transport=transport, timeout=30) as proxied:
        yield proxied


def test_links_lead_through_the_proxy(client: httpx.Client) -> None:
    for slash in ("/", ""):
        made = client.post(f"{ROOT}/heroes{slash}", json=HERO)
        assert made.status_code == 200
        assert made.headers["location"].startswith(f"{ROOT}/heroes/")
        assert client.get(made.headers["location"]).json() == made.json()
        headed = client.get(made.headers["location"], headers={"x-request-id": "0" * 32})
        assert headed.json() == made.json()
    for place in ("", "cursor=&"):
        page = client.get(f"{ROOT}/heroes/?{place}limit=1&sort=-id")
        following = client.get(page.links["next"]["url"])
        assert (following.status_code, len(following.json())) == (200, 1)
        back = client.get(following.links["prev"]["url"])
        assert back.json() == page.json()
    assert client.head(f"{ROOT}/heroes/").status_code == 200
    assert client.get(f"{ROOT}/nothing").status_code == 404
    assert client.delete(f"{ROOT}/heroes/").status_code == 405


def test_the_documentation_leads_through_the_proxy(client: httpx.Client) -> None:
    for page in ("/docs", "/redoc"):
        answer = client.get(f"{ROOT}{page}")
        assert "content-security-policy" in answer.headers
        (url,) = set(re.findall(r"""['"]([^'"]*/openapi\.json)['"]""", answer.text))
        document = client.get(url).json()
        assert document["servers"] == [{"url": ROOT}]
        assert "/heroes/" in document["paths"]
    assert client.get(f"{ROOT}/live").json() == {"detail": "live"}
    assert client.get(f"{ROOT}/ready").status_code == 200


def test_a_busy_process_is_alive_below_the_root_path(
    servers: Servers, new_database: Callable[[str], str], root: Path
) -> None:
    settings = {"ROOT_PATH": ROOT, "MAX_URL_BYTES": "100"}
    api = servers.start(root / "entities", "served", new_database("sqlite"), settings=settings)
    assert api.ask("GET", f"{ROOT}/live").status_code == 200
    assert api.ask("GET", f"{ROOT}/heroes/?name={'x' * 90}").status_code == 414
    api.stop()


def test_a_root_path_that_begins_as_a_router_is_stripped_by_the_proxy(
    servers: Servers, new_database: Callable[[str], str], root: Path
) -> None:
    api = servers.start(
        root / "entities", "served", new_database("sqlite"), settings={"ROOT_PATH": "/heroes"}
    )
    made = api.ask("POST", "/heroes/", json=HERO)
    assert made.headers["location"] == "/heroes/heroes/1"
    assert api.ask("GET", "/heroes/1").json() == made.json()
    api.stop()


FORM = "should begin with a slash and not end with one, such as /api"
OF_ANOTHER_FORM = (
    *("api", "/api/", "/", "//api", "/api//b", "/a?b", "/a#b", "/a b", "/..", "/a/../b", "/./a"),
    *("/%41", "/é", "http://x/api", "/a\\b"),
)


@pytest.mark.parametrize("path", OF_ANOTHER_FORM)
def test_a_root_path_of_another_form_is_refused(path: str) -> None:
    with pytest.raises(ValidationError, match=FORM):
        TypeAdapter(RootPath).validate_python(path)


def test_a_root_path_of_another_form_prevents_the_start(
    servers: Servers, new_database: Callable[[str], str], root: Path
) -> None:
    settings = {"ROOT_PATH": OF_ANOTHER_FORM[0]}
    database = new_database("sqlite")
    api = servers.start(root / "entities", "served", database, settings=settings, wait=False)
    assert api.process.wait(90) == 1
    log = api.log.read_text()
    assert f"ROOT_PATH: {FORM}" in log
    assert "Traceback" not in log
    api.client.close()


@pytest.mark.parametrize("own", ["", ROOT])
@pytest.mark.parametrize("of_server", ["", ROOT])
@pytest.mark.parametrize("sent", ["", ROOT])
def test_a_websocket_of_ones_own_is_found_below_a_root_path(
    own: str, of_server: str, sent: str
) -> None:
    app = Application(root_path=own)

    @app.websocket("/own/{number}")
    async def socket(socket: WebSocket) -> None:
        await socket.accept()
        await socket.send_text(socket.url_for("socket", number=2).path)
        await socket.close()

    said: list[Message] = []

    async def receive() -> Message:
        return {"type": "websocket.connect"}

    async def send(message: Message) -> None:
        said.append(message)

    path = of_server + f"{sent}/own/1".removeprefix(of_server)  # as servers write it (ASGI)
    scope = {"type": "websocket", "scheme": "ws", "headers": [], "query_string": b""}
    asyncio.run(app({**scope, "path": path, "root_path": of_server}, receive, send))
    if sent and not own and not of_server:
        assert [message["type"] for message in said] == ["websocket.close"]
    else:
        assert said[1]["text"] == f"{own or of_server}/own/2"
