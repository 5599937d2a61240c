"""Keys of linked rows in the bodies of operations with functions and events."""

import asyncio
import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from crudgen.codegen import render
from crudgen.delivery.memory import import_tree, unload
from crudgen.language import load_texts
from tests.access.test_rules import SECRET as AUTH_SECRET
from tests.access.test_rules import bearer
from tests.hooks.city import City, in_city, package_of
from tests.hooks.test_events import left, until
from tests.startup.started import Application
from tests.support.asgi import AsgiClient

HERO = """\
name: Hero
fields: {name: str(1..40) unique, age: int?, token: str? write_only, team_id: -> Team?}
links:
  powers: Power
  friends: {to: Hero, inverse: fans}
api:
  operations: [create, list, read, update, replace, delete, create_many, update_many, delete_many]
  write: {powers: keys, friends: keys, missions: create}
  idempotency: true
  created: 201
"""
SEAT = """\
name: Seat
fields: {code: str(1..9) pk, note: str = none}
links: {powers: Power}
api: {operations: [create, read, update, replace], write: {powers: keys}, created: 201}
"""
OTHERS = {
    "power.yaml": """\
name: Power
fields: {name: str(1..9)}
api: {operations: [create, list, read, update, replace], write: {heroes: keys}}
""",
    "team.yaml": "name: Team\nfields: {name: str}\napi: {nested: [heroes]}\n",
    "mission.yaml": "name: Mission\nfields: {goal: str(1..9), hero_id: -> Hero cascade}\n",
}
HOOKS = "hooks: [create, update, delete, on_create, on_update, on_delete]\n"
PLAIN = {"hero.yaml": HERO, "seat.yaml": SEAT, **OTHERS}
HOOKED = {
    "functions": {
        "hero.yaml": f"{HERO}{HOOKS}",
        "seat.yaml": f"{SEAT}hooks: [update]\n",
        "power.yaml": f"{OTHERS['power.yaml']}hooks: [create, update]\n",
        "team.yaml": OTHERS["team.yaml"],
        "mission.yaml": f"{OTHERS['mission.yaml']}hooks: [create]\n",
    },
    "events": {
        **PLAIN,
        "hero.yaml": f"{HERO}hooks: [on_create, on_update, on_delete]\n",
        "seat.yaml": f"{SEAT}hooks: [on_create]\n",
    },
}
AUTH = "auth: {roles: [editor], me: {id: int = sub}}\n"
ONCE = {"Idempotency-Key": "one"}
Asked = tuple[str, str, Any, Mapping[str, str]]


def requests() -> Iterator[Asked]:
    """Yield requests, each after those before it; `ETAG` is that of the last response."""

    def ask(request: str, body: Any = None, **headers: str) -> Asked:
        method, _, path = request.partition(" ")
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        return method, path, body, sent

    for name in "abc":
        yield ask("POST /powers/", {"name": name})
    yield ask("POST /teams/", {"name": "t"})
    yield ask("POST /heroes/", {"name": "Ann", "power_ids": [3, 1]})
    yield ask("PATCH /heroes/1", {"power_ids": [2]}, if_match="ETAG")
    yield ask("PATCH /heroes/1", {"age": 3}, if_match="ETAG")
    yield ask("GET /heroes/1", None, if_none_match="ETAG")
    yield ask("PATCH /heroes/1", {"power_ids": [1]}, if_match='"x"')
    yield ask("PATCH /heroes/1", {"age": 4, "power_ids": [1, 9]})
    yield ask("PATCH /heroes/1", {"age": 4, "friend_ids": [1, 1]})
    yield ask("PATCH /heroes/9", {"power_ids": [1]})
    yield ask("PATCH /heroes/1", {"friend_ids": [1]})
    yield ask("GET /heroes/?include=powers,friends")
    for _ in range(2):
        missions = [{"goal": "x"}, {"goal": "y"}]
        both = {"name": "Bob", "power_ids": [2, 1], "missions": missions}
        yield ask("POST /heroes/", both, **ONCE)
    yield ask("PATCH /heroes/2", {"friend_ids": [1, 2]}, if_match="ETAG")
    yield ask("POST /heroes/", {"name": "Eve", "power_ids": [7]})
    yield ask("POST /heroes/", {"name": "Eve", "missions": [{"goal": ""}]})
    yield ask("POST /teams/1/heroes/", {"name": "Tim", "power_ids": [1], "friend_ids": [2]})
    yield ask("PUT /heroes/2", {"name": "Bob", "age": 5, "power_ids": [3]})
    yield ask("PUT /heroes/2", {"name": "Bob", "age": 5, "power_ids": [3]}, if_match="ETAG")
    yield ask("PUT /heroes/2", {"name": "Bob"})
    yield ask("PUT /heroes/2", {"name": "Bob", "power_ids": [8]})
    yield ask("PUT /heroes/99", {"name": "Nobody", "power_ids": [1]})
    many = [{"name": "Kim", "power_ids": [1]}, {"name": "Lea"}, {"name": "Max", "friend_ids": [1]}]
    yield ask("POST /heroes/bulk", many)
    yield ask("POST /heroes/bulk", [{"name": "Ned", "power_ids": [2, 1]}], **ONCE)
    yield ask("POST /heroes/bulk", [{"name": "Ola"}, {"name": "Pam", "power_ids": [1, 6]}])
    yield ask("POST /teams/9/heroes/", {"name": "Tom", "power_ids": [1]})
    yield ask("PATCH /heroes/bulk", [{"id": 2, "power_ids": [1, 2]}, {"id": 1, "age": 6}])
    yield ask("PATCH /heroes/bulk", [{"id": 1, "power_ids": [2]}, {"id": 2, "friend_ids": [44]}])
    yield ask("GET /heroes/?sort=name")
    yield ask("DELETE /heroes/1")
    yield ask("GET /heroes/?sort=name")
    for headers in ({}, {"if_none_match": "*"}, {"if_match": "ETAG"}):
        for seat in ({"power_ids": [2]}, {"note": "x"}, {"note": "y", "power_ids": [1, 5]}):
            yield ask("PUT /seats/a", seat | {"code": "a"}, **headers)
            yield ask("GET /seats/a")
    yield ask("PUT /seats/b", {"code": "b", "power_ids": [2]}, if_none_match="*")
    yield ask("PATCH /seats/b", {"power_ids": [3, 1]}, if_match="ETAG")
    yield ask("PATCH /powers/1", {"hero_ids": [2]})
    yield ask("PUT /powers/2", {"name": "p"})
    yield ask("POST /powers/", {"name": "q", "hero_ids": [2]})
    yield ask("GET /heroes/?sort=name")
    yield ask("DELETE /heroes/bulk?id=2")
    yield ask("GET /powers/?include=heroes")


def _told(answer: httpx.Response) -> tuple[Any, ...]:
    """Return what a response tells; of its problems, the first: functions run one by one."""
    names = ("etag", "location", "idempotent-replayed")
    found = answer.text
    if answer.status_code in {409, 422}:
        found = json.dumps(answer.json()["detail"][:1])
    return answer.status_code, found, *(answer.headers.get(name) for name in names)


def _answers(
    entities: Mapping[str, str], database: str, app_text: str | None = None
) -> list[tuple[Any, ...]]:
    """Send all requests to an application whose functions do what operations do without them."""
    package, found = import_tree(render(load_texts(dict(entities), app_text))), []
    settings = {"auth_secret": AUTH_SECRET} if app_text else {}

    async def send_all() -> None:
        tag = ""
        async with Application(package).running(database, **settings) as app:
            client = AsgiClient(app)
            for number, (method, path, body, headers) in enumerate(requests()):
                sent = {name: value.replace("ETAG", tag) for name, value in headers.items()}
                if app_text:
                    sent |= bearer(["editor"] if number % 3 else [])
                answer = await client.request(method, path, json=body, headers=sent)
                tag = answer.headers.get("etag", tag)
                found.append((method, path, body, *_told(answer)))

    try:
        asyncio.run(send_all())
    finally:
        unload(package)
    return found


@pytest.mark.long
@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_functions_change_no_response(kind: str, new_database: Callable[[str], str]) -> None:
    plain = _answers(PLAIN, new_database(kind))
    assert {200, 201, 304, 404, 409, 412, 422} <= {one[3] for one in plain}
    for name, entities in HOOKED.items():
        for one, other in zip(_answers(entities, new_database(kind)), plain, strict=True):
            assert one == other, name


ACCESS = {
    "hero.yaml": """\
access:
  read: [user if age is null or age < 6, editor]
  create: user
  update: [user if team_id is null, editor]
  delete: [user if age is null, editor]
""",
    "power.yaml": """\
access:
  read: [user if name != 'c', editor]
  create: user
  update: [user if name != 'b', editor]
""",
    "seat.yaml": "access: {read: user, create: user, update: [user if note != 'x', editor]}\n",
    "team.yaml": "access: user\n",
    "mission.yaml": "access: {read: user, create: [user if goal != 'y', editor]}\n",
}


@pytest.mark.long
@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_functions_keep_the_rules(kind: str, new_database: Callable[[str], str]) -> None:
    """A refusal may name another rule: that about the row comes before its function."""

    def answers(entities: Mapping[str, str]) -> list[tuple[Any, ...]]:
        texts = {name: entity + ACCESS[name] for name, entity in entities.items()}
        return _answers(texts, new_database(kind), AUTH)

    plain = answers(PLAIN)
    assert {200, 201, 304, 403, 404, 409, 412, 422} <= {one[3] for one in plain}
    for name, entities in HOOKED.items():
        for one, other in zip(answers(entities), plain, strict=True):
            assert one == other or {one[3], other[3]} <= {403, 409}, name


@pytest.mark.long
def test_locks_are_taken_in_one_order(new_database: Callable[[str], str]) -> None:
    database = new_database("postgresql")
    package = import_tree(render(load_texts(HOOKED["functions"])))

    async def send_all() -> None:
        application = Application(package)
        async with application.running(database) as app:
            client = AsgiClient(app)
            for name in "abc":
                await client.post("/powers/", json={"name": name})
                await client.post("/heroes/", json={"name": name})
            sent: list[tuple[str, str, Any]] = []
            for number in range(1, 4):
                keys = [1, 2, 3][:number]
                sent += [
                    ("PATCH", f"/heroes/{number}", {"power_ids": keys}),
                    ("PUT", f"/heroes/{number}/powers/", keys[::-1]),
                    ("PATCH", f"/powers/{number}", {"hero_ids": keys}),
                    ("PATCH", "/heroes/bulk", [{"id": key, "power_ids": keys} for key in keys]),
                ]
            for _ in range(5):
                every = (client.request(method, path, json=body) for method, path, body in sent)
                answers = await asyncio.gather(*every)
                assert {one.status_code for one in answers} == {200}
        with application.connected(database) as engine, engine.connect() as connection:
            asked = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
            assert connection.execute(text(asked)).scalar_one() == 0

    try:
        asyncio.run(send_all())
    finally:
        unload(package)


HEROES = '''\
"""What happens with heroes."""

from sqlmodel import select

from ..kit.events import Event
from ..kit.hooks import Refused, Transaction
from .actions import HeroLearn
from .bodies import HeroCreateWithKeys, HeroUpdateWithRelated
from .links import HeroPowerLink
from .models import Hero, HeroCreate, HeroUpdate

stops: dict[str, object] = {}
told: list[Event] = []


def create(tx: Transaction, hero: HeroCreateWithKeys) -> Hero:
    """Create a hero, who can fly."""
    if hero.name == "plain":
        return tx.create(Hero, HeroCreate(name="plain"))
    if 3 in hero.power_ids:
        raise Refused("power_ids", "Nobody has this power at first")
    hero.power_ids = sorted({*hero.power_ids, 1, *([8] if hero.name == "bad" else [])})
    made = tx.create(Hero, hero)
    assert made.id is not None
    if hero.name == "twice":
        tx.update(made, HeroUpdateWithRelated(power_ids=[1, 3]))
    if hero.name == "session":
        tx.session.add(HeroPowerLink(hero_id=made.id, power_id=2))
    return made


def update(tx: Transaction, hero: Hero, changes: HeroUpdateWithRelated) -> Hero:
    """Update a hero, who keeps what they can."""
    if "power_ids" in changes.model_fields_set:
        asked = select(HeroPowerLink.power_id).where(HeroPowerLink.hero_id == hero.id)
        known = {*tx.session.exec(asked)}
        changes.power_ids = sorted({*changes.power_ids} | known)
        if len(changes.power_ids) > 2:
            raise Refused("power_ids", "A hero has at most two powers")
    return tx.update(hero, changes)


def learn(tx: Transaction, hero: Hero, sent: HeroLearn) -> Hero:
    """Let a hero learn a power."""
    tx.update(hero, HeroUpdate(age=(hero.age or 0) + 1))
    return tx.update(hero, HeroUpdateWithRelated(power_ids=[sent.power_id]))


async def tell(event: Event) -> None:
    """Remember an event."""
    told.append(event)


on_create = on_update = on_delete = on_learn = tell
'''
OWN = {
    **PLAIN,
    "hero.yaml": f"{HERO}actions: {{learn: {{takes: {{power_id: int}}}}}}\n"
    "hooks: [create, update, on_create, on_update, on_delete, on_learn]\n",
}
WEBHOOKS = """\
names: {json: camelCase}
webhooks:
  all: {events: [Hero.created, Hero.updated, Hero.deleted, Hero.learn], url: "http://127.0.0.1:9/"}
  some:
    events: [Hero.updated]
    url: "http://127.0.0.1:9/"
    fields: {Hero: [name, power_ids]}
"""
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"  # noqa: S105 - of the documentation
KEYS = "powerIds"


@pytest.fixture(scope="module")
def package() -> Iterator[Any]:
    found = package_of(OWN, WEBHOOKS, heroes=HEROES)
    yield found
    unload(found)


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_functions_write_keys(package: Any, kind: str, new_database: Callable[[str], str]) -> None:
    secrets = {"webhook_all_secret": SECRET, "webhook_some_secret": SECRET, "webhooks": False}
    in_city(package, new_database(kind), _own, **secrets)


async def _own(city: City) -> None:
    city.hooks.told.clear()
    for name in "abc":
        await city.ask("POST", "/powers/", {"name": name})

    async def keys(method: str, path: str, body: Any, *, status: int = 200) -> Any:
        answer = await city.ask(method, path, body)
        assert answer.status_code == status, answer.text
        if status >= 400:
            return [(one["type"], one["loc"]) for one in answer.json()["detail"]]
        rows = answer.json() if isinstance(answer.json(), list) else [answer.json()]
        for row in rows:
            read = await city.ask("GET", f"/heroes/{row['id']}")
            assert read.json()[KEYS] == row[KEYS]
        if path != "/heroes/" and len(rows) == 1 and "bulk" not in path:
            assert read.headers["etag"] == answer.headers["etag"]
        return [row[KEYS] for row in rows]

    made = {"name": "Ann", KEYS: [2]}
    refused = [("refused", ["body", "power_ids"])]
    assert await keys("POST", "/heroes/", made, status=201) == [[1, 2]]
    assert await keys("POST", "/heroes/", {**made, KEYS: [3]}, status=422) == refused
    for name, expected in (("plain", []), ("twice", [1, 3]), ("session", [1, 2])):
        assert await keys("POST", "/heroes/", {"name": name}, status=201) == [expected]
    assert await keys("PATCH", "/heroes/2", {KEYS: [3]}) == [[3]]
    assert await keys("PATCH", "/heroes/2", {"age": 4}) == [[3]]
    assert await keys("PUT", "/heroes/2", {"name": "plain", KEYS: [1]}) == [[1, 3]]
    assert await keys("PUT", "/heroes/2", {"name": "plain"}) == [[1, 3]]
    assert await keys("PATCH", "/heroes/2", {"age": 5, KEYS: [2]}, status=422) == refused
    many = [{"id": 2, KEYS: []}, {"id": 1, KEYS: [3]}]
    assert await keys("PATCH", "/heroes/bulk", many, status=422) == [
        ("refused", ["body", 1, "power_ids"])
    ]
    assert await keys("PATCH", "/heroes/bulk", [{"id": 3, "age": 1}, {"id": 1, KEYS: [2]}]) == [
        [1, 3],
        [1, 2],
    ]
    assert await keys("POST", "/heroes/bulk", [{"name": "many"}], status=201) == [[1]]
    assert await keys("POST", "/heroes/1/learn", {"powerId": 3}) == [[3]]
    made["name"] = "Bob"
    assert await keys("POST", "/heroes/", {**made, KEYS: [9, 7]}, status=409) == [
        ("no_target", ["body", KEYS, 1]),
        ("no_target", ["body", KEYS, 0]),
    ]
    # The function has added a key, which the request has not.
    bad = {"name": "bad", KEYS: [1]}
    assert await keys("POST", "/heroes/", bad, status=409) == [("no_target", ["body", KEYS])]
    del bad[KEYS]
    assert await keys("POST", "/heroes/", bad, status=409) == [("no_target", ["body"])]
    # There is no such power: nothing is written, and the error is that of the function.
    assert await keys("POST", "/heroes/1/learn", {"powerId": 9}, status=409) == [("conflict", [])]
    assert (await city.ask("GET", "/heroes/1")).json()["age"] == 1
    await city.ask("DELETE", "/heroes/2")
    await _check_events(city)


async def _check_events(city: City) -> None:
    """Compare the events and the messages with what the responses had."""
    expected = [
        ("create", 1, [1, 2]),
        ("create", 2, []),
        ("create", 3, [1, 3]),
        ("update", 3, [1, 3]),
        ("create", 4, [1, 2]),
        *(("update", 2, one) for one in ([3], [3], [1, 3], [1, 3])),
        ("update", 3, [1, 3]),
        ("update", 1, [1, 2]),
        ("create", 5, [1]),
        ("learn", 1, [3]),
        ("update", 1, [3]),
        ("delete", 2, [1, 3]),
    ]

    await until(lambda: len(city.hooks.told) >= len(expected) and not left(city))
    found = [(one.kind, one.key, one.row[KEYS]) for one in city.hooks.told]
    assert sorted(found) == sorted(expected)
    with city.engine.connect() as connection:
        sent = connection.execute(
            text("SELECT webhook, kind, key, body FROM _delivery ORDER BY id")
        )
        messages = [(one.webhook, one.kind, json.loads(one.body)) for one in sent]
    names = {"create": "created", "update": "updated", "delete": "deleted"}
    wanted = sorted((names.get(kind, kind), key, keys) for kind, key, keys in expected)
    assert (
        sorted((kind, row["id"], row[KEYS]) for to, kind, row in messages if to == "all") == wanted
    )
    some = [row for to, _, row in messages if to == "some"]
    assert [one[KEYS] for one in some] == [
        row[KEYS] for to, kind, row in messages if (to, kind) == ("all", "updated")
    ]
    assert {*map(tuple, some)} == {("name", KEYS)}
    document = (await city.client.get("/openapi.json")).json()
    schemas = document["components"]["schemas"]
    data = schemas["HeroUpdatedWebhook"]["properties"]["data"]["anyOf"]
    assert [one["$ref"].rpartition("/")[2] for one in data] == [
        "HeroPublicWithKeys",
        "HeroForSome",
    ]
    assert [*schemas["HeroForSome"]["properties"]] == ["name", KEYS]
