"""Many clients write links under rules at once, while others hide and show the linked rows.

`ROUNDS=200` is the extended run.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from random import Random
from typing import Any

import pytest
from sqlalchemy import text

from crudgen.codegen import render
from crudgen.delivery.memory import import_tree, unload
from crudgen.language import load_texts
from tests.access.tables import Tables, tables_of
from tests.access.test_rules import SECRET
from tests.access.vocabulary import Asker
from tests.startup.started import Application
from tests.support.asgi import AsgiClient

NewDatabase = Callable[[str], str]
ROUNDS = int(os.environ.get("ROUNDS", "6"))
CLIENTS = 16
APP = "auth: {roles: [admin], me: {id: int = sub}}\n"
SPEC = {
    "hero.yaml": """\
name: Hero
fields: {name: str = h, owner_id: int = me}
links: {powers: Power}
access: {owner: owner_id, read: user, create: user, update: owner}
api: {operations: [create, list, read, update, replace], write: {powers: keys}}
""",
    "power.yaml": """\
name: Power
fields: {name: str = p, open: bool = true}
access: {read: [user if open, admin], create: admin, update: [user if open, admin]}
api: {operations: [create, list, read, update, replace], write: {heroes: keys}}
""",
}
HEROES, STAYING, HIDDEN = range(1, 4), range(1, 5), range(5, 8)
"""The keys of heroes, of powers that everybody can read, and of those that are hidden and shown."""
ADMIN: dict[str, Any] = {"by": 9, "roles": ["admin"]}


@dataclass(frozen=True)
class State:
    """The powers that users can read, and the links of heroes to powers."""

    visible: frozenset[int]
    links: frozenset[tuple[int, int]]


@dataclass(frozen=True)
class Step:
    """A request, its response, and what it does if it runs alone."""

    request: str
    body: Any
    apply: Callable[[State], tuple[int, State]]
    status: int = 0


def steps(random: Random) -> Iterator[Step]:
    """Yield a request of each client."""
    kinds = (_of_hero, _of_hero, _one, _of_power, _of_power, _shown)
    for number in range(CLIENTS):
        yield kinds[number % len(kinds)](random)


def _of_hero(random: Random) -> Step:
    """Replace the powers of a hero that the caller can read."""
    hero, powers = random.choice(HEROES), random.sample(STAYING, random.randint(0, 3))

    def apply(state: State) -> tuple[int, State]:
        kept = {one for one in state.links if one[0] != hero or one[1] not in state.visible}
        return 200, State(state.visible, frozenset(kept | {(hero, one) for one in powers}))

    request, body = random.choice(
        [
            (f"PATCH /heroes/{hero}", {"power_ids": powers}),
            (f"PUT /heroes/{hero}", {"power_ids": powers, "owner_id": 1}),
            (f"PUT /heroes/{hero}/powers/", powers),
        ]
    )
    return Step(request, body, apply)


def _of_power(random: Random) -> Step:
    """Replace the heroes of a power, which may be hidden."""
    power = random.choice([*STAYING, *HIDDEN])
    heroes = random.sample(HEROES, random.randint(0, 2))

    def apply(state: State) -> tuple[int, State]:
        if power not in state.visible:
            return 404, state
        kept = {one for one in state.links if one[1] != power}
        return 200, State(state.visible, frozenset(kept | {(one, power) for one in heroes}))

    request, body = random.choice(
        [
            (f"PATCH /powers/{power}", {"hero_ids": heroes}),
            (f"PUT /powers/{power}", {"hero_ids": heroes}),
            (f"PUT /powers/{power}/heroes/", heroes),
        ]
    )
    return Step(request, body, apply)


def _one(random: Random) -> Step:
    """Link a hero to a power that may be hidden."""
    hero, power = random.choice(HEROES), random.choice(HIDDEN)

    def apply(state: State) -> tuple[int, State]:
        if power not in state.visible:
            return 404, state
        return 200, State(state.visible, state.links | {(hero, power)})

    paths = (f"/heroes/{hero}/powers/{power}", f"/powers/{power}/heroes/{hero}")
    return Step(f"PUT {random.choice(paths)}", None, apply)


def _shown(random: Random) -> Step:
    """Hide or show a power."""
    power, is_open = random.choice(HIDDEN), random.choice([True, False])

    def apply(state: State) -> tuple[int, State]:
        visible = state.visible | {power} if is_open else state.visible - {power}
        return 200, State(visible, state.links)

    return Step(f"PATCH /powers/{power}", {"open": is_open}, apply)


def is_serial(state: State, done: Sequence[Step], last: State) -> bool:
    """Return whether the requests, one after another in some order, get the same responses."""
    failed = set[tuple[State, int]]()

    def leads_on(state: State, rest: int) -> bool:
        if not rest:
            return state == last
        if (state, rest) in failed:
            return False
        for index, step in enumerate(done):
            if rest & 1 << index:
                status, after = step.apply(state)
                if status == step.status and leads_on(after, rest ^ 1 << index):
                    return True
        failed.add((state, rest))
        return False

    return leads_on(state, (1 << len(done)) - 1)


class Race:
    """An application, and the clients that send requests to it at the same time."""

    def __init__(self, asker: Asker, tables: Tables) -> None:
        self.asker, self._tables = asker, tables
        self.statuses = set[int]()

    def state(self) -> State:
        visible = {row["id"] for row in self._tables.rows("power") if row["open"]}
        links = {(one["hero_id"], one["power_id"]) for one in self._tables.rows("hero_power_link")}
        return State(frozenset(visible), frozenset(links))

    async def turn(self, random: Random) -> None:
        """Let each client send a request; compare the rows with those of some serial order."""
        before, done = self.state(), list[Step]()

        async def send(step: Step) -> None:
            caller = ADMIN if "open" in (step.body or ()) else {"by": 1}
            answer = await self.asker.ask(step.request, step.body, **caller)
            assert answer.status_code in {200, 404}, f"{step.request}: {answer.text}"
            done.append(Step(step.request, step.body, step.apply, answer.status_code))

        await asyncio.gather(*map(send, steps(random)))
        self.statuses |= {one.status for one in done}
        after = self.state()
        found = [(one.request, one.body, one.status) for one in done]
        assert is_serial(before, done, after), f"{before}\n{found}\n{after}"

    def deadlocks(self) -> int:
        """Return how many deadlocks the log of PostgreSQL has."""
        engine = self.asker.engine
        if engine.dialect.name == "sqlite":
            return 0
        with engine.connect() as connection:
            log: str = connection.execute(text("SELECT pg_read_file('log')")).scalar_one()
        return log.count("deadlock detected")


@asynccontextmanager
async def racing(package: Any, database: str) -> AsyncIterator[Race]:
    """Serve an application whose requests wait for locks as long as they must."""
    application = Application(package)
    patient = {"lock_seconds": 20, "statement_seconds": 20, "database_connections": CLIENTS}
    settings = {"auth_secret": SECRET, "secret_key": SECRET, **patient}
    async with application.running(database, **settings) as app:
        asker = Asker(AsgiClient(app), application.engine(database), application)
        with tables_of(application, database) as tables:
            yield Race(asker, tables)


async def turns(package: Any, database: str, rounds: int) -> None:
    async with racing(package, database) as race:
        for _ in (*STAYING, *HIDDEN):
            await race.asker.row("POST /powers/", {}, **ADMIN)
        for _ in HEROES:
            await race.asker.row("POST /heroes/", {"power_ids": [1, 5, 6]})
        before = race.deadlocks()
        for number in range(rounds):
            await race.turn(Random(number))  # noqa: S311 -- tests need no secrets
        assert race.statuses == {200, 404}
        assert race.deadlocks() == before


@pytest.mark.long
@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_changes_of_links_are_as_one_after_another(kind: str, new_database: NewDatabase) -> None:
    package = import_tree(render(load_texts(SPEC, APP)))
    try:
        asyncio.run(turns(package, new_database(kind), ROUNDS))
    finally:
        unload(package)
