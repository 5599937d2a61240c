"""Hidden values and rows change nothing: databases that differ in them answer the same bytes.

The requests are made from the OpenAPI document: a new path or parameter cannot be forgotten.
"""

import asyncio
import importlib
import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import text

import crudgen
from crudgen.delivery.memory import import_tree, unload
from tests.support.asgi import AsgiClient

SHARED = "the secret of both"
SPECS = {
    "team": """
name: Team
fields:
  name: str index
  code: str write_only
  budget: decimal(8,2)? write_only
api:
  operations: [create, list, read, update, delete]
  include: [heroes, heroes__powers]
  related: [heroes__any__name, heroes__any__age]
  nested: [heroes]
  counts: [heroes]
  page: {default: 3, max: 50}
""",
    "hero": """
name: Hero
fields:
  name: str index
  age: int? index
  secret: str write_only
  team_id: -> Team? set_null
  patron_id: -> Hero? set_null write_only
links: {powers: Power}
api:
  operations: [create, list, read, update, replace, delete]
  include: [team, powers]
  related: [team__name, powers__any__name]
  search: [name]
  page: {default: 3, max: 50}
""",
    "power": """
name: Power
fields:
  name: str unique
  recipe: str write_only
api: {operations: [list, read, create]}
""",
    "audit": """
name: Audit
doc: Rows that nothing but its own path offers.
fields:
  entry: str
  hero_id: -> Hero cascade write_only
api: {operations: [create]}
""",
}
HIDDEN = ("code", "budget", "secret", "patron_id", "patron", "recipe", "audits", "hero_id")
"""The properties and relations that no response, filter, sort or include offers."""
SHOWN: list[tuple[str, dict[str, Any]]] = [
    ("/teams/", {"name": "Red"}),
    ("/teams/", {"name": "Blue"}),
    ("/teams/", {"name": ""}),
    ("/powers/", {"name": "flight"}),
    ("/powers/", {"name": "wealth"}),
    ("/heroes/", {"name": "Ann", "age": 3, "team_id": 1}),
    ("/heroes/", {"name": "ann", "team_id": 2}),
    ("/heroes/", {"name": "Bob", "age": 3, "team_id": 1}),
    ("/heroes/", {"name": "Bob", "age": -1}),
    ("/heroes/", {"name": "z", "age": 1, "team_id": 1}),
]
LINKS = [(1, 1), (1, 2), (3, 1), (5, 2)]
HIDDEN_VALUES: list[dict[str, Callable[[int], dict[str, Any]]]] = [
    {
        "/teams/": lambda n: {"code": f"a{n}", "budget": n},
        "/powers/": lambda n: {"recipe": f"a{n}"},
        "/heroes/": lambda n: {"secret": f"a{n}"},
    },
    {
        "/teams/": lambda n: {"code": "z" * (9 - n), "budget": None},
        "/powers/": lambda n: {"recipe": "z" * (9 - n)},
        "/heroes/": lambda n: {"secret": "z" * (9 - n), "patron_id": 1 if n > 5 else None},
    },
]
AUDITS = ["", "INSERT INTO audit (entry, hero_id) VALUES ('x', 1), ('y', 1), ('z', 5)"]
OWN = ("id", "name", "age", "team_id")
"""The properties whose filters need no relation: another test has them."""
TEXTS = ["Ann", "b", "z"]
NUMBERS = ["1", "3"]
OPERATORS = ["", "__gt"]
BODIES: list[Any] = [
    {},
    {"name": "new", "secret": "s"},
    {"name": "new", "secret": "s", "team_id": 99, "patron_id": 98},
    {"patron_id": 97},
    {"patron_id": 2, "team_id": 3},
    {"name": "new", "code": 1, "recipe": 2},
    [1, 2],
    [1, 99],
]


LEAKS: dict[str, dict[str, tuple[str, str]]] = {
    "included rows have all columns": {
        "kit/query/related_rows.py": ("own_model(self.relation.public)", "self.relation.model")
    },
    "a filter and a sort by a hidden property": {
        "kit/query/related_rows.py": (
            "own_model(self.relation.public)\n        return Columns(self.relation.model, public",
            "self.relation.public\n        return Columns(self.relation.model, self.relation.model",
        ),
        "heroes/routes.py": ('"team__name"', '"team__name", "team__code"'),
    },
    "included rows are sorted by a hidden column": {
        "kit/query/related_rows.py": (
            'sort = [*getattr(self.relation, "order", ()), self.columns.key]',
            """sort = ["secret"] if self.name == "heroes" else [self.columns.key]""",
        )
    },
}
"""Careless changes of generated code: in each file, a text and what is in its place."""
SHOWN_BY = {
    "included rows have all columns": "'include': 'heroes",
    "a filter and a sort by a hidden property": "team__code",
    "included rows are sorted by a hidden column": "'include': 'heroes",
}
"""A part of requests that show a leak."""


def apps(
    folder: Path,
    new_database: Callable[[str], str],
    kind: str,
    leak: Mapping[str, tuple[str, str]] | None = None,
) -> Iterator[tuple[FastAPI, str]]:
    """Make the two applications; with a leak, as a careless change would have left them."""
    for name, spec in SPECS.items():
        (folder / f"{name}.yaml").write_text(spec, "utf-8")
    for _ in HIDDEN_VALUES:
        tree = dict(crudgen.render(crudgen.load(folder)))
        for path, (old, new) in (leak or {}).items():
            assert old in tree[f"app/{path}"], path
            tree[f"app/{path}"] = tree[f"app/{path}"].replace(old, new)
        package = import_tree(tree)
        main = importlib.import_module(f"{package.__name__}.main")
        url = new_database(kind)
        chosen = importlib.import_module(f"{package.__name__}.settings").Settings(
            database_url=url, log_level="ERROR", secret_key=SHARED
        )
        yield main.create_app(chosen), package.__name__
        unload(package)


def samples(schema: dict[str, Any]) -> list[str]:
    """Choose values of a parameter, good ones and bad ones."""
    if "anyOf" in schema:
        return [value for one in schema["anyOf"] for value in samples(one)]
    if schema.get("type") == "array":
        words = [word for word in _words(schema["items"]) if word] or samples(schema["items"])[:3]
        pairs = [",".join(pair) for pair in itertools.permutations(words[:2], 2)]
        return [*words[:6], *pairs, *HIDDEN, *(f"-team__{name}" for name in HIDDEN)]
    if "enum" in schema or "const" in schema:
        return [*schema.get("enum", [schema.get("const")]), *HIDDEN]
    return {"integer": NUMBERS, "boolean": ["true", "false"]}.get(schema.get("type", ""), TEXTS)


def questions(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """List requests for every operation and every parameter of a document."""
    hidden = [
        f"{relation}{name}{operator}"
        for relation in ("", "team__", "heroes__any__", "powers__none__")
        for name in HIDDEN
        for operator in OPERATORS
    ]
    for path, operations in document["paths"].items():
        if path.startswith(("/audits", "/live", "/ready")):
            continue
        for method, operation in operations.items():
            for place in _places(path, ("1",) if method == "get" else ("1", "99")):
                bodies = BODIES if "requestBody" in operation else [None]
                yield from ((method, place, {"json": body}) for body in bodies)
                asked = [one for one in operation.get("parameters", []) if one["in"] == "query"]
                includes = [
                    value for one in asked if one["name"] == "include" for value in _all(one)
                ]
                for one in asked:
                    if one["name"].partition("__")[0] in OWN:
                        continue
                    for value in samples(one["schema"]):
                        yield method, place, {"params": {one["name"]: value}}
                    for value in samples(one["schema"])[:1] if includes else ():
                        yield method, place, {"params": {"include": includes, one["name"]: value}}
                if asked:
                    yield from ((method, place, {"params": {name: "b"}}) for name in hidden)


def _all(parameter: dict[str, Any]) -> list[str]:
    """Return all that can be included, separated by commas."""
    return [",".join(_words(parameter["schema"]["items"]))]


def _words(schema: dict[str, Any]) -> list[str]:
    words: list[str] = schema.get("enum", [schema.get("const")])
    return words


def _places(path: str, keys: Sequence[str]) -> Iterator[str]:
    """Yield a path with keys in the place of its parameters."""
    names = [part for part in path.split("/") if part.startswith("{")]
    for chosen in itertools.product(keys, repeat=len(names)):
        place = path
        for name, key in zip(names, chosen, strict=True):
            place = place.replace(name, key, 1)
        yield place


async def answers(app: FastAPI, package: str, number: int, part: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    client = AsgiClient(app)
    async with app.router.lifespan_context(app):
        await _fill(app, client, package, number)
        document = (await client.get("/openapi.json")).json()
        found["document"] = document
        order = ("get", "put", "post", "patch", "delete")
        for method, path, options in sorted(
            questions(document), key=lambda one: order.index(one[0])
        ):
            asked = f"{method} {path} {options}"
            if part not in asked:
                continue
            response = await client.request(method, path, **options)
            assert response.status_code < 500, (method, path, options, response.text)
            found[asked] = _seen(response)
            if "sort" not in options.get("params", {}):
                continue
            while url := response.links.get("next", {}).get("url", ""):
                response = await client.get(url)
                found[f"walk {url}"] = _seen(response)
    return found


async def _fill(app: FastAPI, client: AsgiClient, package: str, number: int) -> None:
    for position, (path, shown) in enumerate(SHOWN):
        body = shown | HIDDEN_VALUES[number][path](position)
        response = await client.post(path, json=body)
        assert response.status_code == 200, response.text
    sessions = importlib.import_module(f"{package}.kit.database").Database
    assert isinstance(app.state.database, sessions)
    values = ", ".join(str(link) for link in LINKS)
    with app.state.database.session() as session:
        session.execute(text(f"INSERT INTO hero_power_link (hero_id, power_id) VALUES {values}"))  # noqa: S608 - numbers
        if AUDITS[number]:
            session.execute(text(AUDITS[number]))
        session.commit()


def _seen(response: httpx.Response) -> tuple[Any, ...]:
    headers = {name: value for name, value in response.headers.items() if name != "x-request-id"}
    return (response.status_code, headers, response.content)


def differences(both: Iterator[tuple[FastAPI, str]], part: str = "") -> list[str]:
    """Return the requests that get different responses, of those that contain a part."""
    first, second = [
        asyncio.run(answers(app, package, number, part))
        for number, (app, package) in enumerate(both)
    ]
    assert part or len(first) > 1000, len(first)
    return [asked for asked in first if first[asked] != second.get(asked)]


@pytest.mark.long_cases("postgresql")
@pytest.mark.slow
@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_hidden_values_and_rows_change_no_answer(
    tmp_path: Path, new_database: Callable[[str], str], kind: str
) -> None:
    assert differences(apps(tmp_path, new_database, kind)) == []


@pytest.mark.long
@pytest.mark.slow
@pytest.mark.parametrize("leak", LEAKS)
def test_a_leak_is_found(tmp_path: Path, new_database: Callable[[str], str], leak: str) -> None:
    shown_by = SHOWN_BY[leak]
    found = differences(apps(tmp_path, new_database, "sqlite", LEAKS[leak]), shown_by)
    assert any(shown_by in request for request in found)
