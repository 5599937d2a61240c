"""Requests wait while tables are changed, and those that are pending end before."""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from importlib import import_module

import httpx
import pytest

from crudgen.delivery import switch as switches
from crudgen.delivery.generation import Generation, GenerationSource
from crudgen.delivery.switch import Switch
from crudgen.errors import CrudgenError, DatabaseError, TablesError
from tests.delivery.fakes import fake_tree, until_begun

pytestmark = pytest.mark.long


class Tables:
    """Notes when the tables change; refuses that, or fails."""

    def __init__(self) -> None:
        self.refusal: CrudgenError | None = None
        self.failure: CrudgenError | None = None
        self.changes = 0
        self.during: Callable[[], None] = lambda: None

    def prepare_change(
        self, new: Generation, current: Generation | None
    ) -> Callable[[], None] | None:
        del new, current
        if self.refusal is not None:
            raise self.refusal

        def change() -> None:
            self.during()
            if self.failure is not None:
                raise self.failure
            self.changes += 1

        return change

    def tables_have_changed(self) -> bool:
        return False

    def report_mistakes(self, current: Generation) -> None:
        del current


def run(test: Callable[[Switch, Tables, httpx.AsyncClient], Awaitable[None]]) -> None:
    async def main() -> None:
        tables = Tables()
        switch = Switch(GenerationSource(fake_tree("1")), tables=tables)
        await switch.open()
        assert tables.changes == 1
        transport = httpx.ASGITransport(app=switch)
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            await test(switch, tables, client)
        await switch.close()

    asyncio.run(main())


def packages() -> set[str]:
    return {name for name in sys.modules if name.startswith("crudgen_app_")}


async def version(client: httpx.AsyncClient) -> object:
    return (await client.get("/version")).json()


@pytest.mark.long
def test_pending_requests_end_before_the_change_and_new_ones_wait() -> None:
    async def test(switch: Switch, tables: Tables, client: httpx.AsyncClient) -> None:
        loop = asyncio.get_running_loop()
        slow = asyncio.create_task(client.get("/slow"))
        await until_begun(client)
        new: list[asyncio.Task[object]] = []

        def during() -> None:
            assert slow.done()
            loop.call_soon_threadsafe(lambda: new.append(asyncio.create_task(version(client))))
            assert asyncio.run_coroutine_threadsafe(asyncio.sleep(0.1), loop).result() is None
            assert not new[0].done()

        tables.during = during
        await switch.swap(GenerationSource(fake_tree("2")))
        assert slow.result().json()["version"] == "1"
        assert await new[0] == "2"
        assert tables.changes == 2

    run(test)


@pytest.mark.parametrize("kind", ["refusal", "failure"])
def test_what_does_not_change_the_tables_changes_nothing(kind: str) -> None:
    async def test(switch: Switch, tables: Tables, client: httpx.AsyncClient) -> None:
        before = packages()
        error = TablesError("no", ["hero.yaml"]) if kind == "refusal" else DatabaseError("no")
        setattr(tables, kind, error)
        with pytest.raises(type(error), match="no"):
            await switch.swap(GenerationSource(fake_tree("2")))
        assert packages() == before
        assert await version(client) == "1"
        setattr(tables, kind, None)
        await switch.swap(GenerationSource(fake_tree("2")))
        assert await version(client) == "2"

    run(test)


def test_requests_that_do_not_end_prevent_the_change(monkeypatch: pytest.MonkeyPatch) -> None:
    async def test(switch: Switch, tables: Tables, client: httpx.AsyncClient) -> None:
        monkeypatch.setattr(switches, "_PENDING_SECONDS", 0.05)
        slow = asyncio.create_task(client.get("/slow?seconds=20"))
        api = import_module(f"{switch.current.package.__name__}.api")
        await until_begun(client)
        waiting = asyncio.create_task(switch.swap(GenerationSource(fake_tree("2"))))
        with pytest.raises(CrudgenError, match="requests were pending"):
            await waiting
        assert tables.changes == 1
        api.released.set()
        assert (await slow).json()["version"] == "1"
        assert await version(client) == "1"

    run(test)
