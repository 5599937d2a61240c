"""Load by wrk: responses per second, and latency."""

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import psutil

SERVER_CORE, LOAD_CORE = 0, 1
_UNITS = {"us": 1e-3, "ms": 1.0, "s": 1e3}


class LoadError(Exception):
    """The load generator failed, or a response is wrong."""


@dataclass(frozen=True, slots=True)
class Reading:
    """The result of a run: responses per second, and latency percentiles in milliseconds."""

    rate: float
    p50: float
    p99: float


def check_wrk() -> None:
    """Raise LoadError if wrk is not installed."""
    if shutil.which("wrk") is None:
        raise LoadError("wrk is not installed; install it with: apt-get install wrk")


def pin(core: int) -> None:
    """Pin this process to a core, if the system supports it."""
    if hasattr(os, "sched_setaffinity") and (os.cpu_count() or 1) > 1:
        os.sched_setaffinity(0, {core})


def run(
    base: str,
    script: Path,
    *,
    clients: int,
    seconds: int,
    pinned: bool = True,
    server: int | None = None,
) -> Reading:
    """Run wrk on a server. Raises LoadError if a response is not 2xx.

    The rate is that per second of processor time, if `server` is the ID of the server's process.
    """
    command = [
        "wrk",
        "-t1",
        f"-c{clients}",
        f"-d{seconds}s",
        "--latency",
        "--timeout",
        "10s",
        "-s",
        str(script),
        base,
    ]
    began = 0.0 if server is None else _processor_seconds(server)
    output = subprocess.run(
        command,
        check=True,
        capture_output=True,
        text=True,
        preexec_fn=(lambda: pin(LOAD_CORE)) if pinned else None,
    ).stdout
    if "Non-2xx" in output or "Socket errors" in output:
        raise LoadError(f"{base}: {output}")
    rate = re.search(r"Requests/sec:\s+([\d.]+)", output)
    count = re.search(r"(\d+) requests in", output)
    if rate is None or count is None:
        raise LoadError(f"wrk said: {output}")
    found = float(rate[1])
    if server is not None:
        found = int(count[1]) / (_processor_seconds(server) - began)
    return Reading(found, _latency(output, "50%"), _latency(output, "99%"))


def _processor_seconds(process: int) -> float:
    """Return the processor time of a process and its children until now."""
    parent = psutil.Process(process)
    times = [one.cpu_times() for one in (parent, *parent.children(recursive=True))]
    return float(sum(one.user + one.system for one in times))


def _latency(output: str, percentile: str) -> float:
    found = re.search(rf"{percentile}\s+([\d.]+)(us|ms|s)", output)
    if found is None:
        raise LoadError(f"wrk said: {output}")
    return float(found[1]) * _UNITS[found[2]]
