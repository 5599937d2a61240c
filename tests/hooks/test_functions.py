"""The functions of a spec in hooks.py: they are written, found, and checked without being run."""

import subprocess
import sys
from pathlib import Path

import pytest

import crudgen
from crudgen.codegen.hook_functions import function_problems
from crudgen.language import load_texts
from tests.cli.test_cli import Project
from tests.codegen.emitted import write

HERO = """\
name: Hero
fields: {name: str}
hooks: [create, update]
"""
HEAD = '''\
"""What happens with heroes."""

from .models import Hero as Model


'''
FILE = "generated/app/heroes/hooks.py"
CREATE, UPDATE = "def create(tx, hero): ...\n", "def update(tx, hero, changes): ...\n"
MISSING = """\
hero.yaml:3:17: hooks.py has no function 'update'
  3 | hooks: [create, update]
    |                 ^^^^^^ {}write it with: crudgen hook Hero update"""
ASYNC = """\
hooks.py:7:1: 'update' must not be async: it runs in a thread with its transaction
  7 | async def update(tx, hero, changes): ...
    | ^^^^^^^^^ write 'def update'"""
UNLISTED = """\
hooks.py:8:5: the function 'delete' is not called: the spec does not list it
  8 | def delete(tx, hero): ...
    |     ^^^^^^ add 'delete' to 'hooks' in hero.yaml, or rename the function"""
UNLISTED_AFTER = """\
hooks.py:8:1: the function 'on_delete' is not called: the spec does not list it
  8 | async def on_delete(event): ...
    | ^^^^^^^^^ add 'on_delete' to 'hooks' in hero.yaml, or rename the function"""
SHORT = """\
hooks.py:7:5: 'update' must accept 3 arguments
  7 | def update(tx, hero): ...
    |     ^^^^^^ see the form with: crudgen hook Hero update --show"""
CASES = {
    "right": (CREATE + UPDATE, []),
    "other ways": ("from .other import create, update\n", []),
    "assigned": (CREATE + "update = create\n", []),
    "arguments": ("def create(*args, at=1): ...\ndef update(a, b, c, d=1, /): ...\n", []),
    "syntax error": ("def create(:\n", []),
    "in a condition": (f"{CREATE}if True:\n    {UPDATE}", []),
    "in a class": (f"{CREATE}class A:\n    {UPDATE}", [MISSING.format("")]),
    "nothing of update": (CREATE, [MISSING.format("")]),
    "a typo": (CREATE + UPDATE.replace("update", "updat"), [MISSING.format("rename 'updat', or ")]),
    "async": (f"{CREATE}async {UPDATE}", [ASYNC]),
    "after commits": (f"{CREATE}{UPDATE}async def on_delete(event): ...\n", [UNLISTED_AFTER]),
    "not listed": (f"{CREATE}{UPDATE}def delete(tx, hero): ...\n", [UNLISTED]),
    "arguments missing": (CREATE + UPDATE.replace(", changes", ""), [SHORT]),
}


@pytest.mark.parametrize("case", CASES)
def test_functions_are_found_in_the_source(case: str) -> None:
    text, expected = CASES[case]
    schema = load_texts({"hero.yaml": HERO})
    found = function_problems(schema, {"app/heroes/hooks.py": ("hooks.py", HEAD + text)})
    assert [*map(str, found)] == expected


def test_a_spec_without_hooks_has_no_file_of_them() -> None:
    plain, hooked = (
        crudgen.render(load_texts({"hero.yaml": text}))
        for text in (HERO.rpartition("hooks")[0], HERO)
    )
    added = {path for path in hooked if path not in plain}
    assert {path.rpartition("/")[0] for path in added} == {"app/heroes", "app/kit/hooks"}
    assert {path for path in plain if plain[path] != hooked[path]} == {"app/heroes/routes.py"}


def test_the_command_writes_functions(tmp_path: Path) -> None:
    project = Project(tmp_path)
    project.write("entities/hero.yaml", HERO)
    assert "create the project with: crudgen emit" in project.run("check", code=1).stderr
    served = project.run("serve", "--port", "0", code=1).stderr
    assert "create the project with: crudgen emit" in served
    assert "+ hero" in project.run("plan", code=3).stdout
    shown = project.run("hook", "Hero", "update", "--show").stdout
    assert "def update(tx: Transaction, hero: Hero, changes: HeroUpdate) -> Hero:" in shown
    assert not (tmp_path / "generated").exists()
    project.run("hook", "Hero", "create")
    project.run("check")
    project.write(FILE, f'{HEAD}{CREATE}VERSION = "mine"\n')
    assert "needs, at the end:\n      def update(tx: Transaction" in project.run("emit").stdout
    assert "has no function 'update'" in project.run("check", code=1).stderr
    assert "has no function 'update'" in project.run("serve", "--port", "0", code=1).stderr
    project.run("hook", "Hero", "update")
    project.run("hook", "Hero", "update")
    text = project.read(FILE)
    assert text.startswith(HEAD.rstrip())
    assert text.count("def update(") == text.count("from ..kit.hooks import Transaction") == 1
    assert 'VERSION = "mine"' in text
    project.run("check")
    assert "did you mean 'update'" in project.run("hook", "Hero", "updat", code=2).stderr
    assert (
        "write: hooks: [create, update, delete]"
        in project.run("hook", "Hero", "delete", code=1).stderr
    )


@pytest.mark.slow
def test_a_type_checker_reports_other_signatures(tmp_path: Path, mypy_cache: Path) -> None:
    folder = write(crudgen.render(load_texts({"hero.yaml": HERO})), tmp_path)
    file = folder / "app/heroes/hooks.py"
    text = file.read_text()
    text = text.replace("hero: HeroCreate) -> Hero", "hero: HeroUpdate) -> Hero")
    file.write_text(text.replace("changes: HeroUpdate) -> Hero", "changes: HeroUpdate) -> None"))
    command = [sys.executable, "-m", "mypy", "--strict", f"--cache-dir={mypy_cache}"]
    done = subprocess.run(
        [*command, "app/heroes/routes.py"], cwd=folder, capture_output=True, text=True, check=False
    )
    assert 'Argument "create" to "Hooks" has incompatible type' in done.stdout
    assert 'Argument "update" to "Hooks" has incompatible type' in done.stdout
