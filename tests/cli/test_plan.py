"""The commands `plan` and `apply`: what they print, their options, and how they end."""

import json
import os
import re
import shlex
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
from typer.testing import CliRunner, Result

from crudgen.cli import app, apply, console
from crudgen.evolution.plan import Lock, Risk, Step
from tests.support.servers import BOUND_BY_MODES

pytestmark = pytest.mark.long

BEFORE = """
name: Hero
fields:
  name: str(1..80)
  age: int?
  code: str
"""
AFTER = """
name: Hero
fields:
  title: str(1..80) was(name)
  age: int
"""


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Return a function that runs a command on a spec, in a folder with a database of two rows."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "entities").mkdir()

    def command(spec: str, *arguments: str) -> Result:
        (tmp_path / "entities/hero.yaml").write_text(spec)
        result = CliRunner().invoke(app, arguments)
        assert result.exception is None or isinstance(result.exception, SystemExit), result.output
        return result

    assert command(BEFORE, "apply").exit_code == 0
    with sqlite3.connect("app.db") as connection:
        rows = [("Deadpond", 31, "a"), ("Rusty-Man", None, "b")]
        connection.executemany("INSERT INTO hero (name, age, code) VALUES (?, ?, ?)", rows)
    return command


def stored(file: str = "app.db") -> list[tuple[object, ...]]:
    with sqlite3.connect(file) as connection:
        return connection.execute("SELECT * FROM hero ORDER BY id").fetchall()


def test_exit_codes_say_what_follows(run: Callable[..., Result]) -> None:
    before = stored()
    assert run(BEFORE, "plan").exit_code == 0
    needs_option = run(AFTER, "plan")
    assert needs_option.exit_code == 4
    assert "1 row without a value" in needs_option.output
    assert "--fill hero.age=VALUE" in needs_option.output
    assert 'SELECT * FROM "hero" WHERE "age" IS NULL' in needs_option.output
    assert "--drop hero.code" in needs_option.output
    refused = run(AFTER, "apply")
    assert refused.exit_code == 1
    assert "1 problem: nothing was changed" in refused.output
    assert run(AFTER, "plan", "--fill", "hero.age=7").exit_code == 3
    in_the_way = run(BEFORE.replace("1..80", "1..8"), "plan")
    assert in_the_way.exit_code == 1
    assert "keys 2" in in_the_way.output
    assert stored() == before
    assert run(AFTER, "apply", "--fill", "hero.age=7", "--drop", "hero.code").exit_code == 0
    assert stored() == [("Deadpond", 31, 1), ("Rusty-Man", 7, 2)]
    assert "nothing to do" in run(AFTER, "apply", "--fill", "hero.age=7").output
    assert run(AFTER, "plan", "--drop", "hero.code").exit_code == 0


def test_rules_and_computed_properties_are_no_change_of_a_table(run: Callable[..., Result]) -> None:
    Path("crudgen.yaml").write_text("auth: {roles: [hr]}\n")
    access = "access: {read: user, write: hr, fields: {age: {read: hr}}}\n"
    spec = f"{BEFORE}  size: int? computed\n{access}"
    for text in (spec, spec.replace("int? computed", "str computed"), f"{BEFORE}{access}"):
        planned = run(text, "plan")
        assert (planned.exit_code, "nothing to do" in planned.output) == (0, True), planned.output
    hidden = run(spec.replace("{age: {read", "{size: {read"), "plan")
    assert hidden.exit_code == 1
    assert "'size' is computed, and rules about fields are about columns" in str(hidden.output)


def test_a_backup_is_made_before_values_change(run: Callable[..., Result]) -> None:
    before = stored()
    result = run(AFTER, "apply", "--fill", "hero.age=7")
    (backup,) = Path().glob("app.db.before-*")
    assert str(backup) in result.output
    assert stored(str(backup)) == before
    run(AFTER, "apply", "--drop", "hero.code", "--no-backup")
    assert list(Path().glob("app.db.before-*")) == [backup]
    safe = AFTER.replace("age: int", "age: int\n  level: int?")
    run(safe, "apply")
    assert list(Path().glob("app.db.before-*")) == [backup]


def test_each_backup_is_kept(run: Callable[..., Result]) -> None:
    """The same column is dropped twice, by the same plan."""
    without = BEFORE.replace("  code: str\n", "")
    assert run(without, "apply", "--drop", "hero.code").exit_code == 0
    assert run(BEFORE.replace("code: str", "code: str?"), "apply").exit_code == 0
    assert run(without, "apply", "--drop", "hero.code").exit_code == 0
    assert run(BEFORE.replace("code: str", "code: str?"), "apply").exit_code == 0
    assert run(without, "apply", "--drop", "hero.code").exit_code == 0
    kept = [stored(str(backup)) for backup in Path().glob("app.db.before-*")]
    assert len(kept) == 3
    assert any("a" in row for rows in kept for row in rows)


@pytest.mark.long
def test_a_plan_has_the_same_digest_in_each_process(run: Callable[..., Result]) -> None:
    """The order of hashes differs between processes."""
    indexed = BEFORE.replace("str(1..80)", "str(1..80) index").replace("int?", "int? index")
    run(indexed.replace("code: str", "code: str index"), "check")
    command = [sys.executable, "-m", "crudgen", "plan", "--json"]
    digests = {
        json.loads(
            subprocess.run(
                command,
                env={**os.environ, "PYTHONHASHSEED": seed},
                capture_output=True,
                check=False,
            ).stdout
        )["digest"]
        for seed in ("1", "2", "3")
    }
    assert len(digests) == 1


def test_a_plan_is_refused_if_it_is_not_the_reviewed_one(run: Callable[..., Result]) -> None:
    options = ("--fill", "hero.age=7")
    reviewed = json.loads(run(AFTER, "plan", "--json", *options).output)
    with sqlite3.connect("app.db") as connection:
        connection.execute("ALTER TABLE hero ADD COLUMN level BIGINT")
    refused = run(AFTER, "apply", *options, "--plan", reviewed["digest"])
    assert refused.exit_code == 1
    assert f"not {reviewed['digest']}" in refused.output
    without = run(AFTER.replace("int", "int?"), "apply", "--plan", reviewed["digest"])
    assert "give the same --fill, --drop and --integers" in without.output
    assert run(AFTER, "apply", "--plan", "first").exit_code == 2
    now = json.loads(run(AFTER, "plan", "--json", *options).output)
    assert run(AFTER, "apply", *options, "--plan", now["digest"]).exit_code == 0


def test_json_has_everything_that_a_plan_has(run: Callable[..., Result]) -> None:
    found = json.loads(run(AFTER, "plan", "--json").output)
    assert found["database"] == "sqlite:///app.db"
    assert found["rows"] == {"hero": 2}
    (problem,) = found["problems"]
    assert problem["count"] == 1
    assert problem["examples"] == [[2]]
    assert problem["flag"] == "--fill hero.age=VALUE"
    assert problem["place"] == "entities/hero.yaml:5"
    assert found["steps"][0]["what"] == "was name"
    assert "ALTER TABLE" in found["steps"][0]["sql"][0]
    failed = json.loads(run(AFTER, "apply", "--json").output)
    assert failed["error"] == "1 problem: nothing was changed"
    assert failed["problems"] == found["problems"]
    done = json.loads(run(AFTER, "apply", "--json", "--fill", "hero.age=1").output)
    assert Path(done["backup"]).exists()


def test_apply_shows_the_warnings_of_its_plan(run: Callable[..., Result], tmp_path: Path) -> None:
    app_file = tmp_path / "crudgen.yaml"
    hero, warning = "name: Hero\nfields: {name: str}\n", "`me` was `_login.id`, and becomes"
    app_file.write_text("auth: {users: true}\n")
    done = run(f"{hero}access: user\n", "apply")
    assert (done.exit_code, "`me`" in done.output) == (0, False)
    app_file.write_text("auth: {users: Hero}\n")
    done = run(f"{hero}access: user\n", "apply")
    assert (done.exit_code, done.output.count(warning)) == (0, 1)
    # What is kept is no warning: only `plan` notes it.
    assert "is not in the spec" not in done.output
    app_file.write_text("auth: {users: true}\n")
    for _ in range(2):  # the second time there is nothing to do
        done = run(f"{hero}access: user\n", "apply")
        assert (done.exit_code, "`me` was `_login.row_id`" in done.output) == (0, True)


def test_statements_are_those_that_run(run: Callable[..., Result], tmp_path: Path) -> None:
    options = ("--fill", "hero.age=7", "--drop", "hero.code")
    sql = json.loads(run(AFTER, "plan", "--json", *options).output)["steps"]
    shown = run(AFTER, "plan", "--sql", *options).output
    assert all(
        line.strip() in shown for step in sql for one in step["sql"] for line in one.split("\n")
    )
    with sqlite3.connect(tmp_path / "app.db", isolation_level=None) as connection:
        for step in sql:
            for statement in step["sql"]:
                connection.execute(statement)
    assert run(AFTER, "plan").exit_code == 0


def test_a_copy_is_changed_in_place_of_the_database(run: Callable[..., Result]) -> None:
    before = stored()
    result = run(AFTER, "apply", "--on-copy", "--fill", "hero.age=7")
    assert result.exit_code == 0
    assert "made on a copy" in result.output
    assert stored() == before
    assert not list(Path().glob("app.db.before-*"))


@pytest.mark.parametrize(
    ("options", "messages"),
    [
        (["--fill", ""], ["--fill '': no field", "write --fill hero.level=VALUE"]),
        (["--fill", "hero.age"], ["no value", "write --fill hero.age=VALUE"]),
        (["--fill", "hero.agee=1"], ["hero has no field agee", "did you mean hero.age?"]),
        (["--fill", "hero.zz=1"], ["hero has no field zz", "its fields: id, title, age"]),
        (["--fill", "hero=1"], ["no field of hero is named", "its fields: id, title, age"]),
        (["--fill", "Hero.age=1"], ["the spec has no entity Hero", "did you mean hero.age?"]),
        (["--fill", "zz.age=1"], ["the spec has no entity zz", "the entities: hero"]),
        (["--fill", "hero.age=x"], ["expected an integer", "write a value of hero.age"]),
        (["--fill", "hero.age=1e999999999"], ["expected an integer, found the string"]),
        (["--fill", "hero.age=inf"], ["expected an integer, found the string 'inf'"]),
        (["--fill", "hero.title="], ["shorter than 1"]),
        (["--fill", "hero.mood=calm down"], ["'hero.mood=calm down': ", "one of calm, 'very sad'"]),
        (["--fill", "hero.age=1", "--fill", "hero.age=2"], ["hero.age has another value already"]),
        (["--drop", ""], ["--drop '': no name", "write --drop hero.code for a column"]),
        (["--drop", "hero."], ["--drop hero.: no name of a column after the dot"]),
        (["--drop", ".code"], ["--drop .code: no name of a table before the dot"]),
        (["--drop", "hero.age"], ["is in the spec (entities/hero.yaml:5)", "remove the field"]),
        (["--drop", "hero.Feeling"], ["hero.mood is in the spec", "remove the field there first"]),
        (["--drop", "hero"], ["the table of Hero (entities/hero.yaml)", "remove the entity"]),
        (["--drop", "sqlite_sequence"], ["needs this table", "remove the option"]),
        (["--drop", "alembic_version"], ["needs this table"]),
        (["--drop", "_answer"], ["needs this table"]),
        (["--integers", "hero.age"], ["the field is no decimal"]),
        (["--integers", "hero.agee"], ["did you mean hero.age?"]),
    ],
)
def test_wrong_options_are_arguments(
    run: Callable[..., Result], options: list[str], messages: list[str]
) -> None:
    """They are found without a database, even if there is none."""
    spec = (
        AFTER + "  mood: {type: enum, values: [calm, very sad], column: Feeling, default: calm}\n"
    )
    for command in ("plan", "apply"):
        result = run(spec, command, *options, "--database", "sqlite:///none.db")
        assert result.exit_code == 2
        for message in messages:
            assert message in result.output
        as_json = run(spec, command, *options, "--json")
        assert as_json.exit_code == 2
        assert messages[0] in json.loads(as_json.output)["error"]


@pytest.mark.long
@pytest.mark.parametrize(
    ("options", "messages"),
    [
        (["--drop", "hero.cod"], ["there is no such column", "did you mean hero.code?"]),
        (["--drop", "heroo.code"], ["there is no such table", "did you mean hero.code?"]),
        (["--drop", "hero.zz"], ["these can be dropped: hero.code, 'hero.a b'", "remove what"]),
        (["--drop", "hero.name"], ["the column is that of hero.title"]),
        (["--drop", "zz"], ["these can be dropped: 'my log', villain, words", "remove what"]),
        (["--drop", "vilain"], ["did you mean villain?"]),
        (["--drop", "my lo"], ["--drop 'my lo': there is no", "did you mean 'my log'?"]),
        (["--drop", "villain.name"], ["has no entity villain", "--drop villain drops all of it"]),
        (["--drop", "tall"], ["this is a view, not a table"]),
        (["--drop", "words_data"], ["belongs to an extension or a virtual table"]),
        (["--fill", "hero.title=x"], ["--fill hero.title: all rows have a value"]),
        (["--fill", "hero.nick=x", "--drop", "zz"], ["the field is optional", "--drop zz"]),
        (["--integers", "hero.price"], ["--integers hero.price: the column is no BIGINT"]),
    ],
)
def test_options_without_effect_are_refused(
    run: Callable[..., Result], options: list[str], messages: list[str]
) -> None:
    with sqlite3.connect("app.db") as connection:
        connection.executescript(
            "CREATE TABLE villain (name TEXT); CREATE TABLE 'my log' (name TEXT);"
            "CREATE VIEW tall AS SELECT 1; CREATE VIRTUAL TABLE words USING fts5 (word);"
            "ALTER TABLE hero ADD COLUMN 'a b'; ALTER TABLE hero ADD COLUMN nick VARCHAR;"
            "ALTER TABLE hero ADD COLUMN price DECIMAL_AS_INT(10, 2) NOT NULL DEFAULT 0"
        )
    spec = AFTER + "  nick: str(..99)?\n  price: decimal(10,2)\n"
    for command in ("plan", "apply"):
        result = run(spec, command, "--fill", "hero.age=7", *options)
        assert result.exit_code == 1
        for message in messages:
            assert message in result.output
        as_json = json.loads(run(spec, command, "--fill", "hero.age=7", *options, "--json").output)
        assert messages[0] in as_json["error"]


def test_options_of_a_former_run_are_noted(run: Callable[..., Result]) -> None:
    """The same command can run again, and on a new database."""
    options = ("--fill", "hero.age=7", "--drop", "hero.code")
    assert run(AFTER, "apply", *options).exit_code == 0
    for arguments in (["plan"], ["apply"], ["apply", "--database", "sqlite:///new.db"]):
        again = run(AFTER, *arguments, *options)
        assert again.exit_code == 0
        assert "without effect: --fill hero.age: " in again.output
        assert "without effect: --drop hero.code: " in again.output
    unused = json.loads(run(AFTER, "plan", *options, "--json").output)["unused"]
    assert unused[0] == "--fill hero.age: all rows have a value"
    more = run(AFTER + "  level: int?\n", "apply", *options)
    assert more.exit_code == 1
    assert "--drop hero.code: there is no such column" in more.output


def test_tables_of_an_extension_are_not_dropped(run: Callable[..., Result], database: str) -> None:
    there = ("--database", database)
    assert run(BEFORE, "apply", *there).exit_code == 0
    with psycopg.connect(database) as connection:
        connection.execute("CREATE TABLE places (name text)")
        connection.execute("ALTER EXTENSION plpgsql ADD TABLE places")
    try:
        assert "places" not in run(BEFORE, "plan", *there).output
        refused = run(BEFORE, "apply", *there, "--drop", "places")
        assert refused.exit_code == 1
        assert "belongs to an extension" in refused.output
    finally:
        with psycopg.connect(database) as connection:
            connection.execute("ALTER EXTENSION plpgsql DROP TABLE places")


@pytest.mark.parametrize(
    ("url", "messages"),
    [
        ("sqlite:///no/app.db", ["/no does not exist", "create it, or correct the path"]),
        ("sqlite:///entities", ["/entities is a directory", "write the path of a file"]),
        ("sqlite:///other.db", ["file is not a database", "correct the URL, or move the file"]),
        ("mysql://x:hidden@y/z", ["neither for SQLite nor for PostgreSQL"]),
        ("postgresql://x:hidden@127.0.0.1:1/x", ["check that the server is running"]),
        ("postgresql://x:hidden@no.invalid/x", ["correct the host in the URL"]),
    ],
)
def test_wrong_databases_have_a_message(
    run: Callable[..., Result], url: str, messages: list[str]
) -> None:
    Path("other.db").write_text("no database" * 1000)
    commands = ["plan", "apply"] if url.startswith("postgresql") else ["plan", "apply", "serve"]
    for command in commands:
        result = run(AFTER, command, "--database", url)
        assert result.exit_code == 1
        for message in [*messages, "the URL is from --database"]:
            assert message in result.output
        assert "hidden" not in result.output
    as_json = json.loads(run(AFTER, "plan", "--database", url, "--json").output)
    assert messages[0] in as_json["error"]


def test_the_origin_of_a_url_is_named(
    run: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    url = "sqlite:///no/app.db"
    Path("crudgen.yaml").write_text(f"database: {url}\n")
    for command in ("plan", "apply", "serve"):
        assert "the URL is from the spec: `database`" in run(BEFORE, command).output
    Path(".env").write_text(f"DATABASE_URL={url}\n")
    assert "the URL is from DATABASE_URL in .env" in run(BEFORE, "plan").output
    monkeypatch.setenv("DATABASE_URL", url)
    assert "from the environment variable DATABASE_URL" in run(BEFORE, "plan").output


def test_a_missing_database_can_be_created(run: Callable[..., Result], database: str) -> None:
    missing = re.sub(r"@/\w+", "@/missing", database)
    for command in ("plan", "apply"):
        result = run(BEFORE, command, "--database", missing)
        assert result.exit_code == 1
        assert 'CREATE DATABASE "missing", or correct its name in the URL' in result.output


def test_a_locked_database_has_a_message(
    run: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("crudgen.evolution.applying_sqlite._WAIT_SECONDS", 0)
    with sqlite3.connect("app.db", isolation_level=None) as connection:
        connection.execute("BEGIN IMMEDIATE")
        result = run(AFTER, "apply", "--fill", "hero.age=7")
        connection.execute("ROLLBACK")
    assert result.exit_code == 1
    assert "database is locked" in result.output
    assert "wait for its end, then try again" in result.output


def test_a_read_only_file_has_a_message(run: Callable[..., Result], tmp_path: Path) -> None:
    run(BEFORE.replace("code: str", "code: str\n  level: int?"), "check")
    Path("app.db").chmod(0o444)
    tmp_path.chmod(0o555)
    command = [*BOUND_BY_MODES, sys.executable, "-m", "crudgen", "apply"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    tmp_path.chmod(0o755)
    assert done.returncode == 1
    assert "attempt to write a readonly database" in done.stderr
    assert "make the database writable, or give the URL of one that is" in done.stderr


def test_a_missing_file_is_an_empty_database(run: Callable[..., Result]) -> None:
    result = run(AFTER, "plan", "--database", "sqlite:///new.db")
    assert result.exit_code == 3
    assert "  new tables\n    + hero\n" in result.output
    assert not Path("new.db").exists()


WIDE = """
name: Hero
fields:
  title: str(1..120) was(name)
  age: int
  code: str(..20)
  level: int(0..9) = 1
"""


def plan_at(run: Callable[..., Result], monkeypatch: pytest.MonkeyPatch, width: int) -> list[str]:
    monkeypatch.setattr("crudgen.cli.console.width", lambda: width)
    return run(WIDE, "plan", "--fill", "hero.age=7").output.splitlines()


@pytest.mark.parametrize("width", [20, 80, 100, 200])
def test_a_plan_has_one_line_for_each_column(
    run: Callable[..., Result], monkeypatch: pytest.MonkeyPatch, width: int
) -> None:
    lines = plan_at(run, monkeypatch, width)
    assert "  hero  2 rows; the table is copied, writers wait" in lines
    assert [line[:13] for line in lines if line[4:5] in {"~", "+"}] == [
        "    ~ title  ",
        "    ~ age    ",
        "    + level  ",
        "    ~ code   ",
    ]
    assert max(map(len, lines)) <= max(width, 80)
    title = "    ~ title  was name; length 1..80 → 1..120"
    warning = "running servers: requests fail"
    if width < 100:
        assert lines[lines.index(title) + 1] == f"             {warning}"
    else:
        (line,) = (line for line in lines if line.startswith(title))
        assert line.endswith(f"  {warning}")
    assert lines[-3] == "servers with the former spec fail as marked:"
    assert lines[-1] == "make the changes with: crudgen apply --fill hero.age=7"


def test_commands_are_not_wrapped_and_fit_a_shell(
    run: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    long = f"a 'b' {'c' * 100}"
    with sqlite3.connect("app.db") as connection:
        connection.execute(f'ALTER TABLE hero ADD COLUMN "{long}"')
    monkeypatch.setattr("crudgen.cli.console.width", lambda: 80)
    option = shlex.quote(f"hero.{long}")
    assert f"--drop {option} drops it\n" in run(BEFORE, "plan").output
    command = f"crudgen apply --drop {option}"
    assert f"with: {command}\n" in run(BEFORE, "plan", "--drop", f"hero.{long}").output
    _, *arguments = shlex.split(command)
    assert run(BEFORE, *arguments).exit_code == 0
    assert "servers with the former spec keep working" in run(BEFORE + "  x: int?\n", "plan").output


def test_other_tables_are_those_that_are_not_in_the_spec(run: Callable[..., Result]) -> None:
    with sqlite3.connect("app.db") as connection:
        connection.executescript(
            "CREATE TABLE log (n INTEGER); CREATE TABLE 'my log' (n INTEGER);"
            "CREATE TRIGGER t AFTER INSERT ON hero BEGIN SELECT 1; END"
        )
    lines = run(BEFORE, "plan").output.splitlines()
    assert lines[lines.index("  hero") + 1].startswith("    · trigger t is not in the spec")
    first = lines.index("  other tables")
    assert lines[first + 1].startswith("    · log     is not in the spec and is kept; --drop log ")
    assert lines[first + 2].startswith(
        "    · my log  is not in the spec and is kept; --drop 'my log'"
    )


def test_ten_new_tables_take_ten_lines(run: Callable[..., Result]) -> None:
    for number in range(10):
        text = BEFORE.replace("Hero", f"Other{number}")
        Path(f"entities/other{number}.yaml").write_text(text)
    lines = run(BEFORE, "plan").output.splitlines()
    first = lines.index("  new tables")
    assert lines[first + 1 : first + 11] == [f"    + other{number}" for number in range(10)]
    assert not lines[first + 11]


def test_tables_that_the_spec_does_not_have_are_noted_and_dropped(
    run: Callable[..., Result],
) -> None:
    with sqlite3.connect("app.db") as connection:
        connection.execute("CREATE TABLE villain (name TEXT)")
        connection.execute("INSERT INTO villain VALUES ('x')")
    assert "--drop villain" in run(BEFORE, "plan").output
    assert run(BEFORE, "plan", "--drop", "villain").exit_code == 3
    assert "did you mean villain?" in run(BEFORE, "apply", "--drop", "vilain").output
    assert run(BEFORE, "apply", "--drop", "villain").exit_code == 0
    with sqlite3.connect("app.db") as connection:
        assert not connection.execute(
            "SELECT * FROM sqlite_master WHERE name = 'villain'"
        ).fetchall()


def test_a_name_that_is_taken_is_one_problem(run: Callable[..., Result]) -> None:
    with sqlite3.connect("app.db") as connection:
        connection.execute("CREATE INDEX villain ON hero (code)")
    found = run(BEFORE.replace("Hero", "Villain"), "plan")
    assert found.exit_code == 1
    assert "an index has this name" in found.output
    assert "1 problem" in found.output
    with sqlite3.connect("app.db") as connection:
        connection.executescript("DROP INDEX villain; CREATE VIEW villain AS SELECT 1")
    found = run(BEFORE.replace("Hero", "Villain"), "plan")
    assert "a view has this name" in found.output
    assert "1 problem" in found.output


def test_the_former_name_of_an_entity_can_be_used_again(run: Callable[..., Result]) -> None:
    """The index of the renamed table has the name that follows from the former one."""
    villain = Path("entities/villain.yaml")
    indexed = BEFORE.replace("name: str(1..80)", "name: str(1..80) index")
    assert run(indexed, "apply").exit_code == 0
    Path("entities/hero.yaml").unlink()
    villain.write_text(indexed.replace("Hero", "Villain\nwas: Hero"))
    assert CliRunner().invoke(app, ["apply"]).exit_code == 0
    villain.write_text(indexed.replace("Hero", "Villain"))
    assert run(indexed, "apply").exit_code == 0
    assert run(indexed, "plan").exit_code == 0
    with sqlite3.connect("app.db") as connection:
        assert connection.execute("SELECT count(*) FROM villain").fetchone() == (2,)
        assert {*connection.execute("SELECT name FROM sqlite_master WHERE type = 'index'")} == {
            ("ix_hero_name",),
            ("ix_villain_name",),
        }


def test_a_renamed_field_without_a_hint_is_noted(run: Callable[..., Result]) -> None:
    result = run(BEFORE.replace("name: str", "title: str").replace("title: H", "name: H"), "plan")
    assert "write was(name) at hero.title" in result.output


@pytest.mark.long
def test_several_processes_apply_at_once(run: Callable[..., Result], tmp_path: Path) -> None:
    """All succeed: one makes the changes, and the others have nothing to do."""
    run(AFTER, "plan")
    command = [sys.executable, "-m", "crudgen", "apply", "--fill", "hero.age=7"]
    processes = [
        subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, text=True) for _ in range(3)
    ]
    outputs = [process.communicate()[0] for process in processes]
    assert [process.returncode for process in processes] == [0] * 3
    assert sum("nothing to do" in output for output in outputs) == 2
    assert run(AFTER, "plan").exit_code == 0


def test_a_dropped_column_is_not_taken_for_a_similar_one(run: Callable[..., Result]) -> None:
    with sqlite3.connect("app.db") as connection:
        connection.execute("ALTER TABLE hero ADD COLUMN codes TEXT")
    drop = ("--drop", "hero.code")
    assert run(AFTER, "apply", "--fill", "hero.age=7", *drop).exit_code == 0
    assert "did you mean hero.codes?" in run(AFTER, "apply", *drop).output
    with sqlite3.connect("app.db") as connection:
        connection.execute("ALTER TABLE hero RENAME COLUMN codes TO mode")
    assert run(AFTER, "apply", *drop).exit_code == 0


def test_the_command_has_the_url_without_its_password(
    run: Callable[..., Result], database: str
) -> None:
    url = database.replace(":@/", ":hidden@/") + "&password=hidden&application_name=x"
    shown = shlex.quote(database.replace(":@/", "@/") + "&application_name=x")
    planned = run(BEFORE, "plan", "--database", url).output
    command = f"crudgen apply --database {shown}"
    assert planned.splitlines()[-1] == f"make the changes with: {command}"
    assert run(BEFORE, *shlex.split(command)[1:]).exit_code == 0
    served = run(BEFORE.replace("int?", "str?"), "serve", "--database", url)
    assert served.exit_code == 1
    assert f"  see the plan with: crudgen plan --database {shown}\n" in served.output
    assert "hidden" not in planned + served.output


def test_a_password_is_not_shown(run: Callable[..., Result], database: str) -> None:
    url = f"{database}&password=hid%64en"
    for arguments in (["plan", "--sql"], ["plan", "--json"], ["apply"], ["plan"]):
        result = run(BEFORE, *arguments, "--database", url)
        assert result.exit_code in {0, 3}
        assert "hid" not in result.output


def test_postgresql_is_planned_and_changed_too(
    run: Callable[..., Result], database: str, tmp_path: Path
) -> None:
    there = ("--database", database)
    assert run(BEFORE, "apply", *there).exit_code == 0
    with psycopg.connect(database) as connection:
        connection.execute("INSERT INTO hero (name, age, code) VALUES ('50% ''off''', NULL, 'b')")
    assert run(AFTER, "plan", *there).exit_code == 4
    shown = run(AFTER, "plan", *there, "--fill", "hero.age=7")
    assert shown.exit_code == 3
    assert "--on-copy is for SQLite" in run(AFTER, "apply", *there, "--on-copy").output
    assert run(AFTER, "apply", *there, "--fill", "hero.age=7").exit_code == 0
    with psycopg.connect(database) as connection:
        assert connection.execute("SELECT title, age, code FROM hero").fetchall() == [
            ("50% 'off'", 7, "b")
        ]
    assert run(AFTER, "plan", *there).exit_code == 0
    assert not list(tmp_path.glob("*before*"))


def test_missing_rights_have_a_message(run: Callable[..., Result], database: str) -> None:
    assert run(BEFORE, "apply", "--database", database).exit_code == 0
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("CREATE ROLE planner LOGIN")
        connection.execute("GRANT SELECT ON ALL TABLES IN SCHEMA public TO planner")
    url = f"{database}&options=-c%20role%3Dplanner"
    fill = ("--fill", "hero.age=7")
    try:
        assert run(AFTER, "plan", "--database", url, *fill).exit_code == 3
        refused = run(AFTER, "apply", "--database", url, *fill)
        assert refused.exit_code == 1
        assert "must be owner of table hero" in refused.output
        assert "nothing was changed" in refused.output
        with psycopg.connect(database, autocommit=True) as connection:
            connection.execute("REVOKE SELECT ON ALL TABLES IN SCHEMA public FROM planner")
        refused = run(AFTER, "plan", "--database", url, *fill)
        assert refused.exit_code == 1
        assert "permission denied for table hero" in refused.output
    finally:
        with psycopg.connect(database, autocommit=True) as connection:
            connection.execute("DROP OWNED BY planner")
            connection.execute("DROP ROLE planner")


def test_a_step_that_takes_long_is_reported(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("crudgen.cli.apply._LONG_SECONDS", 0.01)
    step = Step("hero", "age", "int → str", Risk.CONVERTS, Lock.COPIED, seconds=3.2)
    said = threading.Event()
    say_error = console.say_error

    def say(text: str) -> None:
        say_error(text)
        said.set()

    monkeypatch.setattr(console, "say_error", say)
    with apply.StepReporter({("hero", None): "hero", ("hero", "age"): "hero.age"})(step):
        assert said.wait(20)
    monkeypatch.setattr("crudgen.cli.apply._LONG_SECONDS", 10)
    with apply.StepReporter({})(step):
        pass
    began, ended = capsys.readouterr().err.splitlines()
    assert began == "hero.age: int → str (about 3 s) …"
    assert re.fullmatch(r"hero\.age: int → str: \d+\.\d s", ended)


def test_the_progress_of_a_step_is_reported_now_and_then(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    step = Step("hero", "mood", "'a' → 'b'", Risk.CONVERTS, Lock.BACKGROUND)
    with apply.StepReporter({("hero", "mood"): "hero.mood"})(step) as report:
        report("10000 rows")
        monkeypatch.setattr("crudgen.cli.apply._PROGRESS_SECONDS", -1)
        report("20000 rows")
    assert capsys.readouterr().err.splitlines() == ["hero.mood: 'a' → 'b': 20000 rows …"]
