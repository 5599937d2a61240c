"""Writes on PostgreSQL by libpq, on connections that are passed on: as by psycopg and its pool."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from pathlib import Path

import httpx
import psycopg
import pytest
from sqlalchemy import Integer, literal_column, select
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg

from crudgen.kit.database.connections import Connector
from crudgen.kit.database.postgresql_pool import ConnectionPool
from crudgen.kit.database.sessions import SessionSettings
from crudgen.kit.database.statements import Prepared
from crudgen.kit.database.urls import read_postgresql_url
from crudgen.kit.errors import Condition, Unavailable
from crudgen.kit.fast import direct_statements
from crudgen.kit.fast.kept_connections import KeptConnections
from crudgen.kit.fast.read_pipeline import Read, ReadPipeline
from tests.fast.test_shared_reads import client_of, run_sql
from tests.support.postgres import clients_of

SPEC = """
name: Thing
fields:
  title: str(1..50) unique
  size: int
""" + "".join(f"  note_{n}: text?\n" for n in range(14))
DEFERRED = "ALTER TABLE thing ADD CONSTRAINT once UNIQUE (size) DEFERRABLE INITIALLY DEFERRED"
WRITERS = 64
Work = Callable[[httpx.AsyncClient], Awaitable[None]]


@pytest.fixture
def url(new_database: Callable[[str], str]) -> str:
    return new_database("postgresql")


@pytest.fixture
def run(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[Work], None]:
    """Runs work with a client of the application, which has two connections."""
    monkeypatch.setenv("LOG_LEVEL", "ERROR")
    monkeypatch.setenv("DATABASE_CONNECTIONS", "2")
    folder = tmp_path / "entities"
    folder.mkdir()
    (folder / "thing.yaml").write_text(SPEC)

    async def start(work: Work) -> None:
        async with client_of(folder, url) as client:
            await work(client)

    return lambda work: asyncio.run(start(work))


async def create(client: httpx.AsyncClient, number: int, title: str = "") -> httpx.Response:
    body = {"title": title or f"thing {number}", "size": number}
    return await client.post("/things/", json=body)


async def create_several(client: httpx.AsyncClient) -> None:
    """Let each connection prepare the INSERT."""
    found = await asyncio.gather(*[create(client, -n) for n in range(1, 9)])
    assert {one.status_code for one in found} == {200}


def test_writes_that_fail_affect_no_other(url: str, run: Callable[[Work], None]) -> None:
    async def work(client: httpx.AsyncClient) -> None:
        run_sql(url, DEFERRED)
        await create_several(client)
        titles = ["thing -1" if n % 5 == 0 else f"new {n}" for n in range(WRITERS)]
        sizes = [-2 if n % 7 == 0 else n for n in range(WRITERS)]
        found = await asyncio.gather(*map(create, [client] * WRITERS, sizes, titles))
        for number, answer in enumerate(found):
            is_taken = number % 5 == 0 or number % 7 == 0
            assert answer.status_code == (409 if is_taken else 200)
            if is_taken:
                place = ["body"] if number % 5 else ["body", "title"]
                assert [one["loc"] for one in answer.json()["detail"]] == [place]
        stored = (await client.get("/things/?count=exact&limit=1")).headers["x-total-count"]
        assert int(stored) == 8 + sum(one.status_code == 200 for one in found)
        with psycopg.connect(url) as connection:
            assert len(clients_of(connection)) <= 2

    run(work)


def test_a_value_that_is_larger_than_the_buffer_of_a_socket(run: Callable[[Work], None]) -> None:
    async def work(client: httpx.AsyncClient) -> None:
        await create_several(client)
        for number in range(4):
            notes = {f"note_{n}": chr(97 + number + n) * 65_000 for n in range(14)}
            body = {"title": f"thing {number}", "size": 1, **notes}
            row = (await client.post("/things/", json=body)).raise_for_status().json()
            assert row == {"id": row["id"], **body}

    run(work)


def test_a_write_ends_at_its_deadline_and_its_connection_is_replaced(
    url: str, run: Callable[[Work], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STATEMENT_SECONDS", "0.1")
    monkeypatch.setattr("crudgen.kit.database.postgresql.GRACE_SECONDS", 0.1)

    async def work(client: httpx.AsyncClient) -> None:
        await create_several(client)
        with psycopg.connect(url) as blocking:
            blocking.execute("LOCK TABLE thing")
            late = await asyncio.gather(*[create(client, number) for number in range(3)])
            assert {one.status_code for one in late} == {503}
        assert (await create(client, 1)).status_code == 200

    run(work)


def test_a_cancelled_write_is_cancelled_in_the_database(
    url: str, run: Callable[[Work], None]
) -> None:
    async def work(client: httpx.AsyncClient) -> None:
        await create_several(client)
        with psycopg.connect(url) as blocking:
            blocking.execute("LOCK TABLE thing")
            writes = [asyncio.create_task(create(client, n)) for n in range(5)]
            await asyncio.sleep(0.05)
            for one in writes:
                one.cancel()
            await asyncio.gather(*writes, return_exceptions=True)
        assert (await create(client, 9)).status_code == 200
        found = (await client.get("/things/?size__gt=0")).json()
        assert [one["size"] for one in found] == [9]

    run(work)


def new_pool(kind: type[ConnectionPool], url: str) -> ConnectionPool:
    settings = SessionSettings(statement_seconds=5.0, lock_seconds=2.0, read_only=False)
    connector = Connector(read_postgresql_url(url), settings, "auto")
    return kind(connector, connections=2, lock_seconds=30.0)


@pytest.fixture
def pool(url: str) -> ConnectionPool:
    return new_pool(KeptConnections, url)


def pool_test(pool: ConnectionPool, work: Callable[[], Awaitable[None]]) -> None:
    async def start() -> None:
        await pool.open()
        try:
            await work()
        finally:
            await pool.close()

    asyncio.run(start())


@pytest.mark.parametrize("kind", [KeptConnections, ConnectionPool])
def test_requests_that_stop_waiting_lose_no_connection(
    kind: type[ConnectionPool], url: str
) -> None:
    pool = new_pool(kind, url)
    choose = random.Random(2)  # noqa: S311

    async def use() -> None:
        connection = await pool.acquire(asyncio.get_running_loop().time() + 60)
        try:
            for _ in range(choose.randrange(3)):
                await asyncio.sleep(0)
            if choose.random() < 0.02:
                await connection.close()
        finally:
            await pool.give_back(connection)

    async def work() -> None:
        for _ in range(20):
            tasks = [asyncio.create_task(use()) for _ in range(30)]
            for _ in range(choose.randrange(9)):
                await asyncio.sleep(0)
            for one in choose.sample(tasks, 10):
                one.cancel()
            for found in await asyncio.gather(*tasks, return_exceptions=True):
                assert found is None or isinstance(found, asyncio.CancelledError)
        used = [await pool.acquire(asyncio.get_running_loop().time() + 60) for _ in range(2)]
        assert pool.usage() == {"max": 2, "used": 2, "idle": 0, "waiting": 0}
        for one in used:
            await pool.give_back(one)

    pool_test(pool, work)


def test_connections_are_kept_until_their_lifetime_ends(pool: ConnectionPool) -> None:
    async def work() -> None:
        seen = []
        for _ in range(4):
            connection = await pool.acquire(asyncio.get_running_loop().time() + 60)
            seen.append(connection.info.backend_pid)
            if len(seen) == 2:
                connection._expire_at = 0.0  # noqa: SLF001 - of psycopg's pool
            await pool.give_back(connection)
        assert seen[0] == seen[1] != seen[2]

    pool_test(pool, work)


def test_requests_wait_for_a_connection_no_longer_than_allowed(pool: ConnectionPool) -> None:
    async def work() -> None:
        ends = asyncio.get_running_loop().time() + 60
        used = [await pool.acquire(ends) for _ in range(2)]
        with pytest.raises(Unavailable):
            await pool.acquire(ends, asyncio.get_running_loop().time() + 0.05)
        waiting = asyncio.create_task(pool.acquire(ends))
        await asyncio.sleep(0)
        assert pool.usage() == {"max": 2, "used": 2, "idle": 0, "waiting": 1}
        await pool.give_back(used.pop())
        await pool.give_back(await waiting)
        waiting = asyncio.create_task(pool.acquire(ends))
        await pool.give_back(await waiting)
        assert pool.usage()["idle"] == 1
        await pool.give_back(used.pop())

        used = [await pool.acquire(ends) for _ in range(2)]
        waiting = asyncio.create_task(pool.acquire(ends))
        await asyncio.sleep(0)
        await pool.close()
        with pytest.raises(Unavailable) as closed:
            await waiting
        assert closed.value.condition is Condition.CLOSED
        for one in used:
            await pool.give_back(one)
            assert one.closed

    pool_test(pool, work)


def test_a_read_that_fails_is_prepared_once(pool: ConnectionPool) -> None:
    failing = Prepared(select(literal_column("1 / 0", Integer)), PGDialect_psycopg(), ())  # type: ignore[no-untyped-call]

    async def work() -> None:
        connection = await pool.acquire(asyncio.get_running_loop().time() + 60)
        pipeline = ReadPipeline(connection, lambda _: None)
        for _ in range(3):
            future = asyncio.get_running_loop().create_future()
            pipeline.send(Read(failing, {}, future, 0.0))
            with pytest.raises(psycopg.errors.DivisionByZero):
                await future
        pipeline.end()
        cursor = await connection.execute("SELECT count(*) FROM pg_prepared_statements")
        assert await cursor.fetchone() == (1,)
        await pool.give_back(connection)

    pool_test(pool, work)


def test_a_statement_is_prepared_by_psycopg_first(pool: ConnectionPool) -> None:
    async def work() -> None:
        connection = await pool.acquire(asyncio.get_running_loop().time() + 60)
        sql, bound = "SELECT %(a)s::text", {"a": "x"}
        assert direct_statements.send(connection, sql, bound) is None
        await connection.execute(sql, bound, prepare=True)
        sent = direct_statements.send(connection, sql, bound)
        assert sent is not None
        assert await sent.rows() == [("x",)]
        await pool.give_back(connection)

    pool_test(pool, work)


def test_pages_that_the_database_encodes(url: str, tmp_path: Path) -> None:
    (tmp_path / "note.yaml").write_text("name: Note\nfields:\n  note: text(1..60)\n")

    async def work() -> None:
        async with client_of(tmp_path, url) as client:
            stored: list[bytes] = []
            for note in ("a\nb", '\n"],[\n', "\\n", "c"):
                created = await client.post("/notes/", json={"note": note})
                stored.append(created.raise_for_status().content)
            for limit in range(1, 6):
                for offset in range(6):
                    found = await client.get(f"/notes/?limit={limit}&offset={offset}")
                    end = offset + limit
                    assert found.content == b"[%b]" % b",".join(stored[offset:end])
                    assert ('rel="next"' in found.headers["link"]) == (end < len(stored))

    asyncio.run(work())
