"""Which requests get the home page of a server."""

import asyncio
import re
import sys
from base64 import b64encode
from collections.abc import Awaitable, Callable, Mapping
from hashlib import sha256
from threading import Event

import httpx
import pytest

from crudgen.codegen.tree import SourceFile, SourceTree
from crudgen.delivery.generation import Generation, GenerationSource
from crudgen.delivery.home import HomePage
from crudgen.delivery.switch import Switch
from tests.delivery.fakes import fake_tree

BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
STYLE = "h1 { margin: 0 }\n"
OWN = """
@router.get("/")
async def own(status: int = 200) -> Response:
    return Response("own", status)
"""
MOUNT = '    app.mount("/", StaticFiles(directory="."))\n'


class Home:
    """A page that says which version of the application it is about."""

    def page(self, generation: Generation) -> str:
        file = next(one for one in generation.tree.files if one.path == "app/api.py")
        version = re.findall(r"return '(.*)'", file.text)[0]
        return f"<style>{STYLE}</style><h1>version {version}</h1>"


def tree(changes: Mapping[str, Callable[[str], str]], version: str = "1") -> SourceTree:
    """Return the small application with changed files."""
    files = fake_tree(version).files
    return SourceTree(SourceFile(one.path, changes.get(one.path, str)(one.text)) for one in files)


def run(
    test: Callable[[httpx.AsyncClient, Switch], Awaitable[None]],
    served: SourceTree | None = None,
    home: Home | None = None,
) -> None:
    async def main() -> None:
        switch = Switch(GenerationSource(served or fake_tree("1")), home=HomePage(home or Home()))
        await switch.open()
        transport = httpx.ASGITransport(app=switch)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            await test(client, switch)
        await switch.close()

    asyncio.run(main())


def test_a_browser_gets_the_page_of_the_current_version() -> None:
    async def test(client: httpx.AsyncClient, switch: Switch) -> None:
        found = await client.get("/", headers=BROWSER)
        assert found.status_code == 200
        assert "version 1" in found.text
        assert found.headers["content-type"] == "text/html; charset=utf-8"
        assert found.headers["cache-control"] == "no-store"
        digest = b64encode(sha256(STYLE.encode()).digest()).decode()
        policy = found.headers["content-security-policy"]
        assert policy.startswith(f"default-src 'none'; style-src 'sha256-{digest}'; ")
        await switch.swap(GenerationSource(fake_tree("2")))
        assert "version 2" in (await client.get("/", headers=BROWSER)).text
        head = await client.head("/", headers=BROWSER)
        assert (head.status_code, head.content) == (200, b"")
        assert int(head.headers["content-length"]) == len(found.content)

    run(test)


def test_a_version_stays_loaded_while_its_page_is_made() -> None:
    begun, released, loaded = Event(), Event(), []

    class SlowHome(Home):
        def page(self, generation: Generation) -> str:
            begun.set()
            released.wait(20)
            loaded.append(generation.package.__name__ in sys.modules)
            return super().page(generation)

    async def test(client: httpx.AsyncClient, switch: Switch) -> None:
        page = asyncio.create_task(client.get("/", headers=BROWSER))
        await asyncio.to_thread(begun.wait, 20)
        await switch.swap(GenerationSource(fake_tree("2")))
        for _ in range(20):  # without the page, the version is unloaded by then
            await asyncio.sleep(0.005)
        assert switch.retiring_count == 1
        released.set()
        assert "version 1" in (await page).text
        assert loaded == [True]

    run(test, home=SlowHome())


@pytest.mark.long
@pytest.mark.parametrize(
    ("method", "path", "headers"),
    [
        ("GET", "/", {}),
        ("GET", "/", {"Accept": "application/json"}),
        ("GET", "/other", BROWSER),
        ("POST", "/", BROWSER),
        ("GET", "/", BROWSER | {"Host": "example.com"}),
        ("GET", "/", BROWSER | {"Host": "127.0.0.1.example.com"}),
        ("GET", "/", BROWSER | {"Host": "localhost.example.com"}),
        ("GET", "/", BROWSER | {"Host": "[::1"}),
        ("GET", "/", BROWSER | {"Host": "192.168.0.1"}),
        ("GET", "/", BROWSER | {"Host": ""}),
    ],
)
def test_other_requests_are_those_of_the_application(
    method: str, path: str, headers: dict[str, str]
) -> None:
    async def test(client: httpx.AsyncClient, switch: Switch) -> None:
        del switch
        found = await client.request(method, path, headers=headers)
        assert (found.status_code, found.json()) == (404, {"detail": "Not Found"})

    run(test)


@pytest.mark.long
@pytest.mark.parametrize("host", ["localhost:8000", "127.0.0.1:8000", "[::1]:8000", "127.1.2.3"])
def test_names_of_this_machine_are_accepted(host: str) -> None:
    async def test(client: httpx.AsyncClient, switch: Switch) -> None:
        del switch
        assert "version 1" in (await client.get("/", headers=BROWSER | {"Host": host})).text

    run(test)


def test_an_application_keeps_its_own_page() -> None:
    async def test(client: httpx.AsyncClient, switch: Switch) -> None:
        del switch
        for status in (200, 404):
            found = await client.get("/", params={"status": status}, headers=BROWSER)
            assert (found.status_code, found.text) == (status, "own")

    imported = "from fastapi import APIRouter, Request, Response"
    own = tree(
        {
            "app/api.py": lambda text: (
                text.replace("from fastapi import APIRouter, Request", imported) + OWN
            )
        }
    )
    run(test, own)


def test_mounted_files_are_kept() -> None:
    async def test(client: httpx.AsyncClient, switch: Switch) -> None:
        del switch
        assert (await client.get("/", headers=BROWSER)).status_code == 404

    line = "    app.include_router(router)\n"
    mounted = tree(
        {
            "app/main.py": lambda text: (
                "from fastapi.staticfiles import StaticFiles\n" + text.replace(line, line + MOUNT)
            )
        }
    )
    run(test, mounted)
