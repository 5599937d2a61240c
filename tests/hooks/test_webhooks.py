"""Webhooks: signed, at least once, in the order of each row, and whatever a receiver does."""

import asyncio
import contextlib
import importlib
import json
import logging
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jwt
import pytest
from sqlalchemy import text

from crudgen.codegen import render
from crudgen.delivery.memory import import_tree, unload
from crudgen.kit.webhooks.message import select_properties
from crudgen.kit.webhooks.sending import retry_after_seconds
from crudgen.language import load_texts
from tests.cli.test_cli import Project
from tests.hooks.city import City, package_of, running
from tests.hooks.receiver import ACCEPTED, OLD_SECRET, SECRET, Receiver, answer, receiving
from tests.hooks.test_events import until
from tests.support.asgi import AsgiClient

APP = """\
webhooks:
  crm:
    url: https://crm.example/hooks
    events: [Hero.created, Hero.updated, Hero.deleted, Hero.promote]
  audit:
    events: [Hero.updated, Team.created]
    fields: {Hero: [id, born_on, pay]}
"""
ENTITIES = {
    "hero.yaml": """\
name: Hero
fields:
  name: str(1..40) unique
  born_on: date? json(bornOn)
  pay: decimal(8, 2) = 0.50
  token: str? write_only
  team_id: -> Team? cascade
actions: {promote: {}}
api:
  operations: [create, list, read, update, replace, delete, create_many, update_many, delete_many]
  idempotency: true
""",
    "team.yaml": "name: Team\nfields: {name: str(1..40)}\n",
}
HEROES = '''\
"""What happens with heroes."""

from ..kit.hooks import Transaction
from .models import Hero

stops: dict[str, object] = {}


def promote(tx: Transaction, hero: Hero) -> Hero:
    """Promote a hero."""
    if hero.name == "kept":
        raise ValueError("no")
    hero.pay += 1
    return hero
'''
SECRETS = f"{SECRET} {OLD_SECRET}"


@pytest.fixture(scope="module")
def package() -> Iterator[Any]:
    found = package_of(ENTITIES, APP, heroes=HEROES)
    yield found
    unload(found)


def with_receivers(
    package: Any, url: str, test: Callable[[City, Receiver, Receiver], Any], **settings: Any
) -> None:
    """Run a test with the application and two receivers."""

    async def run() -> None:
        async with receiving() as crm, receiving() as audit:
            values = {
                "webhook_crm_url": crm.url,
                "webhook_crm_secret": SECRETS,
                "webhook_audit_url": audit.url,
                "webhook_audit_secret": SECRETS,
                **settings,
            }
            async with running(package, url, **values) as city:
                await test(city, crm, audit)

    asyncio.run(run())


def left(city: City) -> list[Any]:
    columns = "id, webhook, attempts, due, status, error"
    with city.engine.connect() as connection:
        return [*connection.execute(text(f"SELECT {columns} FROM _delivery ORDER BY id"))]  # noqa: S608


async def hurry(city: City) -> None:
    """Let all messages that wait be sent now."""
    with city.engine.begin() as connection:
        connection.execute(text("UPDATE _delivery SET due = 1 WHERE due > 0"))
    for worker in city.application.module("kit.events.worker").WORKERS[city.app.state.database]:
        worker.resumes = 0
        worker.wake()


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_webhooks(package: Any, kind: str, new_database: Callable[[str], str]) -> None:
    with_receivers(package, new_database(kind), _all_kinds)


async def _all_kinds(city: City, crm: Receiver, audit: Receiver) -> None:
    made = (await city.ask("POST", "/heroes/", {"name": "ann", "token": "secret"})).json()
    await city.ask("PATCH", "/heroes/1", {"bornOn": "2000-01-01"})
    promoted = (await city.ask("POST", "/heroes/1/promote")).json()
    await city.ask("PUT", "/heroes/1", {"name": "Ann", "pay": 10.25})
    await city.ask("DELETE", "/heroes/1")
    await city.ask("POST", "/teams/", {"name": "blue"})
    await until(lambda: not left(city))
    kinds = ["created", "updated", "promote", "updated", "deleted"]
    assert [one["type"] for one in crm.accepted] == [f"Hero.{kind}" for kind in kinds]
    assert crm.accepted[0]["data"] == made
    assert crm.accepted[2]["data"] == promoted
    assert crm.accepted[4]["data"] == {**made, "name": "Ann", "pay": "10.25"}
    assert "token" not in str(crm.accepted)
    assert [*crm.accepted[0]] == ["type", "timestamp", "data"]
    assert crm.accepted[0]["timestamp"][-1] == "Z"
    updates = [one["data"] for one in audit.accepted if one["type"] == "Hero.updated"]
    assert updates[0] == {"id": 1, "bornOn": "2000-01-01", "pay": "0.50"}
    assert updates[1] == {"id": 1, "bornOn": None, "pay": "10.25"}
    assert ("Team.created", 1) in audit.types()
    headers = crm.requests[0][0]
    assert headers["content-type"] == "application/json"
    assert headers["webhook-signature"].count("v1,") == 2
    assert len({one[0]["webhook-id"] for one in (*crm.requests, *audit.requests)}) == 8

    # A request that writes nothing sends nothing; one on several rows sends each of them.
    assert (await city.ask("POST", "/heroes/", {"name": "x" * 41})).status_code == 422
    rows = [{"name": "bob"}, {"name": "kept"}]
    await city.ask("POST", "/heroes/bulk", rows, idempotency_key="k")
    await city.ask("POST", "/heroes/bulk", rows, idempotency_key="k")
    assert (await city.ask("POST", "/heroes/", {"name": "bob"})).status_code == 409
    assert (await city.ask("POST", "/heroes/3/promote")).status_code == 500
    await until(lambda: not left(city))
    assert sorted(crm.types()[5:]) == [("Hero.created", 2), ("Hero.created", 3)]


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_receivers_that_fail(
    package: Any,
    kind: str,
    new_database: Callable[[str], str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    with_receivers(package, new_database(kind), _failures)
    assert "whsec_" not in caplog.text
    assert "key=k" not in caplog.text
    assert "404 Not Found" in caplog.text


async def _failures(city: City, crm: Receiver, audit: Receiver) -> None:
    audit.answers = lambda _: None  # it hangs, and holds up nobody
    crm.answers = lambda message: answer(404) if message["data"]["name"] == "ann" else ACCEPTED
    for name in ("ann", "bob"):
        await city.ask("POST", "/heroes/", {"name": name})
    await city.ask("PATCH", "/heroes/1", {"name": "Ann"})
    await city.ask("PATCH", "/heroes/2", {"name": "Bob"})
    waiting = [(1, 404, "404 Not Found"), (0, None, None)]
    await until(lambda: [tuple(one[2:3] + one[4:]) for one in left(city)[:2]] == waiting)
    await until(lambda: len(left(city)) == 4)  # those of ann, and two that hang
    assert crm.types() == [("Hero.created", 2), ("Hero.updated", 2)]
    crm.answers = lambda _: ACCEPTED
    await hurry(city)
    await until(lambda: crm.types()[2:] == [("Hero.created", 1), ("Hero.updated", 1)])
    first, again = (one for one in crm.requests if one[1] == crm.accepted[2])
    assert first[0]["webhook-id"] == again[0]["webhook-id"]

    # Neither a redirect nor a response that is not HTTP is success; Retry-After is respected.
    for response, error in (
        (answer(302, "location: http://127.0.0.1:1/"), "302 Found"),
        (answer(599), "599"),
        (b"SSH-2.0-OpenSSH\r\n", "RemoteProtocolError: "),
        (b"", "RemoteProtocolError: "),
        (answer(503, "retry-after: 3600"), "503 Service Unavailable"),
    ):
        crm.answers = lambda _, response=response: response  # type: ignore[misc]
        await city.ask("PATCH", "/heroes/1", {"pay": 2})

        def failed(error: str = error) -> bool:
            waiting = [one for one in left(city) if one.webhook == "crm"]
            return [(one.error or "").startswith(error) for one in waiting] == [True]

        await until(failed)
        if "503" in error:
            (waiting,) = (one for one in left(city) if one.webhook == "crm")
            queue = city.application.module("kit.events.queue")
            assert waiting.due > queue.milliseconds() + 3_500_000
            # Nor does it get messages about other rows meanwhile.
            asked = len(crm.requests)
            await city.ask("PATCH", "/heroes/2", {"pay": 2})
            await asyncio.sleep(0.2)
            assert len(crm.requests) == asked
        count = len(crm.accepted) + ("503" in error)
        crm.answers = lambda _: answer(200, body=b"x" * 300_000)
        await hurry(city)
        await until(lambda count=count: len(crm.accepted) == count + 1)  # type: ignore[misc]

    await _gone(city, crm)


async def _gone(city: City, crm: Receiver) -> None:
    """410 stops the receiver until the message is retried or dropped."""
    crm.answers = lambda _: answer(410)
    await city.ask("PATCH", "/heroes/1", {"pay": 3})
    await until(lambda: [one.status for one in left(city) if one.webhook == "crm"] == [410])
    crm.answers = lambda _: ACCEPTED
    count = len(crm.requests)
    await city.ask("PATCH", "/heroes/2", {"pay": 3})
    await hurry(city)
    await asyncio.sleep(0.2)
    assert len(crm.requests) == count
    stored = city.application.module("kit.events.stored").StoredEvents
    with city.application.module("kit.wiring").open_session(city.settings) as session:
        listed = [one for one in stored(session).all() if one["webhook"] == "crm"]
        assert [(one["next"] is None, one["error"]) for one in listed] == [
            (True, "410 Gone"),
            (False, None),
        ]
        assert stored(session).retry([listed[0]["id"]]) == 1
        assert stored(session).drop(["x"]) == 0
    await until(lambda: len(crm.requests) == count + 2)

    # An unreachable receiver does not affect writes.
    crm.answers = lambda _: ACCEPTED
    for sender in city.application.module("kit.events.worker").WORKERS[city.app.state.database]:
        sender.receiver = city.application.module("kit.webhooks.receiver").Receiver(
            "http://127.0.0.1:1/", (b"x" * 24,)
        )
    assert (await city.ask("PATCH", "/heroes/1", {"pay": 4})).status_code == 200
    await until(lambda: "ConnectError" in str(left(city)))


def test_a_process_may_send_nothing(package: Any, new_database: Callable[[str], str]) -> None:
    url = new_database("sqlite")
    with_receivers(package, url, _store, webhooks=False, webhook_crm_secret=None)
    with_receivers(package, url, _send)


async def _store(city: City, crm: Receiver, _audit: Receiver) -> None:
    await city.ask("POST", "/heroes/", {"name": "ann"})
    await asyncio.sleep(0.05)
    assert not crm.requests
    assert [one.webhook for one in left(city)] == ["crm"]


async def _send(city: City, crm: Receiver, _audit: Receiver) -> None:
    await until(lambda: not left(city))
    assert crm.types() == [("Hero.created", 1)]


SETTINGS = {
    "webhook_crm_url": "https://crm.example/hooks",
    "webhook_crm_secret": SECRET,
    "webhook_audit_url": "https://audit.example/hooks",
    "webhook_audit_secret": SECRET,
}


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("webhook_audit_url", None, "WEBHOOK_AUDIT_URL is missing"),
        ("webhook_audit_url", "", "WEBHOOK_AUDIT_URL is missing"),
        ("webhook_audit_url", "http://example.com/", "WEBHOOK_AUDIT_URL should be a URL"),
        ("webhook_audit_url", "https://a:b@example.com/", "WEBHOOK_AUDIT_URL should be a URL"),
        ("webhook_audit_url", "http://localhost.example/", "WEBHOOK_AUDIT_URL should be a URL"),
        ("webhook_audit_url", "http://127.0.0.1@a.example/", "WEBHOOK_AUDIT_URL should be a URL"),
        ("webhook_audit_url", "https://a.example/\r\nx: y", "WEBHOOK_AUDIT_URL should be a URL"),
        ("webhook_crm_secret", None, "WEBHOOK_CRM_SECRET is missing"),
        ("webhook_crm_secret", " ", "WEBHOOK_CRM_SECRET is missing"),
        ("webhook_crm_secret", "MfKQ9r8GKYqr", "WEBHOOK_CRM_SECRET should begin with whsec_"),
        ("webhook_crm_secret", "whsec_MfKQ9r8G", "WEBHOOK_CRM_SECRET has 6 bytes"),
        ("webhook_crm_secret", "whsec_?", "WEBHOOK_CRM_SECRET should be base64"),
        ("webhook_crm_secret", f"{SECRET},{SECRET} {SECRET}", "should be one secret, or 2"),
    ],
)
def test_settings_are_checked_at_the_start(
    package: Any, name: str, value: str | None, message: str
) -> None:
    def module(path: str) -> Any:
        return importlib.import_module(f"{package.__name__}.{path}")

    made = module("settings").Settings(**{**SETTINGS, name: value})
    app = module("main").create_app(made)
    with pytest.raises(module("kit.errors").StartupError, match=message) as error:
        made.install(app)
    assert value is None or value.strip() in {"", "whsec_?"} or value not in str(error.value)
    made.webhooks = False
    made.install(app)
    assert app.state.receivers == {}
    assert SECRET not in repr(made)


def test_the_document_describes_messages(package: Any) -> None:
    app = importlib.import_module(f"{package.__name__}.main").create_app()
    document = app.openapi()
    assert [*document["webhooks"]] == [
        *("Hero.created", "Hero.updated", "Hero.deleted", "Hero.promote", "Team.created")
    ]
    schemas = document["components"]["schemas"]
    assert not [name for name in schemas if name.endswith(("-Input", "-Output"))]
    data = schemas["HeroUpdatedWebhook"]["properties"]["data"]
    names = ("HeroPublic", "HeroForAudit")
    assert data["anyOf"] == [{"$ref": f"#/components/schemas/{name}"} for name in names]
    assert {*schemas["HeroForAudit"]["properties"]} == {"id", "bornOn", "pay"}
    promoted = schemas["HeroPromoteWebhook"]["properties"]
    assert promoted["type"]["const"] == "Hero.promote"
    assert promoted["data"] == {"$ref": "#/components/schemas/HeroPublic"}


def test_some_properties_of_a_row_keep_their_bytes() -> None:
    row = b'{"id":1,"pay":0.10,"a":{"b":["}\\"",1e5]},"text":"\\u00e9 \\"id\\":","n":null}'
    assert select_properties(row, ["id", "pay"]) == b'{"id":1,"pay":0.10}'
    assert select_properties(row, ["n", "a"]) == b'{"a":{"b":["}\\"",1e5]},"n":null}'
    assert select_properties(row, ["text"]) == b'{"text":"\\u00e9 \\"id\\":"}'
    assert select_properties(row, []) == b"{}"


@pytest.mark.parametrize(
    ("header", "low", "high"),
    [
        ("120", 120, 120),
        ("99999999999999999999999", 86_400, 86_400),
        ("-5", 0, 0),
        ("soon", 0, 0),
        ("", 0, 0),
        ("Fri, 01 Jan 2999 00:00:00 GMT", 86_400, 86_400),
        ("Fri, 01 Jan 1999 00:00:00 GMT", 0, 0),
        ("Fri, 99 Jan 1999 00:00:00 GMT", 0, 0),
        ("\u0661", 0, 1),
    ],
)
def test_retry_after(header: str, low: int, high: int) -> None:
    assert low <= retry_after_seconds(header) <= high


def test_a_spec_has_only_the_parts_of_the_kit_that_it_needs() -> None:
    def rooms(hooks: str, app: str | None) -> set[str]:
        spec = f"name: Hero\nfields: {{name: str}}\n{hooks}"
        paths = {*render(load_texts({"hero.yaml": spec}, app))}
        folders = ("events", "webhooks", "hooks")
        return {path[8:] for path in paths if path[8:].partition("/")[0] in folders}

    webhooks = "webhooks: {crm: {events: [Hero.created]}}"
    functions = rooms("hooks: [on_create]\n", None)
    sent = rooms("", webhooks)
    assert rooms("", None) == set()
    assert not [path for path in functions if path.startswith("webhooks")]
    assert functions - sent == {"events/outbox.py", "events/router.py", "events/table.py"}
    assert {path.partition("/")[0] for path in sent - functions} == {"webhooks"}
    assert rooms("hooks: [on_create]\n", webhooks) == functions | sent


def test_commands(tmp_path: Path) -> None:
    project = Project(tmp_path)
    project.write("entities/hero.yaml", "name: Hero\nfields: {name: str}\n")
    url = f"sqlite:///{tmp_path}/app.db"
    none = project.run("events", "list", "--database", url, code=1).stderr
    assert "no function runs after commits, and there are no webhooks" in none
    project.write("crudgen.yaml", "webhooks: {crm: {events: [Hero.created]}}\n")
    assert project.run("events", "list", "--database", url).stdout == "no events wait\n"
    with contextlib.closing(sqlite3.connect(tmp_path / "app.db")) as connection, connection:
        connection.execute(
            "INSERT INTO _delivery (uid, webhook, entity, key, kind, created, attempts, error)"
            " VALUES ('a', 'crm', 'Hero', '1', 'created', 0, 20, '404 Not Found')",
        )
    shown = "a  Hero 1 created to crm  20 attempts, failed for good: 404 Not Found\n"
    assert project.run("events", "list", "--database", url).stdout == shown
    assert project.run("events", "retry", "--database", url).stdout == "1 event retried\n"
    listed = json.loads(project.run("events", "list", "--json", "--database", url).stdout)
    assert [(one["webhook"], one["attempts"]) for one in listed] == [("crm", 0)]
    assert project.run("events", "drop", "a", "--database", url).stdout == "1 event dropped\n"


def test_rules_are_about_callers_not_about_receivers(tmp_path: Path) -> None:
    app = (
        "auth: {users: true, keys: true, roles: [hr]}\nwebhooks: {crm: {events: [Note.created]}}\n"
    )
    note = """\
name: Note
fields: {text: str, owner_id: int = me read_only}
access: {read: user if owner_id = me, create: user, update: hr, delete: nobody}
"""
    tree = render(load_texts({"note.yaml": note}, app))
    assert "app/notes/hooks.py" not in tree
    package = import_tree(tree)
    token = jwt.encode({"sub": "7", "exp": 4_000_000_000, "roles": []}, SECRET * 2, "HS256")

    async def run() -> None:
        def module(path: str) -> Any:
            return importlib.import_module(f"{package.__name__}.{path}")

        values = {"webhooks": False, "auth_secret": SECRET * 2}
        settings = module("settings").Settings(database_url=f"sqlite:///{tmp_path}/a.db", **values)
        application = module("main").create_app(settings)
        async with application.router.lifespan_context(application):
            client = AsgiClient(application)
            assert (await client.post("/notes/", json={"text": "a"})).status_code == 401
            headers = {"authorization": f"Bearer {token}"}
            made = await client.post("/notes/", json={"text": "a"}, headers=headers)
            assert made.status_code == 200, made.text
        with contextlib.closing(sqlite3.connect(tmp_path / "a.db")) as connection:
            found = connection.execute("SELECT kind, body FROM _delivery").fetchall()
        assert [(kind, json.loads(body)) for kind, body in found] == [("created", made.json())]

    asyncio.run(run())
    unload(package)
