"""Kill -9 under writes: no event of an acknowledged write is lost, and those of a row keep order.

Functions get them, and a receiver of webhooks.

`ROUNDS=50 python -m pytest tests/hooks/test_killed.py` is the extended run.
"""

import asyncio
import json
import os
import random
import socket
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import httpx
import pytest
from sqlalchemy import text
from standardwebhooks import Webhook, WebhookVerificationError

from tests.cli.test_cli import Project
from tests.hooks.receiver import SECRET
from tests.support.servers import Api, Servers, write_entities

ROUNDS = int(os.environ.get("ROUNDS", "2"))
WRITERS = 8
SPEC = {
    "hero": """\
name: Hero
fields: {name: str(1..40), age: int = 0}
hooks: [on_create, on_update]
"""
}
APP = "webhooks: {crm: {events: [Hero.created, Hero.updated]}}\n"
WAITING = "SELECT (SELECT count(*) FROM _event) + (SELECT count(*) FROM _delivery)"
HOOKS = '''\
"""What happens with heroes."""

import json
import os

from ..kit.events import Event


def tell(event: Event) -> None:
    """Append an event to a file."""
    file = os.open(os.environ["TOLD"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    line = json.dumps({"id": event.id, "row": event.row})
    os.write(file, f"{line}\\n".encode())
    os.close(file)


async def on_create(event: Event) -> None:
    """Tell of a new hero."""
    tell(event)


async def on_update(event: Event) -> None:
    """Tell of a changed hero."""
    tell(event)
'''


async def write(client: httpx.AsyncClient, acknowledged: dict[int, int]) -> None:
    """Create heroes, and change each three times, until the server is killed."""
    while True:
        try:
            made = await client.post("/heroes/", json={"name": "ann"})
            key = made.json()["id"]
            acknowledged[key] = 0
            for age in (1, 2, 3):
                changed = await client.patch(f"/heroes/{key}", json={"age": age})
                assert changed.status_code == 200, changed.text
                acknowledged[key] = age
        except httpx.TransportError:
            return


async def write_until_killed(api: Api, acknowledged: dict[int, int], seconds: float) -> None:
    async with httpx.AsyncClient(base_url=api.client.base_url, timeout=20) as client:
        writers = [asyncio.create_task(write(client, acknowledged)) for _ in range(WRITERS)]
        await asyncio.sleep(seconds)
        api.kill()
        await asyncio.gather(*writers)


@contextmanager
def receiver(told: Path, requests: Counter[str]) -> Iterator[str]:
    """Append the messages of webhooks to a file, and count requests; yield the URL."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            size = int(self.headers["content-length"])
            content = self.rfile.read(size)
            if len(content) < size:  # the sender was killed while it sent the request
                requests["cut off"] += 1
                self.close_connection = True
                return
            try:
                message = Webhook(SECRET).verify(content, dict(self.headers))
            except WebhookVerificationError as error:
                requests[str(error)] += 1
                self.send_error(400)
                return
            requests["verified"] += 1
            line = json.dumps({"id": self.headers["webhook-id"], "row": message["data"]})
            with told.open("a") as file:
                file.write(f"{line}\n")
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
        thread.join()


def test_a_request_of_a_killed_sender_is_no_message(tmp_path: Path) -> None:
    requests: Counter[str] = Counter()
    with receiver(tmp_path / "told", requests) as url:
        for body, length in ((b"", 9), (b"{}", 9), (b"{}", 2)):
            head = f"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: {length}\r\n\r\n"
            with socket.create_connection(("127.0.0.1", int(url.split(":")[2].strip("/")))) as sent:
                sent.sendall(head.encode() + body)
                sent.shutdown(socket.SHUT_WR)
                while sent.recv(4096):
                    pass
    assert requests == {"cut off": 2, "Missing required headers": 1}


def events_of(told: Path) -> dict[int, list[int]]:
    """Return the ages of each row, in the order in which they were first told."""
    ages: dict[int, list[int]] = {}
    known = set()
    for line in told.read_text().splitlines():
        event: dict[str, Any] = json.loads(line)
        if event["id"] not in known:
            known.add(event["id"])
            ages.setdefault(event["row"]["id"], []).append(event["row"]["age"])
    return ages


@pytest.mark.long
@pytest.mark.slow
def test_kill_9_loses_no_event(
    servers: Servers, tmp_path: Path, new_database: Callable[[str], str]
) -> None:
    spec = write_entities(tmp_path / "entities", SPEC)
    (tmp_path / "crudgen.yaml").write_text(APP)
    (servers.emit(spec) / "app/heroes/hooks.py").write_text(HOOKS)
    chance = random.Random(4)  # noqa: S311 - when to kill
    kinds = {kind: (new_database(kind), tmp_path / kind) for kind in ("sqlite", "postgresql")}
    acknowledged: dict[str, dict[int, int]] = {kind: {} for kind in kinds}
    requests: Counter[str] = Counter()
    for number in range(ROUNDS):
        kind = ("sqlite", "postgresql")[number % 2]
        database, told = kinds[kind]
        sent = told.with_suffix(".sent")
        settings = {"TOLD": str(told), "WEBHOOK_CRM_SECRET": SECRET}
        options = {"workers": 2, "keeps_names": True, "settings": settings}
        with receiver(sent, requests) as url:
            settings["WEBHOOK_CRM_URL"] = url
            api = servers.start(spec, "emitted", database, **options)  # type: ignore[arg-type]
            asyncio.run(write_until_killed(api, acknowledged[kind], chance.uniform(0.5, 1.2)))
            with api.engine.begin() as connection:  # as if the leases had ended
                connection.execute(text("UPDATE _event SET due = 0"))
                connection.execute(text("UPDATE _delivery SET due = 0"))
            api = servers.start(spec, "emitted", database, **options)  # type: ignore[arg-type]
            for _ in range(2000):
                with api.engine.connect() as connection:
                    waiting = connection.execute(text(WAITING)).scalar_one()
                if not waiting:
                    break
                asyncio.run(asyncio.sleep(0.01))
            else:
                pytest.fail(f"{waiting} events wait: {api.log.read_text()[-2000:]}")
            api.stop()
        assert acknowledged[kind]
        for ages in (events_of(told), events_of(sent)):
            for key, age in acknowledged[kind].items():
                assert ages[key] == sorted(ages[key])
                assert {*range(age + 1)} <= {*ages[key]}
    assert {*requests} <= {"verified", "cut off"}
    counts = {kind: len(rows) for kind, rows in acknowledged.items()}
    print(f"{ROUNDS} rounds, acknowledged rows: {counts}, messages: {dict(requests)}")  # noqa: T201 - `-s` shows it


def test_the_commands_list_retry_and_drop_events(tmp_path: Path) -> None:
    project = Project(tmp_path)
    project.write("entities/hero.yaml", SPEC["hero"])
    url = f"sqlite:///{tmp_path}/app.db"
    assert project.run("events", "list", "--database", url).stdout == "no events wait\n"
    assert "no events are named" in project.run("events", "drop", code=2).stderr
    with sqlite3.connect(tmp_path / "app.db") as connection:
        for name, due in (("a", None), ("b", 1)):
            connection.execute(
                "INSERT INTO _event (uid, entity, key, kind, created, due, attempts, error)"
                " VALUES (?, 'Hero', '1', 'create', 0, ?, 20, 'Error: no')",
                (name, due),
            )
    connection.close()
    lines = project.run("events", "list", "--database", url).stdout.splitlines()
    assert lines[0] == "a  Hero 1 create  20 attempts, failed for good: Error: no"
    assert lines[1].startswith("b  Hero 1 create  20 attempts, next 1970-01-01T00:00:00.001+00:00")
    assert project.run("events", "retry", "a", "--database", url).stdout == "1 event retried\n"
    dropped = project.run("events", "drop", "b", "x", "--json", "--database", url).stdout
    assert json.loads(dropped) == {"dropped": 1}
    (left,) = json.loads(project.run("events", "list", "--json", "--database", url).stdout)
    assert (left["id"], left["attempts"]) == ("a", 0)
    assert left["next"] is not None
