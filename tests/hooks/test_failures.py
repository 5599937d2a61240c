"""Errors of rows that a function writes beside that of the request name no property of the body."""

import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from crudgen.codegen import render
from crudgen.delivery.memory import unload
from crudgen.language import load_texts
from tests.access.test_rules import SECRET, bearer
from tests.hooks.city import City, in_city, package_of

APP = "auth: {roles: [editor], me: {id: int = sub}}\n"
ENTITIES = {
    "hero.yaml": """\
name: Hero
fields: {name: str(1..40) unique, plan: str = none, boss_id: -> Hero?}
hooks: [create, update, delete]
actions: {act: {takes: {plan: str, name: str = x}}}
api: {operations: [create, list, read, update, delete, create_many]}
access: anyone
""",
    "team.yaml": """\
name: Team
fields: {name: str(1..9) unique, size: int(0..9) = 0, hero_id: -> Hero?, hidden: bool = false}
check: [{rule: size != 7, says: A team is not of seven}]
access: {read: anyone if hidden = false, create: anyone if size < 9, update: anyone, delete: anyone}
""",
}
HEROES = '''\
"""What happens with heroes."""

from typing import Any

from fastapi import HTTPException
from sqlmodel import select

from ..caller import Caller
from ..kit.hooks import Transaction
from ..teams.models import Team, TeamCreate, TeamUpdate
from .actions import HeroAct
from .models import Hero, HeroCreate, HeroUpdate

stops: dict[str, object] = {}


def follow(tx: Transaction[Caller | None], plan: str) -> None:
    """Do what a plan says: everything but `none` and `caught` fails."""
    first, session = TeamCreate(name="first"), tx.session
    match plan:
        case "create":
            tx.create(Team, first)
        case "twin":
            tx.create(Hero, HeroCreate(name="ann"))
        case "caught":
            try:
                tx.create(Team, first)
            except HTTPException as error:
                assert error.detail[0]["loc"] == ["body", "name"], error.detail
        case "check":
            tx.create(Team, TeamCreate(name="x", size=7))
        case "missing":
            tx.create(Team, TeamCreate(name="x", hero_id=999))
        case "denied":
            tx.create(Team, TeamCreate(name="x", size=9))
        case "update":
            tx.update(tx.create(Team, TeamCreate(name="other")), TeamUpdate(name="first"))
        case "hidden":
            team = Team(name="hidden", hidden=True)
            session.add(team)
            tx.update(team, TeamUpdate(size=1))
        case "flush":
            session.add(Team(name="first"))
            session.flush()
        case "commit":
            session.add(Team(name="first"))
            session.commit()
        case "end":
            session.add(Team(name="first"))
        case "null":
            bad: Any = None
            session.add(Team(name=bad))
        case "refers":
            session.add(Team(name="x", hero_id=999))
        case "delete":
            session.delete(session.exec(select(Hero).where(Hero.name == "ann")).one())
        case "value":
            raise ValueError("a mistake")
        case "own":
            raise HTTPException(409, [{"type": "own", "loc": ["body", "plan"], "msg": "No"}])


def create(tx: Transaction[Caller | None], hero: HeroCreate) -> Hero:
    """Create a hero, and do what the plan says."""
    made = tx.create(Hero, hero)
    follow(tx, hero.plan)
    return made


def update(tx: Transaction[Caller | None], hero: Hero, changes: HeroUpdate) -> Hero:
    """Update a hero, and do what the plan says."""
    follow(tx, changes.plan)
    return tx.update(hero, changes)


def delete(tx: Transaction[Caller | None], hero: Hero) -> None:
    """Do what the plan says, and delete a hero."""
    follow(tx, hero.plan)
    tx.delete(hero)


def act(tx: Transaction[Caller | None], hero: Hero, sent: HeroAct) -> Hero:
    """Do what the plan says."""
    follow(tx, sent.plan)
    return tx.update(hero, HeroUpdate(name=sent.name))
'''
CONFLICT = [{"type": "conflict", "loc": [], "msg": "The request conflicts with other rows"}]
UNIQUE = "team"
PLANS: dict[str, tuple[int, str]] = {
    "none": (200, ""),
    "caught": (200, ""),
    "create": (409, UNIQUE),
    "twin": (409, "hero"),
    "check": (500, "team"),
    "missing": (409, ""),
    "denied": (403, ""),
    "update": (409, UNIQUE),
    "hidden": (409, ""),
    "flush": (409, UNIQUE),
    "commit": (409, UNIQUE),
    "end": (409, UNIQUE),
    "null": (500, "name"),
    "refers": (409, ""),
    "delete": (409, ""),
    "value": (500, ""),
    "own": (409, ""),
}
"""What a function does beside the row of the request: the status, and a word in the log."""


@pytest.fixture(scope="module")
def package() -> Iterator[Any]:
    found = package_of(ENTITIES, APP, heroes=HEROES)
    yield found
    unload(found)


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_errors_of_other_rows(
    package: Any, kind: str, new_database: Callable[[str], str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)

    async def test(city: City) -> None:
        await _other_rows(city, caplog)
        await _own_row(city)

    in_city(package, new_database(kind), test, auth_secret=SECRET)


async def rows(city: City) -> list[str]:
    return [(await city.ask("GET", path)).text for path in ("/heroes/", "/teams/")]


async def _other_rows(city: City, caplog: pytest.LogCaptureFixture) -> None:
    ann = (await city.ask("POST", "/heroes/", {"name": "ann"})).json()["id"]
    await city.ask("POST", "/teams/", {"name": "first", "hero_id": ann})
    for plan, (status, word) in PLANS.items():
        kept = (await city.ask("POST", "/heroes/", {"name": f"{plan}?"})).json()["id"]
        await city.ask("POST", f"/heroes/{kept}/act", {"plan": "none", "name": plan})
        requests = [
            ("create", "POST", "/heroes/", {"name": "new", "plan": plan}),
            ("create", "POST", "/heroes/bulk", [{"name": "a"}, {"name": "b", "plan": plan}]),
            ("update", "PATCH", f"/heroes/{kept}", {"plan": plan}),
            ("act", "POST", f"/heroes/{kept}/act", {"plan": plan, "name": f"{plan}!"}),
        ]
        for verb, method, path, body in requests:
            if status == 200:
                continue
            before = await rows(city)
            caplog.clear()
            answer = await city.ask(method, path, body, **bearer([]))
            assert answer.status_code == status, (plan, verb, answer.text)
            assert await rows(city) == before, (plan, verb)
            if status != 500:
                place = ["body", 1] if path.endswith("bulk") else []
                (problem,) = answer.json()["detail"]
                if plan == "own":
                    assert problem["loc"] == [*place, *([] if place else ["body"]), "plan"]
                else:
                    assert problem["loc"] == place, (plan, verb, problem)
                    assert problem["type"] == ("forbidden" if status == 403 else "conflict")
            if status == 409 and plan != "own":
                (line,) = [one for one in caplog.messages if "the hook" in one]
                assert line.startswith(f"the hook {verb} of Hero"), line
                assert word in line
                assert "first" not in line, "no value is logged"
        if status == 200:
            assert (await city.ask("PATCH", f"/heroes/{kept}", {"plan": plan})).status_code == 200


async def _own_row(city: City) -> None:
    """The row that a function got: its errors are those of the body."""
    twin = [{"type": "unique", "loc": ["body", "name"], "msg": "Another row has the same name"}]
    answer = await city.ask("POST", "/heroes/", {"name": "ann"})
    assert (answer.status_code, answer.json()["detail"]) == (409, twin)
    bob = (await city.ask("POST", "/heroes/", {"name": "bob"})).json()["id"]
    answer = await city.ask("PATCH", f"/heroes/{bob}", {"name": "ann", "plan": "none"})
    assert (answer.status_code, answer.json()["detail"]) == (409, twin)
    # An action has another body.
    answer = await city.ask("POST", f"/heroes/{bob}/act", {"plan": "none", "name": "ann"})
    assert (answer.status_code, answer.json()["detail"]) == (409, CONFLICT)
    answer = await city.ask("DELETE", "/heroes/1")
    assert answer.json()["detail"][0]["loc"] == ["path", "hero_id"], answer.text
    answer = await city.ask("POST", "/heroes/", {"name": "eve", "boss_id": 999})
    assert answer.json()["detail"][0]["loc"] == ["body", "boss_id"], answer.text


def test_the_document_has_the_conflict() -> None:
    written = "name: Log\nfields: {text: str}\nhooks: [create, update, delete]\n"
    for text, count in ((written, 3), (written.partition("hooks")[0], 0)):
        tree = render(load_texts({"log.yaml": text}))
        assert tree["app/logs/routes.py"].count("409") == count
