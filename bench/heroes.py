"""The suite of plain rows: the API of FastAPI's tutorial."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import httpx

from bench.data import ROWS, fill, fill_pocketbase
from bench.javascript import bun, fastify, missing_bun, missing_fastify
from bench.suites import (
    BASELINE,
    CRUDGEN,
    POCKETBASE,
    ROOT,
    Contender,
    Suite,
    Target,
    crudgen,
    get,
    pocketbase,
    uvicorn,
)

HERO = '{"name": "Rusty-Man", "age": 48, "secret_name": "Tommy Sharp"}'
TASKS = ("get", "list", "deep list", "create", "patch", "mix")


@dataclass(frozen=True, slots=True)
class Paths:
    """Paths of the rows of a contender."""

    rows: str = "/heroes/"
    row: str = "/heroes/%d"
    """Format for Lua's string.format; its argument is the ID of the row."""
    page: str = "/heroes/?limit=100"
    deep_page: str = "/heroes/?offset=50000&limit=100"

    def requests(self) -> dict[str, str]:
        """Return the Lua code of each task."""
        row = get(self.row, ROWS)
        patch = (
            f'return wrk.format("PATCH", string.format("{self.row}", math.random(1, {ROWS})), '
            "json, '{\"age\": ' .. math.random(1, 99) .. '}')"
        )
        return {
            "get": row,
            "list": get(self.page),
            "deep list": get(self.deep_page),
            "create": f'return wrk.format("POST", "{self.rows}", json, \'{HERO}\')',
            "patch": patch,
            "mix": f"if math.random(1, 10) == 1 then {patch} end\n  {row}",
        }

    def check(self, client: httpx.Client) -> bool:
        """Return whether rows are read, created and updated."""
        row = client.get(self.row % 7).raise_for_status().json()
        page = _rows(client.get(self.page).raise_for_status().json())
        deep = _rows(client.get(self.deep_page).raise_for_status().json())
        created = client.post(
            self.rows, content=HERO, headers={"content-type": "application/json"}
        ).raise_for_status()
        client.patch(self.row % 8, json={"age": 17}).raise_for_status()
        changed = client.get(self.row % 8).json()
        return (
            row["name"] == "hero 7"
            and len(page) == len(deep) == 100
            and created.json()["name"] == "Rusty-Man"
            and changed["age"] == 17
        )


def _rows(answer: Any) -> list[Any]:
    """Return the rows of a page: the JSON value itself, or a list in it."""
    return answer if isinstance(answer, list) else answer.get("data") or answer["items"]


_BOTH = ("sqlite", "postgresql")


def _contender(
    name: str,
    command: Callable[[int, str], list[str]],
    databases: tuple[str, ...] = _BOTH,
    paths: Paths = Paths(),
    missing: Callable[[], str | None] = lambda: None,
) -> Contender:
    requests = paths.requests()
    return Contender(name, command, requests, paths.row % 1, databases, paths.check, missing)


POCKETBASE_PATHS = Paths(
    rows="/api/collections/heroes/records",
    row="/api/collections/heroes/records/%015d",
    page="/api/collections/heroes/records?perPage=100&skipTotal=1",
    deep_page="/api/collections/heroes/records?perPage=100&page=501&skipTotal=1",
)
FASTCRUD_PATHS = Paths(
    rows="/heroes",
    row="/heroes/%d",
    page="/heroes?offset=0&limit=100",
    deep_page="/heroes?offset=50000&limit=100",
)
FASTIFY, BUN, BARE = "Fastify", "Bun", "bare ASGI"
_RATIOS: dict[tuple[str, str], dict[str, float]] = {
    ("sqlite", "get"): {BASELINE: 30, FASTIFY: 1.5, BUN: 0.5, BARE: 1.3, POCKETBASE: 6},
    ("sqlite", "list"): {BASELINE: 40, FASTIFY: 2, BUN: 0.6},
    ("sqlite", "create"): {BASELINE: 20, FASTIFY: 3, BUN: 3},
    ("sqlite", "patch"): {BASELINE: 20, FASTIFY: 3, BUN: 3},
    ("postgresql", "get"): {BASELINE: 12, BARE: 1.3},
    ("postgresql", "list"): {BASELINE: 18},
    ("postgresql", "create"): {BASELINE: 10},
}
HEROES = Suite(
    "heroes",
    TASKS,
    (
        _contender(CRUDGEN, crudgen(ROOT / "entities")),
        _contender(BASELINE, uvicorn("by_hand")),
        _contender("FastCRUD", uvicorn("with_fastcrud"), paths=FASTCRUD_PATHS),
        _contender(POCKETBASE, pocketbase, ("sqlite",), POCKETBASE_PATHS),
        _contender(FASTIFY, fastify, ("sqlite",), missing=missing_fastify),
        _contender(BUN, bun, ("sqlite",), missing=missing_bun),
        _contender(BARE, uvicorn("bare")),
        Contender(
            "FastAPI, nothing",
            uvicorn("nothing"),
            Paths().requests(),
            Paths().row % 1,
            ("sqlite",),
        ),
    ),
    fill,
    fill_pocketbase,
    targets=tuple(
        Target(database, task, contender, ratio)
        for (database, task), ratios in _RATIOS.items()
        for contender, ratio in ratios.items()
    ),
)
