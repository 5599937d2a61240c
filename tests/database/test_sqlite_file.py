"""A SQLite file that only reads, that is replaced or gone, and URLs that name more than a file."""

import asyncio
import os
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import (
    Column,
    Integer,
    MetaData,
    String,
    Table,
    column,
    insert,
    make_url,
    select,
    text,
)

from crudgen.kit.database import Database
from crudgen.kit.database.sqlite import WATCH_SECONDS, Sqlite
from crudgen.kit.database.sqlite_file import SqliteFile, configure
from crudgen.kit.database.statements import Prepared
from crudgen.kit.errors import StartupError
from tests.support.servers import Api, Servers

METADATA = MetaData()
ITEM = Table(
    "item",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("name", String),
    sqlite_autoincrement=True,
)
READ = select(ITEM.c.id)
INSERT = insert(ITEM).returning(ITEM.c.id)
HERO = {"name": "n", "secret_name": "s"}
RESTRICTED = ["setpriv", "--bounding-set=-dac_override,-dac_read_search", "--inh-caps=-all"]
"""Lets root be refused, too, what the mode of a file refuses its owner."""


@asynccontextmanager
async def opened(path: Path) -> AsyncIterator[Database]:
    database = Database(f"sqlite:///{path}")
    await database.open(METADATA)
    try:
        yield database
    finally:
        await database.close()


async def write(database: Database) -> int:
    ((key,),) = await database.write(INSERT, {"name": "n"}, ("name",))
    return int(key)


def make(path: Path, journal: str, rows: int = 1) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute(f"PRAGMA journal_mode = {journal}")
        connection.execute(
            "CREATE TABLE item (id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, name VARCHAR)"
        )
        for _ in range(rows):
            connection.execute("INSERT INTO item (name) VALUES ('n')")


async def fill(database: Database) -> None:
    while True:
        await database.write(INSERT, {"name": "n" * 1000}, ("name",))


def forget_log(path: Path) -> None:
    for suffix in ("-wal", "-shm"):
        Path(f"{path}{suffix}").unlink(missing_ok=True)


def spoil(path: Path) -> None:
    for suffix in ("", "-wal", "-shm"):
        Path(f"{path}{suffix}").write_bytes(b"no database" * 1000)


SCRIPT = """
import asyncio, sqlite3, sys
from sqlalchemy import Integer, bindparam, literal_column, make_url, select, text
from crudgen.kit.database.transaction import Change
from crudgen.kit.database.sqlite import Sqlite
from crudgen.kit.database.statements import Prepared

async def attempt(work):
    try:
        return await work
    except sqlite3.Error as error:
        return error.sqlite_errorname

async def main():
    url = make_url("sqlite:///" + sys.argv[1])
    database = Sqlite(url, connections=2, lock_seconds=1, statement_seconds=1)
    await database.open()
    count = text("SELECT count(*) FROM item").columns(literal_column("count", Integer()))
    read = Prepared(count, database.dialect, ())
    insert = text("INSERT INTO item (name) VALUES ('x') RETURNING id").columns(
        literal_column("id", Integer())
    )
    for short in (True, False):
        print(await attempt(database.read(read, {}, short=short)))
    print(await attempt(database.write(Prepared(insert, database.dialect, ()), {})))
    writable = await attempt(database.check_writable())
    print(writable, await attempt(database.check_writable(write=True)))
    await database.close()

asyncio.run(main())
"""


@pytest.mark.long
@pytest.mark.parametrize("journal", ["wal", "delete"])
@pytest.mark.parametrize(("file", "folder"), [(0o444, 0o755), (0o644, 0o555), (0o444, 0o555)])
def test_what_cannot_be_written_is_read(
    tmp_path: Path, journal: str, file: int, folder: int
) -> None:
    place = tmp_path / "data"
    place.mkdir()
    make(place / "app.db", journal, rows=3)
    (place / "app.db").chmod(file)
    place.chmod(folder)
    command = [sys.executable, "-c", SCRIPT, str(place / "app.db")]
    if os.geteuid() == 0:
        command = [*RESTRICTED, *command]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    place.chmod(0o755)
    assert done.returncode == 0, done.stderr
    first, second, written, can = done.stdout.splitlines()
    assert first == second == "[(3,)]"
    assert written.startswith("SQLITE_READONLY")
    assert [one.partition("_D")[0] for one in can.split()] == ["SQLITE_READONLY"] * 2


def test_a_file_that_can_be_written(tmp_path: Path) -> None:
    async def check() -> None:
        async with opened(tmp_path / "app.db") as database:
            backend = database._backend  # noqa: SLF001 - what health checks ask
            assert isinstance(backend, Sqlite)
            size = (tmp_path / "app.db-wal").stat().st_size
            await backend.check_writable()
            assert (tmp_path / "app.db-wal").stat().st_size == size, "nothing is written"
            await backend.check_writable(write=True)
            assert (tmp_path / "app.db-wal").stat().st_size > size, "and something really is"
            with closing(sqlite3.connect(tmp_path / "app.db")) as other:
                names = other.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
                assert {name for (name,) in names} <= {"item", "_secret", "sqlite_sequence"}

    asyncio.run(check())


def test_a_database_without_room_cannot_really_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect = SqliteFile.connect
    pages = 100

    def bounded(file: SqliteFile, seconds: float) -> sqlite3.Connection:
        connection = connect(file, seconds)
        connection.execute(f"PRAGMA max_page_count = {pages}")
        return connection

    monkeypatch.setattr(SqliteFile, "connect", bounded)

    async def check() -> None:
        nonlocal pages
        async with opened(tmp_path / "app.db") as database:
            backend = database._backend  # noqa: SLF001 - what health checks ask
            assert isinstance(backend, Sqlite)
            with pytest.raises(sqlite3.OperationalError, match="full"):
                await fill(database)
            await backend.check_writable()
            with pytest.raises(sqlite3.OperationalError, match="full"):
                await backend.check_writable(write=True)
            await asyncio.gather(
                *(database.read(READ, {}, short=True) for _ in range(3)), return_exceptions=False
            )
            with closing(sqlite3.connect(tmp_path / "app.db", isolation_level=None)) as other:
                other.execute("DELETE FROM item")
            await backend.check_writable(write=True)
            await write(database)

    asyncio.run(check())


def replace_by_rename(path: Path, new: Path) -> None:
    new.replace(path)


def replace_by_removal(path: Path, new: Path) -> None:
    path.unlink()
    shutil.move(new, path)


def overwrite(path: Path, new: Path) -> None:
    forget_log(path)
    path.unlink()
    shutil.copy(new, path)


@pytest.mark.long
@pytest.mark.parametrize("replace", [replace_by_rename, replace_by_removal, overwrite])
def test_a_file_that_is_replaced(tmp_path: Path, replace: Callable[[Path, Path], None]) -> None:
    """The next write reaches the new file, and reads follow within seconds."""
    path, new = tmp_path / "app.db", tmp_path / "new.db"

    async def check() -> None:
        async with opened(path) as database:
            for _ in range(3):
                await write(database)
            await database.read(READ, {})
            make(new, "delete", rows=40)
            replace(path, new)
            assert await write(database) == 41
            with closing(sqlite3.connect(path)) as other:
                assert other.execute("SELECT count(*) FROM item").fetchall() == [(41,)]
            await asyncio.sleep(2 * WATCH_SECONDS)
            for short in (True, False):
                assert len(await database.read(READ, {}, short=short)) == 41

    asyncio.run(check())


def test_a_file_that_is_gone_and_comes_back(tmp_path: Path) -> None:
    """It is not made anew, without its rows; whoever writes meanwhile is told."""
    path, away = tmp_path / "app.db", tmp_path / "away.db"

    async def check() -> None:
        async with opened(path) as database:
            await write(database)
            with closing(sqlite3.connect(path)) as other:
                other.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            path.rename(away)
            for _ in range(3):
                with pytest.raises(sqlite3.OperationalError):
                    await write(database)
            assert not path.exists()
            away.rename(path)
            assert await write(database) == 2
            await asyncio.sleep(2 * WATCH_SECONDS)
            assert len(await database.read(READ, {}, short=True)) == 2

    asyncio.run(check())


def test_a_broken_file_that_is_put_right(tmp_path: Path) -> None:
    path = tmp_path / "app.db"
    make(path, "wal", rows=2)
    good = path.read_bytes()

    async def check() -> None:
        async with opened(path) as database:
            assert await write(database) == 3
            spoil(path)
            for _ in range(3):
                with pytest.raises(sqlite3.DatabaseError):
                    await write(database)
                with pytest.raises(sqlite3.DatabaseError):
                    await database.read(READ, {}, short=True)
            forget_log(path)
            path.write_bytes(good)
            deadline = time.monotonic() + 20
            while True:
                try:
                    assert await write(database) == 3
                    break
                except sqlite3.DatabaseError:
                    assert time.monotonic() < deadline
                    await asyncio.sleep(0.1)
            await asyncio.sleep(2 * WATCH_SECONDS)
            assert len(await database.read(READ, {}, short=True)) == 3

    asyncio.run(check())


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("sqlite:///app.db?timeout=30", "parameter timeout is not supported\n  set LOCK_SECONDS"),
        ("sqlite:///app.db?foo=1", "parameter foo is not supported\n  write only the path"),
        ("sqlite:///app.db?mode=ro", "parameter mode is not supported\n"),
        ("sqlite:///file:app.db?uri=true", "parameter uri is not supported\n"),
        ("sqlite:///file:x?mode=memory&cache=shared&uri=true", "in memory"),
        ("sqlite://", "in memory"),
        ("sqlite:///:memory:", "in memory"),
        ("sqlite://app.db", "a SQLite URL has no host and no user\n  write three slashes"),
        ("sqlite://user:hunter2@/app.db", "a SQLite URL has no host and no user\n"),
        ("sqlite+pysqlcipher:///app.db", "the driver pysqlcipher is not supported\n"),
        (
            "sqlite:////no/such/folder/app.db",
            "the directory /no/such/folder does not exist\n  create it",
        ),
    ],
)
def test_urls_that_are_refused(url: str, says: str) -> None:
    with pytest.raises(StartupError) as caught:
        SqliteFile(make_url(url))
    message = str(caught.value)
    assert says in message
    assert len(message.splitlines()) == 2
    assert "hunter2" not in message


@pytest.mark.parametrize("name", ["app.db", "a b?c#d%20.db", "ü.db", "file:x.db"])
@pytest.mark.parametrize("driver", ["sqlite", "sqlite+pysqlite", "sqlite+aiosqlite"])
def test_urls_that_name_a_file(tmp_path: Path, name: str, driver: str) -> None:
    url = make_url("sqlite://").set(drivername=driver, database=str(tmp_path / name))

    async def check() -> None:
        database = Database(url.render_as_string())
        await database.open(METADATA)
        assert await write(database) == 1
        await database.close()

    asyncio.run(check())
    assert (tmp_path / name).exists()


def test_a_library_that_is_too_old(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 34, 1))
    with pytest.raises(StartupError) as caught:
        SqliteFile(make_url("sqlite:///app.db"))
    first, second = str(caught.value).splitlines()
    assert first.endswith("is too old, 3.35 or newer is required")
    assert second.startswith("  ")


def test_every_connection_enforces_foreign_keys(tmp_path: Path) -> None:
    backend = Sqlite(
        make_url(f"sqlite:///{tmp_path}/app.db"),
        connections=2,
        lock_seconds=1.0,
        statement_seconds=1.0,
    )
    query = "SELECT foreign_keys FROM pragma_foreign_keys"
    prepared = Prepared(text(query).columns(column("foreign_keys")), backend.dialect, ())

    async def ask() -> list[int]:
        with backend.engine.connect() as session:
            found = [session.exec_driver_sql(query).scalar_one()]
        await backend.open()
        for short in (True, False):
            found += (await backend.read(prepared, {}, short=short))[0]
        found += (await backend.write(prepared, {}))[0]
        async with backend.async_engine.connect() as session:
            found.append((await session.exec_driver_sql(query)).scalar_one())
        await backend.close()
        return found

    assert asyncio.run(ask()) == [1] * 5


class WithoutForeignKeys(sqlite3.Connection):
    """A connection of a library that ignores the PRAGMA."""

    def execute(self, sql: str, *values: Any) -> sqlite3.Cursor:
        return super().execute("SELECT 1 WHERE 0" if "foreign_keys" in sql else sql, *values)


def test_a_library_without_foreign_keys(tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / "app.db", factory=WithoutForeignKeys)
    with closing(connection), pytest.raises(StartupError, match="does not enforce foreign keys"):
        configure(connection)


def test_a_url_is_refused_at_the_start(servers: Servers, root: Path, tmp_path: Path) -> None:
    api: Api = servers.start(
        root / "entities", "served", f"sqlite:///{tmp_path}/app.db?timeout=30", wait=False
    )
    assert api.process.wait(90) != 0
    log = api.log.read_text()
    assert "the parameter timeout is not supported" in log
    assert "Traceback" not in log
