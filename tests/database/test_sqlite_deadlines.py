"""Reads on SQLite that take too long are interrupted, and no others."""

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from pathlib import Path

import pytest
from sqlalchemy import Integer, MetaData, column, text
from sqlalchemy.exc import OperationalError

from crudgen.kit.database import Database
from tests.support.servers import Servers

pytestmark = pytest.mark.long

SECONDS = 0.2
LONGEST_SECONDS = 10.0
"""A statement without end is interrupted before, also on a machine that has much else to do."""
COUNT = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n {}) SELECT {} FROM n"
ENDLESS = text(COUNT.format("", "count(*)")).columns(column("n", Integer))
QUICK = text("SELECT 1").columns(column("n", Integer))


@asynccontextmanager
async def opened(folder: Path, seconds: float = SECONDS) -> AsyncIterator[Database]:
    url = f"sqlite:///{folder / 'app.db'}"
    database = Database(url, statement_seconds=seconds, connections=4)
    await database.open(MetaData())
    try:
        yield database
    finally:
        await database.close()


async def fail(database: Database, *, short: bool) -> float:
    """Run a statement without end; return after how many seconds it failed."""
    begun = time.monotonic()
    with pytest.raises(sqlite3.OperationalError) as caught:
        await database.read(ENDLESS, {}, short=short)
    assert caught.value.sqlite_errorcode == sqlite3.SQLITE_INTERRUPT
    return time.monotonic() - begun


@pytest.mark.parametrize("short", [False, True])
def test_a_read_ends_in_time_and_the_event_loop_goes_on(tmp_path: Path, short: bool) -> None:
    async def check() -> None:
        async with opened(tmp_path) as database:
            ticks = 0

            async def tick() -> None:
                nonlocal ticks
                while True:
                    await asyncio.sleep(SECONDS / 10)
                    ticks += 1

            ticking = asyncio.create_task(tick())
            for _ in range(3):
                assert SECONDS <= await fail(database, short=short) < LONGEST_SECONDS
                assert await database.read(QUICK, {}, short=short) == [(1,)]
            ticking.cancel()
            assert ticks > 6  # a loop that waits for the statements ticks once after each

    asyncio.run(check())


def test_a_statement_that_was_interrupted_is_not_tried_again_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries: list[None] = []
    endless = text(COUNT.format("", "max(i + tried())")).columns(column("n", Integer))

    def tried() -> int:
        tries.append(None)
        return 0

    async def check() -> None:
        async with opened(tmp_path) as database:
            connection = database._backend._loop_connection  # type: ignore[union-attr]  # noqa: SLF001
            assert connection is not None
            connection.create_function("tried", 0, tried)
            assert database.try_read(endless, {}) is None
            assert tries
            count = len(tries)
            for _ in range(2):
                assert database.try_read(endless, {}) is None
                with pytest.raises(sqlite3.OperationalError, match="no such function"):
                    await database.read(endless, {}, short=True)  # in a thread
            assert len(tries) == count
            assert database.try_read(QUICK, {}) == [(1,)]
            now = time.monotonic()
            monkeypatch.setattr(time, "monotonic", lambda: now + 2)
            assert database.try_read(endless, {}) is None
            assert len(tries) > count

    asyncio.run(check())


def test_other_reads_are_not_interrupted(tmp_path: Path) -> None:
    async def check() -> None:
        async with opened(tmp_path) as database:
            ended = asyncio.Event()

            async def read_often() -> int:
                reads = 0
                while not ended.is_set():
                    assert await database.read(QUICK, {}) == [(1,)]
                    assert await database.read(QUICK, {}, short=True) == [(1,)]
                    reads += 1
                return reads

            others = [asyncio.create_task(read_often()) for _ in range(3)]
            for _ in range(3):
                await fail(database, short=False)
            ended.set()
            assert all(await asyncio.gather(*others))

    asyncio.run(check())


def test_reads_of_an_async_session_end_in_time(tmp_path: Path) -> None:
    async def check() -> None:
        async with opened(tmp_path) as database:
            for _ in range(2):
                async with database.async_session() as session:
                    begun = time.monotonic()
                    with pytest.raises(OperationalError, match="interrupted"):
                        await session.exec(ENDLESS)  # type: ignore[call-overload]
                    assert SECONDS <= time.monotonic() - begun < LONGEST_SECONDS
                    assert (await session.exec(QUICK)).all() == [(1,)]  # type: ignore[call-overload]

    asyncio.run(check())


def test_reads_of_a_session_end_in_time_but_not_its_writes(tmp_path: Path) -> None:
    async def check() -> None:
        async with opened(tmp_path) as database:
            with database.session() as session:
                begun = time.monotonic()
                with pytest.raises(OperationalError, match="interrupted"):
                    session.exec(ENDLESS)  # type: ignore[call-overload]
                assert SECONDS <= time.monotonic() - begun < LONGEST_SECONDS
                session.rollback()
                session.exec(text("CREATE TABLE t (i INTEGER)"))  # type: ignore[call-overload]
                begun, rows = time.monotonic(), 100_000
                while time.monotonic() - begun < SECONDS:  # a slow machine needs fewer rows
                    rows *= 2
                    begun = time.monotonic()
                    limited = COUNT.format(f"LIMIT {rows}", "i")
                    session.exec(text(f"INSERT INTO t {limited}"))  # type: ignore[call-overload]
                session.commit()

    asyncio.run(check())


def test_the_time_between_two_rows_does_not_count(tmp_path: Path) -> None:
    async def check() -> None:
        async with opened(tmp_path, 5 * SECONDS) as database:
            with database.session() as session:
                rows = session.connection().exec_driver_sql(COUNT.format("LIMIT 100000", "i"))
                first = rows.fetchmany(2)
                await asyncio.sleep(6 * SECONDS)
                assert [*first, *rows.fetchmany(50_000)][-1] == (50_002,)

    asyncio.run(check())


def test_a_list_that_takes_too_long_is_503(
    servers: Servers, new_database: Callable[[str], str], root: Path
) -> None:
    url = new_database("sqlite")
    api = servers.start(root / "entities", "served", url, settings={"STATEMENT_SECONDS": "0.3"})
    with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as connection:
        connection.execute("PRAGMA ignore_check_constraints = ON")  # which limit a name
        connection.execute(
            "INSERT INTO hero (name, secret_name) "
            + COUNT.format("LIMIT 3000", "printf('%.20000c', 'a'), 's'")
        )
        connection.commit()
    for _ in range(2):
        # It is compared at each character of each name, which takes seconds.
        answer = api.client.get(f"/heroes/?name__contains={'a' * 4000}b")
        assert (answer.status_code, "Retry-After" in answer.headers) == (503, True)
        assert api.client.get("/heroes/?limit=1").status_code == 200
        assert api.client.get("/heroes/1").status_code == 200
    assert api.client.get("/ready").status_code == 200
    assert "Traceback" not in api.log.read_text()
    api.stop()
