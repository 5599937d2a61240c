"""Functions after commits: at least once, in the order of each row, and again after an error."""

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import text

from crudgen.delivery.memory import unload
from tests.hooks.city import City, in_city, package_of

ENTITIES = {
    "hero.yaml": """\
name: Hero
fields: {name: str(1..40) unique, age: int?, token: str? write_only}
hooks: [on_create, on_update, on_delete, on_promote, delete]
actions: {promote: {}}
api:
  operations: [create, list, read, update, replace, delete, create_many, update_many, delete_many]
  idempotency: true
""",
    "team.yaml": "name: Team\nfields: {name: str(1..40)}\nhooks: [create]\n",
}
HEROES = '''\
"""What happens with heroes."""

import asyncio

from ..kit.events import Event
from ..kit.hooks import Transaction
from .models import Hero

stops: dict[str, object] = {}
told: list[Event] = []
failures: dict[str, int] = {}
running: set[str] = set()


def delete(tx: Transaction, hero: Hero) -> None:
    """Delete a hero."""
    if hero.name == "kept":
        raise ValueError("the hero is kept")
    tx.delete(hero)


def promote(tx: Transaction, hero: Hero) -> Hero:
    """Promote a hero."""
    hero.age = (hero.age or 0) + 100
    return hero


async def tell(event: Event) -> None:
    """Remember an event, or fail."""
    assert str(event.key) not in running
    running.add(str(event.key))
    try:
        await asyncio.sleep(0.001)
        if failures.get(event.kind, 0) > 0:
            failures[event.kind] -= 1
            raise RuntimeError("not yet")
        told.append(event)
    finally:
        running.discard(str(event.key))


async def on_create(event: Event) -> None:
    """Tell of a new hero."""
    await tell(event)


async def on_update(event: Event) -> None:
    """Tell of a changed hero."""
    await tell(event)


def on_delete(event: Event) -> None:
    """Tell of a deleted hero, in a thread."""
    told.append(event)


async def on_promote(event: Event) -> None:
    """Tell of a promoted hero."""
    await tell(event)
'''
TEAMS = '''\
"""What happens with teams."""

from ..heroes.models import Hero, HeroCreate
from ..kit.hooks import Transaction
from .models import Team, TeamCreate


def create(tx: Transaction, team: TeamCreate) -> Team:
    """Create a team with a hero."""
    made = tx.create(Team, team)
    hero = tx.create(Hero, HeroCreate(name=f"boss of {team.name}"))
    if team.name == "bad":
        raise ValueError("a bad team")
    hero.age = 40
    return made
'''


@pytest.fixture(scope="module")
def package() -> Iterator[Any]:
    found = package_of(ENTITIES, heroes=HEROES, teams=TEAMS)
    yield found
    unload(found)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110 - it reads the database
            await asyncio.sleep(0.01)


async def told(city: City, number: int) -> list[tuple[str, Any, Any]]:
    """Wait for a number of events, and return their kinds, keys and rows."""
    await until(lambda: len(city.hooks.told) >= number and not left(city))
    found = [(one.kind, one.key, one.row) for one in city.hooks.told]
    city.hooks.told.clear()
    return found


def left(city: City) -> list[Any]:
    with city.engine.connect() as connection:
        return [
            *connection.execute(
                text("SELECT id, attempts, due, error FROM _event ORDER BY id")
            ).all()
        ]


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_events(package: Any, kind: str, new_database: Callable[[str], str]) -> None:
    in_city(package, new_database(kind), _events)


async def _events(city: City) -> None:
    ann = (await city.ask("POST", "/heroes/", {"name": "ann", "token": "t"})).json()
    assert await told(city, 1) == [("create", 1, ann)]
    await city.ask("PATCH", "/heroes/1", {"age": 1})
    await city.ask("PUT", "/heroes/1", {"name": "Ann"})
    await city.ask("POST", "/heroes/1/promote")
    await city.ask("DELETE", "/heroes/1")
    found = await told(city, 4)
    assert [one[0] for one in found] == ["update", "update", "promote", "delete"]
    assert [one[2]["age"] for one in found] == [1, None, 100, 100]
    assert found[0][2]["name"] == "ann"

    for refused in ({"name": "x" * 41}, {"name": "y", "age": "z"}):
        assert (await city.ask("POST", "/heroes/", refused)).status_code == 422
    rows = [{"name": "bob"}, {"name": "kept"}]
    many = (await city.ask("POST", "/heroes/bulk", rows, idempotency_key="k")).json()
    await city.ask("POST", "/heroes/bulk", rows, idempotency_key="k")
    assert (await city.ask("POST", "/heroes/", {"name": "bob"})).status_code == 409
    keys = [one["id"] for one in many]
    changes = [{"id": key, "age": 2} for key in keys]
    assert (await city.ask("PATCH", "/heroes/bulk", changes)).status_code == 200
    assert (await city.ask("DELETE", f"/heroes/bulk?id={keys[0]}&id={keys[1]}")).status_code == 500
    found = await told(city, 4)
    assert sorted(one[:2] for one in found) == [
        *(("create", key) for key in keys),
        *(("update", key) for key in keys),
    ]
    assert (await city.ask("POST", "/teams/", {"name": "bad"})).status_code == 500
    assert (await city.ask("POST", "/teams/", {"name": "good"})).status_code == 200
    ((kind, _, row),) = await told(city, 1)
    assert (kind, row["name"], row["age"]) == ("create", "boss of good", 40)

    # An error delays the later events of this row alone; attempts continue.
    city.hooks.failures["update"] = 1
    await city.ask("PATCH", f"/heroes/{keys[0]}", {"age": 3})
    await city.ask("POST", f"/heroes/{keys[0]}/promote")
    await city.ask("POST", f"/heroes/{keys[1]}/promote")
    await until(lambda: bool(city.hooks.told) and [bool(one[3]) for one in left(city)] == [1, 0])
    assert [one.key for one in city.hooks.told] == [keys[1]]
    first, second = left(city)
    assert (first[1], first[3], second[1]) == (1, "RuntimeError: not yet", 0)
    found = await told(city, 3)
    assert [one[0] for one in found] == ["promote", "update", "promote"]
    assert found[1][2]["age"] == 3


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_several_processes_run_each_event_once(
    package: Any, kind: str, new_database: Callable[[str], str]
) -> None:
    in_city(package, new_database(kind), _several)


async def _several(city: City) -> None:
    outbox = city.application.module("kit.events.outbox")
    handlers = {"Hero": {"create": city.hooks.on_create, "update": city.hooks.on_update}}
    others = [
        asyncio.create_task(outbox.Outbox(city.app.state.database, handlers).run())
        for _ in range(3)
    ]

    async def write(number: int) -> None:
        made = await city.ask("POST", "/heroes/", {"name": f"hero {number}"})
        key = made.json()["id"]
        for age in range(3):
            await city.ask("PATCH", f"/heroes/{key}", {"age": age})

    await asyncio.gather(*(write(number) for number in range(12)))
    found = await told(city, 48)
    for other in others:
        other.cancel()
    await asyncio.gather(*others, return_exceptions=True)
    assert len(found) == 48
    ages: dict[int, list[Any]] = {}
    for _, key, row in found:
        ages.setdefault(key, []).append(row["age"])
    assert {tuple(one) for one in ages.values()} == {(None, 0, 1, 2)}
