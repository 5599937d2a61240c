"""Processes that migrate at the same time, that are killed, and that wait for others.

`ROUNDS=20` starts 8 processes 20 times, and kills one before every statement.
"""

import os
import signal
import threading
import time
from pathlib import Path

import psycopg
import pytest

from tests.migrations.written import (
    FIRST,
    KINDS,
    REVISIONS,
    NewDatabase,
    Project,
    database,
    missing,
    old_tables,
    project,
)
from tests.support.forked import Forked

pytestmark = pytest.mark.long

ROUNDS = int(os.environ.get("ROUNDS", "1"))
EVERY = 1 if ROUNDS > 1 else 25
DYING = """
import os, signal, sys
from itertools import count
from alembic.config import main
from sqlalchemy import Engine, event

numbers, last = count(), int(sys.argv[1])

def before(*_):
    if next(numbers) == last:
        os.kill(os.getpid(), signal.SIGKILL)

event.listen(Engine, "before_cursor_execute", before)
event.listen(Engine, "commit", before)
main(["upgrade", "head"])
"""
SLOW = FIRST.split("def upgrade")[0].replace("0001", "0004").replace("None", '"0003"')
SLOW += 'def upgrade() -> None:\n    run(postgresql=["SELECT pg_sleep(0.3)"])\n'


def start(emitted: Project, url: str, folder: Path, number: int = 0) -> Forked:
    return Forked(
        "alembic",
        *("upgrade", "head"),
        folder=emitted.folder,
        environment=emitted.environment(url),
        output=folder / f"output{number}",
    )


@pytest.mark.parametrize("kind", KINDS)
def test_processes_that_migrate_at_once_all_succeed(
    kind: str, emitted: Project, new_database: NewDatabase, tmp_path: Path
) -> None:
    for _ in range(ROUNDS):
        url = new_database(kind)
        started = [start(emitted, url, tmp_path, number) for number in range(8)]
        outputs = []
        for number, process in enumerate(started):
            status = process.wait(60)
            output = (tmp_path / f"output{number}").read_text()
            (tmp_path / f"output{number}").unlink()
            assert status == 0, output
            outputs.append(output)
        for revision in ("0001", "0002", "0003"):
            assert sum(f"-> {revision}" in output for output in outputs) == 1
        assert missing(database(url)) == []


@pytest.mark.long
@pytest.mark.parametrize("kind", KINDS)
def test_a_killed_process_leaves_a_revision(
    kind: str, tmp_path: Path, new_database: NewDatabase
) -> None:
    own = project(tmp_path / "project")
    (own.folder / "dying.py").write_text(DYING)
    number, ends = 0, set[str]()
    while True:
        url = new_database(kind)
        found = old_tables(own, url)
        before = found.everything()
        done = own.run(url, "dying", str(number))
        if done.returncode == 0:
            break
        assert done.returncode == -signal.SIGKILL, done.stdout + done.stderr
        ((revision,),) = found.values("SELECT version_num FROM alembic_version")
        ends.add(revision)
        if revision == "0001":
            assert found.everything() == before
        else:
            wanted = ["table hero: index ix_hero_title: missing"] if revision == "0002" else []
            assert missing(found) in ([], wanted)
        own.upgrade(url)
        assert missing(found) == []
        assert found.values("SELECT count(*), sum(age) FROM hero") == [(4, 8)]
        number += EVERY
    assert number > EVERY
    assert "0001" in ends
    assert ends <= ({"0001"} if kind == "sqlite" else {"0001", "0002", "0003"})


def test_requests_do_not_queue_behind_a_migration_that_waits(
    emitted: Project, new_database: NewDatabase, tmp_path: Path
) -> None:
    """A report holds a lock. The revision is tried again and again, each time shortly."""
    url = new_database("postgresql")
    found = old_tables(emitted, url)
    waits, done = [], threading.Event()

    def read() -> None:
        while not done.wait(0.02):
            began = time.monotonic()
            found.values("SELECT count(*) FROM hero WHERE id > 0")
            waits.append(time.monotonic() - began)

    reader = threading.Thread(target=read)
    with psycopg.connect(url) as report:
        report.execute("SELECT * FROM hero")
        process = start(emitted, url, tmp_path)
        reader.start()
        while "Running upgrade 0001" not in (tmp_path / "output0").read_text():
            time.sleep(0.05)
        time.sleep(1)
        assert process.poll() is None
        report.rollback()
    status = process.wait(60)
    done.set()
    reader.join(10)
    assert status == 0, (tmp_path / "output0").read_text()
    assert len(waits) > 1
    assert missing(found) == []


def test_an_index_in_the_background_waits_for_writers(
    emitted: Project, new_database: NewDatabase, tmp_path: Path
) -> None:
    """A timeout would leave an invalid index, and build it again from its start."""
    url = new_database("postgresql")
    found = old_tables(emitted, url)
    emitted.upgrade(url, "0002")
    output = tmp_path / "output0"
    with psycopg.connect(url) as writer:
        writer.execute("UPDATE hero SET age = 7")
        process = start(emitted, url, tmp_path)
        while "-> 0003" not in output.read_text():
            time.sleep(0.05)
        time.sleep(1)
        assert process.poll() is None
        writer.rollback()
    assert process.wait(60) == 0
    assert output.read_text().count("-> 0003") == 1
    assert missing(found) == []


def test_a_table_that_is_locked_all_the_time_has_a_message(
    tmp_path: Path, new_database: NewDatabase
) -> None:
    own, url = project(tmp_path / "project"), new_database("postgresql")
    file = own.folder / "migrations" / "transactions.py"
    file.write_text(file.read_text().replace("ATTEMPTS = 40", "ATTEMPTS = 2"))
    found = old_tables(own, url)
    before = found.everything()
    with psycopg.connect(url) as report:
        report.execute("SELECT * FROM hero")
        done = own.run(url, "alembic", "upgrade", "head")
    assert done.returncode == 255
    assert "FAILED: a table is locked all the time" in done.stdout
    assert "Traceback" not in done.stderr
    assert found.everything() == before


def test_a_writer_of_sqlite_is_waited_for(
    emitted: Project, new_database: NewDatabase, tmp_path: Path
) -> None:
    url = new_database("sqlite")
    found = old_tables(emitted, url)
    with found.database.connect() as writer:
        writer.exec_driver_sql("BEGIN IMMEDIATE")
        process = start(emitted, url, tmp_path)
        time.sleep(1)
        assert process.poll() is None
        writer.exec_driver_sql("COMMIT")
    assert process.wait(60) == 0
    assert missing(found) == []


def test_timeouts_of_requests_do_not_apply(tmp_path: Path, new_database: NewDatabase) -> None:
    own = project(tmp_path / "project", {**REVISIONS, "0004_slow.py": SLOW})
    url = new_database("postgresql")
    own.upgrade(url, PGOPTIONS="-c statement_timeout=100ms", STATEMENT_SECONDS="0.1")
    assert missing(database(url)) == []
