"""`crudgen revision` writes what the spec changes, and Alembic makes these changes."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from crudgen.cli import app
from crudgen.evolution.connecting import Database
from tests.evolution.changed import Changed
from tests.migrations.written import KINDS, NewDatabase, Project

HERO = """
name: Hero
fields:
  name: str(1..80) index
  age: int?
  mood: enum(calm, angry)
  code: str
"""
LATER = """
name: Hero
fields:
  title: str(1..120) index was(name)
  age: int = 3
  mood: {type: enum, values: [calm, wild], renamed: {angry: wild}}
  level: int(0..9) = 1
  team_id: -> Team?
"""
TEAM = "name: Team\nfields:\n  name: str unique\n"
VERSIONS = Path("generated/migrations/versions")


@pytest.fixture
def crudgen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Return a function that runs a command on a project with one entity and no revision."""
    monkeypatch.chdir(tmp_path)
    Path("entities").mkdir()
    Path("crudgen.yaml").write_text("migrations: true\n")
    Path("entities/hero.yaml").write_text(HERO)

    def command(*arguments: str) -> Result:
        result = CliRunner().invoke(app, arguments)
        assert result.exception is None or isinstance(result.exception, SystemExit), result.output
        return result

    assert command("emit").exit_code == 0
    return command


def change(hero: str = LATER, team: str = TEAM) -> None:
    """Write another version of the spec."""
    Path("entities/hero.yaml").write_text(hero)
    if team:
        Path("entities/team.yaml").write_text(team)


@pytest.mark.long
@pytest.mark.long_cases("postgresql")
@pytest.mark.parametrize("kind", KINDS)
def test_revisions_lead_from_one_spec_to_the_next(
    kind: str, crudgen: Callable[..., Result], new_database: NewDatabase
) -> None:
    url = new_database(kind)
    assert crudgen("revision", "-m", "First tables").exit_code == 0
    project, found = Project(Path("generated")), Changed(Database(url))
    project.upgrade(url)
    assert crudgen("plan", "--database", url).exit_code == 0
    assert crudgen("check").exit_code == 0
    found.execute(
        "INSERT INTO hero (name, age, mood, code) VALUES ('Deadpond', 31, 'angry', 'a')",
        "INSERT INTO hero (name, age, mood, code) VALUES ('Rusty-Man', NULL, 'calm', 'b')",
    )
    change()
    crudgen("emit")
    checked = crudgen("check")
    assert checked.exit_code == 1
    assert "hero.title: was name" in checked.output
    assert 'crudgen revision -m "what it does"' in checked.output
    done = crudgen("revision", "-m", "Titles, levels and teams.")
    assert "0002_titles_levels_teams.py" in done.output
    assert "stops if there are any: hero.age: rows without a value" in done.output
    assert "hero.title: rows" not in done.output  # all meet the wider rule
    assert crudgen("check").exit_code == 0
    stopped = project.run(url, "alembic", "upgrade", "head")
    assert stopped.returncode != 0
    assert "1 row prevents this revision" in stopped.stdout + stopped.stderr
    found.execute("UPDATE hero SET age = 5 WHERE age IS NULL")
    project.upgrade(url)
    assert crudgen("plan", "--database", url).exit_code == 0
    columns = "title, age, mood, level, team_id, code"
    assert found.values(f"SELECT {columns} FROM hero ORDER BY id") == [  # noqa: S608
        ("Deadpond", 31, "wild", 1, None, "a"),
        ("Rusty-Man", 5, "calm", 1, None, "b"),
    ]
    assert "nothing to write" in crudgen("revision", "-m", "Again").output
    done = crudgen("revision", "-m", "Drop codes", "--drop", "hero.code")
    assert done.exit_code == 0, done.output
    project.upgrade(url)
    with pytest.raises(Exception, match="code"):
        found.values("SELECT code FROM hero")


@pytest.mark.long
def test_constraints_that_a_rebuild_cannot_recognize_are_named(
    crudgen: Callable[..., Result], new_database: NewDatabase
) -> None:
    """A renamed column keeps the names of its constraints until its table is rebuilt."""
    url = new_database("sqlite")
    crudgen("revision", "-m", "first")
    fields = ["name: str(1..80)", "title: str(1..80) unique", "label: str(1..80) unique was(title)"]
    for number, field in enumerate([*fields, "label: str(1..90) was(title)"]):
        change(f"name: Hero\nfields:\n  {field}\n")
        crudgen("emit")
        done = crudgen("revision", "-m", f"number {number}")
        assert done.exit_code == 0, done.output
    (last,) = VERSIONS.glob("*_number_3.py")
    assert '"CONSTRAINT uq_hero_label UNIQUE (label)"' in last.read_text()
    Project(Path("generated")).upgrade(url)
    found = Changed(Database(url)).values("SELECT sql FROM sqlite_master WHERE name = 'hero'")
    assert "ck_hero_label_length" in found[0][0]
    assert "title" not in found[0][0]
    assert crudgen("plan", "--database", url).exit_code == 0


@pytest.mark.long
def test_revisions_are_clean_code(crudgen: Callable[..., Result], mypy_cache: Path) -> None:
    crudgen("revision", "-m", "First \"tables\": 100 % of 'them' \\ é")
    change()
    crudgen("emit")
    crudgen("revision", "-m", "The second")
    for command in (
        ["ruff", "check", "migrations"],
        ["ruff", "format", "--check", "migrations"],
        ["mypy", f"--cache-dir={mypy_cache}", "migrations"],
    ):
        done = subprocess.run(
            [sys.executable, "-m", *command], cwd="generated", capture_output=True, check=False
        )
        assert done.returncode == 0, done.stdout
    names = sorted(file.name for file in VERSIONS.glob("*.py"))
    assert names == ["0001_first_tables_100_them_e.py", "0002_second.py", "0003_second_online.py"]


def test_a_removed_field_is_dropped_by_its_own_revision(crudgen: Callable[..., Result]) -> None:
    crudgen("revision", "-m", "first")
    change("name: Hero\nfields: {name: str(1..80) index}\n", team="")
    done = crudgen("revision", "-m", "less", "--drop", "hero.mood")
    assert done.exit_code == 0, done.output
    text = (VERSIONS / "0002_less.py").read_text()
    assert 'DROP COLUMN "mood"' in text
    assert "code:" in text
    assert "mood:" not in text.partition("AFTER")[2]


def test_merged_branches_are_followed_by_one_revision(crudgen: Callable[..., Result]) -> None:
    crudgen("revision", "-m", "first")
    change(HERO, TEAM)
    crudgen("revision", "-m", "teams")
    Path("entities/team.yaml").unlink()
    teams = (VERSIONS / "0002_teams.py").rename("0002_teams.py")
    change("name: Hero\nfields: {name: str index, age: int}\n", "")
    crudgen("revision", "-m", "heroes")
    teams.rename(VERSIONS / teams.name)
    change("name: Hero\nfields: {name: str index, age: int}\n", TEAM)
    done = crudgen("revision", "-m", "both")
    assert done.exit_code == 0, done.output
    (merged,) = VERSIONS.glob("*_both.py")
    assert "down_revision = (" in merged.read_text()
    assert "pass" in merged.read_text()
    assert "nothing to write" in crudgen("revision", "-m", "more").output


def refused(crudgen: Callable[..., Result], *more: str) -> str:
    """Return the message of a revision that is not written."""
    before = sorted(VERSIONS.glob("*"))
    result = crudgen("revision", "-m", "more", *more)
    assert result.exit_code == 1, result.output
    assert sorted(VERSIONS.glob("*")) == before
    return result.output


def test_what_cannot_be_done_is_not_written(crudgen: Callable[..., Result]) -> None:
    crudgen("revision", "-m", "first")
    change(HERO.replace("age: int?", "age: uuid?"), "")
    assert "no conversion" in refused(crudgen)
    report = json.loads(refused(crudgen, "--json"))
    assert report["files"] == []
    assert report["problems"][0]["column"] == "age"
    change(HERO, "")
    unknown = crudgen("revision", "-m", "more", "--fill", "hero.nothing=1")
    assert unknown.exit_code == 2
    assert "hero.nothing" in unknown.output


def test_the_project_must_have_migrations(crudgen: Callable[..., Result]) -> None:
    Path("generated/migrations/env.py").unlink()
    assert "env.py: no such file" in refused(crudgen)
    Path("crudgen.yaml").write_text("title: Heroes\n")
    assert "write `migrations: true`" in refused(crudgen)
    Path("crudgen.yaml").unlink()
    assert "write `migrations: true`" in refused(crudgen)


def test_a_message_is_required(crudgen: Callable[..., Result]) -> None:
    assert crudgen("revision").exit_code == 2
    assert crudgen("revision", "-m", " ").exit_code == 2


SECOND = "revision = '2'\ndown_revision = '0001_first'\n"
BROKEN = {
    "revision = ": "0002_more.py:1: this is not valid Python: invalid syntax\n",
    f"{SECOND}AFTER = {{'Hero': 'name: Foe\\nfields: {{a: str}}'}}": "Foe as AFTER: Hero",
    "revision = '2'\ndown_revision = 'x'\n": "no file in",
    "revision = '0001_first'\ndown_revision = None\n": "is the revision 0001_first too",
    "revision = f()\n": "must be literals",
    "revision = 2\n": "must be a text",
    "revision = '2'\ndown_revision = 5\n": "must be a text",
    f"{SECOND}AFTER = {{'Hero': 'x'}}\n": "no valid spec",
    "revision = '2'\ndown_revision = None\nAFTER = {'Hero': None}\n": "change Hero, and neither",
    "revision = '2'\ndown_revision = '2'\n": "in a circle",
}


@pytest.mark.parametrize("text", BROKEN)
def test_broken_revisions_are_reported(text: str, crudgen: Callable[..., Result]) -> None:
    crudgen("revision", "-m", "first")
    (VERSIONS / "0002_more.py").write_text(text)
    output = refused(crudgen)
    assert BROKEN[text] in output
    assert "0002_more.py" in output or "AFTER" in output or "circle" in output
    assert "Traceback" not in output
    assert crudgen("check").exit_code == 1


def test_a_revision_of_ones_own_needs_no_entities(crudgen: Callable[..., Result]) -> None:
    crudgen("revision", "-m", "first")
    own = "revision: str = 'mine'\ndown_revision: str | None = '0001_first'\n"
    (VERSIONS / "mine.py").write_text(own)
    change()
    assert crudgen("revision", "-m", "more").exit_code == 0
    assert 'down_revision = "mine"' in (VERSIONS / "0002_more.py").read_text()
