"""Whole projects: what is served is what is emitted, and it stands without crudgen."""

import importlib
import inspect
import json
import os
import re
import subprocess
import sys
import sysconfig
import traceback
import venv
from dataclasses import replace
from pathlib import Path

import pytest

import crudgen
from crudgen.codegen import SourceTree, render
from crudgen.delivery.memory import import_tree, unload
from crudgen.language import load
from crudgen.language.schema import KitForm
from tests.codegen.emitted import PYTEST_OPTIONS, files, run_alone, write

SPECS = {"hero": "entities", "zoo": "tests/specs/zoo/entities"}
FORMS = [form for form in KitForm if form is not KitForm.VENDORED]
CHECKS = [
    ("ruff", "format", "--check", "--no-cache"),
    ("ruff", "check", "--no-cache"),
    ("mypy",),
    ("pytest", "-q", "-p", "no:cacheprovider", "-W", "error"),
]
OPENAPI = """
import json, sys
sys.path.insert(0, sys.argv[1])
from app.main import create_app
print(json.dumps(create_app().openapi()))
"""


@pytest.fixture(scope="module", params=SPECS)
def spec(request: pytest.FixtureRequest, root: Path) -> Path:
    return root / SPECS[request.param]


@pytest.fixture(scope="module")
def tree(spec: Path) -> SourceTree:
    return render(load(spec))


@pytest.fixture(scope="module")
def project(spec: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Emit a project as a user does."""
    folder = tmp_path_factory.mktemp("emitted") / "project"
    command = [sys.executable, "-m", "crudgen", "emit", str(spec), "--out", str(folder)]
    subprocess.run(command, check=True, capture_output=True)
    return folder


def test_what_is_emitted_is_the_tree(tree: SourceTree, project: Path) -> None:
    assert files(project) == dict(tree)


def test_what_is_imported_is_the_tree(tree: SourceTree) -> None:
    package = import_tree(tree)
    importlib.import_module(f"{package.__name__}.main")
    modules = {
        name: module
        for name, module in sys.modules.items()
        if name == package.__name__ or name.startswith(f"{package.__name__}.")
    }
    served = {
        name.removeprefix(package.__name__): inspect.getsource(m) for name, m in modules.items()
    }
    emitted = {}
    for path, text in tree.items():
        if path.startswith("app/") and path.endswith(".py"):
            parts = path.removesuffix(".py").split("/")[1:]
            parts = parts[:-1] if parts[-1] == "__init__" else parts
            emitted["".join(f".{part}" for part in parts)] = text
    assert served.items() <= emitted.items()
    imported = {name for name in emitted if ".kit" not in name and name != ".__main__"}
    assert imported <= served.keys()
    unload(package)


def test_both_say_the_same_to_openapi(
    tree: SourceTree, project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    package = import_tree(tree)
    served = importlib.import_module(f"{package.__name__}.main").create_app().openapi()
    unload(package)
    (tmp_path / "ask.py").write_text(OPENAPI)
    emitted = json.loads(run_alone(tmp_path, str(tmp_path / "ask.py"), str(project), cwd=tmp_path))
    assert json.loads(json.dumps(served)) == emitted
    assert json.dumps(served) == json.dumps(emitted)


@pytest.mark.parametrize(
    "command",
    [
        ("ruff", "format", "--check", "--no-cache"),
        ("ruff", "check", "--no-cache"),
        pytest.param(
            ("pytest", "-q", "-p", "no:cacheprovider", "-W", "error"), marks=pytest.mark.slow
        ),
    ],
    ids=lambda command: " ".join(command[:2]),
)
def test_the_project_stands_alone(project: Path, tmp_path: Path, command: tuple[str, ...]) -> None:
    run_alone(tmp_path, "-m", *command, cwd=project)


@pytest.fixture(scope="module")
def without_driver(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make an environment of all that is installed but psycopg; return its Python."""
    folder = tmp_path_factory.mktemp("without_driver")
    venv.create(folder, symlinks=True)
    installed, here = (
        Path(sysconfig.get_path("purelib", "venv", {"base": base}))
        for base in (sys.prefix, str(folder))
    )
    for entry in installed.iterdir():
        if not entry.name.startswith("psycopg"):
            (here / entry.name).symlink_to(entry)
    return folder / "bin/python"


@pytest.mark.long
@pytest.mark.slow
def test_mypy_needs_no_driver_of_postgresql(
    project: Path, tmp_path: Path, without_driver: Path, mypy_cache: Path
) -> None:
    """It is content with what `pip install '.[test]'` installs."""
    python = f"--python-executable={without_driver}"
    run_alone(tmp_path, "-m", "mypy", "--strict", f"--cache-dir={mypy_cache}", python, cwd=project)


@pytest.mark.long
@pytest.mark.slow
@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_the_kit_is_clean(
    root: Path, tmp_path: Path, mypy_cache: Path, form: KitForm
) -> None:
    schema = replace(load(root / SPECS["zoo"]), kit=form)
    project = write(render(schema), tmp_path / "project")
    for tool, *arguments in CHECKS:
        command = (tool, *arguments, *([f"--cache-dir={mypy_cache}"] if tool == "mypy" else []))
        if form is KitForm.PLAIN:
            run_alone(tmp_path, "-m", *command, cwd=project)
        else:
            done = subprocess.run(
                [sys.executable, "-m", *command],
                cwd=project,
                env=os.environ | PYTEST_OPTIONS,
                capture_output=True,
                check=False,
            )
            assert done.returncode == 0, done.stdout


def test_a_library_needs_little_code(root: Path) -> None:
    tree = render(replace(load(root / "entities"), kit=KitForm.LIBRARY))
    assert not any(path.startswith("app/kit") for path in tree)
    assert sum(len(text.splitlines()) for text in tree.values()) <= 700
    assert f"crudgen=={crudgen.__version__}" in tree["pyproject.toml"]


def test_alone_means_without_crudgen(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="crudgen"):
        run_alone(tmp_path, "-c", "import crudgen", cwd=Path(os.sep))


def test_nothing_generated_imports_crudgen(tree: SourceTree) -> None:
    for path, text in tree.items():
        assert not re.search(r"(import|from)\s+crudgen", text), path


def test_a_failure_shows_the_generated_line(root: Path) -> None:
    tree = render(load(root / "entities"))
    package = import_tree(tree)
    routes = importlib.import_module(f"{package.__name__}.heroes.routes")
    with pytest.raises(AttributeError) as caught:
        routes.read_hero(hero_id=1, db=None).send(None)
    text = "".join(traceback.format_exception(caught.value))
    source = tree["app/heroes/routes.py"].splitlines()
    line = source.index("    return await heroes.read(db, hero_id)") + 1
    assert f'File "<{package.__name__}>/heroes/routes.py", line {line}, in read_hero' in text
    assert "return await heroes.read(db, hero_id)" in text
    models = importlib.import_module(f"{package.__name__}.heroes.models")
    shown = inspect.getsource(models.Hero)
    assert shown.startswith("class Hero(HeroBase, table=True):\n")
    assert shown in tree["app/heroes/models.py"]
    unload(package)
