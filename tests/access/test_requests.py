"""Requests with and without credentials, beyond what rules decide."""

import asyncio
import json
from base64 import b64decode
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from random import Random
from typing import Annotated, Any

import jwt
import pytest
from fastapi import APIRouter, Depends, Security

from crudgen.codegen import render
from crudgen.delivery.memory import import_tree, unload
from crudgen.language import load_texts
from tests.access.agency import APP, Rows
from tests.access.test_rules import LEAKY, SECRET, bearer, package_of
from tests.startup.started import Application
from tests.support.asgi import AsgiClient

RULES = {
    "Team": "{read: user, write: editor}",
    "Hero": "{read: user, write: editor}",
    "Power": "{read: anyone, create: editor}",
    "Badge": "{read: anyone, write: editor}",
    "Award": "{read: user, write: editor}",
    "Mission": "{read: user, create: [user, hr], update: editor}",
}
MUTATIONS = 500
POWER_RULES = "{read: hr, create: editor, update: hr}"
Work = Callable[[Any, AsgiClient, Rows], Awaitable[None]]


@pytest.fixture(scope="module")
def package() -> Iterator[Any]:
    package = package_of(RULES)
    yield package
    unload(package)


@pytest.fixture
def run(package: Any, new_database: Callable[[str], str]) -> Callable[..., None]:
    """Return a function that runs some work with the application, a client and its rows."""

    @asynccontextmanager
    async def started(**settings: Any) -> AsyncIterator[tuple[Any, AsgiClient, Rows]]:
        application = Application(package)
        url = new_database("sqlite")
        found = application.module("settings").Settings(
            database_url=url, auth_secret=SECRET, **settings
        )
        app = application.module("main").create_app(found)
        async with app.router.lifespan_context(app):
            rows = Rows(application.engine(url))
            rows.reset()
            yield app, AsgiClient(app), rows

    async def work_with(work: Work, **settings: Any) -> None:
        async with started(**settings) as (app, client, rows):
            await work(app, client, rows)

    return lambda work, **settings: asyncio.run(work_with(work, **settings))


def mutated(header: str, random: Random) -> str:
    """Return a header with one change of its token."""
    scheme, token = header.split(" ", 1)
    place = random.randrange(len(token))
    letter = chr(random.choice([random.randrange(33, 127), random.randrange(128, 256)]))
    if letter == token[place]:
        letter = "-" if letter != "-" else "_"
    return random.choice(
        [
            f"{scheme} {token[:place]}{letter}{token[place + 1 :]}",
            f"{scheme} {token[:place]}{token[place + 1 :]}",
            f"{scheme} {token[:place]}{letter}{token[place:]}",
            f"{scheme} {token[:place]}",
            f"{scheme} {token}{token[place:]}",
            f"{scheme} {'.'.join(reversed(token.split('.')))}",
            f"{scheme[: place % len(scheme)]} {token}",
        ]
    )


def signature(header: str) -> Any:
    """Return the part of a token that is signed, and its signature in bytes."""
    signed, _, last = header.rpartition(".")
    padded = last + "=" * (-len(last) % 4)
    try:
        return signed, b64decode(padded.encode("utf-8"), altchars=b"-_", validate=True)
    except ValueError:
        return header


@pytest.mark.parametrize("short", [True, False])
def test_a_changed_token_is_no_token(run: Callable[..., None], short: bool) -> None:
    async def work(_app: Any, client: AsgiClient, _rows: Rows) -> None:
        random = Random(7)  # noqa: S311 -- the same in each run
        good = bearer(["editor"])["authorization"]
        for path in ("/heroes/1", "/powers/fly"):  # anyone may read the second
            assert (await client.get(path, headers={"authorization": good})).status_code == 200
            for _ in range(MUTATIONS // 2):
                bad = mutated(good, random)
                if signature(bad) == signature(good):
                    continue  # the last letter of base64 has bits that mean nothing
                answer = await client.request("GET", path, headers={"authorization": bad})
                assert answer.status_code == 401, bad
                assert answer.headers["www-authenticate"].startswith("Bearer error=")

    run(work, shortcut=short)


def test_callers_are_asked_before_the_request_is_read(run: Callable[..., None]) -> None:
    async def work(_app: Any, client: AsgiClient, _rows: Rows) -> None:
        for headers, status in ((bearer(None), 401), (bearer([]), 403)):
            for method, path, body in (
                ("POST", "/heroes/", {"nam": 1}),
                ("POST", "/heroes/?no_such=1", {}),
                ("POST", "/heroes/bulk", {}),
                ("PATCH", "/heroes/no-key", []),
                ("DELETE", "/heroes/bulk", None),
                ("DELETE", "/heroes/99", None),
                ("PUT", "/heroes/1/powers/", {}),
            ):
                answer = await client.request(method, path, json=body, headers=headers)
                assert answer.status_code == status, (method, path)

    run(work)


def test_head_asks_as_get_does(run: Callable[..., None]) -> None:
    async def work(_app: Any, client: AsgiClient, _rows: Rows) -> None:
        for _ in range(2):
            assert (await client.request("HEAD", "/heroes/1")).status_code == 401
            for path in ("/heroes/1", "/heroes/", "/teams/1/heroes/"):
                answer = await client.request("HEAD", path, headers=bearer([]))
                assert (answer.status_code, answer.content) == (200, b"")

    run(work)


def test_credentials_are_sent_once(run: Callable[..., None]) -> None:
    async def work(app: Any, client: AsgiClient, _rows: Rows) -> None:
        good = bearer(["editor"])["authorization"].encode()
        await client.get("/heroes/1", headers=bearer(["editor"]))

        async def twice(scope: Any, receive: Any, send: Any) -> None:
            headers = [*scope["headers"], (b"authorization", good), (b"authorization", b"x")]
            await app({**scope, "headers": headers}, receive, send)

        answer = await AsgiClient(twice).get("/heroes/1")
        assert (answer.status_code, answer.json()["detail"]) == (
            401,
            "The header Authorization should be given once",
        )

    run(work)


def test_a_token_is_verified_once_for_a_request(
    run: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    verified: list[str] = []
    decode = jwt.decode

    def counting(token: str, *arguments: Any, **options: Any) -> Any:
        verified.append(token)
        return decode(token, *arguments, **options)

    async def work(_app: Any, client: AsgiClient, _rows: Rows) -> None:
        for count in (1, 2):
            assert (await client.get("/heroes/1", headers=bearer(["editor"]))).status_code == 200
            assert len(verified) == count

    monkeypatch.setattr(jwt, "decode", counting)
    run(work, token_seconds=0)


def test_no_cookie_and_no_parameter_is_a_credential(run: Callable[..., None]) -> None:
    async def work(_app: Any, client: AsgiClient, _rows: Rows) -> None:
        token = bearer(["editor"])["authorization"].removeprefix("Bearer ")
        for name in ("authorization", "token", "access_token", "session", "__Host-session"):
            answer = await client.get("/heroes/1", headers={"cookie": f"{name}={token}"})
            assert answer.status_code == 401
            answer = await client.get(f"/heroes/1?{name}={token}")
            assert answer.status_code == 401

    run(work)


def test_an_idempotency_key_is_that_of_its_caller(run: Callable[..., None]) -> None:
    async def work(_app: Any, client: AsgiClient, _rows: Rows) -> None:
        body, key = {"goal": "x", "hero_id": 1}, {"idempotency-key": "one"}

        async def create(subject: str, **changed: Any) -> Any:
            headers = bearer(["editor"], sub=subject) | key
            return await client.request("POST", "/missions/", json=body | changed, headers=headers)

        first, again, other = [await create(one) for one in ("1", "1", "2")]
        assert first.content == again.content != other.content
        assert again.headers["idempotent-replayed"] == "true"
        assert "idempotent-replayed" not in other.headers
        assert (await create("1", goal="y")).status_code == 422
        assert (await create("2", goal="y")).json()["detail"][0]["type"] == "other_request"

    run(work)


def test_the_document_says_what_needs_credentials(run: Callable[..., None]) -> None:
    async def work(_app: Any, client: AsgiClient, _rows: Rows) -> None:
        document = (await client.get("/openapi.json")).json()
        schemes = document["components"]["securitySchemes"]
        assert [one["scheme"] for one in schemes.values()] == ["bearer"]
        found = {
            one["operationId"]: one.get("security")
            for path in document["paths"].values()
            for one in path.values()
        }
        assert found["read_powers"] == found["read_badge"] == [{"token": []}, {}]
        health = {"live", "ready"}
        guarded = {name for name, one in found.items() if one == [{"token": []}]}
        assert {"read_heroes", "create_power", "replace_power", "list_badge_heroes"} <= guarded
        assert {name for name, one in found.items() if one is None} <= health
        for path in document["paths"].values():
            for one in path.values():
                if one["operationId"] not in health:
                    assert {"401", "403"} <= one["responses"].keys()

    run(work)


def test_own_routes_can_ask_for_the_caller(package: Any, run: Callable[..., None]) -> None:
    application = Application(package)
    caller: Any = application.module("caller").Caller
    access: Any = application.module("heroes.access")
    may: Any = application.module("kit.access.may").PermittedCaller
    heroes: Any = application.module("heroes.routes").heroes
    database: Any = application.module("kit.database").DatabaseDep
    router = APIRouter()

    @router.get("/me")
    async def me(me: access.Reader) -> Any:
        return {"id": me.id, "roles": sorted(me.roles)}

    @router.get("/guests")
    def guests(me: Annotated[Any, Security(may(caller))]) -> Any:
        return {"known": me is not None}

    async def editor(me: access.Updater) -> Any:
        return me

    @router.post("/promote", dependencies=[Depends(editor)])
    async def promote(body: dict[str, int]) -> Any:
        return body

    @router.get("/first")
    async def first(db: database, me: Annotated[Any, may(caller).dependency]) -> Any:
        return await heroes.view(me).read(db, 1)

    async def work(app: Any, client: AsgiClient, _rows: Rows) -> None:
        app.include_router(router)
        user, boss = bearer([], sub="8"), bearer(["editor"])
        for _ in range(2):
            assert (await client.get("/me")).status_code == 401
            assert (await client.get("/me", headers=user)).json() == {"id": 8, "roles": []}
            assert (await client.get("/guests")).json() == {"known": False}
            assert (await client.get("/guests", headers=user)).json() == {"known": True}
            bad = {"authorization": "Bearer x"}
            assert (await client.get("/guests", headers=bad)).status_code == 401
            for headers, status in (({}, 401), (user, 403), (boss, 200)):
                answer = await client.post("/promote", json={"a": 1}, headers=headers)
                assert answer.status_code == status
            assert (await client.get("/first")).status_code == 401
            assert (await client.get("/first", headers=user)).json()["name"] == "Ann"
        (reader,) = access.Reader.__metadata__
        app.dependency_overrides[reader.dependency] = lambda: caller(sub="9", roles=["hr"])
        assert (await client.get("/me")).json() == {"id": 9, "roles": ["hr"]}
        assert (await client.get("/heroes/1")).status_code == 200
        app.dependency_overrides[editor] = lambda: None
        assert (await client.post("/promote", json={"a": 1})).status_code == 200

    run(work)


def test_there_is_no_way_around_the_view(package: Any) -> None:
    """A new operation of a resource is out of reach until the view asks for it."""
    application = Application(package)
    views: Any = application.module("kit.access.views")
    collections: Any = application.module("kit.access.collections")
    heroes: Any = application.module("heroes.routes").heroes
    nested: Any = application.module("heroes.nested").hero_powers
    operations = {
        name
        for kind in (heroes.unguarded, nested.collection)
        for name in dir(kind)
        if not name.startswith("_") and asyncio.iscoroutinefunction(getattr(kind, name))
    }
    assert len(operations) > 10
    for guarded in (heroes, nested):
        assert not [name for name in operations if hasattr(guarded, name)]
    links: Any = application.module("kit.access.links")
    known = {*dir(views.View), *dir(collections.CollectionView), *dir(links.LinksView)}
    # For resources that contain the rows.
    assert operations - known <= {"keys"}


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({}, "AUTH_SECRET is missing"),
        ({"auth_secret": "x" * 31}, "AUTH_SECRET has 31 bytes"),
        ({"auth_secret": ""}, "AUTH_SECRET has 0 bytes"),
        ({"auth_secret": " " * 40}, "AUTH_SECRET has 0 bytes"),
        ({"auth_issuer": "gateway"}, "AUTH_SECRET is missing"),
        ({"auth_issuer": "https://id.example"}, "AUTH_AUDIENCE is missing"),
        ({"auth_jwks_url": "https://id.example/keys"}, "AUTH_ISSUER is missing"),
        (
            {"auth_issuer": "a", "auth_audience": "b", "auth_jwks_url": "file:///etc/passwd"},
            "AUTH_JWKS_URL should be a URL",
        ),
    ],
)
def test_a_start_without_keys_says_what_to_do(
    package: Any, tmp_path: Any, settings: dict[str, str], message: str
) -> None:
    application = Application(package)
    error: Any = application.module("kit.errors").StartupError
    found = application.module("settings").Settings(
        database_url=f"sqlite:///{tmp_path}/a.db", **settings
    )
    app = application.module("main").create_app(found)

    async def start() -> None:
        async with app.router.lifespan_context(app):
            pass

    with pytest.raises(error, match=message):
        asyncio.run(start())


def test_messages_name_what_a_caller_needs(run: Callable[..., None]) -> None:
    async def work(_app: Any, client: AsgiClient, _rows: Rows) -> None:
        answer = await client.request("DELETE", "/missions/1", headers=bearer(["editor"]))
        assert answer.json()["detail"] == [
            {"type": "forbidden", "loc": [], "msg": "No caller may delete rows of Mission"}
        ]
        answer = await client.request("POST", "/heroes/", json={}, headers=bearer(["hr"]))
        needed = "To create rows of Hero, a caller needs the role editor"
        assert json.loads(answer.content)["detail"][0]["msg"] == needed
        answer = await client.get("/powers/?include=heroes")
        assert answer.status_code == 401
        assert "`include`" in answer.json()["detail"]

    run(work)


def test_what_a_caller_may_not_read_stays_hidden(new_database: Callable[[str], str]) -> None:
    package = package_of(LEAKY | {"Hero": "{read: hr, write: hr}", "Power": POWER_RULES})
    application = Application(package)
    url = new_database("sqlite")
    found = application.module("settings").Settings(database_url=url, auth_secret=SECRET)
    app = application.module("main").create_app(found)

    async def work() -> None:
        async with app.router.lifespan_context(app):
            Rows(application.engine(url)).reset()
            client = AsgiClient(app)
            answer = await client.request("PATCH", "/heroes/1", json={}, headers=bearer([]))
            needed = "To update rows of Hero, a caller must be able to read rows of Hero"
            assert answer.json()["detail"][0]["msg"] == f"{needed}, which needs the role hr"
            answers = []
            for code in ("fly", "new"):  # the first exists
                body, headers = {"code": code, "name": "x"}, bearer(["editor"])
                sent = headers | {"if-match": '"x"'}
                answers.append(
                    await client.request("PUT", f"/powers/{code}", json=body, headers=sent)
                )
            assert [one.status_code for one in answers] == [403, 403]
            assert answers[0].content == answers[1].content

    try:
        asyncio.run(work())
    finally:
        unload(package)


def test_a_row_created_with_hidden_ones_has_a_location(new_database: Callable[[str], str]) -> None:
    texts = {
        "team.yaml": "name: Team\nfields: {name: str}\napi: {write: {heroes: create}}\n"
        "access: anyone\n",
        "hero.yaml": "name: Hero\nfields: {name: str, team_id: -> Team}\n"
        "access: {read: hr, create: anyone}\n",
    }
    package = import_tree(render(load_texts(texts, APP)))
    application = Application(package)
    found = application.module("settings").Settings(
        database_url=new_database("sqlite"), auth_secret=SECRET
    )
    app = application.module("main").create_app(found)

    async def work() -> None:
        async with app.router.lifespan_context(app):
            client = AsgiClient(app)
            team = {"name": "x", "heroes": [{"name": "a"}]}
            answer = await client.request("POST", "/teams/", json=team)
            assert (answer.status_code, answer.content) == (204, b"")
            shown = await client.get(answer.headers["location"])
            assert shown.json() == {"name": "x", "id": 1}
            hero = {"name": "b", "team_id": 1}
            answer = await client.request("POST", "/heroes/", json=hero)
            assert (answer.status_code, answer.headers.get("location")) == (204, None)

    try:
        asyncio.run(work())
    finally:
        unload(package)


def test_a_row_that_was_read_can_be_sent_back(new_database: Callable[[str], str]) -> None:
    fields = '{name: str, team_id: "-> Team?", owner_id: "-> Team? inverse(owned) immutable"}'
    texts = {
        "team.yaml": "name: Team\nfields: {name: str}\naccess: hr\n",
        "hero.yaml": f"name: Hero\nfields: {fields}\naccess: [editor, hr]\n"
        "api: {operations: [create, read, update, replace]}\n",
    }
    package = import_tree(render(load_texts(texts, APP)))
    application = Application(package)
    found = application.module("settings").Settings(
        database_url=new_database("sqlite"), auth_secret=SECRET
    )
    app = application.module("main").create_app(found)

    async def work() -> None:
        async with app.router.lifespan_context(app):
            client = AsgiClient(app)

            async def send(method: str, path: str, body: Any, role: str = "editor") -> int:
                sent = await client.request(method, path, json=body, headers=bearer([role]))
                return int(sent.status_code)

            hero = {"name": "a", "team_id": 1, "owner_id": 2}
            for name in ("x", "y", "z"):
                assert await send("POST", "/teams/", {"name": name}, "hr") == 200
            assert await send("POST", "/heroes/", hero, "hr") == 200
            without = {name: value for name, value in hero.items() if name != "owner_id"}
            for method in ("PUT", "PATCH"):
                assert await send(method, "/heroes/1", without) == 200
                for team in (2, 99):
                    assert await send(method, "/heroes/1", without | {"team_id": team}) == 409
            for owner in (2, 3, 99):
                assert await send("PUT", "/heroes/1", hero | {"owner_id": owner}) == 200
            read = await client.get("/heroes/1", headers=bearer(["editor"]))
            assert read.json() == hero | {"id": 1}
            assert await send("PUT", "/heroes/9", hero) == 409

    try:
        asyncio.run(work())
    finally:
        unload(package)
