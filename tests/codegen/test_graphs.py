"""Projects with references and links are clean, whatever they refer to, in every form of the kit.

`GRAPHS=20` checks 20 random graphs.
"""

import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from crudgen.codegen import render
from crudgen.language import load
from crudgen.language.schema import KitForm
from tests.codegen.emitted import PYTEST_OPTIONS, run_alone, write
from tests.support.random_graphs import random_graph

pytestmark = pytest.mark.long

GRAPHS = int(os.environ.get("GRAPHS", "3"))
"""How many random graphs are checked."""
COMPANY = "tests/specs/company/entities"
TOOLS = (
    ("ruff", "format", "--check", "--no-cache"),
    ("ruff", "check", "--no-cache"),
    ("mypy", "--strict"),
    ("pytest", "-q", "-p", "no:cacheprovider", "-W", "error"),
)


@pytest.fixture(scope="module")
def graphs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write the packages of random graphs side by side: one process checks all of them."""
    folder = tmp_path_factory.mktemp("graphs")
    for seed in range(GRAPHS):
        tree = render(replace(random_graph(seed), kit=KitForm.LIBRARY))
        own = {path: text for path, text in tree.items() if path.startswith("app/")}
        write({path.replace("app", f"graph{seed}", 1): text for path, text in own.items()}, folder)
        (folder / "pyproject.toml").write_text(tree["pyproject.toml"])
    return folder


@pytest.mark.parametrize("command", TOOLS[:2], ids=" ".join)
def test_ruff_has_nothing_to_change(graphs: Path, command: tuple[str, ...]) -> None:
    run(command, graphs)


@pytest.mark.slow
def test_mypy_finds_nothing(graphs: Path, mypy_cache: Path) -> None:
    packages = [path.name for path in graphs.iterdir() if path.is_dir()]
    run(("mypy", "--strict", f"--cache-dir={mypy_cache}", *packages), graphs)


@pytest.mark.long
@pytest.mark.slow
@pytest.mark.parametrize("form", [KitForm.PLAIN, KitForm.LIBRARY])
def test_a_company_is_clean(root: Path, tmp_path: Path, mypy_cache: Path, form: KitForm) -> None:
    """Check circles, two references to one entity, keys of each type, and names in two cases."""
    project = write(render(replace(load(root / COMPANY), kit=form)), tmp_path / "project")
    for command in TOOLS:
        cached = (*command, f"--cache-dir={mypy_cache}") if "mypy" in command else command
        if form is KitForm.PLAIN:
            run_alone(tmp_path, "-m", *cached, cwd=project)
        else:
            run(cached, project)


def run(command: tuple[str, ...], folder: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", *command],
        cwd=folder,
        env=os.environ | PYTEST_OPTIONS,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]


def test_a_spec_without_relations_emits_none_of_it(root: Path) -> None:
    tree = render(load(root / "entities"))
    texts = "".join(text for path, text in tree.items() if "/kit/" not in path)
    assert not {"app/models.py", "app/heroes/links.py", "tests/sample_rows.py"} & {*tree}
    assert not re.search(r"foreign_key|Relationship|TYPE_CHECKING|sample_rows", texts)
