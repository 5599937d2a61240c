"""`alembic upgrade head` in an emitted project keeps all rows, and changes all or nothing."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import psycopg
import pytest

from crudgen.errors import DatabaseError
from crudgen.evolution import applying_postgresql
from crudgen.kit.database.connections import Connector
from crudgen.kit.database.migrations import connect
from crudgen.kit.errors import StartupError
from crudgen.kit.migrations import transactions
from crudgen.language.schema import KitForm
from tests.evolution.changed import Changed
from tests.migrations.written import (
    FIRST,
    KINDS,
    MODELS,
    REVISIONS,
    SCHEMA,
    THIRD,
    NewDatabase,
    Project,
    database,
    missing,
    old_tables,
    project,
)
from tests.startup.started import application

OWN_OBJECTS = (
    "CREATE TABLE pet (hero_id BIGINT REFERENCES hero (id) ON DELETE CASCADE, id INTEGER)",
    "INSERT INTO pet SELECT id, id FROM hero",
    "CREATE INDEX own_part ON hero (upper(name) DESC) WHERE age > 1",
    "CREATE TABLE log (what TEXT)",
    "CREATE VIEW old_heroes AS SELECT name, age FROM hero WHERE age > 1",
)
SQLITE_TRIGGER = """
CREATE TRIGGER logged AFTER UPDATE OF age ON hero
BEGIN INSERT INTO log VALUES ('old'); INSERT INTO log VALUES ('new'); END
"""


def failed(done: subprocess.CompletedProcess[str]) -> str:
    """Return the message of a command that fails without a traceback."""
    assert done.returncode == 255, done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    _, _, message = done.stdout.partition("FAILED: ")
    return message.strip()


@pytest.mark.parametrize("kind", KINDS)
def test_rows_and_other_objects_are_kept(
    kind: str, emitted: Project, new_database: NewDatabase
) -> None:
    url = new_database(kind)
    found = old_tables(emitted, url)
    found.execute(*OWN_OBJECTS)
    if kind == "sqlite":
        found.execute(SQLITE_TRIGGER, "ANALYZE")
    emitted.upgrade(url)
    assert missing(found) == []
    rows = found.values("SELECT id, title, age, team_id FROM hero ORDER BY id")
    assert rows == [(1, "h1", 1, 2), (2, "h2", 0, 1), (3, "h3", 3, 2), (4, "h4", 4, 1)]
    assert found.values("SELECT id, hero_id FROM pet ORDER BY id") == [(n, n) for n in range(1, 5)]
    assert found.values("SELECT * FROM old_heroes ORDER BY 1") == [("h3", 3), ("h4", 4)]
    found.execute("INSERT INTO hero (title, age) VALUES ('new', 6)")
    assert found.values("SELECT max(id) FROM hero") == [(6,)]
    if kind == "sqlite":
        objects = dict(found.values("SELECT name, sql FROM sqlite_master WHERE tbl_name = 'hero'"))
        assert {"own_part", "logged", "ix_hero_team_id_id", "ix_hero_title"} < objects.keys()
        assert "WHERE age > 1" in objects["own_part"]
        found.execute("UPDATE hero SET age = 9 WHERE id = 1")
        assert found.values("SELECT what FROM log") == [("old",), ("new",)]
        assert found.values("SELECT count(*) FROM sqlite_stat1 WHERE tbl = 'hero'") != [(0,)]
        found.execute("DELETE FROM hero WHERE id = 1")
        assert found.values("SELECT count(*) FROM pet") == [(3,)]  # its key refers to the new table


@pytest.mark.parametrize("kind", KINDS)
def test_rows_in_the_way_stop_the_revision(
    kind: str, emitted: Project, new_database: NewDatabase
) -> None:
    url = new_database(kind)
    found = old_tables(emitted, url)
    found.execute("UPDATE hero SET age = -1 WHERE id IN (1, 3)")
    before = found.everything()
    assert failed(emitted.run(url, "alembic", "upgrade", "head")) == (
        "2 rows prevent this revision, which changed nothing: hero.age: it is less than 0\n"
        "  SELECT * FROM hero WHERE NOT age >= 0"
    )
    assert found.everything() == before
    found.execute("UPDATE hero SET age = 1 WHERE age < 0")
    emitted.upgrade(url)
    assert missing(found) == []


def test_a_column_that_no_revision_knows_stops_a_rebuild(
    emitted: Project, new_database: NewDatabase
) -> None:
    url = new_database("sqlite")
    found = old_tables(emitted, url)
    found.execute("ALTER TABLE hero ADD COLUMN Note TEXT", "UPDATE hero SET Note = 'x'")
    before = found.everything()
    message = failed(emitted.run(url, "alembic", "upgrade", "head"))
    assert message.startswith("table hero: the revision would lose the values of note, and changed")
    assert found.everything() == before


def test_a_generated_column_that_no_revision_knows_stops_a_rebuild(
    emitted: Project, new_database: NewDatabase
) -> None:
    url = new_database("sqlite")
    found = old_tables(emitted, url)
    found.execute("ALTER TABLE hero ADD COLUMN double AS (2 * age)")
    assert "values of double" in failed(emitted.run(url, "alembic", "upgrade", "head"))


def changed(sql: str, *pairs: tuple[str, str]) -> str:
    """Return a statement with other parts, each of which it has."""
    for old, new in pairs:
        assert old in sql
        sql = sql.replace(old, new)
    return sql


def with_own_clauses(emitted: Project, url: str, *pairs: tuple[str, str]) -> Changed:
    """Return a database before the rebuild, whose user has changed the text of the table."""
    found = old_tables(emitted, url)
    ((sql,),) = found.values("SELECT sql FROM sqlite_master WHERE name = 'hero'")
    other = changed(sql, ("TABLE hero", "TABLE other"), *pairs)
    found.execute(
        "PRAGMA foreign_keys = OFF",
        other,
        "INSERT INTO other SELECT * FROM hero",
        "DROP TABLE hero",
        "ALTER TABLE other RENAME TO hero",
        "CREATE INDEX ix_hero_team_id_id ON hero (team_id, id)",
        "CREATE INDEX ix_hero_name ON hero (name)",
    )
    return found


def test_constraints_of_the_user_are_kept_by_a_rebuild(
    emitted: Project, new_database: NewDatabase
) -> None:
    url = new_database("sqlite")
    found = with_own_clauses(
        emitted,
        url,
        ("name VARCHAR NOT NULL", "name VARCHAR COLLATE NOCASE NOT NULL UNIQUE"),
        ("age BIGINT", "age BIGINT DEFAULT 7 CHECK (age <> 9)"),
        ("team_id BIGINT,", "team_id BIGINT DEFAULT 1 REFERENCES team, -- (two,"),
        ("ON DELETE CASCADE", "ON DELETE CASCADE, CONSTRAINT mine CHECK (name <> 'CHECK (')"),
    )
    done = emitted.run(url, "alembic", "upgrade", "head")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "table hero: the values change, and their default is removed: age: DEFAULT 7" in (
        done.stdout + done.stderr
    )
    ((sql,),) = found.values("SELECT sql FROM sqlite_master WHERE name = 'hero'")
    sql = sql.replace('"', "")
    for text in (
        "title VARCHAR NOT NULL COLLATE NOCASE,",
        "team_id BIGINT DEFAULT 1,",
        "UNIQUE (title)",
        "CHECK (age <> 9)",
        "FOREIGN KEY (team_id) REFERENCES team",
        "CONSTRAINT mine CHECK (title <> 'CHECK (')",
    ):
        assert text in sql
    assert "80" not in sql
    with pytest.raises(DatabaseError, match="CHECK constraint failed: age <> 9"):
        found.execute("UPDATE hero SET age = 9")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "CONSTRAINT fk_hero_team_id",
            "CONSTRAINT ck_hero_own CHECK (age <> 9), CONSTRAINT fk_hero_team_id",
            "the revision would remove CONSTRAINT ck_hero_own CHECK (age <> 9), and changed",
        ),
        ("name VARCHAR NOT NULL", "name VARCHAR NOT NULL ON CONFLICT IGNORE", "ON CONFLICT IGNORE"),
        ("CHECK (length(name)", "UNIQUE (name) ON CONFLICT FAIL, CHECK (length(name)", "FAIL"),
    ],
)
def test_what_a_rebuild_cannot_keep_stops_it(
    old: str, new: str, message: str, emitted: Project, new_database: NewDatabase
) -> None:
    url = new_database("sqlite")
    found = with_own_clauses(emitted, url, (old, new))
    before = found.everything()
    assert message in failed(emitted.run(url, "alembic", "upgrade", "head"))
    assert found.everything() == before


def test_a_column_that_would_not_be_generated_any_more_stops_a_rebuild(
    emitted: Project, new_database: NewDatabase
) -> None:
    url = new_database("sqlite")
    found = old_tables(emitted, url)
    found.execute(
        "ALTER TABLE hero DROP COLUMN age", "ALTER TABLE hero ADD COLUMN age BIGINT AS (id * 2)"
    )
    before = found.everything()
    assert "age would not be generated" in failed(emitted.run(url, "alembic", "upgrade", "head"))
    assert found.everything() == before


def test_a_view_or_a_reference_that_breaks_stops_all(
    emitted: Project, new_database: NewDatabase
) -> None:
    url = new_database("sqlite")
    found = old_tables(emitted, url)
    found.execute("CREATE VIEW codes AS SELECT code FROM hero")
    before = found.everything()
    message = failed(emitted.run(url, "alembic", "upgrade", "head"))
    assert message.startswith("error in view codes: no such column: code: nothing changed")
    assert found.everything() == before


def test_rows_that_would_refer_to_no_row_stop_all(
    tmp_path: Path, new_database: NewDatabase
) -> None:
    deletes = FIRST.split("def upgrade")[0].replace('"0001"', '"0002"').replace("None", '"0001"')
    deletes += 'def upgrade() -> None:\n    run(sqlite=["DELETE FROM team WHERE id = 1"])\n'
    own = project(tmp_path / "project", {"0001_first.py": FIRST, "0002_delete.py": deletes})
    url = new_database("sqlite")
    found = old_tables(own, url)
    before = found.everything()
    message = failed(own.run(url, "alembic", "upgrade", "head"))
    assert message == "2 rows of hero would refer to no row of team: nothing changed"
    assert found.everything() == before
    found.execute("PRAGMA foreign_keys = OFF", "DELETE FROM team WHERE id = 1")
    own.upgrade(url)  # they are orphans already
    assert found.values("SELECT version_num FROM alembic_version") == [("0002",)]


@pytest.mark.parametrize("kind", KINDS)
def test_a_statement_that_fails_has_a_message(
    kind: str, emitted: Project, new_database: NewDatabase
) -> None:
    url = new_database(kind)
    found = old_tables(emitted, url)
    found.execute("DROP INDEX ix_hero_name")
    before = found.everything()
    message = failed(emitted.run(url, "alembic", "upgrade", "head"))
    assert "ix_hero_name" in message.splitlines()[0]
    assert "statement: DROP INDEX ix_hero_name" in message
    assert found.everything() == before


@pytest.mark.parametrize("kind", KINDS)
def test_tables_without_a_revision_are_adopted_by_a_stamp(
    kind: str, emitted: Project, new_database: NewDatabase
) -> None:
    url = new_database(kind)
    application(SCHEMA).start(url)
    found = database(url)
    found.execute("INSERT INTO team (name) VALUES ('one')")
    message = failed(emitted.run(url, "alembic", "upgrade", "head"))
    assert "already exists" in message.splitlines()[0]
    assert "alembic stamp head" in message
    assert emitted.run(url, "alembic", "stamp", "head").returncode == 0
    emitted.upgrade(url)
    assert found.values("SELECT name FROM team") == [("one",)]
    plan = found.plan(MODELS.target())
    assert plan.is_empty
    assert not any("alembic" in str(note) for note in plan.notes)


@pytest.mark.long
@pytest.mark.parametrize("kit", [KitForm.PLAIN, KitForm.LIBRARY])
def test_other_forms_of_the_kit_migrate(
    kit: KitForm, tmp_path: Path, new_database: NewDatabase
) -> None:
    own, url = project(tmp_path / "project", REVISIONS, kit), new_database("postgresql")
    if kit is KitForm.LIBRARY:
        command = [sys.executable, "-m", "alembic", "upgrade", "head"]
        environment = own.environment(url)
        subprocess.run(command, cwd=own.folder, env=environment, check=True, capture_output=True)
    else:
        own.upgrade(url)
    assert missing(database(url)) == []


def test_the_statements_for_postgresql_can_be_printed(
    emitted: Project, new_database: NewDatabase
) -> None:
    url = new_database("postgresql")
    done = emitted.run(url, "alembic", "upgrade", "head", "--sql")
    assert done.returncode == 0, done.stderr
    with psycopg.connect(url, autocommit=True) as connection:
        before, text = done.stdout.split("DROP INDEX CONCURRENTLY", 1)
        connection.execute(before)
        for statement in f"DROP INDEX CONCURRENTLY{text}".split(";\n\n"):
            connection.execute(statement.encode())
    assert missing(database(url)) == []
    assert emitted.run(url, "alembic", "current").stdout.strip() == "0003 (head)"


def test_the_printed_statements_stop_at_rows_in_the_way(
    emitted: Project, new_database: NewDatabase
) -> None:
    url = new_database("postgresql")
    found = old_tables(emitted, url)
    found.execute("UPDATE hero SET age = -1 WHERE id = 1")
    done = emitted.run(url, "alembic", "upgrade", "0001:0002", "--sql")
    with (
        psycopg.connect(url, autocommit=True) as connection,
        pytest.raises(psycopg.errors.RaiseException, match=r"hero\.age: it is less than 0"),
    ):
        connection.execute(done.stdout.encode())


def test_a_rebuild_cannot_be_printed(emitted: Project, new_database: NewDatabase) -> None:
    done = emitted.run(new_database("sqlite"), "alembic", "upgrade", "head", "--sql")
    assert "run it without --sql" in failed(done)


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({"DATABASE_URL": "mysql://host/x"}, "the URL is neither for SQLite nor for PostgreSQL"),
        ({"DATABASE_URL": "sqlite:////nowhere/app.db"}, "the directory /nowhere does not exist"),
        ({"DATABASE_URL": "postgresql://u:secret@127.0.0.1:1/x"}, "127.0.0.1:1"),
        ({"MAX_BODY_BYTES": "many"}, "max_body_bytes"),
    ],
)
def test_a_database_that_cannot_be_used_has_a_message(
    emitted: Project, variables: dict[str, str], expected: str
) -> None:
    done = emitted.run("sqlite:///unused.db", "alembic", "upgrade", "head", **variables)
    assert expected in failed(done)
    assert "secret" not in done.stdout + done.stderr


def test_there_is_no_way_back(emitted: Project, new_database: NewDatabase) -> None:
    url = new_database("sqlite")
    emitted.upgrade(url)
    before = database(url).everything()
    message = failed(emitted.run(url, "alembic", "downgrade", "-1"))
    assert message == "write a revision that undoes it"
    assert database(url).everything() == before


@pytest.mark.parametrize("kind", KINDS)
def test_two_heads_are_merged(kind: str, tmp_path: Path, new_database: NewDatabase) -> None:
    head = THIRD.partition("def upgrade")[0].replace('"0003"', '"0003b"')
    other = head + "def upgrade() -> None:\n    in_background()\n"
    own, url = project(tmp_path / "project"), new_database(kind)
    own.revise("0003b_other.py", other)
    assert "Multiple head revisions" in failed(own.run(url, "alembic", "upgrade", "head"))
    done = own.run(url, "alembic", "merge", "heads", "-m", "merge", "--rev-id", "0004")
    assert done.returncode == 0, done.stdout + done.stderr
    check = [sys.executable, "-m", "ruff", "check", "--no-cache"]
    assert subprocess.run(check, cwd=own.folder, check=False).returncode == 0
    own.upgrade(url)
    assert missing(database(url)) == []
    assert own.run(url, "alembic", "current").stdout.strip() == "0004 (head) (mergepoint)"


def test_a_pooler_is_refused(new_database: NewDatabase, monkeypatch: pytest.MonkeyPatch) -> None:
    """Behind a pooler, the lock would belong to a session of several clients."""
    connects = Connector.connect_for_sessions

    def through_a_pooler(connector: Connector) -> Any:
        connection = connects(connector)
        connection.is_pooled = True
        return connection

    monkeypatch.setattr(Connector, "connect_for_sessions", through_a_pooler)
    with pytest.raises(StartupError, match="set DATABASE_URL to the URL of the server itself"):
        connect(new_database("postgresql"))


def test_migrations_and_apply_exclude_each_other() -> None:
    assert transactions.LOCK == applying_postgresql.LOCK
