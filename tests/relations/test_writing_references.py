"""Writing references: what a broken one answers, the same bytes on both databases."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import HTTPException, Request

from tests.startup.started import application
from tests.support.servers import Everywhere, Servers, write_entities

ONE = "[create, list, read, update, replace, delete]"
ALL = "[create, list, read, update, replace, delete, create_many, update_many, delete_many]"
SPECS = {
    "club": f"""
name: Club
fields: {{code: str(2..9) pk, name: str}}
api: {{operations: {ONE}}}
""",
    "team": f"""
name: Team
fields:
  number: int pk
  name: str unique
  club_code: -> Club? cascade json(clubCode)
  captain_id: -> Hero? set_null inverse(captained)
api: {{operations: {ALL}, idempotency: true}}
""",
    "hero": f"""
name: Hero
plural: superheroes
fields:
  id: int pk
  name: str
  team_number: -> Team?
  former_number: {{type: reference, to: Team, optional: true, write_only: true, json: formerTeam}}
  mentor_id: -> Hero? inverse(pupils)
unique: [[team_number, name]]
api: {{operations: {ALL}}}
""",
    "badge": f"""
name: Badge
fields:
  id: int pk
  hero_id: -> Hero unique cascade
api: {{operations: {ALL}}}
""",
    "medal_case": f"""
name: MedalCase
fields:
  id: int pk
  badge_id: -> Badge
  team_number: -> Team?
api: {{operations: {ONE}, etag: required}}
""",
    "photo": """
name: Photo
fields:
  id: uuid pk
  hero_id: -> Hero? set_null
  cover_id: -> Photo?
  changed_at: datetime = now read_only touch
""",
    "node": f"""
name: Node
fields:
  id: int pk
  parent_id: -> Node? cascade inverse(children)
  next_id: -> Node? inverse(previous)
api: {{operations: {ALL}}}
""",
}
NOBODY = "0190c0de-0000-7000-8000-000000000001"
Place = list[str | int]


@pytest.fixture(scope="module")
def spec(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_entities(tmp_path_factory.mktemp("references") / "entities", SPECS)


@pytest.fixture
def every(servers: Servers, spec: Path) -> Everywhere:
    return servers.everywhere(spec, keeps_names=True)


def missing(*places: tuple[Place, str]) -> dict[str, Any]:
    """Return the body of the response for missing targets."""
    return {
        "detail": [
            {"type": "no_target", "loc": ["body", *place], "msg": f"There is no such {what}"}
            for place, what in places
        ]
    }


def kept(loc: Place, *reasons: str) -> dict[str, Any]:
    """Return the body of the response for a row that others refer to."""
    return {"detail": [{"type": "referred_to", "loc": loc, "msg": one} for one in reasons]}


def check(answer: httpx.Response, body: dict[str, Any]) -> None:
    assert (answer.status_code, answer.json()) == (409, body)


def make(every: Everywhere, path: str, **values: Any) -> None:
    answer = every.ask("POST", path, json=values)
    assert answer.status_code == 200, answer.text


def test_each_missing_target_is_named(every: Everywhere) -> None:
    make(every, "/teams/", number=1, name="one")
    hero = {"id": 1, "name": "x"}
    nobody: tuple[Place, str] = ["team_number"], "team"
    former: tuple[Place, str] = ["formerTeam"], "team"
    mentor: tuple[Place, str] = ["mentor_id"], "hero"
    sent: dict[str, Any]
    headers: dict[str, str]
    for sent, expected in (
        ({"team_number": 9}, [nobody]),
        ({"team_number": 1, "formerTeam": 9}, [former]),
        ({"team_number": 8, "formerTeam": 9, "mentor_id": 7}, [nobody, mentor, former]),
        ({"mentor_id": 1, "formerTeam": 9}, [former]),  # the hero is a mentor of itself
    ):
        check(every.ask("POST", "/superheroes/", json=hero | sent), missing(*expected))
        check(every.ask("PUT", "/superheroes/1", json=hero | sent), missing(*expected))
        places: list[tuple[Place, str]] = [([1, *place], what) for place, what in expected]
        many = [hero | {"id": 2, "name": "y"}, hero | sent]
        check(every.ask("POST", "/superheroes/bulk", json=many), missing(*places))
    assert every.ask("GET", "/superheroes/").json() == []
    make(every, "/superheroes/", **hero, mentor_id=1)
    for sent, expected in (
        ({"team_number": 9}, [nobody]),
        ({"formerTeam": 8, "mentor_id": 9, "team_number": 1}, [mentor, former]),
    ):
        for headers in ({}, {"If-Match": "*"}):
            answer = every.ask("PATCH", "/superheroes/1", json=sent, headers=headers)
            check(answer, missing(*expected))
        answer = every.ask("PUT", "/superheroes/1", json=hero | sent, headers={"If-Match": "*"})
        check(answer, missing(*expected))
        places = [([0, *place], what) for place, what in expected]
        check(every.ask("PATCH", "/superheroes/bulk", json=[{"id": 1} | sent]), missing(*places))
    assert every.ask("GET", "/superheroes/1").json()["team_number"] is None


def test_missing_targets_of_several_rows_are_named(every: Everywhere) -> None:
    make(every, "/teams/", number=1, name="one")
    heroes: list[dict[str, Any]] = [
        {"id": 1, "name": "a", "team_number": 1},
        {"id": 2, "name": "b", "team_number": 9},
        {"id": 3, "name": "c", "mentor_id": 2},  # it would exist
        {"id": 4, "name": "d", "mentor_id": 1, "formerTeam": 8},
        {"id": 5, "name": "e", "mentor_id": 6, "team_number": 7},
        {"id": 6, "name": "f", "mentor_id": 6},
    ]
    expected = missing(
        ([1, "team_number"], "team"),
        ([3, "formerTeam"], "team"),
        ([4, "team_number"], "team"),
        ([4, "mentor_id"], "hero"),
    )
    check(every.ask("POST", "/superheroes/bulk", json=heroes), expected)
    assert every.ask("GET", "/superheroes/").json() == []
    check(
        every.ask("POST", "/photos/", json={"cover_id": NOBODY}), missing((["cover_id"], "photo"))
    )
    for hero in heroes:
        make(every, "/superheroes/", id=hero["id"], name=hero["name"])
    changes = [{"id": hero["id"], "team_number": hero["id"]} for hero in reversed(heroes)]
    places: list[tuple[Place, str]] = [([index, "team_number"], "team") for index in range(5)]
    check(every.ask("PATCH", "/superheroes/bulk", json=changes), missing(*places))
    many = [{"id": key, "name": "x", "team_number": key} for key in range(100, 200)]
    detail = every.ask("POST", "/superheroes/bulk", json=many).json()["detail"]
    assert [one["loc"] for one in detail] == [
        ["body", index, "team_number"] for index in range(100)
    ]
    many = [one | {"mentor_id": 99} for one in many]
    assert len(every.ask("POST", "/superheroes/bulk", json=many).json()["detail"]) == 100


def test_targets_with_keys_of_other_types(every: Everywhere) -> None:
    team = {"number": 1, "name": "one", "clubCode": "xy"}
    for headers in ({}, {"Idempotency-Key": "k"}):
        answer = every.ask("POST", "/teams/", json=team, headers=headers)
        check(answer, missing((["clubCode"], "club")))
    answer = every.ask("POST", "/medal-cases/", json={"id": 1, "badge_id": 7})
    check(answer, missing((["badge_id"], "badge")))
    make(every, "/clubs/", code="xy", name="X")
    answer = every.ask("POST", "/teams/", json=team, headers={"Idempotency-Key": "k"})
    assert answer.json()["clubCode"] == "xy"
    answer = every.ask("PATCH", "/teams/1", json={"clubCode": "XY"})
    check(answer, missing((["clubCode"], "club")))


def test_a_row_of_the_same_request_is_a_target(every: Everywhere) -> None:
    one, two = {"id": 1, "name": "a"}, {"id": 2, "name": "b", "mentor_id": 1}
    last = {"id": 3, "name": "c", "mentor_id": 2, "team_number": 9}
    answer = every.ask("POST", "/superheroes/bulk", json=[one, two, last])
    check(answer, missing(([2, "team_number"], "team")))
    assert every.ask("POST", "/superheroes/bulk", json=[one, two]).status_code == 200


def test_who_refers_to_a_row_is_named(every: Everywhere) -> None:
    for number in (1, 2, 3):
        make(every, "/teams/", number=number, name=f"team {number}")
    make(every, "/superheroes/", id=1, name="x", team_number=1, formerTeam=2)
    place: Place = ["path", "team_id"]
    for headers in ({}, {"If-Match": "*"}):
        by_team = kept(place, "Superheroes refer to it by team_number")
        check(every.ask("DELETE", "/teams/1", headers=headers), by_team)
    check(every.ask("DELETE", "/teams/2"), kept(place, "Superheroes refer to it by formerTeam"))
    answer = every.ask("DELETE", "/teams/bulk?number=3&number=1")
    check(answer, kept(["query", "number", 1], "Superheroes refer to it by team_number"))
    make(every, "/badges/", id=7, hero_id=1)
    make(every, "/medal-cases/", id=1, badge_id=7, team_number=1)
    make(every, "/superheroes/", id=2, name="x", mentor_id=1)
    both = "Superheroes refer to it by team_number", "Medal cases refer to it by team_number"
    answer = every.ask("DELETE", "/teams/1")
    assert sorted(one["msg"] for one in answer.json()["detail"]) == sorted(both)
    assert {tuple(one["loc"]) for one in answer.json()["detail"]} == {tuple(place)}
    assert len(every.ask("GET", "/teams/").json()) == 3


def test_rows_behind_cascades_are_named(every: Everywhere) -> None:
    make(every, "/clubs/", code="xy", name="X")
    make(every, "/teams/", number=1, name="one", clubCode="xy")
    make(every, "/superheroes/", id=1, name="x", team_number=1)
    reason = "Superheroes refer by team_number to teams that would be deleted with it"
    check(every.ask("DELETE", "/clubs/xy"), kept(["path", "club_id"], reason))
    make(every, "/superheroes/", id=2, name="y")
    make(every, "/badges/", id=7, hero_id=2)
    make(every, "/medal-cases/", id=1, badge_id=7)
    reason = "Medal cases refer by badge_id to badges that would be deleted with it"
    check(every.ask("DELETE", "/superheroes/2"), kept(["path", "hero_id"], reason))
    answer = every.ask("DELETE", "/superheroes/bulk?id=2")
    check(answer, kept(["query", "id", 0], reason))
    tag = every.ask("GET", "/medal-cases/1").headers["etag"]
    assert every.ask("DELETE", "/medal-cases/1", headers={"If-Match": tag}).status_code == 200
    assert every.ask("DELETE", "/superheroes/2").status_code == 200
    assert every.ask("GET", "/badges/").json() == []


def test_a_reference_that_goes_too_keeps_nothing(every: Everywhere) -> None:
    """A hero refers to itself; a case would go with neither."""
    make(every, "/superheroes/", id=1, name="x", mentor_id=1)
    make(every, "/superheroes/", id=2, name="y", mentor_id=2)
    make(every, "/badges/", id=7, hero_id=2)
    make(every, "/medal-cases/", id=1, badge_id=7)
    assert every.ask("DELETE", "/superheroes/1").status_code == 200
    reason = "Medal cases refer by badge_id to badges that would be deleted with it"
    check(every.ask("DELETE", "/superheroes/2"), kept(["path", "hero_id"], reason))


def test_the_database_sets_null(every: Everywhere) -> None:
    """The row has another ETag then, and keeps its time of change."""
    make(every, "/superheroes/", id=1, name="x")
    for api in every.apis:
        made = api.ask("POST", "/photos/", json={"hero_id": 1})
        path, tag = made.headers["location"], made.headers["etag"]
        assert api.ask("DELETE", "/superheroes/1").status_code == 200
        read = api.ask("GET", path, headers={"If-None-Match": tag})
        assert (read.status_code, read.json()) == (200, made.json() | {"hero_id": None})
        answer = api.ask("PATCH", path, json={"cover_id": None}, headers={"If-Match": tag})
        assert answer.status_code == 412


def test_references_to_generated_keys(every: Everywhere) -> None:
    for api in every.apis:
        answer = api.ask("POST", "/photos/", json={"cover_id": NOBODY, "hero_id": 9})
        check(answer, missing((["hero_id"], "hero"), (["cover_id"], "photo")))
        cover = api.ask("POST", "/photos/", json={}).json()["id"]
        photo = api.ask("POST", "/photos/", json={"cover_id": cover})
        assert photo.json()["cover_id"] == cover
        answer = api.ask("DELETE", f"/photos/{cover}")
        check(answer, kept(["path", "photo_id"], "Photos refer to it by cover_id"))
        assert api.ask("DELETE", photo.headers["location"]).status_code == 200
        assert api.ask("DELETE", f"/photos/{cover}").status_code == 200


def test_rows_that_refer_to_each_other_are_deleted_at_once(every: Everywhere) -> None:
    ok = {"ok": True}
    for ids in ([1, 2, 3], [3, 2, 1], [2, 1, 3]):
        for key in ids:
            make(every, "/superheroes/", id=key, name=f"hero {key}")
            make(every, "/nodes/", id=key)
        for key, other in ((2, 1), (3, 2), (1, 3)):
            every.ask("PATCH", f"/superheroes/{key}", json={"mentor_id": other})
            if key != 1:
                every.ask("PATCH", f"/nodes/{key}", json={"parent_id": other})
        chosen = "&".join(f"id={key}" for key in ids)
        make(every, "/superheroes/", id=4, name="outside", mentor_id=2)
        answer = every.ask("DELETE", f"/superheroes/bulk?{chosen}")
        assert (answer.status_code, answer.json()["detail"][0]["type"]) == (409, "referred_to")
        answer = every.ask("DELETE", f"/superheroes/bulk?{chosen}&id=4&id=9")
        loc = answer.json()["detail"][0]["loc"]
        assert (answer.status_code, loc) == (404, ["query", "id", 4])
        assert len(every.ask("GET", "/superheroes/").json()) == 4
        assert every.ask("DELETE", f"/superheroes/bulk?{chosen}&id=4").json() == ok
        assert every.ask("DELETE", f"/nodes/bulk?{chosen}").json() == ok
        assert every.ask("GET", "/superheroes/").json() == every.ask("GET", "/nodes/").json() == []


def test_the_row_that_prevents_a_deletion_of_several_is_named(every: Everywhere) -> None:
    """Rows of the request that refer to each other prevent nothing, nor do their cascades."""
    for key, mentor in ((1, None), (2, 1), (3, None), (4, 3), (5, 2), (6, None)):
        make(every, "/superheroes/", id=key, name=f"hero {key}", mentor_id=mentor)
    make(every, "/badges/", id=7, hero_id=6)
    make(every, "/medal-cases/", id=1, badge_id=7)
    by_mentor = "Superheroes refer to it by mentor_id"
    by_badge = "Medal cases refer by badge_id to badges that would be deleted with it"
    for keys, expected in (
        ((1, 2, 5, 3), [(3, by_mentor)]),
        ((3, 5, 2, 1), [(0, by_mentor)]),
        ((1, 2, 3), [(1, by_mentor), (2, by_mentor)]),
        ((6, 1, 2, 5, 3), [(0, by_badge), (4, by_mentor)]),
    ):
        answer = every.ask("DELETE", "/superheroes/bulk", params={"id": keys})
        problems = [kept(["query", "id", index], one)["detail"][0] for index, one in expected]
        check(answer, {"detail": problems})
    assert len(every.ask("GET", "/superheroes/").json()) == 6
    for key, parent, next_id in ((1, None, None), (2, 1, None), (3, None, None), (4, None, 3)):
        make(every, "/nodes/", id=key, parent_id=parent, next_id=next_id)
    make(every, "/nodes/", id=5, parent_id=2, next_id=1)
    by_next = kept(["query", "id", 2], "Nodes refer to it by next_id")
    check(every.ask("DELETE", "/nodes/bulk?id=1&id=2&id=3"), by_next)
    assert every.ask("PATCH", "/nodes/5", json={"next_id": None}).status_code == 200
    assert every.ask("DELETE", "/nodes/bulk?id=1&id=2&id=4&id=3").status_code == 200
    assert every.ask("GET", "/nodes/").json() == []


def test_a_circle_of_rows_is_deleted(every: Everywhere) -> None:
    make(every, "/teams/", number=1, name="one")
    make(every, "/superheroes/", id=1, name="x", team_number=1)
    for api in every.apis:
        assert api.ask("PATCH", "/teams/1", json={"captain_id": 1}).status_code == 200
    answer = every.ask("DELETE", "/teams/1")
    check(answer, kept(["path", "team_id"], "Superheroes refer to it by team_number"))
    assert every.ask("DELETE", "/superheroes/1").status_code == 200
    assert every.ask("DELETE", "/teams/1").status_code == 200


@pytest.mark.long
def test_a_chain_of_cascades_can_be_too_long_for_sqlite(every: Everywhere) -> None:
    """Nothing is deleted then, and other writes of the same transaction are stored."""
    rows = [{"id": number, "parent_id": number - 1 or None} for number in range(1, 1201)]
    for api in every.apis:
        for start in range(0, 1200, 100):
            many = api.ask("POST", "/nodes/bulk", json=rows[start : start + 100])
            assert many.status_code == 200
        alone = api.ask("DELETE", "/nodes/1")
        if api.database.startswith("postgresql"):
            assert alone.status_code == 200
            assert api.ask("GET", "/nodes/").json() == []
            continue
        problem = {
            "type": "too_deep",
            "loc": ["path", "node_id"],
            "msg": "More than 1,000 levels of rows would be deleted with it",
        }
        check(alone, {"detail": [problem]})
        several = api.ask("DELETE", "/nodes/bulk?id=1")
        check(several, {"detail": [problem | {"loc": ["query", "id", 0]}]})
        count = api.ask("GET", "/nodes/?count=exact&limit=1").headers["x-total-count"]
        assert count == "1200"
        assert api.ask("DELETE", "/nodes/600").status_code == 200
        assert api.ask("DELETE", "/nodes/1").status_code == 200


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_errors_within_a_transaction(new_database: Callable[[str], str], kind: str) -> None:
    """They are the same, and the transaction goes on. What it has written before counts."""
    app = application(SPECS)
    heroes, teams = (app.module(f"{name}.routes") for name in ("superheroes", "teams"))
    hero, team = app.module("superheroes.models").HeroCreate, app.module("teams.models").TeamCreate
    request = Request({"type": "http", "path": "/", "headers": [], "path_params": {"id": 1}})

    async def write() -> list[Any]:
        db = app.module("kit.database").Database(new_database(kind))
        await db.open(app.metadata)
        details = []
        async with db.transaction() as inner:
            await teams.teams.create(inner, request, team(number=1, name="one"))
            for rows in (
                [hero(id=1, name="x", team_number=9)],
                [hero(id=1, name="x"), hero(id=2, name="y", mentor_id=1, team_number=8)],
            ):
                with pytest.raises(HTTPException) as caught:
                    await heroes.superheroes.create_many(inner, request, rows)
                details.append(caught.value.detail)
            await heroes.superheroes.create(inner, request, hero(id=3, name="x", team_number=1))
            with pytest.raises(HTTPException) as caught:
                await teams.teams.delete(inner, request, 1)
            details.append(caught.value.detail)
        await db.close()
        return details

    first, second, third = asyncio.run(write())
    assert first == missing(([0, "team_number"], "team"))["detail"]
    assert second == missing(([1, "team_number"], "team"))["detail"]
    assert third == kept(["path", "id"], "Superheroes refer to it by team_number")["detail"]


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_a_session_knows_what_a_cascade_has_changed(
    new_database: Callable[[str], str], kind: str
) -> None:
    app = application(SPECS)
    models = {name: app.module(f"{name}.models") for name in ("superheroes", "badges", "photos")}
    request = Request({"type": "http", "path": "/", "headers": [], "path_params": {"id": 1}})

    async def delete() -> None:
        db = app.module("kit.database").Database(new_database(kind))
        await db.open(app.metadata)
        with db.session() as session:
            session.add(models["superheroes"].Hero(id=1, name="x"))
            session.commit()
            badge = models["badges"].Badge(id=1, hero_id=1)
            photo = models["photos"].Photo(hero_id=1)
            session.add_all([badge, photo])
            session.commit()
            assert (badge.hero_id, photo.hero_id) == (1, 1)
            heroes = app.module("superheroes.routes").superheroes
            await heroes.delete(db.in_session(session), request, 1)
            assert photo.hero_id is None
            assert badge not in session
            session.commit()
        await db.close()

    asyncio.run(delete())
