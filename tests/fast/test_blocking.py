"""A long read does not hold up short ones. No clock decides: only what is answered before what."""

import asyncio
import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import text

import crudgen
from crudgen.delivery.memory import unload

ROWS = 300_000
DEEP_PAGES = 10
FEWEST_GETS = 5
"""For each deep page; a loop that is blocked answers none, and one between two pages."""

FILL = """
INSERT INTO hero (name, age, secret_name)
WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < :rows)
SELECT 'hero ' || n, n, 'secret' FROM numbers
"""


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_gets_are_answered_while_a_long_list_is_read(
    kind: str, new_database: Callable[[str], str], root: Path
) -> None:
    package = crudgen.import_app(root / "entities")
    main = importlib.import_module(f"{package.__name__}.main")
    chosen = importlib.import_module(f"{package.__name__}.settings").Settings(
        database_url=new_database(kind), log_level="ERROR", statement_seconds=60
    )
    answered = asyncio.run(count_gets(cast("FastAPI", main.create_app(chosen))))
    unload(package)
    assert sum(answered) >= FEWEST_GETS * DEEP_PAGES, answered


async def count_gets(app: FastAPI) -> list[int]:
    """Count the gets that are answered during each deep page."""
    client = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test")
    async with app.router.lifespan_context(app), client, asyncio.timeout(50):
        await asyncio.to_thread(fill, app.state.database)
        await get(client, 1)
        return [await count_gets_once(client) for _ in range(DEEP_PAGES)]


async def count_gets_once(client: httpx.AsyncClient) -> int:
    deep = asyncio.create_task(client.get(f"/heroes/?offset={ROWS - 10}&limit=100"))
    count = 0
    while not deep.done():
        await get(client, count * 7919 % ROWS + 1)
        await asyncio.sleep(0)  # where a server would wait for the next request
        count += not deep.done()
    page = (await deep).json()
    assert [row["id"] for row in page] == list(range(ROWS - 9, ROWS + 1))
    return count


async def get(client: httpx.AsyncClient, key: int) -> None:
    response = await client.get(f"/heroes/{key}")
    assert response.json() == {"name": f"hero {key}", "age": key, "id": key}


def fill(database: Any) -> None:
    with database.session() as session:
        session.connection().execute(text(FILL), {"rows": ROWS})
        session.commit()
