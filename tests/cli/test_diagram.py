"""`crudgen diagram`: its formats, its file, and the names of entities."""

from pathlib import Path

import pytest

from tests.cli.test_cli import Project

TEAM = "name: Team\nfields:\n  name: str\n"
HERO = "name: Hero\nfields:\n  name: str\n  team_id: -> Team?\n"
LINE = '    "Hero" }o--o| "Team" : "team / heroes"\n'


@pytest.fixture
def project(tmp_path: Path) -> Project:
    project = Project(tmp_path)
    project.write("entities/hero.yaml", HERO)
    project.write("entities/team.yaml", TEAM)
    return project


def test_a_diagram_is_printed_or_written(project: Project) -> None:
    printed = project.run("diagram").stdout
    assert printed.startswith('erDiagram\n    "Hero" {\n        int id PK\n')
    assert printed.endswith(LINE)
    done = project.run("diagram", "--out", "hero.svg", "hero", "TEAM")
    assert done.stdout == "wrote hero.svg: 2 entities, 1 relation\n"
    assert project.read("hero.svg") == project.run("diagram", "--format", "svg").stdout
    project.run("diagram", "--out", "hero.svg", "--format", "mermaid")
    assert project.read("hero.svg") == printed
    assert LINE not in project.run("diagram", "Hero").stdout


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["Heroes"], 2, "error: there is no entity 'Heroes'\n  did you mean 'Hero'?\n"),
        (
            ["entities"],
            2,
            """\
error: there is no entity 'entities'
  give the folder of the entities with: --entities entities
""",
        ),
        (
            ["--out", "none/hero.svg"],
            1,
            "error: none/hero.svg cannot be written: No such file or directory\n",
        ),
    ],
)
def test_mistakes_are_reported(
    project: Project, arguments: list[str], code: int, message: str
) -> None:
    assert project.run("diagram", *arguments, code=code).stderr == message


def test_an_invalid_spec_is_reported(project: Project) -> None:
    project.write("entities/team.yaml", "name: Team\nfields:\n  name: strng\n")
    assert "team.yaml:3:9: unknown type" in project.run("diagram", code=1).stderr
