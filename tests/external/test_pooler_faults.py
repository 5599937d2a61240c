"""PgBouncer restarts, halts, closes connections or has too few: 503, and then all is well."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from tests.external.pooler import IGNORED, TRANSACTION, Settings, alter
from tests.external.programs import Program, Programs, console
from tests.support.servers import Api, Servers

pytestmark = pytest.mark.external

RECOVERY_SECONDS = 5.0
STATEMENT_SECONDS = 1.0
HERO = {"name": "n", "secret_name": "s"}


@contextmanager
def hero_behind(
    programs: Programs, servers: Servers, root: Path, database: str, settings: Settings
) -> Iterator[tuple[Api, Program]]:
    """Serve the Hero through PgBouncer."""
    program, url = programs.pgbouncer(database, {**TRANSACTION, **settings})
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
        running = program
        for _ in range(2):
            wait_until_well(api)
            running.stop()
            assert statuses(api) == {503}
            assert api.client.get("/live").status_code == 200
            running = programs.again(running)
            wait_until_well(api)


@pytest.mark.parametrize("halt", ["PAUSE", "SUSPEND"])
def test_a_pooler_that_halts_is_503_in_time_and_then_all_is_well(
    programs: Programs, servers: Servers, root: Path, database: str, halt: str
) -> None:
    with hero_behind(programs, servers, root, database, {}) as (api, program):
        assert statuses(api) == {200}
        with console(program) as ask:
            ask(halt)
            assert statuses(api) == {503}
            assert api.client.get("/live").status_code == 200
            ask("RESUME")
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


def test_a_pooler_that_refuses_options_of_the_url_is_waited_for(
    programs: Programs, servers: Servers, root: Path, database: str
) -> None:
    _, url = programs.pgbouncer(database, TRANSACTION)
    url += "?options=-csearch_path%3Dtenant_a"
    api = servers.start(root / "entities", "served", url, wait=False)
    api.log_with("unsupported startup parameter: options")
    assert statuses(api) == {503}
    api.stop()
    assert "Traceback" not in api.log.read_text()


@pytest.mark.parametrize("option", ["search_path=tenant_a", "role=tenant_a", "work_mem=64kB"])
def test_options_that_a_pooler_drops_end_the_start(
    programs: Programs, servers: Servers, root: Path, database: str, option: str
) -> None:
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("CREATE SCHEMA tenant_a")
    _, url = programs.pgbouncer(database, {**TRANSACTION, **IGNORED})
    is_of_url = option.startswith("search_path")
    query = f"?options=-c{option.replace('=', '%3D')}" if is_of_url else ""
    settings = {} if is_of_url else {"PGOPTIONS": f"-c {option}"}
    api = servers.start(root / "entities", "served", url + query, wait=False, settings=settings)
    assert api.process.wait(30) == 1
    api.client.close()
    log = api.log.read_text()
    assert (
        f"ignores the options of the URL and of PGOPTIONS: -c{'' if is_of_url else ' '}{option}"
        in log
    )
    assert "ALTER ROLE" in log
    with psycopg.connect(database, autocommit=True) as connection:
        tables = connection.execute("SELECT to_regclass('public.hero')").fetchall()
    assert tables == [(None,)]
    assert "Traceback" not in log
