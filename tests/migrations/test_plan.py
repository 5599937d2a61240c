"""`plan` and `apply` in a project with revisions."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import Result

from crudgen.evolution.connecting import Database
from tests.evolution.changed import Changed
from tests.migrations.test_revision import HERO, LATER, VERSIONS, change
from tests.migrations.test_revision import crudgen as crudgen  # noqa: PLC0414 -- a fixture
from tests.migrations.written import KINDS, NewDatabase

pytestmark = pytest.mark.long


def lists(crudgen: Callable[..., Result], url: str) -> tuple[int, list[str], int, int]:
    """Return the exit code of `plan`, and what its three lists contain."""
    result = crudgen("plan", "--json", "--database", url)
    found = json.loads(result.output)
    drift = found["drift"] or {"steps": []}
    return (
        result.exit_code,
        found["pending"],
        len(found["unrevised"]["steps"]),
        len(drift["steps"]),
    )


@pytest.mark.long_cases("postgresql")
@pytest.mark.parametrize("kind", KINDS)
def test_plan_shows_three_lists_and_apply_runs_revisions(
    kind: str, crudgen: Callable[..., Result], new_database: NewDatabase
) -> None:
    url = new_database(kind)
    first, second, third = "0001_first", "0002_titles", "0003_titles_online"
    crudgen("revision", "-m", "first")
    assert lists(crudgen, url) == (3, [first], 0, 0)
    done = crudgen("apply", "--database", url)
    assert (done.exit_code, done.output.split()) == (0, ["has", "run", first])
    assert lists(crudgen, url) == (0, [], 0, 0)
    change()
    code, pending, unrevised, _ = lists(crudgen, url)
    assert (code, pending) == (1, [])
    assert unrevised > 5
    refused = crudgen("apply", "--database", url)
    assert refused.exit_code == 1
    assert "hero.title: was name" in refused.output
    assert 'crudgen revision -m "what it does"' in refused.output
    crudgen("emit")
    crudgen("revision", "-m", "titles")
    assert lists(crudgen, url) == (3, [second, third], 0, 0)
    assert second in crudgen("plan", "--database", url).output
    assert crudgen("apply", "--database", url).exit_code == 0
    assert lists(crudgen, url) == (0, [], 0, 0)
    Changed(Database(url)).execute("DROP INDEX ix_hero_title")
    code, pending, unrevised, drift = lists(crudgen, url)
    assert (code, pending, unrevised, drift) == (1, [], 0, 1)
    assert "changed outside of the revisions" in crudgen("plan", "--database", url).output


@pytest.mark.long_cases("postgresql")
@pytest.mark.parametrize("kind", KINDS)
def test_tables_of_the_spec_are_recorded(
    kind: str, crudgen: Callable[..., Result], new_database: NewDatabase
) -> None:
    url = new_database(kind)
    assert crudgen("apply", "--database", url).exit_code == 0
    crudgen("revision", "-m", "first")
    assert lists(crudgen, url) == (3, ["0001_first"], 0, 0)
    assert "only records the revisions" in crudgen("plan", "--database", url).output
    assert "recorded  0001_first" in crudgen("apply", "--database", url).output
    assert lists(crudgen, url) == (0, [], 0, 0)


@pytest.mark.long
def test_a_revision_that_stops_is_reported(crudgen: Callable[..., Result]) -> None:
    crudgen("revision", "-m", "first")
    assert crudgen("apply").exit_code == 0
    insert = "INSERT INTO hero (name, mood, code) VALUES ('x', 'calm', 'a')"
    Changed(Database("sqlite:///app.db")).execute(insert)
    change()
    crudgen("emit")
    crudgen("revision", "-m", "later")
    stopped = crudgen("apply")
    assert stopped.exit_code == 1
    assert "1 row prevents this revision" in stopped.output
    assert "Traceback" not in stopped.output
    assert json.loads(crudgen("apply", "--json").output)["error"].startswith("Alembic has stopped")


@pytest.mark.long
@pytest.mark.long_cases("postgresql")
@pytest.mark.parametrize("kind", KINDS)
def test_an_error_says_which_revisions_have_run(
    kind: str, crudgen: Callable[..., Result], new_database: NewDatabase
) -> None:
    url = new_database(kind)
    crudgen("revision", "-m", "first")
    own = 'revision = "0002_own"\ndown_revision = "0001_first"\n\n\ndef upgrade():\n    1 / 0\n'
    (VERSIONS / "0002_own.py").write_text(own)
    stopped = json.loads(crudgen("apply", "--database", url, "--json").output)
    # All revisions are one transaction on SQLite, and each is one on PostgreSQL.
    run = ["0001_first"] if kind == "postgresql" else []
    assert (stopped["error"][:19], stopped["revisions"]) == ("Alembic has stopped", run)
    (VERSIONS / "0002_own.py").write_text(own.replace("1 / 0", "pass"))
    change()
    refused = json.loads(crudgen("apply", "--database", url, "--json").output)
    assert "changes that no revision" in refused["error"]
    assert refused["revisions"] == [*(["0001_first"] if not run else []), "0002_own"]


def test_the_database_of_a_later_version_is_reported(crudgen: Callable[..., Result]) -> None:
    crudgen("revision", "-m", "first")
    crudgen("apply")
    Changed(Database("sqlite:///app.db")).execute("UPDATE alembic_version SET version_num = 'x'")
    for command in ("plan", "apply"):
        result = crudgen(command)
        assert result.exit_code == 1
        assert "the database is at revision x" in result.output


@pytest.mark.long
def test_a_recorded_revision_without_its_file_is_reported(crudgen: Callable[..., Result]) -> None:
    crudgen("revision", "-m", "first")
    crudgen("apply")
    found = Changed(Database("sqlite:///app.db"))
    (VERSIONS / "0001_first.py").unlink()
    change()
    everything = found.everything()
    for arguments in (["plan"], ["apply"], ["plan", "--json"], ["apply", "--json"]):
        result = crudgen(*arguments)
        assert result.exit_code == 1
        assert f"at revision 0001_first, which no file in {VERSIONS} defines" in result.output
        assert "--out" in result.output
    assert found.everything() == everything
    found.execute("DROP TABLE alembic_version")
    change(HERO, "")
    Path("entities/team.yaml").unlink()
    crudgen("revision", "-m", "again")
    assert "recorded  0001_again" in crudgen("apply").output
    assert crudgen("plan").exit_code == 0


def test_a_pending_revision_of_the_user_does_not_hide_drift(crudgen: Callable[..., Result]) -> None:
    crudgen("revision", "-m", "first")
    crudgen("apply")
    Changed(Database("sqlite:///app.db")).execute("DROP INDEX ix_hero_name")
    own = 'revision = "0002_own"\ndown_revision = "0001_first"\n\n\ndef upgrade():\n    pass\n'
    (VERSIONS / "0002_own.py").write_text(own)
    assert lists(crudgen, "sqlite:///app.db") == (1, ["0002_own"], 0, 1)


@pytest.mark.parametrize(
    "options", [["--fill", "hero.age=1"], ["--drop", "hero.code"], ["--integers", "hero.age"]]
)
def test_options_belong_to_revisions(options: list[str], crudgen: Callable[..., Result]) -> None:
    crudgen("revision", "-m", "first")
    for command in ("plan", "apply"):
        result = crudgen(command, *options)
        assert result.exit_code == 2
        assert "crudgen revision" in result.output
    assert crudgen("apply", "--on-copy").exit_code == 2


def test_without_revisions_the_spec_is_applied(crudgen: Callable[..., Result]) -> None:
    assert crudgen("plan").exit_code == 3
    assert crudgen("apply").exit_code == 0
    Path("crudgen.yaml").unlink()
    VERSIONS.mkdir(parents=True)
    (VERSIONS / "0001_other.py").write_text("")
    Path("entities/hero.yaml").write_text(LATER.replace("  team_id: -> Team?\n", ""))
    assert crudgen("plan").exit_code == 3


@pytest.mark.long
def test_what_the_user_wrote_always_runs(crudgen: Callable[..., Result]) -> None:
    """Also if the tables are those of the spec already; and so does a drop."""
    crudgen("revision", "-m", "first")
    crudgen("apply")
    found = Changed(Database("sqlite:///app.db"))
    found.execute("INSERT INTO hero (name, mood, code) VALUES (' x ', 'calm', 'a')")
    own = """
from migrations.steps import run

revision = "0002_trim"
down_revision = "0001_first"


def upgrade() -> None:
    run(sqlite=["UPDATE hero SET name = trim(name)"])
"""
    (VERSIONS / "0002_trim.py").write_text(own)
    assert "has run  0002_trim" in crudgen("apply").output
    assert found.values("SELECT name FROM hero") == [("x",)]
    Path("entities/hero.yaml").write_text("name: Hero\nfields: {name: str(1..80) index}\n")
    crudgen("emit")
    crudgen("revision", "-m", "less", "--drop", "hero.code")
    assert crudgen("apply").exit_code == 0
    assert "code" not in str(found.values("SELECT sql FROM sqlite_master"))


KEPT = [
    ["name: Hero\nfields: {name: str, team: str?}\n", "name: Hero\nfields: {team_id: -> Team?}\n"],
    ["name: Hero\nfields: {team_id: -> Team?}\n", "name: Hero\nfields: {name: str?, team: str?}\n"],
    [HERO, "name: Villain\nplural: heroes\npath: /heroes\nfields: {name: str}\n"],
    [HERO, "name: Hero\ntable: people\nfields: {name: str}\n", HERO.replace("Hero", "Champ")],
]


@pytest.mark.long
@pytest.mark.parametrize("specs", KEPT)
def test_what_is_kept_has_names_of_its_own(
    specs: list[str], crudgen: Callable[..., Result]
) -> None:
    for number, text in enumerate(specs):
        change(text)
        crudgen("emit", "--prune")
        done = crudgen("revision", "-m", f"number {number}")
        assert done.exit_code == 0, done.output
        assert crudgen("apply").exit_code == 0
        checked = crudgen("check")
        assert checked.exit_code == 0, checked.output
    assert crudgen("plan").exit_code == 0


@pytest.mark.long
def test_branches_that_refer_to_one_entity_do_not_conflict(crudgen: Callable[..., Result]) -> None:
    crudgen("revision", "-m", "first")
    for name in ("Post", "Note"):
        file = Path(f"entities/{name.lower()}.yaml")
        file.write_text(f"name: {name}\nfields: {{hero_id: -> Hero}}\n")
        assert crudgen("revision", "-m", name).exit_code == 0
        file.rename(file.with_suffix(".txt"))
        written = VERSIONS / f"0002_{name.lower()}.py"
        written.rename(written.with_suffix(".txt"))
    for file in [*Path("entities").glob("*.txt"), *VERSIONS.glob("*.txt")]:
        file.rename(file.with_suffix(".yaml" if file.parent == Path("entities") else ".py"))
    merged = crudgen("revision", "-m", "merge")
    assert merged.exit_code == 0, merged.output
    assert crudgen("apply").exit_code == 0
    assert crudgen("plan").exit_code == 0


@pytest.mark.long
def test_conventions_are_part_of_the_spec(crudgen: Callable[..., Result]) -> None:
    Path("crudgen.yaml").write_text("migrations: true\nnames: {columns: PascalCase}\n")
    for text in (HERO, LATER):
        change(text)
        crudgen("emit")
        assert crudgen("revision", "-m", "next").exit_code == 0
        assert crudgen("apply").exit_code == 0
    assert crudgen("plan").exit_code == 0
