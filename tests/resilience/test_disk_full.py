"""A full disk is 503 until there is room again; a disturbed transaction is repeated."""

import asyncio
import importlib
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from httpx import ASGITransport, AsyncClient

import crudgen
from tests.support.servers import Api, Servers

pytestmark = pytest.mark.long

HERO = {"name": "n" * 255, "secret_name": "s" * 255}
MOST_PAGES = 20


def test_a_full_sqlite_takes_no_rows_and_answers_the_rest(
    tmp_path: Path, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = (root / "entities" / "hero.yaml").read_text("utf-8")
    entities = tmp_path / "entities"
    entities.mkdir()
    # A spec can name the table thus. The check for room creates one of another name.
    (entities / "hero.yaml").write_text(f"{spec}\ntable: _room\n", "utf-8")
    package = crudgen.import_app(entities)
    file: Any = importlib.import_module(f"{package.__name__}.kit.database.sqlite_file")
    main = importlib.import_module(f"{package.__name__}.main")
    settings = importlib.import_module(f"{package.__name__}.settings")
    configure = file.configure  # every connection passes through it

    def bounded(connection: sqlite3.Connection) -> None:
        configure(connection)
        connection.execute(f"PRAGMA max_page_count = {MOST_PAGES}")

    monkeypatch.setattr(file, "configure", bounded)
    app = main.create_app(settings.Settings(database_url=f"sqlite:///{tmp_path}/app.db"))

    async def fill() -> None:
        transport = ASGITransport(app)
        async with (
            app.router.lifespan_context(app),
            AsyncClient(transport=transport, base_url="http://test") as client,
        ):
            acknowledged = []
            while (answer := await client.post("/heroes/", json=HERO)).status_code == 200:
                acknowledged.append(answer.json()["id"])
            assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
            assert answer.json() == {"detail": "The database is full"}
            together = await asyncio.gather(
                *(client.post("/heroes/", json=HERO) for _ in range(20)),
                *(client.get(f"/heroes/{number}") for number in acknowledged),
            )
            assert [one.status_code for one in together[:20]] == [503] * 20
            assert [one.status_code for one in together[20:]] == [200] * len(acknowledged)
            assert (await client.get("/ready")).status_code == 503
            for number in acknowledged:
                assert (await client.delete(f"/heroes/{number}")).status_code == 200
            assert (await client.post("/heroes/", json=HERO)).status_code == 200
            await asyncio.sleep(1)
            assert (await client.get("/ready")).status_code == 200

    asyncio.run(fill())


@pytest.fixture(params=["served", "emitted"])
def postgres(
    request: pytest.FixtureRequest, servers: Servers, new_database: Callable[[str], str], root: Path
) -> Iterator[Api]:
    api = servers.start(root / "entities", request.param, new_database("postgresql"))
    yield api
    servers.end(api)


def raise_before_insert(api: Api, body: str) -> None:
    with api.engine.begin() as connection:
        connection.exec_driver_sql(
            "CREATE SEQUENCE attempts; CREATE OR REPLACE FUNCTION fail() RETURNS trigger AS"
            f" $$ BEGIN {body} RETURN NEW; END $$ LANGUAGE plpgsql;"
            "CREATE TRIGGER fail BEFORE INSERT ON hero FOR EACH ROW EXECUTE FUNCTION fail()"
        )


@pytest.mark.parametrize(
    ("state", "detail"),
    [
        ("53100", "The database is full"),
        ("53200", "The database is busy, try again"),
        ("53400", "The database is busy, try again"),
        ("58030", "The database cannot be used"),
    ],
)
def test_a_postgresql_without_room_is_503(postgres: Api, state: str, detail: str) -> None:
    raise_before_insert(postgres, f"RAISE EXCEPTION 'full' USING ERRCODE = '{state}';")
    answer = postgres.client.post("/heroes/", json=HERO)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    assert answer.json() == {"detail": detail}
    assert postgres.ask("GET", "/heroes/").json() == []
    with postgres.engine.begin() as connection:
        connection.exec_driver_sql("DROP TRIGGER fail ON hero")
    assert postgres.ask("POST", "/heroes/", json=HERO).status_code == 200


@pytest.mark.parametrize("state", ["40001", "40P01"])
def test_what_another_transaction_disturbs_is_repeated(postgres: Api, state: str) -> None:
    raise_before_insert(
        postgres,
        f"IF nextval('attempts') %% 3 <> 0 THEN RAISE EXCEPTION 'x' USING ERRCODE = '{state}';"
        " END IF;",
    )
    for _ in range(5):
        assert postgres.ask("POST", "/heroes/", json=HERO).status_code == 200
    assert len(postgres.ask("GET", "/heroes/").json()) == 5
