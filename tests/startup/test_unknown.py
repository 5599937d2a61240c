"""What the database has and no model knows: kept and noted, unless requests would fail by it."""

import logging
import sqlite3
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from tests.startup.started import application

pytestmark = pytest.mark.long

SPEC = "name: Robot\nfields:\n  name: str(1..80) index\n  age: int(0..)?\n"
APP = application(SPEC)
BOTH = {
    "a nullable column": "ALTER TABLE robot ADD COLUMN note text",
    "a column with a default": "ALTER TABLE robot ADD COLUMN rank bigint NOT NULL DEFAULT 1",
    "a column with a rule": "ALTER TABLE robot ADD COLUMN rank bigint"
    " CONSTRAINT ck_robot_rank_range CHECK (rank > 0)",
    "an index of its own": "CREATE INDEX by_age ON robot (age)",
    "an index of an expression": "CREATE INDEX by_length ON robot (length(name)) WHERE age > 7",
    "a unique rule of the user": "CREATE UNIQUE INDEX one_name ON robot (name, age)",
    "a table": "CREATE TABLE other (id bigint)",
    "a view": "CREATE VIEW names AS SELECT name FROM robot",
}
SQLITE = {
    "a trigger": "CREATE TRIGGER t AFTER INSERT ON robot BEGIN SELECT 1; END",
    "a computed column": "ALTER TABLE robot ADD COLUMN twice BIGINT NOT NULL AS (age * 2)",
}
POSTGRESQL = {
    "a trigger": "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS"
    " 'BEGIN RETURN NEW; END'; CREATE TRIGGER t BEFORE INSERT ON robot"
    " FOR EACH ROW EXECUTE FUNCTION f()",
    "a rule of the user": "ALTER TABLE robot ADD CHECK (name <> 'x')",
    "a reference": "CREATE TABLE other (id bigint PRIMARY KEY);"
    "ALTER TABLE robot ADD FOREIGN KEY (age) REFERENCES other",
    "a unique column": "ALTER TABLE robot ADD COLUMN code text UNIQUE",
    "a counted column": "ALTER TABLE robot ADD COLUMN number bigserial",
    "an identity": "ALTER TABLE robot ADD COLUMN n bigint GENERATED ALWAYS AS IDENTITY",
    "a computed column": "ALTER TABLE robot ADD COLUMN twice bigint NOT NULL"
    " GENERATED ALWAYS AS (1) STORED",
    "a default of a known column": "ALTER TABLE robot ALTER COLUMN name SET DEFAULT 'x'",
    "a rule that is not checked yet": "ALTER TABLE robot DROP CONSTRAINT ck_robot_age_range,"
    " ADD CONSTRAINT ck_robot_age_range CHECK (age >= 0) NOT VALID",
}
REFUSED = {
    "a required column": "ALTER TABLE robot ADD COLUMN note text NOT NULL",
    "a default of null": "ALTER TABLE robot ADD COLUMN note text NOT NULL DEFAULT NULL",
    "a required domain": "CREATE DOMAIN label AS text NOT NULL; ALTER TABLE robot ADD n label",
    "a narrower rule": "ALTER TABLE robot DROP CONSTRAINT ck_robot_age_range,"
    " ADD CONSTRAINT ck_robot_age_range CHECK (age >= 10)",
    "a rule of before": "ALTER TABLE robot ADD CONSTRAINT ck_robot_name_words"
    " CHECK (name IN ('a', 'b'))",
    "a unique rule of before": "ALTER TABLE robot ADD CONSTRAINT uq_robot_name UNIQUE (name)",
    "a missing rule": "ALTER TABLE robot DROP CONSTRAINT ck_robot_age_range",
    "a renamed column": "ALTER TABLE robot RENAME COLUMN age TO years",
    "a computed known column": "ALTER TABLE robot DROP COLUMN age;"
    "ALTER TABLE robot ADD age bigint GENERATED ALWAYS AS (1) STORED CHECK (age >= 0)",
    "an order of its own": 'ALTER TABLE robot ALTER COLUMN name TYPE varchar COLLATE "default"',
    "a view in its place": "ALTER TABLE robot RENAME TO r; CREATE VIEW robot AS SELECT * FROM r",
}


def cases() -> list[tuple[str, str]]:
    sqlite = [("sqlite", what) for what in (BOTH | SQLITE)]
    return sqlite + [("postgresql", what) for what in (BOTH | POSTGRESQL)]


@pytest.mark.parametrize(("kind", "what"), cases())
def test_it_is_kept_and_the_start_goes_on(
    new_database: Callable[[str], str],
    caplog: pytest.LogCaptureFixture,
    kind: str,
    what: str,
) -> None:
    url = new_database(kind)
    APP.start(url)
    if kind == "sqlite":
        with sqlite3.connect(url.removeprefix("sqlite:///")) as lite:
            lite.execute((BOTH | SQLITE)[what])
    else:
        with psycopg.connect(url) as connection:
            connection.execute((BOTH | POSTGRESQL)[what])
    with caplog.at_level(logging.WARNING):
        APP.start(url)
    silent = {"a table", "a view", "an index of its own", "an index of an expression"}
    silent |= {"a default of a known column", "a rule that is not checked yet"}
    assert ("they are kept" in caplog.text) == (what not in silent), caplog.text
    if "column" in what and what not in silent:
        assert "table robot: column" in caplog.text


@pytest.mark.parametrize("what", REFUSED)
def test_what_makes_requests_fail_is_refused(new_database: Callable[[str], str], what: str) -> None:
    url = new_database("postgresql")
    APP.start(url)
    with psycopg.connect(url) as connection:
        connection.execute(REFUSED[what])
    with pytest.raises(APP.startup_error, match="table robot: "):
        APP.start(url)


def test_a_version_goes_forth_and_back(new_database: Callable[[str], str]) -> None:
    """The new version's column, rule and index are there; the old version starts on them."""
    for kind in ("sqlite", "postgresql"):
        url = new_database(kind)
        newer = application(f"{SPEC}  rank: int(1..9)? index\n  code: str? unique\n")
        newer.start(url)
        APP.start(url)
        newer.start(url)


def test_an_index_by_another_name_serves(tmp_path: Path) -> None:
    APP.start(f"sqlite:///{tmp_path}/app.db")
    with sqlite3.connect(tmp_path / "app.db") as connection:
        connection.execute("DROP INDEX ix_robot_name")
        connection.execute("CREATE INDEX mine ON robot (name)")
    APP.start(f"sqlite:///{tmp_path}/app.db")
    with sqlite3.connect(tmp_path / "app.db") as connection:
        names = connection.execute("SELECT name FROM sqlite_master WHERE type = 'index'").fetchall()
    assert names == [("mine",)]


def test_an_index_of_our_name_on_something_else_is_noted(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    APP.start(f"sqlite:///{tmp_path}/app.db")
    with sqlite3.connect(tmp_path / "app.db") as connection:
        connection.execute("DROP INDEX ix_robot_name")
        connection.execute("CREATE INDEX ix_robot_name ON robot (age)")
    APP.start(f"sqlite:///{tmp_path}/app.db")
    assert "index ix_robot_name: (age) in the database, (name) in the models" in caplog.text


def test_a_name_that_another_table_took_is_noted(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """SQLite and PostgreSQL have one name for one index, whatever the table."""
    url = f"sqlite:///{tmp_path}/app.db"
    APP.start(url)
    with sqlite3.connect(tmp_path / "app.db") as connection:
        connection.execute("DROP INDEX ix_robot_name")
        connection.execute("CREATE TABLE other (a)")
        connection.execute("CREATE INDEX ix_robot_name ON other (a)")
    APP.start(url)
    assert "lacks indexes that cannot be created: CREATE INDEX ix_robot_name" in caplog.text


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_a_table_whose_name_is_taken_is_refused(
    new_database: Callable[[str], str], kind: str
) -> None:
    url = new_database(kind)
    if kind == "sqlite":
        with sqlite3.connect(url.removeprefix("sqlite:///")) as lite:
            lite.execute("CREATE TABLE other (a)")
            lite.execute("CREATE INDEX robot ON other (a)")
    else:
        with psycopg.connect(url) as connection:
            connection.execute("CREATE SEQUENCE robot")
    with pytest.raises(
        APP.startup_error, match=r"robot cannot be created: (an index|a sequence) has this name"
    ) as caught:
        APP.start(url)
    assert len(str(caught.value).splitlines()) == 2
