import asyncio
import gc
import os
import resource
import sys
from collections.abc import Awaitable, Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import httpx
import pytest

import crudgen
from crudgen.delivery.generation import GenerationSource
from crudgen.delivery.switch import Switch
from crudgen.errors import ServeError
from tests.delivery.fakes import fake_tree, until_begun

pytestmark = pytest.mark.long

SWAPS = int(os.environ.get("SWAPS", "8"))


def run(test: Callable[[Switch, httpx.AsyncClient], Awaitable[None]]) -> None:
    async def main() -> None:
        switch = Switch(GenerationSource(fake_tree("1")))
        await switch.open()
        transport = httpx.ASGITransport(app=switch)
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            await test(switch, client)
        await switch.close()

    asyncio.run(main())


def packages() -> set[str]:
    return {name for name in sys.modules if name.startswith("crudgen_app_")}


async def version(client: httpx.AsyncClient) -> Any:
    return (await client.get("/version")).json()


def test_a_swap_changes_the_answer() -> None:
    async def test(switch: Switch, client: httpx.AsyncClient) -> None:
        assert await version(client) == "1"
        await switch.swap(GenerationSource(fake_tree("2")))
        assert await version(client) == "2"

    before = packages()
    run(test)
    assert packages() == before


def test_a_request_in_flight_ends_where_it_began() -> None:
    async def test(switch: Switch, client: httpx.AsyncClient) -> None:
        slow = asyncio.create_task(client.get("/slow?seconds=20"))
        api = import_module(f"{switch.current.package.__name__}.api")
        await until_begun(client)
        await switch.swap(GenerationSource(fake_tree("2")))
        assert await version(client) == "2"
        assert not slow.done()
        api.released.set()
        assert (await slow).json() == {"version": "1", "open": True}

    run(test)


def test_what_does_not_start_changes_nothing() -> None:
    async def test(switch: Switch, client: httpx.AsyncClient) -> None:
        before = packages()
        with pytest.raises(ServeError, match="lacks the column 'age'"):
            await switch.swap(GenerationSource(fake_tree("differs")))
        with pytest.raises(ZeroDivisionError):
            await switch.swap(GenerationSource(fake_tree("bug")))
        assert packages() == before
        assert await version(client) == "1"

    run(test)


def test_the_database_of_the_command_line_is_used() -> None:
    assert (
        GenerationSource(fake_tree("1"), "sqlite:///other.db").load().database
        == "sqlite:///other.db"
    )


def test_a_bad_environment_variable_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAX_BODY_BYTES", "secret")
    with pytest.raises(ServeError, match=r"^MAX_BODY_BYTES: .*integer") as caught:
        GenerationSource(fake_tree("1")).load()
    assert "secret" not in str(caught.value)


def test_the_kept_code_is_what_runs(tmp_path: Path) -> None:
    generation_source = GenerationSource(fake_tree("1"), keep=tmp_path / "kept")
    generation_source.write()
    generation = generation_source.load()
    assert generation.package.__file__ == str(tmp_path / "kept/app/__init__.py")


@pytest.mark.long
@pytest.mark.slow
def test_swaps_leave_nothing_behind() -> None:
    async def test(switch: Switch, client: httpx.AsyncClient) -> None:
        sizes = []
        for number in range(SWAPS):
            await switch.swap(GenerationSource(fake_tree(f"v{number}")))
            assert await version(client) == f"v{number}"
            await asyncio.sleep(0)
            if number % (SWAPS // 4) == SWAPS // 4 - 1:
                for _ in range(400):  # the retired ones end, within 20 seconds
                    if switch.retiring_count:
                        await asyncio.sleep(0.05)
                assert not switch.retiring_count
                gc.collect()
                roots = {name.split(".")[0] for name in packages()}
                sizes.append(
                    (
                        len(roots),
                        len(sys.meta_path),
                        resource.getrusage(resource.RUSAGE_SELF).ru_maxrss,
                    )
                )
        roots_then, finders_then, memory_then = sizes[1]
        roots_now, finders_now, memory_now = sizes[-1]
        assert (roots_now, finders_now) == (roots_then, finders_then)
        assert memory_now - memory_then < 20_000  # KiB

    run(test)


def test_reads_without_asgi_are_those_of_the_current_application(
    root: Path, tmp_path: Path
) -> None:
    tree = crudgen.render(crudgen.load(root / "entities"))
    generation_source = GenerationSource(tree, f"sqlite:///{tmp_path / 'app.db'}")

    async def test() -> None:
        switch = Switch(generation_source)
        assert switch.direct_requests is None
        await switch.open()
        first = switch.direct_requests
        await switch.swap(generation_source)
        assert None is not switch.direct_requests is not first
        async with switch._held_requests():  # noqa: SLF001
            assert switch.direct_requests is None
        await switch.close()
        assert switch.direct_requests is None

    asyncio.run(test())
