"""Real servers: every spec, served from memory and emitted, on SQLite and on PostgreSQL."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from servers import Api, Everywhere, Servers


@pytest.fixture(scope="session")
def servers(
    tmp_path_factory: pytest.TempPathFactory, new_database: Callable[[str], str]
) -> Iterator[Servers]:
    started = Servers(tmp_path_factory.mktemp("servers"), new_database)
    yield started
    started.stop()


@pytest.fixture(
    params=[(mode, kind) for mode in ("served", "emitted") for kind in ("sqlite", "postgresql")],
    ids="-".join,
)
def hero(request: pytest.FixtureRequest, servers: Servers, root: Path) -> Api:
    mode, kind = request.param
    return servers.api(root / "entities", mode, kind).emptied()


@pytest.fixture(
    params=[(mode, kind) for mode in ("served", "emitted") for kind in ("sqlite", "postgresql")],
    ids="-".join,
)
def zoo(request: pytest.FixtureRequest, servers: Servers, root: Path) -> Api:
    mode, kind = request.param
    return servers.api(root / "tests/specs/zoo/entities", mode, kind).emptied()


@pytest.fixture
def everywhere(servers: Servers, root: Path) -> Everywhere:
    """The zoo four times: what one of them answers, all must answer."""
    spec = root / "tests/specs/zoo/entities"
    return Everywhere(
        [
            servers.api(spec, mode, kind).emptied()
            for mode in ("served", "emitted")
            for kind in ("sqlite", "postgresql")
        ]
    )
