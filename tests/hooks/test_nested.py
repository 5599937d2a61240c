"""Rows that are created under another row: their functions run, and their events are written."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from fastapi import HTTPException
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from crudgen.codegen import render
from crudgen.delivery.memory import unload
from crudgen.language import load_texts
from tests.hooks.city import City, in_city, package_of
from tests.hooks.test_events import left, until

ENTITIES = {
    "team.yaml": """\
name: Team
fields: {name: str(1..40), size: int = 0}
api: {nested: [heroes, fans]}
""",
    "hero.yaml": """\
name: Hero
fields:
  name: str(1..40) unique
  age: int(0..99)?
  team_id: -> Team? cascade read_only
  boss_id: -> Hero? inverse(minions)
hooks: [create, on_create]
api: {nested: [minions], idempotency: true, created: 201}
""",
    "fan.yaml": "name: Fan\nfields: {name: str(1..40), team_id: -> Team?}\nhooks: [on_create]\n",
    "log.yaml": "name: Log\nfields: {text: str}\napi: {operations: [list]}\n",
}
HEROES = '''\
"""What happens with heroes."""

from collections.abc import Callable

from ..kit.events import Event
from ..kit.hooks import Refused, Transaction
from ..logs.models import Log
from ..teams.models import Team
from .models import Hero, HeroCreate

stops: dict[str, BaseException | Callable[[], None]] = {}
passed: list[str] = []
told: list[Event] = []


def at(place: str) -> None:
    """Stop at a place, with the error that a test has chosen, or call its function."""
    passed.append(place)
    what = stops.get(place)
    if isinstance(what, BaseException):
        raise what
    if what is not None:
        what()


def create(tx: Transaction, hero: HeroCreate) -> Hero:
    """Create a hero of a team, which grows, or of a boss."""
    at("0")
    if hero.age == 13:
        raise Refused("age", "Unlucky")
    model, key = (Hero, hero.boss_id) if hero.boss_id else (Team, getattr(hero, "team_id"))
    above = tx.session.get(model, key)
    assert above is not None, "the row above exists"
    at("1")
    if isinstance(above, Team):
        above.size += 1
    hero.name = hero.name.title()
    if hero.age == 14:
        setattr(hero, "boss_id" if model is Hero else "team_id", 99)
    at("2")
    made = tx.create(Hero, hero)
    at("3")
    tx.session.add(Log(text=f"{made.name} of {above.name}"))
    tx.session.flush()
    at("4")
    return made


async def on_create(event: Event) -> None:
    """Tell of a new hero."""
    told.append(event)
'''
FANS = '''\
"""What happens with fans."""

from ..heroes.hooks import told
from ..kit.events import Event


async def on_create(event: Event) -> None:
    """Tell of a new fan."""
    told.append(event)
'''


@pytest.fixture(scope="module")
def package() -> Iterator[Any]:
    found = package_of(ENTITIES, heroes=HEROES, fans=FANS)
    yield found
    unload(found)


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_rows_under_a_row(package: Any, kind: str, new_database: Callable[[str], str]) -> None:
    in_city(package, new_database(kind), _under)


async def everything(city: City) -> list[str]:
    """Return all rows."""
    found = [(await city.ask("GET", f"/{path}/")).text for path in ("teams", "heroes", "logs")]
    return [*found, (await city.ask("GET", "/fans/")).text]


async def _under(city: City) -> None:
    city.hooks.passed.clear()
    for name in ("Reds", "Blues"):
        await city.ask("POST", "/teams/", {"name": name})
    created = await city.ask("POST", "/teams/1/heroes/", {"name": "ann"})
    ann = {"name": "Ann", "age": None, "team_id": 1, "boss_id": None, "id": 1}
    assert (created.status_code, created.json()) == (201, ann)
    read = await city.ask("GET", created.headers["location"])
    assert read.content == created.content
    assert read.headers["etag"] == created.headers["etag"]
    assert (await city.ask("GET", "/teams/1/heroes/")).json() == [ann]
    assert (await city.ask("GET", "/teams/2/heroes/")).json() == []
    assert (await city.ask("GET", "/teams/1")).json()["size"] == 1
    minion = await city.ask("POST", "/heroes/1/minions/", {"name": "bob"})
    assert minion.json() == ann | {"name": "Bob", "boss_id": 1, "team_id": None, "id": 2}, (
        minion.text
    )
    fan = await city.ask("POST", "/teams/2/fans/", {"name": "cat"})
    assert fan.json() == {"name": "cat", "team_id": 2, "id": 1}
    found = [(one.entity, one.key, one.row["name"]) for one in await events(city, 3)]
    assert sorted(found) == [("Fan", 1, "cat"), ("Hero", 1, "Ann"), ("Hero", 2, "Bob")]

    await _missing(city)
    await _undone(city)
    assert (await city.ask("GET", "/heroes/1")).json() == ann
    await _repeated(city)


async def _missing(city: City) -> None:
    """A missing parent row is 404, and the function does not run."""
    calls = len(city.hooks.passed)
    for path in ("/teams/9/heroes/", "/teams/9/fans/", f"/teams/{2**70}/heroes/"):
        missing = await city.ask("POST", path, {"name": "x"})
        assert (missing.status_code, missing.json()) == (404, {"detail": "Team not found"})
    missing = await city.ask("POST", "/heroes/9/minions/", {"name": "x"})
    assert (missing.status_code, missing.json()) == (404, {"detail": "Hero not found"})
    assert len(city.hooks.passed) == calls


async def _undone(city: City) -> None:
    """An error undoes everything, also what the function has written to the row above."""
    before, stops = await everything(city), city.hooks.stops
    answer = await city.ask("POST", "/teams/1/heroes/", {"name": "x", "age": 13})
    unlucky = {"type": "refused", "loc": ["body", "age"], "msg": "Unlucky"}
    assert (answer.status_code, answer.json()) == (422, {"detail": [unlucky]})
    answer = await city.ask("POST", "/teams/1/heroes/", {"name": "ann"})
    assert answer.status_code == 409
    assert answer.json()["detail"][0]["loc"] == ["body", "name"]
    for path, name in (("/teams/1/heroes/", "team_id"), ("/heroes/1/minions/", "boss_id")):
        answer = await city.ask("POST", path, {"name": "x", "age": 14})
        (found,) = answer.json()["detail"]
        # The function has moved the hero; the request has no such reference.
        assert (answer.status_code, found["type"], found["loc"]) == (409, "no_target", ["body"])
        assert name in found["msg"]
    errors = [(RuntimeError("a mistake"), 500), (HTTPException(409, "No"), 409)]
    for path in ("/teams/1/heroes/", "/heroes/1/minions/"):
        for place in range(5):
            error, status = errors[place % 2]
            stops[str(place)] = error
            key = {"idempotency_key": f"{path}{place}"}
            answer = await city.ask("POST", path, {"name": "new"}, **key)
            assert answer.status_code == status, (path, place, answer.text)
            assert await everything(city) == before, (path, place)
            stops.clear()
    # While a function runs, nobody can delete the row above.
    if city.engine.dialect.name == "postgresql":
        stops["0"] = lambda: refused(city, "DELETE FROM team WHERE id = 1")
        eve = await city.ask("POST", "/teams/1/heroes/", {"name": "eve"})
        assert eve.status_code == 201, eve.text
        stops.clear()
        await events(city, 1)


async def _repeated(city: City) -> None:
    """A repeated request calls no function, and its key is that of one path."""
    key = {"idempotency_key": "k"}
    first = await city.ask("POST", "/teams/2/heroes/", {"name": "dan"}, **key)
    assert (first.status_code, first.json()["team_id"]) == (201, 2)
    calls = len(city.hooks.passed)
    again = await city.ask("POST", "/teams/2/heroes/", {"name": "dan"}, **key)
    assert (again.content, again.headers["location"]) == (first.content, first.headers["location"])
    other = await city.ask("POST", "/teams/1/heroes/", {"name": "dan"}, **key)
    assert other.status_code == 422
    assert len(city.hooks.passed) == calls
    assert [one.row["name"] for one in await events(city, 1)] == ["Dan"]


def refused(city: City, statement: str) -> None:
    """Run a statement that waits for a lock."""
    with city.engine.begin() as connection:
        connection.execute(text("SET LOCAL lock_timeout = 50"))
        with pytest.raises(OperationalError, match="lock"):
            connection.execute(text(statement))


async def events(city: City, number: int) -> list[Any]:
    """Wait for a number of events; return them."""
    kept = city.hooks.told
    await until(lambda: len(kept) >= number and not left(city))
    found = [*kept]
    kept.clear()
    return found


def test_code_of_other_specs_is_as_before() -> None:
    """Only creations that run a function use its class."""
    hero = "name: Hero\nfields: {name: str, team_id: -> Team?}\n"
    team = "name: Team\nfields: {name: str}\napi: {nested: [heroes]}\n"
    for hooks, kind in (("", "Nested"), ("hooks: [delete]\n", "Nested"), ("hooks: [create]\n", "")):
        tree = render(load_texts({"hero.yaml": hero + hooks, "team.yaml": team}))
        assert ("app/kit/hooks/nested.py" in tree) == (not kind), hooks
        assert ("HookedNested(" in tree["app/teams/nested.py"]) == (not kind), hooks
