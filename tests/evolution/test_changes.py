"""The table of changes: each kind of change to a table in company, on both databases.

`ROWS=100000` is the long form.
"""

from collections.abc import Callable

import pytest
from sqlalchemy import select

from crudgen.evolution.applying import RefusedError
from crudgen.evolution.connecting import Database
from tests.evolution.changed import ROWS, Changed, entity, load
from tests.evolution.table_of_changes import (
    CASES,
    CONSEQUENCES,
    FIELDS,
    KEPT,
    REFUSED,
    SURVIVED,
    TEAM,
    Case,
    after,
    hero,
    start,
)

KINDS = ["sqlite", "postgresql"]
FILLS = {"a fill without a target": ["hero.home_id=7"]}


@pytest.mark.long
@pytest.mark.long_cases("postgresql")
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", CASES)
def test_a_change_keeps_everything_else(
    name: str, kind: str, new_database: Callable[[str], str]
) -> None:
    case = CASES[name]
    company = start(new_database, kind)
    found = company.found
    now = after(case.fields, case)
    integers = case.integers if kind == "sqlite" else ()
    target = now.target(case.fills, case.drops, integers)
    plan = found.plan(target)
    assert not plan.problems
    assert bool(plan.steps) == (name not in KEPT)
    if name in SURVIVED:
        assert not [step for step in plan.steps if step.breaks_running]
    done = found.apply(target, expected=plan.digest)
    assert done.plan.steps == plan.steps
    wanted = [
        {key: one for key, one in (row | case.new(row)).items() if key not in case.gone}
        for row in company.heroes
    ]
    assert found.rows(now, case.table) == wanted
    team = "squad" if "Squad" in case.team else "team"
    assert found.rows(now, team) == [row | {"id": case.key(row["id"])} for row in company.teams]
    if case.pet:
        assert found.rows(now, "pet") == company.pets
    if case.link:
        new = [tuple(row.values()) for row in found.rows(now, case.link)]
        assert new == [(row["hero_id"], case.key(row["club_id"])) for row in company.links]
    kept_tables_have_their_rows(found, case)
    assert found.plan(target).is_empty
    assert not found.apply(target).plan.steps
    users_objects_work(found, kind, case.table)
    if case.gone == ("code",) and not case.drops:
        kept = found.values(f"SELECT code FROM {case.table} ORDER BY id")  # noqa: S608
        assert kept == [(row["code"],) for row in company.heroes]
    last = hero(ROWS + 2) | case.new(hero(ROWS + 2) | {"age": None})
    if case.table == "hero":
        last = {key: one for key, one in last.items() if key not in case.gone}
    found.insert(now, case.table, [last])
    newest = found.values(f"SELECT max(id) FROM {case.table}")  # noqa: S608
    assert newest == [(ROWS + 2,)]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", sorted(SURVIVED))
def test_a_running_server_survives_a_change(
    name: str, kind: str, new_database: Callable[[str], str]
) -> None:
    case = CASES[name]
    company = start(new_database, kind)
    found, before = company.found, company.before
    table = before.metadata.tables["hero"]
    create, read = table.insert().values(hero(ROWS + 2)), select(table).order_by(table.c.id.desc())
    with found.database.connect() as server:
        assert server.execute(read).first()
        found.apply(after(case.fields, case).target(case.fills, case.drops))
        server.execute(create)
        row = server.execute(read).mappings().first()
        assert dict(row or {}) == {"id": ROWS + 2, **hero(ROWS + 2)}


@pytest.mark.parametrize("kind", KINDS)
def test_running_servers_read_a_null_in_a_removed_field(
    kind: str, new_database: Callable[[str], str]
) -> None:
    company, now = start(new_database, kind), after({"code": None})
    found, before = company.found, company.before
    (step,) = found.apply(now.target()).plan.steps
    assert step.running == "reads may fail"
    row = {name: value for name, value in hero(ROWS + 2).items() if name != "code"}
    found.insert(now, "hero", [row])
    assert found.rows(before, "hero")[-1] == {"id": ROWS + 2, "code": None, **row}


def kept_tables_have_their_rows(found: Changed, case: Case) -> None:
    """Check the tables that are not in the spec afterwards, unless they are dropped."""
    kept = ([] if case.pet else ["pet"]) + ([] if case.link else ["hero_club_link"])
    for table in set(kept) - {*case.drops}:
        assert found.values(f"SELECT count(*) FROM {table}") == [(ROWS,)]  # noqa: S608


def users_objects_work(found: Changed, kind: str, table: str) -> None:
    """Check the column, view, trigger and index that the user has added."""
    assert found.values("SELECT id, extra FROM extras ORDER BY id LIMIT 2") == [(1, "x"), (2, "y")]
    update = f"UPDATE {table} SET extra = 'z' WHERE id = 3"  # noqa: S608
    found.execute("DELETE FROM log", update)
    assert found.values("SELECT hero FROM log") == [(3,)]
    indexes = {
        "sqlite": "SELECT sql FROM sqlite_master WHERE name = 'mine'",
        "postgresql": "SELECT indexdef FROM pg_indexes WHERE indexname = 'mine'",
    }
    ((sql,),) = found.values(indexes[kind])
    assert "lower(extra) DESC) WHERE" in sql


@pytest.mark.long
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", REFUSED)
def test_what_rows_prevent_is_counted_and_changes_nothing(
    name: str, kind: str, new_database: Callable[[str], str]
) -> None:
    fields, what = REFUSED[name]
    company = start(new_database, kind)
    found, before = company.found, company.before
    everything = found.everything()
    target = after({**fields, "level2": "int = 1"}).target(FILLS.get(name, []))
    plan = found.plan(target)
    (problem,) = plan.problems
    assert what in problem.what
    if problem.select:
        rows = found.values(problem.select)
        assert len(rows) == problem.count
        assert 1 <= len(problem.examples) <= 3
    with pytest.raises(RefusedError) as refused:
        found.apply(target)
    assert refused.value.plan.problems == plan.problems
    assert found.everything() == everything
    assert found.plan(before.target()).is_empty


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", CONSEQUENCES)
def test_consequences_of_a_problem_are_no_problems(
    name: str, kind: str, new_database: Callable[[str], str]
) -> None:
    case, what = CONSEQUENCES[name]
    found = start(new_database, kind).found
    problems = found.plan(after(case.fields, case).target()).problems
    assert [what in one.what for one in problems] == [True]


@pytest.mark.parametrize("kind", KINDS)
def test_a_planned_table_is_created_with_all_rules(
    kind: str, new_database: Callable[[str], str]
) -> None:
    hero = entity("Hero", FIELDS | {"age": "int(0..99)?", "level": "int(0..9)?", "code": "str"})
    now = load(hero, TEAM)
    found = start(new_database, kind).found
    assert found.plan(now.target()).steps
    other = Changed(Database(new_database(kind)))
    other.apply(now.target())
    assert other.plan(load(hero, TEAM).target()).is_empty
