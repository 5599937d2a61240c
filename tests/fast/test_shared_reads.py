"""Reads on PostgreSQL that share connections fail alone, are slow alone, and lose no result.

`ROUNDS=50 python -m pytest -n0 -s tests/fast/test_shared_reads.py` is the extended run.
"""

import asyncio
import os
import random
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import psycopg
import pytest

import crudgen
from tests.support.postgres import UNAVAILABLE, clients_of, end_clients_of

pytestmark = pytest.mark.long

ROUNDS = int(os.environ.get("ROUNDS", "2"))
CLIENTS = 64
EACH = 6
ROWS = 400
SPEC = """
name: Thing
fields:
  title: str(1..50)
  size: int
"""
FILL = "INSERT INTO thing (title, size) SELECT 'thing ' || n, n FROM generate_series(1, 400) n"
TROUBLE = """
ALTER TABLE thing RENAME TO stored;
CREATE VIEW thing AS SELECT id, title, CASE
    WHEN id % 100 = 7 THEN size / (id % 100 - 7)
    WHEN id % 100 = 9 THEN (SELECT size FROM pg_sleep({seconds}) offset 0)
    ELSE size END AS size FROM stored;
"""
"""Lets the reads of some rows fail, and those of others take long."""
SLOW_VIEW = (
    FILL,
    "CREATE SEQUENCE tries",
    "ALTER TABLE thing RENAME TO stored",
    """CREATE VIEW thing AS SELECT id, title, size
    + (SELECT 0 * nextval('tries') FROM pg_sleep(0.03) OFFSET 0 * id) AS size FROM stored""",
)
"""Lets all reads of rows take long, and counts them."""
SLOW, FAILING = 9, 7
Answer = tuple[int, bytes]


@pytest.fixture
def spec(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LOG_LEVEL", "ERROR")
    folder = tmp_path / "entities"
    folder.mkdir()
    (folder / "thing.yaml").write_text(SPEC)
    return folder


@pytest.fixture
def url(new_database: Callable[[str], str]) -> str:
    return new_database("postgresql")


@asynccontextmanager
async def client_of(spec: Path, url: str) -> AsyncIterator[httpx.AsyncClient]:
    """Start the application, and return a client of it."""
    app = crudgen.create_app(spec, database=url)
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    client = httpx.AsyncClient(transport=transport, base_url="http://test", timeout=60)
    async with app.router.lifespan_context(app), client:
        yield client


def run_sql(url: str, *statements: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement)


async def get(client: httpx.AsyncClient, path: str) -> Answer:
    found = await client.get(path)
    return found.status_code, found.content


async def get_together(client: httpx.AsyncClient, paths: Sequence[str]) -> list[Answer]:
    """Read some paths; CLIENTS requests wait at a time."""
    left = iter(enumerate(paths))
    answers: dict[int, Answer] = {}

    async def read() -> None:
        for number, path in left:
            answers[number] = await get(client, path)

    await asyncio.gather(*[read() for _ in range(CLIENTS)])
    return [answers[number] for number in range(len(paths))]


def random_paths(seed: int, *, odd: bool) -> list[str]:
    """Return paths of rows and pages; with `odd`, 1 % of slow rows and 1 % of failing ones."""
    choose = random.Random(seed)  # noqa: S311
    paths = []
    for _ in range(CLIENTS * EACH):
        plain = choose.randrange(10, 99) + 100 * choose.randrange(4)
        key = choose.choices([plain, SLOW, FAILING, ROWS + 5], [97, odd, odd, 1])[0]
        page = f"/things/?offset={choose.randrange(9, 50)}&limit=1"
        paths.append(choose.choices([f"/things/{key}", page], [9, not odd])[0])
    return paths


def test_failing_and_slow_reads_change_no_other_answer(
    spec: Path, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def answers(paths: Sequence[str]) -> list[Answer]:
        async with client_of(spec, url) as client:
            await asyncio.to_thread(run_sql, url, *trouble)
            return await get_together(client, paths)

    trouble = [FILL, *TROUBLE.format(seconds=0.03).split(";")[:-1]]
    back = ("DROP VIEW thing", "ALTER TABLE stored RENAME TO thing", "TRUNCATE thing")
    for number in range(ROUNDS):
        paths = random_paths(number, odd=True)
        monkeypatch.setenv("DATABASE_SHARED_READS", "true")
        shared = asyncio.run(answers(paths))
        run_sql(url, *back, "ALTER SEQUENCE thing_id_seq RESTART")
        monkeypatch.setenv("DATABASE_SHARED_READS", "false")
        alone = asyncio.run(answers(paths))
        run_sql(url, *back, "ALTER SEQUENCE thing_id_seq RESTART")
        assert shared == alone
        statuses = Counter(status for status, _ in shared)
        assert statuses.keys() >= {200, 404}, statuses
        assert len(statuses) == 2 + any(path == f"/things/{FAILING}" for path in paths), statuses


def test_reads_that_are_all_slow_are_run_about_once(spec: Path, url: str) -> None:
    """A read behind a slow one is repeated elsewhere; if all are slow, that helps none of them."""

    async def run() -> int:
        async with client_of(spec, url) as client:
            await asyncio.to_thread(run_sql, url, *SLOW_VIEW)
            paths = [f"/things/{1 + number % 50}" for number in range(CLIENTS * 4)]
            answers = await get_together(client, paths)
            assert {status for status, _ in answers} == {200}
        with psycopg.connect(url) as connection:
            row = connection.execute("SELECT last_value FROM tries").fetchone()
        assert row is not None
        return int(row[0]) - len(paths)

    assert asyncio.run(run()) <= CLIENTS * 2


def test_slow_reads_keep_their_connections(spec: Path, url: str) -> None:
    """A slow read behind another slow one is repeated elsewhere, and then runs twice."""

    async def run() -> None:
        async with client_of(spec, url) as client:
            await asyncio.to_thread(run_sql, url, FILL, TROUBLE.format(seconds=0.03))
            paths = [f"/things/{SLOW if n % 64 in {3, 6} else n % 64 + 10}" for n in range(640)]
            await get_together(client, paths[:64])
            with psycopg.connect(url) as connection:
                before = {*clients_of(connection)}
                assert {status for status, _ in await get_together(client, paths)} == {200}
                assert before <= {*clients_of(connection)}

    asyncio.run(run())


def test_reads_survive_the_end_of_their_connections(spec: Path, url: str) -> None:
    async def run() -> Counter[int]:
        statuses = Counter[int]()
        async with client_of(spec, url) as client:
            await asyncio.to_thread(run_sql, url, FILL)
            paths = sorted({*random_paths(0, odd=False)})
            expected = dict(zip(paths, await get_together(client, paths), strict=True))
            with psycopg.connect(url, autocommit=True) as connection:
                for number in range(ROUNDS):
                    paths = [one for one in random_paths(number, odd=False) if one in expected] * 2
                    reads = asyncio.create_task(get_together(client, paths))
                    while not reads.done() and number % 3:
                        await asyncio.sleep(0.002)
                        await asyncio.to_thread(end_clients_of, connection)
                    for path, (status, body) in zip(paths, await reads, strict=True):
                        assert (status, body) == expected[path] or (
                            status == 503 and httpx.Response(200, content=body).json()["detail"]
                        ) in UNAVAILABLE
                        statuses[status] += 1
            assert await get_together(client, paths) == [expected[one] for one in paths]
        return statuses

    statuses = asyncio.run(run())
    print(statuses)  # noqa: T201 - `-s` shows it
    assert statuses[200] > statuses[503]


def test_each_read_has_its_own_deadline(
    spec: Path, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STATEMENT_SECONDS", "0.2")

    async def run() -> None:
        async with client_of(spec, url) as client:
            await asyncio.to_thread(run_sql, url, FILL, TROUBLE.format(seconds=30))
            paths = [f"/things/{SLOW if n in {3, 40} else n + 10}" for n in range(CLIENTS)]
            found = await get_together(client, paths)
            assert [n for n, (status, _) in enumerate(found) if status != 200] == [3, 40]
            assert {found[3][0], found[40][0]} == {503}

    asyncio.run(run())


def test_a_request_that_is_cancelled_takes_no_result_of_another(spec: Path, url: str) -> None:
    async def run() -> None:
        async with client_of(spec, url) as client:
            await asyncio.to_thread(run_sql, url, FILL, TROUBLE.format(seconds=30))
            choose = random.Random(1)  # noqa: S311
            for _ in range(10 * ROUNDS):
                keys = [SLOW, *choose.sample(range(10, 99), CLIENTS - 1)]
                tasks = [asyncio.create_task(get(client, f"/things/{key}")) for key in keys]
                await asyncio.sleep(choose.random() * 0.03)
                cancelled = {0, *choose.sample(range(CLIENTS), 9)}
                for number in cancelled:
                    tasks[number].cancel()
                found = await asyncio.gather(*tasks, return_exceptions=True)
                for number, (key, answer) in enumerate(zip(keys, found, strict=True)):
                    if isinstance(answer, asyncio.CancelledError):
                        assert number in cancelled
                    else:
                        assert isinstance(answer, tuple)
                        assert answer[0] == 200
                        assert b'"title":"thing %d"' % key in answer[1]

    asyncio.run(run())


def test_writes_get_a_connection_that_reads_share(
    spec: Path, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_CONNECTIONS", "1")
    monkeypatch.setenv("LOCK_SECONDS", "20")

    async def run() -> None:
        async with client_of(spec, url) as client:
            await asyncio.to_thread(run_sql, url, FILL)
            written = asyncio.Event()

            async def read_until_written(path: str) -> set[int]:
                found = set()
                while not written.is_set():
                    found.add((await client.get(path)).status_code)
                return found

            readers = [
                asyncio.create_task(read_until_written(f"/things/{n % ROWS + 1}"))
                for n in range(CLIENTS)
            ]
            for number in range(5):
                body = {"title": f"new {number}", "size": number}
                response = await client.post("/things/", json=body)
                assert response.status_code == 200, response.text
            written.set()
            assert set[int]().union(*await asyncio.gather(*readers)) == {200}

    asyncio.run(run())


def test_reads_without_prepared_statements_get_the_same_answers(
    spec: Path, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def answers() -> list[Answer]:
        async with client_of(spec, url) as client:
            return await get_together(client, random_paths(5, odd=False))

    async def fill() -> None:
        async with client_of(spec, url):
            await asyncio.to_thread(run_sql, url, FILL)

    asyncio.run(fill())
    shared = asyncio.run(answers())
    monkeypatch.setenv("DATABASE_PREPARED", "false")
    assert asyncio.run(answers()) == shared


FORGETTING_VIEW = (
    FILL,
    """CREATE FUNCTION forget(n bigint) RETURNS bigint LANGUAGE plpgsql
    AS 'BEGIN DEALLOCATE ALL; RETURN n; END'""",
    "ALTER TABLE thing RENAME TO stored",
    """CREATE VIEW thing AS SELECT id, title,
    CASE WHEN id = 7 THEN forget(size) ELSE size END AS size FROM stored""",
)
"""Lets the read of a row lose the prepared statements of its session, as behind some poolers."""


def test_after_a_statement_is_lost_no_more_are_prepared(
    spec: Path, url: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("LOG_LEVEL", "WARNING")

    async def run() -> None:
        async with client_of(spec, url) as client:
            await asyncio.to_thread(run_sql, url, *FORGETTING_VIEW)
            for key in (1, 7, 2, 3, 7, 4, 7, 5):
                status, body = await get(client, f"/things/{key}")
                assert (status, f'"id":{key}'.encode() in body) == (200, True)

    asyncio.run(run())
    assert [one.message[:29] for one in caplog.records] == ["a prepared statement was lost"]


def test_a_shared_connection_is_replaced_at_the_end_of_its_lifetime(spec: Path, url: str) -> None:
    async def run() -> None:
        async with client_of(spec, url) as client:
            await asyncio.to_thread(run_sql, url, FILL)
            await get(client, "/things/1")
            shared = client._transport.app.state.database._backend._shared  # type: ignore[attr-defined]  # noqa: SLF001
            (pipeline,) = shared._pipelines  # noqa: SLF001
            pipeline.connection._expire_at = 0.0  # noqa: SLF001 - of psycopg's pool
            reads = [f"/things/{n % 50 + 1}" for n in range(CLIENTS * 40)]
            assert {status for status, _ in await get_together(client, reads)} == {200}
            assert pipeline.connection.closed

    asyncio.run(run())
