"""In Chromium, users log in to the admin page at an identity provider in a process of its own."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest

from tests.cli.served import PATIENCE, Serve
from tests.support.servers import free_port

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.external
APP = "auth: {roles: [editor], me: {email: str?}}\nadmin: true\n"
SPEC = "name: Hero\nfields: {name: str}\naccess: {read: user, write: editor}\n"
USERS = (
    {"sub": "7", "email": "ada@example.org", "roles": ["editor"]},
    {"sub": "8", "email": "vic@example.org"},
)
SECONDS = "5"
"""The age of short tokens. The API accepts them for 30 s more."""


@contextmanager
def provider(*options: str) -> Iterator[str]:
    """Run oidc-provider-mock, and yield its URL."""
    port = free_port()
    users = [part for one in USERS for part in ("--user-claims", json.dumps(one))]
    command = [sys.executable, "-m", "oidc_provider_mock", "--port", str(port), *users, *options]
    url = f"http://127.0.0.1:{port}"
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until and process.poll() is None:
            try:
                httpx.get(f"{url}/.well-known/openid-configuration").raise_for_status()
                break
            except httpx.TransportError:
                time.sleep(0.1)
        yield url
    finally:
        process.terminate()
        process.wait(10)


@contextmanager
def heroes(folder: Path, issuer: str) -> Iterator[str]:
    """Serve heroes, and yield the URL of their admin page."""
    (folder / "entities").mkdir()
    (folder / "entities/hero.yaml").write_text(SPEC)
    (folder / "crudgen.yaml").write_text(APP)
    settings = {
        "AUTH_ISSUER": issuer,
        "AUTH_AUDIENCE": "page",
        "ADMIN_CLIENT_ID": "page",
        "ADMIN_CLIENT_SECRET": "any",
    }
    database = f"sqlite:///{folder}/rows.db"
    with Serve(folder, "--database", database, **settings).start() as served:
        yield f"{served.url}/admin"


@pytest.fixture(autouse=True)
def no_style_of_the_provider(page: "Page") -> None:
    """Let the pages of the provider load without the style that they have from another host."""
    page.route("https://**", lambda route: route.abort())
    page.set_default_timeout(60_000)


def log_in(page: "Page", subject: str) -> None:
    """Follow the link of the login page, and log in at the provider."""
    page.click("#log-in")
    page.fill("input[name=sub]", subject)
    page.click("button:has-text('Authorize')")


def test_logins_and_logouts(tmp_path: Path, page: "Page") -> None:
    with provider() as issuer, heroes(tmp_path, issuer) as admin:
        wanted = f"{admin}/heroes/list"
        page.goto(wanted)
        assert page.inner_text("h2") == "Log in to crudgen API"
        log_in(page, "7")
        page.wait_for_url(f"{wanted}*")
        assert "ada@example.org" in page.inner_text("body")
        page.click("text=New Hero")
        page.fill("#name", "Elsa")
        page.click("button:has-text('Save') >> nth=-1")
        page.wait_for_url("**/list*")
        assert "Elsa" in page.inner_text("tbody")

        page.click(":text('ada@example.org'):visible")
        page.click("button:has-text('Logout'):visible")
        page.wait_for_url(f"{issuer}/oauth2/end_session*")
        page.click("text=End session >> nth=-1")
        page.wait_for_url(f"{admin}/login*")
        page.goto(wanted)
        assert page.url.startswith(f"{admin}/login")

        log_in(page, "8")
        page.wait_for_url(f"{wanted}*")
        assert "Elsa" in page.inner_text("tbody")
        assert page.locator("text=New Hero").count() == 0
        page.goto(f"{admin}/heroes/create")
        assert "403" in page.inner_text("body")


def test_a_login_that_another_browser_began(tmp_path: Path, page: "Page") -> None:
    with provider() as issuer, heroes(tmp_path, issuer) as admin:
        page.goto(f"{admin}/heroes/list")
        page.click("#log-in")
        page.wait_for_url(f"{issuer}/**")
        page.goto(page.url.replace("state=", "state=x"))
        page.fill("input[name=sub]", "7")
        page.click("button:has-text('Authorize')")
        page.wait_for_url(f"{admin}/login/callback**")
        assert "did not begin this login" in page.inner_text(".alert-description")
        page.goto(f"{admin}/heroes/list")
        assert page.url.startswith(f"{admin}/login")


def test_a_session_ends_with_its_token(tmp_path: Path, page: "Page") -> None:
    options = ("--token-max-age", SECONDS, "--no-refresh-token")
    with provider(*options) as issuer, heroes(tmp_path, issuer) as admin:
        wanted = f"{admin}/heroes/list"
        page.goto(wanted)
        log_in(page, "7")
        page.wait_for_url(f"{wanted}*")
        page.wait_for_selector("text=New Hero")
        until = time.monotonic() + PATIENCE
        while page.url.startswith(wanted) and time.monotonic() < until:
            page.wait_for_timeout(1_000)
            page.goto(wanted)
        assert page.url.startswith(f"{admin}/login")
        log_in(page, "7")
        page.wait_for_url(f"{wanted}*")
