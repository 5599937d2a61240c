"""The time of guarded and open requests in one process, without sockets."""

import asyncio
import importlib
import os
import tempfile
import time
from collections.abc import Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from bench.notes import GUARDED, OPEN, OWNERS, SECRET, fill, token

_PATH = f"/notes/{OWNERS + 7}"
REQUESTS = {
    ("get", "open"): (_PATH, ""),
    ("get", "guarded"): (_PATH, ""),
    ("list of 100", "open"): ("/notes/", "limit=100"),
    ("list of 100", "guarded"): ("/notes/", "limit=100"),
    ("list of 100, same rows", "open"): ("/notes/", "limit=100&owner_id=7"),
    ("list of 100, same rows", "guarded"): ("/notes/", "limit=100"),
}
"""Path and query of each task, by application. A caller reads notes of their own."""
_BLOCK = 500
"""Requests between two readings of the clock."""
_TOKEN = token(7)


def measure_in_process(rounds: int) -> Mapping[tuple[str, str], float]:
    """Return the lowest time of a request in microseconds, by task and application."""
    return asyncio.run(_measure(rounds))


async def _measure(rounds: int) -> Mapping[tuple[str, str], float]:
    found: dict[tuple[str, str], float] = {}
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{Path(folder) / 'notes.db'}"
        fill(url)
        os.environ |= {"DATABASE_URL": url, "AUTH_SECRET": SECRET, "LOG_LEVEL": "WARNING"}
        apps = {"open": _application(OPEN), "guarded": _application(GUARDED)}
        async with AsyncExitStack() as running:
            for app in apps.values():
                await running.enter_async_context(app.router.lifespan_context(app))
            for _ in range(rounds):
                for (task, name), (path, query) in REQUESTS.items():
                    reading = await _block(apps[name], path, query)
                    found[task, name] = min(reading, found.get((task, name), reading))
    return found


def _application(entities: Path) -> Any:
    import crudgen  # noqa: PLC0415 -- lazy

    package = crudgen.import_app(entities)
    return importlib.import_module(f"{package.__name__}.main").app


async def _block(app: Any, path: str, query: str) -> float:
    """Return the processor's time of a request, in microseconds."""
    headers = [(b"host", b"localhost"), (b"authorization", f"Bearer {_TOKEN}".encode())]
    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "root_path": "",
        "query_string": query.encode(),
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 80),
    }

    async def receive() -> Mapping[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Mapping[str, Any]) -> None:
        if message.get("status", 200) != 200:
            raise RuntimeError(f"{path} returned {message['status']}")

    began = time.process_time()
    for _ in range(_BLOCK):
        await app({**scope, "headers": [*headers], "state": {}}, receive, send)
    return (time.process_time() - began) / _BLOCK * 1e6


def print_in_process(found: Mapping[tuple[str, str], float]) -> None:
    """Print the times, and the ratio of the guarded request to the open one."""
    table = Table(title="SQLite, in process: microseconds of a request")
    for heading in ("", "open", "guarded", "ratio"):
        table.add_column(heading, justify="right")
    for task in dict.fromkeys(task for task, _ in REQUESTS):
        without, guarded = found[task, "open"], found[task, "guarded"]
        table.add_row(task, f"{without:.1f}", f"{guarded:.1f}", f"{guarded / without:.2f}×")
    Console(width=140).print(table)
