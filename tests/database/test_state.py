"""What the database cannot do now is said by answers, `/ready` and the log, each in its way."""

import asyncio
import importlib
import logging
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from fastapi import FastAPI
from httpx import ASGITransport, AsyncClient, Response

import crudgen
from crudgen.kit.database import state as states
from crudgen.kit.database.state import State
from crudgen.kit.errors import Condition, Unavailable
from tests.support.postgres import end_clients_of
from tests.support.servers import BOUND_BY_MODES, Api, Servers

pytestmark = pytest.mark.long

HERO = {"name": "n", "secret_name": "s"}
READ_ONLY = "The database is read-only"
NOT_STARTED = "The application has not started: its lifespan has not run"


def detail(response: Response) -> tuple[int, str]:
    if response.status_code == 503:
        assert response.headers["retry-after"] == "1"
    return response.status_code, response.json().get("detail", "")


def wait_until_ready_is(api: Api, status: int) -> Response:
    deadline = time.monotonic() + 90
    while (answer := api.client.get("/ready")).status_code != status:
        assert time.monotonic() < deadline, (answer.text, api.log.read_text())
        time.sleep(0.1)
    return answer


def new_sessions(url: str, setting: str) -> None:
    """Set something for the sessions of a database, and end those that there are."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SET default_transaction_read_only = off")
        connection.execute(f"ALTER DATABASE {connection.info.dbname} {setting}")
        end_clients_of(connection)


@pytest.mark.long
@pytest.mark.parametrize("mode", ["emitted"])
def test_postgresql_that_becomes_read_only_is_read(
    servers: Servers, new_database: Callable[[str], str], root: Path, mode: str
) -> None:
    url = new_database("postgresql")
    api = servers.start(root / "entities", mode, url)
    row = api.ask("POST", "/heroes/", json=HERO).json()["id"]
    for _ in range(2):
        new_sessions(url, "SET default_transaction_read_only = on")
        assert detail(wait_until_ready_is(api, 503)) == (503, READ_ONLY)
        for _ in range(3):
            assert detail(api.client.post("/heroes/", json=HERO)) == (503, READ_ONLY)
            assert detail(api.client.patch(f"/heroes/{row}", json={"age": 1})) == (503, READ_ONLY)
            assert detail(api.client.delete(f"/heroes/{row}")) == (503, READ_ONLY)
            assert api.ask("GET", f"/heroes/{row}").json()["id"] == row
            assert len(api.ask("GET", "/heroes/?cursor=").json()) >= 1
        new_sessions(url, "RESET default_transaction_read_only")
        wait_until_ready_is(api, 200)
        assert api.ask("POST", "/heroes/", json=HERO).is_success
    log = api.log.read_text()
    assert log.count(": read-only: ") == 2
    assert log.count(": resolved: read-only") == 2
    api.stop()


@pytest.mark.parametrize(("mode", "kind"), [("served", "sqlite"), ("emitted", "postgresql")])
def test_a_database_that_should_only_be_read_is_ready(
    servers: Servers, new_database: Callable[[str], str], root: Path, mode: str, kind: str
) -> None:
    url = new_database(kind)
    first = servers.start(root / "entities", mode, url)
    row = first.ask("POST", "/heroes/", json=HERO).json()
    first.stop()
    api = servers.start(root / "entities", mode, url, settings={"DATABASE_READ_ONLY": "true"})
    assert api.ask("GET", f"/heroes/{row['id']}").json() == row
    assert detail(api.client.post("/heroes/", json=HERO)) == (503, READ_ONLY)
    assert detail(api.client.put(f"/heroes/{row['id']}", json=HERO))[0] == 405
    assert api.ask("GET", "/ready").is_success
    api.stop()


@pytest.mark.parametrize("mode", ["served"])
def test_an_sqlite_file_that_cannot_be_written_is_read(
    servers: Servers, new_database: Callable[[str], str], root: Path, mode: str
) -> None:
    url = new_database("sqlite")
    file = Path(url.removeprefix("sqlite:///"))
    first = servers.start(root / "entities", mode, url)
    row = first.ask("POST", "/heroes/", json=HERO).json()
    first.stop()
    file.chmod(0o444)
    api = servers.start(root / "entities", mode, url, prefix=BOUND_BY_MODES, wait=False)
    assert detail(wait_until_served(api)) == (503, READ_ONLY)
    for _ in range(3):
        assert detail(api.client.post("/heroes/", json=HERO)) == (503, READ_ONLY)
        assert api.ask("GET", f"/heroes/{row['id']}").json() == row
        assert api.ask("GET", "/heroes/").json() == [row]
    assert api.log.read_text().count(": read-only: ") == 1
    api.stop()
    file.chmod(0o644)


def wait_until_served(api: Api) -> Response:
    """Wait until `/live` is answered; return what `/ready` says then."""
    deadline = time.monotonic() + 90
    while True:
        try:
            api.client.get("/live")
            return api.client.get("/ready")
        except httpx.TransportError:
            assert api.process.poll() is None, api.log.read_text()
            assert time.monotonic() < deadline, api.log.read_text()
            time.sleep(0.1)


@pytest.mark.parametrize("mode", ["emitted"])
def test_what_keeps_a_statement_waiting_is_logged_once(
    servers: Servers, new_database: Callable[[str], str], root: Path, mode: str
) -> None:
    url = new_database("postgresql")
    api = servers.start(root / "entities", mode, url, settings={"LOCK_SECONDS": "0.2"})
    with psycopg.connect(url) as other:
        other.execute("LOCK TABLE hero")
        for _ in range(3):
            busy = "The database is busy, try again"
            assert detail(api.client.post("/heroes/", json=HERO)) == (503, busy)
    assert api.ask("GET", "/ready").is_success
    assert api.log.read_text().count(": busy: ") == 1
    api.stop()


@pytest.mark.parametrize("mode", ["served"])
def test_a_damaged_file_is_503_and_logged(
    servers: Servers, new_database: Callable[[str], str], root: Path, mode: str
) -> None:
    url = new_database("sqlite")
    file = Path(url.removeprefix("sqlite:///"))
    api = servers.start(root / "entities", mode, url)
    with sqlite3.connect(file) as connection:
        values = [("x" * 200, "s")] * 3000
        connection.executemany("INSERT INTO hero (name, secret_name) VALUES (?, ?)", values)
    with sqlite3.connect(file, isolation_level=None) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    api.stop()
    with file.open("r+b") as opened:
        size = opened.seek(0, 2)
        opened.seek(size // 2)
        opened.write(b"\xff" * (size // 4))
    api = servers.start(root / "entities", mode, url)
    found = [api.client.get(path) for path in PATHS]
    assert {one.status_code for one in found} <= {200, 503}
    assert "The database cannot be used" in {
        detail(one)[1] for one in found if one.status_code == 503
    }
    assert detail(wait_until_ready_is(api, 503)) == (503, "The database cannot be used")
    assert "unusable: database disk image is malformed" in api.log_with("unusable")
    assert "Traceback" not in api.log.read_text()
    api.stop()


PATHS = [f"/heroes/?name__contains=y&count=exact&limit={limit}" for limit in range(1, 6)]


def unstarted(root: Path, tmp_path: Path) -> Any:
    """Create an application; nothing runs its lifespan."""
    return crudgen.create_app(root / "entities", database=f"sqlite:///{tmp_path}/app.db")


@pytest.mark.filterwarnings("ignore:Using `httpx`")
def test_an_application_that_was_not_started_says_so(
    root: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    from fastapi.testclient import TestClient  # noqa: PLC0415 - it warns of httpx

    app = unstarted(root, tmp_path)
    outer = FastAPI()
    outer.mount("/crud", app)

    async def ask(asked: FastAPI, prefix: str) -> None:
        async with AsyncClient(transport=ASGITransport(asked), base_url="http://t") as client:
            for method, path in (
                ("GET", "/heroes/"),
                ("POST", "/heroes/"),
                ("GET", "/heroes/1"),
                ("GET", "/heroes/?cursor=abc"),
                ("DELETE", "/heroes/1"),
                ("GET", "/ready"),
            ):
                body = HERO if method == "POST" else None
                answer = await client.request(method, prefix + path, json=body)
                assert detail(answer) == (503, NOT_STARTED), (method, path)
            assert (await client.get(f"{prefix}/live")).status_code == 200

    asyncio.run(ask(app, ""))
    asyncio.run(ask(outer, "/crud"))
    assert TestClient(app).get("/heroes/").json() == {"detail": NOT_STARTED}
    said = caplog.text
    assert said.count("not started: its lifespan has not run: use `with TestClient(app)`") == 1
    with TestClient(app) as client:
        assert client.get("/heroes/").status_code == 200
    assert TestClient(app).get("/heroes/").json() == {"detail": "The application is shutting down"}
    logging.shutdown()


def test_a_session_before_the_start_says_so(root: Path, tmp_path: Path) -> None:
    app = unstarted(root, tmp_path)
    package = type(app).__module__.partition(".kit.")[0]
    errors = importlib.import_module(f"{package}.kit.errors")
    with (
        pytest.raises(errors.Unavailable, match="its lifespan has not run"),
        app.state.database.session(),
    ):
        pass


RIGHTS = [
    ("SELECT ON hero", "permission denied for table hero"),
    ("INSERT ON hero", "permission denied for table hero"),
    ("UPDATE ON hero", "permission denied for table hero"),
    ("DELETE ON hero", "permission denied for table hero"),
    ("USAGE, UPDATE ON SEQUENCE hero_id_seq", "permission denied for sequence hero_id_seq"),
    ("USAGE ON SCHEMA public", 'relation "hero" does not exist'),
]


def test_each_right_that_is_taken_away_meanwhile_is_logged_once(
    servers: Servers, new_database: Callable[[str], str], root: Path
) -> None:
    owner = new_database("postgresql")
    servers.start(root / "entities", "served", owner).stop()
    with psycopg.connect(owner, autocommit=True) as connection:
        for statement in (
            "CREATE ROLE taken LOGIN",
            "REVOKE ALL ON SCHEMA public FROM PUBLIC",
            "GRANT SELECT ON ALL TABLES IN SCHEMA public TO taken",
            *(f"GRANT {right} TO taken" for right, _ in RIGHTS),
        ):
            connection.execute(statement)
        url = owner.replace("postgres:@", "taken@")
        api = servers.start(root / "entities", "served", url, settings={"STATEMENT_SECONDS": "2"})

        def ask() -> set[int]:
            row = {**HERO, "name": str(time.monotonic())}
            return {
                api.client.get("/heroes/").status_code,
                *(api.client.get(f"/heroes/?limit={n}&sort=name").status_code for n in (1, 2, 3)),
                api.client.get("/heroes/1").status_code,
                api.client.post("/heroes/", json=row).status_code,
                api.client.patch("/heroes/1", json={"age": 1}).status_code,
                api.client.delete("/heroes/999").status_code,
            }

        api.ask("POST", "/heroes/", json=HERO)
        for right, reason in RIGHTS:
            before = len(api.log.read_text())
            connection.execute(f"REVOKE {right} FROM taken")
            for _ in range(3):
                assert 503 in ask() <= {200, 404, 503}, right
            said = api.log_with(reason, after=before)
            connection.execute(f"GRANT {right} TO taken")
            for _ in range(2):
                assert ask() == {200, 404}
            assert said.count("\n") == 1, said
            place = right.replace("ON hero", "ON public.hero").replace("hero_id", "public.hero_id")
            assert f"{reason}; GRANT {place} TO taken\n" in said
            assert api.log.read_text()[before:].count(": resolved: ") == 1
        assert "Traceback" not in api.log.read_text()
        api.stop()
        connection.execute("DROP OWNED BY taken")
        connection.execute("DROP ROLE taken")


@pytest.mark.parametrize("mode", ["emitted"])
def test_a_sequence_without_numbers_concerns_its_table_alone(
    servers: Servers, new_database: Callable[[str], str], root: Path, mode: str
) -> None:
    url = new_database("postgresql")
    api = servers.start(root / "entities", mode, url)
    row = api.ask("POST", "/heroes/", json=HERO).json()["id"]
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"SELECT setval('hero_id_seq', {2**63 - 1})")
    for _ in range(3):
        used_up = "No key is left for a new row"
        assert detail(api.client.post("/heroes/", json=HERO)) == (503, used_up)
        assert api.ask("PATCH", f"/heroes/{row}", json={"age": 1}).is_success
        time.sleep(0.5)
        assert api.client.get("/ready").status_code == 200
    assert api.log.read_text().count("reached maximum value of sequence") == 1
    api.stop()


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
@pytest.mark.parametrize(
    ("mode", "change"),
    [("served", "DROP TABLE hero"), ("emitted", "ALTER TABLE hero RENAME COLUMN age TO years")],
)
def test_a_table_that_is_changed_meanwhile_is_logged_once(
    servers: Servers,
    new_database: Callable[[str], str],
    root: Path,
    *,
    kind: str,
    mode: str,
    change: str,
) -> None:
    url = new_database(kind)
    api = servers.start(root / "entities", mode, url)
    api.ask("POST", "/heroes/", json=HERO)
    with api.engine.begin() as connection:
        connection.exec_driver_sql(change)
    for _ in range(3):
        unusable = "A database table or column is missing or cannot be accessed"
        assert detail(api.client.post("/heroes/", json=HERO)) == (503, unusable)
        assert detail(api.client.get("/heroes/?cursor=")) == (503, unusable)
    assert api.log_with("table unusable: ").count("table unusable: ") <= 2
    assert "Traceback" not in api.log.read_text()
    api.stop()


def test_clients_alone_do_not_make_an_application_unready(
    servers: Servers, new_database: Callable[[str], str], root: Path
) -> None:
    url = new_database("postgresql")
    settings = {"LOCK_SECONDS": "0.5", "DATABASE_CONNECTIONS": "2"}
    api = servers.start(root / "entities", "served", url, settings=settings)
    with psycopg.connect(url) as other:
        other.execute("LOCK TABLE hero")

        async def ask() -> set[int]:
            async with AsyncClient(base_url=str(api.client.base_url), timeout=30) as client:
                waiting = [asyncio.create_task(client.get("/heroes/")) for _ in range(40)]
                ready = set()
                while not all(one.done() for one in waiting):
                    ready.add((await client.get("/ready")).status_code)
                assert {(await one).status_code for one in waiting} == {503}
            return ready

        assert asyncio.run(ask()) == {200}
    api.stop()


def denied(reason: str) -> Unavailable:
    return Unavailable(Condition.DENIED, reason)


def test_statements_that_fail_and_work_in_turn_do_not_fill_the_log(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    for error in (Unavailable(Condition.FULL), Unavailable(Condition.DOWN), denied("x")):
        state, begun = State("X"), 0
        for _ in range(1000):
            if state.record_failure(error, "one") is not None:
                state.log_begin(error.condition, "x")
                begun += 1
            state.record_success("two", writes=True)
            state.record_success("one", writes=True)
        assert begun == states.FREQUENT_COUNT
        monkeypatch.setattr(states, "QUIET_SECONDS", -1.0)
        state.record_success("one", writes=True)
        monkeypatch.undo()
        assert not state.episodes
    assert caplog.text.count(": resolved: ") == 3 * states.FREQUENT_COUNT


def test_any_number_of_statements_is_remembered_within_bounds() -> None:
    state = State("X")
    logged = [state.record_failure(denied(f"r{number % 500}"), number) for number in range(100_000)]
    assert len([one for one in logged if one is not None]) == states.MAX_REASONS
    kept = state.episodes[Condition.DENIED].reasons
    assert sum(map(len, kept.values())) <= states.MAX_REASONS**2
