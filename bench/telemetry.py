"""The processor's time of requests to servers with metrics and traces, and to one without."""

import os
import re
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil
from rich.console import Console
from rich.table import Table

from bench.load import LoadError, check_wrk

SPEC = """
name: Hero
fields: {name: str(1..80) index, age: int?}
api: {operations: [create_many, list, read, update]}
"""
KEYS = {"without": "{}", "metrics": "metrics: true", "traces of 1 %": "tracing: true"}
"""The settings of each server."""
TASKS = {"get": "/heroes/7", "list of 10": "/heroes/?limit=10"}
ROWS, CLIENTS, SECONDS = 100, 16, 1
_OPENTELEMETRY = {
    "OTEL_TRACES_EXPORTER": "console",
    "OTEL_TRACES_SAMPLER": "parentbased_traceidratio",
    "OTEL_TRACES_SAMPLER_ARG": "0.01",
}


@dataclass(frozen=True, slots=True)
class Running:
    """A running server."""

    base: str
    process: psutil.Process

    def measure(self, path: str) -> float:
        """Return the processor's time of a request in microseconds. Raises LoadError."""
        command = ["wrk", "-t1", f"-c{CLIENTS}", f"-d{SECONDS}s", self.base + path]
        before = sum(self.process.cpu_times()[:2])
        output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        used = float(sum(self.process.cpu_times()[:2]) - before)
        found = re.search(r"(\d+) requests in", output)
        if found is None or "Non-2xx" in output or "Socket errors" in output:
            raise LoadError(f"{self.base}{path}: {output}")
        return used / int(found[1]) * 1e6


def measure_telemetry(rounds: int) -> Mapping[tuple[str, str], float]:
    """Return the lowest time of a request in microseconds, by task and server.

    The servers take turns. Raises LoadError.
    """
    check_wrk()
    readings: dict[tuple[str, str], list[float]] = {}
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        servers = {
            name: stack.enter_context(_running(Path(folder) / str(number), keys))
            for number, (name, keys) in enumerate(KEYS.items())
        }
        for _ in range(rounds):
            for task, path in TASKS.items():
                for name, server in servers.items():
                    readings.setdefault((task, name), []).append(server.measure(path))
    return {key: min(values) for key, values in readings.items()}


@contextmanager
def _running(folder: Path, keys: str) -> Iterator[Running]:
    (folder / "entities").mkdir(parents=True)
    (folder / "entities" / "hero.yaml").write_text(SPEC)
    (folder / "crudgen.yaml").write_text(f"{keys}\n")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = ["serve", "--no-reload", "--port", str(port), "--database", "sqlite:///heroes.db"]
    environment = os.environ | _OPENTELEMETRY | {"LOG_LEVEL": "WARNING"}
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "crudgen", *command],
            cwd=folder,
            env=environment,
            stdout=log,
            stderr=log,
        )
    server = Running(f"http://127.0.0.1:{port}", psutil.Process(process.pid))
    try:
        _fill(server.base)
        yield server
    finally:
        process.terminate()
        process.wait(20)


def _fill(base: str) -> None:
    """Create rows, when the server responds."""
    ends = time.monotonic() + 60
    rows = [{"name": f"hero {number}"} for number in range(ROWS)]
    while True:
        try:
            httpx.post(f"{base}/heroes/bulk", json=rows, timeout=30).raise_for_status()
        except httpx.TransportError:
            if time.monotonic() > ends:
                raise LoadError(f"{base} does not respond") from None
            time.sleep(0.2)
        else:
            return


def print_telemetry(found: Mapping[tuple[str, str], float]) -> None:
    """Print the times, and the throughput of a processor relative to that without telemetry."""
    table = Table(title="SQLite: processor's time of a request in µs, and relative throughput")
    table.add_column("")
    for name in KEYS:
        table.add_column(name, justify="right")
    for task in TASKS:
        without = found[task, "without"]
        cells = [f"{found[task, name]:.0f} ({without / found[task, name]:.0%})" for name in KEYS]
        table.add_row(task, *cells)
    Console(width=140).print(table)
