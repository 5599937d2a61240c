"""`python -m bench` compares applications; its commands are other measurements."""

import sys
import tempfile
from collections import defaultdict
from contextlib import ExitStack
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from bench import changes, databases, entities, in_process, load, report, targets
from bench.heroes import HEROES
from bench.load import LoadError, Reading
from bench.notes import NOTES_SUITE
from bench.scale import print_scale
from bench.suites import Server, Suite, start
from bench.teams import TEAMS_SUITE
from bench.telemetry import measure_telemetry, print_telemetry

app = typer.Typer(add_completion=False)


Rounds = Annotated[
    int, typer.Option(min=1, help="Measurements of each task; the median is printed.")
]
Seconds = Annotated[int, typer.Option(min=1, help="Length of one measurement.")]
Databases = Annotated[list[str] | None, typer.Option(help="sqlite or postgresql; by default both.")]
Only = Annotated[list[str] | None, typer.Option(help="Names of contenders; by default all.")]
Tasks = Annotated[list[str] | None, typer.Option(help="Names of tasks; by default all.")]
ManyClients = Annotated[list[int] | None, typer.Option(help="Number of clients; by default 64.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
ByCpu = Annotated[
    bool,
    typer.Option(
        "--cpu", help="Rates per second of the server's processor time: for busy machines."
    ),
]


@app.callback(invoke_without_command=True)
def compare(
    context: typer.Context,
    *,
    rounds: Rounds = 5,
    seconds: Seconds = 3,
    clients: Annotated[
        list[int] | None, typer.Option(help="Number of clients; by default 1 and 64.")
    ] = None,
    database: Databases = None,
    only: Only = None,
    task: Tasks = None,
    cpu: ByCpu = False,
    as_json: AsJson = False,
) -> None:
    """Compare crudgen with other applications that serve the same data."""
    if context.invoked_subcommand:
        return
    compare_suite(HEROES, rounds, seconds, clients or [1, 64], database, only, task, cpu, as_json)


@app.command("relations")
def relations(
    *,
    rounds: Rounds = 5,
    seconds: Seconds = 3,
    clients: ManyClients = None,
    database: Databases = None,
    only: Only = None,
    task: Tasks = None,
    cpu: ByCpu = False,
    as_json: AsJson = False,
) -> None:
    """Compare lists and rows with related rows, filters and sorts over relations."""
    compare_suite(TEAMS_SUITE, rounds, seconds, clients or [64], database, only, task, cpu, as_json)


@app.command("access")
def access(
    *,
    rounds: Rounds = 5,
    seconds: Seconds = 3,
    clients: ManyClients = None,
    database: Databases = None,
    only: Only = None,
    task: Tasks = None,
    cpu: ByCpu = False,
    as_json: AsJson = False,
) -> None:
    """Compare rows that belong to callers, who send tokens, with rows that everyone may read."""
    compare_suite(NOTES_SUITE, rounds, seconds, clients or [64], database, only, task, cpu, as_json)
    if not as_json:
        in_process.print_in_process(in_process.measure_in_process(max(rounds, 20)))


@app.command("telemetry")
def telemetry(*, rounds: Rounds = 20) -> None:
    """Compare requests with metrics and traces with those without."""
    print_telemetry(measure_telemetry(rounds))


def compare_suite(
    suite: Suite,
    rounds: int,
    seconds: int,
    clients: list[int],
    database: list[str] | None,
    only: list[str] | None,
    task: list[str] | None,
    cpu: bool,
    as_json: bool,
) -> None:
    """Measure the contenders of a suite, and print the medians."""
    try:
        load.check_wrk()
        readings: dict[report.Key, list[Reading]] = defaultdict(list)
        for kind in database or ["sqlite", "postgresql"]:
            with ExitStack() as stack:
                folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
                create = stack.enter_context(databases.creating(kind, folder))
                servers = []
                for contender in suite.contenders:
                    if kind not in contender.databases or (only and contender.name not in only):
                        continue
                    if problem := contender.missing():
                        say(f"{kind}: {contender.name} is left out: {problem}")
                        continue
                    place = folder / contender.name.replace(" ", "-")
                    place.mkdir()
                    server = start(suite, contender, create(place), place)
                    stack.callback(server.stop)
                    servers.append(server)
                    say(f"{kind}: {contender.name} is running, and its responses are correct")
                for count in clients:
                    for name in task or suite.tasks:
                        used = 1 if name in suite.one_client else count
                        measure(kind, servers, name, used, rounds, seconds, cpu, readings, folder)
    except LoadError as error:
        say(str(error))
        raise typer.Exit(1) from None
    if as_json:
        report.print_json(readings)
        return
    report.print_tables(readings)
    targets.print_targets(suite.targets, readings)


@app.command("entities")
def many_entities(
    *,
    count: Annotated[int, typer.Option(min=1, max=1000, help="Number of entities.")] = 1000,
    rounds: Rounds = 5,
    task: Tasks = None,
    as_json: AsJson = False,
) -> None:
    """Measure the commands for a spec of many entities, with relations and without them."""
    try:
        readings = entities.measure_entities(count, rounds, task or entities.TASKS, say)
    except entities.CommandError as error:
        say(str(error))
        raise typer.Exit(1) from None
    if as_json:
        entities.print_json(readings)
    else:
        entities.print_entities(readings, count)


@app.command("changes")
def changes_of_tables(
    *,
    rows: Annotated[int, typer.Option(min=1, help="Number of rows.")] = 1_000_000,
    rounds: Rounds = 3,
    database: Databases = None,
    task: Tasks = None,
    as_json: AsJson = False,
) -> None:
    """Measure plans and changes of a table, while others read and write it."""
    kinds = database or ["sqlite", "postgresql"]
    readings = changes.measure_changes(kinds, rows, rounds, task or list(changes.CHANGES), say)
    if as_json:
        changes.print_json(readings)
        return
    changes.print_changes(readings, rows)
    for kind in kinds:
        wall, cpu = (one * 1000 for one in changes.measure_start(kind, max(rounds, 5)))
        print(
            f"{kind}: a start compares {changes.COUNT} entities in {wall:.0f} ms, CPU {cpu:.0f} ms"
        )


class Measurement(StrEnum):
    """A measurement of `python -m bench scale`."""

    ENTITIES = "entities"
    WORKERS = "workers"
    ROWS = "rows"
    SCANS = "scans"


@app.command("scale")
def scale(
    *,
    counts: Annotated[
        list[int] | None,
        typer.Option("--entities", help="Numbers of entities; by default 1 to 1,000."),
    ] = None,
    exponents: Annotated[
        list[int] | None, typer.Option(help="Numbers of rows, as powers of ten; by default 3 to 7.")
    ] = None,
    seconds: Annotated[int, typer.Option(min=1, help="Length of one measurement.")] = 3,
    only: Annotated[
        list[Measurement] | None, typer.Option(help="Names of measurements; by default all.")
    ] = None,
) -> None:
    """Measure crudgen with more entities, workers and rows."""
    load.check_wrk()
    print_scale(
        [one.value for one in only] if only else [*Measurement],
        counts=counts or [1, 10, 100, 1000],
        exponents=exponents or [3, 4, 5, 6, 7],
        seconds=seconds,
    )


def measure(
    kind: str,
    servers: list[Server],
    name: str,
    clients: int,
    rounds: int,
    seconds: int,
    cpu: bool,
    readings: dict[report.Key, list[Reading]],
    folder: Path,
) -> None:
    """Measure a task: a warm-up of each contender, then rounds in which they take turns."""
    for number in range(rounds + 1):
        for server in servers:
            if name not in server.contender.requests:
                continue
            script = folder / "work.lua"
            script.write_text(server.script(name))
            length = seconds if number else 1
            process = server.process.pid if cpu else None
            reading = load.run(server.base, script, clients=clients, seconds=length, server=process)
            if number:
                readings[kind, clients, name, server.contender.name].append(reading)
    say(f"{kind}: {name}, {clients} clients: measured")


def say(text: str) -> None:
    """Print progress to standard error."""
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    app()
