"""The OpenAPI document: what generators of typed clients need of it."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import pytest
from fastapi import FastAPI, Query

import crudgen
from crudgen.kit.application import Application
from crudgen.kit.http.openapi import adjust_document
from crudgen.kit.http.precedence import routes_in_use
from crudgen.kit.http.routing import Router

ZOO = Path(__file__).parents[1] / "specs/zoo"
TEAMS = ZOO.with_name("teams")
TAGS = (("a", ""), ("b", "Bees."), ("c", "Cats."))
PUBLIC = ("AnimalPublic", "CountryPublic", "EventPublic", "BlogPostPublic", "TagPublic", "Deleted")


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> FastAPI:
    folder = tmp_path_factory.mktemp("document")
    return crudgen.create_app(ZOO / "entities", database=f"sqlite:///{folder}/app.db")


@pytest.fixture(scope="module")
def document(app: FastAPI) -> dict[str, Any]:
    return app.openapi()


@pytest.fixture(scope="module")
def schemas(document: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = document["components"]["schemas"]
    return found


def nodes(value: Any, place: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], Any]]:
    """Yield every object and list of a document, with its place."""
    if isinstance(value, dict | list):
        yield place, value
        for key, item in value.items() if isinstance(value, dict) else enumerate(value):
            yield from nodes(item, (*place, key))


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield method, path, operation


@pytest.mark.parametrize("name", PUBLIC)
def test_a_row_has_all_properties(schemas: dict[str, Any], name: str) -> None:
    row = schemas[name]
    assert row["required"] == list(row["properties"])
    assert "additionalProperties" not in row
    assert not [key for key, one in row["properties"].items() if "default" in one]


def test_a_body_is_as_strict_as_before(schemas: dict[str, Any]) -> None:
    body = schemas["AnimalCreate"]
    assert body["additionalProperties"] is False
    assert body["properties"]["tame"]["default"] is False
    assert "tame" not in body["required"]


def test_a_list_is_one_of_rows(document: dict[str, Any]) -> None:
    operation = document["paths"]["/animals/"]["get"]
    schema = operation["responses"]["200"]["content"]["application/json"]["schema"]
    assert schema["items"] == {"$ref": "#/components/schemas/AnimalPublic"}


def test_values_have_simple_types(schemas: dict[str, Any]) -> None:
    for model in ("AnimalCreate", "AnimalPublic", "AnimalUpdate"):
        found = schemas[model]["properties"]
        assert found["data"] == {"title": "Data"}
        assert found["data2"].keys() <= {"title", "default"}
        assert found["photo"].keys() == {
            *("type", "contentEncoding", "pattern", "maxLength", "title"),
        }
        assert (found["photo"]["type"], found["photo"]["maxLength"]) == ("string", 136)
        assert "format" not in found["price"]


def test_numbers_have_their_size(document: dict[str, Any], schemas: dict[str, Any]) -> None:
    found = schemas["AnimalPublic"]["properties"]
    assert found["legs"] == {"type": "integer", "format": "int64", "title": "Legs"}
    age = found["age"]["anyOf"][0]
    assert (age["format"], age["minimum"], age["maximum"]) == ("int64", 0, 150)
    assert found["weight"]["format"] == "double"
    assert schemas["AnimalPublic"]["properties"]["height"]["anyOf"][0]["format"] == "double"
    parameters = document["paths"]["/animals/{animal_id}"]["get"]["parameters"]
    assert parameters[0]["schema"]["format"] == "int64"
    bounds = {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"}
    for place, node in nodes(document):
        found = {key: node[key] for key in bounds & node.keys()} if isinstance(node, dict) else {}
        for bound in found.values():
            assert not (isinstance(bound, float) and bound.is_integer()), place
            assert abs(bound) < 2**63 - 1, place


def test_an_enum_has_one_name(document: dict[str, Any], schemas: dict[str, Any]) -> None:
    mood = {"$ref": "#/components/schemas/AnimalMood"}
    assert schemas["AnimalMood"]["enum"] == ["calm", "in-progress", "no", "a b", "true"]
    assert schemas["AnimalCreate"]["properties"]["mood"] == {**mood, "default": "calm"}
    assert schemas["AnimalPublic"]["properties"]["mood"] == mood
    parameters = {
        one["name"]: one["schema"] for one in document["paths"]["/animals/"]["get"]["parameters"]
    }
    assert parameters["mood"] == parameters["mood__ne"] == mood
    assert parameters["mood__in"]["items"] == mood
    words = schemas["AnimalMood"]["enum"]
    assert [place for place, node in nodes(document) if node == words] == [
        ("components", "schemas", "AnimalMood", "enum")
    ]
    assert "$defs" not in str(document)


def test_every_reference_leads_somewhere(document: dict[str, Any], schemas: dict[str, Any]) -> None:
    for place, node in nodes(document):
        if isinstance(node, dict) and isinstance(node.get("$ref"), str):
            assert node["$ref"].removeprefix("#/components/schemas/") in schemas, place


def test_an_enum_that_only_a_filter_uses_is_described() -> None:
    def parameter(*words: str) -> dict[str, Any]:
        named = {"$ref": "#/components/schemas/Mood", "$defs": {"Mood": {"enum": [*words]}}}
        return {"schema": {"type": "array", "items": named}}

    listed = {"parameters": [parameter("a"), parameter("a"), parameter("b"), {"in": "cookie"}]}
    document: dict[str, Any] = {"paths": {"/": {"get": listed}}}
    adjust_document(document)
    assert document["components"] == {"schemas": {"Mood": {"enum": ["a"]}}}
    items = [one["schema"]["items"] for one in listed["parameters"][:3]]
    named = "#/components/schemas/Mood"
    assert [one.get("$ref") for one in items] == [named, named, None]
    assert items[2] == {"enum": ["b"]}, "another one of the same name stays inline"


HEADERS = {
    ("get", "/ready"): set(),
    ("post", "/tags/"): {"ETag", "Location"},
    ("post", "/events/"): {"ETag", "Location", "Idempotent-Replayed"},
    ("post", "/events/bulk"): {"Idempotent-Replayed"},
    ("patch", "/events/bulk"): set(),
    ("get", "/tags/"): {"Link", "X-Total-Count"},
    ("get", "/tags/{tag_id}"): {"ETag"},
    ("patch", "/tags/{tag_id}"): {"ETag"},
    ("delete", "/tags/{tag_id}"): set(),
}


@pytest.mark.parametrize(("method", "path"), HEADERS)
def test_headers_of_responses_are_described(
    document: dict[str, Any], method: str, path: str
) -> None:
    responses = document["paths"][path][method]["responses"]
    assert responses["200"].get("headers", {}).keys() == HEADERS[method, path]
    assert responses["503"]["headers"].keys() == {"Retry-After"}
    if "304" in responses:
        assert responses["304"]["headers"].keys() == {"ETag"}


def test_changes_of_links_have_no_headers_about_etags(tmp_path: Path) -> None:
    app = crudgen.create_app(TEAMS / "entities", database=f"sqlite:///{tmp_path}/app.db")
    found = {
        (method, path): [
            *(one["name"] for one in operation["parameters"] if one["in"] == "header"),
            *operation["responses"]["200"].get("headers", ()),
        ]
        for method, path, operation in operations(app.openapi())
        if path.startswith("/heroes/{hero_id}") and method != "get"
    }
    assert found == {
        ("patch", "/heroes/{hero_id}"): ["If-Match", "ETag"],
        ("delete", "/heroes/{hero_id}"): ["If-Match"],
        ("put", "/heroes/{hero_id}/powers/"): [],
        ("put", "/heroes/{hero_id}/powers/{power_id}"): [],
        ("delete", "/heroes/{hero_id}/powers/{power_id}"): [],
    }


def test_errors_have_the_names_of_fastapi(
    document: dict[str, Any], schemas: dict[str, Any]
) -> None:
    problem = schemas["HTTPValidationError"]["properties"]["detail"]["items"]
    assert problem == {"$ref": "#/components/schemas/ValidationError"}
    assert schemas["ValidationError"]["required"] == ["type", "loc", "msg"]
    for _, path, operation in operations(document):
        for status, response in operation["responses"].items():
            if status == "422":
                shown = response["content"]["application/json"]["schema"]
                assert shown == {"$ref": "#/components/schemas/HTTPValidationError"}, path


def test_parameters_are_described_as_fastapi_does(document: dict[str, Any]) -> None:
    for _, _, operation in operations(document):
        for one in operation.get("parameters", ()):
            assert "$ref" in one["schema"] or one["schema"]["title"], one
            assert one["description"], one
    found = {one["name"]: one for one in document["paths"]["/animals/"]["get"]["parameters"]}
    assert found["offset"]["schema"]["default"] == 0
    assert found["legs__not_in"]["schema"]["title"] == "Legs Not In"
    assert "lack" in found["fields"]["description"]


def test_the_404_of_a_list_is_that_of_a_cursor(document: dict[str, Any]) -> None:
    tags = document["paths"]["/tags/"], document["paths"]["/tags/{tag_id}"]
    described = [methods["get"]["responses"]["404"]["description"] for methods in tags]
    assert described == ["Not found: the cursor is invalid", "Not found: no row has this key"]


def test_handlers_of_the_owner_have_the_same_errors(tmp_path: Path) -> None:
    app = crudgen.create_app(ZOO / "entities", database=f"sqlite:///{tmp_path}/app.db")
    schemas = app.openapi()["components"]["schemas"]
    app.openapi_schema = None

    @app.get("/own")
    async def own(number: Annotated[int, Query(ge=2.0)]) -> dict[str, int]:
        return {"number": number}

    document = app.openapi()
    responses = document["paths"]["/own"]["get"]["responses"]
    assert responses["422"]["content"]["application/json"]["schema"] == {
        "$ref": "#/components/schemas/HTTPValidationError"
    }
    assert document["components"]["schemas"] == schemas


def test_descriptions_of_the_spec_are_those_of_tags_and_properties(
    document: dict[str, Any], schemas: dict[str, Any]
) -> None:
    animals = 'Every scalar type, once plain and once optional.\nIt says "quotes", \\backslashes\\'
    assert document["tags"] == [
        {"name": "animals", "description": f'{animals} and """triples""".'},
        *({"name": name} for name in ("blog_posts", "countries", "events", "tags")),
    ]
    plate = "The 'plate' with \"quotes\", ümlauts, 漢字 and 🦸."
    for model in ("TagCreate", "TagUpdate", "TagPublic"):
        assert schemas[model]["properties"]["plate"]["description"] == plate


def test_the_document_is_built_once_unless_a_handler_hides_another() -> None:
    app = Application()
    assert routes_in_use(app.routes) is None
    for _ in range(2):
        app.add_api_route("/live", lambda: None)
    used = routes_in_use(app.routes)
    assert used is not None
    assert [one.path for one in used].count("/live") == 1


def test_tags_of_the_owner_come_first() -> None:
    routers = [Router(prefix=f"/{name}", tags=[name], description=doc) for name, doc in TAGS]
    app = Application(openapi_tags=[{"name": "b", "description": "mine"}, {"name": "x"}])
    for router in routers:
        app.include_router(router)
    expected = [{"name": "b", "description": "mine"}, {"name": "x"}, {"name": "a"}]
    assert app.openapi()["tags"] == [*expected, {"name": "c", "description": "Cats."}]
    app.openapi_schema = None
    assert len(app.openapi()["tags"]) == 4
    app = Application()
    app.include_router(routers[0])
    assert "tags" not in app.openapi()


def test_enums_of_two_entities_have_two_names(tmp_path: Path) -> None:
    entities = tmp_path / "entities"
    entities.mkdir()
    fields = {
        "Hero": "mood_kind: enum(a, b)",
        "HeroMood": "kind: enum(c, d)",
        "Validation": "error: enum(e, f)",
    }
    for name, field in fields.items():
        text = f"name: {name}\nfields:\n  name: str\n  {field}\n"
        (entities / f"{name.lower()}.yaml").write_text(text, "utf-8")
    app = crudgen.create_app(entities, database=f"sqlite:///{tmp_path}/app.db")
    schemas = app.openapi()["components"]["schemas"]
    words = {name: one["enum"] for name, one in schemas.items() if "enum" in one}
    assert words == {
        "HeroMoodKind": ["a", "b"],
        "HeroMoodKindValue": ["c", "d"],
        "ValidationErrorValue": ["e", "f"],
    }
    assert "__" not in "".join(schemas), "pydantic would use the names of modules"


def test_values_in_the_document_stay_as_they_are() -> None:
    value = {"minimum": 1.0, "maximum": [2.0]}
    schemas = {
        "A": {"properties": {"minimum": {"type": "number", "minimum": 1.0, "default": value}}},
        "B": {"maximum": 0.5, "enum": [value], "examples": [value]},
    }
    adjust_document({"components": {"schemas": schemas}})
    found = json.dumps(schemas)
    assert '"minimum": 1, "default": {"minimum": 1.0' in found
    assert found.count('{"minimum": 1.0, "maximum": [2.0]}') == 3
