"""Two requests of which one takes away the right to the other, which waits for its row."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest
from sqlalchemy import Connection, text

from crudgen.delivery.memory import unload
from tests.access.vocabulary import Asker, serving
from tests.hooks.city import package_of

pytestmark = pytest.mark.long

APP = "auth: {roles: [hr], me: {id: int = sub}}\n"
ENTITIES = {
    "hero.yaml": """\
name: Hero
fields:
  name: str
  open: bool = true
  owner_id: int = me
  pay: int = 1
  team_id: -> Team?
links: {powers: Power}
access:
  owner: owner_id
  read: [user if open = true, owner]
  create: user
  update: [owner, user if team.lead_id = me]
  delete: [owner, user if team.lead_id = me]
  fields: {pay: {write: owner}}
actions: {praise: {}, greet: {access: read}, close: {access: owner}}
api:
  operations: [create, list, read, update, replace, delete, update_many, delete_many]
""",
    "team.yaml": "name: Team\nfields: {name: str, lead_id: int = me}\naccess: user\n",
    "power.yaml": """\
name: Power
fields: {name: str, owner_id: int = me}
access: {owner: owner_id, read: owner, write: owner}
""",
}
HEROES = '''\
"""What happens with heroes."""

from ..caller import Caller
from ..kit.hooks import Transaction
from .models import Hero, HeroUpdate


def update(tx: Transaction[Caller], hero: Hero, changes: HeroUpdate) -> Hero:
    """Update a hero."""
    return tx.update(hero, changes)


def delete(tx: Transaction[Caller], hero: Hero) -> None:
    """Delete a hero."""
    tx.delete(hero)


def greet(tx: Transaction[Caller], hero: Hero) -> Hero:
    """Return a hero."""
    return hero


def praise(tx: Transaction[Caller], hero: Hero) -> Hero:
    """Change the name of a hero."""
    hero.name = "praised"
    return hero


def close(tx: Transaction[Caller], hero: Hero) -> Hero:
    """Change the name of a hero."""
    hero.name = "closed"
    return hero
'''
WAITING = text(
    "SELECT count(*) FROM pg_stat_activity"
    " WHERE datname = current_database() AND wait_event_type = 'Lock'"
)
HOOKS = "hooks: [update, delete]\n"
REQUESTS: tuple[tuple[str, Any], ...] = (
    ("PATCH /heroes/1", {"name": "a"}),
    ("PUT /heroes/1", {"name": "a", "owner_id": 1, "team_id": 1}),
    ("DELETE /heroes/1", None),
    ("PATCH /heroes/bulk", [{"id": 1, "name": "a"}]),
    ("DELETE /heroes/bulk?id=1", None),
    ("POST /heroes/1/praise", None),
    ("PUT /heroes/1/powers/2", None),
    ("DELETE /heroes/1/powers/1", None),
    ("PUT /heroes/1/powers/", [2]),
    ("PUT /powers/2/heroes/1", None),
    ("DELETE /powers/1/heroes/1", None),
    ("PUT /powers/1/heroes/", []),
)
"""Requests of the caller 1, who links powers that are theirs."""
LEAD = "owner_id = 9, open = true, team_id = 1"
OWNER = "owner_id = 1, open = true, team_id = NULL"
CASES: tuple[tuple[str, Sequence[str], set[int]], ...] = (
    (OWNER, ("UPDATE hero SET owner_id = 2",), {403}),
    (OWNER, ("UPDATE hero SET owner_id = 2, open = false",), {404}),
    # The condition is about another row, which the transaction changes together with this one.
    (LEAD, ("UPDATE team SET lead_id = 2", "UPDATE hero SET pay = 1"), {403}),
    (LEAD, ("UPDATE hero SET team_id = NULL",), {403}),
)
"""What the row is at first, how another transaction changes it, and the statuses afterwards."""


@pytest.fixture(params=["", HOOKS], ids=["rules", "functions"])
def package(request: pytest.FixtureRequest) -> Iterator[Any]:
    hero = ENTITIES["hero.yaml"].replace("actions:", f"{request.param}actions:")
    found = package_of(ENTITIES | {"hero.yaml": hero}, APP, heroes=HEROES)
    yield found
    unload(found)


@pytest.mark.long_cases("rules")
@pytest.mark.parametrize("kind", ["postgresql"])
def test_rules_hold_for_the_row_as_another_transaction_leaves_it(
    package: Any, kind: str, new_database: Callable[[str], str]
) -> None:
    async def check() -> None:
        async with serving(package, new_database(kind)) as asker:
            await asker.row("POST /teams/", {"name": "t"})
            await asker.row("POST /heroes/", {"name": "h", "team_id": 1})
            for name in ("p", "q"):
                await asker.row("POST /powers/", {"name": name})
            await asker.row("PUT /heroes/1/powers/", [1])
            for request, body in REQUESTS:
                for before, changes, statuses in CASES:
                    await check_denied(asker, (request, body), before, changes, statuses)
            await check_fields(asker)

    asyncio.run(check())


async def check_denied(
    asker: Asker,
    request: tuple[str, Any],
    before: str,
    changes: Sequence[str],
    statuses: set[int],
) -> None:
    """Check that a request changes nothing that it may no longer change."""
    if request == REQUESTS[-1] and statuses == {404}:
        statuses = {200}  # a replacement keeps the links of rows that the caller does not see
    reset(asker, before)
    answer, expected = await behind(asker, request, changes)
    assert answer.status_code in statuses, (request, changes, answer.text)
    with asker.engine.connect() as connection:
        assert state(connection) == expected, (request, changes)


def reset(asker: Asker, before: str) -> None:
    with asker.engine.begin() as connection:
        connection.execute(text(f"UPDATE hero SET name = 'h', {before}"))  # noqa: S608
        connection.execute(text("UPDATE team SET lead_id = 1"))


def state(connection: Connection) -> Any:
    tables = ("hero", "hero_power_link")
    return [connection.execute(text(f"SELECT * FROM {one}")).all() for one in tables]  # noqa: S608


async def behind(asker: Asker, request: tuple[str, Any], changes: Sequence[str]) -> Any:
    """Return the response to a request that waits for a transaction, and what that has left."""
    with asker.engine.connect() as connection:
        for change in changes:
            connection.execute(text(change))
        left = state(connection)
        waiting = asyncio.create_task(asker.ask(*request))
        with asker.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as other:
            while not other.scalar(WAITING) and not waiting.done():  # noqa: ASYNC110
                await asyncio.sleep(0.005)
        assert not waiting.done(), (request, waiting.result().text)
        connection.commit()
    return await waiting, left


async def check_fields(asker: Asker) -> None:
    """Check the rules about a field, and those of an action, of a caller who keeps the row."""
    owns = "owner_id = 1, open = true, team_id = 1"
    loses = ("UPDATE hero SET owner_id = 2",)
    for request in (
        ("PATCH /heroes/1", {"pay": 2}),
        ("PATCH /heroes/bulk", [{"id": 1, "pay": 2}]),
        ("POST /heroes/1/close", None),
    ):
        await check_denied(asker, request, owns, loses, {403})
    await check_denied(asker, ("POST /heroes/1/greet", None), OWNER, CASES[1][1], {404})
    reset(asker, owns)
    answer, _ = await behind(asker, ("PATCH /heroes/1", {"name": "a"}), loses)
    assert (answer.status_code, answer.json()["name"]) == (200, "a")
