"""The pages /docs and /redoc load only files of the application, and say so in their policy."""

import asyncio
import re
import subprocess
import sys
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import pytest
from fastapi import FastAPI
from httpx import ASGITransport, AsyncClient, Response

from crudgen.kit.application import Application
from crudgen.kit.http import docs_pages
from tests.support.servers import Everywhere


@dataclass
class Client:
    """Sends requests to an application in this process."""

    app: FastAPI

    def get(self, path: str) -> Response:
        async def ask() -> Response:
            transport = ASGITransport(self.app)
            async with AsyncClient(transport=transport, base_url="http://test") as client:
                return await client.get(path)

        return asyncio.run(ask())


PAGES = {"/docs": "Swagger UI", "/redoc": "ReDoc"}


@pytest.fixture
def absent(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Hide the package from Python, as if it were not installed."""
    monkeypatch.setitem(sys.modules, docs_pages.PACKAGE, None)
    docs_pages.package_files.cache_clear()
    yield
    docs_pages.package_files.cache_clear()


def files_of(page: str) -> list[str]:
    found = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert len(found) > 1
    return found


def policy(page: Response) -> dict[str, set[str]]:
    directives = page.headers["content-security-policy"].split("; ")
    parts = [directive.split() for directive in directives]
    return {name: set(sources) for name, *sources in parts}


@pytest.mark.parametrize("path", PAGES)
def test_pages_load_files_of_the_application_only(everywhere: Everywhere, path: str) -> None:
    for api in everywhere.apis:
        page = api.ask("GET", path)
        for file in files_of(page.text):
            found = api.ask("GET", file)
            assert found.status_code == 200, file
            assert found.headers["cache-control"] == "public, max-age=86400"
            condition = {"if-none-match": found.headers["etag"]}
            assert api.ask("GET", file, headers=condition).status_code == 304
            head = api.ask("HEAD", file)
            assert head.headers["content-length"] == str(len(found.content))
            assert (head.status_code, head.content) == (200, b"")
            assert api.ask("POST", file).status_code == 405
        assert page.headers["cache-control"] == "no-store"
        assert page.headers["referrer-policy"] == "no-referrer"
        assert "https://" not in page.headers["content-security-policy"]


def test_the_policy_allows_the_one_inline_script_by_its_hash(everywhere: Everywhere) -> None:
    for path, own in (("/docs", {"'self'"}), ("/redoc", {"'self'"}), ("/docs/oauth2-redirect", ())):
        for api in everywhere.apis:
            page = api.ask("GET", path)
            scripts = re.findall(r"<script>(.*?)</script>", page.text, re.DOTALL)
            assert len(scripts) == (path != "/redoc")
            hashes = {b64encode(sha256(one.encode()).digest()).decode() for one in scripts}
            allowed = policy(page)
            assert allowed["script-src"] == {*own, *(f"'sha256-{one}'" for one in hashes)}
            assert allowed["default-src"] == allowed["frame-ancestors"] == {"'none'"}


def test_only_the_files_of_the_pages_are_served(everywhere: Everywhere) -> None:
    for name in ("nothing.js", "__init__.py", "..%2F..%2F__init__.py", "%00", "x" * 300, ""):
        for api in everywhere.apis:
            assert api.ask("GET", f"/docs/assets/{name}").status_code == 404
    assert "content-security-policy" not in everywhere.ask("GET", "/tags/").headers


@pytest.mark.usefixtures("absent")
def test_a_page_without_the_package_allows_exactly_the_files_of_the_cdn() -> None:
    client = Client(Application())
    for path in PAGES:
        page = client.get(path)
        allowed = {source for sources in policy(page).values() for source in sources}
        for file in files_of(page.text):
            assert file.startswith("https://")
            assert file in allowed
        some = {"https://cdn.redoc.ly/redoc/logo-mini.svg"}  # of ReDoc's script
        assert {one for one in allowed if ":/" in one} - some == {*files_of(page.text)}
    assert client.get("/docs/assets/swagger-ui.css").status_code == 404


def test_mounted_pages_find_their_files() -> None:
    outer = FastAPI()
    outer.mount("/a'b/v1", Application(title="Fish & <b>chips</b>"))
    client = Client(outer)
    for path, name in PAGES.items():
        page = client.get(f"/a'b/v1{path}")
        assert f"<title>Fish &amp; &lt;b&gt;chips&lt;/b&gt; - {name}</title>" in page.text
        assert "'a'b" not in page.text
        assert "/a%27b/v1/openapi.json" in page.text
        for file in files_of(page.text):
            assert client.get(file).status_code == 200
    assert client.get("/a'b/v1/redoc/logo-mini.svg").status_code == 200


def test_pages_have_the_paths_and_parameters_of_fastapi() -> None:
    app = Application(
        docs_url="/",
        redoc_url=None,
        swagger_ui_oauth2_redirect_url=None,
        swagger_ui_parameters={"docExpansion": "none"},
        swagger_ui_init_oauth={"clientId": "shop"},
    )
    client = Client(app)
    page = client.get("/").text
    assert '"docExpansion": "none"' in page
    assert 'ui.initOAuth({"clientId": "shop"})' in page
    assert "oauth2RedirectUrl" not in page
    assert all(client.get(file).status_code == 200 for file in files_of(page))
    assert client.get("/redoc").status_code == 404
    assert (app.docs_url, app.redoc_url) == ("/", None)

    client = Client(Application(docs_url=None))
    assert client.get("/docs").status_code == 404
    page = client.get("/redoc").text
    assert all(client.get(file).status_code == 200 for file in files_of(page))


def test_pages_can_be_replaced() -> None:
    app = Application(docs_url=None, redoc_url=None)

    @app.get("/docs")
    def docs() -> str:
        return "mine"

    client = Client(app)
    mine = client.get("/docs")
    assert mine.json() == "mine"
    assert "content-security-policy" not in mine.headers
    for options in ({"openapi_url": None}, {"docs_url": None, "redoc_url": None}):
        without = Client(Application(**options))  # type: ignore[arg-type]
        for path in (*PAGES, "/docs/assets/swagger-ui.css", "/redoc/logo-mini.svg"):
            assert without.get(path).status_code == 404


def test_the_package_is_never_imported(root: Path) -> None:
    code = f"""if True:
        import sys
        from tests.http.test_docs_pages import Client
        from crudgen.kit.application import Application
        app = Application()
        assert "/docs/assets/" in Client(app).get("/docs").text
        assert {docs_pages.PACKAGE!r} not in sys.modules
    """
    subprocess.run([sys.executable, "-c", code], check=True, cwd=root)
