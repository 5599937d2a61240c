"""PgBouncer between the application and PostgreSQL: every answer belongs to its request.

`REQUESTS=2000 python -m pytest -s -m external tests/external/test_pgbouncer.py` is the long form.
`PGBOUNCER=/path/to/pgbouncer` takes another version than the one on PATH.
"""

import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import httpx
import psycopg
import pytest
from bookkeeper import SPECS, keep_books
from programs import Program, Programs, ask_pgbouncer, is_there, version_of
from servers import Api, Servers, write_entities
from sqlalchemy import make_url

pytestmark = pytest.mark.external

REQUESTS = int(os.environ.get("REQUESTS", "40"))
WORKERS = 3
CLIENTS = int(os.environ.get("CLIENTS", str(WORKERS * 8)))
RECOVERY_SECONDS = 5.0
STATEMENT_SECONDS = 1.0
PREPARED_SINCE = (1, 21)

Settings = Mapping[str, object]
TRANSACTION = {"pool_mode": "transaction", "default_pool_size": 4}
IGNORED = {"ignore_startup_parameters": "extra_float_digits,options"}
MODES: dict[str, tuple[Settings, dict[str, str]]] = {
    "transaction": (TRANSACTION, {}),
    "transaction, options ignored": (TRANSACTION | IGNORED, {}),
    "transaction, short-lived servers": (TRANSACTION | {"server_lifetime": 1}, {}),
    "session": ({"pool_mode": "session", "default_pool_size": 40}, {}),
    "session, options ignored": (
        {"pool_mode": "session", "default_pool_size": 40} | IGNORED,
        {},
    ),
    "transaction, told not to prepare": (TRANSACTION | IGNORED, {"DATABASE_PREPARED": "false"}),
}
"""Settings of PgBouncer, and of the application."""
PREPARING: dict[str, tuple[Settings, dict[str, str]]] = {
    "prepared": (TRANSACTION | {"max_prepared_statements": 50}, {"DATABASE_PREPARED": "true"}),
    "prepared, options ignored, few kept": (
        TRANSACTION | IGNORED | {"max_prepared_statements": 3},
        {"DATABASE_PREPARED": "true"},
    ),
    "prepared allowed, and not used": (TRANSACTION | {"max_prepared_statements": 50}, {}),
    "prepared not allowed": (TRANSACTION | {"max_prepared_statements": 0}, {}),
}
"""What a version that follows prepared statements can do beside that."""


@pytest.fixture(scope="session")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_entities(tmp_path_factory.mktemp("ledger") / "entities", SPECS)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "pooling" in metafunc.fixturenames:
        prepares = is_there("pgbouncer") and version_of("pgbouncer") >= PREPARED_SINCE
        metafunc.parametrize("pooling", [*MODES, *(PREPARING if prepares else ())])


@pytest.mark.parametrize("zone", ["UTC", "Asia/Kathmandu"])
def test_without_a_pooler(servers: Servers, database: str, ledger: Path, zone: str) -> None:
    """The clients' own expectations are right."""
    alter(database, f"timezone = '{zone}'")
    api = servers.start(ledger, "served", database, workers=WORKERS)
    print(f"direct, {zone}: {keep_books(api, CLIENTS, REQUESTS)}")  # noqa: T201 - `-s` shows it
    api.stop()


@pytest.fixture
def database(new_database: Callable[[str], str]) -> str:
    return new_database("postgresql")


def alter(database: str, setting: str) -> None:
    with psycopg.connect(database, autocommit=True) as connection:
        name = make_url(database).database
        connection.execute(f"ALTER DATABASE {name} SET {setting}")


@pytest.mark.parametrize("zone", ["UTC", "Asia/Kathmandu"])
def test_every_answer_belongs_to_its_request(
    programs: Programs, servers: Servers, database: str, ledger: Path, pooling: str, zone: str
) -> None:
    alter(database, f"timezone = '{zone}'")
    settings, environment = (MODES | PREPARING)[pooling]
    program, url = programs.pgbouncer(database, settings)
    api = servers.start(ledger, "served", url, workers=WORKERS, settings=environment)
    print(f"{pooling}, {zone}: {keep_books(api, CLIENTS, REQUESTS)}")  # noqa: T201 - `-s` shows it
    if settings["pool_mode"] == "transaction":
        assert are_shared(program)
    api.stop()
    assert "Traceback" not in api.log.read_text()


def are_shared(program: Program) -> bool:
    """Tell whether there are fewer connections to PostgreSQL than to PgBouncer."""
    clients = ask_pgbouncer(program, "SHOW CLIENTS")
    servers = ask_pgbouncer(program, "SHOW SERVERS")
    return len(servers) < len(clients)
