"""The tables follow a new generation: what others do meanwhile is noticed."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import cast

import pytest

from crudgen.delivery.follow import TableFollower
from crudgen.delivery.generation import Generation
from crudgen.delivery.table_watch import TableWatch
from crudgen.errors import TablesError
from crudgen.evolution.connecting import Database
from crudgen.evolution.hints import Hints, hints
from crudgen.evolution.plan import Note, Plan
from tests.evolution.changed import Changed, Spec, entity, spec

KINDS = ["sqlite", "postgresql"]
BEFORE = spec(entity("Hero", {"name": "str"}))
AFTER = spec(entity("Hero", {"name": "str(1..3)"}))


class Reports:
    """Collects the plans of changes that were made."""

    def __init__(self) -> None:
        self.plans: list[Plan] = []

    def report_changes(self, plan: Plan, found: Hints) -> None:
        del found
        self.plans.append(plan)

    def report_warnings(self, notes: Sequence[Note], found: Hints) -> None:
        del found
        assert not notes

    def report_wait(self, reason: str) -> None:
        raise AssertionError(reason)


def generation(of: Spec, url: str) -> Generation:
    return cast("Generation", SimpleNamespace(database=url, metadata=of.metadata))


@pytest.mark.parametrize("kind", KINDS)
def test_rows_that_come_before_the_change_are_in_the_way(
    kind: str, new_database: Callable[[str], str]
) -> None:
    url, reports = new_database(kind), Reports()
    found = Changed(Database(url))
    found.apply(BEFORE.target())
    follower = TableFollower(lambda: hints(AFTER.schema), reports)
    new, current = generation(AFTER, url), generation(BEFORE, url)
    change = follower.prepare_change(new, current)
    assert change is not None
    found.insert(BEFORE, "hero", [{"name": "Deadpond"}])
    with pytest.raises(
        TablesError, match=r"leaves this to crudgen apply\n  hero\.name: 1 row"
    ) as refused:
        change()
    assert not refused.value.is_possible
    assert refused.value.files == {"entities/e0.yaml"}
    found.execute("DELETE FROM hero")
    change = follower.prepare_change(new, current)
    assert change is not None
    change()
    assert len(reports.plans) == 1
    assert follower.prepare_change(new, current) is None


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("follows", [True, False])
def test_changes_of_tables_by_others_are_noticed(
    kind: str, new_database: Callable[[str], str], follows: bool
) -> None:
    url = new_database(kind)
    found = Changed(Database(url))
    found.apply(BEFORE.target())
    tables = TableFollower(lambda: hints(BEFORE.schema), Reports()) if follows else TableWatch()
    tables.prepare_change(generation(BEFORE, url), None)
    found.insert(BEFORE, "hero", [{"name": "Deadpond"}])
    assert not tables.tables_have_changed()
    found.execute("ALTER TABLE hero ADD COLUMN age INT")
    assert tables.tables_have_changed()
    tables.prepare_change(generation(BEFORE, url), None)
    assert not tables.tables_have_changed()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("migrations", [True, False])
def test_a_database_with_a_revision_does_not_follow(
    kind: str, new_database: Callable[[str], str], migrations: bool
) -> None:
    url, reports = new_database(kind), Reports()
    schema = replace(AFTER.schema, migrations=migrations)
    follower = TableFollower(lambda: hints(schema), reports)
    new, current = generation(AFTER, url), generation(BEFORE, url)
    found = Changed(Database(url))
    found.apply(BEFORE.target())
    found.execute("CREATE TABLE alembic_version (version_num VARCHAR(32) PRIMARY KEY)")
    assert follower.prepare_change(new, current) is not None
    found.execute("INSERT INTO alembic_version VALUES ('0001')")
    if not migrations:  # the revisions are those of another program
        assert follower.prepare_change(new, current) is not None
        return
    with pytest.raises(TablesError, match=r"revisions change them\n  hero\.name: ") as refused:
        follower.prepare_change(new, current)
    assert refused.value.by_revisions
    assert refused.value.files == {"entities/e0.yaml"}
    assert not found.plan(AFTER.target()).is_empty
    found.apply(AFTER.target())
    assert follower.prepare_change(new, current) is None
    assert not reports.plans


def test_a_database_that_cannot_be_read_has_not_changed() -> None:
    watch = TableWatch()
    watch.prepare_change(generation(BEFORE, "postgresql://127.0.0.1:1/nothing"), None)
    assert not watch.tables_have_changed()
