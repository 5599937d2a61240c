"""Both databases answer random queries over relations as a plain Python model does.

`CASES=5000 python -m pytest -n0 -s tests/relations/test_asking.py` sends over that many queries.
"""

import asyncio
import importlib
import os
from collections import Counter
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
from sqlalchemy import delete, text

import crudgen
from crudgen.delivery.memory import unload
from tests.support.asgi import AsgiClient
from tests.support.list_query import OPERATORS, Row
from tests.support.related_query import Filter, RelatedQuery, Relation, World
from tests.support.servers import write_entities

pytestmark = pytest.mark.long

CASES = int(os.environ.get("CASES", "120"))
TOGETHER = 20
SHARED = "the secret of both"
KINDS = ("sqlite", "postgresql")
SPECS = {
    "country": """
name: Country
fields:
  name: str(0..9) index
  size: int? index
api:
  include: [teams]
  related: [teams, teams__any__name, teams__any__heroes__any__n, natives__any__team__name]
""",
    "team": """
name: Team
fields:
  name: str(0..9) unique
  motto: str(0..9)? index
  kind: enum(calm, wild)?
  country_id: -> Country? set_null
api:
  page: {default: 20}
  include: [country, heroes, heroes__powers]
  related:
    - country__name
    - country__size
    - heroes__any__n
    - heroes__any__name
    - heroes__any__ok
    - heroes__any__powers__any__name
    - heroes__any__badge__code
""",
    "hero": """
name: Hero
fields:
  name: str(0..9) index
  n: int?
  ok: bool
  team_id: -> Team? cascade
  home_id: {type: reference, to: Country, relation: home, inverse: natives}
  boss_id: -> Hero? set_null inverse(minions)
links: {powers: Power}
api:
  search: [name]
  include: [team, home, boss, badge, powers, minions, team__country, boss__team]
  related:
    - team__name
    - team__motto
    - team__kind
    - team__id
    - team__country__name
    - team__country__size
    - home__name
    - home__size
    - boss__n
    - boss__team__name
    - badge
    - badge__code
    - badge__at
    - powers
    - powers__any__name
    - powers__any__cost
    - minions__any__n
    - minions__any__team__motto
    - team__heroes__any__name
""",
    "badge": """
name: Badge
fields:
  hero_id: -> Hero unique cascade
  code: int? index
  at: datetime
api:
  related: [hero__name, hero__team__name]
""",
    "power": """
name: Power
fields:
  name: str(0..9) unique
  cost: decimal(9,2)?
api:
  related: [heroes, heroes__any__n, heroes__any__team__name]
""",
}
RELATIONS = {
    "country": {
        "teams": Relation("team", "country_id", is_many=True),
        "natives": Relation("hero", "home_id", is_many=True),
    },
    "team": {
        "country": Relation("country", "country_id", is_own=True),
        "heroes": Relation("hero", "team_id", is_many=True),
    },
    "hero": {
        "team": Relation("team", "team_id", is_own=True),
        "home": Relation("country", "home_id", is_own=True),
        "boss": Relation("hero", "boss_id", is_own=True),
        "badge": Relation("badge", "hero_id"),
        "minions": Relation("hero", "boss_id", is_many=True),
        "powers": Relation("power", "hero_id", is_many=True, link="hero_power_link", to="power_id"),
    },
    "badge": {"hero": Relation("hero", "hero_id", is_own=True)},
    "power": {
        "heroes": Relation("hero", "power_id", is_many=True, link="hero_power_link", to="hero_id")
    },
}
PLURALS = {
    "country": "countries",
    "team": "teams",
    "hero": "heroes",
    "badge": "badges",
    "power": "powers",
}
LETTERS = st.sampled_from([*"aAbB%_", "é", "🦸"])
TEXTS = st.lists(LETTERS, max_size=2).map("".join)
NUMBERS = st.integers(-2, 2) | st.sampled_from([2**63 - 1, -(2**63)])
KEYS = st.integers(1, 8)
COSTS = st.sampled_from(["-1.50", "0.00", "0.10", "9999999.99"])
MOMENTS = st.sampled_from(
    ["2026-01-01T00:00:00Z", "2026-01-01T00:00:00.000001Z", "1999-12-31T23:59:59Z"]
)
VALUES: dict[str, dict[str, SearchStrategy[Any]]] = {
    "country": {"id": KEYS, "name": TEXTS, "size": NUMBERS},
    "team": {
        "id": KEYS,
        "name": TEXTS,
        "motto": TEXTS,
        "kind": st.sampled_from(["calm", "wild"]),
        "country_id": KEYS,
    },
    "hero": {
        "id": KEYS,
        "name": TEXTS,
        "n": NUMBERS,
        "ok": st.booleans(),
        "team_id": KEYS,
        "home_id": KEYS,
        "boss_id": KEYS,
    },
    "badge": {"id": KEYS, "hero_id": KEYS, "code": NUMBERS, "at": MOMENTS},
    "power": {"id": KEYS, "name": TEXTS, "cost": COSTS},
}
NULLABLE = {"size", "motto", "kind", "country_id", "n", "team_id", "boss_id", "code", "cost"}
KNOWN = {*OPERATORS, "ne", "not_in", "isnull", "exists"}
"""The operators."""


def comparable(name: str, value: Any) -> Any:
    """Make something of a value that Python compares as the API does."""
    if name == "at":
        head, _, tail = value.removesuffix("Z").partition(".")
        return f"{head}.{tail:0<6}"
    return float(value) if name == "cost" else value


# Random rows


def optional(values: SearchStrategy[Any]) -> SearchStrategy[Any]:
    return st.none() | values


@st.composite
def worlds(draw: st.DrawFn) -> World:
    rows: dict[str, list[Row]] = {}

    def made(entity: str, most: int, **other: SearchStrategy[Any]) -> None:
        values = {name: one for name, one in VALUES[entity].items() if name not in other}
        values = {
            name: optional(one) if name in NULLABLE else one for name, one in values.items()
        } | other
        number = draw(st.integers(0, most))
        rows[entity] = [
            {name: draw(values[name]) for name in VALUES[entity] if name != "id"} | {"id": n + 1}
            for n in range(number)
        ]

    def keys(entity: str) -> SearchStrategy[Any]:
        return st.sampled_from([one["id"] for one in rows[entity]])

    def one_of(entity: str) -> SearchStrategy[Any]:
        return optional(keys(entity)) if rows[entity] else st.none()

    made("country", 4)
    made("team", 5, country_id=one_of("country"))
    rows["team"] = unique(rows["team"], "name")
    made("hero", 9 if rows["country"] else 0, team_id=one_of("team"), home_id=one_of("country"))
    for hero in rows["hero"]:
        hero["home_id"] = hero["home_id"] or rows["country"][0]["id"]
        hero["boss_id"] = draw(st.none() | st.integers(1, hero["id"]))
    made("badge", 5 if rows["hero"] else 0, hero_id=one_of("hero"))
    for badge in rows["badge"]:
        badge["hero_id"] = badge["hero_id"] or 1
    rows["badge"] = unique(rows["badge"], "hero_id")
    made("power", 4)
    rows["power"] = unique(rows["power"], "name")
    pairs = [(hero["id"], power["id"]) for hero in rows["hero"] for power in rows["power"]]
    linked = draw(st.lists(st.sampled_from(pairs), unique=True)) if pairs else []
    links = {"hero_power_link": [{"hero_id": hero, "power_id": one} for hero, one in linked]}
    return World(RELATIONS, rows, links, comparable)


def unique(rows: list[Row], name: str) -> list[Row]:
    """Return one row with each value, in the order of their keys."""
    return sorted({row[name]: row for row in rows}.values(), key=lambda row: int(row["id"]))


# Random queries, of what the OpenAPI document describes


@dataclass(frozen=True)
class Offer:
    """What a list allows."""

    entity: str
    filters: list[tuple[str, str]]
    """Paths, each with an operator."""
    sort: list[str]
    include: list[str]
    fields: list[str]
    limits: list[str]


def offer_of(entity: str, parameters: dict[str, Any]) -> Offer:
    """Return what a list allows, by the parameters in OpenAPI."""
    filters, limits = [], []
    for name in parameters.keys() - {"offset", "limit", "cursor", "sort", "fields", "count", "q"}:
        path, _, last = name.rpartition("__")
        if last == "limit":
            limits.append(path)
        elif name != "include":
            filters.append((path, last) if path and last in KNOWN else (name, "eq"))

    def items(name: str) -> list[str]:
        if name not in parameters:
            return []
        allowed = parameters[name]["schema"]["items"]
        return sorted(allowed.get("enum") or [allowed["const"]])

    filters = [one for one in sorted(filters) if not one[1].startswith(("ist", "ends"))]
    return Offer(entity, filters, items("sort"), items("include"), items("fields"), sorted(limits))


def entity_of(entity: str, path: str) -> str:
    """Return the entity of the property at the end of a path."""
    for word in path.split("__"):
        if word in RELATIONS[entity]:
            entity = RELATIONS[entity][word].target
    return entity


@st.composite
def a_filter(draw: st.DrawFn, offer: Offer) -> Filter:
    related = [one for one in offer.filters if "__" in one[0] or one[1] == "exists"]
    path, operator = draw(st.sampled_from(related) | st.sampled_from(offer.filters))
    if operator in {"exists", "isnull"}:
        return (path, operator, [draw(st.booleans())])
    name = path.rpartition("__")[2]
    values = VALUES[entity_of(offer.entity, path)][name]
    if operator.endswith(("contains", "with")):
        values = LETTERS
    most = 3 if operator in {"in", "not_in"} else 1
    return (path, operator, draw(st.lists(values, min_size=1, max_size=most)))


@st.composite
def queries(draw: st.DrawFn, offers: list[Offer]) -> tuple[str, RelatedQuery]:
    offer = draw(st.sampled_from([*offers, *(one for one in offers if one.entity == "hero")]))
    related = [one for one in offer.sort if "__" in one] or offer.sort
    sort = st.lists(
        st.sampled_from(related) | st.sampled_from(offer.sort),
        max_size=3,
        unique_by=lambda name: name.removeprefix("-"),
    )
    include: list[str] = []
    if offer.include:
        include = draw(st.lists(st.sampled_from(offer.include), max_size=3, unique=True))
    shown = {"__".join(path.split("__")[:n]) for path in include for n in range(1, 4)}
    fields = [one for one in offer.fields if one.rpartition("__")[0] in {"", *shown}]
    limits = [one for one in offer.limits if one in shown]
    query = RelatedQuery(
        filters=draw(st.lists(a_filter(offer), max_size=3, unique_by=lambda one: one[:2])),
        sort=draw(sort),
        include=include,
        limits=[(path, draw(st.integers(1, 3))) for path in limits if draw(st.booleans())],
        fields=draw(st.lists(st.sampled_from(fields), max_size=3, unique=True)),
        offset=draw(st.none() | st.integers(0, 5)),
        limit=draw(st.none() | st.integers(1, 6)),
        count=draw(st.booleans()),
    )
    return offer.entity, query


# The applications


@dataclass
class Lists:
    """The same entities on both databases."""

    loop: asyncio.Runner
    clients: dict[str, AsgiClient]
    apps: list[tuple[ModuleType, Any]]
    offers: list[Offer]
    requests: Counter[str]

    def refill(self, world: World) -> None:
        """Replace all rows."""
        for package, app in self.apps:

            def model(name: str, package: ModuleType = package) -> Any:
                module = importlib.import_module(f"{package.__name__}.models")
                return getattr(module, name)

            with app.state.database.session() as session:
                session.exec(delete(model("HeroPowerLink")))
                session.exec(text("UPDATE hero SET boss_id = NULL"))
                for entity in ("badge", "power", "hero", "team", "country"):
                    session.exec(delete(model(entity.capitalize())))
                for entity in ("country", "team", "hero", "badge", "power"):
                    for row in world.rows[entity]:
                        session.add(model(entity.capitalize()).model_validate(row))
                        session.flush()
                for row in world.links["hero_power_link"]:
                    session.add(model("HeroPowerLink")(**row))
                session.commit()

    def get(self, url: str, parameters: list[tuple[str, str]] | None = None) -> httpx.Response:
        """Ask both databases; they must answer the same."""
        return self.loop.run(self._get(url, parameters))

    async def _get(self, url: str, parameters: Any) -> httpx.Response:
        first, second = [
            await client.get(url, params=parameters) for client in self.clients.values()
        ]
        self.requests["of each database"] += 1
        assert first.status_code == second.status_code, (url, parameters, first.text, second.text)
        assert first.content == second.content, (url, parameters)
        assert first.headers.get("link") == second.headers.get("link")
        return first


@pytest.fixture(scope="module")
def lists(
    tmp_path_factory: pytest.TempPathFactory, new_database: Callable[[str], str]
) -> Iterator[Lists]:
    folder: Path = write_entities(tmp_path_factory.mktemp("asking") / "entities", SPECS)
    with asyncio.Runner() as loop:
        stack = AsyncExitStack()
        clients: dict[str, AsgiClient] = {}
        apps: list[tuple[ModuleType, Any]] = []
        for kind in KINDS:
            package = crudgen.import_app(folder)
            main = importlib.import_module(f"{package.__name__}.main")
            chosen = importlib.import_module(f"{package.__name__}.settings").Settings(
                database_url=new_database(kind), log_level="ERROR", secret_key=SHARED
            )
            app = main.create_app(chosen)
            loop.run(stack.enter_async_context(app.router.lifespan_context(app)))
            clients[kind] = AsgiClient(app)
            apps.append((package, app))
        paths = apps[0][1].openapi()["paths"]
        offers = []
        for entity, plural in PLURALS.items():
            described = paths[f"/{plural}/"]["get"]["parameters"]
            offers.append(offer_of(entity, {one["name"]: one for one in described}))
        requests: Counter[str] = Counter()
        yield Lists(loop, clients, apps, offers, requests)
        print(f"\n{requests['of each database']} requests of each database")  # noqa: T201
        loop.run(stack.aclose())
    for package, _ in apps:
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
    @given(
        world=worlds(),
        asked=st.lists(queries(lists.offers), min_size=TOGETHER, max_size=TOGETHER),
    )
    def check(world: World, asked: list[tuple[str, RelatedQuery]]) -> None:
        lists.refill(world)
        for entity, query in asked:
            answer = lists.get(f"/{PLURALS[entity]}/", query.parameters())
            assert answer.status_code == 200, (entity, query, answer.text)
            found = query.found(world, entity)
            start = query.offset or 0
            page = found[start : start + (query.limit or 100)]
            assert answer.json() == [query.shown(world, entity, row) for row in page], (
                entity,
                query,
            )
            total = answer.headers.get("x-total-count")
            assert total == (str(len(found)) if query.count else None), (entity, query)

    check()


@pytest.mark.slow
def test_a_walk_by_cursor_sees_every_row_once(lists: Lists) -> None:
    @SETTINGS
    @given(world=worlds(), asked=st.lists(queries(lists.offers), min_size=5, max_size=5))
    def check(world: World, asked: list[tuple[str, RelatedQuery]]) -> None:
        lists.refill(world)
        for entity, query in asked:
            limit = 1 + (query.limit or 2) % 3
            walk = replace(query, offset=None, limit=limit)
            found = walk.found(world, entity)
            wanted = [walk.shown(world, entity, row) for row in found]
            pages: list[httpx.Response] = []
            url: str | None = f"/{PLURALS[entity]}/"
            sent: list[tuple[str, str]] | None = [("cursor", ""), *walk.parameters()]
            while url:
                answer = lists.get(url, sent)
                assert answer.status_code == 200, (entity, walk, answer.text)
                pages.append(answer)
                url, sent = answer.links.get("next", {}).get("url"), None
            assert [row for page in pages for row in page.json()] == wanted, (entity, walk)
            back, answer = [pages[-1].json()], pages[-1]
            while "prev" in answer.links:
                answer = lists.get(answer.links["prev"]["url"])
                back.append(answer.json())
            assert [row for page in reversed(back) for row in page] == wanted, (entity, walk)

    check()
