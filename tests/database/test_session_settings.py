"""Whatever a database sets for its sessions, answers are the same, or the start is refused.

`CASES=0 python -m pytest tests/database/test_session_settings.py` tries every setting.
"""

import asyncio
import contextlib
import os
import random
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import psycopg
import pytest
from httpx import ASGITransport, AsyncClient
from psycopg.sql import SQL, Identifier, Literal

import crudgen

CASES = int(os.environ.get("CASES", "8"))
SPEC = """
name: Thing
fields:
  code: int pk
  title: str(1..50)
  note: text?
  size: int?
  ratio: float?
  price: decimal(10,2)?
  good: bool?
  day: date?
  at: time?
  moment: datetime?
  mark: uuid?
  kind: {type: enum, values: [plain, "it's", 'back\\slash'], optional: true}
  blob: bytes(..100)?
  extra: json?
  link: url?
unique:
  - [title, size]
api: {operations: [create, list, read, update, replace, delete, create_many, update_many]}
"""
ROW = {
    "code": 1,
    "title": "Ä 'quoted' \\ \"é\" 漢 😀",
    "note": "a\tb\nc\\d'e",
    "size": -(2**60) - 1,
    "ratio": 0.1 + 0.2,
    "price": "-12345678.90",
    "good": False,
    "day": "0001-01-31",
    "at": "23:59:59.999999",
    "moment": "2026-03-29T01:30:00.123456Z",
    "mark": "12345678-1234-1234-1234-123456789abc",
    "kind": "back\\slash",
    "blob": "AP8nXA==",
    "extra": {"a": [1.5, None, True, "'\\"], "b": {}},
    "link": "https://example.com/%C3%A9",
}
OTHERS = {
    "client_encoding": ["LATIN1", "SQL_ASCII", "EUC_JP"],
    "DateStyle": ["German", "SQL, DMY", "Postgres, YMD"],
    "TimeZone": ["Asia/Kathmandu", "America/St_Johns", "-03:30"],
    "timezone_abbreviations": ["India"],
    "default_tablespace": ["nowhere"],
    "temp_tablespaces": ["nowhere"],
    "search_path": ["nowhere", "", "pg_catalog, public", "public, pg_catalog"],
    "local_preload_libraries": ["nowhere"],
    "session_preload_libraries": ["nowhere"],
    "role": ["nobody_at_all"],
    "default_text_search_config": ["pg_catalog.german"],
    "lc_monetary": ["C"],
    "restrict_nonsystem_relation_kind": ["view"],
}
LEFT_OUT = {
    "default_transaction_read_only",  # of its own: writes are 503 then
    "post_auth_delay",  # seconds for a debugger
}


def values_of(kind: str, least: str | None, most: str | None, words: list[str] | None) -> list[str]:
    if kind == "bool":
        return ["on", "off"]
    if kind == "enum":
        return words or []
    return [value for value in (least, most) if value is not None]


def settings(url: str) -> list[tuple[str, str]]:
    """List every setting that a database may have for its sessions, with values to try."""
    with psycopg.connect(url) as connection:
        found = connection.execute(
            "SELECT name, vartype, min_val, max_val, enumvals FROM pg_settings"
            " WHERE context IN ('user', 'superuser', 'backend', 'superuser-backend') ORDER BY name"
        ).fetchall()
    names = [name for name, *_ in found]
    tried = [
        (name, value)
        for name, *about in [*found, *((name, "string", None, None, None) for name in OTHERS)]
        for value in [*values_of(*about), *OTHERS.get(name, [])]
        if name not in LEFT_OUT
    ]
    assert len(names) > 200
    return list(dict.fromkeys(tried))


@pytest.fixture(scope="module")
def database(new_database: Callable[[str], str]) -> str:
    return new_database("postgresql")


@contextlib.contextmanager
def set_for_sessions(url: str, name: str, value: str) -> Iterator[bool]:
    """Set it for the sessions of a database; return whether PostgreSQL takes it."""
    with psycopg.connect(url) as connection:
        dbname = Identifier(connection.info.dbname)
    other = url.replace(f"/{dbname.as_string().strip(chr(34))}?", "/postgres?")
    with psycopg.connect(other, autocommit=True) as connection:
        try:
            connection.execute(
                SQL("ALTER DATABASE {} SET {} = {}").format(dbname, SQL(name), Literal(value))
            )
        except psycopg.Error:
            yield False
            return
        try:
            yield True
        finally:
            connection.execute(SQL("ALTER DATABASE {} RESET ALL").format(dbname))


async def answers(client: AsyncClient) -> Sequence[Any]:
    """Ask for what shows how values are read and written."""
    odd = {"code": 2, "title": "x", "moment": "1999-12-31T23:59:59+05:45", "ratio": 1e-300}
    found = [
        await client.post("/things/", json=ROW),
        await client.post("/things/", json={**ROW, "code": 3}),
        await client.post("/things/bulk", json=[odd, {"code": 3, "title": "y", "ratio": 1e22}]),
        await client.post("/things/bulk", json=[{"code": 4, "title": "x"}, ROW]),
        await client.get("/things/1"),
        await client.get("/things/", params={"sort": "-moment,ratio", "cursor": "", "limit": 2}),
        await client.get("/things/", params={"moment__gte": "2026-03-29T01:30:00.123456Z"}),
        await client.get("/things/", params={"day": "0001-01-31", "ratio": repr(0.1 + 0.2)}),
        await client.get("/things/", params={"title__contains": '\\ "é', "size__lt": "0"}),
        await client.get("/things/", params={"note__isnull": "true", "count": "exact"}),
        await client.patch("/things/2", json={"at": "00:00:00", "extra": {"é": "\\u0000"}}),
        await client.patch("/things/2", json={"price": None, "kind": "it's"}),
        await client.put("/things/5", json={**odd, "code": 5, "ratio": 123456789.123456789}),
        await client.patch("/things/bulk", json=[{"code": 5, "title": "z"}]),
        await client.get("/things/"),
        await client.delete("/things/1"),
        await client.get("/things/1"),
    ]
    kept = ("etag", "location", "x-total-count")
    return [
        (one.status_code, one.content, [one.headers.get(name) for name in kept]) for one in found
    ]


def ask(spec: Path, url: str) -> Sequence[Any]:
    """Start the application and ask it; nothing where its start is refused."""

    async def run() -> Sequence[Any]:
        app = crudgen.create_app(spec, database=url)
        async with (
            app.router.lifespan_context(app),
            AsyncClient(transport=ASGITransport(app), base_url="http://test") as client,
        ):
            if (await client.get("/ready")).status_code == 503:
                return []
            return await answers(client)

    try:
        found = asyncio.run(run())
    except Exception as error:
        if type(error).__name__ != "StartupError":
            raise
        assert len(str(error).splitlines()) == 2  # noqa: PT017 - most are not refused
        return []
    if found:
        with psycopg.connect(url) as connection:
            connection.execute("TRUNCATE thing")
    return found


@pytest.mark.long
@pytest.mark.slow
def test_answers_do_not_depend_on_the_settings_of_sessions(
    tmp_path: Path, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = tmp_path / "entities"
    spec.mkdir()
    (spec / "thing.yaml").write_text(SPEC)
    monkeypatch.setenv("LOG_LEVEL", "ERROR")
    wanted = ask(spec, database)
    assert [status for status, _, _ in wanted] == [
        *(200, 409, 200, 409, 200, 200, 200, 200, 200, 200, 200, 200, 200, 200, 200, 200, 404)
    ], wanted
    tried = settings(database)
    if CASES:
        tried = random.Random(os.environ.get("SEED", "7")).sample(tried, CASES)  # noqa: S311
    wrong, refused, asked = [], [], 0
    for name, value in tried:
        with set_for_sessions(database, name, value) as is_set:
            if not is_set:
                continue
            asked += 1
            try:
                found = ask(spec, database)
            except Exception as error:  # noqa: BLE001 - it is reported with the others
                wrong.append((name, value, repr(error)))
                continue
        if not found:
            refused.append((name, value))
        elif found != wanted:
            differing = [pair for pair in zip(found, wanted, strict=True) if pair[0] != pair[1]]
            wrong.append((name, value, str(differing[:2])))
    print(f"{asked} settings, refused: {refused}")  # noqa: T201 - `-s` shows it
    assert wrong == []
