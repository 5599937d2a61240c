"""Reads go to a replica: which server answers, what tokens of writes guarantee, and faults.

`PAIRS=10000 python -m pytest -n0 -s tests/resilience/test_read_replica.py` is the extended run.
"""

import asyncio
import importlib
import os
import random
import re
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import psycopg
import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from sqlalchemy import Column, MetaData, String, Table, func, insert, select

import crudgen
from crudgen.delivery.memory import import_tree, unload
from crudgen.errors import ServeError
from crudgen.kit import key_commands, user_commands
from crudgen.kit.access.accounts import Accounts
from crudgen.kit.access.api_keys import ApiKeys
from crudgen.kit.database import Change
from crudgen.kit.errors import StartupError
from crudgen.kit.replica.positions import PositionHistory, latest_position, make_token
from crudgen.kit.telemetry.tracing import TracingRouter
from tests.admin.browsing import Browser
from tests.support.asgi import DescribedClient
from tests.support.cluster import Cluster
from tests.support.servers import write_entities

PAIRS = int(os.environ.get("PAIRS", "60"))
HEADER = "X-Read-After"
TEAM = Table("team", MetaData(), Column("name", String))
COUNT = select(func.count()).select_from(TEAM)
LOGGED = "?options=-c%20log_statement%3Dall"
SPEC = {
    "team": "name: Team\nfields: {name: str}\n"
    "api: {include: [heroes], nested: [heroes]}\naccess: anyone\n",
    "secret": "name: Secret\nfields: {text: str}\naccess: user\n",
    "hero": "name: Hero\nfields: {name: str, team_id: -> Team?}\n"
    "api: {include: [team], export: [csv, ndjson], operations: [create, list, read, update,"
    " replace, delete, create_many]}\naccess: anyone\n",
}
SETTINGS = (
    "kit: library\nmcp: true\nadmin: true\nread_replica: true\nauth: {users: true, keys: true}\n"
)


class Make:
    """Makes applications of the spec, with settings."""

    def __init__(self, package: ModuleType) -> None:
        self._package = package

    def _module(self, name: str) -> Any:
        return importlib.import_module(f"{self._package.__name__}.{name}")

    def settings(self, **values: Any) -> Any:
        return self._module("settings").Settings(_env_file=None, **values)

    def app(self, **values: Any) -> Any:
        return self._module("main").create_app(self.settings(**values))

    def users(self, url: str) -> AbstractContextManager[Accounts]:
        """Open the users of an application."""
        caller = self._module("caller").Caller
        settings = self.settings(database_url=url, password_memory_mb=12)
        return user_commands.opened(settings, caller)

    def keys(self, url: str) -> AbstractContextManager[ApiKeys]:
        """Open the API keys of an application."""
        caller = self._module("caller").Caller
        return key_commands.opened(self.settings(database_url=url), caller)


@pytest.fixture(scope="module")
def nodes(postgresql: str) -> Iterator[Cluster]:
    """Start a primary and a standby whose replication is asynchronous."""
    assert postgresql, "it has made the user that they run as"
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        own = Cluster(Path(folder))
        own.primary.execute("ALTER SYSTEM RESET synchronous_standby_names")
        own.primary.execute("SELECT pg_reload_conf()")
        # Otherwise it cancels reads of rows that the primary has removed: the primary answers.
        own.standby.execute("ALTER SYSTEM SET max_standby_streaming_delay = -1")
        own.standby.execute("SELECT pg_reload_conf()")
        yield own
        own.stop()


@pytest.fixture(scope="module")
def make(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Make]:
    folder = tmp_path_factory.mktemp("replica")
    entities = write_entities(folder / "entities", SPEC)
    (folder / "crudgen.yaml").write_text(SETTINGS)
    package = import_tree(crudgen.render(crudgen.load(entities)))
    yield Make(package)
    unload(package)


@asynccontextmanager
async def started(make: Make, nodes: Cluster, **values: Any) -> AsyncIterator[Any]:
    """Run an application with both servers; yield it."""
    own = {"database_url": nodes.primary.url, "database_read_url": nodes.standby.url}
    app = make.app(**(own | values))
    async with app.router.lifespan_context(app):
        yield app


@asynccontextmanager
async def running(make: Make, nodes: Cluster, **values: Any) -> AsyncIterator[DescribedClient]:
    """Run an application with both servers; yield a client of it."""
    async with started(make, nodes, **values) as app:
        yield DescribedClient(app)


class Counted:
    """How often each server has read heroes, by the statements in its log."""

    def __init__(self, nodes: Cluster) -> None:
        logs = [one.folder.with_suffix(".log") for one in (nodes.primary, nodes.standby)]
        self._read = {log: log.stat().st_size for log in logs}

    def since(self) -> tuple[int, int]:
        """Return the reads of primary and standby since the last call."""
        primary, standby = map(self._count, self._read)
        return primary, standby

    def _count(self, log: Path) -> int:
        with log.open("rb") as file:
            file.seek(self._read[log])
            new = file.read()
        self._read[log] += len(new)
        return len(re.findall(rb"^\tFROM hero\b", new, re.MULTILINE))


def logged(nodes: Cluster) -> dict[str, str]:
    """Return settings with which both servers log statements."""
    return {
        "database_url": nodes.primary.url + LOGGED,
        "database_read_url": nodes.standby.url + LOGGED,
    }


@contextmanager
def lagging(nodes: Cluster, seconds: float) -> Iterator[None]:
    """Let the standby replay each commit some seconds later."""
    for value in (f"'{seconds}s'", "DEFAULT"):
        nodes.standby.execute(f"ALTER SYSTEM SET recovery_min_apply_delay = {value}")
        nodes.standby.execute("SELECT pg_reload_conf()")
        if value != "DEFAULT":
            yield
    nodes.wait_until_replayed()


@contextmanager
def paused(nodes: Cluster) -> Iterator[None]:
    nodes.standby.execute("SELECT pg_wal_replay_pause()")
    try:
        yield
    finally:
        nodes.standby.execute("SELECT pg_wal_replay_resume()")
        nodes.wait_until_replayed()


async def create(client: DescribedClient, name: str) -> tuple[str, dict[str, str]]:
    """Create a hero; return its path, and the header of later reads."""
    made = await client.post("/heroes/", json={"name": name})
    assert made.status_code == 200, made.text
    return made.headers["location"], {HEADER: made.headers[HEADER]}


@pytest.mark.long
def test_a_client_reads_its_writes_from_a_replica_that_lags(make: Make, nodes: Cluster) -> None:
    """Each random write is followed by a read with its token; all other reads are the replica's."""
    chance = random.Random(1)  # noqa: S311 - no secret
    names: dict[str, str | None] = {}

    async def check() -> None:
        async with running(make, nodes, **logged(nodes)) as client:
            location, _ = await create(client, "first")
            nodes.wait_until_replayed()
            counted = Counted(nodes)
            for _ in range(PAIRS):
                known = [path for path, name in names.items() if name is not None]
                kind = chance.choice(["create", "update", "delete"]) if known else "create"
                name = f"n{chance.random()}"
                if kind == "create":
                    path, headers = await create(client, name)
                else:
                    path = chance.choice(known)
                    body = {"name": name} if kind == "update" else None
                    method = "PATCH" if kind == "update" else "DELETE"
                    done = await client.request(method, path, json=body)
                    assert done.status_code in {200, 204}
                    headers = {HEADER: done.headers[HEADER]}
                names[path] = None if kind == "delete" else name
                counted.since()
                if chance.random() < 0.5:
                    found = await client.get(path, headers=headers)
                    assert (found.json().get("name") if found.status_code == 200 else None) == (
                        names[path]
                    )
                else:
                    listed = await client.get(f"/heroes/?name={name}", headers=headers)
                    assert len(listed.json()) == (kind != "delete")
                counted.since()
                other = chance.choice([location, "/heroes/?count=exact&limit=3"])
                assert (await client.get(other)).status_code == 200
                primary, standby = counted.since()
                assert (primary, standby > 0) == (0, True)

    with lagging(nodes, 2):
        asyncio.run(check())


@pytest.mark.long
def test_one_read_of_the_position_is_for_many_writes(make: Make, nodes: Cluster) -> None:
    """32 clients read their writes at the same time; writes that wait share a token."""

    async def read_own_write(client: DescribedClient, number: int) -> str:
        path, headers = await create(client, f"together {number}")
        found = await client.get(path, headers=headers)
        assert found.json()["name"] == f"together {number}"
        return headers[HEADER]

    async def check() -> None:
        async with running(make, nodes, **logged(nodes)) as client:
            for _ in range(3):
                numbers = range(32)
                tokens = await asyncio.gather(*(read_own_write(client, one) for one in numbers))
                assert len(set(tokens)) < len(tokens)

    with lagging(nodes, 1):
        asyncio.run(check())


def test_statements_on_the_replica_have_spans(make: Make, nodes: Cluster) -> None:
    made, exporter = TracerProvider(), InMemorySpanExporter()
    made.add_span_processor(SimpleSpanProcessor(exporter))

    async def check() -> None:
        app = make.app(database_url=nodes.primary.url, database_read_url=nodes.standby.url)
        router = TracingRouter(made)
        app.include_router(router)
        router.install(app, make.settings())
        async with app.router.lifespan_context(app):
            client = DescribedClient(app)
            await create(client, "traced")
            nodes.wait_until_replayed()
            with paused(nodes):
                await create(client, "later")
                exporter.clear()
                assert "later" not in (await client.get("/heroes/")).text

    asyncio.run(check())
    statement, request = exporter.get_finished_spans()
    assert (statement.name, request.name) == ("SELECT hero", "GET /heroes/")
    assert statement.parent is not None
    assert statement.parent.span_id == request.context.span_id


@pytest.mark.long
def test_a_read_waits_until_the_replica_has_the_write(make: Make, nodes: Cluster) -> None:
    async def check() -> None:
        async with running(make, nodes, **logged(nodes), read_wait_seconds=5) as client:
            await create(client, "before")
            counted = Counted(nodes)
            for number in range(50):
                path, token = await create(client, f"w{number}")
                counted.since()
                assert (await client.get(path, headers=token)).json()["name"] == f"w{number}"
                assert (await client.get(f"/heroes/?name=w{number}", headers=token)).json()
                both = f"{token[HEADER]}, {token[HEADER]}"
                assert (await client.get(path, headers={HEADER: both})).status_code == 200
                assert counted.since() == (0, 3)
            for forged in ("x", "F" * 16 + "-" + "0" * 32, token[HEADER][:-1] + "g", "", "é"):
                started = time.monotonic()
                assert (await client.get(path, headers={HEADER: forged})).status_code == 200
                assert time.monotonic() - started < 2
                assert counted.since() == (1, 0)

    asyncio.run(check())


@pytest.mark.long
def test_exports_come_from_the_replica_unless_they_have_a_token(make: Make, nodes: Cluster) -> None:
    async def check() -> None:
        async with running(make, nodes) as client:
            await create(client, "exported before")
            nodes.wait_until_replayed()
            with paused(nodes):
                _, token = await create(client, "exported after")
                lines = {"Accept": "application/x-ndjson"}
                old = await client.get("/heroes/", headers=lines)
                new = await client.get("/heroes/", headers=lines | token)
                latest = await client.get("/heroes/", headers=lines | {HEADER: "latest"})
            for answer, has in ((old, False), (new, True), (latest, True)):
                assert answer.status_code == 200
                assert "exported before" in answer.text
                assert ("exported after" in answer.text) == has
            await asyncio.to_thread(nodes.standby.stop, "immediate")
            for _ in range(3):
                answer = await client.get("/heroes/", headers=lines)
                assert "exported after" in answer.text
            await asyncio.to_thread(nodes.standby.start)

    asyncio.run(check())


@pytest.mark.long
def test_what_must_not_be_old_is_read_from_the_primary(make: Make, nodes: Cluster) -> None:
    """Tags of conditional writes, and API keys: a new one works at once, a revoked one never."""

    async def check() -> None:
        async with running(make, nodes, token_seconds=0) as client:
            path, _ = await create(client, "old")
            etag = (await client.get(path, headers=_)).headers["etag"]
            nodes.wait_until_replayed()
            with paused(nodes):
                changed = await client.request("PATCH", path, json={"name": "new"})
                stale = await client.get(path)
                assert stale.json()["name"] == "old"
                assert stale.headers["etag"] == etag
                known = await client.get(path, headers={"If-None-Match": etag})
                assert known.status_code == 304
                seen = {"If-None-Match": etag, HEADER: changed.headers[HEADER]}
                assert (await client.get(path, headers=seen)).json()["name"] == "new"
                for method in ("PATCH", "DELETE"):
                    late = await client.request(
                        method, path, json={"name": "x"}, headers={"If-Match": etag}
                    )
                    assert late.status_code == 412
                    assert HEADER not in late.headers
                with make.keys(nodes.primary.url) as keys:
                    key, secret = keys.add("robot", 1, [])
                    bearer = {"Authorization": f"Bearer {secret}"}
                    assert (await client.get("/secrets/", headers=bearer)).json() == []
                    keys.revoke(key.id)
                    assert (await client.get("/secrets/", headers=bearer)).status_code == 401

    asyncio.run(check())


@pytest.mark.long
def test_the_admin_page_shows_what_its_user_has_changed(make: Make, nodes: Cluster) -> None:
    async def check() -> None:
        async with started(make, nodes) as app:
            with make.users(nodes.primary.url) as users:
                users.add("ann", "a long password")
            nodes.wait_until_replayed()
            with paused(nodes):
                browser = Browser(app)
                assert (await browser.log_in("ann", "a long password")).status_code == 303
                made = await browser.fill("heroes/create", {"name": "Zoe"})
                assert made.status_code == 303, made.text
                [(key,)] = nodes.primary.execute("SELECT max(id) FROM hero")
                assert "Zoe" in await browser.read(f"heroes/detail?pk={key}")
                changed = await browser.fill(f"heroes/edit?pk={key}", {"name": "Zoë"})
                assert changed.status_code == 303, changed.text
                assert "Zoë" in await browser.read(f"heroes/detail?pk={key}")
                assert "Zo" not in (await DescribedClient(app).get("/heroes/?sort=-id")).text

    asyncio.run(check())


@pytest.mark.long
def test_agents_get_no_tokens(make: Make, nodes: Cluster) -> None:
    """The requests of their tools read from the primary."""
    arguments = {"entity": "heroes", "values": {"name": "Ada"}}
    params = {"name": "create_row", "arguments": arguments}
    message = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}

    async def check() -> None:
        async with running(make, nodes, **logged(nodes)) as client:
            log = nodes.primary.folder.with_suffix(".log")
            size = log.stat().st_size
            headers = {"accept": "application/json"}
            made = await client.post("/mcp", json=message, headers=headers)
            assert made.json()["result"]["structuredContent"]["done"] == "created"
            assert HEADER not in made.headers
            with log.open() as file:
                file.seek(size)
                new = file.read()
            assert "INSERT INTO hero" in new
            # Once a second, the position is read together with the server.
            assert len(re.findall(r"pg_is_in_recovery", new)) == len(
                re.findall(r"pg_postmaster_start_time", new)
            )

    asyncio.run(check())


def test_a_handler_that_writes_reads_its_writes(make: Make, nodes: Cluster) -> None:
    """Also in a GET, with or without a transaction."""
    scope = {"method": "GET", "headers": []}

    async def check() -> None:
        async with started(make, nodes) as app:
            database = app.state.database

            async def count(db: Any) -> int:
                ((number,),) = await db.read(db.compile(COUNT), {})
                return int(number)

            async def create_team(db: Any) -> None:
                await db.write_all(
                    [Change(insert(TEAM).returning(TEAM.c.name), {"name": "t"}, ("name",))]
                )

            nodes.wait_until_replayed()
            with paused(nodes):
                before = await count(database.for_request(scope))
                assert database.for_request({**scope, "method": "POST"}) is database
                in_one, in_transaction = (database.for_request(scope) for _ in range(2))
                await create_team(in_one)
                assert await count(in_one) == before + 1
                async with in_transaction.transaction() as inner:
                    await create_team(inner)
                    assert await count(inner) == before + 2
                assert await count(in_transaction) == before + 2
                assert await count(database.for_request(scope)) == before

    asyncio.run(check())


@pytest.mark.long
def test_requests_succeed_while_the_replica_is_killed_and_restarted(
    make: Make, nodes: Cluster, caplog: pytest.LogCaptureFixture
) -> None:
    statuses: list[int] = []
    longest = 0.0

    async def use(client: DescribedClient, number: int, is_over: asyncio.Event) -> None:
        nonlocal longest
        while not is_over.is_set():
            path, token = await create(client, f"k{number}")
            for headers in ({}, token):
                started = time.monotonic()
                answer = await client.get("/heroes/?limit=3", headers=headers)
                longest = max(longest, time.monotonic() - started)
                statuses.append(answer.status_code)
            assert (await client.get(path, headers=token)).status_code == 200

    async def check() -> None:
        async with running(make, nodes) as client:
            is_over = asyncio.Event()
            users = [asyncio.create_task(use(client, one, is_over)) for one in range(8)]
            for mode in ("immediate", "fast"):
                await asyncio.sleep(0.5)
                await asyncio.to_thread(nodes.standby.stop, mode)
                await asyncio.sleep(2)
                ready = await client.get("/ready")
                assert ready.json() == {"detail": "ready, but the replica is down"}
                await asyncio.to_thread(nodes.standby.start)
                await asyncio.sleep(3)
            assert (await client.get("/ready")).json() == {"detail": "ready"}
            is_over.set()
            await asyncio.gather(*users)

    asyncio.run(check())
    assert set(statuses) == {200}
    assert longest < 5
    said = [one.getMessage() for one in caplog.records if "replica postgresql" in one.getMessage()]
    assert len([one for one in said if ": down: " in one]) == 2
    assert len([one for one in said if "resolved: down" in one]) == 2


@pytest.mark.long
def test_the_primary_answers_what_the_replica_cannot(make: Make, nodes: Cluster) -> None:
    """A lock that the replica has replayed, a lost connection, and too long a lag."""

    async def check() -> None:
        async with running(make, nodes, max_read_lag_seconds=2) as client:
            path, token = await create(client, "shut")
            assert (await client.get(path, headers=token)).status_code == 200
            with psycopg.connect(nodes.primary.url) as locking:
                locking.execute("LOCK TABLE hero IN ACCESS EXCLUSIVE MODE")
                nodes.primary.execute("CREATE TABLE flush ()")
                nodes.wait_until_replayed()
                nodes.standby.execute("SELECT pg_wal_replay_pause()")
            try:
                assert (await client.get(path)).json()["name"] == "shut"
                reading = asyncio.create_task(client.get(path))
                await asyncio.sleep(0.3)
                nodes.standby.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE wait_event_type = 'Lock'"
                )
                assert (await reading).json()["name"] == "shut"
            finally:
                nodes.standby.execute("SELECT pg_wal_replay_resume()")
                nodes.primary.execute("DROP TABLE flush")
            nodes.wait_until_replayed()
            with paused(nodes):
                await client.request("PATCH", path, json={"name": "open"})
                assert (await client.get(path)).json()["name"] == "shut"
                await asyncio.sleep(4)
                assert (await client.get(path)).json()["name"] == "open"
                ready = await client.get("/ready")
                assert ready.json() == {"detail": "ready, but the replica is behind"}

    asyncio.run(check())


@pytest.mark.long
def test_a_replica_is_checked_at_the_start(
    make: Make, nodes: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def start(**values: str) -> None:
        async with running(make, nodes, **values) as client:
            path, token = await create(client, "x")
            assert (await client.get(path, headers=token)).status_code == 200

    nodes.primary.execute("CREATE DATABASE other")
    other = nodes.primary.url.removesuffix("postgres") + "other"
    with pytest.raises(StartupError, match="its database is other, but that of the primary is"):
        asyncio.run(start(database_read_url=other))
    with pytest.raises(StartupError, match="DATABASE_READ_URL is set, but the database is SQLite"):
        asyncio.run(start(database_url=f"sqlite:///{tmp_path}/app.db"))
    for url, problem in (
        ("mysql://x/y", "DATABASE_READ_URL is no URL of PostgreSQL"),
        ("postgresql://x/y?nonsense=1", "DATABASE_READ_URL: the URL has the parameter nonsense"),
        ("postgresql://x/y\n", "DATABASE_READ_URL: the URL has a line break"),
        ("postgresql://x:0/y", "DATABASE_READ_URL postgresql://x:0/y: a port is not between"),
    ):
        with pytest.raises(StartupError) as refused:
            asyncio.run(start(database_read_url=url))
        assert str(refused.value).startswith(problem)
    asyncio.run(start(database_read_url=nodes.primary.url))
    (tmp_path / "crudgen.yaml").write_text("kit: library\n")
    hero = {"hero": "name: Hero\nfields: {name: str}\n"}
    monkeypatch.setenv("DATABASE_READ_URL", nodes.standby.url)
    entities = write_entities(tmp_path / "entities", hero)
    with pytest.raises(ServeError, match="the application reads from no replica"):
        crudgen.create_app(entities)
    monkeypatch.delenv("DATABASE_READ_URL")
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env").write_text(f"database_read_url={nodes.standby.url}\n")
    with pytest.raises(ServeError, match="the application reads from no replica"):
        crudgen.create_app(entities)
    (tmp_path / ".env").write_text("DATABASE_READ_URL=\n")
    crudgen.create_app(entities)
    asyncio.run(start(database_read_url="postgresql://postgres@127.0.0.1:1/postgres"))


@pytest.mark.long
def test_a_promoted_standby_answers_only_once_it_is_the_primary(
    make: Make, cluster: Cluster
) -> None:
    """Reads go on without a primary; a promoted standby beside it may lack rows."""

    async def check() -> None:
        both = cluster.primary.address, cluster.standby.address
        url = f"postgresql://postgres@{','.join(both)}/postgres?target_session_attrs=read-write"
        async with running(make, cluster, database_url=url) as client:
            path, token = await create(client, "kept")
            assert (await client.get(path, headers=token)).status_code == 200
            await asyncio.to_thread(cluster.primary.stop, "immediate")
            assert (await client.get(path)).json()["name"] == "kept"
            assert (await client.get(path, headers=token)).json()["name"] == "kept"
            assert (await client.post("/heroes/", json={"name": "x"})).status_code == 503
            await asyncio.to_thread(cluster.primary.start)
            cluster.primary.execute("ALTER SYSTEM RESET synchronous_standby_names")
            cluster.primary.execute("SELECT pg_reload_conf()")
            await asyncio.to_thread(cluster.standby.promote)
            await asyncio.sleep(2.5)
            changed = await client.request("PATCH", path, json={"name": "changed"})
            assert changed.status_code == 200, changed.text
            assert (await client.get(path)).json()["name"] == "changed"
            said = {"detail": "ready, but the replica is promoted"}
            assert (await client.get("/ready")).json() == said
            await asyncio.to_thread(cluster.primary.stop, "immediate")
            deadline = time.monotonic() + 10
            while (await client.post("/heroes/", json={"name": "y"})).status_code == 503:
                assert time.monotonic() < deadline
                await asyncio.sleep(0.1)
            path, token = await create(client, "after")
            assert (await client.get(path, headers=token)).json()["name"] == "after"

    asyncio.run(check())


def test_tokens_are_signed_and_in_order() -> None:
    secret = b"s" * 32
    tokens = [make_token(position, secret) for position in (1, 9, 10, 2**33, 2**60)]
    assert tokens == sorted(tokens)
    sent = [token.encode() for token in tokens]
    assert latest_position([sent[2], b", ".join(sent[:2])], secret) == 10
    for wrong in (b"", b",", sent[0] + b",", sent[0][:-1], sent[0].upper(), b"0" + sent[0]):
        assert latest_position([wrong], secret) is None
        assert latest_position([sent[4], wrong], secret) is None
    assert latest_position([sent[0]], b"t" * 32) is None


def test_the_lag_is_the_time_since_a_position_that_is_not_replayed() -> None:
    history = PositionHistory()
    for position in (10, 10, 20, 30):
        history.add(position)
        time.sleep(0.01)
    assert history.lag(30) == history.lag(99) == 0
    assert history.lag(5) > history.lag(10) > history.lag(20) > 0
    history.add(15)  # the position of a promoted standby
    assert history.lag(15) == 0 < history.lag(10)


def test_openapi_and_the_provider_have_the_token(make: Make, tmp_path: Path) -> None:
    document = make.app().openapi()
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            names = [one["name"] for one in operation.get("parameters", ())]
            successes = [
                one for status, one in operation["responses"].items() if status.startswith("2")
            ]
            headers = [HEADER in one.get("headers", {}) for one in successes]
            is_health = path in {"/live", "/ready"}
            assert (HEADER in names) == (method == "get" and not is_health)
            assert headers == [method != "get"] * len(successes)
    for key, count in (("", 0), ("read_replica: true\n", 4)):
        folder = tmp_path / f"spec{count}"
        folder.mkdir()
        entities = write_entities(
            folder / "entities", {"hero": "name: Hero\nfields: {name: str}\n"}
        )
        (folder / "crudgen.yaml").write_text(f"{key}emit: [provider]\n")
        tree = crudgen.render(crudgen.load(entities))
        provider = tree["clients/provider.ts"]
        assert provider.count("X-Read-After") + provider.count("after, ") == (3 if count else 0)
        assert any(one.startswith("app/kit/replica/") for one in tree) == bool(count)
