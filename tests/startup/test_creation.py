"""Creating: one process after another, as long as it takes, in a database that can hold it all."""

import logging
import sqlite3
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import Connection, event

from tests.startup.started import application

pytestmark = pytest.mark.long

APP = application("name: Robot\nfields:\n  name: str(1..80)\n")
INDEXED = application("name: Robot\nfields:\n  name: str(1..80) index\n")


def locks(url: str) -> list[str]:
    """Start, and return the statements that take a lock or create."""
    engine = APP.engine(url)
    seen: list[str] = []

    def note(*given: object) -> None:
        sql = str(given[2])
        if "advisory" in sql or sql.startswith(("CREATE", "\nCREATE", "BEGIN I")):
            seen.append(sql)

    event.listen(engine, "before_cursor_execute", note)
    APP.prepare(engine)
    return seen


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_a_start_without_anything_to_create_locks_nothing(
    new_database: Callable[[str], str], kind: str
) -> None:
    url = new_database(kind)
    assert locks(url)
    assert locks(url) == []


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_many_that_start_at_once_agree_on_the_secret(
    new_database: Callable[[str], str], kind: str
) -> None:
    url = new_database(kind)
    together = threading.Barrier(8)

    def start(_: int) -> bytes:
        together.wait()
        return APP.start(url)

    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(start, range(8)))) == 1


def test_an_index_may_take_longer_than_a_statement_of_a_request(
    new_database: Callable[[str], str],
) -> None:
    url = new_database("postgresql")
    APP.start(url)
    with psycopg.connect(url) as connection:
        connection.execute(
            "INSERT INTO robot (name) SELECT md5(n::text) FROM generate_series(1, 200000) AS n"
        )
    engine = INDEXED.engine(url)

    @event.listens_for(engine, "connect")
    def short(connection: psycopg.Connection, _: object) -> None:
        connection.execute("SET statement_timeout = '50ms'")
        connection.commit()

    INDEXED.prepare(engine)
    with psycopg.connect(url) as connection:
        found = connection.execute("SELECT to_regclass('ix_robot_name') IS NOT NULL").fetchone()
    assert found == (True,)


@pytest.mark.parametrize("state", ["undefined_function", "feature_not_supported"])
def test_an_engine_without_advisory_locks(
    new_database: Callable[[str], str], caplog: pytest.LogCaptureFixture, state: str
) -> None:
    caplog.set_level(logging.WARNING)
    """An engine that speaks PostgreSQL's protocol, and raises what those do."""
    url = new_database("postgresql")
    engine = APP.engine(url)
    function = (
        "CREATE FUNCTION pg_temp.pg_advisory_xact_lock(bigint) RETURNS void LANGUAGE plpgsql"
        f" AS $$ BEGIN RAISE SQLSTATE '{'42883' if state.startswith('un') else '0A000'}'; END $$"
    )

    @event.listens_for(engine, "connect")
    def replace_function(connection: psycopg.Connection, _: object) -> None:
        connection.execute(function)
        connection.commit()

    @event.listens_for(engine, "before_cursor_execute", retval=True)
    def use_it(_c: Connection, _d: object, sql: str, given: object, *_: object) -> object:
        return sql.replace("pg_catalog.pg_advisory", "pg_temp.pg_advisory"), given

    secret = APP.prepare(engine)
    assert "has no advisory locks" in caplog.text
    assert APP.start(url) == secret


def test_a_table_that_another_process_creates_meanwhile_is_waited_for(
    new_database: Callable[[str], str],
) -> None:
    """Where there are no advisory locks, the second one finds the table there: it tries again."""
    url = new_database("postgresql")
    engine = APP.engine(url)

    @event.listens_for(engine, "before_cursor_execute")
    def create_first(_c: Connection, _d: object, sql: str, *_: object) -> None:
        if sql.strip().startswith("CREATE TABLE robot"):
            with psycopg.connect(url) as other:
                other.execute("CREATE TABLE robot (x int)")

    with pytest.raises(APP.module("kit.errors").UnreachableError, match="already exists"):
        APP.prepare(engine)


def test_an_index_waits_for_others_that_create(
    new_database: Callable[[str], str],
) -> None:
    url = new_database("postgresql")
    key = APP.module("kit.database.tables").LOCK
    with psycopg.connect(url) as other:
        other.execute("SELECT pg_advisory_xact_lock(%s)", [key])
        with ThreadPoolExecutor(1) as pool:
            started = pool.submit(APP.start, url)
            time.sleep(0.5)
            assert not started.done()
            other.rollback()
            assert started.result()


@pytest.mark.parametrize("encoding", ["LATIN1", "SQL_ASCII", "EUC_JP", "WIN1252"])
def test_a_postgresql_that_cannot_hold_every_letter_is_refused(
    postgresql: str, encoding: str
) -> None:
    name = f"letters_{encoding.lower()}"
    with psycopg.connect(postgresql, autocommit=True) as connection:
        connection.execute(
            f"CREATE DATABASE {name} ENCODING '{encoding}' LOCALE 'C' TEMPLATE template0"
        )
    with pytest.raises(APP.startup_error) as caught:
        APP.start(postgresql.replace("/postgres?", f"/{name}?"))
    first, second = str(caught.value).splitlines()
    assert first == f"database X: its encoding is {encoding}, but must be UTF-8"
    assert "ENCODING 'UTF8' TEMPLATE template0" in second


@pytest.mark.parametrize("encoding", ["UTF-16le", "UTF-16be"])
def test_a_sqlite_file_in_utf_16_is_refused(tmp_path: Path, encoding: str) -> None:
    with sqlite3.connect(tmp_path / "app.db") as connection:
        connection.execute(f"PRAGMA encoding = '{encoding}'")
        connection.execute("CREATE TABLE other (x)")
    with pytest.raises(APP.startup_error) as caught:
        APP.start(f"sqlite:///{tmp_path}/app.db")
    first, second = str(caught.value).splitlines()
    assert first == f"database X: its encoding is {encoding}, but must be UTF-8"
    assert "new file" in second


@pytest.mark.long
def test_a_hundred_entities_are_compared_in_a_moment(
    new_database: Callable[[str], str],
) -> None:
    fields = "".join(f"  f{number}: str(1..{number + 1}) = x\n" for number in range(10))
    app = application(
        {f"e{n}.yaml": f"name: Entity{n}\nplural: es{n}\nfields:\n{fields}" for n in range(100)}
    )
    for kind in ("sqlite", "postgresql"):
        url = new_database(kind)
        app.start(url)
        begun = time.monotonic()
        app.start(url)
        assert time.monotonic() - begun < 5, kind
