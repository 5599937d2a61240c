"""Revisions do what `apply` does, without a database, and carry the spec to the next one.

Random chains of specs; `PAIRS=1000` tries more of them on each database.
"""

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import deepcopy
from functools import lru_cache

import pytest
from sqlalchemy import MetaData

from crudgen.evolution.applying import Target
from crudgen.evolution.choices import Choices
from crudgen.evolution.connecting import Database
from crudgen.evolution.hints import hints
from crudgen.evolution.plan import Copy
from crudgen.evolution.revisions.draft import Draft
from crudgen.evolution.revisions.following import next_revision
from crudgen.evolution.revisions.former_spec import load
from crudgen.evolution.statements import run
from crudgen.evolution.unused import UnusedOptionError
from crudgen.language.schema import Schema
from tests.evolution.changed import Changed, Spec, entity, spec
from tests.evolution.random_specs import random_rows
from tests.evolution.respecs import Change
from tests.evolution.test_random_changes import seeds, start, valid_change, valid_world
from tests.startup.started import application


@contextmanager
def models(schema: Schema | None) -> Iterator[MetaData]:
    yield tables(schema) if schema else MetaData()


@lru_cache(maxsize=128)
def tables(schema: Schema) -> MetaData:
    return application(schema).metadata


def statements(kind: str, made: Draft) -> list[str]:
    """Return what a draft runs on a database."""
    if kind == "postgresql":
        return [*made.postgresql, *made.online]
    lists = ([*one.sql] if isinstance(one, Copy) else [one] for one in made.sqlite)
    return [one for each in lists for one in each]


def upgrade(found: Changed, kind: str, made: Draft) -> None:
    """Run a draft as Alembic does."""
    with found.database.connect() as connection:
        if kind == "sqlite":
            run(connection, "PRAGMA foreign_keys = OFF")
        for statement in statements(kind, made):
            run(connection, statement)


def in_the_way(found: Changed, kind: str, made: Draft) -> list[str]:
    """Return what the guards of a draft find."""
    selects = {guard.what: getattr(guard, kind) for guard in made.guards}
    return [what for what, sql in selects.items() if sql and found.values(sql)]


def targets(change: Change, now: Spec) -> Iterator[Target]:
    """Yield what a database should become: with the options of a change, and without them."""
    table = change.world.table
    fills = [f"{table}.{name}={change.world.fields[name].fill[0]}" for name in change.fills]
    drops = [f"{one}.{column}" if column else one for one, column in sorted(change.drops, key=str)]
    yield now.target(fills, drops)
    yield now.target()


@pytest.mark.long_cases("sqlite")
@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_revisions_do_what_apply_does(kind: str, new_database: Callable[[str], str]) -> None:
    made = refused = 0
    for seed in seeds():
        rng = random.Random(seed)  # noqa: S311 -- not for secrets
        world, now = valid_world(rng)
        live = random_rows(rng, world)
        found = start(Database(new_database(kind)), now, live)
        twin = start(Database(new_database(kind)), now, live)
        _, texts = next_revision({}, now.schema, now.metadata, Choices(), models)
        for _ in range(2):
            change, now = valid_change(rng, deepcopy(world))
            case = "\n".join([f"seed {seed}: {change}", *texts.values(), *change.world.texts()])
            for target in targets(change, now):
                try:
                    revision, after = next_revision(
                        texts, now.schema, now.metadata, target.choices, models
                    )
                    plan = found.plan(target)
                    break
                except UnusedOptionError:
                    continue
            stops = [*revision.plan.problems, *in_the_way(found, kind, revision)]
            assert bool(stops) == bool(plan.problems), f"{case}\n{stops}\n{plan.problems}"
            if stops:
                refused += 1
                continue
            upgrade(found, kind, revision)
            twin.apply(target, backup=False)
            left = now.target()
            assert found.plan(left).is_empty, f"{case}\n{found.plan(left).remaining_changes}"
            for table in now.metadata.tables:
                assert found.rows(now, table) == twin.rows(now, table), case
            texts = after
            made, world = made + 1, change.world
    print(f"{kind}: {made} made, {refused} refused")  # noqa: T201 -- shown with -s
    assert made


HERO = entity("Hero", {"name": "str index", "code": "str unique", "team_id": "-> Team?"})
HERO_TEAM = entity("Team", {"name": "str"})
POWER = entity("Power", {"name": "str"})
LINKED = entity("Hero", {"name": "str"}) + "\nlinks:\n  powers: Power"
SIZES = {"low": "int?", "high": "int?", "mood": "enum(calm, angry)?"}
TOP = {"low": "int?", "top": "int? was(high)"}
FURIOUS = "{type: enum, optional: true, values: [calm, furious], renamed: {angry: furious}}"
CHAINS: dict[str, list[tuple[list[str], list[str]]]] = {
    "a removed field comes back": [
        ([HERO, HERO_TEAM], []),
        ([entity("Hero", {"name": "str index", "team_id": "-> Team?"}), HERO_TEAM], []),
        ([HERO.replace("str unique", "str? unique"), HERO_TEAM], []),
    ],
    "a removed field is dropped later": [
        ([HERO, HERO_TEAM], []),
        ([entity("Hero", {"name": "str index"}), HERO_TEAM], []),
        ([entity("Hero", {"name": "str index"}), HERO_TEAM], ["hero.code", "hero.team_id"]),
        ([HERO.replace("str unique", "str? unique"), HERO_TEAM], []),
    ],
    "a removed field comes back as another type": [
        ([HERO, HERO_TEAM], []),
        ([entity("Hero", {"name": "str index", "team_id": "-> Team?"}), HERO_TEAM], []),
        ([HERO.replace("str unique", "int?"), HERO_TEAM], []),
        ([HERO.replace("str unique", "bool? unique"), HERO_TEAM], []),
    ],
    "a field of a former name": [
        ([entity("Hero", {"name": "str index"})], []),
        ([entity("Hero", {"title": "str index was(name)"})], []),
        ([entity("Hero", {"title": "str index was(name)", "name": "int?"})], []),
        ([entity("Hero", {"name": "int?"})], ["hero.title"]),
    ],
    "a removed entity comes back": [
        ([HERO, HERO_TEAM], []),
        ([HERO_TEAM], []),
        ([HERO_TEAM, POWER], []),
        ([HERO, HERO_TEAM], []),
    ],
    "a removed entity is dropped": [
        ([HERO, HERO_TEAM], []),
        ([HERO_TEAM], []),
        ([HERO_TEAM], ["hero"]),
        ([HERO, HERO_TEAM], []),
    ],
    "both ends of a reference are removed": [
        ([HERO, HERO_TEAM], []),
        ([POWER], []),
        ([POWER, HERO, HERO_TEAM], []),
    ],
    "an entity is renamed twice": [
        ([HERO, HERO_TEAM], []),
        ([HERO.replace("Hero", "Champion").replace("fields", "was: Hero\nfields"), HERO_TEAM], []),
        (
            [HERO.replace("Hero", "Villain").replace("fields", "was: Champion\nfields"), HERO_TEAM],
            [],
        ),
        (
            [
                HERO.replace("Hero", "Villain"),
                HERO_TEAM,
                HERO.replace("team_id", "squad_id").replace("fields", "plural: heros\nfields"),
            ],
            [],
        ),
    ],
    "the target of a kept reference is renamed": [
        ([HERO, HERO_TEAM], []),
        (
            [
                entity("Hero", {"name": "str index"}),
                HERO_TEAM.replace("Team", "Squad").replace("fields", "was: Team\nfields"),
            ],
            [],
        ),
        (
            [
                HERO.replace("Team", "Squad").replace("str unique", "str? unique"),
                HERO_TEAM.replace("Team", "Squad"),
            ],
            [],
        ),
    ],
    "a link comes and goes": [
        ([entity("Hero", {"name": "str"}), POWER], []),
        ([LINKED, POWER], []),
        ([entity("Hero", {"name": "str"}), POWER], []),
        ([LINKED, POWER], []),
        ([entity("Hero", {"name": "str"}), POWER], ["hero_power_link"]),
        ([LINKED, POWER], []),
    ],
    "a link is renamed": [
        ([LINKED, POWER], []),
        ([LINKED.replace("powers: Power", "skills: {to: Power, was: powers}"), POWER], []),
        ([LINKED.replace("powers: Power", "skills: Power"), POWER], []),
    ],
    "a circle": [
        ([entity("Hero", {"name": "str"}), HERO_TEAM], []),
        (
            [
                HERO.replace("str unique", "str?"),
                entity("Team", {"name": "str", "lead_id": "-> Hero?"}),
            ],
            [],
        ),
        ([HERO.replace("str unique", "str? unique"), entity("Team", {"name": "str"})], []),
    ],
    "checks come and go": [
        ([entity("Box", SIZES)], []),
        ([entity("Box", SIZES) + "\ncheck: [low < high, mood != angry or low > 0]"], []),
        ([entity("Box", TOP | {"mood": "enum(calm, angry)?"}) + "\ncheck: [low < top]"], []),
        (
            [
                entity("Box", TOP | {"mood": FURIOUS})
                + "\ncheck: [low <= top, {rule: mood != furious or low > 0, name: mood}]"
            ],
            [],
        ),
        (
            [
                entity("Box", TOP | {"mood": FURIOUS})
                + "\ncheck: [{rule: top > 0, name: mood}, low is not null or top is not null]"
            ],
            [],
        ),
        ([entity("Box", {"mood": FURIOUS})], []),
        ([entity("Box", {"mood": FURIOUS})], ["box.low", "box.top"]),
        ([entity("Box", SIZES | {"mood": FURIOUS}) + "\ncheck: [low < high]"], []),
    ],
    "tables have names with capital letters": [
        ([entity("Hero", {"name": "str"}, "table: BigHero")], []),
        ([entity("Hero", {"age": "int?"}, "table: BigHero")], []),
        ([entity("Man", {"age": "int?"}, "table: BigMan", "was: Hero")], ["Man.name"]),
    ],
    "what the kit adds comes and goes": [
        ([entity("Hero", {"name": "str"})], []),
        (
            [
                entity("Hero", {"name": "str"})
                + "\napi: {idempotency: true, operations: [create, list, create_many]}"
            ],
            [],
        ),
        ([entity("Hero", {"name": "str", "age": "int?"})], []),
        (
            [
                entity("Hero", {"name": "str"})
                + "\napi: {idempotency: true, operations: [create, list, create_many]}"
            ],
            [],
        ),
    ],
}


@pytest.mark.long
@pytest.mark.long_cases("postgresql")
@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
@pytest.mark.parametrize("name", CHAINS)
def test_each_revision_starts_from_the_one_before(
    name: str, kind: str, new_database: Callable[[str], str]
) -> None:
    found, texts = Changed(Database(new_database(kind))), dict[str, str]()
    for entities, drops in CHAINS[name]:
        now = spec(*entities)
        target = now.target((), drops)
        revision, texts = next_revision(texts, now.schema, now.metadata, target.choices, models)
        assert not revision.plan.problems
        assert not in_the_way(found, kind, revision)
        upgrade(found, kind, revision)
        plain = now.target()
        assert found.plan(plain).is_empty, found.plan(plain).remaining_changes
        again, same = next_revision(texts, now.schema, now.metadata, Choices(), models)
        assert again.is_empty
        assert same == texts
        kept = load(texts)
        assert kept is not None
        # The database is what the spec of revisions says, with the names of its objects.
        left = found.plan(Target(tables(kept), hints(kept))).remaining_changes
        assert not left
