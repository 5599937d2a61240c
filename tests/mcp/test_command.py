"""`crudgen mcp`: tools about rows and the spec, on standard input and output."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from mcp.client import Client
from mcp.client.stdio import StdioServerParameters, stdio_client

from crudgen.cli.mcp import SpecOfTools, _find_caller
from crudgen.cli.served_code import ServedCode
from crudgen.delivery.agents import ServedApplication
from crudgen.delivery.spec_tools import spec_tools
from crudgen.kit.mcp.server import Toolbox
from crudgen.kit.mcp.tools import tools
from tests.access.test_rules import SECRET, bearer
from tests.mcp.agents import APP, Agent
from tests.support.servers import write_entities

HERO = "name: Hero\nfields: {name: str(1..80) unique, age: int?}\n"
TOOLS = ["describe", "read_rows", "create_row", "update_row", "delete_row", "run_action"]
HIDDEN = "name: Secret\nfields: {text: str}\naccess: {read: editor}\n"
INITIALIZE = {
    "protocolVersion": "2025-06-18",
    "capabilities": {},
    "clientInfo": {"name": "test", "version": "1"},
}
OF_SPEC = ["check_spec", "explain_spec", "plan_database"]


@pytest.mark.long
def test_an_agent_works_with_the_command(tmp_path: Path) -> None:
    """One process: the rows, the spec, and the spec after it was edited."""
    entities = write_entities(tmp_path / "entities", {"hero": HERO})
    database = f"sqlite:///{tmp_path}/app.db"
    command = StdioServerParameters(
        command=sys.executable,
        args=["-m", "crudgen", "mcp", str(entities), "--database", database, "--spec-only"],
        cwd=tmp_path,
        env={**os.environ},
    )

    async def work() -> None:
        with (tmp_path / "log").open("w") as log:
            async with Client(stdio_client(command, errlog=log)) as client:
                await _work(Agent(client), entities)

    asyncio.run(work())
    assert (tmp_path / "log").read_text() == ""


@pytest.mark.long
@pytest.mark.parametrize("by_signal", [False, True])
def test_only_messages_are_on_standard_output(tmp_path: Path, *, by_signal: bool) -> None:
    """The exporter `console` prints its last spans when the application ends."""
    entities = write_entities(tmp_path / "entities", {"hero": HERO})
    (tmp_path / "crudgen.yaml").write_text("tracing: true\n")
    call = {"name": "read_rows", "arguments": {"entity": "heroes"}}
    messages: list[dict[str, Any]] = [
        {"id": 1, "method": "initialize", "params": INITIALIZE},
        {"method": "notifications/initialized"},
        {"id": 2, "method": "tools/call", "params": call},
    ]
    invalid = ["", "{", '{"jsonrpc": "2.0", "id": 3, "method": "ping", "method": "ping"}']
    with subprocess.Popen(
        [sys.executable, "-m", "crudgen", "mcp", str(entities), "--spec-only"],
        cwd=tmp_path,
        env={**os.environ, "OTEL_TRACES_EXPORTER": "console"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for one in messages:
            process.stdin.write(json.dumps({"jsonrpc": "2.0", **one}) + "\n")
        process.stdin.flush()
        lines = [process.stdout.readline(), process.stdout.readline()]
        process.stdin.write("\n".join([*invalid, ""]))
        process.stdin.flush()
        errors = [json.loads(process.stdout.readline()) for _ in range(2)]
        if by_signal:
            process.terminate()
        rest, log = process.communicate()
    assert [json.loads(line)["id"] for line in lines] == [1, 2]
    assert [(one["id"], one["error"]["message"]) for one in errors] == [
        (None, "The body is not valid JSON"),
        (3, "The property should be given once: method"),
    ]
    assert rest == ""
    assert '"name": "GET /heroes/"' in log
    assert "Traceback" not in log
    assert process.returncode == 0


async def _work(user: Agent, entities: Path) -> None:
    assert [tool.name for tool in await user.tools()] == [*TOOLS, *OF_SPEC]
    report = await user.call("check_spec")
    assert (report["ok"], report["entities"]) == (True, ["Hero"])
    assert "optional: true" in (await user.call("explain_spec", entity="hero"))["yaml"]
    assert "the entities are: Hero" in (await user.fail("explain_spec", entity="x"))["error"]
    made = await user.call("create_row", entity="heroes", values={"name": "Ada"})
    assert made["row"]["id"] == 1
    assert (await user.call("plan_database"))["steps"] == []
    (entities / "hero.yaml").write_text(HERO + "api: {search: [nam]}\n")
    broken = await user.fail("read_rows", entity="heroes")
    assert "did you mean 'name'?" in broken["error"]
    report = await user.call("check_spec")
    assert not report["ok"]
    assert [(one["line"], one["remedy"]) for one in report["diagnostics"]] == [
        (3, "did you mean 'name'?")
    ]
    (entities / "hero.yaml").write_text(HERO + "api: {search: [name]}\n")
    (entities / "team.yaml").write_text("name: Team\nfields: {name: str(1..80)}\n")
    assert [*(await user.call("describe"))["entities"]] == ["heroes", "teams"]
    found = await user.call("read_rows", entity="heroes", search="Ad")
    assert [row["name"] for row in found["rows"]] == ["Ada"]
    (entities.parent / "crudgen.yaml").write_text("mcp: read_only\n")
    refused = await user.fail("update_row", entity="heroes", key=1, values={"age": 5})
    assert "start crudgen mcp with --write" in refused["error"]
    assert len((await user.call("read_rows", entity="heroes"))["rows"]) == 1
    (entities / "hero.yaml").write_text(HERO.replace("age: int?", "level: int"))
    plan = await user.call("plan_database")
    assert "level" in str(plan["problems"])
    refused = await user.fail("read_rows", entity="heroes")
    assert "level" in refused["error"]


@asynccontextmanager
async def in_process(
    entities: Path, database: str, token: str | None, *named: str
) -> AsyncIterator[Agent]:
    """Yield an agent of the tools of the command, in this process; `named` are values of --as."""
    code = ServedCode(entities, None)
    find = partial(_find_caller, [*named], code) if named else None
    served = ServedApplication(code.build, database, entities, credentials=token, find_caller=find)
    spec = SpecOfTools(entities, entities / "none", database)
    of_spec = [one.tool() for one in spec_tools(spec.check, spec.explain, spec.plan)]
    toolbox = Toolbox([*tools(read_only=True), *of_spec], served.find_api)
    try:
        async with Client(toolbox.server("crudgen", "1")) as client:
            yield Agent(client)
    finally:
        await served.close()


@pytest.mark.long
@pytest.mark.parametrize(("options", "writes"), [([], False), (["--write"], True)])
def test_the_spec_says_whether_agents_write(
    tmp_path: Path, options: list[str], *, writes: bool
) -> None:
    entities = write_entities(tmp_path / "entities", {"hero": HERO})
    (tmp_path / "crudgen.yaml").write_text("mcp: read_only\n")
    arguments = ["-m", "crudgen", "mcp", str(entities), "--spec-only", *options]
    command = StdioServerParameters(
        command=sys.executable, args=arguments, cwd=tmp_path, env={**os.environ}
    )

    async def names() -> list[str]:
        async with Client(stdio_client(command)) as client:
            return [tool.name for tool in await Agent(client).tools()]

    assert asyncio.run(names()) == [*(TOOLS if writes else TOOLS[:2]), *OF_SPEC]


@pytest.mark.long
def test_the_token_says_who_the_agent_is(
    tmp_path: Path, new_database: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    entities = write_entities(tmp_path / "entities", {"secret": HIDDEN})
    (tmp_path / "crudgen.yaml").write_text(APP)
    database = new_database("sqlite")

    async def ask() -> None:
        async with in_process(entities, database, None) as anyone:
            started = await anyone.fail("read_rows", entity="secrets")
            assert "AUTH_SECRET is missing" in started["error"]
            monkeypatch.setenv("AUTH_SECRET", SECRET)
            refused = await anyone.fail("read_rows", entity="secrets")
            assert refused["status"] == 401
            assert [one.name for one in await anyone.tools()] == [*TOOLS[:2], *OF_SPEC]
        token = bearer(["editor"])["authorization"].removeprefix("Bearer ")
        async with in_process(entities, database, token) as editor:
            assert await editor.call("read_rows", entity="secrets") == {"rows": []}
        async with in_process(entities, database, None, "id=7", "roles=editor") as named:
            assert await named.call("read_rows", entity="secrets") == {"rows": []}
        async with in_process(entities, database, token, "id=7") as named:
            assert (await named.fail("read_rows", entity="secrets"))["status"] == 403
        async with in_process(entities, database, None, "roles=boss") as named:
            wrong = await named.fail("read_rows", entity="secrets")
            assert "unknown role 'boss'" in wrong["error"]
        async with in_process(entities, database, "made up") as other:
            refused = await other.fail("read_rows", entity="secrets")
            assert refused["status"] == 401
            assert "made up" not in str(refused)

    asyncio.run(ask())


def test_the_command_names_the_missing_package(root: Path, tmp_path: Path) -> None:
    script = (
        "import sys\nsys.modules['mcp'] = None\nfrom crudgen.cli import main\n"
        f"sys.argv = ['crudgen', 'mcp', {str(root / 'entities')!r}]\nmain()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr == (
        "error: crudgen mcp needs the package mcp\n  pip install 'crudgen[mcp]'\n"
    )
