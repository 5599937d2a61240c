"""An application with tools for agents, and the official client as one."""

import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import httpx2
from mcp.client import Client
from mcp.client.streamable_http import streamable_http_client

from crudgen.language import load_texts
from tests.access.test_rules import SECRET, bearer
from tests.startup.started import Application, application

APP = "mcp: true\nauth:\n  roles: [editor]\n  me: {id: int = sub}\n"
TEAM = """\
name: Team
doc: A group of heroes.
fields: {name: str(1..80) unique}
access: {read: anyone, write: editor}
api: {nested: [heroes]}
"""
HERO = """\
name: Hero
fields:
  name: str(1..80) unique
  age: int(0..)? index
  owner_id: int = me index
  team_id: -> Team?
  secret: str? write_only
  story: text?
links: {powers: Power}
api:
  operations: [create, list, read, update, replace, delete, delete_many]
  related: [team__name]
  search: [name]
actions:
  promote: {takes: {reason: str(1..200)}, access: update}
access:
  read: anyone
  create: user
  update: [user if owner_id = me, editor]
  delete: editor
"""
POWER = """\
name: Power
fields: {code: str(1..20) pk, rank: int = 0}
api: {etag: required, operations: [create, list, read, update, delete], created: 201}
access: {read: anyone, write: editor}
"""
ENTITIES = {"hero.yaml": HERO, "power.yaml": POWER, "team.yaml": TEAM}
HOST = "http://localhost"
USER = bearer([])
EDITOR = bearer(["editor"], sub="1")

_applications: dict[str, Application] = {}


def agency(app: str = APP) -> Application:
    """Return the application, imported once in a file for each text of crudgen.yaml."""
    known = _applications.get(app)
    if known is None or known.package.__name__ not in sys.modules:
        _applications[app] = application(load_texts(ENTITIES, app))
    return _applications[app]


@asynccontextmanager
async def running(database: str, app: str = APP, **settings: Any) -> AsyncIterator[Any]:
    """Run the application."""
    async with agency(app).running(database, **{"auth_secret": SECRET, **settings}) as started:
        yield started


@asynccontextmanager
async def requests(app: Any, headers: Mapping[str, str]) -> AsyncIterator[httpx2.AsyncClient]:
    """Yield an HTTP client of an application in this process."""
    transport = httpx2.ASGITransport(app)
    async with httpx2.AsyncClient(
        transport=transport, base_url=HOST, headers=dict(headers)
    ) as client:
        yield client


class Agent:
    """Calls tools with the official client."""

    def __init__(self, client: Client) -> None:
        self.client = client

    async def call(self, tool: str, **arguments: Any) -> Any:
        """Return the structured content of a result, which is the same as its text."""
        result = await self.client.call_tool(tool, arguments)
        assert not result.is_error, result
        return result.structured_content

    async def fail(self, tool: str, **arguments: Any) -> Any:
        """Return why a call fails."""
        result = await self.client.call_tool(tool, arguments)
        assert result.is_error, result
        return result.structured_content

    async def tools(self) -> Sequence[Any]:
        return (await self.client.list_tools()).tools


@asynccontextmanager
async def agent(
    app: Any, headers: Mapping[str, str] = USER, mode: str = "auto"
) -> AsyncIterator[Agent]:
    """Yield an agent with these credentials, of an application in this process."""
    async with (
        requests(app, headers) as http,
        Client(streamable_http_client(f"{HOST}/mcp", http_client=http), mode=mode) as client,
    ):
        yield Agent(client)
