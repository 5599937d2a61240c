"""Writes source trees, and runs the tools of a generated project where crudgen does not exist."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

PYTEST_OPTIONS = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTEST_ADDOPTS": "-p anyio"}
"""For pytest in a generated project: the plugins of this project's tests take long to import."""

NO_CRUDGEN = "import sys\nsys.modules['crudgen'] = None\n"


def write(tree: Mapping[str, str], folder: Path) -> Path:
    for path, text in tree.items():
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(text.encode("utf-8"))
    return folder


def files(folder: Path) -> dict[str, str]:
    """Read every file of a project, but what its tools leave behind."""
    found = {file.relative_to(folder).as_posix(): file for file in folder.rglob("*")}
    left = ("__pycache__", ".mypy_cache", ".ruff_cache", ".pytest_cache", ".crudgen")
    return {
        path: file.read_bytes().decode("utf-8")
        for path, file in found.items()
        if file.is_file() and not any(part.startswith(left) for part in path.split("/"))
    }


def run_alone(folder: Path, *command: str, cwd: Path | None = None) -> str:
    """Run a Python module or script in a process that cannot import crudgen; return its output."""
    place = folder / "alone"
    place.mkdir(exist_ok=True)
    (place / "sitecustomize.py").write_text(NO_CRUDGEN)
    done = subprocess.run(
        [sys.executable, *command],
        cwd=cwd,
        env={
            **os.environ,
            **PYTEST_OPTIONS,
            "PYTHONPATH": str(place),
            "PYTHONDONTWRITEBYTECODE": "1",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-6000:]
    return done.stdout
