"""The primary PostgreSQL is lost and its standby promoted: 503 meanwhile, then all goes on.

Replication is synchronous, so every acknowledged write was on the standby and must be there.
`ROUNDS=5 python -m pytest -s tests/resilience/test_failover.py` is the extended run.
"""

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.resilience.clients import Writer
from tests.support.cluster import Cluster, Node
from tests.support.freezer import FreezingProxy
from tests.support.servers import Api, Servers

ROUNDS = int(os.environ.get("ROUNDS", "1"))
WRITERS = 8
AWAY_SECONDS = 3.0
RECOVERY_SECONDS = 5.0
SETTINGS = {"STATEMENT_SECONDS": "1", "LOCK_SECONDS": "0.5"}
LONGEST_SECONDS = 4.0

SPELLINGS: dict[str, Callable[[str, str], str]] = {
    "list": lambda a, b: f"postgresql://postgres@{a},{b}/postgres?target_session_attrs=read-write",
    "standby first": lambda a, b: (
        f"postgresql://postgres@{b},{a}/postgres?target_session_attrs=primary"
    ),
    "query": lambda a, b: (
        f"postgresql://postgres@/postgres?host={','.join(host(one) for one in (a, b))}"
        f"&port={','.join(port(one) for one in (a, b))}&target_session_attrs=read-write"
    ),
}


def host(address: str) -> str:
    return address.partition(":")[0]


def port(address: str) -> str:
    return address.partition(":")[2]


@pytest.mark.long
@pytest.mark.slow
@pytest.mark.parametrize(
    ("spelling", "mode"),
    [("list", "served"), ("standby first", "served"), ("query", "emitted")],
)
def test_a_promoted_standby_takes_over(
    cluster: Cluster, servers: Servers, root: Path, spelling: str, mode: str
) -> None:
    url = SPELLINGS[spelling](cluster.primary.address, cluster.standby.address)
    api = servers.start(root / "tests/specs/zoo/entities", mode, url, settings=SETTINGS)
    for number in range(ROUNDS):
        print(f"{spelling}: {fail_over(api, cluster, number)}")  # noqa: T201 - `-s` shows it
        cluster.replace_lost()
    api.stop()
    assert "Traceback" not in api.log.read_text()


def fail_over(api: Api, cluster: Cluster, number: int) -> str:
    """Let the primary crash under load, promote the standby, and check what the clients saw."""
    writers = [Writer(api, number * WRITERS + one) for one in range(WRITERS)]
    for writer in writers:
        writer.start()
    time.sleep(1)
    promoted = cluster.fail_over(AWAY_SECONDS)
    recovered = time.monotonic()
    while any(writer.seen.statuses[-3:] != [200] * 3 for writer in writers):
        recovered = time.monotonic()
        assert recovered < promoted + 4 * RECOVERY_SECONDS, api.log.read_text()[-3000:]
        time.sleep(0.02)
    time.sleep(0.5)
    for writer in writers:
        writer.is_over.set()
    for writer in writers:
        writer.join(30)
        assert writer.seen.errors == []
        assert set(writer.seen.statuses) == {200, 503}
        assert writer.seen.longest < LONGEST_SECONDS
    acknowledged = {code for writer in writers for code in writer.acknowledged}
    assert acknowledged <= read_codes(cluster.standby)
    assert recovered - promoted < RECOVERY_SECONDS
    return f"{len(acknowledged)} acknowledged, well {recovered - promoted:.1f} s after promotion"


def read_codes(node: Node) -> set[str]:
    return {code for (code,) in node.execute("SELECT code FROM tag")}


@pytest.mark.long
@pytest.mark.slow
def test_a_standby_takes_over_from_a_primary_that_is_frozen(
    cluster: Cluster, servers: Servers, root: Path
) -> None:
    """The old primary accepts connections and never answers, as behind a network that drops."""
    with FreezingProxy(cluster.primary.url) as proxy:
        url = f"{proxy.url.removesuffix('/postgres')},{cluster.standby.address}/postgres"
        url += "?target_session_attrs=read-write&connect_timeout=2"
        api = servers.start(root / "tests/specs/zoo/entities", "served", url, settings=SETTINGS)
        writer = Writer(api, 0)
        writer.start()
        time.sleep(1)
        proxy.freeze()
        time.sleep(AWAY_SECONDS)
        cluster.standby.promote()
        promoted = time.monotonic()
        while writer.seen.statuses[-3:] != [200] * 3:
            assert time.monotonic() < promoted + 4 * RECOVERY_SECONDS, api.log.read_text()[-3000:]
            time.sleep(0.02)
        seconds = time.monotonic() - promoted
        writer.is_over.set()
        writer.join(30)
        assert writer.seen.errors == []
        assert writer.seen.longest < LONGEST_SECONDS
        assert seconds < RECOVERY_SECONDS
        api.stop()
        assert "Traceback" not in api.log.read_text()


@pytest.mark.long
def test_an_orderly_switch_loses_nothing(cluster: Cluster, servers: Servers, root: Path) -> None:
    """The primary is shut down, the standby promoted, and the old primary follows the new one."""
    url = SPELLINGS["list"](cluster.primary.address, cluster.standby.address)
    api = servers.start(root / "tests/specs/zoo/entities", "served", url, settings=SETTINGS)
    writer = Writer(api, 0)
    writer.start()
    time.sleep(0.5)
    cluster.primary.stop("fast")
    cluster.standby.promote()
    promoted = time.monotonic()
    cluster.replace_lost()
    while writer.seen.statuses[-3:] != [200] * 3:
        assert time.monotonic() < promoted + RECOVERY_SECONDS
        time.sleep(0.02)
    time.sleep(1)
    writer.is_over.set()
    writer.join(30)
    assert writer.seen.errors == []
    assert writer.acknowledged <= read_codes(cluster.primary)
    api.stop()
    assert "Traceback" not in api.log.read_text()
