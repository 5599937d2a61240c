"""Measurements of crudgen's commands for a spec of many entities, with and without relations."""

import json
import random
import resource
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import TypeAlias

import httpx
from rich.console import Console
from rich.table import Table

ENTITY = """\
name: {name}
fields:
  name: str(1..80) unique
  age: int? index
  note: text?
  city: str
"""
REFERENCE = "  {relation}_id: -> {target}? inverse({relation}_of_{number})\n"
COLUMN = "  {relation}_id: int? index\n"
RELATIONS = ("first", "second")
"""Each entity has two optional references, to random entities."""
WITHOUT, COLUMNS, WITH = "without", "columns", "references"
KINDS = (WITHOUT, COLUMNS, WITH)
"""Entities without references, with integer columns in place of them, and with references."""
TASKS = ("emit", "check", "first start", "second start")


class CommandError(Exception):
    """A command failed."""


@dataclass(frozen=True, slots=True)
class Reading:
    """The duration of a command in seconds: elapsed time, and time of the processor."""

    wall: float
    cpu: float


Readings: TypeAlias = Mapping[tuple[str, str], Sequence[Reading]]
"""Those of each task, for each kind of spec."""


def entity_names(count: int) -> list[str]:
    """Return at most 1,000 names with regular plurals, such as Aaathing and Aabthing."""
    letters = "abcdefghij"
    return [
        f"{letters[n // 100]}{letters[n // 10 % 10]}{letters[n % 10]}thing".capitalize()
        for n in range(count)
    ]


def write_spec(folder: Path, count: int, kind: str) -> None:
    """Write the files of entities, which have the same fields but for their references."""
    names = entity_names(count)
    source = random.Random(1)  # noqa: S311 -- the same in each run
    folder.mkdir(parents=True)
    for number, name in enumerate(names):
        text = ENTITY.format(name=name)
        for relation in RELATIONS if kind != WITHOUT else ():
            target = source.choice(names)
            line = REFERENCE if kind == WITH else COLUMN
            text += line.format(relation=relation, target=target, number=number)
        (folder / f"{name.lower()}.yaml").write_text(text)


def measure_entities(
    count: int, rounds: int, tasks: Sequence[str], say: Callable[[str], None]
) -> Readings:
    """Run the commands for each kind of spec by turns."""
    readings: defaultdict[tuple[str, str], list[Reading]] = defaultdict(list)
    with tempfile.TemporaryDirectory() as name:
        projects = {kind: Path(name) / kind for kind in KINDS}
        for kind, project in projects.items():
            write_spec(project / "entities", count, kind)
        for number in range(rounds):
            for task in tasks:
                for kind, project in projects.items():
                    readings[task, kind].append(_measure(task, project, number))
            say(f"round {number + 1} of {rounds}: measured")
    return readings


def _measure(task: str, project: Path, number: int) -> Reading:
    generated = project / "generated"
    if task == "emit" and generated.exists():
        # Not deleted: ext4 without a journal avoids inodes that were freed in the last minutes, and
        # then takes several times as long to create files.
        generated.rename(project / f"generated-{number}")
    if task == "first start":
        for file in project.glob("app.db*"):
            file.unlink()
    return _start(project) if task.endswith("start") else _run(project, task)


def _run(project: Path, command: str) -> Reading:
    """Run a command of crudgen."""
    before, began = _children(), time.perf_counter()
    process = _crudgen(project, command)
    if process.wait():
        raise CommandError(f"crudgen {command} failed; run it in a folder of the same entities")
    return Reading(time.perf_counter() - began, _children() - before)


def _start(project: Path) -> Reading:
    """Serve until `/ready` responds with 200; the processor's time includes the shutdown."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    url = f"sqlite:///{project}/app.db"
    before, began = _children(), time.perf_counter()
    process = _crudgen(project, "serve", "--no-reload", "--port", str(port), "--database", url)
    while not _is_ready(port):
        if process.poll() is not None:
            raise CommandError("crudgen serve ended before it was ready")
        time.sleep(0.02)
    wall = time.perf_counter() - began
    process.send_signal(signal.SIGTERM)
    process.wait(60)
    return Reading(wall, _children() - before)


def _is_ready(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/ready", timeout=120).is_success
    except httpx.TransportError:
        return False


def _crudgen(project: Path, *arguments: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "crudgen", *arguments],
        cwd=project,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def _children() -> float:
    """Return the processor's time of all child processes that ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def print_entities(readings: Readings, count: int) -> None:
    """Print the medians, and the ratios of those with references to the others."""
    title = f"{count:,} entities, with {len(RELATIONS) * count:,} references: seconds"
    table = Table(title=title)
    for heading in ("", *KINDS, "ratios", *(f"CPU {kind}" for kind in KINDS), "ratios"):
        table.add_column(heading, justify="right")
    for task, figures in _medians(readings).items():
        cells = [task]
        for *others, related in (figures["wall_s"], figures["cpu_s"]):
            cells += [f"{one:.2f}" for one in (*others, related)]
            cells.append(" ".join(f"{related / one:.2f}×" for one in others))
        table.add_row(*cells)
    Console(width=140).print(table)


def print_json(readings: Readings) -> None:
    """Print the medians as JSON: of each task, for each kind of spec in the order of KINDS."""
    print(json.dumps(_medians(readings), indent=2))


def _medians(readings: Readings) -> dict[str, dict[str, list[float]]]:
    """Return the medians of each task, for each kind of spec."""
    return {
        task: {
            "wall_s": [median(one.wall for one in readings[task, kind]) for kind in KINDS],
            "cpu_s": [median(one.cpu for one in readings[task, kind]) for kind in KINDS],
        }
        for task in dict.fromkeys(task for task, _ in readings)
    }
