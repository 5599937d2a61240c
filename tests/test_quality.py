"""The repository is clean: lint, format and types; generated/ is what the Hero generates."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
CHECKS = (
    ("ruff", "check"),
    ("ruff", "format", "--check"),
    ("mypy",),
    ("crudgen", "check", "--out", "generated"),
)


@pytest.mark.parametrize("command", CHECKS, ids=" ".join)
def test_the_repository_is_clean(command: tuple[str, ...], request: pytest.FixtureRequest) -> None:
    if command == ("mypy",) and not (ROOT / ".mypy_cache").exists():
        cache = request.getfixturevalue("mypy_cache")  # it has the libraries of generated code
        command = ("mypy", f"--cache-dir={cache}")
    done = subprocess.run(
        [sys.executable, "-m", *command], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
