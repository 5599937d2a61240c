"""The route /mcp: credentials, origins, limits, and what it does not offer."""

import asyncio
import logging
import sys
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.middleware.trustedhost import TrustedHostMiddleware
from mcp.client import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.exceptions import MCPError
from opentelemetry.trace import INVALID_SPAN_CONTEXT, NonRecordingSpan, SpanContext, use_span

from crudgen.codegen import render
from crudgen.delivery.memory import import_tree
from crudgen.language import load_texts
from tests.access.test_rules import SECRET, bearer
from tests.mcp.agents import APP, EDITOR, ENTITIES, HOST, USER, agency, agent, requests, running
from tests.startup.started import Application

PING = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
ACCEPT = {"accept": "application/json, text/event-stream"}
READ_ONLY = APP.replace("mcp: true", "mcp: read_only")


def test_requests_that_are_refused_before_a_tool_runs(new_database: Any) -> None:
    async def ask() -> None:
        settings: dict[str, Any] = {
            "cors_origins": ["https://a.example"],
            "max_body_bytes": 2000,
        }
        async with running(new_database("sqlite"), **settings) as app:
            assert "/mcp" not in str(app.openapi())
            async with requests(app, ACCEPT) as http:

                async def post(headers: dict[str, str], json: Any = PING) -> Any:
                    return await http.post("/mcp", json=json, headers=headers)

                assert (await post({})).json()["result"] == {}
                assert (await post({"origin": "https://a.example"})).status_code == 200
                for origin in ("https://b.example", "null", "http://localhost", ""):
                    refused = await post({"origin": origin})
                    assert refused.status_code == 403, origin
                    assert "CORS_ORIGINS" in refused.json()["error"]["message"]
                for method in ("GET", "DELETE", "PUT"):
                    assert (await http.request(method, "/mcp")).status_code == 405
                for path in ("/mcp/", "/mcp/tools", "/mcp%2f"):
                    assert (await http.post(path, json=PING)).status_code == 404
                for token in ("Bearer made.up.token", "Basic YTpi", "Bearer "):
                    refused = await post({"authorization": token})
                    assert refused.status_code == 401
                    assert refused.headers["www-authenticate"].startswith("Bearer error=")
                late = await post(bearer([], exp=1))
                assert "expired" in late.headers["www-authenticate"]
                assert (await post({}, [PING] * 100)).status_code == 413
                text = {"content-type": "text/plain"}
                assert (await http.post("/mcp", content="{}", headers=text)).status_code == 415

    asyncio.run(ask())


PARSE_ERROR, INVALID_REQUEST = -32700, -32600
NO_MESSAGE = "The body should be one request, notification or response of JSON-RPC 2.0"
TWO_NAMES = (
    '{"jsonrpc":"2.0","id":5,"method":"tools/call","params":{"name":"create_row","arguments":'
    '{"entity":"teams","values":{"name":"Aces","name":"Reds"}}}}'
)
INVALID: list[tuple[str | bytes, int, str, int | None]] = [
    (b"{", PARSE_ERROR, "The body is not valid JSON", None),
    (b"\xff", PARSE_ERROR, "The body should be JSON in UTF-8", None),
    (b"[" * 1500, PARSE_ERROR, "The body should have at most 35 levels", None),
    ('{"jsonrpc":"2.0","id":5,"method":"ping","a":NaN}', PARSE_ERROR, "is not valid JSON", 5),
    ("1", INVALID_REQUEST, NO_MESSAGE, None),
    ("null", INVALID_REQUEST, NO_MESSAGE, None),
    ('{"jsonrpc":"2.0","id":[],"method":"ping"}', INVALID_REQUEST, NO_MESSAGE, None),
    ('{"jsonrpc":"1.0","id":5,"method":"ping"}', INVALID_REQUEST, NO_MESSAGE, 5),
    (
        '{"jsonrpc":"2.0","id":"\\ud800","method":"tools/list"}',
        PARSE_ERROR,
        "The body is not valid JSON",
        None,
    ),
    ('{"id":5,"\\ud800":1,"\\ud800":2}', PARSE_ERROR, r"given once: \ud800", 5),
    (
        TWO_NAMES,
        PARSE_ERROR,
        "The property should be given once: params.arguments.values.name",
        5,
    ),
]


def test_bodies_that_are_no_message_get_an_error_of_the_protocol(new_database: Any) -> None:
    """In each version of the protocol: the SDK has a parser for each."""

    async def ask() -> None:
        async with running(new_database("sqlite")) as app, requests(app, ACCEPT) as http:
            for version in ("2025-06-18", "2026-07-28"):
                headers = {"content-type": "application/json", "mcp-protocol-version": version}
                for body, code, message, identifier in INVALID:
                    answer = await http.post("/mcp", content=body, headers=headers)
                    assert answer.status_code == 400, body
                    error = answer.json()
                    assert (error["id"], error["error"]["code"]) == (identifier, code), body
                    assert message in error["error"]["message"]
                    assert len(answer.content) < 250

    asyncio.run(ask())


def test_every_origin_is_not_every_page_of_the_web(new_database: Any) -> None:
    async def ask() -> None:
        headers = {**ACCEPT, "origin": "https://a.example"}
        async with (
            running(new_database("sqlite"), cors_origins=["*"]) as app,
            requests(app, headers) as http,
        ):
            assert (await http.post("/mcp", json=PING)).status_code == 403

    asyncio.run(ask())


def test_callers_have_their_own_permissions(
    new_database: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)

    async def ask() -> None:
        async with running(new_database("sqlite")) as app:
            async with agent(app, EDITOR) as editor:
                await editor.call("create_row", entity="teams", values={"name": "Aces"})
            async with agent(app, {}, mode="legacy") as anyone:
                found = await anyone.call("read_rows", entity="teams")
                assert [row["name"] for row in found["rows"]] == ["Aces"]
                refused = await anyone.fail("create_row", entity="heroes", values={"name": "A"})
                assert (refused["status"], refused["title"]) == (401, "Unauthorized")
                assert "send the header Authorization" in refused["error"]
            async with agent(app, USER) as user:
                refused = await user.fail("delete_row", entity="teams", key=1)
                assert refused["status"] == 403

    asyncio.run(ask())
    assert "Terminating session" not in caplog.text
    token = USER["authorization"].removeprefix("Bearer ")
    own = [
        one
        for one in caplog.records
        if not one.name.startswith(("httpcore", "httpx", "mcp.client"))
    ]
    assert token not in "".join(one.getMessage() for one in own)


def test_requests_of_tools_have_the_host_and_the_trace_of_the_call(new_database: Any) -> None:
    seen: list[dict[bytes, bytes]] = []

    class Recorder:
        def __init__(self, app: Any) -> None:
            self.app = app

        async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
            if scope["type"] == "http" and scope["path"] == "/teams/":
                seen.append(dict(scope["headers"]))
            await self.app(scope, receive, send)

    params = {"name": "read_rows", "arguments": {"entity": "teams"}}
    call = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}
    sent, current = f"00-{'1' * 32}-{'2' * 16}-01", SpanContext(3, 4, is_remote=False)

    async def ask() -> None:
        async with running(new_database("sqlite")) as app, requests(app, ACCEPT) as http:
            app.add_middleware(TrustedHostMiddleware, allowed_hosts=["shop.example"])
            app.add_middleware(Recorder)
            for span in (INVALID_SPAN_CONTEXT, current):
                with use_span(NonRecordingSpan(span)):
                    headers = {"host": "shop.example", "traceparent": sent}
                    answer = await http.post("/mcp", json=call, headers=headers)
                assert answer.json()["result"]["structuredContent"] == {"rows": []}

    asyncio.run(ask())
    assert [one[b"host"] for one in seen] == [b"shop.example"] * 2
    forwarded, own = [one[b"traceparent"].decode() for one in seen]
    assert forwarded == sent
    assert own.startswith(f"00-{3:032x}-")


def test_a_call_counts_once_for_limits(new_database: Any) -> None:
    params = {"name": "read_rows", "arguments": {"entity": "teams"}}
    call = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}
    long = {"entity": "teams", "filters": {"name": "x" * 9000}}

    async def ask() -> None:
        limits: dict[str, Any] = {"rate_limit": "3/minute", "max_concurrent_requests": 1}
        async with running(new_database("sqlite"), **limits) as app, requests(app, ACCEPT) as http:
            for _ in range(2):
                answer = await http.post("/mcp", json=call)
                assert answer.json()["result"]["structuredContent"] == {"rows": []}
            other = {**call, "params": {**params, "arguments": long}}
            answer = await http.post("/mcp", json=other)
            assert answer.json()["result"]["structuredContent"]["status"] == 414
            refused = await http.post("/mcp", json=call)
            assert refused.status_code == 429
            assert 0 < int(refused.headers["retry-after"]) <= 60
            error = refused.json()
            assert error["id"] is None
            assert error["error"]["message"].startswith("At most 3 requests per minute are allowed")
            assert "detail" in (await http.get("/teams/")).json()

    asyncio.run(ask())


ROOTS = (("", "/mcp"), ("/api", "/mcp"), ("/api", "/api/mcp"))
"""The root path, and a path that requests have: a proxy strips the root path, or does not."""


def test_an_agent_gets_the_message_of_an_exceeded_limit(new_database: Any) -> None:
    async def check(path: str, **settings: Any) -> None:
        async with (
            running(new_database("sqlite"), rate_limit="10/day", **settings) as app,
            requests(app, EDITOR) as http,
            Client(streamable_http_client(f"{HOST}{path}", http_client=http)) as client,
        ):
            app.concurrent = 5
            with pytest.raises(MCPError, match=r"^The server is busy, try again$"):
                await client.call_tool("read_rows", {"entity": "teams"})
            app.concurrent = 0
            for _ in range(10):
                await http.get(f"{path.removesuffix('mcp')}teams/")
            with pytest.raises(MCPError, match=r"^At most 10 requests per day are allowed"):
                await client.call_tool("read_rows", {"entity": "teams"})
            refused = await http.post(f"{path}?{'a=1&' * 300}")
            assert refused.status_code == 422
            message = "The query should have at most 200 parameters"
            assert refused.json()["error"] == {"code": INVALID_REQUEST, "message": message}

    async def ask() -> None:
        for root_path, path in ROOTS:
            await check(path, root_path=root_path, max_concurrent_requests=5)

    asyncio.run(ask())


def test_read_only_tools_do_not_write(new_database: Any) -> None:
    async def ask() -> None:
        async with running(new_database("sqlite"), READ_ONLY) as app, agent(app, EDITOR) as editor:
            assert [tool.name for tool in await editor.tools()] == ["describe", "read_rows"]
            for tool in ("create_row", "update_row", "delete_row", "run_action"):
                with pytest.raises(Exception, match="Unknown tool"):
                    await editor.client.call_tool(tool, {"entity": "teams", "values": {}})
            assert await editor.call("read_rows", entity="teams") == {"rows": []}

    asyncio.run(ask())


@pytest.mark.long
def test_two_applications_of_one_module_have_tools_of_their_own(new_database: Any) -> None:
    async def ask() -> None:
        one, two = new_database("sqlite"), new_database("sqlite")
        async with agency().running(two, auth_secret=SECRET) as second:
            async with running(one) as first, agent(first, EDITOR) as editor:
                await editor.call("create_row", entity="teams", values={"name": "Aces"})
            async with agent(second, EDITOR) as editor:
                assert await editor.call("read_rows", entity="teams") == {"rows": []}

    asyncio.run(ask())


def test_a_missing_package_is_named_with_a_remedy(
    new_database: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The models can be imported without it: for scripts, and for commands such as plan."""
    monkeypatch.setitem(sys.modules, "mcp.server", None)

    async def start() -> None:
        package = import_tree(render(load_texts(ENTITIES, APP)))
        app = Application(package)
        message = r"needs the package mcp\n  pip install 'crudgen\[mcp\]'"
        with pytest.raises(Exception, match=message):
            async with app.running(new_database("sqlite"), auth_secret=SECRET):
                pass

    asyncio.run(start())


def test_an_application_that_is_not_of_the_kit_does_not_start() -> None:
    module = agency().module("api")
    app = FastAPI()
    app.include_router(module.ROUTERS[-1])

    async def start() -> None:
        async with app.router.lifespan_context(app):
            raise AssertionError

    with pytest.raises(Exception, match="make it with build_application"):
        asyncio.run(start())
