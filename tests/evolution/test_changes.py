"""The table of changes: each kind of change to a table in company, on both databases.

The table has a child table with CASCADE, and a trigger, a view, an index and a column of the user.
`ROWS=100000` is the long form.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

import pytest

from crudgen.evolution.applying import RefusedError
from crudgen.evolution.connecting import Database
from tests.evolution.changed import ROWS, Changed, Spec, entity, spec

Row = dict[str, Any]

FIELDS = {
    "name": "str(1..80) index",
    "code": "str unique",
    "age": "int(0..150)?",
    "rank": "int",
    "price": "decimal(10,2)",
    "mood": "enum(calm, angry)",
    "born": "date",
    "active": "bool",
    "digits": "str(1..20)?",
    "team_id": "int",
}
PET = entity("Pet", {"name": "str", "hero_id": "-> Hero cascade"})
TEAM = entity("Team", {"id": "int pk", "name": "str"})
KINDS = ["sqlite", "postgresql"]
_INDEX = "CREATE INDEX mine ON hero (lower(extra) DESC) WHERE extra <> ''"
_VIEW = "CREATE VIEW extras AS SELECT id, extra FROM hero"
_CHANGED = "UPDATE hero SET extra = 'y' WHERE id = 2"
USERS = {
    "sqlite": [
        "ALTER TABLE hero ADD COLUMN extra TEXT DEFAULT 'x' COLLATE NOCASE",
        "CREATE TABLE log (hero INTEGER)",
        """CREATE TRIGGER watch AFTER UPDATE OF extra ON hero
        BEGIN INSERT INTO log VALUES (new.id); END""",
        *(_INDEX, _VIEW, _CHANGED),
    ],
    "postgresql": [
        "ALTER TABLE hero ADD COLUMN extra text DEFAULT 'x'",
        "CREATE TABLE log (hero bigint)",
        """CREATE FUNCTION watch() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN INSERT INTO log VALUES (new.id); RETURN new; END $$""",
        "CREATE TRIGGER watch AFTER UPDATE OF extra ON hero FOR EACH ROW EXECUTE FUNCTION watch()",
        *(_INDEX, _VIEW, _CHANGED),
    ],
}


def hero(number: int) -> Row:
    return {
        "name": f"hero {number}",
        "code": f"c{number}",
        "age": number % 100 if number % 3 else None,
        "rank": number % 7,
        "price": Decimal(number) + Decimal("0.99"),
        "mood": ("calm", "angry")[number % 2],
        "born": date(2000, 1, 1 + number % 28),
        "active": number % 2 == 0,
        "digits": str(number) if number % 5 else None,
        "team_id": number % 2,
    }


@dataclass(frozen=True)
class Case:
    """A change of the fields of Hero, and what each row is afterwards."""

    fields: Mapping[str, str | None]
    """Changed fields; None removes one."""
    new: Callable[[Row], Row]
    """What of a row changes."""
    gone: tuple[str, ...] = ()
    """The fields that the models do not have afterwards."""
    more: tuple[str, ...] = ()
    """Lines of the entity before its fields."""
    table: str = "hero"
    fills: tuple[str, ...] = ()
    drops: tuple[str, ...] = ()


def same(_row: Row) -> Row:
    return {}


def value(name: str, change: Callable[[Any], Any]) -> Callable[[Row], Row]:
    """Return a change of one value that is not NULL."""
    return lambda row: {name: None if row[name] is None else change(row[name])}


CASES = {
    "add an optional field": Case({"level": "int?"}, lambda _: {"level": None}),
    "add an optional field with a rule": Case({"motto": "str(1..)?"}, lambda _: {"motto": None}),
    "add a required field with a default": Case({"level": "int(0..9) = 1"}, lambda _: {"level": 1}),
    "add a required field by --fill": Case(
        {"motto": "str"}, lambda _: {"motto": "it's 5%"}, fills=("hero.motto=it's 5%",)
    ),
    "add a unique field": Case({"nick": "str? unique"}, lambda _: {"nick": None}),
    "rename a field": Case(
        {"name": None, "title": "str(1..80) index was(name)"},
        lambda row: {"title": row["name"]},
        ("name",),
    ),
    "rename and reuse the name": Case(
        {"name": "str(1..80) = 'new' index", "title": "str(1..80) index was(name)"},
        lambda row: {"title": row["name"], "name": "new"},
    ),
    "rename the table": Case({}, same, more=("was: hero",), table="champion"),
    "widen a rule": Case({"name": "str(1..120) index"}, same),
    "narrow a rule": Case({"age": "int(0..99)?"}, same),
    "remove a rule": Case({"age": "int?"}, same),
    "add a word": Case({"mood": "enum(calm, angry, glad)"}, same),
    "rename a word": Case(
        {"mood": "{type: enum, values: [calm, furious], renamed: {angry: furious}}"},
        value("mood", lambda mood: "furious" if mood == "angry" else mood),
    ),
    "int to str": Case({"age": "str(1..20)?"}, value("age", str)),
    "str to int": Case({"digits": "int?"}, value("digits", int)),
    "int to float": Case({"rank": "float"}, value("rank", float)),
    "date to datetime": Case(
        {"born": "datetime"},
        value("born", lambda day: datetime.combine(day, time(), UTC)),
    ),
    "bool to int": Case({"active": "int"}, value("active", int)),
    "more digits before the point": Case({"price": "decimal(12,2)"}, same),
    "more digits behind the point": Case({"price": "decimal(12,4)"}, same),
    "optional to required by --fill": Case(
        {"age": "int(0..150)"},
        lambda row: {"age": 7 if row["age"] is None else row["age"]},
        fills=("hero.age=7",),
    ),
    "required to optional": Case({"name": "str(1..80)? index"}, same),
    "add an index": Case({"rank": "int index"}, same),
    "remove an index": Case({"name": "str(1..80)"}, same),
    "add unique": Case({"name": "str(1..80) unique"}, same),
    "remove unique": Case({"code": "str"}, same),
    "an index in place of unique": Case({"code": "str index"}, same),
    "unique and a type at once": Case({"digits": "int? unique"}, value("digits", int)),
    "add a foreign key": Case({"team_id": "-> Team cascade"}, same),
    "remove a field": Case({"code": None}, same, ("code",)),
    "drop a field": Case({"code": None}, same, ("code",), drops=("hero.code",)),
    "six changes": Case(
        {
            "name": None,
            "title": "str(1..120) unique was(name)",
            "age": "str(1..20)?",
            "price": "decimal(12,4)",
            "mood": "enum(calm, angry, glad)",
            "rank": "int index",
            "level": "int = 3",
        },
        lambda row: {
            "title": row["name"],
            "age": None if row["age"] is None else str(row["age"]),
            "level": 3,
        },
        ("name",),
    ),
}
SURVIVED = {
    "add an optional field",
    "add an optional field with a rule",
    "add a required field with a default",
    "widen a rule",
    "add a word",
    "remove a rule",
    "add an index",
    "remove an index",
    "remove a field",
}
"""The changes that servers of the version before survive."""
REFUSED = {
    "narrow a rule": ({"age": "int(5..)?"}, "outside of the rule"),
    "remove a word": ({"mood": "enum(calm, glad)"}, "does not have: 'angry'"),
    "str to int": ({"name": "int"}, "does not convert"),
    "uuid": ({"rank": "uuid"}, "no conversion"),
    "required": ({"age": "int(0..150)"}, "without a value"),
    "add required": ({"level": "int"}, "need a value"),
    "doubles": ({"rank": "int unique"}, "must be unique"),
    "a unique default": ({"level": "int = 3 unique"}, "must be unique"),
    "orphans": ({"rank": "-> Team relation(squad)"}, "refer to no row"),
}


def changed(kind: str, new_database: Callable[[str], str]) -> tuple[Changed, Spec, list[Row]]:
    """Create the tables with their rows, and what the user has added."""
    before = spec(entity("Hero", FIELDS), PET, TEAM)
    found = Changed(Database(new_database(kind)))
    found.apply(before.target())
    rows = [hero(number) for number in range(1, ROWS + 2)]
    found.insert(before, "hero", rows)
    found.insert(before, "team", [{"id": number, "name": "x"} for number in (0, 1)])
    pets = [{"name": f"pet {number}", "hero_id": number} for number in range(1, ROWS + 1)]
    found.insert(before, "pet", pets)
    # The id of the last row must not be given again.
    found.execute(f"DELETE FROM hero WHERE id = {ROWS + 1}", *USERS[kind])  # noqa: S608
    return found, before, found.rows(before, "hero")


def after(fields: Mapping[str, str | None], more: Sequence[str] = (), table: str = "hero") -> Spec:
    written = {name: text for name, text in {**FIELDS, **fields}.items() if text is not None}
    name = table.capitalize()
    return spec(entity(name, written, *more), PET.replace("Hero", name), TEAM)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", CASES)
def test_a_change_keeps_everything_else(
    name: str, kind: str, new_database: Callable[[str], str]
) -> None:
    case = CASES[name]
    found, before, rows = changed(kind, new_database)
    pets = found.rows(before, "pet")
    now = after(case.fields, case.more, case.table)
    target = now.target(case.fills, case.drops)
    plan = found.plan(target)
    assert not plan.problems
    assert plan.steps
    if name in SURVIVED:
        assert not [step for step in plan.steps if step.breaks_running]
    done = found.apply(target, expected=plan.digest)
    assert done.plan.steps == plan.steps
    wanted = [
        {key: one for key, one in (row | case.new(row)).items() if key not in case.gone}
        for row in rows
    ]
    assert found.rows(now, case.table) == wanted
    assert found.rows(now, "pet") == pets
    assert found.plan(target).is_empty
    assert not found.apply(target).plan.steps
    users_objects_work(found, kind, case.table)
    if case.gone == ("code",) and not case.drops:
        kept = found.values(f"SELECT code FROM {case.table} ORDER BY id")  # noqa: S608
        assert kept == [(row["code"],) for row in rows]
    new = hero(ROWS + 2) | case.new(hero(ROWS + 2) | {"age": None})
    if case.table == "hero":
        new = {key: one for key, one in new.items() if key not in case.gone}
    found.insert(now, case.table, [new])
    assert found.rows(now, case.table)[-1]["id"] == ROWS + 2


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


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", REFUSED)
def test_what_rows_prevent_is_counted_and_changes_nothing(
    name: str, kind: str, new_database: Callable[[str], str]
) -> None:
    fields, what = REFUSED[name]
    found, before, _ = changed(kind, new_database)
    everything = found.everything()
    target = after({**fields, "level2": "int = 1"}).target()
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
