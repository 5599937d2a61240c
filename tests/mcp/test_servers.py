"""The tools of real servers with several workers, served and emitted."""

import asyncio
from pathlib import Path

import pytest
from mcp.client import Client
from mcp.client.streamable_http import streamable_http_client

from tests.mcp.agents import Agent
from tests.support.servers import Servers, write_entities

HERO = "name: Hero\nfields: {name: str(1..80) unique, age: int?}\n"


@pytest.mark.long
@pytest.mark.parametrize(("mode", "kind"), [("served", "sqlite"), ("emitted", "postgresql")])
def test_each_call_can_reach_another_worker(
    servers: Servers, tmp_path: Path, mode: str, kind: str
) -> None:
    entities = write_entities(tmp_path / "entities", {"hero": HERO})
    (tmp_path / "crudgen.yaml").write_text("mcp: true\n")
    api = servers.start(entities, mode, servers.new_database(kind), workers=2)

    async def work(number: int) -> None:
        url = f"{api.client.base_url}/mcp"
        async with Client(
            streamable_http_client(url), mode="legacy" if number % 2 else "auto"
        ) as c:
            user = Agent(c)
            name = f"Hero {number}"
            made = await user.call("create_row", entity="heroes", values={"name": name})
            key = made["row"]["id"]
            await user.call("update_row", entity="heroes", key=key, values={"age": number})
            found = await user.call("read_rows", entity="heroes", filters={"name": name})
            assert [row["age"] for row in found["rows"]] == [number]

    async def work_together() -> None:
        await asyncio.gather(*map(work, range(32)))

    try:
        asyncio.run(work_together())
    finally:
        api.stop()
    assert "Traceback" not in api.log.read_text()
