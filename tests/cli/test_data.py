"""The commands `dump` and `load`: what they print, their options, and how they end."""

import json
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from crudgen.cli import app

SPEC = "name: Hero\nfields: {name: str(1..80), secret: str? write_only}\n"


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Return a function that runs a command, in a folder with a database of two rows."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "entities").mkdir()
    (tmp_path / "entities/hero.yaml").write_text(SPEC)

    def command(*arguments: str, given: str | bytes = "") -> Result:
        result = CliRunner().invoke(app, arguments, given)
        assert result.exception is None or isinstance(result.exception, SystemExit), result.output
        return result

    assert command("apply").exit_code == 0
    with sqlite3.connect("app.db") as connection:
        connection.executemany("INSERT INTO hero (name) VALUES (?)", [("Ann",), ("Bob",)])
    return command


def test_a_dump_goes_through_a_pipe(run: Callable[..., Result]) -> None:
    dumped = run("dump")
    assert dumped.exit_code == 0
    assert dumped.stderr == ""
    assert [*map(json.loads, dumped.stdout.splitlines())][1:] == [
        {"hero": {"id": 1, "name": "Ann"}},
        {"hero": {"id": 2, "name": "Bob"}},
    ]
    arguments = ("load", "-", "--database", "sqlite:///new.db", "--json")
    checked = run(*arguments, "--dry-run", given=dumped.stdout)
    assert json.loads(checked.stdout)["dry_run"] is True
    assert not Path("new.db").exists()
    loaded = json.loads(run(*arguments, given=dumped.stdout).stdout)
    assert loaded == {"file": "-", "dry_run": False, "rows": 2, "tables": {"hero": 2}}
    refused = run(*arguments, given=dumped.stdout)
    assert refused.exit_code == 1
    assert "hero has rows" in json.loads(refused.stdout)["error"]
    assert run("dump", "--database", "sqlite:///new.db").stdout == dumped.stdout


@pytest.mark.usefixtures("run")
def test_an_output_that_is_full_is_reported() -> None:
    command = [sys.executable, "-m", "crudgen", "dump"]
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr == "error: standard output cannot be written: No space left on device\n"


def test_arguments_that_do_not_fit_are_refused(run: Callable[..., Result]) -> None:
    for arguments, code, message in (
        (["dump", "--out", "a.txt"], 2, "a.txt: the name does not end in .ndjson"),
        (["dump", "--out", "app.db", "--format", "json"], 2, "app.db exists, and its name"),
        (["dump", "--json"], 2, "give a file with --out"),
        (["dump", "--database", "sqlite:///none.db"], 1, "none.db: the file does not exist"),
        (["dump", "--out", "none/a.json"], 1, "none/a.json cannot be written: No such file"),
        (["load", "none.json"], 1, "none.json cannot be read: No such file"),
        (["load", "entities", "--format", "csv"], 1, "entities cannot be read: Is a directory"),
        (["load", "app.db", "--format", "csv"], 1, "for a file with rows of one entity, give --as"),
        (["load", "app.db", "--format", "json"], 1, "app.db: the file is in UTF-16, or is no text"),
        (["load", "-", "--format", "csv"], 2, "cannot be read from standard input"),
        (["load", "-"], 1, "standard input:1: this is no dump"),
    ):
        result = run(*arguments)
        assert (result.exit_code, message in result.stderr) == (code, True), result.stderr
    done = run("dump", "--out", "a.json", "--json")
    assert json.loads(done.stdout) == {"file": "a.json", "rows": 2, "tables": {"hero": 2}}
    assert "with --secrets" not in run("load", "a.json", "--database", "sqlite:///b.db").output


def test_rows_of_an_entity_are_imported(run: Callable[..., Result]) -> None:
    Path("new.csv").write_text("id,name,secret\n9,Cid,x\n10,,\n11,Dan,\n")
    refused = run("load", "new.csv", "--as", "Hero")
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert "new.csv:3: name: Field required" in refused.stderr
    tried = run("load", "new.csv", "--as", "Hero", "--skip", "--dry-run")
    assert "2 rows of Hero can be loaded; nothing was changed" in tried.stdout
    done = run("load", "new.csv", "--as", "Hero", "--skip", "--rejected", "wrong.csv")
    assert done.exit_code == 0
    assert "2 rows of Hero loaded in" in done.stdout
    assert done.stderr.splitlines() == [
        "new.csv:3: name: Field required",
        "1 row skipped",
        "without effect: id: the application sets the value",
    ]
    assert Path("wrong.csv").read_text() == "id,name,secret\n10,,\n"
    given = '{"name": "Eve"}\n{"name": 1}\n'
    report = json.loads(run("load", "-", "--as", "Hero", "--skip", "--json", given=given).stdout)
    assert (report["rows"], report["skipped"], report["ignored"]) == (1, 1, [])
    assert report["problems"] == ["standard input:2: name 1: Input should be a valid string"]
    with sqlite3.connect("app.db") as connection:
        rows = connection.execute("SELECT id, name FROM hero ORDER BY id").fetchall()
    assert rows == [(1, "Ann"), (2, "Bob"), (3, "Cid"), (4, "Dan"), (5, "Eve")]


def test_options_without_effect_are_refused(run: Callable[..., Result]) -> None:
    Path("new.csv").write_text("name\nCid\n")
    Path("link.csv").symlink_to("new.csv")
    for options, message in (
        (["--as", "hero"], "there is no entity 'hero'"),
        (["--skip"], "give it with --as ENTITY"),
        (["--as", "Hero", "--rejected", "a.csv"], "give it with --skip"),
        (["--as", "Hero", "--skip", "--rejected", "-"], "give its name"),
        (["--as", "Hero", "--skip", "--rejected", "app.db"], "app.db exists, and its name"),
        (["--as", "Hero", "--skip", "--rejected", "new.csv"], "this is the file that is loaded"),
        (["--as", "Hero", "--skip", "--rejected", "link.csv"], "this is the file that is loaded"),
    ):
        result = run("load", "new.csv", *options)
        assert (result.exit_code, message in result.stderr) == (2, True), result.stderr
    for arguments, message in (
        (
            ["-", "--as", "Hero"],
            "standard input is read as ndjson\n  omit it; or if the file is CSV",
        ),
        (["a.json"], "but a.json is read as json\n  omit it; or if the file is CSV"),
        (["new.csv"], "give --as ENTITY"),
        (["new.csv", "--as", "Hero", "--delimiter", "x"], "separated by one of ','"),
    ):
        result = run("load", "--delimiter", ";", *arguments)
        assert (result.exit_code, message in result.stderr) == (2, True), result.stderr
    assert Path("new.csv").read_text() == "name\nCid\n"


def test_only_errors_of_the_database_name_the_origin_of_its_url(
    run: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    refused = run("shell", "-c", "1", "--database", "sqlite:////nowhere/a.db")
    assert refused.stderr.endswith("  the URL is from --database\n")
    monkeypatch.setenv("DATABASE_READ_URL", "postgresql://replica/app")
    refused = run("shell", "-c", "1")
    assert refused.stderr == (
        "error: DATABASE_READ_URL is set, but the application reads from no replica\n"
        "  write 'read_replica: true' in crudgen.yaml, or remove the variable\n"
    )
