"""`crudgen emit` and `crudgen check` leave revisions alone."""

from pathlib import Path

import pytest

from tests.cli.test_cli import Project

ON = "migrations: true\n"
VERSION = "generated/migrations/versions/0001_first.py"


@pytest.fixture
def project(tmp_path: Path) -> Project:
    found = Project(tmp_path)
    found.write("crudgen.yaml", ON)
    found.run("emit")
    found.run("revision", "-m", "first")
    return found


def files(project: Project) -> set[str]:
    folder = project.folder / "generated" / "migrations"
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_revisions_are_kept(project: Project) -> None:
    before = project.read(VERSION)
    project.run("check")
    project.write("entities/hero.yaml", project.read("entities/hero.yaml") + "  motto: str?\n")
    for arguments in ((), ("--force",), ("--prune",)):
        project.run("emit", *arguments)
        assert project.read(VERSION) == before


def test_they_are_kept_when_migrations_are_removed(project: Project) -> None:
    project.write("crudgen.yaml", "title: The shop\n")
    project.run("emit", "--prune")
    assert files(project) == {"versions/0001_first.py"}
    project.run("check")
    project.write("crudgen.yaml", ON)
    project.run("emit")
    assert {"env.py", "steps.py", "versions/0001_first.py"} < files(project)


def test_edits_of_the_environment_are_merged(project: Project) -> None:
    path = "generated/migrations/env.py"
    project.write(path, project.read(path) + "\n# mine\n")
    project.write("crudgen.yaml", f"{ON}kit: library\n")
    project.run("emit")
    text = project.read(path)
    assert "from crudgen.kit.database.migrations import connect" in text
    assert text.endswith("# mine\n")
