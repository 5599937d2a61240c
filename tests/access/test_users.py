"""Users who log in: their tokens, what ends these, and requests that are wrong."""

import asyncio
import io
import json
import logging
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import argon2
import httpx
import pytest
from fastapi import FastAPI
from httpx import ASGITransport, AsyncClient
from typer.testing import CliRunner

from crudgen import cli
from crudgen.codegen import render
from crudgen.delivery.memory import import_tree, unload
from crudgen.language import load, load_texts
from tests.access.test_rules import SECRET, bearer
from tests.startup.started import Application
from tests.support.servers import write_entities

APP = "auth: {users: true, roles: [editor], me: {org: int?}}"
HERO = (
    "name: Hero\nfields: {name: str, owner_id: int? index}\n"
    "access: {read: [anyone if name = 'open', user if owner_id = me, editor], create: user}\n"
)
PASSWORD = "correct horse battery"  # noqa: S105
CHEAP = 12
Work = Callable[[Any, AsyncClient, Any], Awaitable[None]]


class Clock:
    """The clock of the caches and delays, which tests move."""

    def __init__(self, start: Callable[[], float]) -> None:
        self.later, self._start = 0.0, start

    def __call__(self) -> float:
        return self._start() + self.later


@pytest.fixture(scope="module")
def application() -> Iterator[Application]:
    package = import_tree(render(load_texts({"hero.yaml": HERO}, APP)))
    yield Application(package)
    unload(package)


@pytest.fixture
def run(application: Application, new_database: Callable[[str], str]) -> Callable[..., None]:
    """Return a function that runs some work with the application, a client and its accounts."""

    @asynccontextmanager
    async def started(settings: Any) -> AsyncIterator[tuple[Any, AsyncClient, Any]]:
        app = application.module("main").create_app(settings)
        with application.module("kit.user_commands").opened(
            settings, application.module("caller").Caller
        ) as accounts:
            async with (
                app.router.lifespan_context(app),
                AsyncClient(transport=ASGITransport(app), base_url="http://test") as client,
            ):
                yield app, client, accounts

    async def work_with(work: Work, kind: str, settings: dict[str, Any]) -> None:
        url = new_database(kind)
        found = application.module("settings").Settings(
            database_url=url, password_memory_mb=CHEAP, **settings
        )
        async with started(found) as (app, client, accounts):
            await work(app, client, accounts)

    return lambda work, kind="sqlite", **settings: asyncio.run(work_with(work, kind, settings))


def form(name: str, password: str, **more: str) -> dict[str, str]:
    return {"grant_type": "password", "username": name, "password": password, **more}


async def log_in(client: AsyncClient, name: str, password: str = PASSWORD) -> httpx.Response:
    return await client.post("/login", data=form(name, password))


async def token(client: AsyncClient, name: str, password: str = PASSWORD) -> dict[str, str]:
    """Return the headers of a user who logs in."""
    answer = await log_in(client, name, password)
    assert answer.status_code == 200, answer.text
    assert answer.json().keys() == {"access_token", "token_type", "expires_in"}
    assert answer.headers["cache-control"] == "no-store"
    return {"authorization": f"Bearer {answer.json()['access_token']}"}


async def status(client: AsyncClient, headers: dict[str, str], path: str = "/me") -> int:
    return (await client.get(path, headers=headers)).status_code


def set_disabled(accounts: Any, since: int | None) -> None:
    """Disable or enable the user 1, without an effect on their tokens."""
    value = "NULL" if since is None else since
    connection = accounts.session.connection()
    connection.exec_driver_sql(f'UPDATE "_login" SET disabled = {value} WHERE id = 1')  # noqa: S608
    accounts.session.commit()


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_a_user_logs_in_and_out(
    run: Callable[..., None], kind: str, application: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    tokens = application.module("kit.access.tokens")
    clock = Clock(tokens.time.monotonic)

    class Time:
        time = tokens.time.time
        monotonic = clock

    monkeypatch.setattr(tokens, "time", Time)

    async def work(app: Any, client: AsyncClient, accounts: Any) -> None:
        ann = accounts.add("ann", PASSWORD, ["editor"], ["org=3"])
        bob = accounts.add("bøb 🙂", PASSWORD)
        assert (ann.id, ann.roles, bob.roles) == (1, ["editor"], [])
        of_ann, of_bob = await token(client, "ann"), await token(client, "bøb 🙂")
        shown = (await client.get("/me", headers=of_ann)).json()
        assert shown == {"subject": "1", "roles": ["editor"], "id": 1, "name": "ann", "org": 3}
        assert (await client.get("/me", headers=of_bob)).json()["org"] is None

        for name, owner in (("mine", bob.id), ("other", ann.id), ("open", None)):
            body = {"name": name, "owner_id": owner}
            assert (await client.post("/heroes/", json=body)).status_code == 401
            answer = await client.post("/heroes/", json=body, headers=of_bob)
            assert answer.status_code in {200, 204}
        for headers, names in (({}, {"open"}), (of_bob, {"mine", "open"}), (of_ann, {"mine"})):
            for _ in range(2):  # the second time, the token is known
                found = (await client.get("/heroes/", headers=headers)).json()
                assert names <= {one["name"] for one in found}
                assert len(found) == (3 if headers == of_ann else len(names))

        again = await token(client, "ann")
        assert await status(client, again) == 200
        assert (await client.post("/logout", headers=of_ann)).status_code == 204
        assert await status(client, of_ann) == 401
        assert (await client.post("/logout", headers=of_ann)).status_code == 401
        assert await status(client, again) == 200

        new = {"current": PASSWORD, "new": "another password"}
        third = await token(client, "ann")
        answer = await client.post("/me/password", json=new, headers=again)
        assert (answer.status_code, answer.content) == (204, b"")
        assert (await status(client, again), await status(client, third)) == (200, 401)
        assert (await log_in(client, "ann")).status_code == 401
        assert (await log_in(client, "ann", "another password")).status_code == 200

        accounts.disable("ann")
        assert await status(client, again) == 200, "it counts for at most a minute"
        clock.later += 60
        assert await status(client, again) == 401
        assert await status(client, of_bob) == 200
        assert (await log_in(client, "ann", "another password")).status_code == 401
        accounts.enable("ann")
        assert await status(client, again) == 401
        assert (await log_in(client, "ann", "another password")).status_code == 200
        accounts.set_password("ann", PASSWORD)
        assert accounts.set_roles("ann", []).roles == []
        of_ann = await token(client, "ann")
        assert (await client.get("/me", headers=of_ann)).json()["roles"] == []
        with app.state.database.open_sync(application.metadata) as session:
            stored = str(session.connection().exec_driver_sql('SELECT * FROM "_login"').all())
            stored += str(session.connection().exec_driver_sql('SELECT * FROM "_credential"').all())
        for secret in (PASSWORD, of_ann["authorization"][-40:]):
            assert secret not in stored

    run(work, kind)


def test_users_can_be_disabled_while_they_log_in(
    run: Callable[..., None], application: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads = application.module("kit.access.passwords").PasswordThreads
    verify = threads.is_password
    changes: list[Callable[[], Any]] = []

    async def verify_and_change(self: Any, password: str, stored: str | None) -> bool:
        found = bool(await verify(self, password, stored))
        if changes:
            changes.pop()()
        return found

    async def work(_app: Any, client: AsyncClient, accounts: Any) -> None:
        accounts.add("ann", PASSWORD)
        of_ann = await token(client, "ann")
        monkeypatch.setattr(threads, "is_password", verify_and_change)
        changes.append(lambda: set_disabled(accounts, 1))
        assert (await log_in(client, "ann")).status_code == 401
        assert await status(client, of_ann) == 401
        set_disabled(accounts, None)
        changes.append(lambda: accounts.set_password("ann", "another password"))
        assert (await log_in(client, "ann")).status_code == 401
        assert (await log_in(client, "ann", "another password")).status_code == 200

    run(work)


def test_keys_need_the_word_in_the_spec(
    run: Callable[..., None], application: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = application.module("kit.access.credentials")
    settings = application.module("settings").Settings

    async def work(_app: Any, client: AsyncClient, accounts: Any) -> None:
        secret = module.new_secret()
        row = {"hash": module.hash_secret(secret), "created": 1, "expires": 2**40}
        row |= {"name": "key", "roles": "[]", "claims": "{}"}
        added = module.CREDENTIALS.insert().values(row).returning(module.CREDENTIALS.c.id)
        number = accounts.session.execute(added).scalar_one()
        accounts.session.commit()
        headers = {"authorization": f"Bearer {module.token_of(number, secret)}"}
        assert await status(client, headers) == (200 if settings.api_keys else 401)

    run(work)
    monkeypatch.setattr(settings, "api_keys", True)
    run(work)


def test_a_user_can_be_the_row_of_an_entity(run: Callable[..., None]) -> None:
    async def work(_app: Any, client: AsyncClient, accounts: Any) -> None:
        accounts.add("ann", PASSWORD, [], ["id=77"])
        headers = [await token(client, "ann") for _ in range(2)]
        shown = (await client.get("/me", headers=headers[0])).json()
        assert (shown["id"], shown["subject"], shown["name"]) == (77, "77", "ann")
        assert await status(client, headers[1]) == 200
        body = {"current": PASSWORD, "new": "another password"}
        answer = await client.post("/me/password", json=body, headers=headers[0])
        assert answer.status_code == 204
        assert [await status(client, one) for one in headers] == [200, 401]

    run(work)


def test_known_tokens_take_the_shortcut(
    run: Callable[..., None], application: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    may = application.module("kit.access.may").PermittedCaller
    ask, asked = vars(may)["_verified_caller"], []

    async def count(self: Any, request: Any) -> Any:
        asked.append(request.url.path)
        return await ask(self, request)

    monkeypatch.setattr(may, "_verified_caller", count)

    async def work(_app: Any, client: AsyncClient, accounts: Any) -> None:
        accounts.add("ann", PASSWORD, ["editor"])
        of_ann = await token(client, "ann")
        for _ in range(3):
            assert await status(client, of_ann, "/heroes/") == 200
        assert set(asked) == {"/heroes/"}
        number = len(asked)
        assert await status(client, of_ann, "/heroes/") == 200
        assert len(asked) == number
        await token(client, "ann")
        assert await status(client, of_ann, "/heroes/") == 200
        assert len(asked) == number

    run(work)


def test_unknown_and_disabled_users_are_like_a_wrong_password(run: Callable[..., None]) -> None:
    async def work(_app: Any, client: AsyncClient, accounts: Any) -> None:
        accounts.add("ann", PASSWORD)
        accounts.add("bob", PASSWORD)
        accounts.disable("bob")
        attempts = [("ann", "wrong password"), ("nobody", PASSWORD), ("bob", PASSWORD)]
        answers = [await log_in(client, *one) for one in attempts * 8]
        own = {"date", "x-request-id"}
        shown = [
            (one.status_code, one.content, [*{*one.headers.items()} - {*own}])
            for one in answers
            if one.status_code == 401
        ]
        assert len(shown) == 3 * 5
        assert len({(code, content) for code, content, _ in shown}) == 1
        assert [one.status_code for one in answers] == [401] * 15 + [429] * 9
        for one in answers[15:]:
            assert 1 <= int(one.headers["retry-after"]) <= 2
        assert (await log_in(client, "ann")).status_code == 429, "also with the right password"

    run(work)


def test_delays_grow_and_end(application: Application, monkeypatch: pytest.MonkeyPatch) -> None:
    module = application.module("kit.access.delays")
    clock = Clock(lambda: 1000.0)

    class Time:
        monotonic = clock

    monkeypatch.setattr(module, "time", Time)
    delays = module.LoginDelays()
    waits = []
    for _ in range(14):
        for _ in range(2):
            try:
                delays.count_attempt("ann")
            except module.TooManyAttempts as error:
                waits.append(int(error.headers["Retry-After"]))
                clock.later += waits[-1]
    assert waits[:7] == [1, 2, 4, 8, 16, 32, 60]
    assert set(waits[7:]) == {60}
    delays.count_attempt("bob")
    delays.forget_attempts("ann")
    for _ in range(5):
        delays.count_attempt("ann")
    with pytest.raises(module.TooManyAttempts):
        delays.count_attempt("ann")
    clock.later += module.FORGET_SECONDS + 61
    for _ in range(5):
        delays.count_attempt("ann")
    for number in range(module.MAX_NAMES + 10):
        delays.count_attempt(str(number))
    assert len(delays) == module.MAX_NAMES


def test_a_password_of_nobody_costs_as_much(
    application: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = application.module("kit.access.passwords")
    verify, verified = module.PasswordHasher.verify, []

    def record(self: Any, hashed: str, password: str) -> Any:
        verified.append(argon2.extract_parameters(hashed))
        return verify(self, hashed, password)

    monkeypatch.setattr(module.PasswordHasher, "verify", record)
    passwords = module.Passwords(CHEAP)
    stored = passwords.hash(PASSWORD)
    assert stored.startswith("$argon2id$")
    assert passwords.is_password(PASSWORD, stored)
    assert not passwords.is_password(PASSWORD, None)
    assert verified == [argon2.extract_parameters(stored)] * 2
    monkeypatch.undo()
    assert not passwords.is_password(PASSWORD, "no hash")
    assert not passwords.is_outdated(stored)
    assert module.Passwords(2 * CHEAP).is_outdated(stored)


def test_a_hash_gets_new_parameters_at_a_login(run: Callable[..., None]) -> None:
    async def work(_app: Any, client: AsyncClient, accounts: Any) -> None:
        accounts.add("ann", PASSWORD)
        await token(client, "ann")
        first = stored(accounts)
        accounts.passwords = type(accounts.passwords)(2 * CHEAP)
        accounts.set_password("ann", PASSWORD)
        assert stored(accounts).memory_cost == 2 * first.memory_cost
        await token(client, "ann")
        assert stored(accounts) == first
        await token(client, "ann")

    def stored(accounts: Any) -> argon2.Parameters:
        connection = accounts.session.connection()
        found = connection.exec_driver_sql('SELECT password FROM "_login"').scalar_one()
        accounts.session.rollback()
        return argon2.extract_parameters(found)

    run(work)


FORMS: dict[str, tuple[Any, int]] = {
    "nothing": (b"", 422),
    "no password": (b"username=ann", 422),
    "no name": (b"password=correct", 422),
    "empty": (b"username=&password=", 422),
    "twice": (b"username=ann&password=a&password=b", 422),
    "an unknown property": (b"username=ann&password=a&admin=1", 422),
    "another grant": (b"username=ann&password=a&grant_type=client_credentials", 422),
    "a NUL in the name": (b"username=a%00b&password=correct", 422),
    "a NUL in the password": (b"username=ann&password=a%00b", 422),
    "not UTF-8": (b"username=%ff&password=correct", 422),
    "not UTF-8 either": (b"username=ann&password=\xff", 422),
    "part of a character": (b"username=%ed%a0%80&password=correct", 422),
    "a long name": (b"username=" + b"a" * 256 + b"&password=correct", 422),
    "a huge password": (b"username=ann&password=" + b"a" * 1025, 422),
    "a larger password": (b"username=ann&password=" + b"a" * 900_000, 422),
    "a huge body": (b"username=ann&password=" + b"a" * 1_100_000, 413),
    "many parts": (b"&" * 500_000, 422),
    "JSON": (b'{"username": "ann"}', 422),
    "SQL": (urlencode({"username": "' OR 1=1 --", "password": "' OR 1=1 --"}).encode(), 401),
    "a line break": (b"username=ann%0d%0a&password=%0d%0a", 401),
    "a plus": (b"username=ann+&password=a+b", 401),
}
BODIES: dict[str, Any] = {
    "nothing": {},
    "a list": [],
    "no new one": {"current": PASSWORD},
    "a number": {"current": PASSWORD, "new": 12345678},
    "null": {"current": PASSWORD, "new": None},
    "a short one": {"current": PASSWORD, "new": "1234567"},
    "a huge one": {"current": PASSWORD, "new": "a" * 1025},
    "a NUL": {"current": PASSWORD, "new": "12345678\0"},
    "more": {"current": PASSWORD, "new": "another password", "name": "bob"},
}


def test_wrong_requests_are_refused(
    run: Callable[..., None], caplog: pytest.LogCaptureFixture
) -> None:
    async def work(_app: Any, client: AsyncClient, accounts: Any) -> None:
        caplog.set_level(logging.DEBUG)
        accounts.add("ann", PASSWORD)
        of_ann = await token(client, "ann")
        form_type = {"content-type": "application/x-www-form-urlencoded"}
        for case, (body, code) in FORMS.items():
            answer = await client.post("/login", content=body, headers=form_type)
            assert answer.status_code == code, (case, answer.text)
            assert b"aaaa" not in answer.content
        for kind in ("application/json", "text/plain", "multipart/form-data; boundary=x", ""):
            answer = await client.post(
                "/login", content=b"username=ann", headers={"content-type": kind}
            )
            assert answer.status_code == 415, kind
        assert (await client.post("/login?username=ann", data=form("ann", "x"))).status_code == 422
        assert (await client.get("/login")).status_code == 405
        as_docs = form("ann", PASSWORD, scope="", client_id="", client_secret="")
        basic = {"authorization": "Basic Og==", "x-requested-with": "XMLHttpRequest"}
        assert (await client.post("/login", data=as_docs, headers=basic)).status_code == 200
        for case, sent in BODIES.items():
            answer = await client.post("/me/password", json=sent, headers=of_ann)
            assert answer.status_code == 422, (case, answer.text)
            assert PASSWORD not in answer.text
        wrong = {"current": "wrong password", "new": "another password"}
        codes = [
            (await client.post("/me/password", json=wrong, headers=of_ann)).status_code
            for _ in range(7)
        ]
        assert codes == [403] * 5 + [429] * 2
        good = of_ann["authorization"].removeprefix("Bearer ")
        number, secret = good.split("_")[1], good.split("_", 2)[2]
        assert await status(client, of_ann) == 200
        for text in (
            f"cg_{number}_{secret[:-1]}",
            f"cg_{number}_{secret[::-1]}",
            f"cg_{int(number) + 1}_{secret}",
            f"cg_0{number}_{secret}",
            f"cg_{9 * 10**17}_{secret}",
            f"cg_{10**40}_{secret}",
            f"cg_-1_{secret}",
            f"CG_{number}_{secret}",
            f"cg__{secret}",
            secret,
        ):
            answer = await client.get("/me", headers={"authorization": f"Bearer {text}"})
            assert answer.status_code == 401, text
            assert "error=" in answer.headers["www-authenticate"]
        for method, path in (("GET", "/me"), ("POST", "/logout"), ("POST", "/me/password")):
            assert (await client.request(method, path)).status_code == 401
        for one in (PASSWORD, "wrong password", secret, "aaaa", "correct"):
            assert one not in caplog.text

    run(work)


def test_a_user_has_few_tokens_and_expired_ones_are_deleted(
    run: Callable[..., None], application: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = application.module("kit.access.logins")

    async def work(_app: Any, client: AsyncClient, accounts: Any) -> None:
        accounts.add("ann", PASSWORD)
        accounts.add("bob", PASSWORD)
        of_bob = await token(client, "bob")
        session, logins = accounts.session, module.CREDENTIALS
        now = int(module.time.time())
        row = {"hash": b"x", "login_id": 1, "created": now, "expires": now + 1000}
        session.execute(module.insert(logins), [row] * 150)
        session.execute(module.insert(logins), [row | {"expires": now - 1, "login_id": 2}] * 5)
        session.commit()
        of_ann = await token(client, "ann")
        counts = module.select(logins.c.login_id, module.literal_column("count(*)"))
        found = session.execute(counts.group_by(logins.c.login_id)).all()
        session.rollback()
        assert {*map(tuple, found)} == {(1, module.MAX_TOKENS), (2, 1)}
        assert (await status(client, of_ann), await status(client, of_bob)) == (200, 200)

        class Time:
            time = Clock(module.time.time)

        own_tokens = application.module("kit.access.own_tokens")
        monkeypatch.setattr(own_tokens, "time", Time)
        fresh = await token(client, "ann")
        Time.time.later = 604_800
        assert await status(client, fresh) == 401

    run(work)


def test_tokens_of_an_issuer_count_too(run: Callable[..., None]) -> None:
    async def work(_app: Any, client: AsyncClient, accounts: Any) -> None:
        accounts.add("ann", PASSWORD)
        signed = bearer(["editor"], name="gateway")
        shown = (await client.get("/me", headers=signed)).json()
        assert (shown["id"], shown["name"], shown["roles"]) == (7, "gateway", ["editor"])
        answer = await client.post("/logout", headers=signed)
        assert (answer.status_code, answer.json()["detail"][0]["type"]) == (403, "forbidden")
        assert await status(client, await token(client, "ann")) == 200

    run(work, auth_secret=SECRET)


def test_logins_wait_for_a_thread_but_not_all(
    run: Callable[..., None], application: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = application.module("kit.access.passwords")
    monkeypatch.setattr(module, "MAX_WAITING", 3)

    async def work(_app: Any, client: AsyncClient, accounts: Any) -> None:
        accounts.add("ann", PASSWORD)
        names = ["ann", *(f"user {number}" for number in range(19))]
        answers = await asyncio.gather(*(log_in(client, name) for name in names))
        codes = {one.status_code for one in answers}
        assert codes <= {200, 401, 503}
        assert 503 in codes
        assert all(one.headers["retry-after"] for one in answers if one.status_code == 503)

    run(work)


def test_an_application_needs_its_database_first(application: Application) -> None:
    with pytest.raises(application.startup_error, match="set it before"):
        application.module("settings").Settings().install(FastAPI())


def test_openapi_describes_logins(application: Application) -> None:
    document = application.module("main").create_app().openapi()
    schemes = document["components"]["securitySchemes"]
    assert schemes["login"]["flows"]["password"]["tokenUrl"] == "login"
    paths = document["paths"]
    assert paths["/me"]["get"]["security"] == [{"login": []}, {"token": []}]
    assert schemes["token"]["scheme"] == "bearer"
    assert {} in paths["/heroes/"]["get"]["security"]
    assert "security" not in paths["/login"]["post"]
    content = paths["/login"]["post"]["requestBody"]["content"]
    assert content.keys() == {"application/x-www-form-urlencoded"}
    me = document["components"]["schemas"]["Me"]["properties"]
    assert me["id"] == {"type": "integer", "format": "int64", "title": "Id"}
    assert '"ge"' not in json.dumps(me)


COMMANDS: list[tuple[tuple[str, ...], str, int, str]] = [
    (("list",), "", 0, "id  name  roles   state\n1   ann   editor  enabled\n"),
    (("disable", "ann"), "", 0, "user ann: id 1, roles editor, disabled\n"),
    (("enable", "ann"), "", 0, "user ann: id 1, roles editor, enabled\n"),
    (("roles", "ann"), "", 0, "user ann: id 1, roles -, enabled\n"),
    (("roles", "ann", "--role", "editor", "--json"), "", 0, '"editor"'),
    (("password", "ann", "--password-stdin"), "another password\n", 0, "user ann: id 1"),
    (("password", "ann", "--password-stdin"), "short\n", 1, "at least 8 characters"),
    (("password", "ann"), "", 1, "no terminal to ask for the password\n  add --password-stdin"),
    (("disable", "bob"), "", 1, "error: there is no user 'bob'"),
    (("add", "ann", "--password-stdin"), PASSWORD, 1, "the user 'ann' exists already"),
    (("add", " ann", "--password-stdin"), PASSWORD, 1, "invalid user name ' ann'"),
    (("add", "a\nb", "--password-stdin"), PASSWORD, 1, "invalid user name"),
    (("add", "b", "--password-stdin", "--role", "hr"), PASSWORD, 1, "unknown role 'hr'"),
    (("add", "b", "--password-stdin", "--me", "age=3"), PASSWORD, 1, "can be set: id, org"),
    (("add", "b", "--password-stdin", "--me", "org=x"), PASSWORD, 1, "invalid value: org"),
    (("add",), "", 2, ""),
]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "crudgen.yaml").write_text(f"{APP}\n")
    write_entities(tmp_path / "entities", {"hero": HERO})
    (tmp_path / ".env").write_text(f"PASSWORD_MEMORY_MB={CHEAP}\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_crudgen_manages_users(project: Path) -> None:
    def run(*arguments: str, said: str = "") -> Any:
        return CliRunner().invoke(cli.app, ["user", *arguments], input=said)

    added = run("add", "ann", "--role=editor", "--me=org=3", "--password-stdin", said=PASSWORD)
    assert (added.exit_code, added.output) == (0, "user ann: id 1, roles editor, enabled\n")
    for arguments, said, code, words in COMMANDS:
        done = run(*arguments, said=said)
        assert (done.exit_code, words in done.output) == (code, True), (arguments, done.output)
    shown = json.loads(run("list", "--json").stdout)
    assert [(one["name"], one["claims"]) for one in shown] == [("ann", {"org": "3"})]
    (project / "crudgen.yaml").write_text("auth: {roles: [editor]}\n")
    (project / "entities/hero.yaml").write_text("name: Hero\nfields: {name: str}\naccess: user\n")
    assert run("list").output == (
        "error: the spec has no users of its own\n  write 'auth: {users: true}' in crudgen.yaml\n"
    )


def test_a_project_manages_users(
    project: Path,
    application: Application,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    commands = application.module("kit.user_commands")

    def run(*arguments: str, said: str = "") -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["app", "user", *arguments])
        monkeypatch.setattr(sys, "stdin", io.StringIO(said))
        settings, caller = application.module("settings"), application.module("caller")
        with pytest.raises(SystemExit) as ended:
            commands.run_user_command(settings.Settings, caller.Caller)
        code = ended.value.code
        written = capsys.readouterr()
        return (code, written.out) if isinstance(code, int) else (1, str(code))

    added = run("add", "ann", "--role=editor", "--me=org=3", "--password-stdin", said=PASSWORD)
    assert added == (0, "user ann: id 1, roles editor, enabled\n")
    for arguments, said, code, words in COMMANDS:
        found = run(*arguments, said=said)
        assert (found[0], words in found[1]) == (code, True), (arguments, found)
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{project}/no/such/folder/app.db")
    assert "no/such/folder" in run("list")[1]
    monkeypatch.setenv("PASSWORD_MEMORY_MB", "1")
    assert run("list") == (
        1,
        "error: PASSWORD_MEMORY_MB: Input should be greater than or equal to 12",
    )
    monkeypatch.setattr(sys, "argv", ["app", "--port", "1"])
    commands.run_user_command(None, None)


def test_a_new_project_has_users(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(cli.app, ["init", "shop", "--auth"])
    assert done.exit_code == 0
    assert "crudgen user add ann --role editor" in done.output
    schema = load(tmp_path / "shop/entities")
    assert schema.auth is not None
    assert schema.auth.users
    (hero,) = schema.entities
    assert hero.access is not None
    assert (hero.access.read, hero.access.create) == (("anyone",), ("user",))


def test_a_terminal_asks_twice(application: Application, monkeypatch: pytest.MonkeyPatch) -> None:
    module = application.module("kit.user_commands")
    typed = [PASSWORD, PASSWORD, PASSWORD, "another password"]
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
    monkeypatch.setattr(module, "getpass", lambda _: typed.pop(0))
    assert module.read_password(from_input=False) == PASSWORD
    with pytest.raises(module.AccountError, match="differ"):
        module.read_password(from_input=False)
