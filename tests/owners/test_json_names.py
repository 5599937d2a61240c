"""Models with JSON names, as Python code uses them: each value by its attribute or JSON name."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.owners.project import Project, emit

HERO = """\
name: Hero
fields:
  full_name: str(1..80) json(fullName)
  nick: str json(title)
  title: str json(nick)
  age: int?
  home_url: str? json(homeURLText)
  made_on: datetime = now read_only json(madeOn)
"""
VALUES = {"full_name": "a", "nick": "b", "title": "c"}


@pytest.fixture(scope="module")
def project_of_names(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    folder: Path = tmp_path_factory.mktemp("names")
    project = Project.copied(emit(folder, {"hero": HERO}), folder)
    yield project
    project.unload()


@pytest.fixture
def models(project_of_names: Project) -> Any:
    return project_of_names.module("heroes.models")


@pytest.mark.parametrize("name", ["full_name", "fullName"])
@pytest.mark.parametrize("source", ["create", "table", "dict"])
def test_an_update_of_validated_values(models: Any, name: str, source: str) -> None:
    body = {"fullName": "a", "title": "b", "nick": "c"}
    sources = {"create": models.HeroCreate(**VALUES), "table": models.Hero(**VALUES), "dict": body}
    hero = models.Hero.model_validate(sources[source], update={name: "z", "title": "t"})
    assert (hero.full_name, hero.nick, hero.title) == ("z", "b", "t")


@pytest.mark.parametrize("name", ["full_name", "fullName"])
def test_an_update_of_a_row(models: Any, name: str) -> None:
    hero = models.Hero(**VALUES)
    hero.sqlmodel_update({name: "y", "title": "t"})
    assert (hero.full_name, hero.nick, hero.title) == ("y", "b", "t")
    hero.sqlmodel_update(models.HeroCreate(**VALUES), update={name: "z"})
    assert (hero.full_name, hero.nick, hero.title) == ("z", "b", "c")


@pytest.mark.parametrize("model", ["Hero", "HeroCreate", "HeroUpdate"])
def test_two_values_of_one_field_are_refused(models: Any, model: str) -> None:
    both = {"full_name": "x", "fullName": "y"}
    with pytest.raises(TypeError, match="full_name and fullName are the same field"):
        getattr(models, model)(**VALUES | both)
    with pytest.raises(TypeError, match="full_name and fullName are the same field"):
        models.Hero.model_validate(models.HeroCreate(**VALUES), update=both)
    with pytest.raises(TypeError, match="full_name and fullName are the same field"):
        models.Hero(**VALUES).sqlmodel_update(both)


def test_titles_have_the_words_of_the_names(project_of_names: Project) -> None:
    document = project_of_names.create("document").openapi()
    schemas = document["components"]["schemas"]
    titles = {
        "fullName": "Full Name",
        "title": "Title",
        "nick": "Nick",
        "age": "Age",
        "homeURLText": "Home Url Text",
        "madeOn": "Made On",
        "id": "Id",
    }
    for model in ("HeroPublic", "HeroCreate", "HeroUpdate"):
        properties = schemas[model]["properties"]
        assert {name: one["title"] for name, one in properties.items()} == titles, model
    parameters = document["paths"]["/heroes/"]["get"]["parameters"]
    found = {one["name"]: one["schema"].get("title") for one in parameters}
    assert found["fullName"] == "Full Name"
    assert found["madeOn__not_in"] == "Made On Not In"
    assert found["age__gte"] == "Age Gte"
