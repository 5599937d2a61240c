"""Random pairs of specs: each change is made, and the rows are right, or is refused before.

A model in plain Python says which, and what the rows are. `PAIRS=2000` tries more pairs on each
database, from `SEED=0` on.
"""

import os
import random
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import select

from crudgen.errors import SpecError
from crudgen.evolution.applying import RefusedError
from crudgen.evolution.connecting import Database
from tests.evolution.changed import Changed, Spec, load
from tests.evolution.random_specs import World, random_rows, random_world
from tests.evolution.respecs import Change, Random, random_change
from tests.evolution.row_model import Live, Outcome, outcome

PAIRS = int(os.environ.get("PAIRS", "4"))
FIRST = int(os.environ.get("SEED", "0"))
Row = dict[str, Any]


def valid_world(rng: Random) -> tuple[World, Spec]:
    while True:
        world = random_world(rng)
        try:
            return world, load(*world.texts(), only_models=True)
        except SpecError:
            continue


def valid_change(rng: Random, before: World) -> tuple[Change, Spec]:
    while True:
        change = random_change(rng, before)
        try:
            return change, load(*change.world.texts(), only_models=True)
        except SpecError:
            continue


def start(database: Database, before: Spec, live: Live) -> Changed:
    """Create the tables with their rows."""
    found = Changed(database)
    found.apply(before.target())
    for table in before.metadata.sorted_tables:
        if table.name in live and live[table.name].rows:
            found.insert(before, table.name, live[table.name].rows)
    return found


def rows_of(found: Changed, of: Spec, table: str) -> list[Row]:
    """Return all rows of a table as the models read them, by the names of the columns."""
    chosen = of.metadata.tables[table]
    names = [column.name for column in chosen.columns]
    with found.database.connect() as connection:
        return [dict(zip(names, row, strict=True)) for row in connection.execute(select(chosen))]


def kept_values(found: Changed, kept: dict[str, list[str]]) -> dict[str, list[tuple[Any, ...]]]:
    """Return the stored values of columns that the spec does not have, and their names."""
    values = {}
    for table, names in kept.items():
        columns = ", ".join(f'"{name}"' for name in names)
        if names:
            values[table] = sorted(
                found.values(f'SELECT {columns} FROM "{table}"'),  # noqa: S608
                key=repr,
            )
    return values


def column_names(found: Changed, table: str, kind: str) -> set[str]:
    catalogue = {
        "sqlite": f"SELECT name FROM pragma_table_xinfo('{table}')",  # noqa: S608
        "postgresql": "SELECT attname FROM pg_attribute"  # noqa: S608
        f" WHERE attrelid = '\"{table}\"'::regclass AND attnum > 0 AND NOT attisdropped",
    }
    return {name for (name,) in found.values(catalogue[kind])}


class Pair:
    """A database, and a change of its spec."""

    def __init__(self, kind: str, found: Changed, before: World, live: Live) -> None:
        self.kind, self.found, self.before, self.live = kind, found, before, live
        self.case = ""

    def run(self, rng: Random) -> tuple[bool, Change]:
        """Make a random change, and return whether it was made."""
        change, now = valid_change(rng, self.before)
        world = change.world
        tables = world.tables(change.fills, change.integers)
        wanted = outcome(self.live, tables, change.drops, is_sqlite=self.kind == "sqlite")
        fields = {(world.table, world.column(name)): name for name in world.fields}
        fills = {name for key, name in fields.items() if key in wanted.fills}
        integers = {name for key, name in fields.items() if key in wanted.integers}
        target = now.target(
            [
                f"{world.table}.{name}={world.fields[name].fill[0]}"
                for name in change.fills
                if name in fills
            ],
            [
                f"{table}.{column}" if column else table
                for table, column in change.drops
                if (table, column) in wanted.droppable
            ],
            [f"{world.table}.{name}" for name in change.integers if name in integers],
        )
        self.case = "\n".join(
            [", ".join(change.what), *self.before.texts(), "->", *world.texts(), repr(change)]
        )
        plan = self.found.plan(target)
        problems = {(one.table, one.column) for one in plan.problems}
        assert problems == wanted.problems, f"{self.case}\n{plan.problems}"
        if problems:
            everything = self.found.everything()
            with pytest.raises(RefusedError):
                self.found.apply(target)
            assert self.found.everything() == everything, self.case
            return False, change
        values = {name: list(former) for name, former in wanted.kept.items()}
        kept = self._kept_before(wanted, values)
        done = self.found.apply(target, backup=False)
        assert done.plan.steps == plan.steps, self.case
        assert self.found.plan(target).is_empty, self.case
        self._check(now, wanted)
        assert kept_values(self.found, values) == kept, self.case
        self.before, self.live = world, wanted.live
        return True, change

    def _kept_before(self, wanted: Outcome, values: dict[str, list[str]]) -> dict[str, Any]:
        kept = {}
        for table, names in values.items():
            source = wanted.sources.get(table, table)
            if names:
                kept[table] = kept_values(self.found, {source: names})[source]
        return kept

    def _check(self, now: Spec, wanted: Outcome) -> None:
        for name in now.metadata.tables:
            if name.startswith("_"):
                continue
            table = wanted.live[name]
            columns = set(table.kinds)
            there = column_names(self.found, name, self.kind)
            if self.kind == "sqlite":  # it ignores case
                there, columns = set(map(str.lower, there)), set(map(str.lower, columns))
            assert there == columns, self.case
            extra = set(wanted.kept.get(name, ()))
            rows = [
                {column: value for column, value in row.items() if column not in extra}
                for row in table.rows
            ]
            found = rows_of(self.found, now, name)
            assert in_order(found) == in_order(rows), self.case


def in_order(rows: list[Row]) -> list[list[tuple[str, Any]]]:
    return sorted((sorted(row.items()) for row in rows), key=repr)


def seeds() -> Iterator[int]:
    yield from range(FIRST, FIRST + PAIRS)


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_random_changes_are_made_or_refused(kind: str, new_database: Callable[[str], str]) -> None:
    made, refused = Counter[str](), Counter[str]()
    for seed in seeds():
        rng = random.Random(seed)  # noqa: S311 -- not for secrets
        world, before = valid_world(rng)
        live = random_rows(rng, world)
        found = start(Database(new_database(kind)), before, live)
        pair = Pair(kind, found, world, live)
        for _ in range(rng.choice([1, 1, 2])):
            try:
                is_made, change = pair.run(rng)
            except Exception:
                print(f"seed {seed}\n{pair.case}")  # noqa: T201 -- the case that fails
                raise
            (made if is_made else refused).update(["changes", *set(change.what)])
            if not is_made:
                break
    for what in sorted(made | refused):
        print(f"{kind}: {made[what]:5} made, {refused[what]:5} refused: {what}")  # noqa: T201
    assert made["changes"]
