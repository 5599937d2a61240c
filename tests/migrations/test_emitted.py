"""`migrations: true` adds files to a project, and changes nothing else of it."""

import tomllib
from dataclasses import replace

import pytest

from crudgen.codegen import render
from crudgen.codegen.needs import MissingLine
from crudgen.language import load_texts
from crudgen.language.schema import KitForm, Schema

SCHEMA = load_texts({"hero.yaml": "name: Hero\nfields: {name: str}\n"})


def with_migrations(schema: Schema = SCHEMA) -> Schema:
    return replace(schema, migrations=True)


def test_the_key_is_read() -> None:
    texts = {"hero.yaml": "name: Hero\nfields: {name: str}\n"}
    assert load_texts(texts, "migrations: true\n").migrations
    assert not load_texts(texts, "migrations: false\n").migrations


@pytest.mark.parametrize("kit", KitForm)
def test_a_project_requires_and_configures_alembic(kit: KitForm) -> None:
    project = tomllib.loads(render(replace(with_migrations(), kit=kit))["pyproject.toml"])
    assert any(one.startswith("alembic>=") for one in project["project"]["dependencies"])
    assert project["tool"]["alembic"]["script_location"] == "%(here)s/migrations"
    assert "migrations" in project["tool"]["mypy"]["files"]


def test_a_former_pyproject_lacks_the_requirement_and_the_configuration() -> None:
    before = render(SCHEMA)["pyproject.toml"]
    file = next(one for one in render(with_migrations()).files if one.path == "pyproject.toml")
    found = [line for need in file.needs for line in need.missing_lines(before)]
    assert found == [
        MissingLine('"alembic>=1.20,<1.21",', "in [project] dependencies"),
        MissingLine('script_location = "%(here)s/migrations"', "in [tool.alembic]"),
        MissingLine('prepend_sys_path = ["%(here)s"]', "in [tool.alembic]"),
    ]
