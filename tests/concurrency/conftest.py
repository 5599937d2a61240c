from collections.abc import Callable, Iterator

import pytest

from tests.concurrency.crowd import Crowd, gather
from tests.support.postgres import flush
from tests.support.servers import Servers


@pytest.fixture(scope="session")
def gathered(
    tmp_path_factory: pytest.TempPathFactory,
    servers: Servers,
    new_database: Callable[[str], str],
) -> Iterator[Callable[[str], Crowd]]:
    """Return a function from a kind of database to the processes that serve one."""
    crowds: dict[str, Crowd] = {}

    def started(kind: str) -> Crowd:
        if kind not in crowds:
            folder = tmp_path_factory.mktemp("crowd")
            crowds[kind] = gather(servers, folder, kind, new_database(kind))
        return crowds[kind]

    yield started
    for crowd in crowds.values():
        for api in crowd.apis:
            servers.end(api)


@pytest.fixture(params=["sqlite", "postgresql"])
def crowd(request: pytest.FixtureRequest, gathered: Callable[[str], Crowd]) -> Iterator[Crowd]:
    """Several processes that serve one database, without a row; commits last until it flushes."""
    crowd = gathered(request.param)
    if request.param == "postgresql":
        flush(crowd.apis[0].database, on=True)
    crowd.apis[0].emptied()
    yield crowd
    if request.param == "postgresql":
        flush(crowd.apis[0].database, on=False)
