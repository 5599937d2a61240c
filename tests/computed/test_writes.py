"""Responses to writes contain computed properties as the following GET does, on both databases."""

from typing import Any

import httpx
import pytest
from sqlmodel import select

from tests.computed.crew import Crew

pytestmark = pytest.mark.long

KIT = "vendored"
HERO = {"first": "Ann", "last": "Lee", "price": "1.50", "n": -2, "joined": "2026-01-01T00:00:00Z"}
COMPUTED = {
    "fullName": "Ann Lee",
    "nick": "lee",
    "total": "4.50",
    "twice": -4,
    "seen": "2026-01-01T00:00:00Z",
    "day": None,
    "token": None,
    "has_boss": False,
    "mood": "wild",
    "minion_count": 0,
}


def same(both: list[Crew], method: str, url: str, **options: Any) -> httpx.Response:
    """Ask both databases, which must answer the same."""
    first, second = [one.ask(method, url, **options) for one in both]
    assert (first.status_code, first.content) == (second.status_code, second.content)
    assert first.headers.get("etag") == second.headers.get("etag")
    return first


def test_every_write_returns_the_computed_values(both: list[Crew]) -> None:
    team = same(both, "POST", "/teams/", json={"name": "red"}).json()
    assert team == {"name": "red", "id": 1, "shout": "red!", "size": 0, "half": 0.5}
    created = same(both, "POST", "/heroes/", json=HERO)
    assert created.json().items() >= COMPUTED.items()
    assert same(both, "GET", "/heroes/1").content == created.content
    assert same(both, "GET", "/heroes/1").headers["etag"] == created.headers["etag"]

    # what was read can be sent back: computed properties are ignored
    row = created.json() | {"fullName": "other", "twice": 99}
    assert same(both, "PUT", "/heroes/1", json=row).json() == created.json()
    changed = same(both, "PATCH", "/heroes/1", json={"n": 1, "mood": "calm"}).json()
    assert changed == created.json() | {"n": 1, "twice": 2, "mood": "calm"}
    assert same(both, "PATCH", "/heroes/1", json={"n": None}).json()["twice"] is None
    assert same(both, "PATCH", "/heroes/1", json={"minion_count": 1}).json()["n"] is None

    # a row that is its own boss counts itself: RETURNING alone would not
    own = same(both, "PATCH", "/heroes/1", json={"boss_id": 1, "team_id": 1}).json()
    assert (own["minion_count"], own["has_boss"]) == (1, True)
    assert same(both, "GET", "/heroes/1").json() == own

    # each row of a bulk request is returned as it is after the last one
    many = [HERO | {"boss_id": 1, "first": name} for name in ("Bob", "Cid")]
    bulk = same(both, "POST", "/heroes/bulk", json=many).json()
    assert [one["fullName"] for one in bulk] == ["Bob Lee", "Cid Lee"]
    items = [{"id": 2, "boss_id": 3}, {"id": 3, "boss_id": 2}, {"id": 1, "last": None}]
    changed_rows = same(both, "PATCH", "/heroes/bulk", json=items).json()
    assert [one["minion_count"] for one in changed_rows] == [1, 1, 1]
    assert changed_rows == [same(both, "GET", f"/heroes/{n}").json() for n in (2, 3, 1)]

    # the link table, lists under a row, and counts
    assert same(both, "PUT", "/teams/1/rivals/2").status_code == 200
    listed = same(both, "GET", "/teams/1/rivals/", params={"fullName": "Bob Lee", "sort": "-total"})
    assert [one["minion_count"] for one in listed.json()] == [1]
    under = same(both, "GET", "/teams/1/heroes/", params={"mood": "calm", "count": "exact"})
    assert under.headers["x-total-count"] == "1"


def test_a_stored_response_is_repeated(both: list[Crew]) -> None:
    headers = {"Idempotency-Key": "one"}
    for one in both:
        first = one.ask("POST", "/heroes/", json=HERO, headers=headers)
        one.ask("PATCH", first.headers["location"], json={"n": 7})
        again = one.ask("POST", "/heroes/", json=HERO, headers=headers)
        assert again.content == first.content
        assert again.json()["twice"] == -4


def test_the_etag_is_about_the_value(both: list[Crew]) -> None:
    """A row of another table can change it, as the representation changes."""
    same(both, "POST", "/teams/", json={"name": "blue"})
    key = same(both, "GET", "/teams/", params={"name": "blue"}).json()[0]["id"]
    tag = same(both, "GET", f"/teams/{key}").headers["etag"]
    for one in both:
        one.ask("POST", "/heroes/", json=HERO | {"team_id": key})
    url, changes = f"/teams/{key}", {"name": "navy"}
    stale = same(both, "PATCH", url, json=changes, headers={"If-Match": tag})
    assert stale.status_code == 412
    fresh = same(both, "GET", url).headers["etag"]
    assert fresh != tag
    changed = same(both, "PATCH", url, json=changes, headers={"If-Match": fresh})
    assert changed.json()["shout"] == "navy!"
    assert same(both, "GET", url, headers={"If-None-Match": fresh}).status_code == 200


def test_rejected_queries(both: list[Crew]) -> None:
    for query in ("fullName__gt=a&nick__isnull=x", "has_boss__lt=true", "total=1.5.0", "twice=a"):
        assert same(both, "GET", f"/heroes/?{query}").status_code == 422, query
    for query in ("fullName__isnull=true", "mood=other", "seen=2026", "q=Ann"):
        assert same(both, "GET", f"/heroes/?{query}").status_code == 422, query


def test_the_document_says_what_is_read_only(both: list[Crew]) -> None:
    schemas = both[0].app.openapi()["components"]["schemas"]
    shown, created = schemas["HeroPublic"], schemas["HeroCreate"]["properties"]
    assert {*COMPUTED} <= {*shown["required"]}
    assert shown["properties"]["twice"]["description"] == "Two times n."
    assert {name for name, one in created.items() if one.get("readOnly")} == {"id", *COMPUTED}


def test_code_of_the_owner_reads_and_sorts_by_them(both: list[Crew]) -> None:
    for one in both:
        hero = one.model("Hero")
        with one.app.state.database.session() as session:
            rows = session.exec(select(hero).order_by(hero.full_name.desc())).all()
            assert [row.full_name for row in rows] == sorted(
                (f"{row.first} {row.last or ''}" for row in rows), reverse=True
            )
            new = hero.model_validate(HERO)
            session.add(new)
            session.flush()
            assert (new.full_name, new.twice) == ("Ann Lee", -4)
