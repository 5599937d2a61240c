"""Functions that write keys of linked rows: requests wait for each other, without deadlocks."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import text

from crudgen.delivery.memory import unload
from tests.hooks.city import City, in_city, package_of

pytestmark = pytest.mark.long

ENTITIES = {
    "power.yaml": "name: Power\nfields: {name: str}\n",
    "hero.yaml": """\
name: Hero
fields: {name: str, age: int = 0}
links: {powers: Power}
hooks: [update]
actions: {learn: {takes: {key: int}}}
api: {operations: [create, read, update, replace, update_many], write: {powers: keys}}
""",
}
HEROES = '''\
"""What happens with heroes."""

import time

from ..kit.hooks import Transaction
from .actions import HeroLearn
from .bodies import HeroUpdateWithRelated
from .models import Hero

stops: dict[str, object] = {}


def update(tx: Transaction, hero: Hero, changes: HeroUpdateWithRelated) -> Hero:
    """Update a hero, who can fly with 18."""
    if changes.age == 18:
        time.sleep(0.05)
        changes.power_ids = [1]
    return tx.update(hero, changes)


def learn(tx: Transaction, hero: Hero, sent: HeroLearn) -> Hero:
    """Let a hero learn a power."""
    time.sleep(0.05)
    return tx.update(hero, HeroUpdateWithRelated(power_ids=[sent.key]))
'''
REQUESTS: dict[str, tuple[str, str, Any]] = {
    "action": ("POST", "/heroes/1/learn", {"key": 1}),
    "update": ("PATCH", "/heroes/1", {"age": 18}),
    "update of several rows": ("PATCH", "/heroes/bulk", [{"id": 1, "age": 18}]),
}
"""Requests without keys, whose functions write some."""
KEYS = ("PATCH", "/heroes/1", {"power_ids": [2]})


@pytest.mark.parametrize("sent", REQUESTS.values(), ids=REQUESTS)
def test_functions_that_add_keys(
    sent: tuple[str, str, Any], new_database: Callable[[str], str]
) -> None:
    """A request with keys that comes meanwhile waits for the whole transaction."""
    package = package_of(ENTITIES, heroes=HEROES)

    async def ask(city: City) -> None:
        for name in "ab":
            await city.ask("POST", "/powers/", {"name": name})
        await city.ask("POST", "/heroes/", {"name": "Ann"})
        answers = await asyncio.gather(*(city.ask(*one) for one in [sent, KEYS] * 3))
        assert {one.status_code for one in answers} == {200}
        with city.engine.connect() as connection:
            asked = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
            assert connection.execute(text(asked)).scalar_one() == 0

    try:
        in_city(package, new_database("postgresql"), ask)
    finally:
        unload(package)
