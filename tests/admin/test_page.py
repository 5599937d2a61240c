"""The admin page shows and changes rows by the API, with the rights of its user."""

import asyncio
import base64
import csv
import io
import json
import re
from collections.abc import Callable, Coroutine, Iterator, Sequence
from html import unescape
from typing import Any
from urllib.parse import parse_qsl

import httpx
import pytest

from crudgen.codegen import render
from crudgen.delivery.memory import import_tree, unload
from crudgen.kit.admin.actions import view_class
from crudgen.kit.admin.tables import Action, Property, Table
from crudgen.language import load_texts
from tests.admin.browsing import Browser, errors_of, inputs_of, text_of
from tests.admin.farm import APP, HOOKS, SPECS
from tests.startup.started import Application

pytestmark = pytest.mark.filterwarnings("ignore:Exception ignored in. <function Spooled")
PASSWORD = "correct horse"  # noqa: S105 -- of users in this test
ROLES = {"ed": ["editor"], "bea": ["boss"], "vic": []}
Work = Callable[["Farm"], Coroutine[Any, Any, None]]
COW = {
    "name": "Böse Kuh <b>",
    "chip": "9007199254740993",
    "legs": "4",
    "size": "0.1",
    "price": "1234567890123456.70",
    "tame": "on",
    "sold": "false",
    "born": "2024-02-29",
    "fed": "07:30",
    "seen": "2024-02-29T23:59:58.125",
    "token": "0190163d-8694-739b-aea5-966c26f8ad90",
    "mood": "wild",
    "mail": "cow@example.com",
    "home": "https://example.com/",
    "data": '{"n": 12345678901234567890, "x": [1.5, null]}',
    "story": "one\r\n  two",
    "secret": "moo",
    "breed": "Angus",
    "keeper_code": "",
    "pen_id": "",
}
STORED = {
    "name": "Böse Kuh <b>",
    "chip": 9007199254740993,
    "legs": 4,
    "size": 0.1,
    "price": "1234567890123456.70",
    "tame": True,
    "sold": False,
    "born": "2024-02-29",
    "fed": "07:30:00",
    "seen": "2024-02-29T23:59:58.125000Z",
    "token": "0190163d-8694-739b-aea5-966c26f8ad90",
    "mood": "wild",
    "mail": "cow@example.com",
    "home": "https://example.com/",
    "data": {"n": 12345678901234567890, "x": [1.5, None]},
    "photo": None,
    "story": "one\n  two",
    "breed": "Angus",
    "keeper_code": None,
    "pen_id": None,
    "tag_ids": [],
}


class Farm:
    """The running application, its users, and their tokens."""

    def __init__(self, app: Any, tables: Sequence[str]) -> None:
        self.app, self.tables = app, tables
        self.api = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test")
        self._tokens: dict[str, str] = {}

    async def page(self, user: str) -> Browser:
        """Return a browser in which a user has logged in."""
        browser = Browser(self.app)
        answer = await browser.log_in(user, PASSWORD)
        assert answer.status_code == 303, answer.text
        return browser

    async def ask(self, user: str, method: str, path: str, **options: Any) -> httpx.Response:
        """Send a request to the API as a user."""
        if user not in self._tokens:
            form = {"username": user, "password": PASSWORD}
            self._tokens[user] = (await self.api.post("/login", data=form)).json()["access_token"]
        headers = {"authorization": f"Bearer {self._tokens[user]}", **options.pop("headers", {})}
        return await self.api.request(method, path, headers=headers, **options)

    def requests(self, patch: pytest.MonkeyPatch) -> list[tuple[str, str, str]]:
        """Return a list that gets the method, path and query of all requests of a test."""
        found: list[tuple[str, str, str]] = []
        stack = self.app.middleware_stack

        async def noting(scope: Any, receive: Any, send: Any) -> None:
            found.append((scope["method"], scope["path"], scope["query_string"].decode()))
            await stack(scope, receive, send)

        patch.setattr(self.app, "middleware_stack", noting)
        return found

    async def animal(self, key: int = 1) -> Any:
        """Return a row."""
        return (await self.ask("bea", "GET", f"/animals/{key}")).json()


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Farm, Any, asyncio.Runner]]:
    """Start one application for all tests: its templates are compiled once."""
    tree = {**render(load_texts(SPECS, APP)), "app/animals/hooks.py": HOOKS}
    package = import_tree(tree)
    application = Application(package)
    settings = application.module("settings").Settings(
        database_url=f"sqlite:///{tmp_path_factory.mktemp('farm')}/farm.db", password_memory_mb=12
    )
    app = application.module("main").create_app(settings)
    lifespan = app.router.lifespan_context(app)
    opened = application.module("kit.user_commands").opened
    with asyncio.Runner() as runner, opened(settings, application.module("caller").Caller) as users:
        runner.run(lifespan.__aenter__())
        for name, roles in ROLES.items():
            users.add(name, PASSWORD, roles)
        known = application.module("kit.models").Model.metadata.sorted_tables
        tables = [one.name for one in reversed(known) if not one.name.startswith("_")]
        yield Farm(app, tables), users.session, runner
        runner.run(lifespan.__aexit__(None, None, None))
    unload(package)


@pytest.fixture
def run(started: tuple[Farm, Any, asyncio.Runner]) -> Callable[[Work], None]:
    """Return a function that runs some work with the application, without rows."""
    farm, session, runner = started
    for table in farm.tables:
        session.connection().exec_driver_sql(f"DELETE FROM {table}")  # noqa: S608
        number = f"DELETE FROM sqlite_sequence WHERE name = '{table}'"  # noqa: S608
        session.connection().exec_driver_sql(number)
    session.commit()
    return lambda work: runner.run(work(farm))


def test_rows_of_all_types(run: Callable[[Work], None]) -> None:
    async def work(farm: Farm) -> None:
        page = await farm.page("ed")
        created = await page.fill("animals/create", COW)
        assert created.status_code == 303, errors_of(created.text)
        found = await farm.animal()
        assert {**found, "id": 1, "made": 0} == {**STORED, "id": 1, "made": 0}

        form = await page.open("animals/edit?pk=1")
        inputs = inputs_of(form)
        assert "As the keeper calls it." in text_of(form)
        same = ("name", "chip", "price", "tame", "born", "token", "mood", "mail", "home")
        assert {name: inputs[name] for name in same} == {name: COW[name] for name in same}
        assert inputs["seen"] == "2024-02-29T23:59:58.125"
        assert inputs["story"] == "one\n  two"
        assert inputs["secret"] == ""
        assert not inputs.keys() & {"breed", "made", "id"}
        saved = await page.post("animals/edit?pk=1", inputs)
        assert saved.status_code == 303, errors_of(saved.text)
        assert await farm.animal() == found  # an unchanged form changes nothing

        values = {
            "sold": "",
            "born": "",
            "story": "",
            "data": "[]",
            "fed": "23:00:01",
            "size": "",
            "token": "",
            "seen": "",
        }
        files = {"photo": ("a.bin", b"\x00\xff", "application/octet-stream")}
        saved = await page.fill("animals/edit?pk=1", values, files)
        assert saved.status_code == 303, errors_of(saved.text)
        changed = await farm.animal()
        nulls = dict.fromkeys(("sold", "born", "story", "size", "token", "seen"))
        photo = base64.b64encode(b"\x00\xff").decode()
        assert changed == {**found, **nulls, "data": [], "fed": "23:00:01", "photo": photo}
        detail = await page.read("animals/detail?pk=1")
        assert "2 bytes, Download" in detail
        assert "moo" not in detail
        form_page = await page.read("animals/edit?pk=1")
        assert "Stored: 2 bytes, Download" in form_page
        assert "Remove the stored file" in form_page
        assert "An empty input keeps it" in form_page  # that of the secret
        saved = await page.fill("animals/edit?pk=1", {"_photo-delete": "on", "data": ""})
        assert (await farm.animal())["photo"] is None
        listed = await page.open("animals/list")
        assert "Böse Kuh &lt;b&gt;" in listed
        assert "9007199254740993" in listed

    run(work)


def test_a_value_that_is_never_shown_can_be_removed(
    run: Callable[[Work], None], started: tuple[Farm, Any, asyncio.Runner]
) -> None:
    def secrets() -> list[str | None]:
        rows = started[1].connection().exec_driver_sql("SELECT name, secret FROM animal")
        found = [row.secret for row in rows]
        started[1].rollback()
        return found

    async def work(farm: Farm) -> None:
        page = await farm.page("ed")
        assert "Remove the stored value" not in await page.read("animals/create")
        assert (await page.fill("animals/create", COW)).status_code == 303
        for values, secret in (
            ({"name": "Cow"}, "moo"),
            ({"_secret-delete": "on", "secret": "mooo"}, "mooo"),
            ({"_secret-delete": "on"}, None),
        ):
            saved = await page.fill("animals/edit?pk=1", values)
            assert saved.status_code == 303, errors_of(saved.text)
            assert secrets() == [secret]

    run(work)


def test_links_do_not_depend_on_the_host_that_a_request_names(run: Callable[[Work], None]) -> None:
    async def work(farm: Farm) -> None:
        page = await farm.page("bea")
        assert (await page.fill("keepers/create", {"code": "a", "name": "Ann"})).status_code == 303
        forged = {"host": "evil.example", "x-forwarded-host": "evil.example"}
        for path in ("", "keepers/list", "keepers/detail?pk=a", "keepers/edit?pk=a"):
            shown = await page.client.get(f"/admin/{path}", headers=forged)
            assert shown.status_code == 200
            assert "evil" not in shown.text
            assert "http://" not in shown.text.replace("http://www.w3.org/", "")
        for client in (page.client, Browser(farm.app).client):
            for path in ("/admin", "/admin/tags/create", "/admin/login", "/admin/keepers/list"):
                answer = await client.get(path, headers=forged)
                assert answer.headers.get("location", "/").startswith("/")
        query = "name=delete&pk=a&_origin=http%3A%2F%2Flocalhost%2Fadmin%2Fkeepers%2Flist%3Fq%3Dx"
        done = await page.client.post(
            f"/admin/_api/keepers/row-action?{query}", headers={"x-csrftoken": page.token}
        )
        assert done.json() == {"redirect": "/admin/keepers/list?q=x"}

    run(work)


def test_files_are_downloaded(run: Callable[[Work], None]) -> None:
    async def work(farm: Farm) -> None:
        page, viewer = await farm.page("ed"), await farm.page("vic")
        photo = base64.b64encode(b"\x00\xff").decode()
        row = {"name": "cow", "chip": 1, "photo": photo}
        await farm.ask("ed", "POST", "/animals/", json=row)
        await farm.ask("ed", "POST", "/animals/", json={"name": "cow", "chip": 2})
        for user in (page, viewer):
            (link,) = re.findall(
                r'<a href="([^"]+)">Download', await user.open("animals/detail?pk=1")
            )
            answer = await user.client.get(unescape(link))
            assert (answer.status_code, answer.content) == (200, b"\x00\xff")
            assert answer.headers["content-type"] == "application/octet-stream"
            name = 'attachment; filename="animal-1-photo.bin"'
            assert answer.headers["content-disposition"] == name
        assert "Download" not in await page.read("animals/detail?pk=2")
        for query in ("pk=2&name=photo", "pk=1&name=secret", "pk=1&name=x", "pk=9&name=photo", ""):
            await page.open(f"_api/animals/file?{query}", 404)
        for table in ("pens", "nothing"):
            await page.open(f"_api/{table}/file?pk=1&name=photo", 404)
        stranger = Browser(farm.app)
        assert (await stranger.client.get(link)).status_code == 303

    run(work)


def test_times_are_shown_in_short_and_kept(run: Callable[[Work], None]) -> None:
    async def work(farm: Farm) -> None:
        page = await farm.page("ed")
        exact = "2024-02-29T23:59:58.123456Z"
        row = {"name": "cow", "chip": 1, "seen": exact, "fed": "07:30:00.000001"}
        await farm.ask("ed", "POST", "/animals/", json=row)
        listed, detail = await page.read("animals/list"), await page.read("animals/detail?pk=1")
        assert " 2024-02-29 23:59:58 " in listed
        assert "2024-02-29 23:59:58.123456" in detail
        assert (" 07:30:00 " in listed, "07:30:00.000001" in detail) == (True, True)
        assert ("Seen (UTC)" in listed, "Fed (UTC)" in listed) == (True, False)
        assert "null" not in listed
        assert "cow" in re.findall(
            r'class="card-title">(.*?)<', await page.open("animals/detail?pk=1")
        )
        assert (await page.fill("animals/edit?pk=1", {"legs": "3"})).status_code == 303
        found = await farm.animal()
        assert (found["seen"], found["fed"], found["legs"]) == (exact, "07:30:00.000001", 3)

    run(work)


def test_errors_are_at_their_inputs(run: Callable[[Work], None]) -> None:
    async def work(farm: Farm) -> None:
        page = await farm.page("ed")
        await page.fill("animals/create", COW)
        wrong = {
            "name": "x" * 41,
            "legs": "1_0",
            "price": "1.234",
            "born": "2024-02-30",
            "data": "{",
            "size": "nan",
            "mood": "mad",
            "chip": "1.5",
            "token": "?",
        }
        answer = await page.fill("animals/create", wrong)
        assert answer.status_code == 422
        assert errors_of(answer.text).keys() == {"data"}
        assert "Not saved. See Data" in text_of(answer.text)
        assert inputs_of(answer.text)["name"] == "x" * 41  # what the user wrote is still there
        answer = await page.fill("animals/create", {**wrong, "data": "NaN"})
        assert errors_of(answer.text).keys() == {"data"}
        answer = await page.fill("animals/create", {**wrong, "data": "1"})
        assert errors_of(answer.text).keys() == wrong.keys() - {"data"}
        answer = await page.fill("animals/create", {"name": "", "chip": ""})
        assert errors_of(answer.text).keys() == {"chip"}
        answer = await page.fill("animals/create", {"name": "", "chip": "1"})
        assert errors_of(answer.text).keys() == {"name"}
        answer = await page.fill("animals/create", COW)
        assert (answer.status_code, errors_of(answer.text)) == (
            422,
            {"chip": "Another row has the same chip"},
        )
        answer = await page.fill("animals/create", {**COW, "chip": "2", "keeper_code": "nobody"})
        assert errors_of(answer.text).keys() == {"keeper_code"}
        answer = await page.fill("animals/create", {**COW, "chip": "2", "size": "101"})
        assert "It does not fit" in " ".join(errors_of(answer.text).values())

    run(work)


def test_lost_updates(run: Callable[[Work], None]) -> None:
    async def work(farm: Farm) -> None:
        page = await farm.page("ed")
        await page.fill("animals/create", COW)
        form = inputs_of(await page.open("animals/edit?pk=1"))
        await farm.ask("bea", "PATCH", "/animals/1", json={"legs": 3})
        for _ in range(2):  # the second time with the form that the first one returned
            answer = await page.post("animals/edit?pk=1", {**form, "name": "Elsa"})
            assert "Somebody has changed this row" in errors_of(answer.text)[""]
        for etag in ("€", '"x\r\ny"', "*, "):
            answer = await page.post("animals/edit?pk=1", {**form, "name": "Elsa", "_etag": etag})
            assert answer.status_code == 422
            assert "" in errors_of(answer.text)
            form = inputs_of(answer.text)
        assert (await farm.animal())["name"] == COW["name"]
        answer = await page.post("animals/edit?pk=1", form)
        assert answer.status_code == 422  # a form without changes does not hide them
        assert (await page.fill("animals/edit?pk=1", {"name": "Elsa"})).status_code == 303
        assert (await farm.animal())["legs"] == 3

    run(work)


@pytest.mark.long
def test_relations(run: Callable[[Work], None]) -> None:
    async def work(farm: Farm) -> None:
        page, boss = await farm.page("ed"), await farm.page("bea")
        await page.fill("keepers/create", {"code": "a b?", "name": "Ann"})
        await boss.fill("tags/create", {"label": "old"})
        await boss.fill("tags/create", {"label": "black"})
        await boss.fill("pens/create", {"name": "north"})
        pen = (await farm.ask("bea", "GET", "/pens/")).json()
        assert pen["detail"]  # pens have no list
        lookup = (await page.client.get("/admin/_api/tags/relation-lookup?q=bla")).json()
        assert [(one["id"], one["_meta"]["repr"]) for one in lookup["items"]] == [("2", "black")]
        lookup = (await page.client.get("/admin/_api/keepers/relation-lookup?q=an")).json()
        assert [one["_meta"]["repr"] for one in lookup["items"]] == ["Ann"]
        values = {**COW, "keeper_code": "a b?", "tag_ids": ["2", "1"]}
        answer = await page.fill("animals/create", values)
        assert answer.status_code == 303, errors_of(answer.text)
        found = await farm.animal()
        assert (found["keeper_code"], found["tag_ids"]) == ("a b?", [1, 2])
        assert {"Ann", "old", "black"} <= {*(await page.read("animals/list")).split()}
        answer = await page.fill("animals/edit?pk=1", {})
        assert answer.status_code == 303
        assert await farm.animal() == found
        answer = await page.fill("animals/edit?pk=1", {"keeper_code": "", "tag_ids": ["1"]})
        assert answer.status_code == 303
        changed = await farm.animal()
        assert (changed["keeper_code"], changed["tag_ids"]) == (None, [1])
        answer = await page.act("keepers", "delete", ["a b?"])
        assert answer.status_code == 200, answer.text
        await farm.ask("bea", "PATCH", "/animals/1", json={"tag_ids": []})

    run(work)


@pytest.mark.long
def test_rows_that_a_user_cannot_read_stay_related(run: Callable[[Work], None]) -> None:
    async def work(farm: Farm) -> None:
        page, boss = await farm.page("ed"), await farm.page("bea")
        pen = (await farm.ask("bea", "POST", "/pens/", json={"name": "north"})).json()["id"]
        await page.fill("animals/create", COW)
        answer = await boss.fill("animals/edit?pk=1", {"pen_id": pen})
        assert answer.status_code == 303, errors_of(answer.text)
        assert "north" in await boss.read("animals/list")
        listed = await page.read("animals/list")
        assert "north" not in listed
        assert f"Pen {pen}" in listed
        assert (await page.fill("animals/edit?pk=1", {"name": "Elsa"})).status_code == 303
        assert (await farm.animal())["pen_id"] == pen
        assert "Pens" not in listed  # not in the menu either
        await page.open("pens/list", 403)
        await page.open(f"pens/detail?pk={pen}", 403)

    run(work)


@pytest.mark.long
def test_lists(run: Callable[[Work], None]) -> None:
    async def work(farm: Farm) -> None:
        for number in range(1, 31):
            row = {"name": f"cow {number:02}", "chip": number, "legs": number % 3}
            row |= {"mood": "wild"} if number % 2 else {"sold": True}
            await farm.ask("ed", "POST", "/animals/", json=row)
        page = await farm.page("vic")

        async def cows(query: str) -> list[int]:
            return [int(one) for one in re.findall(r"cow (\d\d)", await page.read(query))]

        assert await cows("animals/list?page_size=10&page=3") == [*range(21, 31)]
        assert await cows("animals/list?sort=chip__desc&page_size=10") == [*range(30, 20, -1)]
        assert await cows("animals/list?sort=legs__asc&sort=chip__desc&page_size=10") == [
            *range(30, 0, -3)
        ]
        assert await cows("animals/list?sort=price__desc&page_size=10") == [*range(1, 11)]
        assert await cows("animals/list?q=cow+07") == [7]
        filters = {
            "chip__eq=3": [3],
            "chip__in=3,5": [3, 5],
            "chip__lt=3": [1, 2],
            "chip__gte=29 AND mood__in=wild": [29],
            'name__icontains="W 1" AND legs__ne=0 AND sold__isset': [10, 14, 16],
            "sold__eq=true AND chip__gt=28": [30],
            "sold__isnull AND chip__lte=3": [1, 3],
            "tame__eq=false": [],
            "price__lte=1.50 AND chip__eq=2": [2],
            "born__isnull AND chip__notin=1,2 AND chip__lt=4": [3],
            "seen__gte=2024-01-01T00:00": [],
        }
        for text, wanted in filters.items():
            query = httpx.QueryParams({"filter": text})
            assert await cows(f"animals/list?{query}") == wanted, text
        for text in ("chip__eq=x", "legs__in=1 OR legs__in=2", "story__eq=x", "made__isnull", "x"):
            query = httpx.QueryParams({"filter": text})
            response = await page.client.get(f"/admin/animals/list?{query}")
            assert 400 <= response.status_code < 423, (text, response.text)
        assert "The API has no OR" in await page.read(
            f"animals/list?{httpx.QueryParams({'filter': 'legs__eq=1 OR legs__eq=2'})}", 400
        )
        await page.open("animals/list?page_size=7", 400)
        assert 'type="search"' in await page.open("animals/list")
        assert 'type="search"' not in await page.open("keepers/list")

    run(work)


def test_rights(run: Callable[[Work], None]) -> None:
    async def work(farm: Farm) -> None:
        editor, boss = await farm.page("ed"), await farm.page("bea")
        viewer = await farm.page("vic")
        await editor.fill("animals/create", COW)
        await editor.fill("animals/create", {**COW, "chip": "2", "tame": ""})
        listed = await viewer.open("animals/list")
        assert "animals/create" not in listed
        assert "animals/edit" not in listed
        assert 'data-name="delete"' not in listed
        for path in ("animals/create", "animals/edit?pk=1"):
            await viewer.open(path, 403)
            assert (await viewer.post(path, COW)).status_code == 403
        for page in (viewer, editor):
            answer = await page.act("animals", "delete", [1])
            assert (answer.status_code, answer.json()) == (400, {"msg": "Forbidden"})
        form = inputs_of(await editor.open("animals/edit?pk=2"))
        answer = await editor.post("animals/edit?pk=2", {**form, "legs": "1"})
        assert "tame" in errors_of(answer.text)[""]  # the rule, in the words of the API
        answer = await editor.fill("animals/edit?pk=1", {"tame": ""})
        assert errors_of(answer.text)
        answer = await boss.act("animals", "delete", [1, 2, 3])
        assert answer.status_code == 400
        assert (
            answer.json()["msg"]
            == "Animal 3: Animal not found. 2 of 3 rows were deleted before it."
        )
        assert (await farm.ask("bea", "GET", "/animals/")).json() == []
        pen = (await farm.ask("bea", "POST", "/pens/", json={"name": "north"})).json()["id"]
        assert (await boss.act("pens", "delete", [pen])).status_code == 200  # with If-Match

    run(work)


def test_sessions(run: Callable[[Work], None]) -> None:
    async def work(farm: Farm) -> None:
        page = Browser(farm.app)
        for path in ("", "animals/list", "_api/animals/relation-lookup", "animals/edit?pk=1"):
            answer = await page.client.get(f"/admin/{path}")
            assert answer.status_code == 303
            assert "/admin/login" in answer.headers["location"]
        assert (await page.client.get("/admin")).headers["location"] == "/admin/"
        answer = await page.log_in("ed", "wrong")
        assert answer.status_code == 400
        assert "Wrong user name or password" in text_of(answer.text)
        answer = await page.log_in("ed", PASSWORD)
        cookie = answer.headers["set-cookie"]
        assert {"HttpOnly", "Path=/admin", "SameSite=lax"} <= {*cookie.split("; ")}
        assert "cg_" not in cookie
        session = page.client.cookies["admin_session"]
        for path in ("/animals/", "/me", "/admin-me"):  # the API does not accept it
            sent = {"cookie": f"admin_session={session}"}
            assert (await farm.api.get(path, headers=sent)).status_code in {401, 404}
        headers = {"content-type": "application/json"}
        assert (
            await page.client.post("/animals/", json={"name": "x", "chip": 1}, headers=headers)
        ).status_code == 401
        for name in ("frame-ancestors 'none'", "default-src 'self'"):
            answer = await page.client.get("/admin/")
            assert name in answer.headers["content-security-policy"]
        assert answer.headers["cache-control"] == "no-store"
        other = Browser(farm.app)
        other.client.cookies.set("admin_session", session)
        await other.open("animals/list")
        assert (await page.post("logout")).status_code == 303
        assert (await other.client.get("/admin/animals/list")).status_code == 303  # revoked
        changed = session[:-9] + "A" + session[-8:]
        other.client.cookies.set("admin_session", changed)
        assert (await other.client.get("/admin/animals/list")).status_code == 303
        secure = Browser(farm.app, "https://localhost")
        await secure.open("login")
        for answer in (
            await secure.client.get("/admin/login", headers={"cookie": ""}),
            await secure.log_in("ed", PASSWORD),
            await secure.post("logout"),
        ):
            assert all("; Secure" in one for one in answer.headers.get_list("set-cookie"))
            assert answer.headers.get_list("set-cookie")
        elsewhere = await secure.client.post(
            "/admin/login?next=https%3A%2F%2Fevil.example%2F",
            data={"csrftoken": secure.token, "username": "ed", "password": PASSWORD},
        )
        assert "evil" not in elsewhere.headers["location"]

    run(work)


def test_requests_of_other_sites(run: Callable[[Work], None]) -> None:
    async def work(farm: Farm) -> None:
        page = await farm.page("bea")
        await page.client.post("/admin/keepers/create", data={"code": "a", "name": "Ann"})
        good = page.token
        for token in ("", "x", good[:-1] + "?"):
            for path in ("keepers/create", "logout", "_api/keepers/action?name=delete&pks=a"):
                answer = await page.client.post(
                    f"/admin/{path}", data={"csrftoken": token, "code": "a", "name": "Ann"}
                )
                assert answer.status_code == 403
                assert "Reload the page" in answer.text
                is_script = "json" in answer.headers["content-type"]
                assert is_script == path.startswith("_api")
        assert (await farm.ask("bea", "GET", "/keepers/")).json() == []
        other = Browser(farm.app)
        await other.open("login")
        answer = await page.client.post(
            "/admin/keepers/create", data={"csrftoken": other.token, "code": "a", "name": "Ann"}
        )
        assert answer.status_code == 403  # the token of another browser
        assert "/admin" not in str(farm.app.openapi()["paths"].keys())

    run(work)


def test_the_log_has_no_line_for_each_page(
    run: Callable[[Work], None], caplog: pytest.LogCaptureFixture
) -> None:
    async def work(farm: Farm) -> None:
        page = await farm.page("ed")
        await page.open("animals/list")
        await page.open("animals/detail?pk=9", 404)
        await page.client.post("/admin/animals/create")
        await Browser(farm.app).client.get("/admin/animals/list")

    with caplog.at_level("INFO"):
        run(work)
    assert [one for one in caplog.records if one.name.startswith("starlette_admin")] == []


def test_requests_to_the_api_belong_to_the_trace_of_the_page(
    run: Callable[[Work], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def work(farm: Farm) -> None:
        page = await farm.page("ed")
        stack, found = farm.app.middleware_stack, set[tuple[str, bytes | None]]()

        async def noting(scope: Any, receive: Any, send: Any) -> None:
            found.add((scope["path"], dict(scope["headers"]).get(b"traceparent")))
            await stack(scope, receive, send)

        monkeypatch.setattr(farm.app, "middleware_stack", noting)
        trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
        await page.client.get("/admin/nests/list", headers={"traceparent": trace})
        assert ("/nests/", trace.encode()) in found

    run(work)


@pytest.mark.long
def test_paths_that_are_no_rows(run: Callable[[Work], None]) -> None:
    async def work(farm: Farm) -> None:
        page = await farm.page("bea")
        await (await farm.page("ed")).fill("animals/create", COW)
        for key in ("", "2", "x", "bulk", "1/tags", "..%2Fme", "%00", "1%3Ffields=id", "9" * 400):
            for path in ("detail", "edit"):
                await page.open(f"animals/{path}?pk={key}", 404)
            answer = await page.act("animals", "delete", [key])
            assert answer.status_code in {200, 400, 404}, key
        await page.open("nothing/list", 404)
        assert (await farm.ask("bea", "GET", "/animals/")).status_code == 200

    run(work)


def test_files(run: Callable[[Work], None]) -> None:
    async def work(farm: Farm) -> None:
        page = await farm.page("ed")
        for number, name in enumerate(("=1+1", 'Kuh, "die"', "Elsa")):
            row = {"name": name, "chip": 2**53 + number, "price": "-1.50", "data": {"a": [1]}}
            await farm.ask("ed", "POST", "/animals/", json=row)

        async def export(kind: str, **more: str) -> httpx.Response:
            return await page.client.post(
                f"/admin/_api/animals/action?name=export&all=1&{httpx.QueryParams(more)}",
                data={"scope": "all", "format": kind, "csrftoken": page.token},
            )

        found = json.loads((await export("json")).content)
        assert [one["Chip"] if "Chip" in one else one["chip"] for one in found] == [
            2**53 + number for number in range(3)
        ]
        text = (await export("csv", _list_query="?filter=name__icontains%3Delsa")).text
        assert len(text.splitlines()) == 2
        text = (await export("csv")).text
        rows = [*csv.DictReader(io.StringIO(text))]
        assert [one["Name"] for one in rows] == ["'=1+1", 'Kuh, "die"', "Elsa"]
        assert {one["Price"] for one in rows} == {"-1.50"}
        assert {one["Data"] for one in rows} == {'{"a": [1]}'}
        assert {(one["Tame"], one["Sold"], one["Tags"]) for one in rows} == {("true", "", "")}
        assert "Secret" not in rows[0]

        async def load(kind: str, data: str) -> Any:
            answer = await page.client.post(
                "/admin/_api/animals/import",
                data={"format": kind, "csrftoken": page.token},
                files={"file": (f"a.{kind}", data.encode(), "text/plain")},
            )
            assert answer.status_code == 200, answer.text
            return answer.json()

        lines = "name,chip,price,sold,data,unknown\nA,1,2.50,true,[1],x\nB,x,,,,\nC,1,,,,\n,3,,,,\n"
        done = await load("csv", lines)
        assert (done["rows_created"], done["rows_total"]) == (1, 4)
        assert [(one["row"], one["field"]) for one in done["errors"]] == [
            (2, "chip"),
            (3, "chip"),
            (4, "name"),
        ]
        done = await load("json", json.dumps([{"name": "J", "chip": 7, "data": {"b": None}}]))
        assert done["rows_created"] == 1
        stored = (await farm.ask("ed", "GET", "/animals/?chip=7")).json()[0]
        assert stored["data"] == {"b": None}
        viewer = await farm.page("vic")
        answer = await viewer.client.post(
            "/admin/_api/animals/import", data={"format": "csv", "csrftoken": viewer.token}
        )
        assert answer.status_code == 403
        assert "The API does not permit this" in text_of(answer.text)
        assert "You are logged in as vic." in await viewer.read("animals/create", 403)
        assert "Take me home" in await viewer.read("animals/nothing", 404)

    run(work)


def _fields(query: str) -> set[str]:
    return set(dict(parse_qsl(query))["fields"].split(","))


def test_several_rows_in_one_request(
    run: Callable[[Work], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def work(farm: Farm) -> None:
        page, viewer = await farm.page("ed"), await farm.page("vic")
        sent = farm.requests(monkeypatch)

        async def load(rows: list[dict[str, Any]], **more: str) -> Any:
            answer = await page.client.post(
                "/admin/_api/birds/import",
                data={"format": "json", "csrftoken": page.token, **more},
                files={"file": ("a.json", json.dumps(rows).encode(), "text/plain")},
            )
            assert answer.status_code == 200, answer.text
            found = answer.json()
            return found["rows_created"], [
                (one["row"], one["field"], one["message"]) for one in found["errors"]
            ]

        async def rings() -> list[int]:
            rows = (await farm.ask("ed", "GET", "/birds/?limit=100")).json()
            return [one["ring"] for one in rows]

        birds = [{"ring": number + 1, "name": f"n{number}"} for number in range(150)]
        assert await load([{**birds[0], "weight": 1}, {**birds[1], "weight": 0}]) == (
            0,
            [(2, "weight", "Input should be greater than or equal to 1")],
        )
        assert await load([birds[0], {**birds[1], "mate_ring": 9}]) == (
            0,
            [(2, "mate_ring", "There is no such bird")],
        )
        assert await rings() == []
        sent.clear()
        assert await load([*birds[:2], {**birds[2], "name": "n1"}]) == (
            0,
            [(3, "name", "Another row has the same name")],
        )
        assert [one for one in sent if one[0] == "POST" and "/admin" not in one[1]] == [
            ("POST", "/birds/bulk", "")
        ]
        assert await load([*birds[:120], {**birds[120], "name": "n1"}]) == (
            100,
            [(121, "name", "Another row has the same name")],
        )
        assert await load([{**birds[0], "weight": 5}, birds[100]], update_existing="1") == (1, [])
        assert (await farm.ask("ed", "GET", "/birds/1")).json()["weight"] == 5
        await farm.ask("ed", "PATCH", "/birds/2", json={"mate_ring": 3})

        sent.clear()
        done = await page.act("birds", "delete", [3, 4, 5])
        assert done.json() == {"msg": "Bird 3: Birds refer to it by mate_ring. No row was deleted"}
        done = await page.act("birds", "delete", [4, 2, 3])
        assert done.status_code == 200, done.text
        assert [query for method, _, query in sent if method == "DELETE"] == [
            "ring=3&ring=4&ring=5",
            "ring=4&ring=2&ring=3",
        ]
        assert not {2, 3, 4} & {*await rings()}
        done = await page.act("birds", "delete", [*range(5, 101), 1])
        assert (done.status_code, await rings()) == (200, [101])
        assert (await viewer.act("birds", "delete", [101])).json() == {"msg": "Forbidden"}
        assert await rings() == [101]

    run(work)


def test_keys_that_do_not_fit_into_one_url(
    run: Callable[[Work], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def work(farm: Farm) -> None:
        page = await farm.page("ed")
        codes = [f"{number:02}" + "ü" * 58 for number in range(40)]
        crates = [{"code": one, "name": f"box {one[:2]}"} for one in codes]
        made = await farm.ask("bea", "POST", "/crates/bulk", json=crates)
        assert made.is_success, made.text
        await farm.ask("bea", "POST", "/eggs/bulk", json=[{"crate_code": one} for one in codes])
        sent = farm.requests(monkeypatch)
        listed = await page.open("eggs/list?page_size=50")
        assert {*re.findall(r"box \d\d", listed)} == {one["name"] for one in crates}
        sizes = [len(query) for _, path, query in sent if path == "/crates/" and "_in" in query]
        assert (len(sizes), max(sizes) < 8192) == (2, True)

    run(work)


def test_lists_request_what_they_show(
    run: Callable[[Work], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def work(farm: Farm) -> None:
        page = await farm.page("ed")
        await farm.ask("ed", "POST", "/keepers/", json={"code": "a", "name": "Ann", "note": "x"})
        await farm.ask(
            "ed", "POST", "/animals/", json={"name": "Elsa", "chip": 1, "keeper_code": "a"}
        )
        sent = farm.requests(monkeypatch)
        assert "Ann" in await page.read("animals/list")
        fields = {path: _fields(query) for _, path, query in sent if "fields=" in query}
        assert fields.keys() == {"/animals/", "/keepers/"}
        assert {"id", "name", "keeper_code", "tag_ids"} <= fields["/animals/"]
        assert not {"data", "photo", "secret"} & fields["/animals/"]
        assert fields["/keepers/"] == {"code", "name"}
        found = await page.client.get("/admin/_api/keepers/relation-lookup?q=an")
        assert "Ann" in found.text
        await farm.ask("ed", "POST", "/nests/", json={"place": "roof", "eggs": 3})
        sent.clear()
        assert "roof" in await page.read("nests/list")  # rules hide the eggs from others
        assert not [query for _, path, query in sent if path == "/nests/" and "fields" in query]

    run(work)


def test_actions(run: Callable[[Work], None]) -> None:
    async def work(farm: Farm) -> None:
        for number in (1, 2):
            await farm.ask("ed", "POST", "/animals/", json={"name": "cow", "chip": number})
        page, viewer = await farm.page("ed"), await farm.page("vic")
        listed = unescape(await page.open("animals/list"))
        assert "Feed it now." in listed
        assert 'name="food"' in unescape(listed)
        assert "action_sell" not in listed
        assert "action_feed" not in await viewer.open("animals/list")
        values = {"food": "hay", "until": "2024-02-29T12:00", "much": "false"}
        done = await page.act("animals", "action_feed", [1, 2], **values)
        assert done.status_code == 200, done.text
        stories = [(await farm.animal(key))["story"] for key in (1, 2)]
        assert stories == ["hay 2024-02-29 12:00:00+00:00 False"] * 2
        assert "Feed: 2 of 2 rows" in await page.read("animals/list")
        for values, message in (
            ({"food": "stones"}, "Animal 1: food: It does not eat stones"),
            ({}, "Animal 1: food: String should have at least 1 character"),
        ):
            done = await page.act("animals", "action_feed", [1, 2], **values)
            assert (done.status_code, done.json()) == (400, {"msg": message})
        for user in (page, viewer):
            done = await user.act("animals", "action_sell", [1])
            assert done.json() == {"msg": "Forbidden"}
        boss = await farm.page("bea")
        done = await boss.client.post(
            "/admin/_api/animals/row-action?name=action_sell&pk=1",
            headers={"x-csrftoken": boss.token},
        )
        assert done.status_code == 200, done.text
        assert (await farm.animal())["sold"] is True

    run(work)


def test_actions_with_similar_names_have_their_own_buttons() -> None:
    names = ["feed", "feed_on_row", "on_row_feed", "on_selection_feed"]
    table = Table(
        *("cows", "Cow", "/cows/", "id"),
        [Property("id", "int")],
        actions=[Action(one) for one in names],
    )
    made = vars(view_class(table)).values()
    marks = ("_action", "_row_action")
    found = {
        mark: {getattr(one, mark)["name"] for one in made if hasattr(one, mark)} for mark in marks
    }
    assert found == {mark: {f"action_{one}" for one in names} for mark in marks}
