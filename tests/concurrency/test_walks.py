"""Walks by cursor while others insert and delete: what stays is seen exactly once.

`WALKS=500 python -m pytest tests/concurrency/test_walks.py` is the extended run.
"""

import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from threading import Event
from typing import Any

import pytest

from tests.concurrency.crowd import Client, Crowd

pytestmark = pytest.mark.long

WALKS = int(os.environ.get("WALKS", "16"))
WALKERS = 4
CHURNING = 6
STAYING = 50
MOST_PASSING = 8
SORTED_BY = ("id", "word", "level", "weight", "name")
Row = dict[str, Any]


def some_row(chosen: Random, *, stays: bool) -> Row:
    return {
        "word": chosen.choice([None, "a", "b", "c"]),
        "level": chosen.randint(0, 3),
        "weight": chosen.choice([None, -1.5, 0.0, 0.1, 1e300]),
        "name": chosen.choice(["", "a", "B", "é", "🦸", "zz"]),
        "stays": stays,
    }


@dataclass
class Walk:
    """One list, asked for page by page."""

    client: Client
    chosen: Random
    sort: list[str]
    least: int

    def page(self, url: str) -> tuple[list[Row], dict[str, str]]:
        """Ask for a page of any size; return its rows and links."""
        sized = re.sub(r"\blimit=\d+", f"limit={self.chosen.randint(1, 12)}", url)
        answer = self.client.ask("GET", sized)
        assert answer.status == 200, answer
        links = re.findall(r'<([^>]*)>; rel="(\w+)"', answer.headers["link"])
        return answer.body, {relation: place for place, relation in links}

    def follow(self, url: str, relation: str) -> tuple[list[list[Row]], str]:
        """Follow links to the end; return the pages, and the link back from the last one."""
        rows, links = self.page(url)
        pages = [rows]
        while relation in links:
            rows, links = self.page(links[relation])
            pages.append(rows)
        return pages, links.get("prev" if relation == "next" else "next", "")

    def in_order(self, rows: list[Row]) -> list[Row]:
        """Sort as the API does: null first, and the key last, in the direction before it."""
        backwards = bool(self.sort) and self.sort[-1].startswith("-")
        rows = sorted(rows, key=lambda row: int(row["id"]), reverse=backwards)
        for name in reversed(self.sort):
            column = name.removeprefix("-")
            rows.sort(key=nulls_first(column), reverse=name.startswith("-"))
        return rows

    def check(self, seen: list[Row], staying: list[Row]) -> None:
        asked = [row for row in staying if row["level"] >= self.least]
        assert [row for row in seen if row["stays"]] == self.in_order(asked), self.sort
        assert seen == self.in_order(seen), self.sort
        assert len({row["id"] for row in seen}) == len(seen)


def nulls_first(column: str) -> Callable[[Row], Any]:
    return lambda row: (False,) if row[column] is None else (True, row[column])


def walk(client: Client, chosen: Random, staying: list[Row]) -> int:
    """Walk to the end and back; return how many rows were seen that come and go."""
    names = chosen.sample(SORTED_BY, chosen.randint(0, 3))
    if "id" in names:
        names = names[: names.index("id") + 1]
    sort = [chosen.choice(["", "-"]) + name for name in names]
    least = chosen.choice([0, 0, 1, 2])
    one = Walk(client, chosen, sort, least)
    url = f"/things/?cursor=&limit=1&level__gte={least}"
    pages, back = one.follow(url + (f"&sort={','.join(sort)}" if sort else ""), "next")
    one.check([row for page in pages for row in page], staying)
    before, _ = one.follow(back, "prev")
    last_seen = [row for page in reversed(before) for row in page] + pages[-1]
    one.check(last_seen, staying)
    return sum(not row["stays"] for page in pages for row in page)


def come_and_go(client: Client, chosen: Random, inserting: Event, ended: Event) -> int:
    """Insert and delete, until the walks have ended; return the number of inserted rows.

    `inserting` is set after the first row.
    """
    places: list[str] = []
    inserted = 0
    while not ended.is_set():
        if len(places) < chosen.randint(0, MOST_PASSING):
            made = client.ask("POST", "/things/", some_row(chosen, stays=False))
            assert made.status == 200, made
            places.append(made.headers["location"])
            inserted += 1
            inserting.set()
        elif places:
            place = places.pop(chosen.randrange(len(places)))
            assert client.ask("DELETE", place).status == 200
    return inserted


def test_what_stays_is_seen_exactly_once(crowd: Crowd) -> None:
    chosen = Random(WALKS)  # noqa: S311
    with crowd.client() as client:
        rows = [some_row(chosen, stays=True) for _ in range(STAYING)]
        staying = [client.ask("POST", "/things/", row).body for row in rows]
    ended = Event()
    walking = [Event() for _ in range(WALKERS)]
    inserting = [Event() for _ in range(CHURNING)]

    def work(client: Client, number: int) -> int:
        mine = Random(number)  # noqa: S311
        if number >= WALKERS:
            return come_and_go(client, mine, inserting[number - WALKERS], ended)
        for one in inserting:
            one.wait(timeout=30)
        try:
            return sum(walk(client, mine, staying) for _ in range(WALKS // WALKERS))
        finally:
            walking[number].set()
            if all(one.is_set() for one in walking):
                ended.set()

    counts = crowd.together(WALKERS + CHURNING, work)
    assert sum(counts[:WALKERS]), counts
    assert all(counts[WALKERS:]), counts


@pytest.mark.parametrize("gone", [0, 1])
@pytest.mark.parametrize("sort", ["id", "-id", "weight,-word", "-weight,level"])
def test_a_page_whose_rows_are_gone_leads_back(crowd: Crowd, sort: str, gone: int) -> None:
    api = crowd.apis[0]
    for weight in (None, 0.5, 1.5, None, 2.5):
        api.ask("POST", "/things/", json={"level": 0, "name": "x", "weight": weight})
    first = api.ask("GET", f"/things/?cursor=&limit=3&sort={sort}")
    second = api.ask("GET", first.links["next"]["url"])
    pages = [first, second]
    assert [len(page.json()) for page in pages] == [3, 2]
    for row in pages[gone].json():
        api.ask("DELETE", f"/things/{row['id']}")
    to, back = [(second.links["prev"], "next"), (first.links["next"], "prev")][gone]
    empty = api.ask("GET", to["url"])
    assert (empty.json(), set(empty.links)) == ([], {"first", back})
    assert api.ask("GET", empty.links[back]["url"]).json() == pages[1 - gone].json()
    assert set(api.ask("GET", f"{to['url']}&offset=1").links) == {"first", back}
