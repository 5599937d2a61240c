from collections.abc import Callable, Iterator

import pytest

from tests.concurrency.crowd import Crowd, gather
from tests.support.servers import Servers


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def gathered(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    servers: Servers,
    new_database: Callable[[str], str],
) -> Iterator[Crowd]:
    kind: str = request.param
    crowd = gather(servers, tmp_path_factory.mktemp("races"), kind, new_database(kind))
    yield crowd
    crowd.stop()


@pytest.fixture
def crowd(gathered: Crowd) -> Crowd:
    """Several processes that serve one database, without a row."""
    gathered.apis[0].emptied()
    return gathered
