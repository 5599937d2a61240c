"""An ASGI application without a framework that runs the same SQL on the database driver."""

import asyncio
import json
import os
import sqlite3
from typing import Any
from urllib.parse import parse_qs

import psycopg

URL = os.environ["DATABASE_URL"]
SQLITE = URL.startswith("sqlite")
COLUMNS = "name, age, id"
MARK = "?" if SQLITE else "%s"
OBJECT = (
    "json_object('name', name, 'age', age, 'id', id)"
    if SQLITE
    else "json_build_object('name', name, 'age', age, 'id', id)::text"
)
GET = f"SELECT {OBJECT} FROM hero WHERE id = {MARK}"
PAGE = f"SELECT {COLUMNS} FROM hero ORDER BY id LIMIT {MARK} OFFSET {MARK}"
LIST = (
    f"SELECT json_group_array({OBJECT}) FROM ({PAGE})"
    if SQLITE
    else f"SELECT json_agg({OBJECT.removesuffix('::text')})::text FROM ({PAGE}) page"
)
INSERT = (
    f"INSERT INTO hero (name, age, secret_name) VALUES ({MARK}, {MARK}, {MARK}) RETURNING {OBJECT}"
)
UPDATE = f"UPDATE hero SET age = {MARK} WHERE id = {MARK} RETURNING {OBJECT}"


class Sqlite:
    async def open(self) -> None:
        self.connection = sqlite3.connect(URL.removeprefix("sqlite:///"), isolation_level=None)
        self.connection.execute("PRAGMA journal_mode = WAL")
        self.connection.execute("PRAGMA synchronous = FULL")

    async def run(self, sql: str, values: tuple[Any, ...]) -> bytes:
        (row,) = self.connection.execute(sql, values).fetchall()
        return bytes(row[0], "utf-8")


class Postgres:
    async def open(self) -> None:
        self.free: asyncio.LifoQueue[psycopg.AsyncConnection] = asyncio.LifoQueue()
        for _ in range(10):
            connection = await psycopg.AsyncConnection.connect(
                URL, autocommit=True, prepare_threshold=0
            )
            self.free.put_nowait(connection)

    async def run(self, sql: str, values: tuple[Any, ...]) -> bytes:
        connection = await self.free.get()
        try:
            row = await (await connection.execute(sql, values)).fetchone()
        finally:
            self.free.put_nowait(connection)
        return bytes(row[0], "utf-8")  # type: ignore[index]


database = Sqlite() if SQLITE else Postgres()


async def app(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] == "lifespan":
        await receive()
        await database.open()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await send({"type": "lifespan.shutdown.complete"})
        return
    key = scope["path"].removeprefix("/heroes/")
    match scope["method"]:
        case "GET" if key:
            body = await database.run(GET, (int(key),))
        case "GET":
            query = parse_qs(scope["query_string"].decode())
            page = (int(query["limit"][0]), int(query.get("offset", ["0"])[0]))
            body = await database.run(LIST, page)
        case "POST":
            hero = json.loads((await receive())["body"])
            body = await database.run(INSERT, (hero["name"], hero["age"], hero["secret_name"]))
        case _:
            hero = json.loads((await receive())["body"])
            body = await database.run(UPDATE, (hero["age"], int(key)))
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})
