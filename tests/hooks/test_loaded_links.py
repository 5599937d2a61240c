"""Linked rows that a function has loaded are read again after it has written keys."""

from collections.abc import Callable

import pytest

from crudgen.delivery.memory import unload
from tests.hooks.city import City, in_city, package_of

ENTITIES = {
    "power.yaml": "name: Power\nfields: {name: str}\n",
    "hero.yaml": """\
name: Hero
fields: {name: str, age: int = 0}
links: {powers: Power, friends: {to: Hero, inverse: fans}}
hooks: [create, update]
api: {operations: [create, list, read, update], write: {powers: keys, friends: keys}}
""",
}
HEROES = '''\
"""What happens with heroes."""

from ..kit.hooks import Transaction
from ..models import Hero, Power
from .bodies import HeroCreateWithRelated, HeroUpdateWithRelated

stops: dict[str, object] = {}
found: list[object] = []


def seen(tx: Transaction, hero: Hero) -> None:
    """Remember the rows on both sides of the links of a hero."""
    powers = [tx.session.get_one(Power, key) for key in (1, 2)]
    first = tx.session.get_one(Hero, 1)
    found.append(
        (
            [one.id for one in hero.powers],
            [[one.id for one in power.heroes] for power in powers],
            [one.id for one in hero.friends],
            [one.id for one in first.fans],
        )
    )


def create(tx: Transaction, hero: HeroCreateWithRelated) -> Hero:
    """Create a hero."""
    if hero.name == "Ann":
        return tx.create(Hero, hero)
    first = tx.session.get_one(Hero, 1)
    powers = [tx.session.get_one(Power, key) for key in (1, 2)]
    found.append(([one.id for one in first.fans], [len(power.heroes) for power in powers]))
    made = tx.create(Hero, hero)
    seen(tx, made)
    return made


def update(tx: Transaction, hero: Hero, changes: HeroUpdateWithRelated) -> Hero:
    """Update a hero, whose links are loaded, with a name that is not written yet."""
    seen(tx, hero)
    hero.name += "!"
    changed = tx.update(hero, changes)
    seen(tx, hero)
    return changed
'''


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_loaded_links(kind: str, new_database: Callable[[str], str]) -> None:
    package = package_of(ENTITIES, heroes=HEROES)

    async def ask(city: City) -> None:
        async def found(method: str, path: str, body: object) -> list[object]:
            city.hooks.found.clear()
            answer = await city.ask(method, path, body)
            assert answer.status_code == 200, answer.text
            return [*city.hooks.found]

        for name in "ab":
            await city.ask("POST", "/powers/", {"name": name})
        await city.ask("POST", "/heroes/", {"name": "Ann"})
        before, after = await found(
            "POST", "/heroes/", {"name": "Bob", "power_ids": [2], "friend_ids": [1]}
        )
        assert before == ([], [0, 0])
        assert after == ([2], [[], [2]], [1], [2])
        keys = await found("PATCH", "/heroes/2", {"power_ids": [1]})
        assert keys == [after, ([1], [[2], []], [1], [2])]
        friends = await found("PATCH", "/heroes/2", {"friend_ids": []})
        assert friends == [keys[1], ([1], [[2], []], [], [])]
        both = await found("PATCH", "/heroes/2", {"age": 3, "power_ids": [2, 1]})
        assert both == [friends[1], ([1, 2], [[2], [2]], [], [])]
        read = await city.ask("GET", "/heroes/2")
        assert (read.json()["name"], read.json()["power_ids"]) == ("Bob!!!", [1, 2])

    try:
        in_city(package, new_database(kind), ask)
    finally:
        unload(package)
