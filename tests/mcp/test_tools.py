"""The tools at /mcp: rows, relations, rules and problems, as the official client gets them."""

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest

from crudgen.kit.mcp.tools import tools
from crudgen.language import load_texts
from tests.mcp.agents import EDITOR, USER, Agent, agent, running
from tests.startup.started import application


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_agents_work_with_rows(new_database: Any, kind: str) -> None:
    async def work() -> None:
        async with running(new_database(kind)) as app:
            async with agent(app, EDITOR) as editor:
                await _prepare(editor)
            async with agent(app, USER) as user:
                await _read_and_write(user)
                await _follow_relations(user)
                await _break_rules(user)
            async with agent(app, EDITOR, mode="legacy") as editor:
                await _delete(editor)

    asyncio.run(work())


async def _prepare(editor: Agent) -> None:
    assert await editor.call("create_row", entity="teams", values={"name": "Aces"}) == {
        "done": "created",
        "row": {"name": "Aces", "id": 1},
    } | {"etag": (await editor.call("read_rows", entity="teams", key=1))["etag"]}
    await editor.call("create_row", entity="powers", values={"code": "fly", "rank": 1})


async def _read_and_write(user: Agent) -> None:
    described = await user.call("describe")
    assert described["entities"]["teams"]["doc"] == "A group of heroes."
    assert described["entities"]["heroes"]["actions"] == ["promote"]
    hero = await user.call("describe", entity="heroes")
    assert "gte" in hero["list"]["filters"]["age"]
    assert hero["list"]["filters"]["team__name"]
    promote = hero["actions"]["promote"]["values"]["$ref"]
    assert _resolve(hero, promote)["required"] == ["reason"]
    assert {_resolve(hero, one)["type"] for one in _references(hero)} == {"object"}
    assert (await user.call("describe", entity="powers"))["etag"].startswith("required")
    for number in range(5):
        values = {"name": f"Hero {number}", "age": number, "secret": "hidden"}
        created = await user.call("create_row", entity="heroes", values=values)
        assert created["row"]["owner_id"] == 7
        assert "secret" not in created["row"]
    found = await user.call(
        "read_rows", entity="heroes", filters={"age__gte": 2}, sort=["-age"], limit=2, count=True
    )
    assert [row["age"] for row in found["rows"]] == [4, 3]
    assert found["total"] == 3
    following = await user.call(
        "read_rows",
        entity="heroes",
        filters={"age__gte": 2},
        sort=["-age"],
        limit=2,
        cursor=found["next_cursor"],
    )
    assert [row["age"] for row in following["rows"]] == [2]
    assert "next_cursor" not in following
    some = {"id__in": [1, 2], "age__isnull": False}
    found = await user.call("read_rows", entity="heroes", filters=some, fields=["name"])
    assert found == {"rows": [{"name": "Hero 0"}, {"name": "Hero 1"}]}
    found = await user.call("read_rows", entity="heroes", search="o 3")
    assert [row["name"] for row in found["rows"]] == ["Hero 3"]
    one = await user.call("read_rows", entity="heroes", key=1)
    changed = await user.call(
        "update_row", entity="heroes", key=1, values={"age": 90}, etag=one["etag"]
    )
    assert changed["row"]["age"] == 90
    stale = await user.fail(
        "update_row", entity="heroes", key="1", values={"age": 91}, etag=one["etag"]
    )
    assert (stale["status"], stale["title"]) == (412, "Precondition Failed")


def _references(value: Any) -> Iterator[str]:
    """Yield the references in a description."""
    if isinstance(value, dict):
        yield from ([value["$ref"]] if "$ref" in value else [])
        for one in value.values():
            yield from _references(one)


def _resolve(described: Any, reference: str) -> Any:
    """Return the value at a place in a description, by a JSON pointer."""
    assert reference.startswith("#/")
    for step in reference.split("/")[1:]:
        described = described[step]
    return described


async def _follow_relations(user: Agent) -> None:
    await user.call("update_row", entity="heroes", key=1, values={"team_id": 1})
    found = await user.call("read_rows", entity="teams", key=1, relation="heroes", include=["team"])
    assert [row["team"]["name"] for row in found["rows"]] == ["Aces"]
    found = await user.call("read_rows", entity="heroes", filters={"team__name": "Aces"})
    assert [row["id"] for row in found["rows"]] == [1]
    link = {"entity": "heroes", "key": 1, "relation": "powers", "target": "fly"}
    assert await user.call("create_row", **link) == {"done": "linked"}
    found = await user.call("read_rows", entity="heroes", key=1, relation="powers")
    assert [row["code"] for row in found["rows"]] == ["fly"]
    assert await user.call("delete_row", **link) == {"done": "unlinked"}
    own = {"name": "New", "age": None}
    made = await user.fail(
        "create_row", entity="teams", key=1, relation="heroes", values=own | {"x": 1}
    )
    assert made["error"][0]["loc"] == ["values", "x"]
    made = await user.call("create_row", entity="teams", key=1, relation="heroes", values=own)
    assert made["row"]["team_id"] == 1


async def _break_rules(user: Agent) -> None:
    refused = await user.fail("delete_row", entity="heroes", key=1)
    assert refused["status"] == 403
    assert "delete" in json.dumps(refused["error"])
    refused = await user.fail("create_row", entity="teams", values={"name": "Reds"})
    assert refused["status"] == 403
    taken = await user.fail("create_row", entity="heroes", values={"name": "Hero 1"})
    assert (taken["status"], taken["error"][0]["loc"]) == (409, ["values", "name"])
    invalid = await user.fail("create_row", entity="heroes", values={"age": -1, "name": ""})
    assert sorted(one["loc"][1] for one in invalid["error"]) == ["age", "name"]
    invalid = await user.fail("read_rows", entity="heroes", filters={"ages": 1}, sort=["secret"])
    assert [one["loc"][:2] for one in invalid["error"]] == [["filters", "ages"]]
    invalid = await user.fail("run_action", entity="heroes", key=1, action="promote", values={})
    assert invalid["error"][0]["loc"] == ["values", "reason"]


async def _delete(editor: Agent) -> None:
    needs = await editor.fail("update_row", entity="powers", key="fly", values={"rank": 2})
    assert needs["status"] == 428
    etag = (await editor.call("read_rows", entity="powers", key="fly"))["etag"]
    await editor.call("update_row", entity="powers", key="fly", values={"rank": 2}, etag=etag)
    assert await editor.call("delete_row", entity="heroes", key=1) == {"done": "deleted"}
    gone = await editor.fail("read_rows", entity="heroes", key=1)
    assert gone["status"] == 404


HOSTILE: list[tuple[str, dict[str, Any], str]] = [
    ("describe", {"entity": "heros"}, "unknown entity 'heros'; known: heroes"),
    ("describe", {"entity": "../openapi.json"}, "unknown entity"),
    ("describe", {"entity": 1}, "string"),
    ("describe", {"all": True}, "Extra inputs"),
    ("read_rows", {}, "Field required"),
    ("read_rows", {"entity": "me"}, "unknown entity"),
    ("read_rows", {"entity": "heroes", "key": "../../ready"}, "is invalid"),
    ("read_rows", {"entity": "heroes", "key": ".."}, "is invalid"),
    ("read_rows", {"entity": "heroes", "key": "1/powers"}, "is invalid"),
    ("read_rows", {"entity": "heroes", "key": "bulk"}, "is invalid"),
    ("read_rows", {"entity": "heroes", "key": "1?include=team"}, '"status":422'),
    ("read_rows", {"entity": "heroes", "key": "%2e%2e%2fready"}, '"status":422'),
    ("read_rows", {"entity": "heroes", "key": "1\r\nX: 1"}, '"status":422'),
    ("read_rows", {"entity": "heroes", "key": "\0"}, '"status":422'),
    ("read_rows", {"entity": "powers", "key": "a" * 500}, '"status":404'),
    ("read_rows", {"entity": "powers", "key": "a" * 501}, "at most 500"),
    ("read_rows", {"entity": "heroes", "key": True}, "integer"),
    ("read_rows", {"entity": "heroes", "key": 10**30}, '"status":404'),
    ("read_rows", {"entity": "heroes", "relation": "powers"}, "pass key too"),
    ("read_rows", {"entity": "heroes", "key": 1, "relation": "team/../x"}, "unknown relation"),
    ("read_rows", {"entity": "heroes", "key": 1, "relation": "promote"}, "unknown relation"),
    ("read_rows", {"entity": "heroes", "filters": {"age": None}}, "age__isnull"),
    ("read_rows", {"entity": "heroes", "filters": {"age": {"a": 1}}}, "expected a text"),
    ("read_rows", {"entity": "heroes", "filters": {"limit": 5}}, "repeated_parameter"),
    ("read_rows", {"entity": "heroes", "filters": {"secret": "hidden"}}, "unknown_parameter"),
    ("read_rows", {"entity": "heroes", "filters": {"a&limit": "1&x=2#"}}, "unknown_parameter"),
    ("read_rows", {"entity": "heroes", "filters": {"age__in": [*range(300)]}}, '"status":422'),
    ("read_rows", {"entity": "heroes", "filters": {"name": "x" * 9000}}, '"status":414'),
    ("read_rows", {"entity": "heroes", "limit": 10**9}, '["limit"]'),
    ("read_rows", {"entity": "heroes", "limit": "5"}, "integer"),
    ("read_rows", {"entity": "heroes", "cursor": "made up"}, '"status":404'),
    ("read_rows", {"entity": "heroes", "sort": ["age"] * 60}, "at most 50"),
    ("create_row", {"entity": "heroes", "values": [1]}, "dictionary"),
    ("create_row", {"entity": "heroes", "target": 1}, "pass relation too"),
    ("create_row", {"entity": "heroes", "values": {"name": "\0"}}, '"status":422'),
    ("create_row", {"entity": "heroes", "values": {"name": {"a": [{}] * 99}}}, '"status":422'),
    ("delete_row", {"entity": "heroes", "key": "bulk"}, "is invalid"),
    ("delete_row", {"entity": "powers", "key": "bulk"}, '"status":403'),
    ("delete_row", {"entity": "heroes", "key": 1, "target": 1}, "belong together"),
    ("delete_row", {"entity": "heroes", "key": ""}, "at least 1"),
    ("update_row", {"entity": "heroes", "key": 1, "values": {}, "etag": "a\r\nb: c"}, '"status":4'),
    ("run_action", {"entity": "heroes", "key": 1, "action": "powers"}, "unknown action"),
    ("run_action", {"entity": "teams", "key": 1, "action": "x"}, "there is none"),
]


def test_hostile_arguments_get_a_problem_that_says_what_to_do(new_database: Any) -> None:
    async def ask() -> None:
        async with running(new_database("sqlite")) as app, agent(app) as user:
            for tool, arguments, expected in HOSTILE:
                result = await user.client.call_tool(tool, arguments)
                text = str(getattr(result.content[0], "text", ""))
                assert result.is_error, (tool, arguments, text)
                assert expected in text, (tool, arguments, text)
                assert json.loads(text) == result.structured_content
                assert "Bearer" not in text
            with pytest.raises(Exception, match="Unknown tool; the tools are: describe, read_rows"):
                await user.client.call_tool("drop_table", {})

    asyncio.run(ask())


def test_several_calls_at_the_same_time(new_database: Any) -> None:
    async def ask() -> None:
        async with running(new_database("sqlite")) as app, agent(app) as user:
            values = [{"name": f"Hero {number}"} for number in range(32)]
            made = await asyncio.gather(
                *(user.call("create_row", entity="heroes", values=one) for one in values)
            )
            assert {one["row"]["name"] for one in made} == {one["name"] for one in values}
            found = await asyncio.gather(
                *(user.call("read_rows", entity="heroes", key=one["row"]["id"]) for one in made)
            )
            assert [one["row"]["name"] for one in found] == [one["row"]["name"] for one in made]

    asyncio.run(ask())


@pytest.mark.long
def test_long_results_are_refused_with_a_remedy(new_database: Any) -> None:
    async def ask() -> None:
        async with running(new_database("sqlite")) as app, agent(app) as user:
            for number in range(3):
                values = {"name": f"{number}", "story": "é" * 30_000}
                await user.call("create_row", entity="heroes", values=values)
            refused = await user.fail("read_rows", entity="heroes")
            assert "lower limit" in refused["error"]
            found = await user.call("read_rows", entity="heroes", fields=["name"])
            assert len(found["rows"]) == 3

    asyncio.run(ask())


def test_the_tools_do_not_depend_on_the_entities() -> None:
    described = [tool.described() for tool in tools(read_only=False)]
    listed = [one.model_dump(mode="json", by_alias=True, exclude_none=True) for one in described]
    text = json.dumps(listed, separators=(",", ":"))
    assert len(described) == 6
    assert len(text) < 3_300
    assert [tool.name for tool in tools(read_only=True)] == ["describe", "read_rows"]
    hints: dict[str, Any] = {one.name: one.annotations for one in described}
    assert all(hints[one].read_only_hint for one in ("describe", "read_rows"))
    assert [name for name, one in hints.items() if one.destructive_hint] == [
        "update_row",
        "delete_row",
        "run_action",
    ]


@pytest.mark.long
def test_200_entities_have_the_tools_of_one(new_database: Any) -> None:
    names = [f"T{number}Thing" for number in range(200)]

    async def listed(entities: dict[str, str]) -> str:
        package = application(load_texts(entities, "mcp: true\n"))
        async with package.running(new_database("sqlite")) as app, agent(app, {}) as user:
            assert len((await user.call("describe"))["entities"]) == len(entities)
            return "".join(one.model_dump_json() for one in await user.tools())

    async def compare() -> None:
        texts = {f"{name}.yaml": f"name: {name}\nfields: {{text: str}}\n" for name in names}
        one = {"one.yaml": "name: Hero\nfields: {text: str}\n"}
        assert await listed(texts) == await listed(one)

    asyncio.run(compare())
