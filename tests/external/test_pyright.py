"""Emitted projects are clean for pyright in its standard mode, as editors run it."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from crudgen.codegen import render
from crudgen.language import load
from crudgen.language.schema import KitForm
from tests.codegen.emitted import write
from tests.external.programs import find_program

pytestmark = pytest.mark.external
ZOO = "tests/specs/zoo/entities"
SPECS = {
    "hero": "entities",
    "zoo": ZOO,
    **{name: f"tests/specs/{name}/entities" for name in ("teams", "company", "guild", "shop")},
    **{
        name: f"tests/fuzzing/specs/{name}/entities"
        for name in ("clinic", "hall", "office", "sensors", "store", "vault")
    },
}
FORMS = [KitForm.PLAIN, KitForm.LIBRARY]
MINE = """
from app.heroes.models import Hero, HeroPublic
from app.kit.models import Model

table: str = Hero.__tablename__
model: type[Model] = Hero
hero = HeroPublic(name="Deadpond", id="one")
"""


@pytest.fixture(scope="module")
def problems(root: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """Return the rules that each file breaks, of all projects: one process reads the libraries.

    basedpyright is pyright with a node of its own; `standard` selects pyright's checks.
    """
    folder = tmp_path_factory.mktemp("projects")
    for name, spec in SPECS.items():
        write(render(load(root / spec)), folder / name)
    for form in FORMS:
        write(render(replace(load(root / ZOO), kit=form)), folder / form)
    write({"app/mine.py": MINE}, folder / "hero")
    projects = [{"root": path.name} for path in folder.iterdir()]
    config = {"typeCheckingMode": "standard", "executionEnvironments": projects}
    (folder / "pyrightconfig.json").write_text(json.dumps(config))
    program = find_program("basedpyright")
    done = subprocess.run(
        [program, "--outputjson", "--project", str(folder), "--pythonpath", sys.executable],
        capture_output=True,
        text=True,
        check=False,
    )
    report = json.loads(done.stdout)
    assert report["summary"]["filesAnalyzed"] == len([*folder.rglob("*.py")])
    found: dict[str, list[str]] = {}
    for problem in report["generalDiagnostics"]:
        file = Path(problem["file"]).relative_to(folder).as_posix()
        found.setdefault(file, []).append(problem["rule"])
    return found


@pytest.mark.parametrize("project", [*SPECS, *FORMS])
def test_a_project_is_clean(problems: dict[str, list[str]], project: str) -> None:
    found = {file for file in problems if file.startswith(f"{project}/")}
    assert found - {"hero/app/mine.py"} == set()


def test_mistakes_of_the_owner_are_found(problems: dict[str, list[str]]) -> None:
    assert problems["hero/app/mine.py"] == ["reportArgumentType"]
