"""One SQLite file and one PostgreSQL, each served by several processes."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from crowd import Crowd
from servers import Servers

PROCESSES = {"sqlite": 4, "postgresql": 2}
SPECS = {
    "counter": """
name: Counter
fields:
  name: str(1..40)? unique
  number: int = 0
""",
    "seat": """
name: Seat
fields:
  code: str(1..20) pk
  guest: str = nobody
api: {operations: [read, list, replace, delete]}
""",
    "thing": """
name: Thing
fields:
  word: enum(a, b, c)?
  level: int(0..3)
  weight: float?
  name: str(..20) index
  stays: bool = false
api: {page: {default: 7, max: 100}}
""",
}


@pytest.fixture(scope="session")
def crowds(
    tmp_path_factory: pytest.TempPathFactory,
    servers: Servers,
    new_database: Callable[[str], str],
) -> Iterator[Callable[[str], Crowd]]:
    """Give a function from "sqlite" or "postgresql" to the processes that serve it."""
    folder: Path = tmp_path_factory.mktemp("races") / "entities"
    folder.mkdir()
    for name, text in SPECS.items():
        (folder / f"{name}.yaml").write_text(text, "utf-8")
    started: dict[str, Crowd] = {}

    def crowd(kind: str) -> Crowd:
        if kind not in started:
            url = new_database(kind)
            apis = [
                servers.start(folder, "served", url, wait=False) for _ in range(PROCESSES[kind])
            ]
            started[kind] = Crowd(apis)
            for api in apis:
                api.wait_until_ready()
        return started[kind]

    yield crowd
    for one in started.values():
        for api in one.apis:
            api.stop()


@pytest.fixture(params=["sqlite", "postgresql"])
def crowd(request: pytest.FixtureRequest, crowds: Callable[[str], Crowd]) -> Crowd:
    crowd = crowds(request.param)
    crowd.apis[0].emptied()
    return crowd
