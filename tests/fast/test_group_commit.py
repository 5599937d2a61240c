"""Each write succeeds or fails on its own, also in a group; what is acknowledged stays."""

import asyncio
import itertools
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crudgen.kit.database.writer import MustRollBackError, Writer
from crudgen.kit.errors import Unavailable
from crudgen.kit.fast.group_commit import MAX_BATCH_WRITES, GroupCommit

PATIENCE = 20
LOCK_SECONDS = 0.2

TABLE = """
CREATE TABLE item (
    key INTEGER NOT NULL,
    half TEXT NOT NULL,
    size INTEGER CHECK (size >= 0),
    PRIMARY KEY (key, half)
)
"""
INSERT = "INSERT INTO item VALUES (:key, 'a', :size), (:key, 'b', :size) RETURNING key, half, size"
SECOND_FAILS = "INSERT INTO item VALUES (:key, 'a', :size), (:key, 'a', :size) RETURNING key"
NO_HALF = "INSERT INTO item VALUES (:key, 'a', :size), (:key, NULL, :size) RETURNING key"
UPDATE = "UPDATE item SET size = :size WHERE key = :key RETURNING key, half, size"
DELETE = "DELETE FROM item WHERE key = :key RETURNING key, half, size"
NONSENSE = "INSERT INTO nothing VALUES (:key, :size) RETURNING 1"

STATEMENTS = {
    "insert": INSERT,
    "cancelled": INSERT,
    "delete": DELETE,
    "second fails": SECOND_FAILS,
    "no half": NO_HALF,
    "nonsense": NONSENSE,
}
UNBOUND = {"too large": 2**64, "no text": "\ud800", "no value": object()}
ERRORS: dict[str, type[Exception]] = {
    "second fails": sqlite3.IntegrityError,
    "no half": sqlite3.IntegrityError,
    "nonsense": sqlite3.OperationalError,
    "too large": OverflowError,
    "no text": UnicodeEncodeError,
    "no value": sqlite3.ProgrammingError,
    "no parameter": sqlite3.ProgrammingError,
}

Model = dict[int, int]
Pair = list[tuple[int, str, int]]


@dataclass(frozen=True)
class Step:
    """One write: what is to be, and how often the loop turns before the next one starts."""

    kind: str
    key: int
    size: int
    turns: int

    def statement(self) -> tuple[str, dict[str, Any]]:
        values: dict[str, Any] = {"key": self.key, "size": self.size}
        if self.kind in UNBOUND:
            values["size"] = UNBOUND[self.kind]
        if self.kind in {"delete", "no parameter"}:
            del values["size"]
        return STATEMENTS.get(self.kind, UPDATE), values

    def apply(self, model: Model) -> Pair | type[Exception]:
        """Change the model as the table should change; return what the caller should get."""
        known = self.key in model
        result: Pair | type[Exception] = ERRORS.get(self.kind, [])
        if self.kind == "delete" and known:
            result = pair(self.key, model.pop(self.key))
        elif self.kind == ("update" if known else "insert") and self.size >= 0:
            model[self.key] = self.size
            result = pair(self.key, self.size)
        elif self.kind == "insert" or (self.kind == "update" and known):
            result = sqlite3.IntegrityError
        return result


def running(sql: str, values: dict[str, Any]) -> Callable[[sqlite3.Connection], Pair]:
    return lambda connection: connection.execute(sql, values).fetchall()


def pair(key: int, size: int) -> Pair:
    return [(key, "a", size), (key, "b", size)]


KINDS = ["insert"] * 6 + ["update"] * 3 + ["delete"] * 2 + ["second fails", "no half", "nonsense"]
KINDS += ["too large", "no text", "no value", "no parameter"] + ["cancelled"] * 3
STEPS = st.lists(
    st.builds(
        Step,
        st.sampled_from(KINDS),
        st.integers(0, 9),
        st.integers(-1, 5),
        st.sampled_from([0, 0, 0, 0, 0, 1, 2, 30]),
    ),
    min_size=1,
    max_size=80,
)


@dataclass
class File:
    """A database file, and its writers."""

    path: Path
    connections: list[sqlite3.Connection] = field(default_factory=list)

    def connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self.path, timeout=LOCK_SECONDS, isolation_level=None, check_same_thread=False
        )
        connection.execute("PRAGMA journal_mode = WAL")
        # Whether fsyncs reach the disk is not what is shown here.
        connection.execute("PRAGMA synchronous = OFF")
        return connection

    def pairs(self) -> Model:
        """Read the table; a key with one of its two rows fails."""
        with closing(self.connect()) as connection:
            rows = connection.execute(
                "SELECT key, half, size FROM item ORDER BY key, half"
            ).fetchall()
        found = {key: size for key, _, size in rows}
        assert rows == [row for key, size in found.items() for row in pair(key, size)]
        return found


@pytest.fixture(params=[Writer, GroupCommit])
def new_writer(request: pytest.FixtureRequest) -> type[Writer]:
    kind: type[Writer] = request.param
    return kind


@pytest.fixture
def file(tmp_path: Path) -> File:
    made = File(tmp_path / "group.db")
    with closing(made.connect()) as connection:
        connection.execute(TABLE)
    return made


@settings(
    max_examples=150,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(steps=STEPS)
def test_each_write_has_its_own_fate(
    file: File, new_writer: type[Writer], steps: list[Step]
) -> None:
    with closing(file.connect()) as connection:
        connection.execute("DELETE FROM item")
    asyncio.run(check_fates(file, new_writer, steps))


async def check_fates(file: File, new_writer: type[Writer], steps: list[Step]) -> None:
    writer, model = new_writer(file.connect, PATIENCE), Model()
    tasks: list[tuple[asyncio.Task[Any], Any]] = []
    cancelled: dict[int, int] = {}
    fresh = itertools.count(1000)
    async with asyncio.timeout(PATIENCE):
        for step in steps:
            sql, values = step.statement()
            wanted: Any = asyncio.CancelledError
            if step.kind == "cancelled":
                # Nobody else writes this key: whether it is there changes no other result.
                values = {"key": next(fresh), "size": 1}
                cancelled[values["key"]] = 1
            else:
                wanted = step.apply(model)
            task = asyncio.create_task(writer.run(is_atomic=True, work=running(sql, values)))
            tasks.append((task, wanted))
            for _ in range(step.turns):
                await asyncio.sleep(0)
            if step.kind == "cancelled":
                task.cancel()
        got = await asyncio.gather(*(task for task, _ in tasks), return_exceptions=True)
        await writer.close()
    for result, (task, wanted) in zip(got, tasks, strict=True):
        if wanted is asyncio.CancelledError:
            assert task.cancelled() or task.exception() is None
        elif isinstance(wanted, type):
            assert isinstance(result, wanted), result
        else:
            assert result == wanted
    found = file.pairs()
    assert {key: size for key, size in found.items() if key not in cancelled} == model
    assert found.keys() - model.keys() <= cancelled.keys()


@pytest.mark.parametrize("waiting", [0, 1, 64, 3 * MAX_BATCH_WRITES])
def test_close_answers_everybody(file: File, new_writer: type[Writer], waiting: int) -> None:
    async def check() -> list[Any]:
        writer = new_writer(file.connect, PATIENCE)
        tasks = [
            asyncio.create_task(
                writer.run(is_atomic=True, work=running(INSERT, {"key": key, "size": 1}))
            )
            for key in range(waiting)
        ]
        async with asyncio.timeout(PATIENCE):
            await asyncio.sleep(0)
            closing_now = asyncio.create_task(writer.close())
            late = [
                asyncio.create_task(
                    writer.run(
                        is_atomic=True, work=running(INSERT, {"key": 10_000 + key, "size": 1})
                    )
                )
                for key in range(waiting)
            ]
            got = await asyncio.gather(*tasks, *late, return_exceptions=True)
            await closing_now
            for _ in range(3):
                with pytest.raises(Unavailable):
                    await writer.run(is_atomic=True, work=running(INSERT, {"key": 99, "size": 1}))
            await writer.close()
        return got

    got = asyncio.run(check())
    acknowledged = {}
    for result in got:
        if isinstance(result, BaseException):
            assert isinstance(result, Unavailable)
        else:
            acknowledged[result[0][0]] = 1
    assert len(acknowledged) >= waiting
    assert file.pairs() == acknowledged


def test_a_locked_database_is_an_error_and_passes(file: File, new_writer: type[Writer]) -> None:
    async def check() -> None:
        writer = new_writer(file.connect, LOCK_SECONDS)
        async with asyncio.timeout(PATIENCE):
            with closing(file.connect()) as other:
                other.execute("BEGIN IMMEDIATE")
                writes = [
                    writer.run(is_atomic=True, work=running(INSERT, {"key": key, "size": 1}))
                    for key in range(20)
                ]
                got = await asyncio.gather(*writes, return_exceptions=True)
                other.execute("ROLLBACK")
            assert {type(error) for error in got} <= {sqlite3.OperationalError, Unavailable}
            writes = [
                writer.run(is_atomic=True, work=running(INSERT, {"key": key, "size": 2}))
                for key in range(20)
            ]
            assert await asyncio.gather(*writes) == [pair(key, 2) for key in range(20)]
            await writer.close()

    asyncio.run(check())
    assert file.pairs() == dict.fromkeys(range(20), 2)


@pytest.mark.parametrize("error", [sqlite3.OperationalError, OSError, MemoryError])
def test_a_failing_connection_is_an_error_and_passes(
    file: File, new_writer: type[Writer], error: type[Exception]
) -> None:
    failures = iter([error, error])

    def connect() -> sqlite3.Connection:
        for failure in failures:
            raise failure
        return file.connect()

    async def check() -> None:
        writer = new_writer(connect, LOCK_SECONDS)
        async with asyncio.timeout(PATIENCE):
            for _ in range(2):
                with pytest.raises(error):
                    await writer.run(is_atomic=True, work=running(INSERT, {"key": 1, "size": 1}))
            assert await writer.run(
                is_atomic=True, work=running(INSERT, {"key": 1, "size": 1})
            ) == pair(1, 1)
            await writer.close()

    asyncio.run(check())


CHILD = "INSERT INTO child VALUES (:key) RETURNING key"


@pytest.fixture
def deferred(file: File) -> File:
    """A table of the user's own, whose foreign key is looked at by COMMIT."""
    connect = file.connect

    def with_foreign_keys() -> sqlite3.Connection:
        connection = connect()
        connection.execute("PRAGMA foreign_keys = ON")
        return connection

    with closing(file.connect()) as connection:
        connection.execute("CREATE TABLE parent (key INTEGER PRIMARY KEY)")
        connection.execute(
            "CREATE TABLE child (key REFERENCES parent DEFERRABLE INITIALLY DEFERRED)"
        )
    file.connect = with_foreign_keys  # type: ignore[method-assign]
    return file


@pytest.mark.parametrize("orphans", [{0}, {2}, {5}, {0, 1}, {1, 4}, set(range(6))])
def test_a_deferred_constraint_is_of_one_write(
    deferred: File, new_writer: type[Writer], orphans: set[int]
) -> None:
    """It fails with COMMIT, and only for whoever breaks it."""

    async def check() -> list[Any]:
        writer = new_writer(deferred.connect, LOCK_SECONDS)
        async with asyncio.timeout(PATIENCE):
            writes = [
                writer.run(is_atomic=True, work=running(CHILD, {"key": key}))
                if key in orphans
                else writer.run(is_atomic=True, work=running(INSERT, {"key": key, "size": 1}))
                for key in range(6)
            ]
            got = await asyncio.gather(*writes, return_exceptions=True)
            assert await writer.run(
                is_atomic=True, work=running(INSERT, {"key": 99, "size": 1})
            ) == pair(99, 1)
            await writer.close()
        return got

    got = asyncio.run(check())
    for key, result in enumerate(got):
        if key in orphans:
            assert isinstance(result, sqlite3.IntegrityError)
        else:
            assert result == pair(key, 1)
    assert deferred.pairs() == {key: 1 for key in range(6) if key not in orphans} | {99: 1}


def test_a_repeated_write_has_its_own_error(deferred: File, new_writer: type[Writer]) -> None:
    """The writes after a failed COMMIT do not get its error."""

    async def check() -> list[Any]:
        writer = new_writer(deferred.connect, LOCK_SECONDS)
        async with asyncio.timeout(PATIENCE):
            writes = [
                writer.run(is_atomic=True, work=running(INSERT, {"key": 1, "size": 1})),
                writer.run(is_atomic=True, work=running(CHILD, {"key": 7})),
                writer.run(is_atomic=True, work=running(INSERT, {"key": 1, "size": 2})),
            ]
            got = await asyncio.gather(*writes, return_exceptions=True)
            await writer.close()
        return got

    first, second, third = asyncio.run(check())
    assert first == pair(1, 1)
    assert "FOREIGN KEY" in str(second)
    assert "UNIQUE" in str(third)


def test_several_statements_of_one_write_meet_a_deferred_constraint(
    deferred: File, new_writer: type[Writer]
) -> None:
    def orphan(connection: sqlite3.Connection) -> None:
        connection.execute(INSERT, {"key": 7, "size": 1})
        connection.execute(CHILD, {"key": 7})

    def family(connection: sqlite3.Connection) -> list[Any]:
        connection.execute("INSERT INTO child VALUES (8)")
        return connection.execute("INSERT INTO parent VALUES (8) RETURNING key").fetchall()

    async def check() -> list[Any]:
        writer = new_writer(deferred.connect, LOCK_SECONDS)
        async with asyncio.timeout(PATIENCE):
            writes = [
                writer.run(is_atomic=True, work=running(INSERT, {"key": 1, "size": 1})),
                writer.run(orphan),
            ]
            got = await asyncio.gather(*writes, writer.run(family), return_exceptions=True)
            await writer.close()
        return got

    first, second, third = asyncio.run(check())
    assert (first, third) == (pair(1, 1), [(8,)])
    assert isinstance(second, sqlite3.IntegrityError)
    assert deferred.pairs() == {1: 1}


def test_a_write_that_must_be_undone_takes_nobody_with_it(
    file: File, new_writer: type[Writer]
) -> None:
    """Its statement has succeeded, and its row is not what it should be."""

    def refused(key: int) -> Callable[[sqlite3.Connection], Pair]:
        def work(connection: sqlite3.Connection) -> Pair:
            connection.execute(INSERT, {"key": key, "size": 5}).fetchall()
            raise MustRollBackError(LookupError("not kept"))

        return work

    async def check() -> list[Any]:
        writer = new_writer(file.connect, LOCK_SECONDS)
        async with asyncio.timeout(PATIENCE):
            writes = [
                writer.run(
                    is_atomic=True,
                    work=running(INSERT, {"key": key, "size": 1}) if key % 3 else refused(key),
                )
                for key in range(20)
            ]
            got = await asyncio.gather(*writes, return_exceptions=True)
            await writer.close()
        return got

    got = asyncio.run(check())
    assert [isinstance(one, LookupError) for one in got] == [key % 3 == 0 for key in range(20)]
    assert file.pairs() == {key: 1 for key in range(20) if key % 3}


def test_a_commit_that_cannot_be_written_is_everybodys(
    file: File, new_writer: type[Writer]
) -> None:
    """Without a write-ahead log COMMIT waits for readers: no write is acknowledged."""

    def connect() -> sqlite3.Connection:
        return sqlite3.connect(file.path, isolation_level=None, check_same_thread=False)

    async def check() -> None:
        writer = new_writer(connect, LOCK_SECONDS)
        async with asyncio.timeout(PATIENCE):
            with closing(connect()) as reader:
                reader.execute("BEGIN")
                reader.execute("SELECT * FROM item").fetchall()
                writes = [
                    writer.run(is_atomic=True, work=running(INSERT, {"key": key, "size": 1}))
                    for key in range(5)
                ]
                got = await asyncio.gather(*writes, return_exceptions=True)
                assert {type(one) for one in got} <= {sqlite3.OperationalError, Unavailable}
                reader.execute("COMMIT")
            assert await writer.run(
                is_atomic=True, work=running(INSERT, {"key": 99, "size": 1})
            ) == pair(99, 1)
            await writer.close()

    with closing(connect()) as connection:
        connection.execute("PRAGMA journal_mode = DELETE")
    asyncio.run(check())
    assert file.pairs() == {99: 1}
