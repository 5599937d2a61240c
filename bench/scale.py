"""Measurements of crudgen with more entities, workers and rows."""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median

import httpx
from rich.console import Console
from rich.table import Table

from bench import databases
from bench.data import fill
from bench.entities import entity_names
from bench.heroes import Paths
from bench.load import run
from bench.suites import script_of

ROOT = Path(__file__).parents[1]
ENTITY = "name: {name}\nfields:\n  name: str index\n  age: int? index\n  secret: str write_only\n"
GETS = 300
WORKER_ROUNDS = 5
ASKED = "/heroes/?age__gte=48&sort=age&limit=100"
"""Path of a list, filtered and sorted by a column with an index."""
CURSOR_SORTS = ("id", "name", "age", "-age")
"""Sort keys: the primary key, a text, and a nullable integer with 100 distinct values."""
SCANNED = 5_000_000
"""Number of rows whose scan takes more than half a second."""


@contextmanager
def _serving(
    entities: Path, database: str, *, workers: int = 1
) -> Iterator[tuple[str, subprocess.Popen[bytes], float]]:
    """Serve until the block ends; yield the URL, the process and the seconds of the start."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    base = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "crudgen", "serve", str(entities), "--no-reload"]
    command += ["--port", str(port), "--database", database, "--workers", str(workers)]
    began = time.perf_counter()
    process = subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        while True:
            try:
                httpx.get(f"{base}/live", timeout=120)
                break
            except httpx.TransportError:
                time.sleep(0.02)
        yield base, process, time.perf_counter() - began
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


def _median_get(base: str, path: str, count: int = GETS) -> float:
    """Return the median duration of a GET request by one client, in milliseconds."""
    with httpx.Client(base_url=base, timeout=60) as client:
        client.get(path)
        times = []
        for _ in range(count):
            began = time.perf_counter()
            client.get(path).raise_for_status()
            times.append(time.perf_counter() - began)
    return median(times) * 1000


def _seconds(folder: Path, *arguments: str) -> float:
    began = time.perf_counter()
    subprocess.run(
        [sys.executable, "-m", "crudgen", *arguments], cwd=folder, check=True, capture_output=True
    )
    return time.perf_counter() - began


def entities(counts: list[int]) -> Table:
    """Measure commands, start, memory, OpenAPI and GET for each number of entities."""
    table = Table(title="entities")
    for heading in (
        *("entities", "check s", "emit s", "start s", "MB", "first openapi s", "second openapi s"),
        *("get first ms", "get last ms"),
    ):
        table.add_column(heading, justify="right")
    for count in counts:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            names = entity_names(count)
            (folder / "entities").mkdir()
            for entity in names:
                file = folder / "entities" / f"{entity.lower()}.yaml"
                file.write_text(ENTITY.format(name=entity))
            check = _seconds(folder, "check")
            emit = _seconds(folder, "emit")
            with _serving(folder / "entities", f"sqlite:///{folder}/app.db") as (base, process, up):
                memory = int(Path(f"/proc/{process.pid}/statm").read_text().split()[1]) / 256
                openapi = []
                for _ in range(2):
                    began = time.perf_counter()
                    httpx.get(f"{base}/openapi.json", timeout=300).raise_for_status()
                    openapi.append(time.perf_counter() - began)
                gets = []
                for entity in (names[0], names[-1]):
                    row = {"name": "n", "secret": "s"}
                    created = httpx.post(f"{base}/{entity.lower()}s/", json=row, timeout=60)
                    gets.append(_median_get(base, created.headers["location"]))
            figures = [check, emit, up, memory, *openapi, *gets]
            table.add_row(str(count), *(f"{figure:.2f}" for figure in figures))
    return table


def workers(seconds: int) -> Table:
    """Measure GET with one and two workers by turns; they are not pinned to cores."""
    table = Table(title="workers, SQLite, gets by 64 clients")
    table.add_column("workers")
    table.add_column("responses per second", justify="right")
    table.add_column("ratio (target ≥ 1.5×)", justify="right")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        database = f"sqlite:///{folder}/heroes.db"
        fill(database)
        script = folder / "get.lua"
        script.write_text(script_of(Paths().requests()["get"]))
        readings: dict[int, list[float]] = {1: [], 2: []}
        for _ in range(WORKER_ROUNDS):
            for count, rates in readings.items():
                with _serving(ROOT / "entities", database, workers=count) as (base, _, _):
                    run(base, script, clients=64, seconds=1, pinned=False)
                    reading = run(base, script, clients=64, seconds=seconds, pinned=False)
                rates.append(reading.rate)
        for count, rates in readings.items():
            ratio = median(rates) / median(readings[1])
            table.add_row(str(count), f"{median(rates):,.0f}", f"{ratio:.2f}×")
    return table


def rows(exponents: list[int]) -> Table:
    """Measure GET of a row and of pages for each number of rows."""
    table = Table(title="rows, SQLite, one client: milliseconds")
    for heading in ("rows", "get", "first page", "middle, by offset", "filtered and sorted"):
        table.add_column(heading, justify="right")
    for sort in CURSOR_SORTS:
        table.add_column(f"by cursor, {sort}", justify="right")
    for exponent in exponents:
        count = 10**exponent
        with tempfile.TemporaryDirectory() as name:
            database = f"sqlite:///{name}/heroes.db"
            fill(database, count)
            os.sync()  # otherwise the disk is still busy
            with _serving(ROOT / "entities", database) as (base, _, _):
                figures = [
                    _median_get(base, f"/heroes/{count // 2}"),
                    _median_get(base, "/heroes/?limit=100"),
                ]
                middle = f"/heroes/?offset={count // 2}&limit=100"
                figures.append(_median_get(base, middle, 1 if exponent > 5 else GETS))
                figures.append(_median_get(base, ASKED))
                pages = [_cursor_pages(base, sort, count) for sort in CURSOR_SORTS]
        walks = ("/".join(f"{page:.2f}" for page in one) for one in pages)
        table.add_row(f"10^{exponent}", *(f"{figure:.2f}" for figure in figures), *walks)
    return table


def _cursor_pages(base: str, sort: str, count: int) -> list[float]:
    """Measure the second page by cursor, one in the middle and one at the end.

    Return the medians in milliseconds. The first page has no cursor, and is not measured.
    """
    figures = []
    for place in (0, count // 2, count - 300):
        start = f"{base}/heroes/?sort={sort}&limit=100&cursor=&offset={place}"
        page = httpx.get(start, timeout=600).raise_for_status().links["next"]["url"]
        figures.append(_median_get(base, page))
    return figures


def scans(kinds: list[str]) -> Table:
    """Measure GET of a row while another client scans all rows; nothing is pinned to cores."""
    table = Table(title="get while another client scans: milliseconds")
    for heading in ("database", "one scan", "get, idle", "get, during a scan", "ratio"):
        table.add_column(heading, justify="right")
    for kind in kinds:
        with ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            database = stack.enter_context(databases.creating(kind, folder))(folder)
            fill(database, SCANNED)
            os.sync()
            base, _, _ = stack.enter_context(_serving(ROOT / "entities", database))
            every = f"{base}/heroes/?name__icontains=nothing"
            began = time.perf_counter()
            httpx.get(every, timeout=60).raise_for_status()
            once = (time.perf_counter() - began) * 1000
            row = f"/heroes/{SCANNED // 2}"
            idle = _median_get(base, row)
            # In another process: a thread would slow down the measurement.
            again = f"import httpx\nwhile True: httpx.get({every!r}, timeout=60).raise_for_status()"
            scanner = subprocess.Popen([sys.executable, "-c", again])
            try:
                time.sleep(1)
                meanwhile = _median_get(base, row, 10 * GETS)
            finally:
                scanner.kill()
                scanner.wait()
        figures = (once, idle, meanwhile, meanwhile / idle)
        table.add_row(kind, *(f"{figure:.2f}" for figure in figures))
    return table


def print_scale(parts: list[str], *, counts: list[int], exponents: list[int], seconds: int) -> None:
    """Run the measurements with these names, and print a table for each."""
    os.environ["LOG_LEVEL"] = "WARNING"
    measurements: dict[str, Callable[[], Table]] = {
        "entities": lambda: entities(counts),
        "workers": lambda: workers(seconds),
        "rows": lambda: rows(exponents),
        "scans": lambda: scans(["sqlite", "postgresql"]),
    }
    for name in parts:
        Console(width=140).print(measurements[name]())
