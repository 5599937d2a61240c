"""Hidden values change nothing: two databases that differ in them alone answer the same bytes.

What is asked is made from the OpenAPI document: a new path or parameter cannot be forgotten.
"""

import asyncio
import importlib
import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

import crudgen
from crudgen.delivery.memory import import_tree, unload
from tests.support.asgi import AsgiClient

pytestmark = pytest.mark.long

SHARED = "the secret of both"
SPEC = """
name: Account
fields:
  name: str index
  age: int? index
  tame: bool?
  born: date?
  mood: enum(calm, wild)?
  pin: int? write_only
  secret: str write_only
  hidden: json? write_only
api:
  operations: [create, list, read, update, replace, delete, create_many, update_many, delete_many]
  idempotency: true
  search: [name]
  page: {default: 3, max: 50}
"""
SHOWN: list[dict[str, Any]] = [
    {"name": "Ann", "age": 3, "tame": True, "born": "2020-01-01", "mood": "wild"},
    {"name": "ann", "age": None, "mood": "calm"},
    {"name": "Bob", "age": 3},
    {"name": "Bob", "age": 1, "tame": False},
    {"name": "", "age": -1, "born": "1999-12-31"},
]
HIDDEN: list[list[dict[str, Any]]] = [
    [{"pin": n, "secret": f"a{n}", "hidden": {"a": n}} for n in range(5)],
    [{"pin": 9 - n, "secret": "z" * (5 - n), "hidden": None} for n in range(5)],
]
TEXTS = ["", "a", "Ann", "ann", "a1", "z", "zz", "Bob", "%", "calm", "wild", "2020-01-01"]
NUMBERS = ["-1", "0", "1", "3", "5", "9"]
LEAKS: dict[str, tuple[str, str]] = {
    "a filter by every column": (
        "self.shown if filter_by is None else filter_by",
        "[*self.properties.columns] if filter_by is None else filter_by",
    ),
    "a sort by every column": (
        "orderable if sort_by is None else sort_by",
        '[*orderable, "secret"] if sort_by is None else sort_by',
    ),
    "a search in a hidden column": (
        "self.searched = tuple(search_in)",
        'self.searched = (*search_in, "secret")',
    ),
}
SHOWN_BY = {
    "a filter by every column": "'secret",
    "a sort by every column": "'sort': 'secret'",
    "a search in a hidden column": "'q': 'z",
}
"""A part of requests that show a leak."""


def apps(
    folder: Path, new_database: Callable[[str], str], kind: str, leak: tuple[str, str] | None = None
) -> Iterator[Any]:
    """Make the two applications; with a leak, as a careless change would have left them."""
    (folder / "account.yaml").write_text(SPEC, "utf-8")
    for _ in HIDDEN:
        tree = dict(crudgen.render(crudgen.load(folder)))
        if leak is not None:
            text = tree["app/kit/query/columns.py"]
            text = text.replace("public.model_fields.items()", "model.model_fields.items()")
            assert leak[0] in text
            tree["app/kit/query/columns.py"] = text.replace(*leak)
        package = import_tree(tree)
        main = importlib.import_module(f"{package.__name__}.main")
        chosen = importlib.import_module(f"{package.__name__}.settings").Settings(
            database_url=new_database(kind), log_level="ERROR", secret_key=SHARED
        )
        yield main.create_app(chosen)
        unload(package)


def samples(schema: dict[str, Any]) -> list[str]:
    """Choose values of a parameter, good ones and bad ones."""
    if "anyOf" in schema:
        return [value for one in schema["anyOf"] for value in samples(one)]
    if schema.get("type") == "array":
        words = schema["items"].get("enum") or samples(schema["items"])[:3]
        pairs = [",".join(pair) for pair in itertools.permutations(words[:8], 2)]
        return [*words, *pairs, "secret", "-secret", "pin"]
    if "enum" in schema or "const" in schema:
        return [*schema.get("enum", [schema.get("const")]), "secret"]
    return {"integer": NUMBERS, "boolean": ["true", "false"]}.get(schema.get("type", ""), TEXTS)


def questions(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """List requests for every operation and every parameter of a document."""
    hidden = [f"{name}{end}" for name in ("secret", "pin", "hidden") for end in OPERATORS]
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            for key in ("1", "2", "99", "x") if "{" in path else ("",):
                place = path.replace("{account_id}", key)
                assert "{" not in place, place
                bodies = BODIES if "requestBody" in operation else [None]
                yield from ((method, place, {"json": body}) for body in bodies)
                for one in operation.get("parameters", []):
                    if one["in"] == "header":
                        for body, value in itertools.product(bodies, ("a", "b", "x" * 300)):
                            yield method, place, {"json": body, "headers": {one["name"]: value}}
                    if one["in"] == "query":
                        for value in samples(one["schema"]):
                            yield method, place, {"params": {one["name"]: value}}
                            yield method, place, {"params": {one["name"]: value, "sort": "-name"}}
                yield from ((method, place, {"params": {name: "1"}}) for name in hidden)


OPERATORS = ["", "__ne", "__gt", "__in", "__isnull", "__contains", "__icontains"]
BODIES: list[Any] = [
    {},
    {"name": "new", "secret": "s"},
    {"secret": 1},
    {"pin": "x", "secret": ["zz"]},
    {"hidden": 1, "nothing": 2},
    {"id": 7, "name": None, "secret": None},
    [{"name": "one", "secret": "s"}, {"name": "two", "secret": "t", "pin": 1}],
    [{"id": 2, "name": "new"}, {"id": 1, "secret": "other"}],
    [{"id": 2, "pin": 4}, {"id": 99}],
    [{"id": 2, "pin": "x"}, {"nothing": 2}],
]


async def answers(app: Any, hidden: list[dict[str, Any]], part: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    client = AsgiClient(app)
    async with app.router.lifespan_context(app):
        for shown, secret in zip(SHOWN, hidden, strict=True):
            (await client.post("/accounts/", json=shown | secret)).raise_for_status()
        document = (await client.get("/openapi.json")).json()
        found["document"] = document
        asked = sorted(questions(document), key=lambda one: (one[0] == "delete", one[0] == "patch"))
        for method, path, options in asked:
            name = f"{method} {path} {options}"
            if part not in name:
                continue
            response = await client.request(method, path, **options)
            assert response.status_code < 500
            found[name] = _seen(response)
        for sort in ("name", "-age,name", "age,-name", "-born", "mood,-id"):
            url = f"/accounts/?limit=2&sort={sort}&cursor="
            while url:
                response = await client.get(url)
                found[f"walk {url}"] = _seen(response)
                url = response.links.get("next", {}).get("url", "")
    return found


def _seen(response: httpx.Response) -> tuple[Any, ...]:
    headers = {name: value for name, value in response.headers.items() if name != "x-request-id"}
    return (response.status_code, headers, response.content)


def differences(both: Iterator[Any], part: str = "") -> list[str]:
    """Return the requests that get different responses, of those that contain a part."""
    first, second = [
        asyncio.run(answers(app, hidden, part)) for app, hidden in zip(both, HIDDEN, strict=True)
    ]
    assert part or len(first) > 500
    return [asked for asked in first if first[asked] != second.get(asked)]


@pytest.mark.long_cases("postgresql")
@pytest.mark.slow
@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_hidden_values_change_no_answer(
    tmp_path: Path, new_database: Callable[[str], str], kind: str
) -> None:
    assert differences(apps(tmp_path, new_database, kind)) == []


@pytest.mark.long
@pytest.mark.slow
@pytest.mark.parametrize("leak", LEAKS)
def test_a_leak_is_found(tmp_path: Path, new_database: Callable[[str], str], leak: str) -> None:
    shown_by = SHOWN_BY[leak]
    found = differences(apps(tmp_path, new_database, "sqlite", LEAKS[leak]), shown_by)
    assert any(shown_by in request for request in found), found
