"""The start: missing tables are made, a differing one stops it with the exact difference."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from crudgen.errors import SpecError
from crudgen.language import load_texts
from tests.support import forked
from tests.support.servers import Servers

FIRST = """
name: Robot
fields:
  name: str(1..80) index
  age: int(0..)?
  price: decimal(10,2)
  mood: enum(calm, wild) = calm
"""
SECOND = """
name: Robot
fields:
  name: str(1..60) unique
  age: int(0..)
  weight: float?
  price: decimal(12,2)
  mood: enum(calm, wild, odd) = calm
"""


def serve(folder: Path, text: str, database: str) -> subprocess.CompletedProcess[str]:
    """Serve a spec that is refused; a spec that starts would run into the time limit."""
    (folder / "entities").mkdir(exist_ok=True)
    (folder / "entities/robot.yaml").write_text(text)
    options = ("--port", "0", "--no-follow", "--database", database)
    return forked.run("crudgen", "serve", *options, folder=folder, environment=os.environ)


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_a_table_that_differs_stops_the_start(
    tmp_path: Path, servers: Servers, new_database: Callable[[str], str], kind: str
) -> None:
    database = new_database(kind)
    spec = tmp_path / "entities"
    spec.mkdir()
    (spec / "robot.yaml").write_text(FIRST)
    first = servers.start(spec, "served", database)
    assert first.ask("POST", "/robots/", json={"name": "R2", "price": "1.00"}).is_success
    first.stop()

    refused = serve(tmp_path, SECOND, database)
    assert refused.returncode == 1, refused
    assert "Traceback" not in refused.stderr
    for expected in (
        "table robot: column weight: missing from the database",
        "table robot: column age:",
        "table robot: check ck_robot_name_length:",
        "table robot: check ck_robot_mood_words:",
        "table robot: unique (name): missing from the database",
        "crudgen apply changes it",
    ):
        assert expected in refused.stderr
    if kind == "postgresql":
        assert "column price: numeric(10,2) NOT NULL in the database" in refused.stderr

    emitted = servers.start(spec, "emitted", database, wait=False)
    assert emitted.process.wait(90) != 0
    log = emitted.log.read_text()
    assert "table robot: column weight: missing from the database" in log
    assert "Traceback" not in log

    (spec / "robot.yaml").write_text(FIRST)
    servers.start(spec, "served", database).stop()


def test_a_right_that_is_missing_stops_the_start_with_a_remedy(
    tmp_path: Path, new_database: Callable[[str], str]
) -> None:
    database = new_database("postgresql")
    with psycopg.connect(database) as connection:
        connection.execute("CREATE ROLE starter LOGIN")
    refused = serve(tmp_path, FIRST, database.replace("postgres:@", "starter@"))
    assert refused.returncode == 1, refused
    _, remedy, origin = refused.stderr.splitlines()
    assert remedy == "  GRANT CREATE ON SCHEMA public TO starter"
    assert origin == "  the URL is from --database"
    with psycopg.connect(database) as connection:
        connection.execute("DROP ROLE starter")


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_new_entities_and_indexes_need_no_migration(
    tmp_path: Path, servers: Servers, new_database: Callable[[str], str], kind: str
) -> None:
    database = new_database(kind)
    spec = tmp_path / "entities"
    spec.mkdir()
    (spec / "robot.yaml").write_text(FIRST)
    servers.start(spec, "served", database).stop()
    (spec / "robot.yaml").write_text(FIRST.replace("age: int(0..)?", "age: int(0..)? index"))
    (spec / "part.yaml").write_text("name: Part\nfields:\n  name: str unique\n")
    second = servers.start(spec, "served", database)
    assert second.ask("POST", "/parts/", json={"name": "arm"}).is_success
    indexes = {index.name for index in second.tables.tables["robot"].indexes}
    assert {"ix_robot_name", "ix_robot_age"} <= indexes
    second.stop()


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("sqlite://", "each connection would have its own database in memory"),
        ("sqlite:///:memory:", "each connection would have its own database in memory"),
        ("sqlite:////no/such/folder/app.db", "does not exist"),
        ("mysql://root:hunter2@localhost/x", "neither for SQLite nor for PostgreSQL"),
        ("nonsense", "neither for SQLite nor for PostgreSQL"),
    ],
)
def test_a_database_that_cannot_be_used_stops_the_start(
    tmp_path: Path, url: str, expected: str
) -> None:
    refused = serve(tmp_path, FIRST, url)
    assert refused.returncode == 1, refused
    assert expected in refused.stderr
    assert "Traceback" not in refused.stderr
    assert "hunter2" not in refused.stderr + refused.stdout


def test_a_file_that_is_no_database_stops_the_start(tmp_path: Path) -> None:
    (tmp_path / "app.db").write_text("hello " * 1000)
    refused = serve(tmp_path, FIRST, f"sqlite:///{tmp_path}/app.db")
    assert refused.returncode == 1, refused
    assert "not a database" in refused.stderr
    assert "Traceback" not in refused.stderr


@pytest.mark.long
@pytest.mark.slow
def test_processes_that_start_together_share_the_work(
    servers: Servers, new_database: Callable[[str], str], root: Path
) -> None:
    for kind in ("sqlite", "postgresql"):
        database = new_database(kind)
        spec = root / "tests/specs/zoo/entities"
        together = [servers.start(spec, "emitted", database, wait=False) for _ in range(4)]
        for api in together:
            api.wait_until_ready()
        for api in together:
            api.stop()


SQLITE_KEYWORDS = """
abort action add after all alter always analyze and as asc attach autoincrement before begin between
by cascade case cast check collate column commit conflict constraint create cross current
current_date current_time current_timestamp database default deferrable deferred delete desc detach
distinct do drop each else end escape except exclude exclusive exists explain fail filter first
following for foreign from full generated glob group groups having if ignore immediate in index
indexed initially inner insert instead intersect into is isnull join key last left like limit match
materialized natural no not nothing notnull null nulls of offset on or order others outer over
partition plan pragma preceding primary query raise range recursive references regexp reindex
release rename replace restrict returning right rollback row rows savepoint select set table temp
temporary then ties to transaction trigger unbounded union unique update using vacuum values view
virtual when where window with without
"""


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_every_keyword_of_sql_is_a_field_or_is_refused(
    tmp_path: Path,
    servers: Servers,
    new_database: Callable[[str], str],
    postgresql: str,
    kind: str,
) -> None:
    with psycopg.connect(postgresql) as connection:
        found = connection.execute("SELECT word FROM pg_get_keywords()").fetchall()
    words = sorted({str(word) for (word,) in found} | set(SQLITE_KEYWORDS.split()))
    usable = [word for word in words if accepted(word)]
    assert len(usable) > 300
    spec = tmp_path / "entities"
    spec.mkdir()
    for number, start in enumerate(range(0, len(usable), 150)):
        fields = "".join(f"  {word}: int?\n" for word in usable[start : start + 150])
        name = f"Words{'abcdefg'[number]}"
        (spec / f"{name}.yaml").write_text(
            f"name: {name}\nplural: many_{number}\nfields:\n{fields}"
        )
    api = servers.start(spec, "served", new_database(kind))
    row = dict.fromkeys(usable[:150], 7)
    created = api.ask("POST", "/many-0/", json=row)
    assert created.status_code == 200, created.text
    assert row.items() <= created.json().items()
    assert api.ask("PATCH", created.headers["location"], json=row).json() == created.json()
    api.stop()


def accepted(word: str) -> bool:
    try:
        load_texts({"a.yaml": f"name: Word\nfields:\n  {word}: int?\n  other: int?\n"})
    except SpecError:
        return False
    return True
