"""A hot standby is served: reads are answered, writes are refused; promoted, it takes writes."""

import time
from pathlib import Path

import httpx
import pytest

from tests.support.cluster import Cluster
from tests.support.servers import Api, Servers

RECOVERY_SECONDS = 5.0
READ_ONLY = {"detail": "The database is read-only"}
TAG = {"code": "aa", "label": "l", "plate": "X"}
WRITES: tuple[tuple[str, str, object], ...] = (
    ("POST", "/tags/", TAG | {"code": "bb"}),
    ("PATCH", "/tags/aa", {"label": "m"}),
    ("DELETE", "/tags/aa", None),
    ("POST", "/events/bulk", [{"what": "x"}, {"what": "y"}]),
    ("PATCH", "/events/bulk", [{"id": "0190b0a0-0000-7000-8000-000000000009", "what": "x"}]),
    ("DELETE", "/events/bulk?id=0190b0a0-0000-7000-8000-000000000009", None),
    ("POST", "/events/", {"what": "x"}),
)
"""In one statement, or in a transaction of several; the last one with an idempotency key."""


@pytest.fixture
def spec(root: Path) -> Path:
    return root / "tests/specs/zoo/entities"


def wait_until(api: Api, path: str, status: int) -> None:
    deadline = time.monotonic() + 90
    while True:
        try:
            if api.client.get(path).status_code == status:
                return
        except httpx.TransportError:
            assert api.process.poll() is None, api.log.read_text()
        assert time.monotonic() < deadline, api.log.read_text()[-3000:]
        time.sleep(0.05)


def write(api: Api) -> list[httpx.Response]:
    headers = {"idempotency-key": "k1"}
    return [
        api.client.request(method, path, json=body, headers=headers)
        for method, path, body in WRITES
    ]


def check_reads(api: Api) -> None:
    row = api.client.get("/tags/aa")
    assert (row.status_code, row.json()) == (200, TAG)
    known = api.client.get("/tags/aa", headers={"if-none-match": row.headers["etag"]})
    assert known.status_code == 304
    for query in ("", "?cursor=&sort=-label", "?label=l&count=exact"):
        assert api.client.get(f"/tags/{query}").json() == [TAG]
    assert api.client.get("/tags/zz").status_code == 404


@pytest.mark.long
@pytest.mark.parametrize("mode", ["emitted"])
def test_a_standby_answers_reads_and_after_its_promotion_writes(
    cluster: Cluster, servers: Servers, spec: Path, mode: str
) -> None:
    primary = servers.start(spec, mode, cluster.primary.url)
    primary.ask("POST", "/tags/", json=TAG)
    cluster.wait_until_replayed()
    replica = servers.start(spec, mode, cluster.standby.url, wait=False)
    wait_until(replica, "/tags/aa", 200)
    check_reads(replica)
    for answer in write(replica):
        assert (answer.status_code, answer.json()) == (503, READ_ONLY)
        assert answer.headers["retry-after"]
    wait_until(replica, "/ready", 503)
    assert replica.client.get("/ready").json() == READ_ONLY
    assert replica.client.get("/live").status_code == 200

    primary.ask("PATCH", "/tags/aa", json={"label": "later"})
    cluster.wait_until_replayed()
    assert replica.client.get("/tags/aa").json() == TAG | {"label": "later"}

    primary.stop()
    cluster.fail_over(0)
    promoted = time.monotonic()
    while any(answer.status_code == 503 for answer in write(replica)):
        assert time.monotonic() < promoted + RECOVERY_SECONDS
        time.sleep(0.05)
    wait_until(replica, "/ready", 200)
    replica.stop()
    log = replica.log.read_text()
    assert "Traceback" not in log
    assert log.count(": read-only: ") == 1
    assert log.count("resolved: read-only") == 1


@pytest.mark.long
@pytest.mark.slow
def test_a_standby_that_is_meant_to_be_read_only_is_ready(
    cluster: Cluster, servers: Servers, spec: Path
) -> None:
    primary = servers.start(spec, "served", cluster.primary.url)
    primary.ask("POST", "/tags/", json=TAG)
    cluster.wait_until_replayed()
    settings = {"DATABASE_READ_ONLY": "true"}
    replica = servers.start(spec, "served", cluster.standby.url, settings=settings, workers=2)
    check_reads(replica)
    assert {answer.status_code for answer in write(replica)} == {503}
    assert replica.client.get("/ready").status_code == 200
    cluster.fail_over(0)
    assert {answer.status_code for answer in write(replica)} == {503}
    wait_until(replica, "/tags/aa", 200)
    check_reads(replica)
    for api in (primary, replica):
        api.stop()
        assert "Traceback" not in api.log.read_text()


@pytest.mark.long
def test_a_standby_without_the_tables_ends_the_start_with_a_message(
    cluster: Cluster, servers: Servers, spec: Path
) -> None:
    """The replica is deployed before the primary has made the tables."""
    settings = {"DATABASE_READ_ONLY": "true"}
    early = servers.start(spec, "served", cluster.standby.url, wait=False, settings=settings)
    assert early.process.wait(90) == 1
    early.client.close()
    said = early.log.read_text()
    assert said.count("\n") == 3
    assert said.endswith("\n  the URL is from --database\n")
    assert "the table tag" in said
    assert "it is read-only" in said
    primary = servers.start(spec, "served", cluster.primary.url)
    primary.ask("POST", "/tags/", json=TAG)
    cluster.wait_until_replayed()
    replica = servers.start(spec, "served", cluster.standby.url, settings=settings)
    check_reads(replica)
    for api in (primary, replica):
        api.stop()
        assert "Traceback" not in api.log.read_text()


@pytest.mark.long
def test_reads_prefer_a_standby_and_fall_back_to_the_primary(
    cluster: Cluster, servers: Servers, spec: Path
) -> None:
    """`target_session_attrs=prefer-standby`: reads go on when the standby is down."""
    primary = servers.start(spec, "served", cluster.primary.url)
    primary.ask("POST", "/tags/", json=TAG)
    cluster.wait_until_replayed()
    url = f"postgresql://postgres@{cluster.primary.address},{cluster.standby.address}/postgres"
    url += "?target_session_attrs=prefer-standby"
    settings = {"DATABASE_READ_ONLY": "true"}
    replica = servers.start(spec, "served", url, settings=settings)
    check_reads(replica)
    cluster.standby.stop("immediate")
    stopped = time.monotonic()
    while replica.client.get("/tags/aa").status_code == 503:
        assert time.monotonic() < stopped + RECOVERY_SECONDS
    check_reads(replica)
    cluster.standby.start()
    for api in (primary, replica):
        api.stop()
        assert "Traceback" not in api.log.read_text()
