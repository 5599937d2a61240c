"""API keys: who their callers are, what ends them, and their commands."""

import asyncio
import json
import logging
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from crudgen import cli
from crudgen.codegen import render
from crudgen.delivery.memory import import_tree, unload
from crudgen.language import load_texts
from tests.access.test_rules import SECRET, bearer
from tests.startup.started import Application
from tests.support.asgi import AsgiClient
from tests.support.servers import write_entities

APP = "auth: {keys: true, roles: [editor, hr], me: {id: int = sub, staff: bool?}}"
HERO = (
    "name: Hero\nfields: {name: str, owner_id: int = me read_only index}\n"
    "access: {read: [user if owner_id = me, hr], create: editor}\n"
)


@pytest.fixture(scope="module")
def application() -> Iterator[Application]:
    package = import_tree(render(load_texts({"hero.yaml": HERO}, APP)))
    yield Application(package)
    unload(package)


def sent(text: str) -> dict[str, str]:
    return {"authorization": f"Bearer {text}"}


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_a_key_is_a_caller(  # noqa: C901 -- one application, many requests
    application: Application,
    new_database: Callable[[str], str],
    kind: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    own_tokens, tokens = (application.module(f"kit.access.{n}") for n in ("own_tokens", "tokens"))
    real = own_tokens.time

    class Time:
        later = 0.0

        @classmethod
        def time(cls) -> float:
            return float(real.time()) + cls.later

        @classmethod
        def monotonic(cls) -> float:
            return float(real.monotonic()) + cls.later

    for module in (own_tokens, tokens):
        monkeypatch.setattr(module, "time", Time)
    settings = application.module("settings").Settings(
        database_url=new_database(kind), auth_secret=SECRET
    )
    caller = application.module("caller").Caller

    async def work(client: AsgiClient, keys: Any) -> None:
        async def status(text: str, path: str = "/heroes/") -> int:
            return (await client.get(path, headers=sent(text))).status_code

        async def names(headers: dict[str, str]) -> list[tuple[str, int]]:
            found = (await client.get("/heroes/", headers=headers)).json()
            return [(one["name"], one["owner_id"]) for one in found]

        first, one = keys.add("ci", 90, ["editor"])
        second, two = keys.add("robot", 1, ["editor", "hr"], ["id=7", "staff=true"])
        assert (first.roles, first.used, second.claims) == (
            ["editor"],
            None,
            {"sub": "7", "staff": True},
        )
        for text, name in ((one, "by key"), (two, "by robot")):
            answer = await client.post("/heroes/", json={"name": name}, headers=sent(text))
            assert answer.status_code == 200, answer.text
        assert await names(sent(one)) == [("by key", -first.id)]
        assert await names(sent(two)) == [("by key", -first.id), ("by robot", 7)]
        assert await names(bearer(["editor"])) == [("by robot", 7)]

        def uses() -> list[str | None]:
            keys.session.rollback()
            return [found.used for found in keys.all()]

        before = uses()
        assert None not in before
        for later, is_new in ((59.0, False), (61.0, True)):
            Time.later = later
            assert await status(one) == 200
            assert (uses()[0] != before[0]) == is_new
        keys.revoke(first.id)
        assert await status(one) == 200, "it counts for at most a minute"
        Time.later += 60
        assert (await status(one), await status(two)) == (401, 200)
        Time.later += 86_400
        assert await status(two) == 401
        _, three = keys.add("third", 90)
        number, user_token = keys.add("of a user", 90)
        table = application.module("kit.access.credentials").CREDENTIALS
        of_user = table.update().where(table.c.id == number.id).values(login_id=1, roles=None)
        keys.session.execute(of_user)
        keys.session.commit()
        assert await status(user_token) == 401, "there are no users any more"
        secret = three.split("_", 2)[2]
        for text in (three[:-1], three + "a", f"cg_99_{secret}", f"cg_1_{secret}", secret):
            assert await status(text) == 401
        assert (await client.get("/heroes/", headers=sent(three))).json() == []
        for text in (one, two, three):
            assert text.split("_", 2)[2] not in caplog.text
        assert (await client.post("/login")).status_code == 404

    async def run() -> None:
        app = application.module("main").create_app(settings)
        with application.module("kit.key_commands").opened(settings, caller) as keys:
            async with app.router.lifespan_context(app):
                await work(AsgiClient(app), keys)

    asyncio.run(run())


def test_a_key_is_valid_where_its_use_cannot_be_stored(
    application: Application, new_database: Callable[[str], str]
) -> None:
    url, caller = new_database("sqlite"), application.module("caller").Caller
    settings = application.module("settings").Settings(database_url=url)

    async def status(text: str, **more: Any) -> int:
        chosen = application.module("settings").Settings(database_url=url, **more)
        app = application.module("main").create_app(chosen)
        async with app.router.lifespan_context(app):
            if not more:
                app.state.database.write = None
            return (await AsgiClient(app).get("/heroes/", headers=sent(text))).status_code

    with application.module("kit.key_commands").opened(settings, caller) as keys:
        application.module("main").create_app(settings)
        _, text = keys.add("one", 1)
        assert asyncio.run(status(text)) == 200
        assert asyncio.run(status(text, database_read_only=True)) == 200
        keys.session.rollback()
        assert keys.all()[0].used is None


def test_the_last_use_is_stored_once_a_minute(
    application: Application, new_database: Callable[[str], str]
) -> None:
    caller = application.module("caller").Caller
    settings = application.module("settings").Settings(
        database_url=new_database("sqlite"), token_seconds=0
    )
    database = application.module("kit.database").Database
    table = application.module("kit.access.credentials").CREDENTIALS

    async def work(keys: Any) -> None:
        app = application.module("main").create_app(settings)
        async with app.router.lifespan_context(app):
            client, uses = AsgiClient(app), []
            key, text = keys.add("one", 1)
            assert isinstance(app.state.database, database)
            for ago in (None, 0, 50, 61, 0):
                if ago is not None:
                    used = int(time.time()) - ago
                    keys.session.execute(table.update().values(used=used))
                    keys.session.commit()
                assert (await client.get("/heroes/", headers=sent(text))).status_code == 200
                keys.session.rollback()
                stored = keys.session.execute(table.select()).one().used
                uses.append(ago is None or stored != used)
            assert uses == [True, False, False, True, False]
            assert keys.find(key.id).used is not None

    with application.module("kit.key_commands").opened(settings, caller) as keys:
        asyncio.run(work(keys))


def test_a_project_with_keys_alone_has_no_users() -> None:
    tree = render(load_texts({"hero.yaml": HERO}, APP))
    assert "app/kit/access/api_keys.py" in tree
    assert [path for path in tree if "login" in path or "password" in path] == []
    assert "argon2" not in tree["pyproject.toml"]
    users = render(load_texts({"hero.yaml": HERO}, APP.replace("keys", "users")))
    assert [path for path in users if "api_key" in path or "key_commands" in path] == []
    assert "run_key_command" not in users["app/__main__.py"]


COMMANDS: list[tuple[tuple[str, ...], int, str]] = [
    (("list",), 0, "1   ci    editor"),
    (
        ("add", "--role", "boss"),
        1,
        "unknown role 'boss'\n  roles of 'auth' in the spec: editor, hr",
    ),
    (("add", "--days", "0"), 1, "a key is valid for 1 to 3650 days, not 0"),
    (("add", "--name", " x"), 1, "invalid name of a key ' x'"),
    (("add", "--me", "org=1"), 1, "attributes that can be set: id, staff"),
    (("add", "--me", "id=x"), 1, "invalid value: sub"),
    (("add", "--days", "x"), 2, ""),
    (("revoke", "9"), 1, "there is no key 9\n  see: key list"),
    (("revoke", "x"), 2, ""),
    (("revoke", "1"), 0, "revoked key 1: ci, roles editor, expires 2"),
    (("list",), 0, "no keys\n"),
]


def test_commands_manage_keys(
    tmp_path: Path,
    application: Application,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "crudgen.yaml").write_text(f"{APP}\n")
    write_entities(tmp_path / "entities", {"hero": HERO})
    monkeypatch.chdir(tmp_path)

    def crudgen(*arguments: str) -> tuple[int, str, str]:
        done = CliRunner().invoke(cli.app, ["key", *arguments])
        return done.exit_code, done.stdout, done.stderr

    def emitted(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["app", "key", *arguments])
        settings, caller = application.module("settings"), application.module("caller")
        with pytest.raises(SystemExit) as ended:
            application.module("kit.key_commands").run_key_command(settings.Settings, caller.Caller)
        written, code = capsys.readouterr(), ended.value.code
        if isinstance(code, int):
            return code, written.out, written.err
        return 1, written.out, str(code)

    for run in (crudgen, emitted):
        code, text, said = run("add", "--role", "editor", "--days", "30", "--name", "ci")
        assert (code, text.startswith("cg_1_"), text.count("\n")) == (0, True, 1)
        assert said.startswith("key 1: ci, roles editor, expires 2")
        assert said.endswith("; it is shown only now\n")
        for arguments, wanted, words in COMMANDS:
            code, text, said = run(*arguments)
            assert (code, words in f"{text}{said}") == (wanted, True), (arguments, text, said)
        (added,) = json.loads(run("add", "--json", "--me", "id=5")[1])
        assert (added["claims"], added["key"][:3], added["used"]) == ({"sub": "5"}, "cg_", None)
        (listed,) = json.loads(run("list", "--json")[1])
        assert listed == {name: value for name, value in added.items() if name != "key"}
        (tmp_path / "app.db").unlink()
    (tmp_path / "crudgen.yaml").write_text("auth: {users: true, roles: [editor, hr]}\n")
    assert crudgen("list")[2] == (
        "error: the spec has no API keys\n  write 'auth: {keys: true}' in crudgen.yaml\n"
    )
