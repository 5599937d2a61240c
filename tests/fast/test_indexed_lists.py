"""Lists of the rows with one value of an indexed property: no thread on SQLite, the same rows."""

import asyncio
from collections.abc import Callable, Iterator
from itertools import product
from typing import Any

import psutil
import pytest

from crudgen.codegen import render
from crudgen.delivery.memory import import_tree, unload
from crudgen.language import load_texts
from tests.startup.started import Application
from tests.support.asgi import AsgiClient

SPEC = {
    "team.yaml": """\
name: Team
fields: {name: str(..20) unique}
api: {include: [pieces], nested: [pieces]}
""",
    "piece.yaml": """\
name: Piece
fields:
  name: str(..20)
  code: str(..20) unique
  group: str(..20)? index
  color: enum(red, blue)
  price: decimal(9,2) index
  team_id: -> Team?
api: {operations: [create_many, list], include: [team], related: [team__name]}
""",
    "box.yaml": """\
name: Box
plural: boxes
fields: {id: uuid pk, label: str(..20) index, size: int}
index: [[size, id]]
api: {operations: [create_many, list]}
""",
}
PIECES = [
    {
        "name": f"piece {n}",
        "code": f"code {n}",
        "group": (None, "a", "A", "é'\"\\")[n % 4],
        "color": ("red", "blue")[n % 2],
        "price": f"{n % 3}.50",
        "team_id": (None, 1, 2)[n % 3],
    }
    for n in range(40)
]
BOXES = [{"label": f"box {n % 2}", "size": n % 3} for n in range(40)]
BY_INDEX: list[tuple[str, dict[str, Any]]] = [
    ("pieces", {"team_id": 2}),
    ("pieces", {"team_id": 99}),
    ("pieces", {"group": "é'\"\\"}),
    ("pieces", {"price": "1.50"}),
    ("pieces", {"code": "code 7"}),
    ("pieces", {"id": 7}),
    ("boxes", {"size": 2}),
]
NOT_BY_INDEX: list[tuple[str, dict[str, Any]]] = [
    ("pieces", {"color": "red"}),
    ("pieces", {"team_id": 2, "group": "a"}),
    ("pieces", {"team_id__gte": 2}),
    ("pieces", {"team__name": "team 1"}),
    ("boxes", {"label": "box 1"}),
]
PAGES = [
    {"limit": limit, "offset": offset, "sort": sort, **more}
    for limit, offset, sort, more in product(
        (5, 100), (0, 3, 60), ("id", "-id"), ({}, {"count": "exact"}, {"fields": "id"})
    )
]


class Lists:
    """A running application with rows."""

    def __init__(self, client: AsgiClient, file: str) -> None:
        self._client, self._file = client, file
        self._rows: dict[str, list[dict[str, Any]]] = {}

    async def fill(self) -> None:
        for n in (1, 2):
            await self._client.request("POST", "/teams/", json={"name": f"team {n}"})
        for path, rows in (("pieces", PIECES), ("boxes", BOXES)):
            answer = await self._client.request("POST", f"/{path}/bulk", json=rows)
            assert answer.is_success, answer.text
            self._rows[path] = (await self.get(f"/{path}/", {"limit": 100})).json()

    async def get(self, path: str, query: dict[str, Any]) -> Any:
        answer = await self._client.request("GET", path, params=query)
        assert answer.status_code == 200, answer.text
        return answer

    async def check(self, path: str, asked: dict[str, Any], page: dict[str, Any]) -> None:
        """Compare a page with the rows of which it is a part."""
        answer = await self.get(f"/{path}/", {**asked, **page})
        rows = [row for row in self._rows[path] if asked.items() <= row.items()]
        rows = rows[::-1] if page["sort"] == "-id" else rows
        end = page["offset"] + page["limit"]
        shown = [
            {name: row[name] for name in row if "fields" not in page or name == "id"}
            for row in rows[page["offset"] : end]
        ]
        assert answer.json() == shown, (path, asked, page)
        assert ("next" in answer.links) == (end < len(rows))
        assert answer.headers.get("x-total-count") == (str(len(rows)) if "count" in page else None)

    async def connections_of(self, path: str, asked: dict[str, Any]) -> int:
        """Return how many connections a list opens: threads have connections of their own."""
        before = self._connections()
        await self.get(f"/{path}/", asked)
        return self._connections() - before

    def _connections(self) -> int:
        return sum(one.path == self._file for one in psutil.Process().open_files())


@pytest.fixture(scope="module")
def package() -> Iterator[Any]:
    found = import_tree(render(load_texts(SPEC)))
    yield found
    unload(found)


def run(package: Any, database: str, test: Callable[[Lists], Any]) -> None:
    """Run a test with rows in a new database."""

    async def running() -> None:
        application = Application(package)
        async with application.running(database) as app:
            lists = Lists(AsgiClient(app), str(application.engine(database).url.database))
            await lists.fill()
            await test(lists)

    asyncio.run(running())


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_pages_have_the_rows_with_the_value(
    kind: str, package: Any, new_database: Callable[[str], str]
) -> None:
    async def test(lists: Lists) -> None:
        for (path, asked), page in product(BY_INDEX, PAGES):
            await lists.check(path, asked, page)

    run(package, new_database(kind), test)


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_pages_with_related_rows(
    kind: str, package: Any, new_database: Callable[[str], str]
) -> None:
    async def test(lists: Lists) -> None:
        page = {"limit": 3, "offset": 3}
        for included in ({}, {"include": "team"}):
            by_filter = await lists.get("/pieces/", {**page, **included, "team_id": 2})
            nested = await lists.get("/teams/2/pieces/", {**page, **included})
            assert nested.json() == by_filter.json()
            assert [one["team_id"] for one in nested.json()] == [2, 2, 2]
            assert {"prev", "next"} <= nested.links.keys()

    run(package, new_database(kind), test)


def test_an_index_saves_the_thread(package: Any, new_database: Callable[[str], str]) -> None:
    async def test(lists: Lists) -> None:
        for path, asked in BY_INDEX:
            assert await lists.connections_of(path, asked) == 0, (path, asked)
        assert await lists.connections_of("teams/2/pieces", {"include": "team"}) == 0

    run(package, new_database("sqlite"), test)


@pytest.mark.parametrize(("path", "asked"), NOT_BY_INDEX)
def test_other_lists_are_read_in_a_thread(
    path: str, asked: dict[str, Any], package: Any, new_database: Callable[[str], str]
) -> None:
    async def test(lists: Lists) -> None:
        assert await lists.connections_of(path, asked) == 1

    run(package, new_database("sqlite"), test)
