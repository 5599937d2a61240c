"""The emitted distribution is named after the title."""

import subprocess
import sys
import tomllib
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name, is_normalized_name

from crudgen.codegen import SourceTree, render
from crudgen.codegen.views.distribution import (
    KIT_REQUIREMENTS,
    POSTGRES,
    TEST,
    distribution_name,
    requirement_name,
)
from crudgen.language import load_texts
from crudgen.language.schema import KitForm, Schema
from tests.codegen.emitted import write
from tests.codegen.hostile import TEXTS

HERO = {"hero.yaml": "name: Hero\nfields: {name: str}\n"}


def project_of(tree: SourceTree) -> dict[str, object]:
    found: dict[str, object] = tomllib.loads(tree["pyproject.toml"])["project"]
    return found


def titled(title: str, kit: KitForm = KitForm.VENDORED) -> SourceTree:
    return render(replace(load_texts(HERO), title=title, kit=kit))


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("The shop", "the-shop"),
        ("  The  shop: orders & returns! ", "the-shop-orders-returns"),
        ("shop_v2.1", "shop-v2-1"),
        ("Öffentliche Übersicht", "offentliche-ubersicht"),
        ("Straßen 2026", "strassen-2026"),
        ("書店", "app"),
        ("書店 API", "api"),
        ("2026", "app"),
        ("!?", "app"),
        ("", "app"),
        ("Fast API", "fast-api"),
        ("FastAPI", "fastapi-app"),
        ("pydantic_settings", "pydantic-settings-app"),
        ("pytest", "pytest-app"),
        ("Crudgen", "crudgen-app"),
        ("a" * 59 + " b", "a" * 59),
        ("a" * 200, "a" * 60),
    ],
)
def test_the_name_is_the_title(title: str, name: str) -> None:
    assert distribution_name(title) == name
    assert project_of(titled(title))["name"] == name


def test_the_default_title_has_a_name_that_is_not_crudgen() -> None:
    assert distribution_name(Schema(()).title) == "crudgen-api"


@given(TEXTS)
def test_every_title_gives_a_normalized_name_that_is_not_required(title: str) -> None:
    name = distribution_name(title)
    assert is_normalized_name(name)
    assert len(name) <= 64
    assert any(character.isalpha() for character in name)
    assert name not in {requirement_name(one) for one in (*KIT_REQUIREMENTS, *POSTGRES, *TEST)}
    assert name != "crudgen"


@pytest.mark.parametrize("kit", KitForm)
def test_no_project_requires_itself(kit: KitForm) -> None:
    for title in ("crudgen", "sqlalchemy", "psycopg", "Ruff"):
        project = tomllib.loads(titled(title, kit)["pyproject.toml"])["project"]
        extras = project["optional-dependencies"]
        listed = [*project["dependencies"], *extras["postgres"], *extras["test"]]
        assert project["name"] not in {requirement_name(one) for one in listed}
        for one in listed:
            assert requirement_name(one) == canonicalize_name(Requirement(one).name)


def test_the_wheel_has_the_name(tmp_path: Path) -> None:
    folder = write(titled("The shop"), tmp_path / "project")
    build = "import hatchling.build, sys; print(hatchling.build.build_wheel(sys.argv[1]))"
    command = [sys.executable, "-c", build, str(tmp_path)]
    done = subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True)
    wheel = done.stdout.split()[-1]
    assert wheel == "the_shop-0.1.0-py3-none-any.whl"
    with zipfile.ZipFile(tmp_path / wheel) as file:
        assert "app/main.py" in file.namelist()
        metadata = file.read("the_shop-0.1.0.dist-info/METADATA").decode()
    assert "\nName: the-shop\n" in metadata
