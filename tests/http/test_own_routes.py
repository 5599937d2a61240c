"""Routes of an owner that use the kit's `Route`: queries as FastAPI documents them."""

import asyncio
import importlib
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, FastAPI, Query, Response
from httpx import ASGITransport, AsyncClient
from pydantic import BaseModel

import crudgen


class Filters(BaseModel):
    color: str = "any"
    sizes: list[int] = []


def answers(app: FastAPI, paths: list[str]) -> list[tuple[int, Any]]:
    """Ask an application in this process, one request after another."""

    async def ask() -> list[tuple[int, Any]]:
        transport = ASGITransport(app)
        async with (
            app.router.lifespan_context(app),
            AsyncClient(transport=transport, base_url="http://test") as client,
        ):
            found = [await client.get(path) for path in paths]
        return [(response.status_code, response.json()) for response in found]

    return asyncio.run(ask())


def application(tmp_path: Path, root: Path) -> tuple[FastAPI, APIRouter]:
    package = crudgen.import_app(root / "entities")
    routing = importlib.import_module(f"{package.__name__}.kit.http.routing")
    main = importlib.import_module(f"{package.__name__}.main")
    settings = importlib.import_module(f"{package.__name__}.settings")
    app = main.create_app(settings.Settings(database_url=f"sqlite:///{tmp_path}/app.db"))
    return app, APIRouter(route_class=routing.Route)


def test_a_query_model_and_a_list_are_known(tmp_path: Path, root: Path) -> None:
    app, router = application(tmp_path, root)

    @router.get("/model")
    async def model(filters: Annotated[Filters, Query()]) -> Filters:
        return filters

    @router.get("/many")
    async def many(words: Annotated[list[str] | None, Query()] = None) -> list[str] | None:
        return words

    app.include_router(router)
    assert answers(
        app,
        ["/model?color=red&sizes=1&sizes=2", "/many?words=a&words=b", "/many", "/model"],
    ) == [
        (200, {"color": "red", "sizes": [1, 2]}),
        (200, ["a", "b"]),
        (200, None),
        (200, {"color": "any", "sizes": []}),
    ]
    refused = answers(
        app, ["/model?colour=red", "/model?color=a&color=b", "/many?words=a&words=%00"]
    )
    assert [(status, body["detail"][0]["type"]) for status, body in refused] == [
        (422, "unknown_parameter"),
        (422, "repeated_parameter"),
        (422, "string_nul"),
    ]


def test_a_response_of_their_own_is_answered_as_it_is(tmp_path: Path, root: Path) -> None:
    app, router = application(tmp_path, root)

    @router.get("/plain")
    async def plain() -> Response:
        return Response(b"[1]", media_type="application/json", headers={"x-own": "1"})

    app.include_router(router)
    assert answers(app, ["/plain", "/plain?x=1"])[0] == (200, [1])
