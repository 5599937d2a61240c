"""Prometheus reads each request once, whichever way it took, and no label is a client's."""

import asyncio
import json
import os
import re
import subprocess
import sys
import tempfile
from base64 import b64encode
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from fastapi import APIRouter, FastAPI, Response
from fastapi.responses import StreamingResponse
from prometheus_client.parser import text_string_to_metric_families
from pydantic import ValidationError

from crudgen.codegen import render
from crudgen.delivery.memory import import_tree, unload
from crudgen.kit.settings import describe_errors
from crudgen.language import load_texts
from tests.startup.started import Application
from tests.support.asgi import AsgiClient

HERO = """
name: Hero
fields: {name: str unique, age: int?}
api:
  operations: [create, list, read, update, delete, create_many]
"""
SETTINGS = """
metrics: true
webhooks: {crm: {url: https://crm.example.com/hooks, events: [Hero.created]}}
"""
SECRET = f"whsec_{b64encode(bytes(32)).decode()}"
TOKEN = "secret"  # noqa: S105 - of this test
Seen = Counter[tuple[str, str, str]]
COUNT = "http_server_request_duration_seconds_count"


@pytest.fixture(scope="module")
def application() -> Iterator[Application]:
    package = import_tree(render(load_texts({"hero.yaml": HERO}, SETTINGS)))
    yield Application(package)
    unload(package)


def own_router() -> APIRouter:
    router = APIRouter()

    @router.get("/fails/{name}")
    async def fails(name: str) -> None:
        raise RuntimeError(name)

    @router.get("/streams/{name}")
    async def streams(name: str) -> Response:
        return StreamingResponse(iter([name] * 3))

    return router


def requests() -> Iterator[tuple[str, str, Any, tuple[str, str, str]]]:
    """Yield requests, each with the labels of the metric that counts it."""
    one = "/heroes/{hero_id}"
    for number in range(1, 41):
        hero = {"name": f"hero {number}"}
        yield "POST", "/heroes/", hero, ("POST", "/heroes/", "200")
        yield "GET", f"/heroes/{number}", None, ("GET", one, "200")
        yield "HEAD", f"/heroes/{number}", None, ("HEAD", one, "200")
        yield "GET", "/heroes/?limit=3&sort=-name", None, ("GET", "/heroes/", "200")
        yield "GET", f"/heroes?age__gte={number}", None, ("GET", "/heroes/", "200")
        yield "PATCH", f"/heroes/{number}", {"age": number}, ("PATCH", one, "200")
        yield "PATCH", f"/heroes/{number}", {"age": "x"}, ("PATCH", one, "422")
        yield "POST", "/heroes/", hero, ("POST", "/heroes/", "409")
        yield "GET", f"/heroes/{number}000", None, ("GET", one, "404")
        yield "GET", "/heroes/?no=1", None, ("GET", "/heroes/", "422")
        yield "PUT", f"/heroes/{number}", hero, ("PUT", one, "405")
        yield "GET", f"/nothing/{number}", None, ("GET", "unmatched", "404")
        yield f"ODD{number}", "/heroes/", None, ("_OTHER", "/heroes/", "405")
        yield "GET", f"/own/streams/{number}", None, ("GET", "/own/streams/{name}", "200")
        yield "GET", f"/own/fails/{number}", None, ("GET", "/own/fails/{name}", "500")
        yield "GET", f"/inner/fails/{number}", None, ("GET", "/inner/fails/{name}", "500")
        yield "GET", f"/inner/{number}", None, ("GET", "/inner/{path}", "404")
        yield "GET", "/heroes/" + "9" * 9000, None, ("GET", "unmatched", "414")
        yield "GET", "/live", None, ("GET", "/live", "200")
        yield "GET", "/openapi.json", None, ("GET", "/openapi.json", "200")
        bulk = [{"name": f"a{number}"}, {"name": f"b{number}"}]
        yield "POST", "/heroes/bulk", bulk, ("POST", "/heroes/bulk", "200")
        yield "DELETE", f"/heroes/{number}", None, ("DELETE", one, "200")
        yield "DELETE", f"/heroes/{number}", None, ("DELETE", one, "404")
        yield "OPTIONS", f"/heroes/{number}", None, ("OPTIONS", one, "405")
        yield "GET", "/docs", None, ("GET", "/docs", "200")


async def ask_all(client: AsgiClient) -> Seen:
    expected: Seen = Counter()
    for method, path, body, labels in requests():
        expected[labels] += 1
        if labels[2] == "500":
            with pytest.raises(RuntimeError):
                await client.request(method, path)
        else:
            await client.request(method, path, json=body)
    return expected


def values(text: str) -> dict[str, Any]:
    """Return the samples of a text by name, each with its labels."""
    found: dict[str, Any] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            labels = tuple(sample.labels[name] for name in sorted(sample.labels))
            found.setdefault(sample.name, {})[labels] = sample.value
    return found


def seen(text: str) -> Seen:
    counted = values(text).get(COUNT, {})
    return Counter(
        {(method, route, status): int(n) for (method, status, route), n in counted.items()}
    )


def mount_own_routes(app: FastAPI) -> None:
    app.include_router(own_router(), prefix="/own")
    inner = FastAPI()
    inner.include_router(own_router())
    app.mount("/inner", inner)


@asynccontextmanager
async def client_of(application: Application, path: Path, **more: Any) -> AsyncIterator[Any]:
    url = f"sqlite:///{path}/app.db"
    chosen = {"webhook_crm_secret": SECRET, "webhooks": False, **more}
    async with application.running(url, **chosen) as app:
        mount_own_routes(app)
        yield AsgiClient(app)


@pytest.mark.parametrize("shortcut", [True, pytest.param(False, marks=pytest.mark.long)])
def test_a_thousand_requests_are_each_counted_once(
    application: Application, tmp_path: Path, *, shortcut: bool
) -> None:
    async def work() -> tuple[Seen, str, str]:
        async with client_of(application, tmp_path, shortcut=shortcut) as client:
            expected = await ask_all(client)
            first = (await client.get("/metrics")).text
            return expected, first, (await client.get("/metrics")).text

    expected, first, second = asyncio.run(work())
    assert expected.total() == 1000
    assert seen(first) == expected
    assert seen(second) - seen(first) == Counter({("GET", "/metrics", "200"): 1})
    found = values(first)
    assert found["http_server_active_requests"] == {(): 1.0}
    assert found["db_client_connection_max"] == {(): 10.0}
    assert found["outbox_events"] == {("webhooks", "waiting"): 120.0, ("webhooks", "failed"): 0.0}
    assert found["group_commit_writes_total"][()] >= 160


def test_who_may_read_metrics(application: Application, tmp_path: Path) -> None:
    async def work() -> None:
        async with (
            client_of(application, tmp_path, metrics_token=TOKEN) as client,
            client_of(application, tmp_path) as other,
        ):
            for sent in ("", "secret", "Bearer", "Bearer secre", "bearer secret", "Bearer \xe9"):
                refused = await client.get("/metrics", headers={"authorization": sent})
                assert (refused.status_code, refused.headers["www-authenticate"]) == (401, "Bearer")
                assert refused.json() == {"detail": "Not authenticated"}
            found = await client.get("/metrics", headers={"authorization": "Bearer secret"})
            assert seen(found.text) == Counter({("GET", "/metrics", "401"): 6})
            assert seen((await other.get("/metrics")).text) == Counter()
            assert found.headers["content-type"].startswith("text/plain; version=0.0.4")
            assert "/metrics" not in (await other.get("/openapi.json")).json()["paths"]
            for accept in (
                "application/openmetrics-text",
                "text/plain; version=x",
                "a/b;;,",
                "=;q",
            ):
                answer = await other.get("/metrics", headers={"accept": accept})
                assert answer.status_code == 200, accept
                is_open = accept.startswith("application")
                assert answer.text.endswith("# EOF\n") == is_open

    asyncio.run(work())


def test_panels_of_the_dashboard_use_metrics_that_exist(
    application: Application, tmp_path: Path
) -> None:
    tree = render(load_texts({"hero.yaml": HERO}, SETTINGS))
    panels = json.loads(tree["grafana/dashboard.json"])["panels"]
    queries = [one["expr"] for panel in panels for one in panel["targets"]]
    used = {name for query in queries for name in re.findall(r"([a-z_]+)\{", query)}

    async def work() -> str:
        async with client_of(application, tmp_path) as client:
            await client.get("/heroes/")
            return str((await client.get("/metrics")).text)

    found = values(asyncio.run(work()))
    assert used - found.keys() == set()
    labels = set(re.findall(r"by \(([^)]*)\)", " ".join(queries)))
    known = {"le", "http_request_method", "http_route", "http_response_status_code"}
    assert {one for some in labels for one in some.split(", ")} <= known | {"state", "queue"}
    assert len(queries) == 17
    # Without events, there are no panels about them.
    others = json.loads(
        render(load_texts({"hero.yaml": HERO}, "metrics: true"))["grafana/dashboard.json"]
    )
    assert "outbox" not in str(others)


WORKERS = """
import asyncio, os, sys
from app.main import create_app
from app.kit.application import Application

def work(paths):
    async def run():
        app = create_app()
        async with app.router.lifespan_context(app):
            for path in paths:
                await ask(app, path)
    asyncio.run(run())

async def ask(app, path):
    parts = []
    scope = {"type": "http", "method": "GET", "path": path, "raw_path": path.encode(),
             "query_string": b"", "headers": [], "root_path": "", "client": None, "server": None}
    async def receive():
        return {"type": "http.request", "body": b"", "more_body": False}
    async def send(message):
        parts.append(message.get("body", b""))
    await app(scope, receive, send)
    return b"".join(parts).decode()

def fork(paths):
    child = os.fork()
    if not child:
        work(paths)
        os._exit(0)
    return child

assert os.waitpid(fork([]), 0)[1] == 0  # it creates the tables
for child in [fork(["/heroes/"] * 5 + ["/heroes/1"]) for _ in range(2)]:
    assert os.waitpid(child, 0)[1] == 0

async def read():
    app = create_app()
    async with app.router.lifespan_context(app):
        print(await ask(app, "/metrics"))
asyncio.run(read())
"""


def test_worker_processes_are_counted_together(tmp_path: Path) -> None:
    tree = render(load_texts({"hero.yaml": HERO}, "metrics: true"))
    for path, text in tree.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    shared = tmp_path / "shared"
    shared.mkdir()
    (shared / "histogram_4000000.db").touch()  # as a starting process creates it
    (shared / "gauge_livesum_1.db").touch()  # of a worker whose number another process has now
    (shared / "started_1.txt").write_text("7000000000")
    done = subprocess.run(
        [sys.executable, "-c", WORKERS],
        cwd=tmp_path,
        env={**os.environ, "PROMETHEUS_MULTIPROC_DIR": "shared", "SECRET_KEY": "x"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    one = "/heroes/{hero_id}"
    assert seen(done.stdout) == Counter({("GET", "/heroes/", "200"): 10, ("GET", one, "404"): 2})
    found = values(done.stdout)
    assert found["http_server_active_requests"] == {(): 1.0}
    assert found["db_client_connection_max"] == {(): 10.0}  # of the process that still runs
    assert "pid" not in done.stdout
    assert not {"gauge_livesum_1.db", "started_1.txt"} & {one.name for one in shared.iterdir()}


def test_gauges_of_processes_with_a_former_number_are_removed(
    application: Application, tmp_path: Path
) -> None:
    module = application.module("kit.telemetry.worker_files")
    gauges = tmp_path / f"gauge_livesum_{os.getpid()}.db"
    note = tmp_path / f"started_{os.getpid()}.txt"
    gauges.touch()
    module.remove_gauges_of_dead_workers(tmp_path)
    assert gauges.exists()  # the process has noted nothing
    module.note_worker(tmp_path)
    module.remove_gauges_of_dead_workers(tmp_path)
    assert gauges.exists()
    started = note.read_bytes()
    note.write_bytes(b"")  # as a process with a full disk leaves it
    module.remove_gauges_of_dead_workers(tmp_path)
    assert gauges.exists()
    note.write_text("1")
    module.remove_gauges_of_dead_workers(tmp_path)
    assert not gauges.exists()
    assert not note.exists()

    gauges.touch()
    note.write_text("1")
    module.note_worker(tmp_path)  # as a new process does with the number of a dead one
    assert not gauges.exists()
    assert note.read_bytes() == started
    with note.open("rb") as of_reading_process:
        module.note_worker(tmp_path)
        assert of_reading_process.read() == started
    assert {*tmp_path.iterdir()} == {note}


def test_workers_share_a_folder(application: Application, monkeypatch: pytest.MonkeyPatch) -> None:
    module = application.module("kit.telemetry.metrics_settings")
    removed: list[Any] = []
    monkeypatch.setattr(module.atexit, "register", lambda *call, **_: removed.append(call))
    monkeypatch.setenv(module.FOLDER, "")
    monkeypatch.delenv(module.FOLDER)
    application.module("settings").Settings.prepare_workers()
    folder = os.environ[module.FOLDER]
    application.module("settings").Settings.prepare_workers()
    assert os.environ[module.FOLDER] == folder
    [(remove, path)] = removed
    remove(path)
    assert not Path(folder).exists()


def test_an_empty_token_is_refused(
    application: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("METRICS_TOKEN", "")
    with pytest.raises(ValidationError) as caught:
        application.module("settings").Settings()
    message = "METRICS_TOKEN: Value error, it is empty; set a token, or remove the variable"
    assert describe_errors(caught.value) == message


@pytest.mark.parametrize("known", [None, "/var/metrics"])
def test_gunicorn_removes_the_folder_that_it_made(
    monkeypatch: pytest.MonkeyPatch, known: str | None
) -> None:
    code = render(load_texts({"hero.yaml": HERO}, SETTINGS))["gunicorn.conf.py"]
    folder, made = "PROMETHEUS_MULTIPROC_DIR", list[str]()
    monkeypatch.setenv(folder, known or "")
    if known is None:
        monkeypatch.delenv(folder)
    monkeypatch.setitem(sys.modules, "uvicorn_worker", SimpleNamespace(UvicornWorker=object))
    make = tempfile.mkdtemp

    def noted(prefix: str) -> str:
        made.append(make(prefix=prefix))
        return made[-1]

    monkeypatch.setattr(tempfile, "mkdtemp", noted)
    settings: dict[str, Any] = {}
    for _ in range(2):  # SIGHUP reads the file again
        exec(code, settings)  # noqa: S102 - it is the emitted code
    assert [os.environ[folder]] == ([known] if known else made)
    settings["on_exit"](None)
    assert not any(map(os.path.exists, made))


def test_a_missing_library_has_a_message(
    application: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = application.module("kit.telemetry.metrics_settings")
    monkeypatch.setattr(module, "find_spec", lambda _: None)
    with pytest.raises(application.startup_error, match=r"pip install 'crudgen\[metrics\]'"):
        application.module("settings").Settings()


def test_a_spec_without_metrics_has_no_file_of_them() -> None:
    tree = render(load_texts({"hero.yaml": HERO}))
    assert not [path for path in tree if "telemetry" in path or "grafana" in path]
    assert "prometheus" not in tree["pyproject.toml"] + tree["gunicorn.conf.py"]
