"""Random graphs whose APIs use relations: every include, filter and path below a row works.

`GRAPHS=100` tests 100 graphs.
"""

import asyncio
import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from crudgen.language import load_texts
from crudgen.language.names import FieldName
from crudgen.language.operations import Operation
from crudgen.language.relations import RelatedPath
from crudgen.language.schema import Entity, Schema, TypeName
from tests.startup.started import application
from tests.support.asgi import AsgiClient
from tests.support.random_apis import random_api

pytestmark = pytest.mark.long

GRAPHS = int(os.environ.get("GRAPHS", "3"))
"""How many graphs are tested."""
VALUES = {TypeName.INT: "5", TypeName.UUID: "0198a8b4-7c3a-7000-8000-000000000000"}
"""A value of a filter, by the type of the field; text for other types."""

PUPIL = """\
name: Pupil
fields: {name: str, class_id: -> Room}
api: {include: [class, class__class], related: [class__name, class__class__from]}
"""
ROOM = """\
name: Room
fields: {name: str, from: int, class_id: -> Room? inverse(from_rooms)}
"""


@pytest.mark.parametrize("seed", range(GRAPHS))
def test_requests_with_relations(
    seed: int, new_database: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", new_database("sqlite"))
    document = asyncio.run(responses(random_api(seed)))
    names = [one["operationId"] for path in document["paths"].values() for one in path.values()]
    assert len(names) == len({*names})


def test_paths_over_attributes_that_end_with_an_underscore(
    new_database: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", new_database("sqlite"))
    schema = load_texts({"pupil.yaml": PUPIL, "room.yaml": ROOM})
    asyncio.run(responses(schema))


async def responses(schema: Schema) -> Any:
    """Send all requests, and return the OpenAPI document."""
    app = application(schema).module("main").create_app()
    client = AsgiClient(app)
    async with app.router.lifespan_context(app):
        for entity in schema.entities:
            for path, parameters, status in requests(schema, entity):
                answer = await client.get(path, params=parameters)
                assert answer.status_code == status, (path, parameters, answer.text)
        return (await client.get("/openapi.json")).json()


def requests(schema: Schema, entity: Entity) -> Iterator[tuple[str, dict[str, Any], int]]:
    """Yield paths with parameters, and the statuses of the responses."""
    api = entity.api
    if Operation.LIST in api.operations:
        for path in api.include:
            included = json_path(schema, entity, path)
            yield f"{entity.path}/", {"include": included, "limit": 1}, 200
        for asked in api.related:
            yield f"{entity.path}/", related_filter(schema, entity, asked), 200
    if Operation.READ in api.operations:
        yield f"{entity.path}/{VALUES.get(entity.key.type, 'abc')}", {}, 404
    for name in api.nested:
        segment = name.replace("_", "-")
        yield f"{entity.path}/{VALUES.get(entity.key.type, 'abc')}/{segment}/", {}, 404


def json_path(schema: Schema, entity: Entity, path: tuple[FieldName, ...]) -> str:
    names = []
    for step in path:
        relation = entity.relation(step)
        names.append(relation.json_name)
        entity = schema.entity(relation.target)
    return "__".join(names)


def related_filter(schema: Schema, entity: Entity, path: RelatedPath) -> dict[str, str]:
    """Return a filter for a path to a field, or for whether there are related rows."""
    words: list[str] = []
    for step, is_many in zip(path.steps, path.to_many, strict=True):
        relation = entity.relation(step)
        words += [relation.json_name, "any"] if is_many else [relation.json_name]
        entity = schema.entity(relation.target)
    if path.field is None:
        return {"__".join([*(words[:-1] if path.to_many[-1] else words), "exists"]): "true"}
    field = entity.field(path.field)
    return {"__".join([*words, field.json_name]): VALUES.get(field.type, "abc")}
