"""Large tables of PostgreSQL are checked and indexed after the transaction."""

from collections.abc import Callable

import pytest

from crudgen.evolution import planning
from tests.evolution.test_changes import CASES, after, changed

MILLION = 1_000_000
ONLINE = (
    "add an optional field with a rule",
    "optional to required by --fill",
    "add unique",
    "add a foreign key",
    "rename a word",
    "six changes",
)


@pytest.mark.parametrize("name", ONLINE)
@pytest.mark.parametrize("estimates", [[MILLION], [MILLION, 20]], ids=["right", "too high"])
def test_a_change_is_completed_after_the_transaction(
    name: str,
    estimates: list[int],
    new_database: Callable[[str], str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    case = CASES[name]
    found, _, rows = changed("postgresql", new_database)
    now = after(case.fields, case.more, case.table)
    target = now.target(case.fills, case.drops)
    numbers = iter(estimates)
    monkeypatch.setattr(planning, "count_rows", lambda *_: next(numbers, estimates[-1]))
    done = found.apply(target).plan
    assert done.online
    wanted = [
        {key: one for key, one in (row | case.new(row)).items() if key not in case.gone}
        for row in rows
    ]
    assert found.rows(now, case.table) == wanted
    assert found.plan(target).is_empty
    assert found.values("SELECT conname FROM pg_constraint WHERE NOT convalidated") == []
