"""A database that can only be read: nothing is created, and nothing has to be."""

import json
import logging
import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import psycopg
import pytest

from tests.startup.started import application
from tests.support.servers import free_port

pytestmark = pytest.mark.long

ROOT = Path(__file__).parents[2]
SPEC = "name: Robot\nfields:\n  name: str(1..80) index\n"
MORE = {"robot.yaml": SPEC, "part.yaml": "name: Part\nfields:\n  name: str\n"}
APP = application(SPEC)
READ_ONLY = (
    "ALTER DATABASE {database} SET default_transaction_read_only = on",
    "ALTER ROLE postgres IN DATABASE {database} SET default_transaction_read_only = on",
)
STARTS = """
import io, json, logging, sys
from tests.startup.started import application

for line in sys.stdin:
    spec, url, needs_secret = json.loads(line)
    said = io.StringIO()
    logging.basicConfig(level=logging.WARNING, format="%(message)s", stream=said, force=True)
    app = application(spec)
    try:
        app.start(url, needs_secret=needs_secret)
    except app.startup_error as error:
        print(error, file=said)
    else:
        print("started", file=said)
    print(json.dumps(said.getvalue()), flush=True)
"""
"""Starts the application of each line, and prints what it says."""


def run(url: str, *statements: str) -> None:
    """Run SQL in a session that may write, whatever the default is."""
    database = url.partition("@/")[2].partition("?")[0]
    writing = "-c default_transaction_read_only=off"
    with psycopg.connect(url, options=writing) as connection:
        for statement in statements:
            connection.execute(statement.format(database=database))


@pytest.mark.parametrize("freeze", READ_ONLY)
def test_an_empty_postgresql_that_only_reads(
    new_database: Callable[[str], str], freeze: str
) -> None:
    url = new_database("postgresql")
    run(url, freeze)
    with pytest.raises(APP.startup_error) as caught:
        APP.start(url)
    missing = "the table robot, the signing secret are missing, and it is read-only"
    assert missing in str(caught.value)
    assert len(str(caught.value).splitlines()) == 2


@pytest.mark.parametrize("freeze", READ_ONLY)
def test_a_postgresql_that_became_read_only(
    new_database: Callable[[str], str], caplog: pytest.LogCaptureFixture, freeze: str
) -> None:
    caplog.set_level(logging.WARNING)
    url = new_database("postgresql")
    secret = APP.start(url)
    run(url, freeze)
    assert APP.start(url) == secret
    assert caplog.messages == []
    run(url, "DROP INDEX ix_robot_name")
    APP.start(url)
    assert "CREATE INDEX ix_robot_name ON robot (name)" in caplog.text
    run(url, "DELETE FROM _secret")
    lacking = r"the signing secret is missing.*\n.*set SECRET_KEY"
    with pytest.raises(APP.startup_error, match=lacking):
        APP.start(url)
    APP.start(url, needs_secret=False)
    other = application("name: Robot\nfields:\n  name: str(1..90)\n")
    with pytest.raises(other.startup_error, match="check ck_robot_name_length"):
        other.start(url)


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    made = tmp_path / "data"
    made.mkdir()
    yield made
    made.chmod(0o777)


def ordinary(*command: str) -> list[str]:
    """Run a command so that chmod binds it: it does not bind root."""
    capabilities = "--bounding-set=-dac_override,-dac_read_search"
    return ["setpriv", capabilities, *command] if os.geteuid() == 0 else [*command]


class Starts:
    """A process that starts applications, and that the modes of files bind."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            ordinary(sys.executable, "-c", STARTS),
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def start(self, spec: object, url: str, *, needs_secret: bool = True) -> str:
        """Start an application; return what it logs, and `started` or why it cannot start."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(f"{json.dumps([spec, url, needs_secret])}\n")
        self._process.stdin.flush()
        said: str = json.loads(self._process.stdout.readline())
        return said

    def end(self) -> None:
        self._process.communicate(timeout=60)
        assert self._process.returncode == 0


@pytest.fixture(scope="module")
def starts() -> Iterator[Starts]:
    process = Starts()
    yield process
    process.end()


def in_mode(path: Path, mode: str) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute(f"PRAGMA journal_mode = {mode}")
    connection.close()


@pytest.mark.parametrize("mode", ["WAL", "DELETE"])
def test_a_file_that_cannot_be_written_is_read(starts: Starts, folder: Path, mode: str) -> None:
    path = folder / "app.db"
    url = f"sqlite:///{path}"
    APP.start(url)
    in_mode(path, mode)
    path.chmod(0o444)
    assert starts.start(SPEC, url) == "started\n"
    refused = starts.start(MORE, url)
    assert f"the file {path} is not writable" in refused
    assert "the table part is missing" in refused
    assert len(refused.splitlines()) == 2
    indexed = starts.start(SPEC + "  age: int? index\n", url)
    assert "column age: missing from the database" in indexed


def test_a_missing_index_of_a_file_that_cannot_be_written(starts: Starts, folder: Path) -> None:
    path = folder / "app.db"
    APP.start(f"sqlite:///{path}")
    with sqlite3.connect(path) as connection:
        connection.execute("DROP INDEX ix_robot_name")
    connection.close()
    path.chmod(0o444)
    said = starts.start(SPEC, f"sqlite:///{path}")
    assert "lacks indexes that cannot be created: CREATE INDEX ix_robot_name" in said
    assert said.endswith("started\n")


def test_a_folder_that_cannot_be_written(starts: Starts, folder: Path) -> None:
    path = folder / "app.db"
    url = f"sqlite:///{path}"
    APP.start(url)
    in_mode(path, "DELETE")
    path.chmod(0o666)
    folder.chmod(0o555)
    assert starts.start(SPEC, url) == "started\n"
    refused = starts.start(MORE, url)
    assert f"the directory {folder} is not writable" in refused
    assert len(refused.splitlines()) == 2


def test_a_new_database_in_a_folder_that_cannot_be_written(starts: Starts, folder: Path) -> None:
    folder.chmod(0o555)
    refused = starts.start(SPEC, f"sqlite:///{folder}/app.db")
    assert f"the directory {folder} is not writable" in refused
    assert len(refused.splitlines()) == 2


def test_wal_in_a_folder_that_cannot_be_written(starts: Starts, folder: Path) -> None:
    """SQLite has no place for the index of the log: the file is read as one that nobody writes."""
    path = folder / "app.db"
    APP.start(f"sqlite:///{path}")
    in_mode(path, "WAL")
    folder.chmod(0o555)
    assert starts.start(SPEC, f"sqlite:///{path}") == "started\n"


def test_a_file_that_cannot_be_read(starts: Starts, folder: Path) -> None:
    path = folder / "app.db"
    APP.start(f"sqlite:///{path}")
    path.chmod(0)
    refused = starts.start(SPEC, f"sqlite:///{path}")
    assert f"the file {path} is not writable" in refused
    assert len(refused.splitlines()) == 2


def test_a_secret_that_cannot_be_kept(starts: Starts, folder: Path) -> None:
    path = folder / "app.db"
    APP.start(f"sqlite:///{path}", needs_secret=False)
    path.chmod(0o444)
    refused = starts.start(SPEC, f"sqlite:///{path}")
    assert "the signing secret is missing" in refused
    assert "SECRET_KEY" in refused
    assert len(refused.splitlines()) == 2
    assert starts.start(SPEC, f"sqlite:///{path}", needs_secret=False) == "started\n"


def test_another_process_that_writes_does_not_stop_the_start(tmp_path: Path) -> None:
    """Nothing is locked when nothing has to be created."""
    url = f"sqlite:///{tmp_path}/app.db"
    APP.start(url)
    writer = sqlite3.connect(tmp_path / "app.db", isolation_level=None)
    writer.execute("BEGIN IMMEDIATE")
    APP.start(url)
    writer.execute("ROLLBACK")
    writer.close()


def wait_until_answered(url: str) -> httpx.Response:
    deadline = time.monotonic() + 90
    while True:
        try:
            return httpx.get(url, timeout=30)
        except httpx.TransportError:
            assert time.monotonic() < deadline
            time.sleep(0.1)


def test_a_file_that_cannot_be_written_is_served(folder: Path) -> None:
    path = folder / "app.db"
    (folder / "entities").mkdir()
    (folder / "entities/robot.yaml").write_text(SPEC)
    APP.start(f"sqlite:///{path}")
    with sqlite3.connect(path) as connection:
        connection.execute("INSERT INTO robot (name) VALUES ('R2')")
    connection.close()
    path.chmod(0o444)
    port = free_port()
    command = ordinary(sys.executable, "-m", "crudgen", "serve", "--no-reload")
    process = subprocess.Popen(
        [*command, "--port", str(port), "--database", f"sqlite:///{path}"],
        cwd=folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        url = f"http://127.0.0.1:{port}/robots/1"
        assert wait_until_answered(url).json() == {"id": 1, "name": "R2"}
        url = f"http://127.0.0.1:{port}/robots/"
        assert httpx.post(url, json={"name": "x"}, timeout=30).status_code == 503
    finally:
        process.terminate()
        process.wait(15)
