"""`crudgen shell` runs Python code with the models and a session."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import text, update
from sqlmodel import select

from crudgen.cli.python_console import DatabaseConsole, change_detector, run_code
from crudgen.language import load_texts
from tests.cli.test_cli import ENVIRONMENT, Project
from tests.data.filled import opened

ADD = "session.add(Hero(name='Ann', age=3))"


def test_code_uses_the_models_and_a_session(tmp_path: Path) -> None:
    project = Project(tmp_path)
    project.write("entities/team.yaml", "name: Team\nfields: {name: str}\nlinks: {heroes: Hero}\n")
    done = project.run("shell", "-c", f"{ADD}\nsession.commit()\nprint(TeamHeroLink.__name__)")
    assert (done.stdout, done.stderr) == ("TeamHeroLink\n", "")
    done = project.run("shell", "-c", "print(session.exec(select(Hero)).one().age, app.title)")
    assert done.stdout == "3 crudgen API\n"
    done = project.run("shell", "-c", ADD)
    assert done.stderr == "note: changes were not committed: call session.commit()\n"
    wrong = "session.add(Hero(name='Bob', age=-1))\nsession.commit()"
    done = project.run("shell", "-c", wrong, code=1)
    assert done.stderr.startswith("error: the database rejected a statement: CHECK constraint")
    assert project.run("shell", "-c", "raise SystemExit(3)", code=3).stderr == ""


@pytest.mark.long
def test_code_comes_from_a_pipe(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "crudgen", "shell"],
        cwd=Project(tmp_path).folder,
        env=ENVIRONMENT,
        input=f"{ADD}\nsession.flush()\nprint(session.exec(select(Hero)).first())\n1 / 0\n",
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 1
    assert "name='Ann'" in done.stdout
    assert done.stderr.startswith('Traceback (most recent call last):\n  File "<stdin>", line 4')
    assert done.stderr.endswith("ZeroDivisionError: division by zero\n")


def test_a_terminal_shows_errors_of_the_database_as_messages(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    schema = load_texts({"hero.yaml": "name: Hero\nfields: {name: str, age: int(0..)?}\n"})
    with opened(schema, f"sqlite:///{tmp_path}/a.db") as application:
        model = application.table_model(schema.entities[0])
        console = DatabaseConsole(
            {"session": application.session, "Hero": model}, application.session
        )
        console.push("session.add(Hero(name='Bob', age=-1))")
        console.push("session.commit()")
        found = capsys.readouterr().err
        assert found.startswith("error: the database rejected a statement: CHECK constraint")
        assert found.endswith("  rolled back\n")
        console.push("session.add(Hero(name='Bob', age=1)); session.commit()")  # it is usable
        console.push("nothing")
        assert "NameError" in capsys.readouterr().err
        with pytest.raises(SystemExit):
            run_code("x =", "<string>", {})
        assert capsys.readouterr().err.startswith('  File "<string>", line 1')


def test_changes_that_are_not_committed_are_noticed(tmp_path: Path) -> None:
    schema = load_texts({"hero.yaml": "name: Hero\nfields: {name: str, age: int(0..)?}\n"})
    with opened(schema, f"sqlite:///{tmp_path}/a.db") as application:
        session, model = application.session, application.table_model(schema.entities[0])
        has_changes = change_detector(session)
        session.exec(select(model)).all()
        assert not has_changes()
        session.add(model(name="Ann"))
        assert has_changes()
        session.exec(select(model)).all()  # it flushes the new row
        assert has_changes()
        with session.begin_nested():
            session.execute(update(model).values(age=3))
        assert has_changes()
        session.commit()
        assert not has_changes()
        session.execute(update(model).values(age=4))
        assert has_changes()
        session.rollback()
        assert not has_changes()
        for reading in (
            "SELECT 1",
            " with one AS (SELECT 1) SELECT * FROM one",
            "EXPLAIN SELECT 1",
            "EXPLAIN DELETE FROM hero",
            "WITH one AS (SELECT 1) SELECT 'delete', name AS \"update\" FROM hero -- insert",
        ):
            session.execute(text(reading)).all()
            assert not has_changes()
        for change in (
            "UPDATE hero SET age = 5",
            "WITH one AS (SELECT 1) DELETE FROM hero",
            "-- all\nDELETE FROM hero",
            "CREATE TABLE other (id INTEGER)",
        ):
            session.execute(text(change))
            assert has_changes()
            session.rollback()
            assert not has_changes()
        session.connection().exec_driver_sql("DELETE FROM hero")
        assert has_changes()


READING = (
    "EXPLAIN SELECT 1",
    "EXPLAIN ANALYZE SELECT 1",
    "EXPLAIN DELETE FROM hero",
    "SELECT * FROM hero FOR UPDATE",
    "WITH one AS (SELECT 1) SELECT * FROM hero FOR NO KEY UPDATE",
    "SHOW search_path",
)
CHANGES = (
    "EXPLAIN ANALYZE DELETE FROM hero",
    "EXPLAIN (costs off, analyze) UPDATE hero SET age = 5",
    "EXPLAIN ANALYZE WITH one AS (DELETE FROM hero RETURNING *) SELECT * FROM one",
    "EXPLAIN ANALYZE CREATE TABLE other AS SELECT 1",
    "WITH one AS (DELETE FROM hero RETURNING *) SELECT * FROM one",
    "SELECT name INTO other FROM hero",
)


def test_statements_of_postgresql_that_change_rows_are_noticed(
    new_database: Callable[[str], str],
) -> None:
    schema = load_texts({"hero.yaml": "name: Hero\nfields: {name: str, age: int?}\n"})
    with opened(schema, new_database("postgresql")) as application:
        session = application.session
        has_changes = change_detector(session)
        for statement in (*READING, *CHANGES):
            session.execute(text(statement))
            assert has_changes() == (statement in CHANGES), statement
            session.rollback()
