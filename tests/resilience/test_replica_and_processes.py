"""Events, logins and idempotency keys of several processes that read from a replica."""

import json
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

from tests.support.cluster import Cluster
from tests.support.servers import Servers, write_entities

pytestmark = [pytest.mark.long, pytest.mark.slow]
HEROES = 40
PASSWORD = "a long password"  # noqa: S105 - of a user of the test
SPEC = {
    "hero": "name: Hero\nfields: {name: str(1..40)}\nhooks: [on_create]\n"
    "api: {idempotency: true}\naccess: {read: anyone, create: user}\n"
}
HOOKS = '''\
"""What happens with heroes."""

import os

from ..kit.events import Event


async def on_create(event: Event) -> None:
    """Append the key of a new hero to a file."""
    file = os.open(os.environ["TOLD"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(file, f"{event.row['id']}\\n".encode())
    os.close(file)
'''


@pytest.fixture
def spec(tmp_path: Path, servers: Servers) -> Path:
    """Emit the application, with the function of the user; return its spec."""
    entities = write_entities(tmp_path / "entities", SPEC)
    (tmp_path / "crudgen.yaml").write_text("read_replica: true\nauth: {users: true}\n")
    (servers.emit(entities) / "app/heroes/hooks.py").write_text(HOOKS)
    return entities


@pytest.fixture
def addresses(
    spec: Path, cluster: Cluster, servers: Servers, tmp_path: Path
) -> Iterator[list[str]]:
    """Start two servers with two workers each; the replica replays nothing from then on."""
    settings = {
        "DATABASE_READ_URL": cluster.standby.url,
        "MAX_READ_LAG_SECONDS": "600",
        "TOKEN_SECONDS": "0",
        "TOLD": str(tmp_path / "told"),
        "PASSWORD_MEMORY_MB": "12",
    }
    cluster.primary.execute("ALTER SYSTEM RESET synchronous_standby_names")
    cluster.primary.execute("SELECT pg_reload_conf()")
    start = (spec, "emitted", cluster.primary.url)
    apis = [servers.start(*start, settings=settings, workers=2) for _ in range(2)]
    command = [sys.executable, "-m", "app", "user", "add", "ann", "--password-stdin"]
    environment = os.environ | settings | {"DATABASE_URL": cluster.primary.url}
    folder = servers.emit(spec)
    subprocess.run(command, cwd=folder, env=environment, input=PASSWORD, text=True, check=True)
    cluster.wait_until_replayed()
    cluster.standby.execute("SELECT pg_wal_replay_pause()")
    yield [str(api.client.base_url) for api in apis]
    for api in apis:
        api.stop()
        assert "Traceback" not in api.log.read_text()


def log_in(address: str) -> dict[str, str]:
    form = {"username": "ann", "password": PASSWORD}
    answer = httpx.post(f"{address}/login", data=form)
    assert answer.status_code == 200, answer.text
    return {"Authorization": f"Bearer {answer.json()['access_token']}"}


def test_each_event_runs_once_and_a_login_is_valid_in_all_processes(
    addresses: list[str], tmp_path: Path
) -> None:
    with ExitStack() as stack:
        clients = [stack.enter_context(httpx.Client(base_url=one)) for one in addresses]
        bearer = log_in(addresses[0])
        keys: set[int] = set()
        for number in range(HEROES):
            headers = {**bearer, "Idempotency-Key": f"k{number // 2}"}
            body = {"name": f"n{number // 2}"}
            made = clients[number % 2].post("/heroes/", json=body, headers=headers)
            assert made.status_code == 200, made.text
            assert ("idempotent-replayed" in made.headers) == bool(number % 2)
            keys.add(made.json()["id"])
            token = {"X-Read-After": made.headers["x-read-after"]}
            path = f"/heroes/{made.json()['id']}"
            for client in clients:
                assert client.get(path, headers=token).json()["name"] == body["name"]
                assert client.get(path).status_code == 404
        assert len(keys) == HEROES // 2
        told = tmp_path / "told"
        deadline = time.monotonic() + 20
        while not told.exists() or len(told.read_text().split()) < len(keys):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        time.sleep(1)
        assert Counter(map(json.loads, told.read_text().split())) == Counter(keys)
        for client in clients:
            assert client.get("/me", headers=bearer).status_code == 200
        assert clients[0].post("/logout", headers=bearer).status_code == 204
        for client in (*clients, *clients):
            assert client.get("/me", headers=bearer).status_code == 401
