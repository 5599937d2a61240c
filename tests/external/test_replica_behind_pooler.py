"""A replica behind PgBouncer: a read with a token is from the server that has the write."""

import asyncio

import pytest

from tests.external.pooler import TRANSACTION
from tests.external.programs import Programs
from tests.resilience.test_read_replica import (
    HEADER,
    Counted,
    Make,
    create,
    logged,
    make,
    running,
)
from tests.support.cluster import Cluster

pytestmark = pytest.mark.external
__all__ = ["make"]


def test_reads_with_tokens_go_through_a_pooler(
    make: Make, cluster: Cluster, programs: Programs
) -> None:
    cluster.standby.execute("ALTER SYSTEM SET log_statement = 'all'")
    cluster.standby.execute("SELECT pg_reload_conf()")
    settings = {**TRANSACTION, "default_pool_size": 2}
    _, url = programs.pgbouncer(cluster.standby.url, settings)
    primary = logged(cluster)["database_url"]

    async def check() -> None:
        values = {"database_url": primary, "database_read_url": url, "read_wait_seconds": 5}
        async with running(make, cluster, **values) as client:
            assert (await client.get("/ready")).json() == {"detail": "ready"}
            path, _ = await create(client, "first")
            counted = Counted(cluster)
            for number in range(20):
                path, token = await create(client, f"p{number}")
                reads = [client.get(path, headers=token) for _ in range(5)]
                for answer in await asyncio.gather(*reads):
                    assert answer.json()["name"] == f"p{number}"
                    assert HEADER not in answer.headers
            assert counted.since() == (0, 100)

    asyncio.run(check())
