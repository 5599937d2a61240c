"""What a write answers is what a read answers, whatever columns a table has and in which order."""

import asyncio
import importlib
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from pathlib import Path
from random import Random
from typing import Any

import pytest
from httpx import ASGITransport, AsyncClient

import crudgen
from crudgen.delivery.memory import unload
from crudgen.kit.database import returning
from tests.support.servers import Everywhere, Servers, write_entities

OPERATIONS = "create, list, read, update, replace, delete, create_many, update_many"
POTATO = f"""
name: Potato
fields: {{mass: float, eyes: int, note: str?, ripe: bool?}}
api: {{operations: [{OPERATIONS}], idempotency: true}}
"""
HIDDEN = f"""
name: Hidden
plural: hiddens
fields: {{mass: float write_only, eyes: int, note: str?, ripe: bool?}}
api: {{operations: [{OPERATIONS}], idempotency: true}}
"""
PRICE = f"""
name: Price
fields:
  mass: float?
  code: int pk
  price: decimal(12,2)?
  data: bytes?
  at: datetime?
  big: int?
api: {{operations: [{OPERATIONS}]}}
"""
BIG = 2**53 + 1


@pytest.fixture(scope="module")
def spec(tmp_path_factory: pytest.TempPathFactory) -> Path:
    specs = {"potato": POTATO, "hidden": HIDDEN, "price": PRICE}
    return write_entities(tmp_path_factory.mktemp("returning") / "entities", specs)


@pytest.fixture
def every(servers: Servers, spec: Path) -> Everywhere:
    return servers.everywhere(spec)


@pytest.mark.parametrize("path", ["/potatoes/", "/hiddens/"])
def test_integers_behind_a_float(every: Everywhere, path: str) -> None:
    for api in every.apis:
        body = {"mass": 1.2, "eyes": BIG, "note": None, "ripe": True}
        made = api.ask("POST", path, json=body)
        place = made.headers["location"]
        assert place == f"{path}{made.json()['id']}"
        assert isinstance(made.json()["id"], int)
        assert f'"eyes":{BIG}' in made.text
        read = api.ask("GET", place)
        assert (made.content, made.headers["etag"]) == (read.content, read.headers["etag"])
        match = {"If-Match": made.headers["etag"]}
        changed = api.ask("PATCH", place, json={"eyes": BIG + 2, "mass": 2.0}, headers=match)
        assert changed.content == api.ask("GET", place).content
        assert f'"eyes":{BIG + 2}' in changed.text
        match = {"If-Match": changed.headers["etag"]}
        put = api.ask("PUT", place, json=body | {"ripe": None}, headers=match)
        assert put.content == api.ask("GET", place).content
        many = api.ask("POST", f"{path}bulk", json=[body, body | {"mass": 3.0, "eyes": -BIG}])
        assert [row["eyes"] for row in many.json()] == [BIG, -BIG]
        sent = [{"id": row["id"], "eyes": row["eyes"]} for row in many.json()]
        changed = api.ask("PATCH", f"{path}bulk", json=sent)
        assert changed.content == many.content
        again = api.ask("POST", path, json=body, headers={"Idempotency-Key": f"{path}k"})
        assert again.content == api.ask("GET", again.headers["location"]).content


def test_columns_of_every_kind(every: Everywhere) -> None:
    chosen = Random(7)  # noqa: S311 - any rows will do
    choices: dict[str, list[Any]] = {
        "mass": [None, 1.5, 2.0, -0.0, 1e300],
        "price": [None, "0.01", "9007199254.93"],
        "data": [None, "AAE=", ""],
        "at": [None, "2026-01-01T00:00:00Z"],
        "big": [None, BIG, -BIG, 0],
    }
    for number in range(40):
        code = BIG + number
        row = {name: chosen.choice(values) for name, values in choices.items()}
        method, path = chosen.choice([("POST", "/prices/"), ("PUT", f"/prices/{code}")])
        made = every.ask(method, path, json=row | {"code": code})
        assert made.status_code == 200, made.text
        assert made.content == every.ask("GET", f"/prices/{code}").content
        changes = {name: chosen.choice(values) for name, values in choices.items()}
        changed = every.ask("PATCH", f"/prices/{code}", json=changes)
        assert changed.content == every.ask("GET", f"/prices/{code}").content


def test_the_running_library_is_tried() -> None:
    """What the kit writes is right here; the probe would see the fault of SQLite 3.38 to 3.40."""
    assert returning.sqlite_returns_rows()
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.execute("CREATE TABLE t (a REAL NOT NULL, b BIGINT, id INTEGER PRIMARY KEY)")
        insert = "INSERT INTO t VALUES (1.5, 7, NULL) RETURNING {}"
        ((kind, is_null),) = connection.execute(insert.format("typeof(+b), +b IS NULL"))
        assert (kind, is_null) == ("integer", 0)
        ((kind,),) = connection.execute("SELECT typeof(b) FROM t")
        assert kind == "integer"


@asynccontextmanager
async def served(spec: Path, database: str) -> AsyncIterator[AsyncClient]:
    package = crudgen.import_app(spec)
    settings = importlib.import_module(f"{package.__name__}.settings").Settings
    app = importlib.import_module(f"{package.__name__}.main").create_app(
        settings(database_url=database)
    )
    async with (
        app.router.lifespan_context(app),
        AsyncClient(transport=ASGITransport(app), base_url="http://test") as client,
    ):
        app.state.database._backend._file.returns_rows = False  # noqa: SLF001 - as a probe may find
        yield client
    unload(package)


def test_a_library_that_returns_other_rows(spec: Path, new_database: Callable[[str], str]) -> None:
    """Each row is read again by its key then; the answers are the same."""

    async def check() -> None:
        async with served(spec, new_database("sqlite")) as client:
            body = {"mass": 1.2, "eyes": BIG}
            made = await client.post("/potatoes/", json=body)
            place = made.headers["location"]
            assert made.content == (await client.get(place)).content
            changed = await client.patch(place, json={"eyes": 3})
            assert changed.json() == made.json() | {"eyes": 3}
            assert (await client.patch("/potatoes/999", json={"eyes": 3})).status_code == 404
            many = await client.post("/potatoes/bulk", json=[body, body])
            assert [row["eyes"] for row in many.json()] == [BIG, BIG]
            headers = {"Idempotency-Key": "k"}
            first = await client.post("/potatoes/", json=body, headers=headers)
            again = await client.post("/potatoes/", json=body, headers=headers)
            assert first.content == again.content
            assert (await client.put("/prices/7", json={"code": 7})).status_code == 200
            new = {"If-None-Match": "*"}
            taken = await client.put("/prices/7", json={"code": 7, "big": 1}, headers=new)
            assert taken.status_code == 412
            assert (await client.get("/prices/7")).json()["big"] is None
            assert (await client.delete(place)).json() == {"ok": True}
            assert (await client.delete(place)).status_code == 404

    asyncio.run(check())
