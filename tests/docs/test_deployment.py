"""docs/how-to/deployment.md: its settings, statements, units and log lines are correct.

Its configurations of other programs are run in tests/external.
"""

import shlex
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from configparser import ConfigParser
from pathlib import Path

import httpx
import psycopg
import pytest

from crudgen.kit.database.sessions import SessionSettings
from crudgen.kit.database.urls import read_postgresql_url
from crudgen.kit.replica.settings import ReplicaSettings
from crudgen.kit.settings import BaseAppSettings
from tests.docs.pages import blocks_of, read
from tests.support.postgres import clients_of
from tests.support.servers import Servers, free_port

pytestmark = pytest.mark.long

PAGE = "docs/how-to/deployment.md"


def test_the_connections_are_the_product() -> None:
    rows = [
        [int(cell.split(":")[0]) for cell in line.strip("| ").split("|")]
        for line in read(PAGE).splitlines()
        if line.startswith("| ") and line[2].isdigit()
    ]
    assert len(rows) > 2
    for machines, workers, connections, product in rows:
        assert machines * workers * connections == product


@pytest.mark.long
def test_a_process_opens_no_more_connections_than_it_may(
    servers: Servers, database: str, root: Path
) -> None:
    settings = {"DATABASE_CONNECTIONS": "3"}
    api = servers.start(root / "entities", "served", database, workers=2, settings=settings)
    most = 0

    def ask(_: int) -> set[int]:
        with httpx.Client(base_url=api.client.base_url, timeout=60) as client:
            return {client.get("/heroes/").status_code for _ in range(13)}

    with ThreadPoolExecutor(32) as pool, psycopg.connect(database, autocommit=True) as other:
        deadline = time.monotonic() + 20
        while len(clients_of(other)) > 2 * 3:  # the connections of the start are ending
            assert time.monotonic() < deadline
        answers = [pool.submit(ask, number) for number in range(32)]
        while not all(answer.done() for answer in answers):
            most = max(most, len(clients_of(other)))
    assert set().union(*(answer.result() for answer in answers)) == {200}
    assert 0 < most <= 2 * 3
    api.stop()


def test_the_statements_set_the_timeouts_that_the_application_asks_for(database: str) -> None:
    statements = blocks_of(PAGE, "sql")[0].text
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("CREATE ROLE shop_app LOGIN")
        try:
            connection.execute(statements)
            with psycopg.connect(database, user="shop_app", autocommit=True) as own:
                settings = default_settings()
                for name in settings.timeouts:
                    [(found,)] = own.execute(f"SHOW {name}").fetchall()
                    own.execute(f"SET {name} = '{settings.timeouts[name]}'")
                    [(wanted,)] = own.execute(f"SHOW {name}").fetchall()
                    assert found == wanted
        finally:
            connection.execute("DROP ROLE shop_app")


def default_settings() -> SessionSettings:
    fields = BaseAppSettings.model_fields
    return SessionSettings(fields["statement_seconds"].default, fields["lock_seconds"].default)


def test_both_spellings_of_several_hosts_mean_the_same(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    found = []
    monkeypatch.chdir(tmp_path)
    for block in blocks_of(PAGE, "dotenv"):
        (tmp_path / ".env").write_text(block.text)
        names = [line.partition("=")[0].lower() for line in block.text.splitlines()]
        is_of_replica = "database_read_url" in names
        kind = ReplicaSettings if is_of_replica else BaseAppSettings
        assert set(names) <= kind.model_fields.keys()
        settings = kind()
        if is_of_replica:
            assert settings.model_dump()["database_read_url"].endswith("@db-b/shop")
            continue
        found.append(read_postgresql_url(settings.database_url))
        assert settings.database_read_only == ("database_read_only" in names)
    assert len(found) == 3
    assert found[0] == found[1]
    assert found[0]["host"] == "db-a,db-b"
    assert found[2]["target_session_attrs"] == "prefer-standby"


def test_the_unit_starts_and_ends_the_application(
    root: Path, new_database: Callable[[str], str], tmp_path: Path
) -> None:
    parser = ConfigParser()
    parser.optionxform = str  # type: ignore[method-assign,assignment]
    parser.read_string(blocks_of(PAGE, "ini")[1].text)
    service = parser["Service"]
    program, *arguments = shlex.split(service["ExecStart"])
    assert Path(program).name == "crudgen"
    port = str(free_port())
    arguments = [port if one == "8001" else one for one in arguments]
    command = [sys.executable, "-m", "crudgen", *arguments, str(root / "entities")]
    environment = {"DATABASE_URL": new_database("sqlite"), "PYTHONPATH": str(root)}
    with subprocess.Popen(
        command, cwd=tmp_path, env=environment, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout
        lines: list[bytes] = []
        reader = threading.Thread(target=lambda: lines.extend(process.stdout or ()), daemon=True)
        reader.start()
        deadline = time.monotonic() + 90
        while not any(b"Ctrl+C" in line for line in lines):
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.05)
        process.send_signal(signal.SIGTERM)
        assert process.wait(float(service["TimeoutStopSec"])) in {0, -signal.SIGTERM}
        reader.join(5)
    assert any(f":{port}".encode() in line for line in lines)


def test_the_warning_has_the_statements_that_set_the_timeouts() -> None:
    [shown] = [block.text for block in blocks_of(PAGE, "text") if "ALTER ROLE" in block.text]
    missing = ["statement_timeout", "lock_timeout"]
    assert default_settings().alter_role("shop_app", missing) == shown.strip()
