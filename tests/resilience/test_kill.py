"""Kill -9 of two workers under writes: every acknowledged write is there, and none by half.

`ROUNDS=50 python -m pytest tests/resilience/test_kill.py` is the extended run.
"""

import asyncio
import itertools
import os
import random
import signal
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest

from tests.support.servers import Api, Servers

ROUNDS = int(os.environ.get("ROUNDS", "2"))
WRITERS = 64
PATIENCE = 20
COMBINATIONS = [
    ("served", "sqlite"),
    ("emitted", "sqlite"),
    ("emitted", "postgresql"),
    ("served", "postgresql"),
]


@dataclass
class Ledger:
    """What the clients know: each name's last acknowledged age, and the one that may be there."""

    acknowledged: dict[str, int] = field(default_factory=dict)
    pending: dict[str, int] = field(default_factory=dict)

    def check(self, api: Api) -> None:
        if api.database.startswith("sqlite"):
            with closing(sqlite3.connect(api.database.removeprefix("sqlite:///"))) as connection:
                assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        with api.engine.connect() as connection:
            rows = connection.exec_driver_sql("SELECT name, secret_name, age FROM hero").fetchall()
        ages = {name: age for name, _, age in rows}
        assert len(ages) == len(rows)
        assert all(secret == secret_of(name, age) for name, secret, age in rows)
        for name, age in self.acknowledged.items():
            assert ages[name] in {age, self.pending.get(name, age)}
        for name in ages.keys() - self.acknowledged.keys():
            assert ages[name] == self.pending[name]


def secret_of(name: str, age: int) -> str:
    """A row that is written by half has an age and a secret that do not belong together."""
    return f"{name} at {age}"


@pytest.mark.long
@pytest.mark.slow
def test_kill_9_loses_no_acknowledged_write(
    servers: Servers, root: Path, new_database: Callable[[str], str]
) -> None:
    databases = {kind: new_database(kind) for kind in ("sqlite", "postgresql")}
    ledgers = {kind: Ledger() for kind in databases}
    chance = random.Random(9)  # noqa: S311 - when to kill
    for number in range(ROUNDS):
        mode, kind = COMBINATIONS[number % len(COMBINATIONS)]
        api = servers.start(root / "entities", mode, databases[kind], workers=2)
        asyncio.run(write_until_killed(api, ledgers[kind], number, chance))
        ledgers[kind].check(api)
    written = {kind: len(ledger.acknowledged) for kind, ledger in ledgers.items()}
    print(f"{ROUNDS} rounds, acknowledged rows: {written}")  # noqa: T201 - `-s` shows it
    assert sum(written.values()) >= ROUNDS * WRITERS


async def write_until_killed(api: Api, ledger: Ledger, number: int, chance: random.Random) -> None:
    """Kill one worker, in every other round, and then all processes."""
    limits = httpx.Limits(max_connections=WRITERS)
    async with httpx.AsyncClient(
        base_url=api.client.base_url, limits=limits, timeout=PATIENCE
    ) as client:
        is_over = asyncio.Event()
        names = (f"{number}-{count}" for count in itertools.count())
        writers = [
            asyncio.create_task(write(client, ledger, names, is_over)) for _ in range(WRITERS)
        ]
        before = len(ledger.acknowledged)
        while len(ledger.acknowledged) < before + WRITERS:  # noqa: ASYNC110 - many count
            await asyncio.sleep(0.01)
        await asyncio.sleep(chance.uniform(0, 0.7))
        if number // len(COMBINATIONS) % 2:
            os.kill(chance.choice(api.workers).pid, signal.SIGKILL)
            await asyncio.sleep(chance.uniform(0.1, 1.0))
        assert not [writer for writer in writers if writer.done()]
        is_over.set()
        api.kill()
        async with asyncio.timeout(2 * PATIENCE):
            await asyncio.gather(*writers)


async def write(
    client: httpx.AsyncClient, ledger: Ledger, names: Iterator[str], is_over: asyncio.Event
) -> None:
    """Create heroes and change each once, until everything is killed."""
    for name in names:
        try:
            await write_one(client, ledger, name)
        except httpx.TransportError:
            if is_over.is_set():
                return


async def write_one(client: httpx.AsyncClient, ledger: Ledger, name: str) -> None:
    ledger.pending[name] = 1
    hero = {"name": name, "secret_name": secret_of(name, 1), "age": 1}
    created = await client.post("/heroes/", json=hero)
    assert created.status_code == 200, created.text
    ledger.acknowledged[name], ledger.pending[name] = 1, 2
    change = {"age": 2, "secret_name": secret_of(name, 2)}
    changed = await client.patch(created.headers["location"], json=change)
    assert changed.status_code == 200, changed.text
    ledger.acknowledged[name] = ledger.pending.pop(name)
