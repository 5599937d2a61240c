"""Users who are rows of an entity: their callers, logins and keys, and what ends these."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from crudgen import cli
from crudgen.codegen import render
from crudgen.delivery.memory import import_tree, unload
from crudgen.language import load_texts
from tests.codegen.emitted import run_alone, write
from tests.startup.started import Application
from tests.support.asgi import AsgiClient
from tests.support.servers import write_entities

pytestmark = pytest.mark.long

PASSWORD = "correct horse battery"  # noqa: S105
APP = "auth: {users: User, keys: true, roles: [editor]}"
TEAM = "name: Team\nfields: {name: str(1..80)}\naccess: user\n"
USER = """\
name: User
fields:
  name: str(1..80)
  team_id: -> Team? set_null
  is_active: bool = true
  rank: enum(junior, senior) = junior
  nick: str?
  secret: str? write_only
  joined: date = now read_only
access: {read: [user if id = me, editor], create: editor, update: editor, delete: editor}
"""
HERO = """\
name: Hero
fields:
  name: str(1..80)
  owner_id: -> User = me
  team_id: -> Team? = me.team_id read_only
access:
  owner: owner_id
  read: [owner, user if team_id = me.team_id and me.is_active = true and me.rank = senior]
  create: user
  delete: [owner, user if me in team.users.id]
"""
UUID_USER = "name: User\nfields: {number: uuid pk, name: str?}\naccess: user\n"
TEXT_USER = "name: User\nfields: {code: str(1..20) pk, name: str?}\naccess: user\n"
Work = Callable[[Any, Any, Any], Awaitable[None]]


class Clock:
    """The clock of the cache of tokens, which the tests move."""

    later = 0.0

    def __init__(self, start: Callable[[], float]) -> None:
        self._start = start

    def __call__(self) -> float:
        return self._start() + self.later


def imported(entities: dict[str, str]) -> Iterator[Application]:
    texts = {f"{name}.yaml": text for name, text in entities.items()}
    package = import_tree(render(load_texts(texts, APP)))
    yield Application(package)
    unload(package)


@pytest.fixture(scope="module")
def application() -> Iterator[Application]:
    yield from imported({"team": TEAM, "user": USER, "hero": HERO})


@pytest.fixture
def clock(application: Application, monkeypatch: pytest.MonkeyPatch) -> Clock:
    tokens = application.module("kit.access.tokens")
    found = Clock(tokens.time.monotonic)

    class Time:
        time = tokens.time.time
        monotonic = found

    monkeypatch.setattr(tokens, "time", Time)
    return found


def run(found: Application, url: str, work: Work) -> None:
    """Run some work with an application, its users and keys."""

    async def work_with() -> None:
        settings = found.module("settings").Settings(database_url=url, password_memory_mb=12)
        app, caller = found.module("main").create_app(settings), found.module("caller").Caller
        users, keys = (
            found.module(f"kit.user_row_{one}").opened(settings, caller)
            for one in ("commands", "key_commands")
        )
        with users as accounts, keys as api_keys:
            async with app.router.lifespan_context(app):
                await work(app, accounts, api_keys)

    asyncio.run(work_with())


def bearer(text: str) -> dict[str, str]:
    return {"authorization": f"Bearer {text}"}


def one_value(accounts: Any, statement: str) -> Any:
    accounts.session.rollback()  # it has read before
    found = accounts.session.connection().exec_driver_sql(statement).scalar()
    accounts.session.rollback()
    return found


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_users_are_rows(
    application: Application,
    new_database: Callable[[str], str],
    clock: Clock,
    kind: str,
) -> None:
    async def work(app: Any, accounts: Any, _keys: Any) -> None:
        client, logins = AsgiClient(app), app.state.logins

        async def token(name: str) -> dict[str, str]:
            return bearer(await logins.log_in(name, PASSWORD))

        async def names(headers: dict[str, str]) -> list[str]:
            found = await client.get("/heroes/", headers=headers)
            return [one["name"] for one in found.json()]

        ann = accounts.add("ann", PASSWORD, ["editor"], values=["name=Ann", "rank=senior"])
        assert (ann.id, ann.roles) == (1, ["editor"])
        of_ann = await token("ann")
        me = {"subject": "1", "roles": ["editor"], "id": 1, "login_name": "ann"}
        assert (await client.get("/me", headers=of_ann)).json() == me
        assert (await client.post("/teams/", headers=of_ann, json={"name": "A"})).is_success

        # A row that the API creates has no login, until one is added.
        body = {"name": "Bob", "team_id": 1, "secret": "x"}
        created = await client.post("/users/", headers=of_ann, json=body)
        assert created.json()["id"] == 2
        accounts.session.rollback()  # it has read before
        assert [one.name for one in accounts.all()] == ["ann"]
        bob = accounts.add("bob", PASSWORD, row="2")
        assert (bob.id, [one.id for one in accounts.all()]) == (2, [1, 2])
        of_bob = await token("bob")

        hero = await client.post("/heroes/", headers=of_bob, json={"name": "Rusty"})
        assert (hero.json()["owner_id"], hero.json()["team_id"]) == (2, 1)
        assert (await names(of_bob), await names(of_ann)) == (["Rusty"], [])
        assert (await client.get("/users/2", headers=of_bob)).json()["name"] == "Bob"
        assert (await client.get("/users/1", headers=of_bob)).status_code == 404

        # A changed property counts when the token is verified again.
        change = {"team_id": 1}
        assert (await client.request("PATCH", "/users/1", headers=of_ann, json=change)).is_success
        assert await names(of_ann) == []
        clock.later += 61
        assert await names(of_ann) == ["Rusty"]
        for other in ({"is_active": False}, {"is_active": True, "rank": "junior"}):
            assert (
                await client.request("PATCH", "/users/1", headers=of_ann, json=other)
            ).is_success
            clock.later += 61
            assert await names(of_ann) == []

    run(application, new_database(kind), work)


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_a_deleted_row_has_no_login_and_no_key(
    application: Application,
    new_database: Callable[[str], str],
    clock: Clock,
    kind: str,
) -> None:
    async def work(app: Any, accounts: Any, keys: Any) -> None:
        client, logins = AsgiClient(app), app.state.logins
        accounts.add("ann", PASSWORD, ["editor"], values=["name=Ann"])
        accounts.add("bob", PASSWORD, values=["name=Bob"])
        of_ann, of_bob = [bearer(await logins.log_in(one, PASSWORD)) for one in ("ann", "bob")]
        assert (await client.post("/heroes/", headers=of_bob, json={"name": "Rusty"})).is_success

        # A key acts as a row, with roles of its own.
        added, text = keys.add("import", 1, row="2")
        assert (added.row, added.roles, keys.all()) == (2, [], [added])
        me = {"subject": "2", "roles": [], "id": 2, "login_name": None}
        assert (await client.get("/me", headers=bearer(text))).json() == me
        (hero,) = (await client.get("/heroes/", headers=bearer(text))).json()
        assert (await client.delete("/users/2", headers=of_ann)).status_code == 409
        path = f"/heroes/{hero['id']}"
        assert (await client.delete(path, headers=bearer(text))).is_success

        # Deleting the row ends the login, its tokens and its keys.
        assert one_value(accounts, 'SELECT count(*) FROM "_credential"') == 3
        assert (await client.delete("/users/2", headers=of_ann)).is_success
        assert one_value(accounts, 'SELECT count(*) FROM "_credential"') == 1
        assert [one.name for one in accounts.all()] == ["ann"]
        clock.later += 61
        for headers in (of_bob, bearer(text)):
            assert (await client.get("/me", headers=headers)).status_code == 401
        with pytest.raises(application.module("kit.access.errors").Unauthorized):
            await logins.log_in("bob", PASSWORD)
        assert (await client.get("/me", headers=of_ann)).status_code == 200

    run(application, new_database(kind), work)


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_keys_of_a_disabled_user_are_refused(
    application: Application,
    new_database: Callable[[str], str],
    clock: Clock,
    kind: str,
) -> None:
    async def work(app: Any, accounts: Any, keys: Any) -> None:
        client, logins = AsgiClient(app), app.state.logins
        accounts.add("ann", PASSWORD, ["editor"], values=["name=Ann"])
        accounts.add("bob", PASSWORD, values=["name=Bob"])
        of_ann = bearer(await logins.log_in("ann", PASSWORD))
        body = {"name": "Robot"}
        robot = (await client.post("/users/", headers=of_ann, json=body)).json()["id"]
        accounts.session.rollback()  # it has read before
        sent = [bearer(keys.add("key", 1, row=one)[1]) for one in ("1", "2", "2", str(robot))]
        sent.append(of_ann)

        async def statuses() -> list[int]:
            clock.later += 61
            return [(await client.get("/me", headers=one)).status_code for one in sent]

        assert await statuses() == [200] * 5
        accounts.disable("bob")
        assert await statuses() == [200, 401, 401, 200, 200]
        unknown = {"detail": "The token is unknown, has expired, or was revoked"}
        assert (await client.get("/heroes/", headers=sent[1])).json() == unknown
        assert len(keys.all()) == 4, "they are kept: the user may be enabled again"
        keys.session.rollback()  # it has read before
        refusal = application.module("kit.access.subjects").AccountError
        reason = "the row 2 of User is the user 'bob', who is disabled\n.*user enable bob"
        with pytest.raises(refusal, match=reason):
            keys.add("key", 1, row="2")
        accounts.enable("bob")
        assert await statuses() == [200] * 5
        accounts.set_password("bob", PASSWORD)
        assert await statuses() == [200] * 5, "a key has no password"
        accounts.disable("ann")
        assert await statuses() == [401, 200, 200, 200, 401]

    run(application, new_database(kind), work)


def test_a_row_key_is_refused_where_the_spec_has_no_keys(
    application: Application, new_database: Callable[[str], str]
) -> None:
    async def work(app: Any, accounts: Any, keys: Any) -> None:
        accounts.add("ann", PASSWORD, values=["name=Ann"])
        text = keys.add("key", 1, row="1")[1]
        module = application.module("kit.access.user_row_tokens")
        unauthorized = application.module("kit.access.errors").Unauthorized
        rows = application.module("settings").Settings.user_rows
        db = app.state.database
        accepting, refusing = (
            module.RowTokens(db, rows, stores_use=True, has_keys=one) for one in (True, False)
        )
        assert (await accepting.find(text)).claims["iss"] == "keys"
        with pytest.raises(unauthorized):
            await refusing.find(text)

    run(application, new_database("sqlite"), work)


ADDING: list[tuple[dict[str, Any], str]] = [
    ({}, "name: .*add --set name=VALUE"),
    ({"values": ["name"]}, "cannot set 'name'"),
    ({"values": ["name=A", "name=B"]}, "two values of name"),
    ({"values": ["name=A", "nmae=B"]}, "nmae: .*the properties are name, team_id"),
    ({"values": ["name=" + "A" * 81]}, "name: .*80"),
    ({"values": ["name=A", "rank=general"]}, "rank: "),
    ({"values": ["name=A", "is_active=maybe"]}, "is_active: "),
    ({"values": ["name=A", "team_id=9"]}, "the database rejects the new row of User: "),
    ({"values": ["name=A"], "row": "1"}, "remove one"),
    ({"row": "9"}, "User has no row 9"),
    ({"row": "x"}, "'x' is not the form of a key of User"),
    ({"row": "1" * 19}, "not the form|no row"),
    ({"row": "1"}, "the row 1 of User is the user 'ann' already"),
    ({"me": ["id=1"]}, "instead of --me"),
    ({"roles": ["admin"], "values": ["name=A"]}, "unknown role 'admin'"),
    ({"name": "ann", "values": ["name=A"]}, "the user 'ann' exists already"),
]


def test_a_user_is_refused_with_the_reason(
    application: Application, new_database: Callable[[str], str]
) -> None:
    refusal = application.module("kit.access.subjects").AccountError

    async def work(_app: Any, accounts: Any, keys: Any) -> None:
        accounts.add("ann", PASSWORD, values=["name=Ann", "nick=12", "team_id=null"])
        assert one_value(accounts, "SELECT nick FROM user") == "12"
        for given, reason in ADDING:
            options: dict[str, Any] = {"name": "bob", "password": PASSWORD, **given}
            with pytest.raises(refusal, match=reason):
                accounts.add(**options)
            accounts.session.rollback()
        assert one_value(accounts, "SELECT count(*) FROM user") == 1
        with pytest.raises(refusal, match="is the row 1 of User already"):
            accounts.link("ann", values=["name=B"])
        for options, reason in (({}, "add --row KEY"), ({"row": "9"}, "no row 9")):
            with pytest.raises(refusal, match=reason):
                keys.add("key", 1, **options)

    run(application, new_database("sqlite"), work)


def test_tokens_of_a_provider_are_refused_at_the_start(application: Application) -> None:
    settings = application.module("settings").Settings
    for name in ("auth_issuer", "auth_jwks_url"):
        found = settings(**{name: "https://id.example", "database_url": "sqlite:///no.db"})
        app = application.module("main").create_app(found)
        with pytest.raises(application.startup_error, match=f"{name.upper()} is set, and the"):
            found.install(app)


@pytest.mark.parametrize("user", [UUID_USER, TEXT_USER], ids=["uuid", "text"])
def test_other_keys_are_those_of_callers_too(user: str, new_database: Callable[[str], str]) -> None:
    owner = "owner_number" if "number" in user else "owner_code"
    note = f"name: Note\nfields: {{{owner}: -> User = me, text: str}}\n"
    note += f"access: user if {owner} = me\n"
    applications = imported({"user": user, "note": note})
    found = next(applications)

    async def work(app: Any, accounts: Any, _keys: Any) -> None:
        client = AsgiClient(app)
        values = [] if "uuid" in user else ["code=a b"]
        ann = accounts.add("ann", PASSWORD, values=values)
        bob = accounts.add("bob", PASSWORD, values=[one.upper() for one in values] and ["code=b"])
        logins = app.state.logins
        headers = [bearer(await logins.log_in(name, PASSWORD)) for name in ("ann", "bob")]
        for one, sent in zip((ann, bob), headers, strict=True):
            answer = await client.post("/notes/", headers=sent, json={"text": "x"})
            assert answer.json()[owner] == one.id
            assert len((await client.get("/notes/", headers=sent)).json()) == 1
            me = (await client.get("/me", headers=sent)).json()
            assert (me["id"], me["subject"]) == (one.id, one.id)
        with pytest.raises(Exception, match="is the user 'ann' already"):
            accounts.add("eve", PASSWORD, row=str(ann.id))

    run(found, new_database("sqlite"), work)
    assert next(applications, None) is None


def test_users_get_rows_when_the_spec_names_an_entity(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The command `apply` changes the tables; users without a row cannot log in until `link`."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PASSWORD_MEMORY_MB", "12")
    write_entities(
        tmp_path / "entities", {"user": "name: User\nfields: {name: str}\naccess: user\n"}
    )

    def crudgen(*arguments: str, code: int = 0, given: str | None = None) -> str:
        done = CliRunner().invoke(cli.app, [*arguments], input=given)
        assert done.exit_code == code, (done.output, done.exception)
        return done.output + str(done.exception or "")

    (tmp_path / "crudgen.yaml").write_text("auth: {users: true}\n")
    crudgen("user", "add", "ann", "--password-stdin", given=PASSWORD)
    refused = crudgen("user", "add", "bob", "--set", "name=Bob", "--password-stdin", code=1)
    assert "'auth: {users: User}'" in refused
    (tmp_path / "crudgen.yaml").write_text("auth: {users: User}\n")
    assert "foreign key user ON DELETE CASCADE" in crudgen("apply")
    assert "-   ann   -      without a row" in crudgen("user", "list")
    assert "user ann: id 1" in crudgen("user", "link", "ann", "--set", "name=Ann")
    assert "nothing to do" in crudgen("plan")


OFFICE = {
    "user.yaml": """\
name: User
fields: {name: str, org: str, pin: int?}
access: {tenant: org, read: user, write: editor, fields: {pin: editor}}
actions: {greet: {}}
""",
    "note.yaml": """\
name: Note
fields: {text: str, owner_id: -> User = me, org: str = me.org read_only}
access: {tenant: org, owner: owner_id, read: user, write: owner}
""",
}


@pytest.mark.long
@pytest.mark.slow
@pytest.mark.parametrize(
    "entities",
    [{"team.yaml": TEAM, "user.yaml": USER, "hero.yaml": HERO}, {"user.yaml": TEXT_USER}, OFFICE],
    ids=["rows", "text", "tenant"],
)
def test_an_emitted_project_passes_its_tests(entities: dict[str, str], tmp_path: Path) -> None:
    project = write(render(load_texts(entities, APP)), tmp_path / "project")
    command = ("pytest", "-q", "-p", "no:cacheprovider", "-W", "error")
    assert " passed" in run_alone(tmp_path, "-m", *command, cwd=project)
