"""The last column of the README's comparison is what crudgen answers."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from pathlib import Path

import httpx
import pytest

import crudgen
from tests.docs import pages

HERO = (
    "name: Hero\nfields:\n  name: str(1..80) unique\n  age: int?\n  secret_name: str write_only\n"
)
DEADPOND = {"name": "Deadpond", "secret_name": "Dive Wilson"}
RUSTY = {"name": "Rusty-Man", "secret_name": "Tommy Sharp"}

Answer = Callable[[httpx.AsyncClient], Awaitable[str]]


def status(method: str, path: str, body: object = None) -> Answer:
    async def ask(client: httpx.AsyncClient) -> str:
        return str((await client.request(method, path, json=body)).status_code)

    return ask


async def four_at_once(client: httpx.AsyncClient) -> str:
    new = {**DEADPOND, "name": "Spider-Boy"}
    answers = await asyncio.gather(*(client.post("/heroes/", json=new) for _ in range(4)))
    assert sorted(answer.status_code for answer in answers) == [200, 409, 409, 409]
    return "one is 200, three are 409"


async def after_a_change(client: httpx.AsyncClient) -> str:
    answer = await client.patch("/heroes/1", json={"age": 30})
    assert answer.json() == {"id": 1, "name": "Deadpond", "age": 30}
    return "the row"


ROWS: dict[str, Answer] = {
    "create a duplicate of a unique value": status("POST", "/heroes/", DEADPOND),
    "create it four times at once": four_at_once,
    "change a row into a duplicate": status("PATCH", "/heroes/2", {"name": "Deadpond"}),
    "change a required value to null": status("PATCH", "/heroes/1", {"name": None}),
    "sort by a column that is not there": status("GET", "/heroes/?sort=nope"),
    "filter by a column that is not there": status("GET", "/heroes/?nope=1"),
    "`limit=100000000`": status("GET", "/heroes/?limit=100000000"),
    "read an id of 23 digits": status("GET", f"/heroes/{'1' * 23}"),
    "change a row that is not there": status("PATCH", "/heroes/99", {"age": 1}),
    "the body after a change": after_a_change,
}


def shown() -> dict[str, str]:
    """Return the first and the last column of the table in the README."""
    text = pages.read("README.md").partition("\n## How it compares\n")[2]
    rows = re.findall(r"^\| (.+) \|$", text.partition("\n## ")[0], re.MULTILINE)
    cells = [row.split(" | ") for row in rows[1:]]
    return {row[0]: row[-1] for row in cells}


async def answers(folder: Path) -> dict[str, str]:
    app = crudgen.create_app(folder / "entities", database=f"sqlite:///{folder}/app.db")
    transport = httpx.ASGITransport(app)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://test") as client,
    ):
        for hero in (DEADPOND, RUSTY):
            assert (await client.post("/heroes/", json=hero)).status_code == 200
        return {row: await ask(client) for row, ask in ROWS.items()}


def test_the_comparison_shows_what_crudgen_answers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)
    (tmp_path / "entities").mkdir()
    (tmp_path / "entities" / "hero.yaml").write_text(HERO, "utf-8")
    assert asyncio.run(answers(tmp_path)) == shown()
