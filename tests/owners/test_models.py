"""Edits of Public, Create and Update models work as pydantic and FastAPI document them."""

import sys
from pathlib import Path
from typing import Any

import pytest
from fastapi.exceptions import ResponseValidationError

import crudgen
from crudgen.delivery import disk
from tests.owners.project import Clients, Project

pytestmark = pytest.mark.long

MODELS = "heroes/models.py"
PUBLIC = '    """A hero as returned by the API."""\n\n    id: int\n'
CREATE = '    """Request body to create a hero."""\n'
DEADPOND = {"name": "Deadpond", "age": 30, "secret_name": "Dive Wilson"}


def edit_public(project: Project, imported: str, text: str) -> None:
    """Add lines to HeroPublic."""
    project.import_in(MODELS, imported)
    project.replace(MODELS, PUBLIC, PUBLIC + text)


def answers(clients: Clients, name: str = "name") -> list[dict[str, Any]]:
    """Create, read, update and list a hero; return it as each response contains it.

    `name` is the property that lists are filtered and sorted by.
    """
    created = clients.ask("POST", "/heroes/", json=DEADPOND)
    assert created.status_code == 200, created.text
    assert created.headers["location"] == "/heroes/1"
    assert created.headers["etag"] == clients.ask("GET", "/heroes/1").headers["etag"]
    (listed,) = clients.ask("GET", "/heroes/?cursor=").json()
    query = f"sort=-{name}&{name}=Deadpond&count=exact"
    (sorted_,) = clients.ask("GET", f"/heroes/?{query}").json()
    (page,) = clients.ask("GET", "/heroes/").json()
    return [
        created.json(),
        clients.ask("GET", "/heroes/1").json(),
        clients.ask("PATCH", "/heroes/1", json={}).json(),
        clients.ask("PATCH", "/heroes/1", json={"age": 30}).json(),
        listed,
        sorted_,
        page,
    ]


def everywhere(project: Project, expected: dict[str, Any], name: str = "name") -> None:
    """Assert that each response contains the hero in the same form, its keys in order."""
    with project.clients() as clients:
        for answer in answers(clients, name):
            assert list(answer.items()) == list(expected.items())


def schema(project: Project, name: str) -> dict[str, Any]:
    """Return a model as the OpenAPI document describes it."""
    schemas = project.create("document").openapi()["components"]["schemas"]
    described: dict[str, Any] = schemas[name]
    return described


def test_a_computed_field(project: Project) -> None:
    edit_public(
        project,
        "from pydantic import computed_field",
        """
    @computed_field
    @property
    def is_adult(self) -> bool:
        return self.age is not None and self.age >= 18
""",
    )
    everywhere(project, {"name": "Deadpond", "age": 30, "id": 1, "is_adult": True})
    assert "is_adult" in schema(project, "HeroPublic")["required"]


def test_a_field_serializer(project: Project) -> None:
    edit_public(
        project,
        "from pydantic import field_serializer",
        """
    @field_serializer("name")
    def shout(self, name: str) -> str:
        return name.upper()
""",
    )
    everywhere(project, {"name": "DEADPOND", "age": 30, "id": 1})


def test_a_model_serializer(project: Project) -> None:
    edit_public(
        project,
        "from pydantic import model_serializer",
        """
    @model_serializer(mode="wrap")
    def with_type(self, handler):
        return {"type": "hero", **handler(self)}
""",
    )
    everywhere(project, {"type": "hero", "name": "Deadpond", "age": 30, "id": 1})


def test_a_serializer_in_an_annotation(project: Project) -> None:
    project.import_in(MODELS, "from typing import Annotated\nfrom pydantic import PlainSerializer")
    project.replace(
        MODELS, PUBLIC, PUBLIC.replace("id: int", "id: Annotated[int, PlainSerializer(str)]")
    )
    everywhere(project, {"name": "Deadpond", "age": 30, "id": "1"})


def test_a_field_validator_of_the_response(project: Project) -> None:
    edit_public(
        project,
        "from pydantic import field_validator",
        """
    @field_validator("name")
    @classmethod
    def abbreviate(cls, name: str) -> str:
        return name[:4]
""",
    )
    everywhere(project, {"name": "Dead", "age": 30, "id": 1})


def test_a_model_validator_of_the_response_gets_the_row(project: Project) -> None:
    edit_public(
        project,
        "from pydantic import model_validator",
        """
    initial: str = ""

    @model_validator(mode="before")
    @classmethod
    def read(cls, hero):
        return {"id": hero.id, "name": hero.name, "age": hero.age, "initial": hero.secret_name[0]}
""",
    )
    everywhere(project, {"name": "Deadpond", "age": 30, "id": 1, "initial": "D"})


def test_a_validator_of_the_base_changes_requests_and_responses(project: Project) -> None:
    project.import_in(MODELS, "from pydantic import field_validator")
    project.replace(
        MODELS,
        "\n\nclass Hero(HeroBase, table=True):",
        """
    @field_validator("name")
    @classmethod
    def strip(cls, name: str) -> str:
        return name.strip("!")


class Hero(HeroBase, table=True):""",
    )
    with project.clients() as clients:
        sent = DEADPOND | {"name": "!Deadpond!"}
        assert clients.ask("POST", "/heroes/", json=sent).json()["name"] == "Deadpond"


def test_a_serialization_alias(project: Project) -> None:
    project.replace(
        MODELS, PUBLIC, PUBLIC.replace("id: int", 'id: int = Field(serialization_alias="heroId")')
    )
    everywhere(project, {"name": "Deadpond", "age": 30, "heroId": 1})
    assert "heroId" in schema(project, "HeroPublic")["properties"]


def test_an_alias_of_the_response(project: Project) -> None:
    project.replace(MODELS, PUBLIC, PUBLIC.replace("id: int", 'id: int = Field(alias="heroId")'))
    everywhere(project, {"name": "Deadpond", "age": 30, "heroId": 1})


def test_an_alias_generator(project: Project) -> None:
    edit_public(
        project,
        "from pydantic.alias_generators import to_pascal",
        '    model_config = {"alias_generator": to_pascal}\n',
    )
    everywhere(project, {"Name": "Deadpond", "Age": 30, "Id": 1}, "Name")


def test_an_alias_of_the_request(project: Project) -> None:
    project.replace(
        MODELS,
        CREATE,
        CREATE + '\n    age: int | None = Field(default=None, alias="years")\n',
    )
    with project.clients() as clients:
        sent = {"name": "Deadpond", "years": 30, "secret_name": "Dive Wilson"}
        assert clients.ask("POST", "/heroes/", json=sent).json()["age"] == 30
        assert clients.ask("POST", "/heroes/", json=DEADPOND).status_code == 422


def test_aliases_in_responses_by_configuration(project: Project) -> None:
    config = '    model_config = {"serialize_by_alias": True}\n'
    age = '    age: int | None = Field(default=None, alias="years")\n'
    project.replace(MODELS, CREATE, f"{CREATE}\n{config}{age}")
    with project.clients() as clients:
        sent = {"name": "Deadpond", "years": 30, "secret_name": "Dive Wilson"}
        assert clients.ask("POST", "/heroes/", json=sent).json()["age"] == 30


def test_an_excluded_field(project: Project) -> None:
    edit_public(
        project,
        "from pydantic import Field as PydanticField",
        "    age: int | None = PydanticField(exclude=True)\n",
    )
    everywhere(project, {"name": "Deadpond", "id": 1})


def test_an_extra_field_with_a_default(project: Project) -> None:
    edit_public(project, "", "    rank: int = 1\n")
    everywhere(project, {"name": "Deadpond", "age": 30, "id": 1, "rank": 1})
    with project.clients() as clients:
        assert clients.ask("GET", "/heroes/?rank=1").status_code == 422, "it is no column"
        assert clients.ask("GET", "/heroes/?sort=rank").status_code == 422


def test_an_extra_field_from_a_property_of_the_table(project: Project) -> None:
    edit_public(project, "", "    label: str\n")
    project.replace(
        MODELS,
        "    secret_name: str = Field(max_length=255, sa_type=Text)\n",
        """    secret_name: str = Field(max_length=255, sa_type=Text)

    @property
    def label(self) -> str:
        return f"{self.name} ({self.id})"
""",
    )
    everywhere(project, {"name": "Deadpond", "age": 30, "id": 1, "label": "Deadpond (1)"})


def test_sparse_rows_contain_the_requested_fields(project: Project) -> None:
    edit_public(
        project,
        "from pydantic import computed_field, field_serializer",
        """
    @computed_field
    @property
    def is_adult(self) -> bool:
        return self.age >= 18

    @field_serializer("name")
    def shout(self, name: str) -> str:
        return name.upper()
""",
    )
    with project.clients() as clients:
        clients.ask("POST", "/heroes/", json=DEADPOND)
        assert clients.ask("GET", "/heroes/?fields=name").json() == [{"name": "DEADPOND"}]
        assert clients.ask("GET", "/heroes/?fields=id,name").json() == [
            {"name": "DEADPOND", "id": 1}
        ]


def test_a_response_that_is_invalid_is_an_error_of_the_server(project: Project) -> None:
    edit_public(project, "", "    rank: int\n")
    with project.client() as client, pytest.raises(ResponseValidationError):
        client.post("/heroes/", json=DEADPOND)


def test_an_inherited_model(project: Project) -> None:
    project.append(
        MODELS,
        """

class HeroCard(HeroPublic):
    @property
    def unused(self) -> int:
        return 1

    title: str = "Hero"
""",
    )
    routes = "heroes/routes.py"
    project.import_in(routes, "from .models import HeroCard")
    project.replace(routes, "Resource(Hero, public=HeroPublic)", "Resource(Hero, public=HeroCard)")
    everywhere(project, {"name": "Deadpond", "age": 30, "id": 1, "title": "Hero"})


def test_a_field_validator_of_the_request(project: Project) -> None:
    project.import_in(MODELS, "from pydantic import field_validator")
    project.replace(
        MODELS,
        CREATE,
        CREATE
        + """
    @field_validator("name")
    @classmethod
    def capitalize(cls, name: str) -> str:
        if " " in name:
            raise ValueError("no spaces")
        return name.title()
""",
    )
    with project.clients() as clients:
        created = clients.ask("POST", "/heroes/", json=DEADPOND | {"name": "deadpond"})
        assert created.json()["name"] == "Deadpond"
        refused = clients.ask("POST", "/heroes/", json=DEADPOND | {"name": "a b"})
        assert refused.status_code == 422
        (problem,) = refused.json()["detail"]
        assert (problem["loc"], problem["msg"]) == (["body", "name"], "Value error, no spaces")


@pytest.mark.parametrize("model", ["Create", "Update"])
def test_a_model_validator_of_the_request(project: Project, model: str) -> None:
    project.import_in(MODELS, "from pydantic import model_validator")
    docstring = (
        CREATE
        if model == "Create"
        else ('    """Request body to update a hero. Omitted fields are unchanged."""\n')
    )
    project.replace(
        MODELS,
        docstring,
        docstring
        + """
    @model_validator(mode="after")
    def differ(self):
        if self.name == self.secret_name:
            raise ValueError("too easy")
        return self
""",
    )
    with project.clients() as clients:
        clients.ask("POST", "/heroes/", json=DEADPOND)
        same = DEADPOND | {"secret_name": "Deadpond"}
        method, path = ("POST", "/heroes/") if model == "Create" else ("PATCH", "/heroes/1")
        refused = clients.ask(method, path, json=same)
        assert refused.status_code == 422
        assert refused.json()["detail"][0]["msg"] == "Value error, too easy"


def test_a_serializer_of_the_request_does_not_change_the_row(project: Project) -> None:
    project.import_in(MODELS, "from pydantic import computed_field, field_serializer")
    project.replace(
        MODELS,
        CREATE,
        CREATE
        + """
    @field_serializer("name")
    def hide(self, name: str) -> str:
        return "***"

    @computed_field
    @property
    def length(self) -> int:
        return len(self.name)
""",
    )
    with project.clients() as clients:
        assert clients.ask("POST", "/heroes/", json=DEADPOND).json()["name"] == "Deadpond"


def test_an_extra_required_field_of_the_request(project: Project) -> None:
    project.replace(MODELS, CREATE, CREATE + "\n    password: str = Field(min_length=8)\n")
    with project.clients() as clients:
        refused = clients.ask("POST", "/heroes/", json=DEADPOND)
        assert refused.json()["detail"][0]["loc"] == ["body", "password"]
        created = clients.ask("POST", "/heroes/", json=DEADPOND | {"password": "secret-123"})
        assert created.json() == {"name": "Deadpond", "age": 30, "id": 1}


def test_an_extra_field_of_an_update(project: Project) -> None:
    old = '    """Request body to update a hero. Omitted fields are unchanged."""\n'
    project.replace(MODELS, old, old + "\n    reason: str | None = None\n")
    with project.clients() as clients:
        clients.ask("POST", "/heroes/", json=DEADPOND)
        changed = clients.ask("PATCH", "/heroes/1", json={"reason": "birthday", "age": 31})
        assert changed.json() == {"name": "Deadpond", "age": 31, "id": 1}
        assert clients.ask("PATCH", "/heroes/1", json={"reason": "none"}).json()["age"] == 31


def test_an_extra_column_of_the_table(project: Project) -> None:
    old = "    secret_name: str = Field(max_length=255, sa_type=Text)\n"
    project.replace(MODELS, old, old + '    origin: str = Field(default="api", sa_type=Text)\n')
    project.replace(MODELS, PUBLIC, PUBLIC + "    origin: str\n")
    everywhere(project, {"name": "Deadpond", "age": 30, "id": 1, "origin": "api"})


def test_a_changed_constraint(project: Project) -> None:
    old = "    secret_name: str = Field(max_length=255)\n\n\nclass HeroUpdate"
    project.replace(MODELS, old, old.replace("max_length=255", "min_length=2, max_length=8"))
    with project.clients() as clients:
        for name, status in (("x", 422), ("x" * 8, 200), ("x" * 9, 422)):
            sent = DEADPOND | {"secret_name": name}
            assert clients.ask("POST", "/heroes/", json=sent).status_code == status


def test_pydantic_writes_every_type_as_the_database_does(tmp_path: Path, root: Path) -> None:
    tree = crudgen.render(crudgen.load(root / "tests/specs/zoo/entities"))
    disk.write(tree, tmp_path / "zoo")
    (tmp_path / "own").mkdir()
    plain = Project.copied(tmp_path / "zoo", tmp_path)
    owned = Project.copied(tmp_path / "zoo", tmp_path / "own")
    paths = []
    for path, text in tree.items():
        if path.startswith("tests/test_"):
            lines = text[text.index("PATH = ") :].partition("WRITE_ONLY")[0]
            names: dict[str, Any] = {}
            exec(lines, {"Any": Any}, names)  # noqa: S102 - the values of a generated test
            paths.append((names["PATH"], names["BODY"]))
            plural = path.removeprefix("tests/test_").removesuffix(".py")
            owned.import_in(f"{plural}/models.py", "from pydantic import model_validator")
            owned.append(
                f"{plural}/models.py",
                '    @model_validator(mode="after")\n    def check(self):\n        return self\n',
            )
    url = f"sqlite:///{tmp_path}/zoo.db"
    with plain.client(database_url=url) as first, owned.client(database_url=url) as second:
        is_plain = plain.module("kit.database.unchanged_rows").returns_rows_unchanged
        for models in [one for name, one in sys.modules.items() if name.endswith(".models")]:
            for name, model in vars(models).items():
                if models.__name__.startswith(plain.package) and hasattr(model, "__table__"):
                    assert is_plain(getattr(models, f"{name}Public"), model)
        for path, body in paths:
            created = first.post(path, json=body)
            assert created.status_code == 200, created.text
            assert second.get(created.headers["location"]).content == created.content
            assert second.get(path).content == first.get(path).content
            etag = {"if-match": created.headers["etag"]}
            changed = second.patch(created.headers["location"], json={}, headers=etag)
            assert changed.status_code == 405 or changed.content == created.content
    plain.unload()
    owned.unload()


def test_generated_models_are_plain(project: Project) -> None:
    is_plain = project.module("kit.database.unchanged_rows").returns_rows_unchanged
    for plural, name in (("heroes", "Hero"), ("teams", "Team")):
        models = project.module(f"{plural}.models")
        assert is_plain(getattr(models, f"{name}Public"), getattr(models, name))
