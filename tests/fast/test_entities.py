"""An application with many entities: it starts, and makes what it needs when it needs it."""

import asyncio
import importlib
import json
from collections.abc import Iterator
from typing import Any, cast

import pytest
from fastapi import FastAPI
from httpx import ASGITransport, AsyncClient, Response

import crudgen
from crudgen.delivery.memory import unload

pytestmark = pytest.mark.long

LETTERS = "abcdefgh"
NAMES = [f"{a}{b}{c}thing" for a in LETTERS for b in LETTERS for c in LETTERS[:6]]
LAST = f"/{NAMES[-1]}s/"
SPEC = "name: {name}\nfields:\n  name: str\n"


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FastAPI]:
    """Make an application of more entities than FastAPI can nest the lifespans of."""
    folder = tmp_path_factory.mktemp("many")
    for name in NAMES:
        (folder / f"{name}.yaml").write_text(SPEC.format(name=name.capitalize()), "utf-8")
    package = crudgen.import_app(folder)
    settings = importlib.import_module(f"{package.__name__}.settings").Settings(
        database_url=f"sqlite:///{folder}/many.db", log_level="ERROR"
    )
    main = importlib.import_module(f"{package.__name__}.main")
    yield cast("FastAPI", main.create_app(settings))
    unload(package)


def made(app: FastAPI) -> list[str]:
    """List the prefixes of the entities whose routes FastAPI has made."""
    package = type(app).__module__.partition(".")[0]
    routers = importlib.import_module(f"{package}.api").ROUTERS
    return [one.prefix for one in routers if any("_options" not in vars(r) for r in one.routes)]


def ask(app: FastAPI, *requests: tuple[str, str, Any]) -> list[Response]:
    async def run() -> list[Response]:
        transport = ASGITransport(app)
        async with (
            app.router.lifespan_context(app),
            AsyncClient(transport=transport, base_url="http://test") as client,
        ):
            return [
                await client.request(method, path, json=body) for method, path, body in requests
            ]

    return asyncio.run(run())


@pytest.mark.long
def test_routes_are_made_when_they_are_asked_for(app: FastAPI) -> None:
    assert made(app) == []
    created, unknown, missing, wrong, nowhere = ask(
        app,
        ("POST", LAST, {"name": "n"}),
        ("GET", f"{LAST}2", None),
        ("GET", f"{LAST}1/x", None),
        ("GET", f"{LAST}x", None),
        ("GET", "/nowhere", None),
    )
    assert (created.status_code, created.json()) == (200, {"name": "n", "id": 1})
    assert [one.status_code for one in (unknown, missing, wrong, nowhere)] == [404, 404, 422, 404]
    assert made(app) == [LAST.rstrip("/")]


def test_the_ordinary_way_passes_the_others_by(app: FastAPI) -> None:
    path = f"/{NAMES[0]}s/"
    (answer,) = ask(app, ("OPTIONS", path, None))
    assert answer.status_code == 405
    assert set(made(app)) <= {path.rstrip("/"), LAST.rstrip("/")}


@pytest.mark.long
@pytest.mark.slow
def test_the_document_is_that_of_fastapi(app: FastAPI) -> None:
    first, second = ask(app, ("GET", "/openapi.json", None), ("GET", "/openapi.json", None))
    assert first.content == second.content
    assert first.headers["content-type"] == "application/json"
    assert first.json() == json.loads(json.dumps(app.openapi()))
    assert {f"/{name}s/" for name in NAMES} <= set(first.json()["paths"])
    assert len(made(app)) == len(NAMES)


@pytest.mark.long
def test_others_are_answered_while_the_document_is_made(app: FastAPI) -> None:
    app.openapi_schema = None

    async def run() -> int:
        transport = ASGITransport(app)
        async with (
            app.router.lifespan_context(app),
            AsyncClient(transport=transport, base_url="http://test") as client,
        ):
            document = asyncio.create_task(client.get("/openapi.json"))
            answered = 0
            while not document.done():
                assert (await client.get(LAST)).status_code == 200
                await asyncio.sleep(0)  # where a server would wait for the next request
                answered += 1
            assert (await document).status_code == 200
            return answered

    assert asyncio.run(run()) > 5
