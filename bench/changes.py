"""Measurements of plans and changes of a large table, while others read and write it."""

import json
import shutil
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import psycopg
from rich.console import Console
from rich.table import Table
from sqlalchemy import make_url
from sqlalchemy.exc import DBAPIError

from bench import databases
from bench.entities import entity_names
from crudgen.codegen import render
from crudgen.delivery.models import imported_models
from crudgen.evolution.applying import ApplyOptions, Target, apply, watch_nothing
from crudgen.evolution.choices import read_choices
from crudgen.evolution.connecting import Database
from crudgen.evolution.hints import hints
from crudgen.evolution.plan import Lock, Step
from crudgen.evolution.statements import run
from crudgen.kit.database.postgresql import Postgresql
from crudgen.kit.database.sqlite import Sqlite
from crudgen.kit.database.tables import prepare_tables
from crudgen.language import load_texts

TEAM = "name: Team\nfields:\n  id: int pk\n  name: str\n"
FIELDS = {
    "name": "str(1..80) index",
    "age": "int(0..150)? index",
    "rank": "int",
    "price": "decimal(10,2)",
    "mood": "enum(calm, angry)",
    "active": "bool index",
    "born": "date",
    "team_id": "int",
}
COUNT = 100
"""The number of entities whose tables a start compares."""


@dataclass(frozen=True, slots=True)
class Change:
    """A change of the fields of a table."""

    fields: Mapping[str, str | None]
    """Changed fields; None removes one."""
    name: str = "Hero"
    options: tuple[str, ...] = ()
    """Columns to drop."""


CHANGES = {
    "add an optional field": Change({"level": "int?"}),
    "add an optional field with a rule": Change({"level": "int(0..9)?"}),
    "add a required field with a default": Change({"level": "int = 1"}),
    "rename a field": Change({"name": None, "title": "str(1..80) index was(name)"}),
    "rename a table": Change({}, "Champion"),
    "widen a rule": Change({"name": "str(1..120) index"}),
    "narrow a rule": Change({"age": "int(0..120)? index"}),
    "add a word to an enum": Change({"mood": "enum(calm, angry, glad)"}),
    "rename a word of an enum": Change(
        {"mood": "{type: enum, values: [calm, furious], renamed: {angry: furious}}"}
    ),
    "int to str": Change({"rank": "str(1..20)"}),
    "decimal: more digits before the point": Change({"price": "decimal(12,2)"}),
    "decimal: more digits behind the point": Change({"price": "decimal(12,4)"}),
    "optional to required": Change({"age": "int(0..150) index"}),
    "required to optional": Change({"rank": "int?"}),
    "add an index": Change({"rank": "int index"}),
    "add a unique rule": Change({"name": "str(1..80) unique"}),
    "add a reference": Change({"team_id": "-> Team"}),
    "remove a field": Change({"rank": None}),
    "drop a field": Change({"rank": None}, options=("hero.rank",)),
}


@dataclass(frozen=True, slots=True)
class Reading:
    """The durations of a change, in seconds."""

    plan: float
    apply: float
    read: float
    """The longest wait of another client that reads one row after another."""
    write: float
    """The longest wait of another client that writes one row after another."""
    steps: tuple[Step, ...]


Readings: TypeAlias = Mapping[tuple[str, str], Sequence[Reading]]
"""Those of each database and change."""


def measure_changes(
    kinds: Sequence[str],
    rows: int,
    rounds: int,
    tasks: Sequence[str],
    say: Callable[[str], None],
) -> Readings:
    """Make each change to a copy of a table, in several rounds."""
    readings: defaultdict[tuple[str, str], list[Reading]] = defaultdict(list)
    for kind in kinds:
        with ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            create = stack.enter_context(databases.creating(kind, folder))
            source = create(folder)
            _fill(source, rows)
            say(f"{kind}: a table of {rows:,} rows is there")
            for _ in range(rounds):
                for task in tasks:
                    with _copy(source, folder) as url:
                        readings[kind, task].append(_measure(url, CHANGES[task]))
                say(f"{kind}: measured")
    return readings


def measure_start(kind: str, rounds: int) -> tuple[float, float]:
    """Return how long a start compares the tables of many entities, and its processor time."""
    texts = {
        name: f"name: {name}\nfields:\n  name: str(1..80) unique\n  age: int? index\n"
        for name in entity_names(COUNT)
    }
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        url = stack.enter_context(databases.creating(kind, folder))(folder)
        models = stack.enter_context(imported_models(render(load_texts(texts)), url))
        backend = (
            Sqlite(make_url(url), connections=2, lock_seconds=2.0, statement_seconds=60.0)
            if kind == "sqlite"
            else Postgresql(url, connections=2, lock_seconds=2.0, statement_seconds=60.0)
        )
        durations = []
        for _ in range(rounds + 1):
            began, used = time.perf_counter(), time.process_time()
            prepare_tables(backend.engine, models.metadata, where=url, needs_secret=False)
            durations.append((time.perf_counter() - began, time.process_time() - used))
    walls, processor = zip(*durations[1:], strict=True)  # the first one creates the tables
    return min(walls), min(processor)


@contextmanager
def _target(url: str, change: Change) -> Iterator[Target]:
    """Yield the tables after a change."""
    written = {name: text for name, text in {**FIELDS, **change.fields}.items() if text}
    lines = [f"  {name}: {text}" for name, text in written.items()]
    was = [] if change.name == "Hero" else ["was: Hero"]
    hero = "\n".join([f"name: {change.name}", *was, "fields:", *lines])
    schema = load_texts({"hero.yaml": hero, "team.yaml": TEAM})
    found = hints(schema)
    choices = read_choices(schema, found, drops=change.options)
    with imported_models(render(schema), url) as models:
        yield Target(models.metadata, found, choices)


ORDER = ApplyOptions(watch_nothing, lambda _text: None, backup=False)


def _fill(url: str, rows: int) -> None:
    """Create the tables, and insert rows."""
    database = Database(url)
    with _target(url, Change({})) as target:
        apply(database, target, ORDER)
    price = "n % 10000" if database.kind == "sqlite" else "n % 10000 / 100.0"
    active = "n % 2" if database.kind == "sqlite" else "n % 2 = 0"
    day = "'2024-01-31'" if database.kind == "sqlite" else "date '2024-01-31'"
    with database.connect() as connection:
        run(connection, "INSERT INTO team (id, name) VALUES (0, 'x'), (1, 'y')")
        run(
            connection,
            "WITH RECURSIVE numbers (n) AS"
            f" (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < {rows})"
            " INSERT INTO hero (name, age, rank, price, mood, active, born, team_id)"
            f" SELECT 'hero ' || n, n % 100, n % 7, {price},"
            f" CASE n % 2 WHEN 0 THEN 'calm' ELSE 'angry' END, {active}, {day}, n % 2 FROM numbers",
        )
        run(connection, "ANALYZE" if database.file else "VACUUM ANALYZE")


@contextmanager
def _copy(source: str, folder: Path) -> Iterator[str]:
    """Copy a database, and delete the copy at the end."""
    if source.startswith("sqlite"):
        with tempfile.TemporaryDirectory(dir=folder) as place:
            shutil.copy(source.removeprefix("sqlite:///"), f"{place}/heroes.db")
            yield f"sqlite:///{place}/heroes.db"
        return
    name = str(make_url(source).database)
    server = source.replace(f"/{name}?", "/postgres?")
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE changed TEMPLATE {name} STRATEGY file_copy".encode())
        connection.execute("CHECKPOINT")
        yield source.replace(f"/{name}?", "/changed?")
        connection.execute("DROP DATABASE changed WITH (FORCE)")


def _measure(url: str, change: Change) -> Reading:
    """Plan and apply a change while two other clients use the table."""
    database, tables = Database(url), ["hero", change.name.lower()]
    with _target(url, change) as target:
        began = time.perf_counter()
        with database.read_only_connection() as connection:
            plan = target.plan(connection)
        planned = time.perf_counter() - began
        with (
            _client(database, "SELECT * FROM {} WHERE id = 7", tables) as reads,
            _client(database, "UPDATE {} SET id = id WHERE id = 8", tables) as writes,
        ):
            began = time.perf_counter()
            apply(database, target, ORDER)
            applied = time.perf_counter() - began
    return Reading(planned, applied, max(reads), max(writes), plan.steps)


@contextmanager
def _client(database: Database, sql: str, tables: Sequence[str]) -> Iterator[list[float]]:
    """Run a statement again and again; yield how long each one waits."""
    waits: list[float] = []
    ended = threading.Event()

    def work() -> None:
        table, other = tables
        while not ended.is_set():
            began = time.perf_counter()
            with database.connect() as connection:
                while not ended.is_set():
                    try:
                        run(connection, sql.format(table)).close()
                    except DBAPIError:  # the table has another name, or SQLite is locked
                        table, other = other, table
                    else:
                        waits.append(time.perf_counter() - began)
                        ended.wait(0.002)
                        began = time.perf_counter()
            waits.append(0.0)

    thread = threading.Thread(target=work)
    thread.start()
    while not waits:
        time.sleep(0.01)
    waits.clear()
    try:
        yield waits
    finally:
        time.sleep(0.05)
        ended.set()
        thread.join()


def print_changes(readings: Readings, rows: int) -> None:
    """Print the lowest figures, since other processes only add to them, and the locks."""
    for kind in dict.fromkeys(kind for kind, _ in readings):
        table = Table(title=f"{kind}, {rows:,} rows: milliseconds")
        for heading in ("", "plan", "apply", "longest read", "longest write"):
            table.add_column(heading, justify="right" if heading else "left")
        table.add_column("the plan says")
        for task, figures in _lowest(readings, kind).items():
            locks = {step.lock for one in readings[kind, task] for step in one.steps}
            said = ", ".join(lock.value for lock in Lock if lock in locks)
            table.add_row(task, *(f"{one * 1000:,.0f}" for one in figures.values()), said)
        Console(width=160).print(table)


def print_json(readings: Readings) -> None:
    """Print the lowest figures as JSON."""
    kinds = dict.fromkeys(kind for kind, _ in readings)
    print(json.dumps({kind: _lowest(readings, kind) for kind in kinds}, indent=2))


def _lowest(readings: Readings, kind: str) -> dict[str, dict[str, float]]:
    """Return the lowest figures of each change in a database."""
    return {
        task: {
            "plan_s": min(one.plan for one in found),
            "apply_s": min(one.apply for one in found),
            "longest_read_s": min(one.read for one in found),
            "longest_write_s": min(one.write for one in found),
        }
        for (database, task), found in readings.items()
        if database == kind
    }
