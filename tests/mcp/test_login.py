"""The official client finds the identity provider of an application, and logs its user in."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx2
import pytest
from mcp.client import Client
from mcp.client.auth import AuthorizationCodeResult, OAuthClientProvider
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.auth import OAuthClientInformationFull, OAuthClientMetadata, OAuthToken
from pydantic import AnyUrl

from tests.access.key_server import KeyServer, SigningKey
from tests.access.test_rules import bearer
from tests.mcp.agents import HOST, Agent, agent, requests, running

ISSUER = "https://id.example/heroes"
KEY = SigningKey("ES256", "one")
REDIRECT = "http://127.0.0.1:3000/callback"
PLACE = "/.well-known/oauth-protected-resource"


class Provider(httpx2.AsyncBaseTransport):
    """An identity provider; other requests go to the application."""

    def __init__(self, app: Any) -> None:
        self.requests: list[tuple[str, dict[str, str]]] = []
        self._app = httpx2.ASGITransport(app)

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        if request.url.host != "id.example":
            return await self._app.handle_async_request(request)
        form = dict(parse_qsl((await request.aread()).decode()))
        self.requests.append((request.url.path, form))
        if request.url.path == "/heroes/register":
            body: Any = {"client_id": "agent", "redirect_uris": [REDIRECT]}
            return httpx2.Response(201, json=body)
        if request.url.path == "/heroes/token":
            claims = {"iss": ISSUER, "sub": "7", "exp": time.time() + 600, "roles": ["editor"]}
            token = KEY.sign({**claims, "aud": form["resource"]})
            return httpx2.Response(200, json={"access_token": token, "token_type": "Bearer"})
        body = {
            "issuer": ISSUER,
            "authorization_endpoint": f"{ISSUER}/authorize",
            "token_endpoint": f"{ISSUER}/token",
            "registration_endpoint": f"{ISSUER}/register",
            "response_types_supported": ["code"],
            "code_challenge_methods_supported": ["S256"],
        }
        return httpx2.Response(200, json=body)


class Storage:
    """Keeps what a client knows."""

    def __init__(self) -> None:
        self.tokens: OAuthToken | None = None
        self.client: OAuthClientInformationFull | None = None

    async def get_tokens(self) -> OAuthToken | None:
        return self.tokens

    async def set_tokens(self, tokens: OAuthToken) -> None:
        self.tokens = tokens

    async def get_client_info(self) -> OAuthClientInformationFull | None:
        return self.client

    async def set_client_info(self, client_info: OAuthClientInformationFull) -> None:
        self.client = client_info


@asynccontextmanager
async def logging_in(provider: Provider, seen: list[dict[str, str]]) -> AsyncIterator[Agent]:
    """Yield an agent without credentials, whose user agrees; `seen` are requests to authorize."""

    async def open_browser(url: str) -> None:
        seen.append(dict(parse_qsl(urlsplit(url).query)))

    async def wait_for_user() -> AuthorizationCodeResult:
        return AuthorizationCodeResult(code="code", state=seen[-1]["state"])

    known = OAuthClientMetadata(redirect_uris=[AnyUrl(REDIRECT)], client_name="test")
    auth = OAuthClientProvider(f"{HOST}/mcp", known, Storage(), open_browser, wait_for_user)
    async with (
        httpx2.AsyncClient(transport=provider, auth=auth) as http,
        Client(streamable_http_client(f"{HOST}/mcp", http_client=http)) as client,
    ):
        yield Agent(client)


@pytest.fixture(scope="module")
def settings() -> Iterator[dict[str, Any]]:
    """Settings with which tokens of the provider are valid."""
    with KeyServer().running() as server:
        server.keys = [KEY]
        keys = f"{server.url}/keys"
        yield {"auth_secret": None, "auth_issuer": ISSUER, "auth_jwks_url": keys}


@pytest.mark.parametrize("audience", [f"{HOST}/mcp", HOST])
def test_the_first_call_that_needs_a_token_logs_the_user_in(
    new_database: Any, settings: dict[str, Any], audience: str
) -> None:
    seen: list[dict[str, str]] = []

    async def ask() -> None:
        async with running(new_database("sqlite"), auth_audience=audience, **settings) as app:
            provider = Provider(app)
            async with logging_in(provider, seen) as user:
                assert await user.call("read_rows", entity="teams") == {"rows": []}
                assert not provider.requests
                made = await user.call("create_row", entity="teams", values={"name": "Aces"})
                assert made["row"]["name"] == "Aces"
                await user.call("create_row", entity="teams", values={"name": "Reds"})
            assert [one["resource"] for one in seen] == [audience]
            assert provider.requests[-1][0] == "/heroes/token"

    asyncio.run(ask())


def test_the_challenge_says_where_the_metadata_is(
    new_database: Any, settings: dict[str, Any]
) -> None:
    """Clients that do not read it request the metadata at the root of the host."""
    ping = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
    paths = {"auth_audience": "heroes", "root_path": "/api"}

    async def ask() -> None:
        async with running(new_database("sqlite"), **paths, **settings) as app:
            headers = {"authorization": "Bearer a.b.c", "accept": "application/json"}
            async with requests(app, headers) as http:
                refused = await http.post("/api/mcp", json=ping)
                assert refused.status_code == 401
                challenge = refused.headers["www-authenticate"]
                assert challenge.startswith('Bearer error="invalid_token", error_description="')
                where = challenge.partition(', resource_metadata="')[2].strip('"')
                assert where == f"{HOST}/api{PLACE}/mcp"
                for place in (where, f"{PLACE}/api/mcp"):
                    assert (await http.get(place)).json() == {
                        "resource": f"{HOST}/api/mcp",
                        "authorization_servers": [ISSUER],
                        "bearer_methods_supported": ["header"],
                        "resource_name": "crudgen API",
                    }
                for place in (f"{PLACE}/other/mcp", f"{PLACE}/api", f"{PLACE}/api/mcp/"):
                    assert (await http.get(place)).status_code == 404

    asyncio.run(ask())


@pytest.mark.parametrize("issuer", [None, ISSUER])
def test_without_a_provider_there_is_no_metadata(new_database: Any, issuer: str | None) -> None:
    """AUTH_SECRET signs the tokens, whatever their issuer."""

    async def ask() -> None:
        async with running(new_database("sqlite"), auth_issuer=issuer) as app:
            async with requests(app, bearer([], iss="another")) as http:
                assert (await http.get(f"{PLACE}/mcp")).status_code == 404
                if issuer is not None:
                    refused = await http.post("/mcp", json={})
                    assert refused.status_code == 401
                    assert "resource_metadata" not in refused.headers["www-authenticate"]
            async with agent(app, {}) as anyone:
                refused = await anyone.fail("create_row", entity="teams", values={"name": "A"})
                assert refused["status"] == 401

    asyncio.run(ask())
