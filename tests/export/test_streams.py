"""Files of all rows: one state of the database, bounded, and never taken for complete if they fail.

`ROWS=1000000 python -m pytest -n0 -s tests/export/test_streams.py -k memory` reads a million rows.
"""

import asyncio
import json
import os
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any

import psutil
import pytest
from sqlalchemy import insert, text

from crudgen.codegen import render
from crudgen.delivery.memory import import_tree, unload
from crudgen.language import load_texts
from tests.export.slow_client import reading
from tests.export.walking import CSV, NDJSON
from tests.startup.started import Application
from tests.support.asgi import AsgiClient

ROWS = int(os.environ.get("ROWS", "2000"))
SPECS = {
    "hero.yaml": """\
name: Hero
fields: {name: str(1..200) index, weight: float?, team_id: -> Team? set_null}
api: {export: [csv, ndjson], include: [team]}
""",
    "team.yaml": """\
name: Team
fields: {name: str}
api: {export: [ndjson], nested: [heroes], counts: [heroes]}
""",
}
Started = Callable[..., Any]
KINDS = pytest.mark.parametrize("kind", ["sqlite", "postgresql"])


@pytest.fixture(scope="module")
def application() -> Iterator[Application]:
    imported = import_tree(render(load_texts(SPECS)))
    yield Application(imported)
    unload(imported)


@pytest.fixture
def started(application: Application, new_database: Callable[[str], str], kind: str) -> Started:
    """Return a function that starts the application with rows."""

    @asynccontextmanager
    async def start(rows: int = 2000, **settings: Any) -> AsyncIterator[Any]:
        url = new_database(kind)
        async with application.running(url, **settings) as app:
            engine = application.engine(url)
            hero, team = (application.metadata.tables[name] for name in ("hero", "team"))
            with engine.begin() as connection:
                connection.execute(insert(team), [{"id": one, "name": "t"} for one in (1, 2)])
                for first in range(0, rows, 10_000):
                    some = range(first + 1, min(first + 10_000, rows) + 1)
                    added = [{"id": n, "name": f"{n:0>150}", "team_id": 1} for n in some]
                    connection.execute(insert(hero), added)
                app.state.run = lambda sql: _run(engine, sql)
            yield app

    return start


def _run(engine: Any, sql: str) -> None:
    with engine.begin() as connection:
        connection.execute(text(sql))


def ids(body: bytes) -> list[int]:
    return [json.loads(line)["id"] for line in body.splitlines()]


@KINDS
@pytest.mark.parametrize(
    "path", ["/heroes/", "/heroes/?sort=-name", "/heroes/?include=team&sort=weight&offset=150"]
)
def test_a_file_has_the_rows_of_one_state(started: Started, path: str) -> None:
    async def check() -> None:
        async with started() as app, reading(app, path, NDJSON) as client:
            assert (await client.next_message())["status"] == 200
            body = (await client.next_message())["body"]
            assert 1 <= len(ids(body)) < 2000
            app.state.run("DELETE FROM hero WHERE id > 500")
            app.state.run("UPDATE hero SET name = '0'")
            app.state.run("INSERT INTO hero (id, name) VALUES (9000, 'x')")
            found = ids(body + await client.rest())
            first = 151 if "offset" in path else 1
            assert found == sorted(range(first, 2001), reverse="-" in path)
            assert client.is_complete

    asyncio.run(check())


@KINDS
def test_a_client_that_disconnects_makes_room(started: Started) -> None:
    async def check() -> None:
        settings = {"database_connections": 4, "lock_seconds": 0.3}
        async with started(**settings) as app:
            for accept in (NDJSON, CSV, NDJSON):
                async with reading(app, "/heroes/", accept) as client:
                    await client.next_message()
                    await client.next_message()
                    other = AsgiClient(app)
                    headers = {"accept": CSV}
                    busy = await other.request("GET", "/heroes/", headers=headers)
                    assert busy.status_code == 503
                    assert busy.headers["retry-after"] == "1"
                    assert (await other.request("GET", "/heroes/?q=x")).status_code == 422
                    assert (await other.request("GET", "/heroes/?name=x")).status_code == 200
                    client.disconnect()
                    assert client.task is not None
                    await asyncio.wait_for(client.task, 5)
                    assert not client.is_complete

    asyncio.run(check())


@KINDS
def test_a_client_that_reads_too_slowly_is_aborted(
    started: Started, application: Application
) -> None:
    aborted = application.module("kit.errors").ResponseAbortedError

    async def check() -> None:
        async with (
            started(statement_seconds=0.2) as app,
            reading(app, "/heroes/", NDJSON) as client,
        ):
            await client.next_message()
            assert client.task is not None
            await asyncio.wait({client.task}, timeout=10)
            with pytest.raises(aborted, match="reads too slowly"):
                await client.rest()
            assert not client.is_complete

    asyncio.run(check())


@KINDS
def test_an_error_in_the_middle_aborts_the_response(
    started: Started, application: Application, kind: str
) -> None:
    aborted = application.module("kit.errors").ResponseAbortedError

    async def check() -> None:
        async with started() as app, reading(app, "/heroes/", CSV) as client:
            await client.next_message()
            await client.next_message()
            if kind == "postgresql":
                app.state.run(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE pid != pg_backend_pid() AND state = 'idle in transaction'"
                )
                with pytest.raises(aborted):
                    await client.rest()
            assert not client.is_complete
        if kind == "sqlite":  # a value that the model does not allow
            async with started() as app:
                app.state.run("UPDATE hero SET weight = 'x' WHERE id = 1500")
                async with reading(app, "/heroes/", CSV) as client:
                    with pytest.raises(ValueError, match="could not convert"):
                        await client.rest()
                    assert not client.is_complete

    asyncio.run(check())


@KINDS
def test_requests_that_are_no_file(started: Started) -> None:
    async def check() -> None:
        async with started(rows=3) as app:
            client = AsgiClient(app)

            async def ask(path: str, accept: str = NDJSON, method: str = "GET") -> Any:
                return await client.request(method, path, headers={"accept": accept})

            listed = await client.request("GET", "/heroes/")
            assert listed.headers["vary"] == "Accept"
            head = await ask("/heroes/?count=exact", CSV, "HEAD")
            assert head.content == b""
            assert head.status_code == 200
            assert head.headers["x-total-count"] == "3"
            assert head.headers["content-type"] == "text/csv; charset=utf-8; header=present"
            assert head.headers["content-disposition"] == 'attachment; filename="heroes.csv"'
            assert "link" not in head.headers
            assert "content-length" not in head.headers
            assert (await ask("/heroes/?x=1")).status_code == 422
            assert (await ask("/heroes/?cursor=x")).status_code == 404
            listed = await client.request("GET", "/teams/")
            assert (await ask("/teams/", CSV)).content == listed.content
            empty = await ask("/teams/2/heroes", CSV)
            assert empty.text == "name,weight,id,team_id\r\n"
            assert empty.headers["content-disposition"] == 'attachment; filename="heroes.csv"'
            for path in ("/teams/3/heroes/", "/teams/3/heroes/?limit=1", "/teams/x/heroes/"):
                for accept in (CSV, NDJSON):
                    wanted = await client.request("GET", path)
                    answer = await ask(path, accept)
                    assert (answer.status_code, answer.content) == (
                        wanted.status_code,
                        wanted.content,
                    )
            page = await ask("/heroes/?limit=1&cursor=")
            assert page.headers["content-type"] == "application/x-ndjson"
            assert page.headers["content-length"] == str(len(page.content))
            after = page.links["next"]["url"]
            assert ids((await ask(after)).content) == [2]
            assert ids((await ask(after.replace("&limit=1", ""))).content) == [2, 3]
            before = (await ask(after)).links["prev"]["url"].replace("&limit=1", "")
            missing = await ask(before)
            assert missing.status_code == 422
            assert missing.json()["detail"][0]["loc"] == ["query", "limit"]
            counted = (await ask("/teams/")).text.splitlines()
            assert [json.loads(one)["heroes_count"] for one in counted] == [3, 0]

    asyncio.run(check())


@pytest.mark.parametrize("kind", ["sqlite"])
def test_the_document_describes_the_formats(started: Started) -> None:
    async def check() -> None:
        async with started(rows=0) as app:
            paths = app.openapi()["paths"]
            for path, types in (
                ("/heroes/", {"application/json", "text/csv", "application/x-ndjson"}),
                ("/teams/", {"application/json", "application/x-ndjson"}),
                (
                    "/teams/{team_id}/heroes/",
                    {"application/json", "text/csv", "application/x-ndjson"},
                ),
            ):
                described = paths[path]["get"]["responses"]["200"]
                assert {*described["content"]} == types
                assert {*described["headers"]} == {"Link", "X-Total-Count", "Content-Disposition"}
                assert not described["headers"]["Link"]["required"]
                assert described["content"]["application/json"]["schema"]["type"] == "array"

    asyncio.run(check())


@KINDS
def test_a_session_of_the_caller_is_read(started: Started, application: Application) -> None:
    """Rows that are not committed yet are in the file, as in the list."""
    get_session = application.module("kit.database").session

    async def check() -> None:
        async with started(rows=2) as app:
            with app.state.database.session() as session:
                app.dependency_overrides[get_session] = lambda: session
                client = AsgiClient(app)
                made = await client.request("POST", "/heroes/", json={"name": "new"})
                assert made.status_code == 200
                for path in ("/heroes/", "/heroes/?include=team"):
                    answer = await client.request("GET", path, headers={"accept": NDJSON})
                    assert len(ids(answer.content)) == 3

    asyncio.run(check())


@KINDS
def test_memory_is_bounded(started: Started) -> None:
    async def check() -> None:
        async with started(rows=ROWS) as app:
            process = psutil.Process()
            for accept in (NDJSON, CSV):
                before, most, rows, began = process.memory_info().rss, 0, 0, time.monotonic()
                async with reading(app, "/heroes/", accept) as client:
                    while not client.is_complete:
                        body = (await client.next_message()).get("body", b"")
                        rows += body.count(b"\n")
                        most = max(most, process.memory_info().rss)
                assert rows == ROWS + (accept == CSV)
                print(  # noqa: T201 - `-s` shows it
                    f"{accept}: {rows / (time.monotonic() - began):,.0f} rows/s,"
                    f" {(most - before) / 1e6:.1f} MB more"
                )
                assert most - before < 30_000_000

    asyncio.run(check())
