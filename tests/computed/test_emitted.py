"""An emitted project with computed properties: its code and its tests, and errors of functions."""

import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest
from sqlalchemy.exc import CompileError

import crudgen
from crudgen.codegen import render
from crudgen.delivery import disk
from crudgen.language import load_texts
from tests.computed.crew import ENTITIES, HERO, TEAM, package_of

IMPORTS = "from sqlmodel import col\n\nfrom .models import Team\n\n\n"
HALF = "def half(team):\n    return col(team.id) / 2.0\n"
SIZE = "def size(team):\n    return col(team.id)\n"


@pytest.mark.long
def test_the_project_is_clean_and_its_tests_pass(tmp_path: Path) -> None:
    out = tmp_path / "out"
    disk.write(crudgen.render(load_texts(ENTITIES)), out)
    models = (out / "app/models.py").read_text()
    assert 'compute(Hero, "full_name", heroes_hooks.full_name, Text())' in models
    assert "    full_name: ClassVar[Mapped[str]]" in (out / "app/heroes/models.py").read_text()
    ruff = [sys.executable, "-m", "ruff", "check", "app"]
    checked = subprocess.run(ruff, cwd=out, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout
    pytest_ = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests"]
    ran = subprocess.run(pytest_, cwd=out, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout


def test_a_spec_without_them_emits_what_it_did() -> None:
    tree = render(load_texts({"hero.yaml": "name: Hero\nfields: {name: str}\n"}))
    assert not {"app/models.py", "app/heroes/hooks.py", "app/kit/database/computed.py"} & {*tree}
    assert "from .models import Hero, HeroCreate" in tree["app/heroes/routes.py"]


@pytest.mark.parametrize(
    ("function", "error", "message"),
    [
        ('return "text"', TypeError, "must return an SQL expression, not str"),
        ("return col(team.name).in_([])", TypeError, "has no values"),
        ("return func.sum(1).nothing.here", AttributeError, "nothing"),
    ],
)
def test_an_error_of_a_function_says_which(
    function: str, error: type[Exception], message: str
) -> None:
    text = f"from sqlalchemy import func\n{IMPORTS}{SIZE}\n\n{HALF}\n\n"
    text += f"def shout(team):\n    {function}\n"
    with pytest.raises(error, match=message):
        import_module(f"{package_of('plain', heroes=HERO, teams=text).__name__}.models")


@pytest.mark.parametrize(
    ("value", "error"),
    [("col(hero.n)", TypeError), ("col(hero.price) / 2", (TypeError, CompileError))],
)
def test_a_decimal_needs_the_digits_of_its_type(value: str, error: type[Exception]) -> None:
    text = HERO.replace("return col(hero.price) * 3", f"return {value}")
    with pytest.raises(error):
        import_module(f"{package_of('plain', heroes=text, teams=TEAM).__name__}.models")
