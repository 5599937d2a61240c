"""The log as JSON: every request is one line, and no value of a client begins another."""

import asyncio
import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from fastapi import APIRouter, FastAPI
from pydantic import ValidationError

from crudgen.codegen import render
from crudgen.delivery.memory import import_tree, unload
from crudgen.kit.http.json_logs import JsonFormatter
from crudgen.kit.settings import BaseAppSettings, describe_errors
from crudgen.language import load_texts
from tests.access.test_rules import SECRET, bearer
from tests.startup.started import Application
from tests.support.asgi import AsgiClient

HERO = "name: Hero\nfields: {name: str}\naccess: {read: anyone, create: user}\n"
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
UVICORN = ("uvicorn", "uvicorn.error", "uvicorn.access", "app.requests")
Lines = list[dict[str, Any]]


@pytest.fixture(scope="module")
def application() -> Iterator[Application]:
    package = import_tree(render(load_texts({"hero.yaml": HERO}, "auth: {}")))
    yield Application(package)
    unload(package)


@contextmanager
def unconfigured() -> Iterator[logging.Logger]:
    """Take the handlers of pytest away, as in the process of a server, and put them back."""
    loggers = [logging.getLogger(name) for name in ("root", *UVICORN)]
    before = [(one.handlers, one.propagate, one.level, one.disabled) for one in loggers]
    loggers[0].handlers = []
    try:
        yield loggers[0]
    finally:
        for one, (handlers, propagate, level, disabled) in zip(loggers, before, strict=True):
            one.handlers, one.propagate, one.disabled = handlers, propagate, disabled
            one.setLevel(level)


def own_router() -> APIRouter:
    router = APIRouter()

    @router.get("/fails/{name}")
    async def fails(name: str) -> None:
        logging.getLogger("shop").warning("failing", extra={"order": 7, "status": "new"})
        raise RuntimeError(f"no {name}\n{{}}")

    return router


async def lines_of_requests(
    application: Application, path: Path, capsys: pytest.CaptureFixture[str], **settings: Any
) -> Lines:
    """Return the lines of some requests, each of which has one."""
    url = f"sqlite:///{path}/app.db"
    chosen = {"auth_secret": SECRET, "log_format": "json", **settings}
    async with application.running(url, **chosen) as app:
        app.include_router(own_router(), prefix="/own")
        inner = FastAPI()
        inner.include_router(own_router())
        app.mount("/inner", inner)
        client = AsgiClient(app)
        ann = bearer([], sub="ann", email="ann@example.com")
        await client.post("/heroes/", json={"name": "a"}, headers=ann)
        await client.post("/heroes/", json={"name": "a"}, headers=ann)
        await client.get("/heroes/1", headers={"traceparent": f"00-{TRACE}-00f067aa0ba902b7-01"})
        await client.get("/heroes/1", headers={"traceparent": f"00-{'0' * 32}-00f067aa0ba902b7-01"})
        await client.request("HEAD", "/heroes/1?x=secret")
        await client.request("HEAD", "/heroes/9")
        await client.get('/nothing/%0A{"level":"ERROR"}\u2028')
        await client.request("DELETE", "/heroes/")
        await client.get("/inner/nothing")
        for prefix in ("/own", "/inner"):
            with pytest.raises(RuntimeError):
                await client.get(f"{prefix}/fails/x")
    written = capsys.readouterr().err
    assert written.isascii()
    return [json.loads(line) for line in written.splitlines()]


@pytest.mark.parametrize("shortcut", [True, False])
def test_each_request_is_a_line(
    application: Application,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    *,
    shortcut: bool,
) -> None:
    with unconfigured():
        lines = asyncio.run(lines_of_requests(application, tmp_path, capsys, shortcut=shortcut))
    requests = [one for one in lines if one["logger"] == "app.requests"]
    shown = [(one["message"], one["route"], one.get("caller")) for one in requests]
    assert shown == [
        ("POST /heroes/ 200", "/heroes/", "ann"),
        ("POST /heroes/ 200", "/heroes/", "ann"),
        ("GET /heroes/1 200", "/heroes/{hero_id}", None),
        ("GET /heroes/1 200", "/heroes/{hero_id}", None),
        ("HEAD /heroes/1 422", "/heroes/{hero_id}", None),
        ("HEAD /heroes/9 404", "/heroes/{hero_id}", None),
        ('GET /nothing/\n{"level":"ERROR"}\u2028 404', "unmatched", None),
        ("DELETE /heroes/ 405", "/heroes/", None),
        ("GET /inner/nothing 404", "/inner/{path}", None),
        ("GET /own/fails/x 500", "/own/fails/{name}", None),
        ("GET /inner/fails/x 500", "/inner/fails/{name}", None),
    ]
    assert [one.get("trace_id") for one in requests[:4]] == [None, None, TRACE, None]
    assert all(len(one["request_id"]) == 32 and one["milliseconds"] > 0 for one in requests)
    assert all(one["time"].endswith("Z") for one in lines)
    own = [one for one in lines if one["logger"] == "shop"]
    said = [(one["order"], one["status"], one["message"]) for one in own]
    assert said == [(7, "new", "failing")] * 2
    assert own[0]["request_id"] == requests[-2]["request_id"]
    assert "secret" not in str(requests)
    assert "example.com" not in str(lines)


def test_a_server_that_logs_no_requests_stays_silent(
    application: Application, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with unconfigured():
        logging.getLogger("uvicorn.access").handlers = []
        logging.getLogger("uvicorn.access").propagate = False
        lines = asyncio.run(lines_of_requests(application, tmp_path, capsys))
    assert {one["logger"] for one in lines} == {"shop"}


def test_handlers_of_the_owner_are_kept(application: Application, tmp_path: Path) -> None:
    settings = application.module("settings").Settings(
        database_url=f"sqlite:///{tmp_path}/app.db", auth_secret=SECRET, log_format="JSON"
    )
    create = application.module("main").create_app
    with unconfigured() as root:
        handler = logging.NullHandler()
        root.addHandler(handler)
        assert create(settings).observers == []
        assert root.handlers == [handler]
        root.handlers = []
        assert [len(create(settings).observers) for _ in range(2)] == [1, 1]
        assert len(root.handlers) == 1


def test_values_of_records_cannot_break_a_line() -> None:
    class Rude:
        def __str__(self) -> str:
            raise OSError

    circle: list[Any] = []
    circle.append(circle)
    record = logging.LogRecord("a\nb", logging.INFO, "f.py", 1, "%s", ("\u2028\x1b[0m",), None)
    vars(record).update(rude=Rude(), message="spoofed", level="spoofed", nothing=None)
    found = json.loads(JsonFormatter().format(record))
    assert found.pop("time").endswith("Z")
    assert found == {
        "level": "INFO",
        "logger": "a\nb",
        "message": "\u2028\x1b[0m",
        "rude": "<Rude>",
    }
    vars(record).update(circle=circle, keys={(1, 2): 3})
    again = json.loads(JsonFormatter().format(record))
    assert (again["circle"], again["keys"]) == ("[[...]]", "{(1, 2): 3}")
    vars(record).update(ratio=float("nan"), rates=[float("inf")], order=7)
    line = JsonFormatter().format(record)
    strict = json.loads(line, parse_constant=pytest.fail)
    assert (strict["ratio"], strict["rates"], strict["order"]) == ("nan", "[inf]", 7)
    try:
        int("one\ntwo")
    except ValueError as error:
        failed = logging.LogRecord(
            "a", logging.ERROR, "f.py", 1, "x", (), (ValueError, error, error.__traceback__)
        )
    line = JsonFormatter().format(failed)
    assert "\n" not in line
    assert json.loads(line)["exception"].endswith(": 'one\\ntwo'")


def test_other_formats_are_refused() -> None:
    with pytest.raises(ValidationError) as caught:
        BaseAppSettings(log_format="xml")  # type: ignore[arg-type]
    assert describe_errors(caught.value) == "LOG_FORMAT: Input should be 'text' or 'json'"
