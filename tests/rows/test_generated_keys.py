"""A key that the server gives is never the key of another row."""

import asyncio
import importlib
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from httpx import ASGITransport, AsyncClient
from sqlalchemy import make_url, text

import crudgen
from crudgen.delivery.memory import unload
from tests.support.servers import Api, Servers, write_entities

pytestmark = pytest.mark.long

HERO = """
name: Hero
fields: {name: str(1..40) unique, level: int = 0}
api: {operations: [create, list, read, create_many], idempotency: true}
"""
TICKET = """
name: Ticket
fields: {id: uuid pk read_only, label: str unique}
api: {operations: [create, list, read, create_many]}
"""
BADGE = """
name: Badge
fields: {number: int pk, label: str?}
api: {operations: [create, list, create_many]}
"""
MAX = 2**63 - 1
FAR = "SELECT coalesce(max(id), 0) + 50, 'far{}', 0 FROM hero"
INSERT = "INSERT INTO hero (id, name, level) {}"


@pytest.fixture(scope="module")
def spec(tmp_path_factory: pytest.TempPathFactory) -> Path:
    specs = {"hero": HERO, "ticket": TICKET, "badge": BADGE}
    return write_entities(tmp_path_factory.mktemp("keys") / "entities", specs)


@pytest.fixture(scope="module")
def both(servers: Servers, spec: Path, new_database: Callable[[str], str]) -> Iterator[list[Api]]:
    """One application on each kind of database."""
    apis = [
        servers.start(spec, "served", new_database(kind), keeps_names=True)
        for kind in ("sqlite", "postgresql")
    ]
    yield apis
    for api in apis:
        servers.end(api)


@pytest.fixture
def fresh(both: list[Api]) -> list[Api]:
    """One application on each kind of database, whose counters have given nothing yet."""
    for api in both:
        api.emptied()
        if is_postgresql(api):
            execute(api, "TRUNCATE hero RESTART IDENTITY CASCADE")
        else:
            execute(api, "DELETE FROM sqlite_sequence")
    return both


@pytest.fixture
def fresh_on_postgresql(
    servers: Servers, spec: Path, new_database: Callable[[str], str]
) -> Iterator[Api]:
    api = servers.start(spec, "served", new_database("postgresql"), keeps_names=True)
    yield api
    servers.end(api)


def is_postgresql(api: Api) -> bool:
    return api.database.startswith("postgresql")


def execute(api: Api, sql: str) -> None:
    with api.engine.begin() as connection:
        connection.execute(text(sql))


def insert(api: Api, *keys: int) -> None:
    for key in keys:
        execute(api, INSERT.format(f"VALUES ({key}, 'own{key}', 0)"))


def post(api: Api, name: str, **options: Any) -> int:
    answer = api.ask("POST", "/heroes/", json={"name": name}, **options)
    assert answer.status_code == 200, answer.text
    assert answer.headers["location"] == f"/heroes/{answer.json()['id']}"
    return int(answer.json()["id"])


def test_rows_that_were_inserted_by_sql(fresh: list[Api]) -> None:
    for api in fresh:
        assert post(api, "a") == 1
        insert(api, 2, 3, 7)
        assert post(api, "b") == 8
        assert post(api, "c") == 9
        insert(api, *range(10, 14))
        many = api.ask("POST", "/heroes/bulk", json=[{"name": name} for name in "def"])
        assert [row["id"] for row in many.json()] == [14, 15, 16]
        insert(api, 17)
        headers = {"Idempotency-Key": "k"}
        assert post(api, "g", headers=headers) == 18
        assert post(api, "g", headers=headers) == 18
        insert(api, 19, 20)
        rows = [{"name": "h"}, {"name": "i"}]
        many = api.ask("POST", "/heroes/bulk", json=rows, headers={"Idempotency-Key": "many"})
        assert [row["id"] for row in many.json()] == [21, 22]


def test_a_first_row_and_one_far_beyond(fresh: list[Api]) -> None:
    for api in fresh:
        insert(api, 1)
        assert post(api, "a") == 2
        insert(api, 3, 2**40)
        assert post(api, "b") == 2**40 + 1
        assert post(api, "c") == 2**40 + 2


def test_many_rows_beyond(fresh: list[Api]) -> None:
    for api in fresh:
        rows = (
            "SELECT n, 'own' || n, 0 FROM generate_series(1, 5000) AS n"
            if is_postgresql(api)
            else "WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < 5000)"
            " SELECT n, 'own' || n, 0 FROM s"
        )
        execute(api, f"INSERT INTO hero (id, name, level) {rows}")
        assert post(api, "a") == 5001


def test_many_create_while_the_counter_lags(fresh: list[Api]) -> None:
    for api in fresh:
        for turn in range(3):
            execute(api, INSERT.format(FAR.format(turn)))
            if turn == 0:
                insert(api, *range(1, 40))
            with ThreadPoolExecutor(16) as pool:
                keys = list(pool.map(lambda n, a=api, t=turn: post(a, f"{t}-{n}"), range(64)))
            assert len(set(keys)) == 64


def test_a_conflict_of_another_rule_stays_one(fresh: list[Api]) -> None:
    for api in fresh:
        insert(api, 1, 2)
        answer = api.ask("POST", "/heroes/", json={"name": "own1"})
        assert (answer.status_code, answer.json()["detail"][0]["loc"]) == (409, ["body", "name"])
        assert post(api, "a") > 2
        insert(api, *range(10, 20))
        rows = [{"name": "x"}, {"name": "own2"}]
        answer = api.ask("POST", "/heroes/bulk", json=rows)
        assert (answer.status_code, answer.json()["detail"][0]["loc"]) == (409, ["body", 1, "name"])


def test_a_key_of_the_client_conflicts_as_ever(fresh: list[Api]) -> None:
    for api in fresh:
        body = {"number": 1}
        assert api.ask("POST", "/badges/", json=body).status_code == 200
        answer = api.ask("POST", "/badges/", json=body)
        assert (answer.status_code, answer.json()["detail"][0]["loc"]) == (409, ["body", "number"])
        answer = api.ask("POST", "/badges/bulk", json=[{"number": 2}, body])
        assert answer.json()["detail"][0]["loc"] == ["body", 1, "number"]


@pytest.mark.long_cases("owner", "cache", "name", "identity")
@pytest.mark.slow
@pytest.mark.parametrize(
    "change",
    [
        "ALTER SEQUENCE hero_id_seq INCREMENT 10",
        "ALTER SEQUENCE hero_id_seq CACHE 20",
        "ALTER TABLE hero RENAME CONSTRAINT pk_hero TO own_name",
        "ALTER SEQUENCE hero_id_seq OWNED BY NONE",
        "ALTER TABLE hero ALTER id DROP DEFAULT;"  # noqa: ISC004 - two statements
        " ALTER TABLE hero ALTER id ADD GENERATED BY DEFAULT AS IDENTITY",
    ],
    ids=["increment", "cache", "name", "owner", "identity"],
)
def test_a_sequence_of_the_users_own(fresh_on_postgresql: Api, change: str) -> None:
    api = fresh_on_postgresql
    execute(api, change)
    insert(api, *range(1, 100))
    keys = [post(api, f"a{n}") for n in range(30)]
    assert len(set(keys)) == 30
    assert min(keys) >= 100  # with CACHE each connection has numbers of its own
    taken = set(range(100, max(keys) + 301)) - {*keys}
    insert(api, *taken, 2**50)
    assert post(api, "b") > 2**50


def test_a_sequence_that_counts_down(fresh_on_postgresql: Api) -> None:
    api = fresh_on_postgresql
    execute(
        api,
        "ALTER SEQUENCE hero_id_seq INCREMENT -1 MINVALUE -1000 MAXVALUE -1 START -1 RESTART",
    )
    insert(api, -1, -2, -7)
    assert post(api, "a") == -8


def test_keys_that_are_used_up(fresh: list[Api]) -> None:
    """It is no full disk, and whoever else writes at that moment does not share it."""
    for api in fresh:
        insert(api, MAX - 1)
        if is_postgresql(api):
            insert(api, 1)
        assert post(api, "last") == MAX
        with ThreadPoolExecutor(16) as pool:

            def write(number: int, api: Api = api) -> int:
                if number % 4 == 0:
                    return api.client.post("/heroes/", json={"name": f"n{number}"}).status_code
                body = {"label": f"l{number}"}
                return api.client.post("/tickets/", json=body).status_code

            statuses = list(pool.map(write, range(64)))
        assert {statuses[number] for number in range(0, 64, 4)} == {503}
        assert statuses.count(200) == 48
        many = api.client.post("/heroes/bulk", json=[{"name": "x"}])
        assert many.status_code == 503
        assert many.json() == {"detail": "No key is left for a new row"}
        assert api.log_with("no key left").count("no key left") == 1
        assert api.ask("GET", "/heroes/?name=x").json() == []


@pytest.fixture
def role(fresh_on_postgresql: Api) -> str:
    """A role that may use the sequence, and not set it."""
    api = fresh_on_postgresql
    name = f"role_{uuid.uuid4().hex}"
    execute(api, f"CREATE ROLE {name} LOGIN PASSWORD 'x'")
    execute(api, f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {name}")
    execute(api, f"GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO {name}")
    return name


def test_a_role_that_may_not_set_the_sequence(
    fresh_on_postgresql: Api, role: str, servers: Servers, spec: Path
) -> None:
    owner = fresh_on_postgresql
    insert(owner, *range(1, 60))
    execute(owner, f"GRANT CREATE ON SCHEMA public TO {role}")
    url = make_url(owner.database).set(username=role, password="x")  # noqa: S106
    api = servers.start(spec, "served", url.render_as_string(hide_password=False), keeps_names=True)
    try:
        assert post(api, "a") == 60
        execute(
            owner,
            "INSERT INTO hero (id, name, level)"
            " SELECT n, 'own' || n, 0 FROM generate_series(61, 120000) AS n",
        )
        answer = api.client.post("/heroes/", json={"name": "b"})
        assert answer.status_code == 503
        wanted = "GRANT UPDATE ON SEQUENCE hero_id_seq"
        assert api.log_with(wanted).count(wanted) == 1
        assert post(api, "b") == 120_001
    finally:
        api.stop()


def test_a_key_that_the_application_makes(
    spec: Path, new_database: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another one is made, should there be such a row."""
    package = crudgen.import_app(spec)
    models = importlib.import_module(f"{package.__name__}.tickets.models")
    taken = [uuid.UUID(int=number) for number in (1, 1, 2, 2, 3, 3, 3, 4)]
    default = models.Ticket.__table__.c.id.default
    made = iter(taken)
    monkeypatch.setattr(default, "arg", lambda _: next(made))
    settings = importlib.import_module(f"{package.__name__}.settings").Settings
    create_app = importlib.import_module(f"{package.__name__}.main").create_app

    async def check(kind: str) -> None:
        nonlocal made
        made = iter(taken)
        app = create_app(settings(database_url=new_database(kind)))
        async with (
            app.router.lifespan_context(app),
            AsyncClient(transport=ASGITransport(app), base_url="http://test") as client,
        ):
            for label, number in (("a", 1), ("b", 2)):
                answer = await client.post("/tickets/", json={"label": label})
                assert answer.json()["id"] == str(uuid.UUID(int=number))
            rows = [{"label": "c"}, {"label": "d"}]
            answer = await client.post("/tickets/bulk", json=rows)
            assert [row["id"] for row in answer.json()] == [
                str(uuid.UUID(int=number)) for number in (3, 4)
            ]

    for kind in ("sqlite", "postgresql"):
        asyncio.run(check(kind))
    unload(package)
