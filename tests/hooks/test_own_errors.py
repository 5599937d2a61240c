"""A response has the HTTPException of a function unchanged, and OpenAPI describes it."""

from collections.abc import Callable, Iterator
from typing import Any

import jsonschema
import pytest
from fastapi import HTTPException

from crudgen.codegen import render
from crudgen.delivery.memory import unload
from crudgen.language import load_texts
from tests.hooks.city import City, in_city, package_of

ENTITIES = {
    "hero.yaml": """\
name: Hero
fields: {name: str(1..40), team_id: -> Team?}
hooks: [create, update, delete]
actions: {act: {takes: {plan: str}}}
api:
  operations: [create, list, read, update, replace, delete, create_many, update_many, delete_many]
""",
    "team.yaml": """\
name: Team
fields: {name: str(1..40)}
api: {nested: [heroes], write: {heroes: create}}
""",
}
HEROES = '''\
"""What happens with heroes."""

from ..kit.hooks import Transaction
from .actions import HeroAct
from .models import Hero, HeroCreate, HeroUpdate

stops: dict[str, BaseException] = {}


def check() -> None:
    """Raise the error that a test has chosen."""
    if stops:
        raise stops["error"]


def create(tx: Transaction, hero: HeroCreate) -> Hero:
    """Create a hero, perhaps."""
    check()
    return tx.create(Hero, hero)


def update(tx: Transaction, hero: Hero, changes: HeroUpdate) -> Hero:
    """Update a hero, perhaps."""
    check()
    return tx.update(hero, changes)


def delete(tx: Transaction, hero: Hero) -> None:
    """Delete a hero, perhaps."""
    check()
    tx.delete(hero)


def act(tx: Transaction, hero: Hero, sent: HeroAct) -> Hero:
    """Return a hero, perhaps."""
    check()
    return hero
'''
REQUESTS: tuple[tuple[str, str, str, Any], ...] = (
    ("POST", "/heroes/", "/heroes/", {"name": "a"}),
    ("POST", "/heroes/bulk", "/heroes/bulk", [{"name": "a"}]),
    ("POST", "/teams/", "/teams/", {"name": "t", "heroes": [{"name": "a"}]}),
    ("POST", "/teams/1/heroes/", "/teams/{team_id}/heroes/", {"name": "a"}),
    ("PATCH", "/heroes/1", "/heroes/{hero_id}", {"name": "b"}),
    ("PATCH", "/heroes/bulk", "/heroes/bulk", [{"id": 1, "name": "b"}]),
    ("PUT", "/heroes/1", "/heroes/{hero_id}", {"name": "b"}),
    ("POST", "/heroes/1/act", "/heroes/{hero_id}/act", {"plan": "x"}),
    ("DELETE", "/heroes/bulk?id=1", "/heroes/bulk", None),
    ("DELETE", "/heroes/1", "/heroes/{hero_id}", None),
)
DETAILS: tuple[Any, ...] = ("No", ["a", 1], [{"loc": 1}], {"code": 7, "loc": ["body"]}, None, 1.5)


@pytest.fixture(scope="module")
def package() -> Iterator[Any]:
    found = package_of(ENTITIES, heroes=HEROES)
    yield found
    unload(found)


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_own_errors(package: Any, kind: str, new_database: Callable[[str], str]) -> None:
    in_city(package, new_database(kind), _errors)


async def _errors(city: City) -> None:
    await city.ask("POST", "/teams/", {"name": "t", "heroes": [{"name": "a"}]})
    document = (await city.ask("GET", "/openapi.json")).json()
    for method, path, template, body in REQUESTS:
        described = document["paths"][template][method.lower()]["responses"]
        for status in (400, 401, 403, 404, 409, 412, 418, 422, 428, 429, 500, 502, 503):
            for detail in DETAILS if status in {409, 422} else DETAILS[:4]:
                city.hooks.stops["error"] = HTTPException(status, detail, {"x-own": "yes"})
                answer = await city.ask(method, path, body)
                assert answer.status_code == status, (method, path, answer.text)
                # FastAPI's own HTTPException has the words for a status without a detail.
                sent = {"detail": city.hooks.stops["error"].detail}
                assert (answer.json(), answer.headers["x-own"]) == (sent, "yes")
                one = described.get(str(status)) or described[f"{status // 100}XX"]
                assert not any(said["required"] for said in one.get("headers", {}).values())
                schema = one["content"]["application/json"]["schema"]
                components = {"components": document["components"]}
                jsonschema.validate(answer.json(), {**schema, **components})
        city.hooks.stops.clear()
    # The errors of the application keep their schema beside that of the function.
    (own, any_detail) = document["paths"]["/heroes/"]["post"]["responses"]["422"]["content"][
        "application/json"
    ]["schema"]["anyOf"]
    assert own == {"$ref": "#/components/schemas/HTTPValidationError"}
    assert any_detail == {"$ref": "#/components/schemas/FunctionProblem"}
    reading = document["paths"]["/heroes/"]["get"]["responses"]
    assert reading["503"]["headers"]["Retry-After"]["required"]
    assert {"4XX", "5XX"}.isdisjoint(reading)


def test_only_operations_with_functions_describe_their_errors() -> None:
    hero = "name: Hero\nfields: {name: str}\n"
    for hooks, count in (("", 0), ("hooks: [on_create]\n", 0), ("hooks: [delete]\n", 1)):
        tree = render(load_texts({"hero.yaml": hero + hooks}))
        assert tree["app/heroes/routes.py"].count("responses=function_errors(") == count
        assert ("app/kit/hooks/responses.py" in tree) == bool(hooks)
