"""PgBouncer between the application and PostgreSQL: every answer belongs to its request.

`REQUESTS=2000 python -m pytest -s -m external tests/external/test_pgbouncer.py` is the long form.
`PGBOUNCER=/path/to/pgbouncer` takes another version than the one on PATH.
"""

import os
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from bookkeeper import SPECS, keep_books
from programs import Program, Programs, ask_pgbouncer, console, is_there, version_of
from servers import Api, Servers, write_entities
from sqlalchemy import make_url

pytestmark = pytest.mark.external

REQUESTS = int(os.environ.get("REQUESTS", "40"))
WORKERS = 3
CLIENTS = int(os.environ.get("CLIENTS", str(WORKERS * 8)))
RECOVERY_SECONDS = 5.0
ZONE = "Asia/Kathmandu"
HERO = {"name": "n", "secret_name": "s"}
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


def test_without_a_pooler(servers: Servers, database: str, ledger: Path) -> None:
    """The clients' own expectations are right."""
    alter(database, f"timezone = '{ZONE}'")
    api = servers.start(ledger, "served", database, workers=WORKERS)
    print(f"direct: {keep_books(api, CLIENTS, REQUESTS)}")  # noqa: T201 - `-s` shows it
    api.stop()


def test_every_answer_belongs_to_its_request(
    programs: Programs, servers: Servers, database: str, ledger: Path, pooling: str
) -> None:
    alter(database, f"timezone = '{ZONE}'")
    settings, environment = (MODES | PREPARING)[pooling]
    program, url = programs.pgbouncer(database, settings)
    api = servers.start(ledger, "served", url, workers=WORKERS, settings=environment)
    print(f"{pooling}: {keep_books(api, CLIENTS, REQUESTS)}")  # noqa: T201 - `-s` shows it
    if settings["pool_mode"] == "transaction":
        assert are_shared(program)
    api.stop()
    assert "Traceback" not in api.log.read_text()


def are_shared(program: Program) -> bool:
    """Tell whether there are fewer connections to PostgreSQL than to PgBouncer."""
    clients = ask_pgbouncer(program, "SHOW CLIENTS")
    servers = ask_pgbouncer(program, "SHOW SERVERS")
    return len(servers) < len(clients)


@contextmanager
def hero_behind(
    programs: Programs, servers: Servers, root: Path, database: str, settings: Settings
) -> Iterator[tuple[Api, Program]]:
    """Serve the Hero through PgBouncer."""
    program, url = programs.pgbouncer(database, TRANSACTION | settings)
    environment = {"STATEMENT_SECONDS": str(STATEMENT_SECONDS), "LOCK_SECONDS": "0.5"}
    api = servers.start(root / "entities", "served", url, settings=environment)
    yield api, program
    api.stop()
    assert "Traceback" not in api.log.read_text()


def statuses(api: Api) -> set[int]:
    """Read and write; check that each is answered in time."""
    found = set()
    for method, path, body in (
        ("POST", "/heroes/", HERO),
        ("GET", "/heroes/?limit=3", None),
        ("GET", "/ready", None),
    ):
        begun = time.monotonic()
        found.add(api.client.request(method, path, json=body).status_code)
        assert time.monotonic() - begun < STATEMENT_SECONDS + 3
    return found


def wait_until_well(api: Api) -> None:
    begun = time.monotonic()
    while statuses(api) != {200}:
        assert time.monotonic() - begun < RECOVERY_SECONDS
        time.sleep(0.05)


def test_the_log_says_which_timeouts_are_missing_and_how_to_set_them(
    programs: Programs, servers: Servers, root: Path, database: str
) -> None:
    with hero_behind(programs, servers, root, database, {}) as (api, _):
        log = api.log_with("statement_timeout")
        assert "ALTER ROLE" in log
        assert statuses(api) == {200}
    alter(database, "statement_timeout = '1s'")
    alter(database, "lock_timeout = '500ms'")
    alter(database, "idle_in_transaction_session_timeout = '2s'")
    with hero_behind(programs, servers, root, database, {}) as (api, _):
        assert statuses(api) == {200}
        assert "ALTER ROLE" not in api.log.read_text()


def test_connections_that_the_pooler_closes_while_idle_are_replaced_before_they_are_used(
    programs: Programs, servers: Servers, root: Path, database: str
) -> None:
    settings = {"client_idle_timeout": 1, "server_idle_timeout": 1}
    with hero_behind(programs, servers, root, database, settings) as (api, _):
        for _ in range(3):
            time.sleep(2.5)
            assert statuses(api) == {200}


def test_a_restart_of_the_pooler_is_503_and_then_all_is_well(
    programs: Programs, servers: Servers, root: Path, database: str
) -> None:
    with hero_behind(programs, servers, root, database, {}) as (api, program):
        for _ in range(2):
            wait_until_well(api)
            program.stop()
            assert statuses(api) == {503}
            assert api.client.get("/live").status_code == 200
            program = programs.again(program)
            wait_until_well(api)


@pytest.mark.parametrize(("halt", "resume"), [("PAUSE", "RESUME"), ("SUSPEND", "RESUME")])
def test_a_pooler_that_halts_is_503_in_time_and_then_all_is_well(
    programs: Programs, servers: Servers, root: Path, database: str, halt: str, resume: str
) -> None:
    with hero_behind(programs, servers, root, database, {}) as (api, program):
        assert statuses(api) == {200}
        with console(program) as ask:
            ask(halt)
            assert statuses(api) == {503}
            assert api.client.get("/live").status_code == 200
            ask(resume)
        wait_until_well(api)


def test_too_few_connections_are_503_and_never_an_error(
    programs: Programs, servers: Servers, root: Path, database: str
) -> None:
    """`max_client_conn` of PgBouncer is below what the application would open."""
    settings = {"max_client_conn": 3, "query_wait_timeout": 1}
    with hero_behind(programs, servers, root, database, settings) as (api, _):
        with ThreadPoolExecutor(16) as pool:
            answers = list(pool.map(lambda _: api.client.get("/heroes/"), range(64)))
        assert {answer.status_code for answer in answers} <= {200, 503}
        wait_until_well(api)
