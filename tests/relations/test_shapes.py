"""The cache of the statements of lists takes little memory: clients determine the queries."""

import gc
import tracemalloc
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.engine.interfaces import Compiled
from sqlalchemy.sql.elements import ClauseElement

from tests.owners.project import Project, emit

pytestmark = pytest.mark.long

TEAMS = Path(__file__).parents[1] / "specs/teams/entities"
PARTS = (
    ("", "include=team", "include=powers&powers__limit=3", "include=team,powers"),
    ("", "&team__name=x", "&powers__none__name=x", "&powers__any__name__in=x&name__contains=y"),
    ("", "&fields=id,name", "&sort=-team__name", "&count=exact&cursor="),
)
QUERIES = ["?" + "".join(parts) for parts in product(*PARTS)]
QUERIES += [f"1?{include}" for include in PARTS[0]]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    folder = tmp_path_factory.mktemp("teams")
    specs = {file.stem: file.read_text("utf-8") for file in TEAMS.iterdir()}
    copied = Project.copied(emit(folder, specs), folder)
    yield copied
    copied.unload()


@pytest.fixture(params=["database", "python"])
def ask(
    request: pytest.FixtureRequest,
    project: Project,
    new_database: Callable[[str], str],
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Callable[[str], None]]:
    """Return a function that sends a query; the parameter says who encodes the rows."""
    if request.param == "python":
        for name in ("rows.related_listing", "database.json_rows"):
            monkeypatch.setattr(project.module(f"kit.{name}"), "fast_module", lambda _name: None)
    with project.client(project.create(database_url=new_database("sqlite"))) as client:
        for cache in caches(project):
            cache.clear()

        def send(query: str) -> None:
            answer = client.get(f"/heroes/{query}")
            assert answer.status_code == (200 if query[0] == "?" else 404), answer.text

        yield send


def caches(project: Project) -> tuple[Any, Any]:
    listing = project.module("heroes.routes").heroes._listing  # noqa: SLF001
    return listing._cache, listing._plain._cache  # noqa: SLF001


def expressions() -> Counter[str]:
    """Count the objects that are SQL expressions or compiled statements, by class."""
    gc.collect()
    found = (type(one) for one in gc.get_objects())
    kept = (one for one in found if issubclass(one, ClauseElement | Compiled))
    return Counter(one.__name__ for one in kept)


def test_the_cache_keeps_no_sql_expressions(project: Project, ask: Callable[[str], None]) -> None:
    for query in QUERIES[:: len(PARTS[-1])]:
        ask(query)
    before = expressions()
    for query in QUERIES:
        ask(query)
    assert expressions() - before == Counter()
    assert sum(len(cache.shapes) for cache in caches(project)) >= len(QUERIES) * 3 / 4


def test_the_size_of_the_cache_is_what_it_takes(
    project: Project, ask: Callable[[str], None]
) -> None:
    known = caches(project)
    ask(QUERIES[-1])
    tracemalloc.start()
    try:
        for query in QUERIES[1::4]:
            ask(query)
        sizes = [one.size for one in known]
        gc.collect()
        used, _ = tracemalloc.get_traced_memory()
        for cache in known:
            cache.clear()
        gc.collect()
        rest, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert used - rest < 1.2 * sum(sizes)
    assert sum(sizes) < 2 * used  # SQLite's connections keep SQL too


def test_caches_stay_below_their_limits(
    project: Project, ask: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    shapes, (related, plain) = project.module("kit.query.shapes"), caches(project)
    ask("?include=team")
    one = related.size
    monkeypatch.setattr(shapes, "MAX_TABLE_BYTES", 4 * one)
    for query in QUERIES[::3]:
        ask(query)
        assert one / 2 < related.size <= 4 * one
        assert related.size == sum(shape.size for shape in related.shapes.values())
    plain.clear()
    ask("?sort=name")
    monkeypatch.setattr(shapes, "MAX_BYTES", related.size + plain.size)
    ask("?sort=age")
    assert (len(related.shapes), len(plain.shapes)) == (0, 2)
