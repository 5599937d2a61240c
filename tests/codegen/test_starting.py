"""An emitted project starts in each way that FastAPI users know."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import httpx
import pytest

from tests.codegen.emitted import PYTEST_OPTIONS
from tests.support.servers import emit, free_port, without_crudgen

VOID = "HEAD_SECONDS, SEND_SECONDS, MAX_HEAD_BYTES and MAX_HEADERS have no effect on this server"
WAYS = {
    "python -m app": (["-m", "app", "--port", "PORT"], True),
    "python -m app, two workers": (["-m", "app", "--port", "PORT", "--workers", "2"], True),
    "fastapi dev": (["-m", "fastapi", "dev", "--no-reload", "--port", "PORT"], False),
    "fastapi run": (["-m", "fastapi", "run", "--host", "127.0.0.1", "--port", "PORT"], False),
    "uvicorn": (["-m", "uvicorn", "app.main:app", "--port", "PORT"], False),
    "uvicorn with a factory": (
        ["-m", "uvicorn", "--factory", "app.main:create_app", "--port", "PORT"],
        False,
    ),
    "gunicorn": (["-m", "gunicorn", "app.main:app", "--bind", "127.0.0.1:PORT"], True),
}
TEST_CLIENT = """
from fastapi.testclient import TestClient
from app.main import app

outside = TestClient(app).get("/heroes/")
with TestClient(app) as client:
    inside = client.get("/heroes/")
print(outside.status_code, outside.json()["detail"], inside.status_code, inside.json())
"""
CAPLOG = """
import logging
from app.main import create_app

def test_logs_are_captured(caplog, monkeypatch):
    monkeypatch.setenv("LOG_LEVEL", "INFO")
    create_app()
    logging.getLogger("mine").info("captured")
    assert "captured" in caplog.messages
    assert len(logging.getLogger().handlers) >= 1
"""
LIFESPAN = """
from contextlib import asynccontextmanager
from fastapi.testclient import TestClient
from app.api import ROUTERS
from app.kit.wiring import build_application
from app.settings import Settings

@asynccontextmanager
async def lifespan(app):
    await app.state.database.check()
    yield {"mine": 1}
    print("ended")

app = build_application(Settings(), ROUTERS, title="Mine", lifespan=lifespan)
with TestClient(app) as client:
    print(client.app_state, client.get("/openapi.json").json()["info"]["title"])
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory, root: Path) -> Path:
    out = tmp_path_factory.mktemp("starting") / "project"
    emit(root / "entities", out)
    return out


def environment(project: Path, **more: str) -> dict[str, str]:
    database = f"sqlite:///{project.parent}/app.db"
    hidden = str(without_crudgen(project.parent))
    return {
        **os.environ,
        **PYTEST_OPTIONS,
        "DATABASE_URL": database,
        "PYTHONPATH": hidden,
        **more,
    }


def run(project: Path, *command: str, **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *command],
        cwd=project,
        env=environment(project, **more),
        capture_output=True,
        text=True,
        check=False,
        timeout=180,
    )


def wait_until_ready(process: subprocess.Popen[bytes], client: httpx.Client, log: Path) -> None:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        assert process.poll() is None, log.read_text()
        try:
            if client.get("/ready").status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.1)
    raise AssertionError(log.read_text())


@pytest.mark.long
@pytest.mark.slow
def test_files_of_the_version_before_go_on(project: Path, tmp_path: Path, root: Path) -> None:
    """`main.py` and `conftest.py` are never written again."""
    older = tmp_path / "older"
    shutil.copytree(project, older)
    for old, kept in (("main", "app/main.py"), ("conftest", "tests/conftest.py")):
        text = (root / f"tests/cases/upgrading/{old}_0_1_0.py.txt").read_text()
        (older / kept).write_text(text)
    done = run(older, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-W", "error")
    assert done.returncode == 0, done.stdout
    scripted(older, "from app.main import create_app; create_app()")


@pytest.mark.long
@pytest.mark.long_cases(
    "python -m app, two workers", "gunicorn", "fastapi dev", "fastapi run", "uvicorn with a factory"
)
@pytest.mark.parametrize("way", WAYS)
def test_the_project_starts(project: Path, tmp_path: Path, way: str) -> None:
    command, enforces_limits = WAYS[way]
    port = str(free_port())
    log = tmp_path / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, *(part.replace("PORT", port) for part in command)],
            cwd=project,
            env=environment(project),
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30) as client:
            wait_until_ready(process, client, log)
            assert client.get("/heroes/").json() == []
            head = client.get("/heroes/", headers={f"x-{n}": "" for n in range(150)})
            assert head.status_code == (431 if enforces_limits else 200)
        process.send_signal(signal.SIGTERM)
        process.wait(20)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    text = log.read_text()
    assert (VOID in text) != enforces_limits, text
    assert "Traceback" not in text, text


@pytest.mark.long
@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"MAX_BODY_BYTES": "3"}, "MAX_BODY_BYTES: Input should be greater than or equal to 1024"),
        ({"LOG_LEVEL": "LOUD"}, "LOG_LEVEL: Input should be"),
        ({"DATABASE_URL": "mysql://x"}, "the URL is neither for SQLite nor for PostgreSQL"),
        ({"DATABASE_URL": "sqlite://"}, "use a file, such as sqlite:///app.db"),
    ],
)
def test_wrong_settings_are_said(project: Path, settings: dict[str, str], said: str) -> None:
    done = run(project, "-m", "app", **settings)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("error: ")
    assert said in done.stderr
    assert len(done.stderr.splitlines()) <= 2


def scripted(project: Path, script: str) -> Sequence[str]:
    done = run(project, "-c", script)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_a_test_client_needs_the_lifespan(project: Path) -> None:
    (line,) = scripted(project, TEST_CLIENT)
    why = "The application has not started: its lifespan has not run"
    assert line == f"503 {why} 200 []"


def test_a_lifespan_of_ones_own_runs_while_the_database_is_open(project: Path) -> None:
    assert scripted(project, LIFESPAN) == ["{'mine': 1} Mine", "ended"]


def test_logs_go_to_the_handlers_that_are_there(project: Path) -> None:
    (project / "tests" / "test_logs.py").write_text(CAPLOG)
    done = run(project, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/test_logs.py")
    assert done.returncode == 0, done.stdout
