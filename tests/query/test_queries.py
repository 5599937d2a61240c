"""Both databases answer random queries of a list as a plain Python model does.

`CASES=5000 python -m pytest tests/query/test_queries.py` sends that many queries.
"""

import asyncio
import importlib
import os
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

import crudgen
from crudgen.delivery.memory import unload
from tests.support.asgi import AsgiClient
from tests.support.list_query import Filter, List, ListQuery
from tests.support.servers import Everywhere

CASES = int(os.environ.get("CASES", "80"))
TOGETHER = 20
SPEC = """
name: Thing
fields:
  name: str(0..40) index
  note: str(0..40)?
  n: int index
  m: int?
  weight: float?
  price: decimal(9,2)
  cost: decimal(9,2)?
  ok: bool
  sure: bool?
  day: date?
  clock: time?
  at: datetime?
  uid: uuid?
  word: {type: enum, values: [calm, b, 'A b', é]}
  mood: enum(x, y)?
  data: json?
  secret: str(0..40) write_only
api:
  search: [name, note]
  page: {default: 7, max: 50}
"""
SHARED = "the secret of both"
KINDS = ("sqlite", "postgresql")

LETTERS = st.sampled_from([*"aAbBzZ%_\\*[]?'\" é", "É", "ß", "🦸", "\u2028", "null"])
TEXTS = st.lists(LETTERS, max_size=4).map("".join)
NUMBERS = st.integers(-3, 3) | st.sampled_from([2**63 - 1, -(2**63), 2**53 + 1])
FLOATS = st.sampled_from([-1.5, -0.0, 0.0, 0.1, 1.0, 1e-7, 1e22, 1e300, 5e-324])
PRICES = st.sampled_from(["-1.50", "0.00", "0.10", "0.11", "9999999.99", "-9999999.99", "1.00"])
DAYS = st.sampled_from(["0001-01-01", "1999-12-31", "2026-01-31", "2026-02-01", "9999-12-31"])
CLOCKS = st.sampled_from(["00:00:00", "12:30:00", "12:30:00.000001", "23:59:59.999999"])
MOMENTS = st.sampled_from(
    ["2026-01-01T00:00:00Z", "2026-01-01T00:00:00.000001Z", "1999-12-31T23:59:59Z"]
)
UUIDS = st.integers(0, 5).map(lambda n: f"00000000-0000-4000-8000-{n * 0x111111111:012x}")


def optional(values: SearchStrategy[Any]) -> SearchStrategy[Any]:
    return st.none() | values


VALUES: dict[str, SearchStrategy[Any]] = {
    "name": TEXTS,
    "note": optional(TEXTS),
    "n": NUMBERS,
    "m": optional(NUMBERS),
    "weight": optional(FLOATS),
    "price": PRICES,
    "cost": optional(PRICES),
    "ok": st.booleans(),
    "sure": optional(st.booleans()),
    "day": optional(DAYS),
    "clock": optional(CLOCKS),
    "at": optional(MOMENTS),
    "uid": optional(UUIDS),
    "word": st.sampled_from(["calm", "b", "A b", "é"]),
    "mood": optional(st.sampled_from(["x", "y"])),
    "data": optional(st.sampled_from([1, {"a": None}])),
}
NULLABLE = {"note", "m", "weight", "cost", "sure", "day", "clock", "at", "uid", "mood", "data"}
ORDER = {"lt", "lte", "gt", "gte"}
WORDS = {"contains", "icontains", "startswith", "istartswith", "endswith", "iendswith"}
EQUAL = {"eq", "ne", "in", "not_in"}
OPERATORS = {
    **dict.fromkeys(VALUES, EQUAL | ORDER),
    "id": EQUAL | ORDER,
    "name": EQUAL | ORDER | WORDS,
    "note": EQUAL | ORDER | WORDS,
    "ok": {"eq", "ne"},
    "sure": {"eq", "ne"},
    "word": EQUAL,
    "mood": EQUAL,
    "data": set[str](),
}
SORTABLE = [name for name in ("id", *VALUES) if name != "data"]


def comparable(name: str, value: Any) -> Any:
    """Make something of a value that Python compares as the API does."""
    if name in {"at", "clock"}:  # every moment with as many digits: text sorts as time does
        head, _, tail = value.removesuffix("Z").partition(".")
        return f"{head}.{tail:0<6}"
    return float(value) if name in {"price", "cost"} else value


THINGS = List("id", ("name", "note"), page=7, comparable=comparable)


# Random queries


@st.composite
def a_filter(draw: st.DrawFn) -> Filter:
    name = draw(st.sampled_from(["id", *VALUES]))
    operators = sorted(OPERATORS[name] | ({"isnull"} if name in NULLABLE else set()))
    if not operators:
        return ("n", "eq", [0])
    operator = draw(st.sampled_from(operators))
    if operator == "isnull":
        return (name, operator, [draw(st.booleans())])
    values = (
        st.integers(0, 40) if name == "id" else VALUES[name].filter(lambda one: one is not None)
    )
    if operator in WORDS:
        values = st.lists(LETTERS, max_size=2).map("".join)
    most = 3 if operator in {"in", "not_in"} else 1
    return (name, operator, draw(st.lists(values, min_size=1, max_size=most)))


SORTS = st.lists(
    st.tuples(st.sampled_from(["", "-"]), st.sampled_from(SORTABLE)).map("".join),
    max_size=3,
    unique_by=lambda name: name.removeprefix("-"),
)
QUERIES = st.builds(
    ListQuery,
    filters=st.lists(a_filter(), max_size=2, unique_by=lambda one: one[:2]),
    sort=SORTS,
    words=st.lists(st.sampled_from(["a", "B", "é", "%", "zz", "_"]), max_size=2),
    fields=st.lists(st.sampled_from(["id", *VALUES]), max_size=3, unique=True),
    offset=st.none() | st.integers(0, 30),
    limit=st.none() | st.integers(1, 50),
    count=st.booleans(),
)
ROWS = st.lists(st.fixed_dictionaries({**VALUES, "secret": TEXTS}), min_size=0, max_size=24)


# The applications


@dataclass
class Lists:
    """The same entity on both databases."""

    loop: asyncio.Runner
    clients: dict[str, AsgiClient]
    apps: list[Any]

    def refill(self, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Replace all rows; return them as both databases show them."""
        return self.loop.run(self._refill(rows))

    async def _refill(self, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        shown: list[list[dict[str, Any]]] = []
        for client in self.clients.values():
            while page := (await client.get("/things/", params={"limit": 50})).json():
                for row in page:
                    (await client.delete(f"/things/{row['id']}")).raise_for_status()
            made = []
            for row in rows:
                answer = await client.post("/things/", json=row)
                assert answer.status_code == 200, answer.text
                made.append(answer.json())
            shown.append(made)
        first, second = shown
        base = [rows[0]["id"] if rows else 0 for rows in shown]
        assert [one["id"] - base[0] for one in first] == [one["id"] - base[1] for one in second]
        return first

    def get(self, url: str, parameters: list[tuple[str, str]] | None = None) -> httpx.Response:
        """Ask both databases; they must answer the same."""
        return self.loop.run(self._get(url, parameters))

    async def _get(self, url: str, parameters: Any) -> httpx.Response:
        first, second = [
            await client.get(url, params=parameters) for client in self.clients.values()
        ]
        assert first.status_code == second.status_code, (url, parameters, first.text, second.text)
        assert first.content == second.content, (url, parameters)
        assert first.headers.get("link") == second.headers.get("link")
        return first


@pytest.fixture(scope="module")
def lists(
    tmp_path_factory: pytest.TempPathFactory, new_database: Callable[[str], str]
) -> Iterator[Lists]:
    folder: Path = tmp_path_factory.mktemp("asking")
    (folder / "thing.yaml").write_text(SPEC, "utf-8")
    packages: list[ModuleType] = []
    with asyncio.Runner() as loop:
        stack = AsyncExitStack()
        clients, apps = {}, []
        for kind in KINDS:
            package = crudgen.import_app(folder)
            packages.append(package)
            main = importlib.import_module(f"{package.__name__}.main")
            chosen = importlib.import_module(f"{package.__name__}.settings").Settings(
                database_url=new_database(kind), log_level="ERROR", secret_key=SHARED
            )
            app = main.create_app(chosen)
            loop.run(stack.enter_async_context(app.router.lifespan_context(app)))
            clients[kind] = AsgiClient(app)
            apps.append(app)
        yield Lists(loop, clients, apps)
        loop.run(stack.aclose())
    for package in packages:
        unload(package)


SETTINGS = settings(
    max_examples=max(CASES // TOGETHER, 1),
    deadline=None,
    database=None,
    phases=[Phase.generate, Phase.shrink],
    suppress_health_check=list(HealthCheck),
)


@pytest.mark.long
@pytest.mark.slow
def test_lists_answer_what_the_model_does(lists: Lists) -> None:
    @SETTINGS
    @given(sent=ROWS, queries=st.lists(QUERIES, min_size=TOGETHER, max_size=TOGETHER))
    def check(sent: list[dict[str, Any]], queries: list[ListQuery]) -> None:
        rows = lists.refill(sent)
        for query in queries:
            answer = lists.get("/things/", query.parameters())
            assert answer.status_code == 200, (query, answer.text)
            wanted = query.found(rows, THINGS)
            shown = [query.shown(row) for row in query.page(wanted, THINGS)]
            assert answer.json() == shown, query
            total = answer.headers.get("x-total-count")
            assert total == (str(len(wanted)) if query.count else None), query

    check()


@pytest.mark.slow
def test_a_walk_by_cursor_sees_every_row_once(lists: Lists) -> None:
    @SETTINGS
    @given(sent=ROWS, queries=st.lists(QUERIES, min_size=5, max_size=5))
    def check(sent: list[dict[str, Any]], queries: list[ListQuery]) -> None:
        rows = lists.refill(sent)
        for query in queries:
            limit = 1 + (query.limit or 7) % 6
            walk = replace(query, offset=None, count=False, limit=limit)
            wanted = [walk.shown(row) for row in walk.found(rows, THINGS)]
            pages, url = [], None
            while True:
                parameters = [("cursor", ""), *walk.parameters()] if url is None else None
                answer = lists.get(url or "/things/", parameters)
                assert answer.status_code == 200, (walk, answer.text)
                pages.append(answer)
                if "next" not in answer.links:
                    break
                url = answer.links["next"]["url"]
            assert [row for page in pages for row in page.json()] == wanted, walk
            back = [pages[-1].json()]
            answer = pages[-1]
            while "prev" in answer.links:
                answer = lists.get(answer.links["prev"]["url"])
                back.append(answer.json())
            assert [row for page in reversed(back) for row in page] == wanted, walk

    check()


@pytest.mark.parametrize("sort", ["price", "-price", "n,price", "-cost"])
def test_a_walk_is_sorted_by_a_decimal(lists: Lists, sort: str) -> None:
    row = {"name": "", "n": 1, "ok": True, "word": "b", "secret": ""}
    rows = lists.refill([row | {"price": one, "cost": one} for one in ("1.00", "-1.50", "1.00")])
    query = ListQuery(sort=sort.split(","), limit=1)
    found, url = [], f"/things/?cursor=&limit=1&sort={sort}"
    while url:
        answer = lists.get(url)
        found += answer.json()
        url = answer.links.get("next", {}).get("url", "")
    assert found == query.found(rows, THINGS)


def test_a_query_has_limits(lists: Lists) -> None:
    for parameters, status, kind in (
        ([("q", "x" * 200)], 200, ""),
        ([("q", "x" * 201)], 422, "string_too_long"),
        ([("n__in", "1")] * 100, 200, ""),
        ([("n__in", "1")] * 101, 422, "too_long"),
        ([("n__not_in", "1")] * 101, 422, "too_long"),
    ):
        answer = lists.get("/things/", parameters)
        assert answer.status_code == status
        assert not kind or answer.json()["detail"][0]["type"] == kind


def test_the_document_tells_how_long_a_page_is(everywhere: Everywhere) -> None:
    paths = everywhere.ask("GET", "/openapi.json").json()["paths"]
    for path, usual, most in (("/animals/", 100, 100), ("/v1/countries/", 20, 50)):
        (limit,) = [one for one in paths[path]["get"]["parameters"] if one["name"] == "limit"]
        known = {"type": "integer", "minimum": 1, "maximum": most, "default": usual}
        assert limit["schema"] == known | {"format": "int64", "title": "Limit"}
