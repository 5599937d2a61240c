"""Generated code is what ruff would make of it, at the extremes of what the language allows."""

import os
import subprocess
from pathlib import Path

import pytest

from crudgen.codegen import render
from crudgen.codegen.layout import WIDTH
from crudgen.language.schema import Schema
from crudgen.language.types import TYPES
from tests.codegen.emitted import run_alone, write
from tests.support.random_specs import random_schema

SEEDS = int(os.environ.get("SEEDS", "2"))
"""How many projects of 60 random entities are formatted, and how many of 3 run their tests."""

IMPORT = """
import sys, warnings
from sqlalchemy import create_engine
from app.kit.models import Model
from app.main import create_app
sys.dont_write_bytecode = True
warnings.simplefilter("error")
# The default of a binary field need not be text, and is then not documented.
warnings.filterwarnings("ignore", "Default value b.* is not JSON serializable")
paths = create_app().openapi()["paths"]
Model.metadata.create_all(create_engine("sqlite://"))
assert "crudgen" not in sys.modules or sys.modules["crudgen"] is None
print(len(Model.metadata.tables.keys() - {"_answer", "_write_lock"}), len(paths) > 0)
"""


@pytest.mark.long
@pytest.mark.long_cases("1")
@pytest.mark.parametrize("seed", range(SEEDS))
def test_ruff_has_nothing_to_change(seed: int, tmp_path: Path) -> None:
    schema = random_schema(seed, entities=60)
    tree = render(schema)
    for path, text in tree.items():
        if path.endswith(".py"):
            compile(text, path, "exec")
    folder = write(tree, tmp_path / "project")
    for command in (["format", "--diff"], ["check", "--output-format", "concise"]):
        done = subprocess.run(
            ["ruff", *command, "--no-cache"],
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout[:6000] + done.stderr[-500:]


@pytest.mark.long
@pytest.mark.slow
def test_extremes_are_in_it() -> None:
    """Show that the random specs hold every type with every flag, and the longest names."""
    fields = [
        field
        for seed in range(3)
        for entity in random_schema(seed, entities=60).entities
        for field in (*entity.fields, *entity.computed)
    ]
    for name, info in TYPES.items():
        of_type = [field for field in fields if field.type is name]
        assert {field.optional for field in of_type} == {False, True}
        for flag in info.flags:
            assert any(getattr(field, flag) for field in of_type), (name, flag)
        assert any(field.example for field in of_type)
        assert any(field.default and not field.optional for field in of_type)
        assert any(len(field.name) >= 58 for field in of_type)


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> tuple[Schema, Path]:
    """One project with many random entities."""
    schema = random_schema(0, entities=60)
    return schema, write(render(schema), tmp_path_factory.mktemp("sample") / "project")


@pytest.mark.long
@pytest.mark.slow
def test_mypy_is_content(sample: tuple[Schema, Path], mypy_cache: Path) -> None:
    _, folder = sample
    run_alone(folder.parent, "-m", "mypy", f"--cache-dir={mypy_cache}", cwd=folder)


@pytest.mark.long
@pytest.mark.slow
def test_models_import_and_make_tables(sample: tuple[Schema, Path]) -> None:
    schema, folder = sample
    (folder.parent / "check.py").write_text(
        f"import sys\nsys.path.insert(0, {str(folder)!r})\n{IMPORT}"
    )
    output = run_alone(folder.parent, str(folder.parent / "check.py"), cwd=folder)
    assert output == f"{len(schema.entities)} True\n"


def test_lines_fit(sample: tuple[Schema, Path]) -> None:
    """Only a text, or a line for readers, may be longer than a line."""
    schema, _ = sample
    for path, text in render(schema).items():
        if path.endswith("models.py") and "/kit/" not in path:
            long = [line for line in text.splitlines() if len(line) > WIDTH]
            assert not [line for line in long if '"' not in line and "'" not in line]


@pytest.mark.long
@pytest.mark.slow
@pytest.mark.parametrize("seed", range(200, 200 + SEEDS))
def test_the_tests_of_random_projects_pass(seed: int, tmp_path: Path) -> None:
    folder = write(render(random_schema(seed, entities=3)), tmp_path / "project")
    run_alone(tmp_path, "-m", "pytest", "-q", "-p", "no:cacheprovider", cwd=folder)
