"""How a plan is applied: alone, all or nothing, and without long waits of others.

`KILLS=1` kills a process before every statement, instead of every eighth.
"""

import itertools
import os
import queue
import signal
import threading
from collections.abc import Callable
from unittest.mock import MagicMock

import pytest
from sqlalchemy import Connection

from crudgen.errors import DatabaseError
from crudgen.evolution import applying, applying_postgresql, applying_sqlite, blockers, planning
from crudgen.evolution.applying import Target
from crudgen.evolution.applying_sqlite import SqliteWriter
from crudgen.evolution.connecting import Database
from crudgen.evolution.counting import count_problems
from crudgen.evolution.postgresql import table as lowering
from crudgen.evolution.statements import run
from tests.evolution.changed import Changed, Spec, entity, ordered, spec

pytestmark = pytest.mark.long

EVERY = int(os.environ.get("KILLS", "8"))
BEFORE = {"name": "str(1..80) index", "age": "int?", "price": "decimal(10,2)", "mood": "enum(a, b)"}
AFTER = {
    "title": "str(1..120) unique was(name)",
    "age": "str(1..20)? index",
    "price": "decimal(12,4) index",
    "mood": "enum(a, b, c)",
    "level": "int(0..9) = 1 index",
}
PET = entity("Pet", {"name": "str", "hero_id": "-> Hero cascade"})
KINDS = ["sqlite", "postgresql"]


def start(kind: str, new_database: Callable[[str], str]) -> tuple[Changed, Spec, Target]:
    """Return a database of 20 rows, its spec and the target of its change."""
    before, after = spec(entity("Hero", BEFORE), PET), spec(entity("Hero", AFTER), PET)
    found = Changed(Database(new_database(kind)))
    found.apply(before.target())
    heroes = [{"name": f"h{n}", "age": n, "price": n, "mood": "ab"[n % 2]} for n in range(20)]
    found.insert(before, "hero", heroes)
    found.insert(before, "pet", [{"name": "x", "hero_id": n} for n in range(1, 21)])
    return found, before, after.target()


def in_process(work: Callable[[], object]) -> int:
    """Run a function in a process of its own, and return its status."""
    if child := os.fork():
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    status = 1
    try:
        work()
        status = 0
    finally:
        os._exit(status)


def dies_before(number: int, found: Changed, target: Target) -> Callable[[], object]:
    """Return a function that applies a plan, and is killed before one of its statements."""

    def work() -> object:
        numbers = iter(range(10_000))

        def count(connection: Connection, sql: str) -> object:
            if next(numbers) == number:
                os.kill(os.getpid(), signal.SIGKILL)
            return run(connection, sql)

        for module in (applying, applying_postgresql):
            module.run = count  # type: ignore[attr-defined]
        return found.apply(target, backup=False)

    return work


@pytest.mark.long_cases("postgresql")
@pytest.mark.parametrize("kind", KINDS)
def test_a_killed_process_leaves_the_old_tables_or_the_new_ones(
    kind: str, new_database: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lowering, "LARGE", 10)  # some steps follow the transaction
    number, ends = 0, set[str]()
    while True:
        found, before, target = start(kind, new_database)
        old = found.everything()
        status = in_process(dies_before(number, found, target))
        if status == 0:
            break
        assert status == -signal.SIGKILL
        if found.everything() == old:
            ends.add("old")
            assert found.plan(before.target()).is_empty
        else:
            ends.add("new")
            assert not found.plan(target).transaction_steps
        found.apply(target, backup=False)
        assert found.plan(target).is_empty
        number += EVERY
    assert number > EVERY
    assert ends == ({"old"} if kind == "sqlite" else {"old", "new"})


@pytest.mark.parametrize("kind", KINDS)
def test_an_error_rolls_everything_back(
    kind: str, new_database: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    found, _, target = start(kind, new_database)
    old = found.everything()

    def fails(*_arguments: object) -> None:
        raise KeyboardInterrupt

    for module in ("applying_sqlite", "applying_postgresql"):
        monkeypatch.setattr(f"crudgen.evolution.{module}.check_result", fails)
    with pytest.raises(KeyboardInterrupt):
        found.apply(target)
    assert found.everything() == old


@pytest.mark.parametrize("kind", KINDS)
def test_processes_that_apply_at_once_all_succeed(
    kind: str, new_database: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lowering, "LARGE", 10)
    found, _, target = start(kind, new_database)
    children = []
    for _ in range(8):
        child = os.fork()
        if not child:
            status = 1
            try:
                found.apply(target, backup=False)
                status = 0
            finally:
                os._exit(status)
        children.append(child)
    statuses = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
    assert statuses == [0] * 8
    assert found.plan(target).is_empty


@pytest.mark.parametrize("kind", KINDS)
def test_rows_are_counted_only_before_locks_are_taken(
    kind: str, new_database: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lowering, "LARGE", 10)
    found, _, target = start(kind, new_database)
    counting = MagicMock(wraps=count_problems)
    monkeypatch.setattr(planning, "counted", counting)
    found.apply(target, backup=False)
    assert counting.call_count == 1


def test_readers_of_postgresql_do_not_wait_behind_a_change(
    new_database: Callable[[str], str],
) -> None:
    """A report holds a lock. The change waits for it again and again, each time shortly."""
    found, _, target = start("postgresql", new_database)
    reads = itertools.count()
    done = threading.Event()

    def read() -> None:
        while not done.is_set():
            found.values("SELECT count(*) FROM hero WHERE id > 0")
            if next(reads) == 4:
                done.set()

    with found.database.connect() as report:
        report.exec_driver_sql("BEGIN")
        report.exec_driver_sql("LOCK TABLE hero IN ACCESS SHARE MODE")
        change = threading.Thread(target=found.apply, args=(target,))
        change.start()
        waiting = "SELECT count(*) FROM pg_locks WHERE relation = 'hero'::regclass AND NOT granted"
        while not report.exec_driver_sql(waiting).scalar_one():
            assert change.is_alive()
        reader = threading.Thread(target=read)
        reader.start()
        assert done.wait(30), "readers wait behind the change"
        assert change.is_alive()
        report.exec_driver_sql("COMMIT")
        change.join(20)
        reader.join(5)
    assert found.plan(target).is_empty


def test_a_table_in_use_has_a_message(
    new_database: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(applying_postgresql, "ATTEMPTS", 2)
    found, before, target = start("postgresql", new_database)
    with found.database.connect() as report:
        report.exec_driver_sql("BEGIN")
        report.exec_driver_sql("LOCK TABLE hero IN ACCESS SHARE MODE")
        with pytest.raises(DatabaseError, match="in use all the time"):
            found.apply(target)
        report.exec_driver_sql("COMMIT")
    assert found.plan(before.target()).is_empty


def test_a_change_of_postgresql_has_no_timeout_of_requests(
    new_database: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    found, _, target = start("postgresql", new_database)
    monkeypatch.setenv("PGOPTIONS", "-c statement_timeout=50ms")
    found.execute("SELECT pg_sleep(0.2)")
    found.apply(target)


def test_a_writer_of_sqlite_is_waited_for(
    new_database: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(applying_sqlite, "REPORT_AFTER_SECONDS", 0.1)
    found, _, target = start("sqlite", new_database)
    said: queue.Queue[str] = queue.Queue()

    with found.database.connect() as writer:
        writer.exec_driver_sql("BEGIN IMMEDIATE")
        order = applying.ApplyOptions(ordered().watch, said.put)
        change = threading.Thread(target=SqliteWriter(found.database).apply, args=(target, order))
        change.start()
        assert said.get(timeout=10) == "waiting for another process that writes to the database …"
        writer.exec_driver_sql("COMMIT")
        change.join(20)
    assert said.empty()
    assert found.plan(target).is_empty


@pytest.mark.parametrize(
    ("sql", "table"),
    [
        ("LOCK TABLE hero IN ACCESS SHARE MODE", "a lock on hero, which "),
        (f"SELECT pg_advisory_xact_lock({applying_postgresql.LOCK})", ""),
    ],
)
def test_what_holds_a_lock_of_postgresql_is_reported(
    new_database: Callable[[str], str], monkeypatch: pytest.MonkeyPatch, sql: str, table: str
) -> None:
    monkeypatch.setattr(blockers, "REPORT_AFTER_SECONDS", 0.3)
    found, _, target = start("postgresql", new_database)
    said: queue.Queue[str] = queue.Queue()

    with found.database.connect() as report:
        report.exec_driver_sql("SET application_name = 'report'")
        report.exec_driver_sql("BEGIN")
        report.exec_driver_sql(sql)
        pid = report.exec_driver_sql("SELECT pg_backend_pid() /* the last query */").scalar_one()
        order = applying.ApplyOptions(ordered().watch, said.put)
        writer = applying_postgresql.PostgresqlWriter(found.database)
        change = threading.Thread(target=writer.apply, args=(target, order))
        change.start()
        text = said.get(timeout=20)
        report.exec_driver_sql("COMMIT")
        change.join(20)
    assert f"waiting for {table}process {pid} (report, idle in transaction" in text
    assert "s ago: SELECT pg_backend_pid() /* the last query */)" in text
    assert said.empty()
    assert found.plan(target).is_empty


def test_what_holds_a_lock_of_postgresql_is_reported_by_a_plan(
    new_database: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(blockers, "REPORT_AFTER_SECONDS", 0.3)
    found, _, target = start("postgresql", new_database)
    said: queue.Queue[str] = queue.Queue()

    def plan() -> None:
        with blockers.read_only_connection(found.database, said.put) as connection:
            target.plan(connection)

    with found.database.connect() as other:
        other.exec_driver_sql("BEGIN")
        other.exec_driver_sql("LOCK TABLE hero")
        planning = threading.Thread(target=plan)
        planning.start()
        assert "waiting for a lock on hero, which process" in said.get(timeout=20)
        other.exec_driver_sql("COMMIT")
        planning.join(20)
    assert not planning.is_alive()


def test_a_role_without_rights_is_told_the_process_at_least() -> None:
    said: list[str] = []
    found = blockers.Blockers(said.append)
    for now in (0.0, 1.9, 2.0, 2.5):
        found.report_long_blocks([(7, None, None, None, "<insufficient privilege>", "hero")], now)
    assert said == ["waiting for a lock on hero, which process 7 has …"]
    for now in (10.0, 11.0):
        found.report_long_blocks([(8, "psql", "active", 3, "SELECT\n  " + "x" * 99, None)], now)
    assert len(said) == 1
    found.report_long_blocks([(8, "psql", "active", 3, "SELECT\n  " + "x" * 99, None)], 12.0)
    query = f"SELECT {'x' * 53}…"
    assert said[1:] == [f"waiting for process 8 (psql, active, query started 3 s ago: {query}) …"]


@pytest.mark.parametrize("is_unique", [False, True])
def test_an_invalid_index_of_postgresql_is_built_again(
    is_unique: bool, new_database: Callable[[str], str]
) -> None:
    found, _, target = start("postgresql", new_database)
    found.apply(target)
    if is_unique:
        found.execute("DROP INDEX ix_hero_level")
        with pytest.raises(DatabaseError, match="could not create unique index"):
            found.execute("CREATE UNIQUE INDEX CONCURRENTLY ix_hero_level ON hero (level)")
    else:
        of_level = "indexrelid = 'ix_hero_level'::regclass"
        found.execute(f"UPDATE pg_index SET indisvalid = false WHERE {of_level}")  # noqa: S608
    assert not found.plan(target).is_empty
    found.apply(target)
    assert found.plan(target).is_empty
    valid = (
        "SELECT indisvalid, indisunique FROM pg_index WHERE indexrelid = 'ix_hero_level'::regclass"
    )
    assert found.values(valid) == [(True, False)]


def test_a_step_that_fails_after_the_transaction_is_named(
    new_database: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lowering, "LARGE", 10)
    found, _, target = start("postgresql", new_database)
    plan = found.plan(target)
    (unique, *_) = [step for step in plan.online_steps if "unique" in step.what]

    def run_with_a_double(connection: Connection, sql: str) -> object:
        if sql in unique.sql and "CREATE UNIQUE INDEX" in sql:
            copied = "INSERT INTO hero (title, price, mood) SELECT title, 1, 'a' FROM hero LIMIT 1"
            run(connection, copied)
        return run(connection, sql)

    monkeypatch.setattr(applying, "run", run_with_a_double)
    monkeypatch.setattr(applying_postgresql, "run", run_with_a_double)
    with pytest.raises(DatabaseError, match="other changes were made"):
        found.apply(target)
    (problem,) = found.plan(target).problems
    assert "must be unique" in problem.what
    monkeypatch.undo()
    found.execute("DELETE FROM hero WHERE price = 1 AND mood = 'a' AND id > 20")
    found.apply(target)
    assert found.plan(target).is_empty
