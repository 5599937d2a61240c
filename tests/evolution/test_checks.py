"""Checks of entities that are added, changed, renamed and removed, on both databases."""

from collections.abc import Callable

import pytest

from crudgen.errors import DatabaseError
from crudgen.evolution import planning
from crudgen.evolution.applying import RefusedError
from crudgen.evolution.connecting import Database
from crudgen.evolution.plan import Plan, Risk
from tests.evolution.changed import Changed, Rows, Spec, entity, spec

FIELDS = {"low": "int?", "high": "int?", "mood": "enum(calm, angry)? ", "price": "decimal(10,2)?"}
ROWS: Rows = [
    {"id": 1001, "low": 1, "high": 2, "mood": "calm", "price": 5},
    {"id": 1002, "low": 3, "high": 2, "mood": "angry", "price": 1},
    {"id": 1003, "low": None, "high": 2, "mood": None, "price": None},
    {"id": 1004, "low": 2, "high": 2, "mood": "angry", "price": 3},
]


def of(*checks: str, **fields: str) -> Spec:
    """Return a spec with checks; a field without a text is removed."""
    kept = {name: text for name, text in (FIELDS | fields).items() if text}
    return spec(entity("Box", kept) + "\n" + "\n".join(["check:", *checks] if checks else []))


def started(before: Spec, url: str, rows: Rows = ROWS) -> Changed:
    found = Changed(Database(url))
    found.apply(before.target())
    found.insert(before, "box", rows)
    return found


def said(plan: Plan) -> list[tuple[str | None, str, Risk]]:
    return [(step.column, step.what, step.risk) for step in plan.steps]


def refuses(found: Changed, values: str) -> bool:
    """Return whether the database rejects a row."""
    try:
        found.execute(f"INSERT INTO box (low, high) VALUES ({values})")  # noqa: S608
    except DatabaseError:
        return True
    return False


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, new_database: Callable[[str], str]) -> str:
    return new_database(request.param)


def test_an_added_check_counts_the_rows_in_the_way(url: str) -> None:
    found, after = started(of(), url), of("  - low < high")
    plan = found.plan(after.target())
    (problem,) = plan.problems
    assert (problem.table, problem.count, problem.examples) == ("box", 2, ((1002,), (1004,)))
    assert problem.what == "2 rows with values that violate the rule: low < high"
    assert problem.place == "entities/e0.yaml:8"
    with pytest.raises(RefusedError):
        found.apply(after.target())
    found.execute("UPDATE box SET low = 0 WHERE low > 1")
    plan = found.plan(after.target())
    assert said(plan) == [(None, "+ rule low < high", Risk.NARROWS)]
    assert plan.steps[0].breaks_running
    found.apply(after.target())
    assert found.plan(after.target()).is_empty
    assert refuses(found, "1, 1")
    assert not refuses(found, "1, NULL")


def test_a_changed_check_keeps_its_name(url: str) -> None:
    found, after = started(of("  - low < high or low > 1"), url), of("  - low > 0")
    assert refuses(found, "1, 1")
    second = of("  - low <= high or low > 2")
    plan = found.plan(second.target())
    (step,) = plan.steps
    assert step.what.startswith("rule ")
    assert "→" in step.what
    found.apply(second.target())
    assert found.plan(second.target()).is_empty
    assert not refuses(found, "1, 1")
    plan = found.plan(after.target())
    assert sorted(step.what[0] for step in plan.steps) == ["+", "-"]
    found.apply(after.target())
    assert found.plan(after.target()).is_empty
    assert not refuses(found, "1, 0")


def test_a_named_check_is_the_same_with_other_fields(url: str) -> None:
    found = started(of("  - {rule: low > 0, name: positive}"), url)
    after = of("  - {rule: high > 0, name: positive}")
    (step,) = found.plan(after.target()).steps
    assert "→" in step.what
    found.apply(after.target())
    assert found.plan(after.target()).is_empty
    assert not refuses(found, "0, 1")


@pytest.mark.parametrize("check", ["  - low != 9", "  - {rule: low != 9, name: nine}"])
def test_a_removed_check_is_dropped(url: str, check: str) -> None:
    found, after = started(of(check), url), of()
    plan = found.plan(after.target())
    (step,) = plan.steps
    assert (step.what[0], step.risk) == ("-", Risk.SAFE)
    found.apply(after.target())
    assert found.plan(after.target()).is_empty
    assert not refuses(found, "9, 1")


def test_another_notation_is_no_change(url: str) -> None:
    found = started(of("  - low != 9"), url)
    assert found.plan(of("  - not (9 = low)").target()).is_empty


def test_a_renamed_field_takes_its_check_along(url: str) -> None:
    found = started(of("  - high < 10 or low > 0"), url)
    after = of("  - top < 10 or low > 0", high="", top="int? was(high)")
    plan = found.plan(after.target())
    assert [(step.column, step.what) for step in plan.steps] == [("top", "was high")]
    found.apply(after.target())
    assert found.plan(after.target()).is_empty
    live = "low_high" if url.startswith("sqlite") else "low_top"  # SQLite cannot rename it
    with pytest.raises(DatabaseError, match=f"ck_box_{live}_check"):
        found.execute("INSERT INTO box (low, top) VALUES (0, 10)")


def test_renamed_words_are_those_of_the_check(url: str) -> None:
    found = started(of("  - mood != angry or price < 4"), url)
    mood = "{type: enum, optional: true, values: [calm, furious], renamed: {angry: furious}}"
    after = of("  - mood != furious or price < 4", mood=mood)
    plan = found.plan(after.target())
    assert not plan.problems
    found.apply(after.target())
    assert found.plan(after.target()).is_empty
    assert found.values("SELECT mood FROM box ORDER BY id")[1] == ("furious",)
    with pytest.raises(DatabaseError):
        found.execute("INSERT INTO box (mood, price) VALUES ('furious', 400)")


def test_a_check_of_a_new_field_counts_the_existing_rows(url: str) -> None:
    found = started(of(), url)
    after = of("  - size < high", size="int = 2")
    (problem,) = found.plan(after.target()).problems
    assert problem.count == 4
    after = of("  - size <= high", size="int = 2")
    found.apply(after.target())
    assert found.plan(after.target()).is_empty


def test_the_digits_of_a_decimal_change_its_check(url: str) -> None:
    found = started(of("  - price >= 0.5"), url)
    after = of("  - price >= 0.5", price="decimal(12,4)?")
    assert not found.plan(after.target()).problems
    found.apply(after.target())
    assert found.plan(after.target()).is_empty
    found.insert(after, "box", [{"id": 1009, "price": "0.5000"}])
    with pytest.raises(DatabaseError):
        found.insert(after, "box", [{"id": 1010, "price": "0.4999"}])


@pytest.mark.parametrize("drops", [(), ("box.low", "box.high")])
def test_removed_fields_leave_no_check(url: str, drops: tuple[str, ...]) -> None:
    found = started(of("  - low is not null or high is not null"), url)
    after = of(low="", high="")
    found.apply(after.target((), drops))
    assert found.plan(after.target()).is_empty
    found.execute("INSERT INTO box (price) VALUES (1)")


def test_a_check_of_the_user_is_kept(url: str) -> None:
    found = Changed(Database(url))
    if url.startswith("sqlite"):
        found.execute(
            "CREATE TABLE box (low BIGINT, high BIGINT, mood VARCHAR, price DECIMAL_AS_INT(10, 2),"
            " id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,"
            " CONSTRAINT ck_box_mood_words CHECK (mood IN ('calm', 'angry')),"
            " CONSTRAINT mine CHECK (low <> 77 OR high <> 77))"
        )
    else:
        found.apply(of().target())
        found.execute("ALTER TABLE box ADD CONSTRAINT mine CHECK (low <> 77 OR high <> 77)")
    assert found.plan(of().target()).is_empty
    found.apply(of("  - low != 78").target())
    assert found.plan(of("  - low != 78").target()).is_empty
    assert refuses(found, "77, 77")
    assert refuses(found, "78, 1")


def test_a_check_of_a_large_table_is_validated_after_the_transaction(
    new_database: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    found, after = started(of(), new_database("postgresql")), of("  - low <= high or low > 2")
    monkeypatch.setattr(planning, "count_rows", lambda *_: 1_000_000)
    done = found.apply(after.target()).plan
    (step,) = done.online_steps
    assert step.what == "rows are checked: + rule low <= high OR low > 2"
    assert found.plan(after.target()).is_empty
    assert found.values("SELECT conname FROM pg_constraint WHERE NOT convalidated") == []
    assert refuses(found, "2, 1")
