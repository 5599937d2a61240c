"""PgBouncer between the application and PostgreSQL: every answer belongs to its request.

Extended run: `REQUESTS=2000 python -m pytest -s -m external tests/external/test_pgbouncer.py`.
`PGBOUNCER=/path/to/pgbouncer` takes another version than the one on PATH.
"""

import os
from pathlib import Path

import pytest

from tests.external.bookkeeper import SPECS, keep_books
from tests.external.pooler import IGNORED, TRANSACTION, Settings, alter, documented_settings
from tests.external.programs import Program, Programs, ask_pgbouncer, is_there, version_of
from tests.support.servers import Servers, write_entities

pytestmark = pytest.mark.external

REQUESTS = int(os.environ.get("REQUESTS", "40"))
WORKERS = 3
CLIENTS = int(os.environ.get("CLIENTS", str(WORKERS * 8)))
ZONE = "Asia/Kathmandu"
PREPARED_SINCE = (1, 21)

SESSION: Settings = {"pool_mode": "session", "default_pool_size": 40}
MODES: dict[str, tuple[Settings, dict[str, str]]] = {
    "transaction": (TRANSACTION, {}),
    "transaction, options ignored": ({**TRANSACTION, **IGNORED}, {}),
    "transaction, short-lived servers": ({**TRANSACTION, "server_lifetime": 1}, {}),
    "transaction, told not to prepare": (
        {**TRANSACTION, **IGNORED},
        {"DATABASE_PREPARED": "false"},
    ),
    "as documented": (documented_settings(), {}),
    "session": (SESSION, {}),
    "session, options ignored": ({**SESSION, **IGNORED}, {}),
}
"""Settings of PgBouncer, and of the application."""
PREPARED = {"DATABASE_PREPARED": "true"}
PREPARING: dict[str, tuple[Settings, dict[str, str]]] = {
    "prepared": ({**TRANSACTION, "max_prepared_statements": 50}, PREPARED),
    "prepared, options ignored, few kept": (
        {**TRANSACTION, **IGNORED, "max_prepared_statements": 3},
        PREPARED,
    ),
    "prepared allowed, and not used": ({**TRANSACTION, "max_prepared_statements": 50}, {}),
    "prepared not allowed": ({**TRANSACTION, "max_prepared_statements": 0}, {}),
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
    if settings.get("default_pool_size") == TRANSACTION["default_pool_size"]:
        assert are_shared(program)
    api.stop()
    assert "Traceback" not in api.log.read_text()


def are_shared(program: Program) -> bool:
    """Return whether there are fewer connections to PostgreSQL than to PgBouncer."""
    clients = ask_pgbouncer(program, "SHOW CLIENTS")
    servers = ask_pgbouncer(program, "SHOW SERVERS")
    return len(servers) < len(clients)
