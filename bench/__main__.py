"""`python -m bench` compares the contenders, `python -m bench scale` measures larger specs."""

import sys
import tempfile
from collections import defaultdict
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer

from bench import databases, load, report, work
from bench.contenders import CONTENDERS, Server, start
from bench.load import LoadError, Reading
from bench.scale import print_scale

app = typer.Typer(add_completion=False)


@app.callback(invoke_without_command=True)
def compare(
    context: typer.Context,
    *,
    rounds: Annotated[
        int, typer.Option(min=1, help="Measurements of each task; the median is printed.")
    ] = 5,
    seconds: Annotated[int, typer.Option(min=1, help="Length of one measurement.")] = 3,
    clients: Annotated[
        list[int] | None, typer.Option(help="Number of clients; by default 1 and 64.")
    ] = None,
    database: Annotated[
        list[str] | None, typer.Option(help="sqlite or postgresql; by default both.")
    ] = None,
    only: Annotated[
        list[str] | None, typer.Option(help="Names of contenders; by default all.")
    ] = None,
    task: Annotated[list[str] | None, typer.Option(help="Names of tasks; by default all.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Compare crudgen with other applications that serve the same data."""
    if context.invoked_subcommand:
        return
    try:
        load.check_wrk()
        readings: dict[report.Key, list[Reading]] = defaultdict(list)
        for kind in database or ["sqlite", "postgresql"]:
            with ExitStack() as stack:
                folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
                create = stack.enter_context(databases.creating(kind, folder))
                servers = []
                for contender in CONTENDERS:
                    if kind not in contender.databases or (only and contender.name not in only):
                        continue
                    place = folder / contender.name.replace(" ", "-")
                    place.mkdir()
                    server = start(contender, create(place), place)
                    stack.callback(server.stop)
                    servers.append(server)
                    say(f"{kind}: {contender.name} is running, and its responses are correct")
                for count in clients or [1, 64]:
                    for name in task or work.WORKS:
                        measure(kind, servers, name, count, rounds, seconds, readings, folder)
    except LoadError as error:
        say(str(error))
        raise typer.Exit(1) from None
    (report.print_json if as_json else report.print_tables)(readings)


@app.command("scale")
def scale(
    *,
    entities: Annotated[
        list[int] | None, typer.Option(help="Numbers of entities; by default 1 to 1,000.")
    ] = None,
    exponents: Annotated[
        list[int] | None, typer.Option(help="Numbers of rows, as powers of ten; by default 3 to 7.")
    ] = None,
    seconds: Annotated[int, typer.Option(min=1, help="Length of one measurement.")] = 3,
) -> None:
    """Measure crudgen with more entities, workers and rows."""
    load.check_wrk()
    print_scale(
        counts=entities or [1, 10, 100, 1000],
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
    readings: dict[report.Key, list[Reading]],
    folder: Path,
) -> None:
    """Measure a task: a warm-up of each contender, then rounds in which they take turns."""
    for number in range(rounds + 1):
        for server in servers:
            if name not in server.contender.works:
                continue
            script = folder / "work.lua"
            script.write_text(work.script(name, server.contender.paths))
            length = seconds if number else 1
            reading = load.run(server.base, script, clients=clients, seconds=length)
            if number:
                readings[kind, clients, name, server.contender.name].append(reading)
    say(f"{kind}: {name}, {clients} clients: measured")


def say(text: str) -> None:
    """Print progress to standard error."""
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    app()
