"""SQLite's statistics of tables are updated when the application starts and stops."""

import asyncio
import sqlite3
import time
from contextlib import closing
from pathlib import Path

from sqlalchemy import Column, Index, Integer, MetaData, String, Table, bindparam, insert, select

from crudgen.kit.database import Change, Database

METADATA = MetaData()
ITEM = Table(
    "item",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("name", String),
    Index(None, "name"),
    sqlite_autoincrement=True,
)
READ = select(ITEM.c.id).where(ITEM.c.name == bindparam("name"))
INSERT = insert(ITEM).returning(ITEM.c.id)
LOCK_SECONDS = 20.0


def statistics(path: Path) -> list[str]:
    """Return the tables that SQLite has statistics of."""
    with closing(sqlite3.connect(path)) as connection:
        tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
        if "sqlite_stat1" not in tables:
            return []
        return [
            name
            for (name,) in connection.execute("SELECT DISTINCT tbl FROM sqlite_stat1")
            if not name.startswith("_")
        ]


def run(path: Path, *, rows: int = 0, read: bool = False, read_only: bool = False) -> None:
    """Open a database, insert rows, read some by the index, and close it."""

    async def work() -> None:
        url = f"sqlite:///{path}"
        database = Database(url, lock_seconds=LOCK_SECONDS, read_only=read_only)
        await database.open(METADATA)
        changes = [Change(INSERT, {"name": f"n{n % 7}"}, ("name",)) for n in range(rows)]
        if changes:
            await database.write_all(changes)
        if read:
            await database.read(READ, {"name": "n1"})
        await database.close()

    asyncio.run(work())


def test_tables_that_were_read_are_analyzed_at_the_stop(tmp_path: Path) -> None:
    path = tmp_path / "app.db"
    run(path, rows=200, read=True)
    assert statistics(path) == ["item"]


def test_tables_that_have_grown_are_analyzed_at_the_start_since_sqlite_3_46(tmp_path: Path) -> None:
    path = tmp_path / "app.db"
    run(path, rows=200)
    run(path)
    assert statistics(path) == (["item"] if sqlite3.sqlite_version_info >= (3, 46) else [])


def test_nothing_is_analyzed_if_the_database_is_only_read(tmp_path: Path) -> None:
    path = tmp_path / "app.db"
    run(path, rows=200)
    run(path, read=True, read_only=True)
    assert statistics(path) == []


def test_a_stop_does_not_wait_for_another_writer(tmp_path: Path) -> None:
    path = tmp_path / "app.db"
    run(path, rows=200)

    async def stop() -> float:
        database = Database(f"sqlite:///{path}", lock_seconds=LOCK_SECONDS)
        await database.open(METADATA)
        await database.read(READ, {"name": "n1"})
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            begun = time.monotonic()
            await database.close()
            return time.monotonic() - begun

    assert asyncio.run(stop()) < LOCK_SECONDS / 2
