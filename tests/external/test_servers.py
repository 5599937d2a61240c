"""ASGI servers other than uvicorn serve an emitted project: granian and hypercorn."""

import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from tests.codegen.test_starting import VOID, environment, project, wait_until_ready
from tests.support.servers import free_port

__all__ = ["project"]
pytestmark = pytest.mark.external
SERVERS = {
    "granian": ["granian", "--interface", "asgi", "--port", "PORT", "app.main:app"],
    "hypercorn": ["hypercorn", "--bind", "127.0.0.1:PORT", "app.main:app"],
}
HERO = {"name": "Deadpond", "secret_name": "Dive Wilson", "age": 48}


def check_contract(client: httpx.Client) -> None:
    """Check one response of each kind."""
    created = client.post("/heroes/", json=HERO)
    row = {"name": "Deadpond", "age": 48, "id": 1}
    assert (created.status_code, created.json()) == (200, row)
    assert created.headers["location"] == "/heroes/1"
    read = client.get("/heroes/1")
    assert (read.status_code, read.json()) == (200, row)
    assert client.get("/heroes/", params={"limit": 1}).json() == [row]
    head = client.head("/heroes/1")
    assert (head.status_code, head.content, head.headers["etag"]) == (
        200,
        b"",
        read.headers["etag"],
    )
    tag = read.headers["etag"]
    assert client.get("/heroes/1", headers={"if-none-match": tag}).status_code == 304
    assert client.patch("/heroes/1", json={"age": 49}).json()["age"] == 49
    assert client.patch("/heroes/1", json={}, headers={"if-match": tag}).status_code == 412
    assert client.post("/heroes/", json={}).status_code == 422
    assert client.post("/heroes/", content="{}").status_code == 415
    assert client.get("/heroes/1?x=1").status_code == 422
    assert client.delete("/heroes/1").is_success
    assert client.get("/heroes/1").status_code == 404
    assert client.get("/openapi.json").status_code == 200


@pytest.mark.parametrize("name", SERVERS)
def test_another_server_serves_the_project(project: Path, tmp_path: Path, name: str) -> None:
    port, log = str(free_port()), tmp_path / "log"
    command = [sys.executable, "-m", *(part.replace("PORT", port) for part in SERVERS[name])]
    database = f"sqlite:///{tmp_path}/app.db"
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            cwd=project,
            env=environment(project, DATABASE_URL=database),
            stdout=output,
            stderr=output,
        )
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30) as client:
            wait_until_ready(process, client, log)
            check_contract(client)
        process.send_signal(signal.SIGTERM)
        process.wait(30)
    finally:
        process.kill()
        process.wait()
    assert VOID in log.read_text()
