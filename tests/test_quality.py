"""The repository is clean: lint, format and types; generated/ is what the Hero generates."""

import ast
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


def test_engines_of_tests_keep_no_connection() -> None:
    """A connection that is left open is reported in another test, when it is collected."""
    kept = []
    for path in sorted((ROOT / "tests").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
                continue
            if node.func.id not in {"create_engine", "create_async_engine"}:
                continue
            url = node.args[0]
            pool = {"poolclass", "pool_size"} & {one.arg for one in node.keywords}
            if not pool and not (isinstance(url, ast.Constant) and url.value == "sqlite://"):
                kept.append(f"{path.relative_to(ROOT)}:{node.lineno}: write poolclass=NullPool")
    assert kept == []
