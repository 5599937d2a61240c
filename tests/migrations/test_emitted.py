"""`migrations: true` adds files to a project, and changes nothing else of it."""

import subprocess
import sys
import tomllib
from dataclasses import replace
from pathlib import Path

import pytest

from crudgen.codegen import render
from crudgen.codegen.needs import MissingLine
from crudgen.language import load_texts
from crudgen.language.schema import KitForm, Schema
from tests.codegen.emitted import run_alone
from tests.migrations.written import REVISIONS, project

TEXTS = {"hero.yaml": "name: Hero\nfields: {name: str}\n"}
OWN = {
    "app/kit/database/migrations.py",
    "migrations/__init__.py",
    "migrations/env.py",
    "migrations/environment.py",
    "migrations/script.py.mako",
    "migrations/steps.py",
    "migrations/table_text.py",
    "migrations/transactions.py",
    "tests/test_migrations.py",
}


def with_migrations(texts: dict[str, str] = TEXTS, kit: KitForm = KitForm.VENDORED) -> Schema:
    return replace(load_texts(texts), migrations=True, kit=kit)


def test_the_key_is_read() -> None:
    assert load_texts(TEXTS, "migrations: true\n").migrations
    assert not load_texts(TEXTS, "migrations: false\n").migrations
    assert not load_texts(TEXTS).migrations


def test_other_projects_have_none_of_it() -> None:
    usual, more = render(load_texts(TEXTS)), render(with_migrations())
    assert {*more} - {*usual} == OWN
    changed = {path for path in usual if usual[path] != more[path]}
    assert changed == {"Dockerfile", "README.md", "app/settings.py", "pyproject.toml"}
    outside = "".join(text for path, text in usual.items() if not path.startswith("app/kit/"))
    assert "migration" not in outside
    assert "alembic" not in outside


@pytest.mark.parametrize("kit", KitForm)
def test_a_project_requires_and_configures_alembic(kit: KitForm) -> None:
    found = tomllib.loads(render(with_migrations(kit=kit))["pyproject.toml"])
    assert any(one.startswith("alembic>=") for one in found["project"]["dependencies"])
    assert found["tool"]["alembic"]["script_location"] == "%(here)s/migrations"
    assert "migrations" in found["tool"]["mypy"]["files"]


def test_a_former_pyproject_lacks_the_requirement_and_the_configuration() -> None:
    before = render(load_texts(TEXTS))["pyproject.toml"]
    file = next(one for one in render(with_migrations()).files if one.path == "pyproject.toml")
    found = [line for need in file.needs for line in need.missing_lines(before)]
    assert found == [
        MissingLine('"alembic>=1.20,<1.21",', "in [project] dependencies"),
        MissingLine('script_location = "%(here)s/migrations"', "in [tool.alembic]"),
        MissingLine('prepend_sys_path = ["%(here)s"]', "in [tool.alembic]"),
    ]


def test_an_entity_may_be_a_migration() -> None:
    tree = render(with_migrations({"one.yaml": "name: Migration\nfields: {name: str}\n"}))
    assert "alembic" in tree["tests/test_migrations_.py"]
    assert "/migrations" in tree["tests/test_migrations.py"]


@pytest.mark.parametrize("kit", KitForm)
def test_the_code_is_clean(tmp_path: Path, kit: KitForm) -> None:
    folder = project(tmp_path / "project", REVISIONS, kit).folder
    for arguments in (("format", "--check"), ("check",)):
        command = [sys.executable, "-m", "ruff", *arguments, "--no-cache"]
        done = subprocess.run(command, cwd=folder, capture_output=True, check=False)
        assert done.returncode == 0, done.stdout


@pytest.mark.long
@pytest.mark.slow
def test_a_project_with_revisions_passes_its_checks(
    tmp_path: Path, mypy_cache: Path, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEST_DATABASE_URL", database)
    folder = project(tmp_path / "project").folder
    run_alone(tmp_path, "-m", "mypy", f"--cache-dir={mypy_cache}", cwd=folder)
    command = ("pytest", "-q", "-p", "no:cacheprovider", "-W", "error")
    assert "skipped" not in run_alone(tmp_path, "-m", *command, cwd=folder)


def test_the_test_of_a_project_without_revisions_says_what_to_do(tmp_path: Path) -> None:
    found, url = project(tmp_path / "project", {}), "sqlite:///unused.db"
    found.upgrade(url)
    command = ("pytest", "-q", "-p", "no:cacheprovider", "tests/test_migrations.py")
    done = found.run(url, *command)
    assert done.returncode == 1
    assert 'there is no revision: run `crudgen revision -m "first"`' in done.stdout
