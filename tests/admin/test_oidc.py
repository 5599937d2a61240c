"""Users log in to the admin page at an identity provider, by OpenID Connect."""

import asyncio
import json
import re
from collections.abc import Awaitable, Callable, Iterator
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import httpx
import pytest

from crudgen.codegen import render
from crudgen.delivery.memory import import_tree, unload
from crudgen.language import load_texts
from tests.admin.browsing import Browser, text_of
from tests.admin.provider import API, Provider, provider_on_loopback
from tests.startup.started import Application

pytestmark = pytest.mark.filterwarnings("ignore:get_jwt_config")
APP = "auth: {roles: [editor], me: {email: str?}}\nadmin: true\n"
SPEC = {
    "hero.yaml": """\
name: Hero
fields: {name: str}
access: {read: user, write: editor}
"""
}
CLIENT = "page"
PUBLIC = {"admin_client_id": CLIENT, "auth_audience": CLIENT}
"""Settings with which the API accepts the ID tokens of the page."""
SECRET = {
    "admin_client_id": CLIENT,
    "admin_client_secret": "s",
    "auth_audience": API,
    "admin_scopes": "openid email offline_access",
}
"""Settings with which the API accepts access tokens."""


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
    """Run what a test does with the application."""

    def run_work(settings: dict[str, str], work: Callable[[Any], Awaitable[None]]) -> None:
        async def start() -> None:
            async with heroes.running(
                f"sqlite:///{tmp_path}/app.db", auth_issuer=provider.url, **settings
            ) as app:
                await work(app)

        asyncio.run(start())

    return run_work


async def start(page: Browser, next_page: str = "") -> str:
    """Follow the link of the login page, and return the URL at the provider."""
    shown = await page.client.get("/admin/login", params={"next": next_page} if next_page else {})
    links = re.findall(r'id="log-in"\s+href="([^"]+)"', shown.text)
    answer = await page.client.get(unescape(*links) if links else "/admin/login/provider")
    assert answer.status_code == 303, text_of(answer.text)
    return answer.headers["location"]


async def consent(url: str, subject: str = "7", **form: str) -> str:
    """Log in at the provider, and return the URL to which it redirects."""
    async with httpx.AsyncClient() as client:
        answer = await client.post(url, data={"sub": subject, **form})
        return answer.headers["location"]


async def log_in(page: Browser, subject: str = "7", next_page: str = "") -> httpx.Response:
    """Log in, and return the response of the page to the answer of the provider."""
    return await page.client.get(await consent(await start(page, next_page), subject))


def of(url: str, name: str) -> str:
    """Return a parameter of a URL."""
    return parse_qs(urlsplit(url).query)[name][0]


def message_of(answer: httpx.Response) -> str:
    """Return the message of the login page, which begins no session."""
    assert answer.status_code == 400
    assert "admin_session=" not in answer.headers.get("set-cookie", "")
    (text,) = re.findall(r'class="alert-description">(.*?)</div>', answer.text, re.DOTALL)
    return text_of(text)


def test_the_id_token_is_the_token_of_the_api(run: Any, provider: Provider) -> None:
    async def work(app: Any) -> None:
        page = Browser(app)
        url = await start(page, "/admin/heroes/list?page=2")
        asked = parse_qs(urlsplit(url).query)
        assert url.startswith(f"{provider.url}/oauth2/authorize?")
        assert (asked["scope"], asked["response_type"]) == (["openid profile email"], ["code"])
        assert (asked["client_id"], asked["code_challenge_method"]) == ([CLIENT], ["S256"])
        assert asked["redirect_uri"] == ["http://localhost/admin/login/callback"]
        assert "audience" not in asked
        callback = await consent(url)
        answer = await page.client.get(callback)
        assert answer.headers["location"] == "/admin/heroes/list?page=2"
        session, attempt = answer.headers.get_list("set-cookie")[:2]
        assert {"HttpOnly", "Path=/admin", "SameSite=lax"} <= {*session.split("; ")}
        assert attempt.startswith('admin_login="";')
        assert "ada@example.org" in await page.read("heroes/list")
        assert (await page.fill("heroes/create", {"name": "Ada"})).status_code == 303
        assert provider.auth == [""]  # a public client
        assert "begun another" in message_of(await page.client.get(callback))
        other = Browser(app)
        assert (await log_in(other, "8")).status_code == 303
        assert (await other.client.get("/admin/heroes/create")).status_code == 403
        left = await page.post("logout")
        assert left.status_code == 200
        (url,) = re.findall(r'id="log-out" href="([^"]+)"', left.text)
        url = unescape(url)
        assert url.startswith(f"{provider.url}/oauth2/end_session?")
        assert of(url, "post_logout_redirect_uri") == "http://localhost/admin/login"
        assert of(url, "client_id") == CLIENT
        assert of(url, "id_token_hint").count(".") == 2
        assert f'content="0; url={provider.url}' in left.text
        assert (await page.client.get("/admin/")).status_code == 303

    run(PUBLIC, work)


@pytest.mark.long
def test_answers_that_begin_no_session(run: Any) -> None:
    async def work(app: Any) -> None:
        page, attacker = Browser(app), Browser(app)
        own = await consent(await start(attacker))
        assert "did not begin" in message_of(await page.client.get(own))  # login CSRF
        url = await start(page)
        assert "did not begin" in message_of(await page.client.get(own))
        assert "did not begin" in message_of(await page.client.get("/admin/login/callback"))
        mixed = {"code": of(own, "code"), "state": of(url, "state")}
        answer = await page.client.get("/admin/login/callback", params=mixed)
        assert message_of(answer).endswith("invalid_grant: PKCE failed")
        denied = await consent(await start(page), action="deny")
        denied += f"&state={of(await start(page), 'state')}"
        assert "refused the login. access_denied" in message_of(await page.client.get(denied))
        sent = {"state": of(await start(page), "state"), "error": "<b>", "error_description": "x"}
        answer = await page.client.get("/admin/login/callback", params=sent)
        assert message_of(answer).endswith("refused the login. <b>: x")
        assert "<b>" not in answer.text
        foreign = await consent(await start(page)) + "&iss=https%3A%2F%2Fevil.example"
        assert "another identity provider" in message_of(await page.client.get(foreign))
        replayed = (await start(page)).replace("nonce=", "nonce=x")
        assert "not belong" in message_of(await page.client.get(await consent(replayed)))
        for target in ("https://evil.example/", "//evil.example", "/\t/evil.example", "/heroes/"):
            answer = await log_in(Browser(app), next_page=target)
            assert answer.headers["location"] == "/admin/"
        assert (await page.client.post("/admin/login", data={"password": "x"})).status_code in {
            403,
            405,
        }

    run(PUBLIC, work)


@pytest.mark.long
def test_access_tokens_are_refreshed(run: Any, provider: Provider) -> None:
    async def work(app: Any) -> None:
        page = Browser(app)
        provider.seconds = 40
        provider.claims = {"roles": ["editor"]}
        url = await start(page)
        assert of(url, "audience") == API
        assert (await page.client.get(await consent(url))).status_code == 303
        assert (provider.grants, provider.auth) == (["authorization_code"], ["Basic"])
        before = page.client.cookies["admin_session"]
        provider.seconds = 3600
        answers = await asyncio.gather(*(page.client.get("/admin/heroes/list") for _ in range(5)))
        assert {one.status_code for one in answers} == {200}
        assert provider.grants[1:] == ["refresh_token"]
        assert page.client.cookies["admin_session"] != before
        await page.open("heroes/list")
        assert len(provider.grants) == 2
        old = Browser(app)
        old.client.cookies.set("admin_session", before)
        assert "admin_session" in (await old.client.get("/admin/")).headers["set-cookie"]
        assert len(provider.grants) == 2
        for number, user in enumerate((old, page)):
            left = await user.post("logout")
            assert left.status_code == 200
            assert not any("admin_session=g" in one for one in left.headers.get_list("set-cookie"))
            assert len(provider.revoked) == number + 1  # also if the provider responds with 503
            provider.is_broken = True
        assert {kind for kind, _ in provider.revoked} == {"refresh_token"}

    run(SECRET, work)


def test_a_session_while_the_provider_is_down(
    run: Any, provider: Provider, caplog: pytest.LogCaptureFixture
) -> None:
    """In other processes than that of the login: their applications have fetched nothing yet."""
    cookies = httpx.Cookies()

    async def begin(app: Any) -> None:
        page = Browser(app)
        assert (await log_in(page)).status_code == 303
        cookies.update(page.client.cookies)

    async def log_out(app: Any) -> None:
        page = Browser(app)
        page.client.cookies.update(cookies)
        await page.open("heroes/list")
        provider.is_down = True
        assert (await page.post("logout")).status_code == 303

    async def go_on(app: Any) -> None:
        page = Browser(app)
        page.client.cookies.update(cookies)
        shown = await page.read("heroes/list", 503)
        assert "The keys of the identity provider cannot be fetched, try again" in shown

    for work in (begin, log_out, go_on):
        run(SECRET, work)
    assert not provider.revoked
    assert "The refresh token of a session is not revoked: The identity provider" in caplog.text


@pytest.mark.long
def test_refreshed_tokens_of_another_user(run: Any, provider: Provider) -> None:
    async def work(app: Any) -> None:
        page = Browser(app)
        provider.seconds, provider.subject = 40, "8"
        assert (await log_in(page)).status_code == 303
        before = page.client.cookies["admin_session"]
        assert (await page.client.get("/admin/heroes/list")).status_code == 200
        assert provider.grants[1:] == ["refresh_token"]
        assert page.client.cookies["admin_session"] == before

    run(SECRET, work)


@pytest.mark.long
def test_tokens_larger_than_a_cookie(run: Any, provider: Provider) -> None:
    async def work(app: Any) -> None:
        names = ("admin_session", "admin_session_2")
        page = Browser(app)
        provider.claims = {"groups": [str(uuid4()) for _ in range(110)]}
        assert (await log_in(page)).status_code == 303
        assert all(name in page.client.cookies for name in names)
        assert all(len(page.client.cookies[name]) <= 3700 for name in names)
        await page.open("heroes/list")
        del page.client.cookies["admin_session_2"]
        assert (await page.client.get("/admin/heroes/list")).status_code == 303
        assert (await log_in(page)).status_code == 303
        await page.open("heroes/list")
        provider.claims = {"groups": [str(uuid4()) for _ in range(400)]}
        assert "too large for cookies" in message_of(await log_in(page))
        provider.claims = {}
        assert (await log_in(page)).status_code == 303
        assert names[1] not in page.client.cookies

    run(SECRET, work)


@pytest.mark.long
def test_tokens_that_the_api_does_not_accept(run: Any) -> None:
    async def work(app: Any) -> None:
        said = message_of(await log_in(Browser(app)))
        assert said.endswith("The token is for another audience")

    run(SECRET | {"auth_audience": "others"}, work)


@pytest.mark.long
def test_a_provider_that_is_down(heroes: Application, tmp_path: Path) -> None:
    async def work() -> None:
        with provider_on_loopback() as provider:
            url = provider.url
        async with heroes.running(f"sqlite:///{tmp_path}/app.db", auth_issuer=url, **PUBLIC) as app:
            answer = await Browser(app).client.get("/admin/login/provider")
            assert "identity provider is not available" in message_of(answer)

    asyncio.run(work())


@pytest.mark.long
def test_without_a_client_the_page_asks_for_a_token(run: Any) -> None:
    async def work(app: Any) -> None:
        page = Browser(app)
        assert "accepts as Authorization: Bearer" in await page.read("login")
        assert (await page.client.get("/admin/login/provider")).status_code == 303
        answer = await page.post("login", {"password": "abc"})
        assert message_of(answer) == "The token is malformed"

    run({"auth_audience": CLIENT}, work)


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"admin_client_secret": "s"}, "ADMIN_CLIENT_ID is missing"),
        ({**PUBLIC, "auth_issuer": None, "auth_secret": "s" * 32}, "AUTH_AUDIENCE is missing"),
        ({**PUBLIC, "auth_secret": "s" * 32}, "unset AUTH_SECRET, or ADMIN_CLIENT_ID"),
        ({**PUBLIC, "admin_scopes": "email"}, "ADMIN_SCOPES should contain openid"),
    ],
    ids=json.dumps,
)
def test_settings(
    heroes: Application, tmp_path: Path, settings: dict[str, Any], expected: str
) -> None:
    given = {"auth_issuer": "https://id.example", "auth_audience": CLIENT} | settings

    async def start() -> None:
        async with heroes.running(f"sqlite:///{tmp_path}/app.db", **given):
            pass

    error = heroes.module("kit.errors").StartupError
    with pytest.raises(error, match=expected):
        asyncio.run(start())
