"""A project in which everyday names meet those of Python, FastAPI, SQLModel and the application.

`EVERY=1 python -m pytest tests/codegen/test_everyday.py` is the extended run, with all entities.
"""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from crudgen.codegen import render
from crudgen.language import load_texts
from crudgen.language.schema import KitForm
from tests.codegen.emitted import PYTEST_OPTIONS, write

OPERATIONS = "[create, list, read, update, replace, delete, create_many, update_many, delete_many]"
FIELDS = """
  type: enum(a, b) = a
  date: date = 2024-02-29
  time: time = 12:30:00
  datetime: datetime = 2024-02-29T12:30:00Z
  utc_now: datetime = now read_only touch
  uuid: uuid = 0190b0f0-0000-7000-8000-000000000001
  decimal: {type: decimal, precision: 4, scale: 2, default: 1.5, min: 0.5}
  int: int(1..9)
  float: float = 1.5
  str: str(1..80) index
  bool: bool = false
  bytes: bytes(..9)?
  list: str(1..9)? unique
  set: json?
  column: str write_only
  func: int? immutable
  object: url?
  class: str(1..9) = a
  metadata: json?
  json: int?
  copy: bool = true
  schema: date? index
  from: datetime = now read_only
  self: int = 1
  cls: int = 2
  dict: enum(c, d) = d
  count: int(0..9) = 3
  limit: int = 4
"""
PLURALS = {
    "Class": None,
    "Exception": None,
    "Field": None,
    "Index": None,
    "Literal": None,
    "Model": None,
    "Path": None,
    "Request": None,
    "Resource": None,
    "Setting": None,
    "Test": None,
    "TestId": None,
    "TestQuery": None,
    "Alpha": "api",
    "Beta": "db",
    "Delta": "list",
    "Epsilon": "con",
    "Zeta": "pass",
}
"""Entities, and their plurals if these are not derived."""
EVERY = int(os.environ.get("EVERY", "12"))
CHECKS = (
    ("ruff", "format", "--check", "--no-cache"),
    ("ruff", "check", "--no-cache"),
    ("mypy", "--strict"),
    ("pytest", "-q", "-p", "no:cacheprovider", "-W", "error"),
)

OWN_TEST = """
from app.tests.models import Test, TestCreate, TestPublic, TestUpdate, TestUpdateById


def test_pytest_does_not_collect_models() -> None:
    models = (Test, TestCreate, TestPublic, TestUpdate, TestUpdateById)
    assert all(model.__name__.startswith("Test") for model in models)


def test_models_take_attributes() -> None:
    row = TestCreate(class_="b", metadata_={}, copy_=False, int=1, str="s", column="c")
    assert (row.class_, row.copy_) == ("b", False)
    assert row.model_dump(by_alias=True)["class"] == "b"
"""

pytestmark = pytest.mark.slow


def spec(name: str, plural: str | None) -> str:
    line = f"plural: {plural}\n" if plural else ""
    api = f"{{operations: {OPERATIONS}, search: [str], idempotency: {str(name < 'M').lower()}}}"
    return f"name: {name}\n{line}fields:{FIELDS}api: {api}\n"


@pytest.mark.long
@pytest.mark.parametrize(
    ("form", "checks"),
    [(KitForm.PLAIN, CHECKS), (KitForm.LIBRARY, CHECKS[:3])],
    ids=["plain", "library"],
)
def test_everyday_names_work(
    tmp_path: Path, mypy_cache: Path, form: KitForm, checks: tuple[tuple[str, ...], ...]
) -> None:
    some = list(PLURALS.items())[list(PLURALS).index("Test") % EVERY :: EVERY]
    texts = {f"{name}.yaml": spec(name, plural) for name, plural in some}
    project = write(render(replace(load_texts(texts), kit=form)), tmp_path / "project")
    (project / "tests" / "test_own.py").write_text(OWN_TEST.lstrip())
    for tool, *arguments in checks:
        done = subprocess.run(
            [
                sys.executable,
                "-m",
                tool,
                *arguments,
                *([f"--cache-dir={mypy_cache}"] if tool == "mypy" else []),
            ],
            cwd=project,
            env=os.environ | PYTEST_OPTIONS,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
