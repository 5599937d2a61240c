"""Rules of `update` are about the row before a function of the owner and the row that it leaves."""

import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from crudgen.delivery.memory import unload
from tests.access.test_rules import SECRET, bearer
from tests.hooks.city import City, in_city, package_of

APP = "auth: {roles: [editor, chief], me: {id: int = sub}}\n"
ENTITIES = {
    "hero.yaml": """\
name: Hero
fields:
  title: str(1..40)
  state: enum(draft, ready, done) = draft
  level: int = 1
  owner_id: int?
  team_id: -> Team?
hooks: [update, delete]
actions: {finish: {}, give: {takes: {to: int}}, raise_it: {takes: {by: int}}, drop: {}, leave: {}}
api: {operations: [create, read, update, replace, delete, update_many, delete_many]}
access:
  read: user
  create: user
  update:
    - user if owner_id = me.id and new.state = done
    - editor if new.level > old.level and state != 'ready'
    - chief if old.state = draft and team.lead_id = me
  delete: [user if state = done, editor]
""",
    "team.yaml": "name: Team\nfields: {lead_id: int?}\naccess: {read: user, write: user}\n",
    "medal.yaml": """\
name: Medal
fields: {code: str(1..9) pk, worth: int = 1}
hooks: [update]
api: {operations: [read, update, replace]}
access: {read: user, create: user, update: editor}
""",
    "log.yaml": "name: Log\nfields: {text: str}\naccess: {read: user}\n",
}
HEROES = '''\
"""What happens with heroes."""

from ..caller import Caller
from ..kit.hooks import Refused, Transaction
from ..logs.models import Log
from ..teams.models import Team
from .actions import HeroGive, HeroRaiseIt
from .models import Hero, HeroUpdate

stops: dict[str, object] = {}


def update(tx: Transaction[Caller], hero: Hero, changes: HeroUpdate) -> Hero:
    """Update a hero without asking the rules."""
    tx.session.add(Log(text="update"))
    for name in changes.model_fields_set - {"id"}:
        setattr(hero, name, getattr(changes, name))
    return hero


def delete(tx: Transaction[Caller], hero: Hero) -> None:
    """Keep a hero, without a title."""
    tx.session.add(Log(text="delete"))
    hero.title = "deleted"


def finish(tx: Transaction[Caller], hero: Hero) -> Hero:
    """Finish a hero."""
    tx.session.add(Log(text="finish"))
    if hero.state == "done":
        raise Refused("state", "The hero is done already")
    hero.state = "done"
    return hero


def give(tx: Transaction[Caller], hero: Hero, sent: HeroGive) -> Hero:
    """Finish a hero, and give it to another user."""
    hero.state, hero.owner_id = "done", sent.to
    return hero


def raise_it(tx: Transaction[Caller], hero: Hero, sent: HeroRaiseIt) -> Hero:
    """Raise the level of a hero, in two steps."""
    hero.level += sent.by - 1
    tx.session.flush()
    hero.level += 1
    return hero


def drop(tx: Transaction[Caller], hero: Hero) -> Hero:
    """Delete a hero."""
    tx.session.delete(hero)
    return hero


def leave(tx: Transaction[Caller], hero: Hero) -> Hero:
    """Let a team have no lead any more."""
    team = tx.session.get(Team, hero.team_id)
    assert team is not None
    team.lead_id = None
    return hero
'''
MEDALS = '''\
"""What happens with medals."""

from ..caller import Caller
from ..kit.hooks import Transaction
from .models import Medal, MedalUpdate


def update(tx: Transaction[Caller], medal: Medal, changes: MedalUpdate) -> Medal:
    """Update a medal without asking the rules."""
    assert changes.worth is not None
    medal.worth = changes.worth
    return medal
'''
SOURCES = {"heroes": HEROES, "medals": MEDALS}


@pytest.fixture(scope="module")
def package() -> Iterator[Any]:
    found = package_of(ENTITIES, APP, **SOURCES)
    yield found
    unload(found)


class Asks:
    """Requests of four callers to one application."""

    def __init__(self, city: City, caplog: pytest.LogCaptureFixture) -> None:
        self._city, self._caplog = city, caplog
        roles = {"ann": "", "bob": "", "editor": "editor", "chief": "chief"}
        self._callers = {
            name: bearer(has.split(), sub=str(number))
            for number, (name, has) in enumerate(roles.items(), 1)
        }

    async def __call__(self, who: str, method: str, path: str, body: Any = None) -> Any:
        return await self._city.ask(method, path, body, **self._callers[who])

    async def hero(self, **values: Any) -> str:
        """Create a hero; return its path."""
        made = await self("ann", "POST", "/heroes/", {"title": "a", "owner_id": 1} | values)
        return f"/heroes/{made.json()['id']}"

    async def denied(self, who: str, method: str, path: str, body: Any = None) -> str:
        """Send a request that is denied and changes nothing; return its line in the log."""
        hero = "/".join(path.split("/")[:3])
        before = [(await self("ann", "GET", one)).text for one in (hero, "/logs/")]
        self._caplog.clear()
        answer = await self(who, method, path, body)
        assert answer.status_code == 403, answer.text
        assert before == [(await self("ann", "GET", one)).text for one in (hero, "/logs/")]
        (line,) = [one for one in self._caplog.messages if "may not" in one]
        return line


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_a_function_leaves_a_row_that_the_rules_allow(
    package: Any, kind: str, new_database: Callable[[str], str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)

    async def test(city: City) -> None:
        for check in (_new_values, _both_values, _several, _related, _deletions, _medals):
            await check(Asks(city, caplog))

    in_city(package, new_database(kind), test, auth_secret=SECRET)


async def _new_values(ask: Asks) -> None:
    """The owner may leave a hero that is done, and no other."""
    path = await ask.hero()
    done = await ask("ann", "POST", f"{path}/finish")
    assert (done.status_code, done.json()["state"]) == (200, "done"), done.text
    path = await ask.hero()
    line = await ask.denied("ann", "PATCH", path, {"title": "b"})
    assert "[owner_id = me.id: yes] [new.state = done: NO]" in line
    changed = await ask("ann", "PATCH", path, {"title": "b", "state": "done"})
    assert changed.status_code == 200, changed.text
    # The rule is asked about the row before, as far as possible, before the function is called.
    assert "[owner_id = me.id: NO]" in await ask.denied("bob", "POST", f"{path}/finish")
    assert (await ask("ann", "POST", f"{path}/finish")).status_code == 422
    path = await ask.hero()
    line = await ask.denied("ann", "POST", f"{path}/give", {"to": 2})
    assert "[owner_id = me.id: before yes, after NO] [new.state = done: yes]" in line
    assert (await ask("ann", "POST", f"{path}/give", {"to": 1})).json()["state"] == "done"


async def _both_values(ask: Asks) -> None:
    """`new` and `old` in one comparison: the row before the first step of the function."""
    path = await ask.hero()
    for by, status in ((0, 403), (-1, 403), (1, 200), (3, 200)):
        raised = await ask("editor", "POST", f"{path}/raise_it", {"by": by})
        assert raised.status_code == status, (by, raised.text)
    assert raised.json()["level"] == 5
    for body in ({"level": 4}, {"level": 9, "state": "ready"}):
        await ask.denied("editor", "PATCH", path, body)
    await ask.denied("editor", "PUT", path, {"title": "x"})
    put = await ask("editor", "PUT", path, {"title": "x", "level": 9})
    assert (put.status_code, put.json()["owner_id"]) == (200, None), put.text


async def _several(ask: Asks) -> None:
    keys = [int((await ask.hero()).rpartition("/")[2]) for _ in range(2)]
    rows = [{"id": keys[0], "level": 2}, {"id": keys[1], "level": 1}]
    many = await ask("editor", "PATCH", "/heroes/bulk", rows)
    assert (many.status_code, many.json()["detail"][0]["loc"]) == (403, ["body", 1])
    assert (await ask("ann", "GET", f"/heroes/{keys[0]}")).json()["level"] == 1
    rows[1]["level"] = 2
    assert (await ask("editor", "PATCH", "/heroes/bulk", rows)).status_code == 200


async def _related(ask: Asks) -> None:
    """Related rows of the row before are those of before."""
    team = (await ask("ann", "POST", "/teams/", {"lead_id": 4})).json()["id"]
    path = await ask.hero(team_id=team)
    await ask.denied("chief", "PATCH", path, {"team_id": None})
    assert (await ask("chief", "PATCH", path, {"level": 3})).status_code == 200
    await ask.denied("chief", "POST", f"{path}/leave")
    assert (await ask("chief", "POST", f"{path}/drop")).status_code == 204
    assert (await ask("ann", "GET", path)).status_code == 404
    path = await ask.hero(team_id=team, state="done")
    await ask.denied("chief", "POST", f"{path}/drop")


async def _deletions(ask: Asks) -> None:
    """The rule of `delete` is asked before the function, which may keep the row."""
    path = await ask.hero()
    assert "[state = done: NO]" in await ask.denied("ann", "DELETE", path)
    key = path.rpartition("/")[2]
    many = await ask("ann", "DELETE", f"/heroes/bulk?id={key}")
    assert (many.status_code, many.json()["detail"][0]["loc"]) == (403, ["query", "id", 0])
    assert (await ask("editor", "DELETE", path)).status_code == 200
    path = await ask.hero(state="done")
    assert (await ask("ann", "DELETE", path)).status_code == 200
    assert (await ask("ann", "GET", path)).json()["title"] == "deleted"


async def _medals(ask: Asks) -> None:
    """A PUT that may create a row does not let a caller update it."""
    medal = {"code": "a", "worth": 1}
    assert (await ask("ann", "PUT", "/medals/a", medal)).json() == medal
    denied = await ask("ann", "PUT", "/medals/a", medal | {"worth": 2})
    assert denied.status_code == 403, denied.text
    assert (await ask("ann", "GET", "/medals/a")).json() == medal
    changed = await ask("editor", "PUT", "/medals/a", medal | {"worth": 2})
    assert changed.json() == medal | {"worth": 2}
