"""Read-only properties: a request may contain them, the models have no such attribute."""

import ast
from pathlib import Path

import pytest

import crudgen
from crudgen.delivery import disk
from tests.owners.project import Project

BODY = "BODY: dict[str, Any] = "
DEADPOND = {"name": "Deadpond", "age": 30, "secret_name": "Dive Wilson"}


def test_the_lines_of_the_tutorial(project: Project) -> None:
    models = project.module("heroes.models")
    body = models.HeroCreate.model_validate({**DEADPOND, "id": 7})
    hero = models.Hero.model_validate(body)
    assert (hero.id, hero.name, hero.secret_name) == (None, "Deadpond", "Dive Wilson")
    assert not hasattr(body, "id"), "a client may send it, and it is ignored"
    assert models.Hero.model_validate(models.HeroCreate(**DEADPOND), update={"age": 1}).age == 1
    update = models.HeroUpdate.model_validate({"id": 9, "age": None})
    assert update.model_dump(exclude_unset=True) == {"age": None}
    hero.sqlmodel_update(update.model_dump(exclude_unset=True))
    assert (hero.id, hero.name, hero.age) == (None, "Deadpond", None)
    hero.id = 1
    public = models.HeroPublic.model_validate(hero)
    assert public.model_dump() == {"name": "Deadpond", "age": None, "id": 1}


def test_the_document_describes_ignored_properties_as_read_only(project: Project) -> None:
    schemas = project.create("document").openapi()["components"]["schemas"]
    for model in ("HeroCreate", "HeroUpdate"):
        described = schemas[model]
        assert described["properties"]["id"] == {"readOnly": True, "title": "Id"}
        assert next(iter(described["properties"])) in {"name", "id"}
        assert described["additionalProperties"] is False
        assert "id" not in described.get("required", [])


@pytest.mark.parametrize("name", ["id", "years", "born"])
def test_a_field_of_a_subclass_is_not_ignored(project: Project, name: str) -> None:
    project.append(
        "heroes/models.py",
        f"""

class Own(HeroCreate):
    __read_only__ = ("id", "years", "born")

    {"born" if name == "years" else name}: int = Field(alias="{name}")
""",
    )
    own = project.module("heroes.models").Own
    body = own.model_validate({**DEADPOND, "id": 1, "years": 2, "born": 3})
    attribute = "born" if name == "years" else name
    assert body.model_fields_set == {"name", "age", "secret_name", attribute}


def test_rows_of_each_type_are_made_of_requests(tmp_path: Path, root: Path) -> None:
    tree = crudgen.render(crudgen.load(root / "tests/specs/zoo/entities"))
    disk.write(tree, tmp_path / "zoo")
    project = Project.copied(tmp_path / "zoo", tmp_path)
    bodies = {path.removeprefix("tests/test_"): text for path, text in tree.items() if BODY in text}
    assert "animals.py" in bodies
    for name, text in bodies.items():
        plural = name.removesuffix(".py")
        models = project.module(f"{plural}.models")
        (table,) = (one for one in vars(models).values() if hasattr(one, "__table__"))
        create = getattr(models, f"{table.__name__}Create")
        sent = ast.literal_eval(text.partition(BODY)[2].partition("\nWRITE_ONLY")[0])
        body = create.model_validate(sent)
        row = table.model_validate(body)
        assert row.model_dump(include=body.model_fields_set) == body.model_dump(exclude_unset=True)
        assert not any(hasattr(body, ignored) for ignored in create.__read_only__)
    project.unload()
