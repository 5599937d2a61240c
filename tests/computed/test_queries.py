"""Lists with computed properties: both databases answer as a model in plain Python does.

`CASES=5000 python -m pytest -n0 -s tests/computed/test_queries.py` sends over that many queries.
"""

import os
import random
from typing import Any
from urllib.parse import parse_qsl

import httpx
import pytest

from tests.computed.crew import Crew, world_of
from tests.support.list_query import Row
from tests.support.related_query import Filter, RelatedQuery, World

CASES = int(os.environ.get("CASES", "100"))
KIT = os.environ.get("KIT", "plain")
"""Rows are written by Python. KIT=vendored tests those that the database writes."""
EACH = 50
"""The queries of the same rows."""
NAMES = ["", "a", "A", "ab", "é", "%"]
VALUES: dict[str, list[Any]] = {
    "fullName": ["a b", "a ", " ", "ab é"],
    "nick": ["a", "é", ""],
    "total": ["0.00", "4.50", "-0.30"],
    "twice": [-4, 0, 2],
    "half": [0.5, 1.0],
    "seen": ["2026-01-01T00:00:00Z", "2026-01-01T00:00:00.000001Z"],
    "day": ["2024-02-29", "2026-01-01"],
    "token": ["00000000-0000-7000-8000-000000000001", "00000000-0000-7000-8000-000000000002"],
    "has_boss": [True, False],
    "mood": ["calm", "wild"],
    "minion_count": [0, 1, 2],
    "shout": ["a!", "!", "b!"],
    "size": [0, 1, 3],
}
COMPUTED = {
    "hero": [
        *("fullName", "nick", "total", "twice", "seen", "day", "token", "has_boss", "mood"),
        "minion_count",
    ],
    "team": ["shout", "size", "half"],
}
NULLABLE = {"nick", "total", "twice", "day", "token"}
TEXTS = {"fullName", "nick", "shout"}
PATHS = {
    "hero": [
        *("team__shout", "team__size", "boss__fullName", "boss__nick", "boss__total"),
        *("minions__any__mood", "minions__none__mood", "minions__any__twice"),
    ],
    "team": ["heroes__any__fullName", "heroes__any__total", "heroes__none__has_boss"],
}
INCLUDES = {"hero": ["team", "boss", "minions", "boss__team", "team__heroes"], "team": ["heroes"]}
PLURALS = {"hero": "heroes", "team": "teams"}


def random_world(rng: random.Random) -> World:
    """Return random rows."""
    teams = [{"id": n + 1, "name": rng.choice(NAMES)} for n in range(rng.randint(0, 3))]
    heroes: list[Row] = []
    for n in range(rng.randint(0, 8)):
        known = [None, *(one["id"] for one in teams)]
        heroes.append(
            {
                "id": n + 1,
                "first": rng.choice(NAMES),
                "last": rng.choice([None, *NAMES]),
                "price": rng.choice([None, "0.00", "1.50", "-0.10"]),
                "n": rng.choice([None, -2, -1, 0, 1]),
                "joined": rng.choice(VALUES["seen"]),
                "on": rng.choice([None, *VALUES["day"]]),
                "key": rng.choice([None, *VALUES["token"]]),
                "team_id": rng.choice(known),
                "boss_id": rng.choice([None, *range(1, n + 2)]),
            }
        )
    return world_of(heroes, teams)


def random_filter(rng: random.Random, path: str) -> Filter:
    name = path.rpartition("__")[2]
    is_equal = name in {"has_boss", "mood"}
    operators = ["eq", "ne"] if is_equal else ["eq", "ne", "lt", "lte", "gt", "gte", "in", "not_in"]
    operators += ["isnull"] * (name in NULLABLE)
    operators += ["contains", "icontains", "startswith", "iendswith"] * (name in TEXTS)
    operator = rng.choice(operators)
    if operator == "isnull":
        return path, operator, [rng.choice([True, False])]
    if operator.endswith(("contains", "with")):
        return path, operator, [rng.choice(["a", "B", "é", " ", "!"])]
    many = operator in {"in", "not_in"}
    return path, operator, rng.sample(VALUES[name], 2 if many else 1)


def random_query(rng: random.Random, entity: str) -> RelatedQuery:
    """Return a random query, mostly about computed properties."""
    paths = [*COMPUTED[entity], *PATHS[entity]]
    sortable = [one for one in paths if "__any" not in one and "__none" not in one]
    chosen = rng.sample([*sortable, "id"], rng.randint(0, 2))
    fields = rng.sample([*COMPUTED[entity], "id"], 2) if rng.random() < 0.3 else []
    filters = [random_filter(rng, one) for one in rng.sample(paths, rng.choice([0, 1, 1, 2]))]
    return RelatedQuery(
        filters=filters,
        sort=[rng.choice(["", "-"]) + one for one in chosen],
        include=rng.sample(INCLUDES[entity], rng.choice([0, 0, 1])),
        fields=fields,
        limit=rng.choice([None, 1, 3]),
        count=rng.random() < 0.3,
    )


def ask(both: list[Crew], url: str, parameters: list[tuple[str, str]]) -> httpx.Response:
    """Ask both databases, which must answer the same."""
    first, second = [one.ask("GET", url, params=parameters) for one in both]
    assert (first.status_code, first.content) == (second.status_code, second.content), parameters
    assert first.headers.get("link") == second.headers.get("link"), parameters
    return first


def walked(both: list[Crew], url: str, parameters: list[tuple[str, str]], to: str) -> list[Row]:
    """Return the rows of all pages by cursor, to the last page and, for `prev`, back again."""
    pages = [ask(both, url, [*parameters, ("cursor", "")])]
    while "next" in pages[-1].links:
        pages.append(_linked(both, pages[-1], "next"))
    if to == "prev":
        pages = pages[-1:]
        while "prev" in pages[0].links:
            pages.insert(0, _linked(both, pages[0], "prev"))
    return [row for page in pages for row in page.json()]


def _linked(both: list[Crew], page: httpx.Response, relation: str) -> httpx.Response:
    target, _, query = page.links[relation]["url"].partition("?")
    return ask(both, target, parse_qsl(query, keep_blank_values=True))


@pytest.mark.long
def test_lists_answer_as_a_model_does(both: list[Crew]) -> None:
    rng = random.Random(5)  # noqa: S311 - the same at every run
    asked = found = 0
    for _ in range(max(CASES // EACH, 1)):
        world = random_world(rng)
        for one in both:
            one.refill(world)
        for _ in range(EACH):
            entity = rng.choice(["hero", "hero", "team"])
            query, url = random_query(rng, entity), f"/{PLURALS[entity]}/"
            parameters = query.parameters()
            expected = [query.shown(world, entity, row) for row in query.found(world, entity)]
            response = ask(both, url, parameters)
            assert response.status_code == 200, (parameters, response.text)
            page = expected[: query.limit] if query.limit else expected
            assert response.json() == page, (parameters, world.rows)
            if query.count:
                assert response.headers["x-total-count"] == str(len(expected))
            if query.limit and len(expected) > 1:
                for to in ("next", "prev"):
                    assert walked(both, url, parameters, to) == expected, (to, parameters)
            asked, found = asked + 1, found + len(page)
    print(f"{asked} queries of each database, {found} rows")  # noqa: T201
    assert found > asked / 2
