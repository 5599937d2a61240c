"""Actions: functions of the owner that clients call with one row."""

from collections.abc import Callable, Iterator
from itertools import product
from typing import Any

import pytest

from crudgen.delivery.memory import unload
from crudgen.language import load_texts
from crudgen.language.explain import explain
from crudgen.language.matrix import access_tables, allowed_callers
from tests.access.test_rules import SECRET, bearer
from tests.hooks.city import City, in_city, package_of

pytestmark = pytest.mark.long

APP = "auth: {roles: [editor], me: {id: int = sub}}\n"
ENTITIES = {
    "hero.yaml": """\
name: Hero
fields: {name: str(1..40), status: "enum(draft, published) = draft", owner_id: int?}
actions:
  promote:
    doc: Publish one hero, for a reason.
    takes: {reason: str(1..20), on: date?, mood: "enum(good, bad) = good"}
  retire: {}
  greet: {access: read, takes: {word: str(1..20)}}
  close: {access: nobody}
  hand_over:
    takes: {to: int, status: "enum(draft, published)"}
    access:
      - editor if status = draft
      - rule: user if old.owner_id = me and old.status = draft and new.owner_id in (2, 3)
        says: Drafts are handed over to 2 and 3.
api: {operations: [create, list, read]}
access:
  read: [user if status = published or owner_id = me.id, editor]
  create: editor
  update: [user if owner_id = me.id, editor]
""",
    "log.yaml": "name: Log\nfields: {text: str}\naccess: {read: user}\n",
    "seat.yaml": """\
name: Seat
fields: {code: str(1..9) pk, taken: bool = false, note: str?}
actions: {take_it: {takes: {by: str}}}
api: {operations: [create, read, update], etag: required}
access: {read: anyone, write: anyone, fields: {note: {write: editor}}}
""",
}
HEROES = '''\
"""What happens with heroes."""

from ..caller import Caller
from ..kit.hooks import Refused, Transaction
from ..logs.models import Log
from .actions import HeroGreet, HeroHandOver, HeroPromote
from .models import Hero

stops: dict[str, object] = {}


def promote(tx: Transaction[Caller], hero: Hero, sent: HeroPromote) -> Hero:
    """Publish a hero."""
    if hero.status == "published":
        raise Refused("reason", "The hero is published already")
    hero.status = "published"
    tx.session.add(Log(text=f"{hero.name}: {sent.reason}, {sent.on}, {sent.mood}"))
    return hero


def retire(tx: Transaction[Caller], hero: Hero) -> Hero:
    """Retire a hero."""
    hero.status = "draft"
    tx.session.add(Log(text=f"retired by {tx.caller.id}"))
    return hero


def greet(tx: Transaction[Caller], hero: Hero, sent: HeroGreet) -> Hero:
    """Greet a hero."""
    tx.session.add(Log(text=f"{sent.word}, {hero.name}"))
    return hero


def close(tx: Transaction[Caller], hero: Hero) -> Hero:
    """Close a hero."""
    return hero


def hand_over(tx: Transaction[Caller], hero: Hero, sent: HeroHandOver) -> Hero:
    """Give a hero to another user."""
    hero.owner_id, hero.status = sent.to, sent.status
    return hero
'''
SEATS = '''\
"""What happens with seats."""

from ..caller import Caller
from ..kit.hooks import Transaction
from .actions import SeatTakeIt
from .models import Seat, SeatUpdate


def take_it(tx: Transaction[Caller | None], seat: Seat, sent: SeatTakeIt) -> Seat:
    """Take a seat."""
    if sent.by == "note":
        tx.update(seat, SeatUpdate(note="taken"))
    return tx.update(seat, SeatUpdate(taken=True))
'''


@pytest.fixture(scope="module")
def package() -> Iterator[Any]:
    found = package_of(ENTITIES, APP, heroes=HEROES, seats=SEATS)
    yield found
    unload(found)


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_actions(package: Any, kind: str, new_database: Callable[[str], str]) -> None:
    in_city(package, new_database(kind), _actions, auth_secret=SECRET)


async def _actions(city: City) -> None:
    ann, bob, editor = bearer([], sub="1"), bearer([], sub="2"), bearer(["editor"], sub="3")

    async def ask(who: dict[str, str], path: str, body: Any = None, **more: str) -> Any:
        return await city.ask("POST", path, body, **(who | more))

    made = await ask(editor, "/heroes/", {"name": "ann", "owner_id": 1})
    hero = made.json()
    promote = "/heroes/1/promote"
    assert (await ask({}, promote, {"reason": "x"})).status_code == 401
    assert (await ask(bob, promote, {"reason": "x"})).status_code == 404
    for body in ({}, {"reason": ""}, {"reason": "x", "more": 1}, {"reason": "x", "mood": "so"}):
        assert (await ask(ann, promote, body)).status_code == 422
    assert (await ask(ann, promote, {"reason": "x"}, if_match='"no"')).status_code == 412
    tag = made.headers["etag"]
    done = await ask(ann, promote, {"reason": "x", "on": "2026-01-02"}, if_match=tag)
    assert done.json() == hero | {"status": "published"}, done.text
    read = await city.ask("GET", "/heroes/1", **bob)
    assert (read.content, read.headers["etag"]) == (done.content, done.headers["etag"])
    again = await ask(ann, promote, {"reason": "x"})
    assert again.json()["detail"][0]["loc"] == ["body", "reason"]

    refused = await ask(bob, "/heroes/1/retire")
    assert refused.status_code == 403, refused.text
    assert (await ask(bob, "/heroes/1/greet", {"word": "Hi"})).status_code == 200
    assert (await ask(ann, "/heroes/9/retire")).status_code == 404
    assert (await ask(ann, "/heroes/1/retire")).json()["status"] == "draft"
    logged = (await city.ask("GET", "/logs/", **ann)).json()
    texts = [one["text"] for one in logged]
    assert texts == ["ann: x, 2026-01-02, good", "Hi, ann", "retired by 1"]

    assert (await ask({}, "/seats/", {"code": "a"})).status_code == 200
    assert (await ask({}, "/seats/a/take_it", {"by": "me"})).status_code == 428
    taken = await ask({}, "/seats/a/take_it", {"by": "me"}, if_match="*")
    assert taken.json() == {"code": "a", "taken": True, "note": None}
    refused = await ask(bob, "/seats/a/take_it", {"by": "note"}, if_match="*")
    said = "The property may not be set by this caller: note (in the update of Seat)"
    assert refused.status_code == 403
    assert refused.json()["detail"] == [{"type": "forbidden", "loc": [], "msg": said}]

    document = city.app.openapi()
    operation = document["paths"][promote.replace("1", "{hero_id}")]["post"]
    assert operation["operationId"] == "promote_hero"
    assert operation["description"] == "Publish one hero, for a reason."
    assert {"200", "204", "401", "403", "404", "412", "422"} <= operation["responses"].keys()
    assert document["components"]["schemas"]["HeroPromote"]["required"] == ["reason"]


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_rules_of_an_action(package: Any, kind: str, new_database: Callable[[str], str]) -> None:
    in_city(package, new_database(kind), _own_rules, auth_secret=SECRET)


async def _own_rules(city: City) -> None:
    """Compare with a model in Python: each caller, row before, and row after the function."""
    states, callers = ("draft", "published"), {1: [], 2: [], 3: ["editor"]}
    sent = [{"to": to, "status": after} for to in (1, 2, 4) for after in states]
    editor = bearer(["editor"], sub="3")
    for (who, roles), before, owner in product(callers.items(), states, (1, 2, None)):
        row = {"name": "x", "status": before, "owner_id": owner}
        made = await city.ask("POST", "/heroes/", row, **editor)
        path = made.headers["location"]
        me = bearer(roles, sub=str(who))
        for body in sent:
            is_read = bool(roles) or before == "published" or owner == who
            is_drafted = before == body["status"] == "draft"
            by_owner = owner == who and before == "draft" and body["to"] in {2, 3}
            wanted = 403 if is_read else 404
            if is_read and ((roles and is_drafted) or by_owner):
                is_seen = roles or body["status"] == "published" or body["to"] == who
                wanted = 200 if is_seen else 204
            answer = await city.ask("POST", f"{path}/hand_over", body, **me)
            case = (who, before, owner, body)
            assert answer.status_code == wanted, (case, answer.text)
            read = (await city.ask("GET", path, **editor)).json()
            changed = {"status": body["status"], "owner_id": body["to"]}
            assert read == made.json() | (changed if wanted < 300 else {}), case
            if wanted == 403:
                said = "Drafts are handed over to 2 and 3."
                assert answer.json()["detail"] == [{"type": "forbidden", "loc": [], "msg": said}]
            if wanted < 300:
                made = await city.ask("POST", "/heroes/", row, **editor)
                path = made.headers["location"]
        assert (await city.ask("POST", f"{path}/close", **me)).status_code == 403
    nobody = await city.ask("POST", "/heroes/1/hand_over", {"no": "body"})
    assert nobody.status_code == 401, "before the body is read"
    document = city.app.openapi()["paths"]["/heroes/{hero_id}/hand_over"]["post"]
    assert document["security"] == [{"token": []}]


def test_the_table_of_rules_has_actions() -> None:
    schema = load_texts(dict(ENTITIES), APP)
    assert "\n  promote    -       if (2)  yes" in access_tables(schema)
    found = allowed_callers(schema.entities[0], ("anyone", "user", "editor"))
    assert found["greet"] == found["read"]
    assert found["close"] == []
    drafts = "old.owner_id = me.id and old.status = draft and new.owner_id in (2, 3)"
    readable = ", of the rows that the caller may read"
    assert found["hand_over"] == [
        f"user if {drafts}{readable}",
        f"editor if status = draft or {drafts}",
    ]
    for entity in schema.entities:
        texts = dict(ENTITIES) | {f"{entity.singular}.yaml": explain(entity)}
        assert entity in load_texts(texts, APP).entities
