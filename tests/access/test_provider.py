"""Users log in at an OpenID provider, and send the ID token to an application that trusts it."""

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from crudgen.codegen import render
from crudgen.delivery.memory import import_tree, unload
from crudgen.language import load_texts
from tests.startup.started import Application
from tests.support.asgi import AsgiClient
from tests.support.servers import free_port

APP = "auth: {roles: [editor], me: {id: int = sub, email: str?}}\n"
SPEC = {
    "hero.yaml": """\
name: Hero
fields: {name: str, by: str? = me.email read_only}
access: {read: user, create: user, update: editor}
"""
}
USERS = [{"sub": "7", "email": "ada@example.org", "roles": ["editor", "other"]}, {"sub": "8"}]
CALLBACK = "http://127.0.0.1:1/callback"


@pytest.fixture(scope="module")
def provider() -> Iterator[str]:
    """Run a provider, and return its URL."""
    port = free_port()
    command = [sys.executable, "-W", "ignore", "-m", "oidc_provider_mock", f"--port={port}"]
    users = [f"--user-claims={json.dumps(user)}" for user in USERS]
    process = subprocess.Popen([*command, *users], stderr=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{port}"
    try:
        with httpx.Client(base_url=url, timeout=30) as client:
            deadline = time.monotonic() + 120
            while True:
                try:
                    client.get("/jwks")
                    break
                except httpx.TransportError:
                    assert time.monotonic() < deadline
                    time.sleep(0.05)
        yield url
    finally:
        process.terminate()
        process.wait(10)


def log_in(provider: str, subject: str, client_id: str = "heroes") -> str:
    """Return the ID token of a user, by the code flow."""
    with httpx.Client(base_url=provider, timeout=30) as client:
        asked = {
            "response_type": "code",
            "client_id": client_id,
            "redirect_uri": CALLBACK,
            "scope": "openid email",
        }
        answer = client.post("/oauth2/authorize", params=asked, data={"sub": subject})
        (code,) = parse_qs(urlsplit(answer.headers["location"]).query)["code"]
        sent = {"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK}
        tokens = client.post("/oauth2/token", data=sent, auth=(client_id, "secret")).json()
        return str(tokens["id_token"])


def test_tokens_of_a_provider_tell_who_calls(
    provider: str, new_database: Callable[[str], str]
) -> None:
    package = import_tree(render(load_texts(SPEC, APP)))
    application = Application(package)
    settings = application.module("settings").Settings(
        database_url=new_database("sqlite"), auth_issuer=provider, auth_audience="heroes"
    )
    app = application.module("main").create_app(settings)

    async def check() -> None:
        async with app.router.lifespan_context(app):
            client = AsgiClient(app)

            async def ask(
                method: str, path: str, token: str, body: object = None
            ) -> httpx.Response:
                sent = {"authorization": f"Bearer {token}"}
                return await client.request(method, path, json=body, headers=sent)

            editor, user = log_in(provider, "7"), log_in(provider, "8")
            for name, token, by in (("Ada", editor, "ada@example.org"), ("Bob", user, None)):
                created = await ask("POST", "/heroes/", token, {"name": name})
                assert created.json()["by"] == by, created.text
            assert (await ask("PATCH", "/heroes/1", editor, {"name": "A"})).status_code == 200
            assert (await ask("PATCH", "/heroes/1", user, {"name": "B"})).status_code == 403
            foreign = await ask("GET", "/heroes/", log_in(provider, "7", "another"))
            assert (foreign.status_code, "audience" in foreign.text) == (401, True)
            head, _, signature = editor.rpartition(".")
            forged = head + "." + signature[:40] + ("A" if signature[40] != "A" else "B")
            answer = await ask("GET", "/heroes/", forged + signature[41:])
            assert answer.status_code == 401

    try:
        asyncio.run(check())
    finally:
        unload(package)
