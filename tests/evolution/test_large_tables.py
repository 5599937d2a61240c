"""Large tables of PostgreSQL are checked and indexed after the transaction."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext

import pytest

from crudgen.errors import DatabaseError
from crudgen.evolution import planning
from crudgen.evolution.applying import ApplyOptions, Progress, Target, apply
from crudgen.evolution.plan import Lock, Step
from crudgen.evolution.postgresql import ddl
from tests.evolution.changed import Changed
from tests.evolution.table_of_changes import CASES, after, start

pytestmark = pytest.mark.long

MILLION = 1_000_000
ONLINE = (
    "add an optional field with a rule",
    "optional to required by --fill",
    "add unique",
    "add a foreign key",
    "rename a word",
    "six changes",
)


@pytest.mark.long
@pytest.mark.parametrize("name", ONLINE)
@pytest.mark.parametrize("estimates", [[MILLION], [MILLION, 20]], ids=["right", "too high"])
def test_a_change_is_completed_after_the_transaction(
    name: str,
    estimates: list[int],
    new_database: Callable[[str], str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    case = CASES[name]
    company = start(new_database, "postgresql")
    found = company.found
    now = after(case.fields, case)
    target = now.target(case.fills, case.drops)
    numbers = iter(estimates)
    monkeypatch.setattr(planning, "count_rows", lambda *_: next(numbers, estimates[-1]))
    done = found.apply(target).plan
    assert done.online_steps
    wanted = [
        {key: one for key, one in (row | case.new(row)).items() if key not in case.gone}
        for row in company.heroes
    ]
    assert found.rows(now, case.table) == wanted
    assert found.plan(target).is_empty
    assert found.values("SELECT conname FROM pg_constraint WHERE NOT convalidated") == []


def rename_a_word(
    new_database: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> tuple[Changed, Target]:
    """Return a database with a table that counts as large, and a word to rename in it."""
    monkeypatch.setattr(planning, "count_rows", lambda *_: MILLION)
    monkeypatch.setattr(ddl, "BATCH", 7)
    case = CASES["rename a word"]
    return start(new_database, "postgresql").found, after(case.fields, case).target()


def test_words_are_replaced_in_batches(
    new_database: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    found, target = rename_a_word(new_database, monkeypatch)
    ((number, angry),) = found.values(
        "SELECT count(*), count(*) FILTER (WHERE mood = 'angry') FROM hero"
    )
    reports: list[str] = []
    done = apply(
        found.database,
        target,
        ApplyOptions(lambda _step: nullcontext(reports.append), lambda _: None),
    ).plan
    (inside,) = done.transaction_steps
    assert inside.sql == ('ALTER TABLE "hero" DROP CONSTRAINT "ck_hero_mood_words"',)
    assert [step.lock for step in done.online_steps] == [Lock.BACKGROUND] * 2
    assert len(reports) == -(-number // 7)
    assert reports[-1] == f"{angry} rows"
    assert 0 < int(reports[0].split()[0]) < angry
    assert found.values("SELECT count(*) FROM hero WHERE mood = 'furious'") == [(angry,)]


@pytest.mark.parametrize("statements", range(4))
def test_interrupted_batches_are_completed(
    statements: int, new_database: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    found, target = rename_a_word(new_database, monkeypatch)
    plan = found.plan(target)
    sql = [one for step in plan.steps for one in step.sql]
    assert len(sql) == 5
    found.execute(*sql[: statements + 1])
    if statements < 2:  # a server of the version before
        found.execute("UPDATE hero SET mood = 'angry' WHERE id = 2")
    assert found.plan(target).online_steps
    assert not found.plan(target).problems
    found.apply(target)
    assert found.values("SELECT count(*) FROM hero WHERE mood = 'angry'") == [(0,)]
    assert found.plan(target).is_empty


def test_a_word_that_is_written_after_the_batches_is_replaced(
    new_database: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    found, target = rename_a_word(new_database, monkeypatch)

    @contextmanager
    def write_meanwhile(step: Step) -> Iterator[Progress]:
        yield lambda _text: None
        if step.online and step.what.startswith("'angry'"):
            found.execute("UPDATE hero SET mood = 'angry' WHERE id = 2")

    apply(found.database, target, ApplyOptions(write_meanwhile, lambda _reason: None))
    assert found.values("SELECT mood FROM hero WHERE id = 2") == [("furious",)]
    assert found.plan(target).is_empty


def test_a_row_that_is_written_meanwhile_is_reported(
    new_database: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    found = start(new_database, "postgresql").found
    target = after({"age": "int(0..110)?", "rank": "int index"}).target()
    monkeypatch.setattr(planning, "count_rows", lambda *_: MILLION)

    @contextmanager
    def write_meanwhile(step: Step) -> Iterator[Progress]:
        if step.online and "110" in step.what:
            found.execute(
                "ALTER TABLE hero DROP CONSTRAINT ck_hero_age_range",
                "UPDATE hero SET age = 120 WHERE id = 1",
                "ALTER TABLE hero ADD CONSTRAINT ck_hero_age_range CHECK (age BETWEEN 0 AND 110)"
                " NOT VALID",
            )
        yield lambda _text: None

    with pytest.raises(DatabaseError) as raised:
        apply(found.database, target, ApplyOptions(write_meanwhile, lambda _reason: None))
    first, second = str(raised.value).splitlines()
    assert first.startswith("hero: rows are checked: range 0..150 → 0..")
    assert first.endswith('"ck_hero_age_range" of relation "hero" is violated by some row')
    assert second.startswith("  other changes were made; rows written in the meantime")
    (problem,) = found.plan(target).problems
    assert (problem.column, problem.count) == ("age", 1)
    found.execute("UPDATE hero SET age = 100 WHERE id = 1")
    found.apply(target)
    assert found.plan(target).is_empty
