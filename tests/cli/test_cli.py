import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import crudgen
from tests.support import forked

HERO = """\
name: Hero
fields:
  name: str(1..80) index
  age: int(0..)? index
"""
BROKEN = "name: Hero\nfields:\n  name: strng(1..80)\n"
ENVIRONMENT = {k: v for k, v in os.environ.items() if k not in {"NO_COLOR", "FORCE_COLOR"}}


class Project:
    """A folder in which commands run as a user runs them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.write("entities/hero.yaml", HERO)

    def write(self, path: str, text: str) -> None:
        (self.folder / path).parent.mkdir(parents=True, exist_ok=True)
        (self.folder / path).write_text(text, "utf-8")

    def read(self, path: str) -> str:
        return (self.folder / path).read_text("utf-8")

    def run(
        self, *arguments: str, code: int = 0, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        if environment:  # Typer reads variables when it is imported
            done = subprocess.run(
                [sys.executable, "-m", "crudgen", *arguments],
                cwd=self.folder,
                env={**ENVIRONMENT, **environment},
                capture_output=True,
                text=True,
                check=False,
                timeout=180,
            )
        else:
            done = forked.run("crudgen", *arguments, folder=self.folder, environment=ENVIRONMENT)
        assert done.returncode == code, done.stdout + done.stderr
        assert "Traceback (most" not in done.stdout + done.stderr
        assert "\x1b" not in done.stdout + done.stderr or "FORCE_COLOR" in environment
        return done


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


def test_help_and_version(project: Project) -> None:
    assert project.run("--help").stdout == project.run("-h").stdout
    assert project.run("--version").stdout == f"crudgen {crudgen.__version__}\n"
    for command in (
        "serve",
        "emit",
        "check",
        "own",
        "disown",
        "init",
        "new",
        "explain",
        "schema",
        "diagram",
    ):
        assert f"  crudgen {command}" in project.run(command, "-h").stdout


def test_version_is_the_projects() -> None:
    text = (Path(__file__).parents[2] / "pyproject.toml").read_text()
    assert f'version = "{crudgen.__version__}"' in text


@pytest.mark.parametrize(
    "arguments",
    [
        ["nonsense"],
        ["emit", "--nonsense"],
        ["emit", "--ours", "app/main.py"],
        ["emit", "--theirs", "app/nothing.py"],
        ["emit", "--ours", "app/api.py", "--theirs", "generated/app/api.py"],
        ["own"],
        ["disown"],
        ["serve", "--port", "70000"],
        ["serve", "--port", "http"],
        ["serve", "--workers", "0"],
        ["serve", "--workers", "2", "--reload"],
        ["serve", "--workers", "2", "--follow"],
        ["serve", "--no-reload", "--follow"],
        ["explain"],
        ["explain", "nothing.yaml"],
        ["new"],
        ["new", "../Team"],
        ["new", "Team", "name"],
        ["new", "Team", "name:str", "name:int"],
    ],
)
def test_wrong_usage_exits_with_2(project: Project, arguments: list[str]) -> None:
    assert project.run(*arguments, code=2).stderr


@pytest.mark.parametrize("command", ["emit", "check", "serve", "explain"])
def test_a_broken_spec_exits_with_1_and_shows_the_place(project: Project, command: str) -> None:
    project.write("entities/hero.yaml", BROKEN)
    arguments = ["entities/hero.yaml"] if command == "explain" else []
    done = project.run(command, *arguments, code=1)
    assert done.stdout == ""
    assert done.stderr.startswith("entities/hero.yaml:3:9: ")
    assert "^^^^^" in done.stderr


@pytest.mark.parametrize("command", ["emit", "check", "serve"])
def test_a_missing_folder_is_said_so(project: Project, command: str) -> None:
    done = project.run(command, "nowhere", code=1)
    assert "nowhere" in done.stderr
    assert "crudgen init" in done.stderr


@pytest.mark.parametrize("name", ["SuperHero", "super_hero", "superhero", "entities/super-hero"])
@pytest.mark.parametrize(("command", "code"), [("check", 1), ("emit", 1), ("explain", 2)])
def test_the_name_of_an_entity_leads_to_its_file(
    project: Project, command: str, code: int, name: str
) -> None:
    project.write("entities/super_hero.yaml", "name: SuperHero\nfields:\n  name: str\n")
    said = project.run(command, name, code=code).stderr
    assert str(Path("entities/super_hero.yaml")) in said
    assert "entities/super_hero.yaml" not in project.run(command, "villain", code=code).stderr


def test_a_check_of_the_project_names_the_folder_of_entities(project: Project) -> None:
    project.run("init", "new")
    said = project.run("check", "new", code=1).stderr
    assert "entities: a subfolder" in said
    assert "give this folder" in said
    assert "crudgen.schema.json" not in said


def test_a_long_path_stays_on_one_line(project: Project) -> None:
    folder = "a_long_name_of_a_folder" * 5
    project.write(f"{folder}/hero.yaml", BROKEN)
    done = project.run("check", folder, code=1, COLUMNS="40")
    assert done.stderr.startswith(f"{folder}/hero.yaml:3:9: ")


def test_what_a_spec_says_commands_no_terminal(project: Project) -> None:
    project.write(
        "entities/hero.yaml", 'name: Hero\nfields:\n  name: "[bold]x[/] \\e[31m :smile:"\n'
    )
    project.write("entities/team.yaml", "name: Team\nfields:\n  name: \x1b[31m\n")
    done = project.run("check", code=1, FORCE_COLOR="1")
    assert "[bold]x[/]" in done.stderr
    assert ":smile:" in done.stderr
    assert "\x1b[31m" not in re.sub(r"\x1b\[31m(: |error)", "", done.stderr)


def test_colours_are_for_terminals(project: Project) -> None:
    project.write("entities/hero.yaml", BROKEN)
    assert "\x1b[" in project.run("check", code=1, FORCE_COLOR="1").stderr
    assert "\x1b[3" not in project.run("check", code=1, FORCE_COLOR="1", NO_COLOR="1").stderr


def test_emit_writes_keeps_and_prunes(project: Project) -> None:
    assert "created" in project.run("emit").stdout
    assert "unchanged" in project.run("emit").stdout
    project.write("generated/app/main.py", "mine = 1\n")
    project.write("entities/team.yaml", HERO.replace("Hero", "Team"))
    project.run("emit")
    assert project.read("generated/app/main.py") == "mine = 1\n"
    (project.folder / "entities/team.yaml").unlink()
    assert "no longer generated: generated/app/teams/models.py" in project.run("emit").stdout
    assert "--prune" in project.run("check", code=1).stderr
    assert "removed" in project.run("emit", "--prune").stdout
    assert not (project.folder / "generated/app/teams").exists()
    project.run("check")


def test_dry_run_shows_a_diff_and_writes_nothing(project: Project) -> None:
    done = project.run("emit", "--dry-run")
    assert "+++ b/app/heroes/models.py" in done.stdout
    assert not (project.folder / "generated").exists()


def test_check_of_the_spec_alone(project: Project) -> None:
    done = project.run("check")
    assert done.stdout.count("\n") == 1
    assert "only the spec was checked" in done.stdout
    assert "no such folder" in project.run("check", "--out", "generated", code=1).stderr


def test_check_of_the_generated_code(project: Project) -> None:
    project.run("emit", "--out", "api")
    assert project.run("check", "--out", "api").stdout == "entities: 1 entity; api is up to date\n"
    project.write("entities/team.yaml", HERO.replace("Hero", "Team"))
    done = project.run("check", "--out", "api", code=1)
    assert "api/app/api.py: out of date" in done.stderr
    assert "api/app/teams/models.py: missing" in done.stderr
    assert "crudgen emit --out api" in done.stderr


def test_check_for_programs(project: Project) -> None:
    report = json.loads(project.run("check", "--json").stdout)
    assert report == {
        "ok": True,
        "entities": ["Hero"],
        "out": None,
        "diagnostics": [],
        "notes": [],
    }
    project.run("emit")
    project.write("generated/app/api.py", "mine = 1\n")
    report = json.loads(project.run("check", "--json").stdout)
    assert report["ok"] is True
    assert report["files"]["edited"] == ["app/api.py"]
    project.write("entities/team.yaml", HERO.replace("Hero", "Team"))
    report = json.loads(project.run("check", "--json", code=1).stdout)
    assert report["ok"] is False
    assert report["files"]["conflict"] == ["app/api.py"]
    project.write("entities/hero.yaml", BROKEN)
    report = json.loads(project.run("check", "--json", code=1).stdout)
    assert report["ok"] is False
    assert report["diagnostics"][0]["file"] == "entities/hero.yaml"
    assert (report["diagnostics"][0]["line"], report["diagnostics"][0]["column"]) == (3, 9)


def test_check_prints_notes(project: Project) -> None:
    project.write("entities/hero.yaml", "name: Hero\nfields: {name: str, team_id: -> Team?}\n")
    team = "name: Team\nfields: {name: str}\napi: {related: [heroes__any__name]}\n"
    project.write("entities/team.yaml", team)
    note = "team.yaml: 'heroes__any__name' has no index: add 'index' to 'name' in hero.yaml"
    assert project.run("check").stdout.splitlines()[1] == f"note: {note}"
    assert json.loads(project.run("check", "--json").stdout)["notes"] == [note]


def test_init_new_and_check(project: Project) -> None:
    project.run("init", "fresh")
    fresh = Project.__new__(Project)
    fresh.folder = project.folder / "fresh"
    fresh.run("check")
    fresh.run(
        "new",
        "HeroTeam",
        "name:str(1..80) unique",
        'motto:str = "a: b # c"',
        "on_duty:bool",
        "code:str(3..3) pattern([A-Z]+)",
        "size:str? pattern('(S|M)') doc(a: b)",
    )
    assert fresh.read("entities/hero_team.yaml").startswith("# yaml-language-server: ")
    assert "HeroTeam" in fresh.run("check", "--json").stdout
    assert "exists" in fresh.run("new", "HeroTeam", "name:str", code=1).stderr
    fresh.write("entities/hero.yaml", "mine")
    assert "kept" in fresh.run("init").stdout
    assert fresh.read("entities/hero.yaml") == "mine"


@pytest.mark.parametrize(
    ("folder", "first_line"),
    [
        ("entities", "# yaml-language-server: $schema=../crudgen.schema.json"),
        ("services/shop/entities", "# yaml-language-server: $schema=../../../crudgen.schema.json"),
        ("services/../entities", "# yaml-language-server: $schema=../crudgen.schema.json"),
        ("other/entities", "name: Team"),
        ("own/entities", "# yaml-language-server: $schema=../crudgen.schema.json"),
    ],
)
def test_new_names_the_nearest_schema(project: Project, folder: str, first_line: str) -> None:
    """That of another repository is not used."""
    project.write("crudgen.schema.json", "{}")
    project.write("own/crudgen.schema.json", "{}")
    project.write("other/.git/HEAD", "")
    project.write("services/README.md", "")
    project.run("new", "Team", "name:str", "--entities", folder)
    assert project.read(f"{folder}/team.yaml").splitlines()[0] == first_line


def test_check_notes_the_schema_of_another_version(project: Project) -> None:
    project.write("crudgen.schema.json", project.run("schema").stdout)
    for spec in ("entities", "entities/hero.yaml"):
        assert "schema" not in project.run("check", spec).stdout
    for other in ("{}", "no JSON"):
        project.write("crudgen.schema.json", other)
        note = (
            "crudgen.schema.json is from another version of crudgen\n"
            "  update it with: crudgen schema > "
        )
        assert note in project.run("check").stdout
        assert json.loads(project.run("check", "--json").stdout)["ok"]


def test_check_notes_a_schema_of_seeds_that_lacks_a_field(project: Project) -> None:
    project.write("seeds.schema.json", project.run("schema", "--seeds").stdout)
    assert "schema" not in project.run("check").stdout
    project.write("entities/team.yaml", "name: Team\nfields: {name: str}\n")
    note = (
        "seeds.schema.json is from another spec or version of crudgen\n"
        "  update it with: crudgen schema --seeds > seeds.schema.json"
    )
    for spec in ("entities", "entities/team.yaml"):
        assert note in project.run("check", spec).stdout


def test_new_does_not_nest_the_folder_of_entities(project: Project) -> None:
    inside = Project.__new__(Project)
    inside.folder = project.folder / "entities"
    assert "--entities ." in inside.run("new", "Team", "name:str", code=1).stderr
    inside.run("new", "Team", "name:str", "--entities", ".")
    project.run("check")


@pytest.mark.parametrize("field", ["name:strng", "Class:str", "name:str: x", "a b:str", "id_:@"])
def test_new_writes_only_what_is_valid(project: Project, field: str) -> None:
    assert project.run("new", "Team", field, code=1).stderr.startswith("entities/team.yaml:")
    assert not (project.folder / "entities/team.yaml").exists()


def test_explain_and_schema(project: Project) -> None:
    assert "name: Hero" in project.run("explain", "entities/hero.yaml").stdout
    assert project.run("explain", "hero.yaml").stdout.startswith("name: Hero")
    assert json.loads(project.run("schema").stdout)["type"] == "object"
    assert "requires --seeds" in project.run("schema", "--entities", "x", code=2).stderr


@pytest.mark.parametrize("arguments", [["--help"], ["check"], ["emit"], ["check", "--json"]])
def test_nothing_heavy_is_imported(project: Project, arguments: list[str]) -> None:
    project.run("emit")
    program = (
        "import sys\n"
        "from crudgen.cli import app\n"
        "try:\n    app()\n"
        "except SystemExit as end:\n    assert not end.code, end.code\n"
        "heavy = {'fastapi', 'sqlalchemy', 'sqlmodel', 'uvicorn', 'watchfiles', 'starlette'}\n"
        "if sys.argv[1] == '--help':\n"
        "    heavy |= {'pydantic', 'jinja2', 'yaml', 'rich', 'inflect', 'typeguard'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments],
        cwd=project.folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_an_ascii_terminal_prints_everything(project: Project) -> None:
    project.write("entities/hero.yaml", "name: Hero\nfields:\n  name: strängⅨ\n")
    done = project.run("check", code=1, PYTHONIOENCODING="ascii", PYTHONUTF8="0")
    assert "\\xe4" in done.stderr
