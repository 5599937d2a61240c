"""Users of the application log in to the admin page by password, others at an identity provider."""

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterator
from html import unescape
from pathlib import Path
from typing import Any

import pytest

from crudgen.codegen import render
from crudgen.delivery.memory import import_tree, unload
from crudgen.language import load_texts
from tests.admin.browsing import Browser, text_of
from tests.admin.provider import Provider, provider_on_loopback
from tests.admin.test_oidc import PUBLIC, SPEC, consent, log_in, message_of, start
from tests.startup.started import Application

pytestmark = pytest.mark.filterwarnings("ignore:get_jwt_config")
APP = """\
auth:
  users: true
  roles: [editor]
  me: {email: str?}
  tokens: {issuer: "https://id.example", audience: heroes}
admin: true
"""
PASSWORD = "correct horse"  # noqa: S105 -- of users in this test
COOKIES = {"admin_session", "admin_user"}


@pytest.fixture(scope="module")
def heroes() -> Iterator[Application]:
    """Import the application."""
    found = import_tree(render(load_texts(SPEC, APP)))
    yield Application(found)
    unload(found)


@pytest.fixture
def provider() -> Iterator[Provider]:
    with provider_on_loopback() as found:
        yield found


@pytest.fixture
def run(
    heroes: Application, provider: Provider, tmp_path: Path
) -> Callable[[dict[str, str], Callable[[Any], Awaitable[None]]], None]:
    """Run what a test does with the application, which has the user ann."""

    def run_work(options: dict[str, str], work: Callable[[Any], Awaitable[None]]) -> None:
        settings = {
            "database_url": f"sqlite:///{tmp_path}/app.db",
            "auth_issuer": provider.url,
            "password_memory_mb": "12",
            **options,
        }
        made = heroes.module("settings").Settings(**settings)
        opened = heroes.module("kit.user_commands").opened
        with opened(made, heroes.module("caller").Caller) as users:
            users.add("ann", PASSWORD, ["editor"])

        async def begin() -> None:
            async with heroes.running(settings.pop("database_url"), **settings) as app:
                await work(app)

        asyncio.run(begin())

    return run_work


def sessions(page: Browser) -> set[str]:
    """Return the cookies of sessions that the browser has."""
    return COOKIES & {*page.client.cookies}


async def is_accepted(app: Any, token: str) -> bool:
    """Return whether the page accepts the cookie of a login by password."""
    page = Browser(app)
    page.client.cookies.set("admin_user", token)
    return (await page.client.get("/admin/heroes/list")).status_code == 200


def test_the_page_offers_both(run: Any, provider: Provider) -> None:
    async def work(app: Any) -> None:
        page = Browser(app)
        form = await page.open("login")
        assert 'name="password"' in form
        assert "Log in at the identity provider" in text_of(form)

        assert (await page.log_in("ann", "wrong")).status_code == 400
        assert (await page.log_in("ann", PASSWORD)).status_code == 303
        assert sessions(page) == {"admin_user"}
        assert "ann" in await page.read("heroes/list")
        assert (await page.fill("heroes/create", {"name": "Ada"})).status_code == 303
        left = await page.post("logout")
        assert (left.status_code, left.headers["location"]) == (303, "/admin/")
        assert sessions(page) == set()

        assert (await log_in(page)).status_code == 303
        assert sessions(page) == {"admin_session"}
        assert "ada@example.org" in await page.read("heroes/list")
        left = await page.post("logout")
        (url,) = re.findall(r'id="log-out" href="([^"]+)"', left.text)
        assert unescape(url).startswith(f"{provider.url}/oauth2/end_session?")
        assert sessions(page) == set()

    run(PUBLIC, work)


def test_another_login_replaces_the_session(run: Any) -> None:
    async def work(app: Any) -> None:
        page = Browser(app)
        url = await start(page)
        await page.log_in("ann", PASSWORD)
        token = page.client.cookies["admin_user"]
        assert (await page.client.get(await consent(url))).status_code == 303
        assert sessions(page) == {"admin_session"}
        assert "ada@example.org" in await page.read("heroes/list")
        assert not await is_accepted(app, token)

        other = Browser(app)
        await log_in(other)
        assert (await other.post("login", {})).status_code == 303  # already logged in
        assert sessions(other) == {"admin_session"}

    run(PUBLIC, work)


def test_logouts_end_the_sessions_of_both_kinds(run: Any, provider: Provider) -> None:
    async def work(app: Any) -> None:
        page, other = Browser(app), Browser(app)
        await log_in(page)
        await other.log_in("ann", PASSWORD)
        token = other.client.cookies["admin_user"]
        page.client.cookies.set("admin_user", token, domain="localhost.local", path="/admin")
        assert "ada@example.org" in await page.read("heroes/list")
        left = await page.post("logout")
        assert f"{provider.url}/oauth2/end_session?" in left.text
        assert sessions(page) == set()
        assert not await is_accepted(app, token)

    run(PUBLIC, work)


def test_the_form_works_after_an_error_of_the_provider(run: Any, provider: Provider) -> None:
    async def work(app: Any) -> None:
        page = Browser(app)
        await page.open("login")
        provider.is_down = True
        failed = await page.client.get("/admin/login/provider?next=/admin/heroes/list")
        assert "not available" in message_of(failed)
        form = {"username": "ann", "password": PASSWORD}
        (action,) = re.findall(r'action="[^"]*/admin/(login[^"]*)"', failed.text)
        answer = await page.post(unescape(action), form)
        assert (answer.status_code, answer.headers["location"]) == (303, "/admin/heroes/list")

        other = Browser(app)
        await other.open("login")
        assert "begun another" in message_of(await other.client.get("/admin/login/callback"))
        assert (await other.post("login/callback", form)).status_code == 303
        assert sessions(other) == {"admin_user"}

    run(PUBLIC, work)


def test_without_a_client_only_the_form(run: Any) -> None:
    async def work(app: Any) -> None:
        page = Browser(app)
        form = await page.open("login")
        assert 'name="password"' in form
        assert "provider" not in text_of(form)
        assert (await page.log_in("ann", PASSWORD)).status_code == 303
        assert (await page.client.get("/admin/login/provider")).status_code == 404

    run({"auth_audience": PUBLIC["auth_audience"]}, work)


def test_only_specs_with_users_and_tokens_have_both() -> None:
    of_both = {"app/kit/admin/either_login.py", "app/kit/admin/either_provider.py"}
    tree = render(load_texts(SPEC, APP))
    assert of_both <= tree.keys()
    assert "EitherLogin(Caller)" in tree["app/admin.py"]
    assert "ADMIN_CLIENT_ID" in tree[".env.example"]
    for auth in ("users: true, roles: [editor]", "roles: [editor]"):
        other = render(load_texts(SPEC, f"auth: {{{auth}}}\nadmin: true\n"))
        assert not of_both & other.keys()
