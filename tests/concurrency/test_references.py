"""Writes of references at the same time as deletions of their targets, by many clients.

`ROUNDS=200 python -m pytest -s tests/concurrency/test_references.py` is the extended run.
"""

from functools import partial

import pytest

from tests.concurrency.crowd import Crowd
from tests.concurrency.races import (
    Job,
    Writer,
    deletes_one,
    deletes_some,
    put,
    query_of,
    race,
    replaces_one,
)


def write_one(path: str, *by: str) -> Job:
    """Create a row, let it refer to another target, and delete it."""

    def write(writer: Writer) -> None:
        made = writer.ask("POST", f"{path}/", {name: writer.target() for name in by})
        if made.status == 200:
            place = f"{path}/{made.body['id']}"
            writer.ask("PATCH", place, {by[-1]: writer.target()})
            writer.ask("DELETE", place)

    return write


def write_many(path: str, *by: str) -> Job:
    """Create rows, let them refer to other targets in any order, and delete them."""

    def write(writer: Writer) -> None:
        sent = [dict.fromkeys(by, target) for target in writer.targets(4)]
        made = writer.ask("POST", f"{path}/bulk", sent)
        if made.status == 200:
            keys = [row["id"] for row in made.body]
            pairs = zip(keys, writer.targets(4), strict=True)
            changes = [{"id": key, by[-1]: target} for key, target in pairs]
            writer.ask("PATCH", f"{path}/bulk", writer.random.sample(changes, 4))
            writer.ask("DELETE", f"{path}/bulk?{query_of(keys)}")

    return write


def create_city(writer: Writer) -> None:
    """Create a city again in any country, and move it to another one."""
    city = writer.target()
    one, other = writer.targets(2)
    writer.ask("PUT", f"/cities/{city}", {"id": city, "country_id": one})
    writer.ask("PATCH", f"/cities/{city}", {"country_id": other})


@pytest.mark.long
def test_creates_and_changes_against_deletions(crowd: Crowd) -> None:
    """No orphan is left, no request fails, and PostgreSQL finds no deadlock."""
    before = len(crowd.deadlocks())
    jobs = [
        deletes_one("/teams"),
        deletes_some("/teams"),
        replaces_one("/teams"),
        write_many("/heroes", "team_id"),
        *[write_one("/heroes", "ally_id", "team_id")] * 4,
    ]
    expected = [("POST /heroes", 409), ("DELETE /teams", 409), ("DELETE /teams", 200)]
    race(crowd, partial(put, crowd, "/teams"), jobs, *expected)
    assert not crowd.deadlocks(after=before)


@pytest.mark.long
def test_creates_and_changes_against_deletions_with_cascades(crowd: Crowd) -> None:
    """The same where deletions lock rows that others have locked: they give way in time."""
    before = len(crowd.deadlocks())
    jobs = [
        deletes_one("/cities"),
        deletes_some("/cities"),
        replaces_one("/cities"),
        write_many("/pets", "city_id"),
        *[write_one("/pets", "city_id")] * 4,
    ]
    race(crowd, partial(put, crowd, "/cities"), jobs, ("POST /pets", 409), ("DELETE /cities", 200))
    assert not crowd.deadlocks(after=before)


@pytest.mark.long
def test_cascades_of_two_levels_against_creates_at_the_deepest(crowd: Crowd) -> None:
    """A deletion of countries deletes their cities, and these their pets."""
    before = len(crowd.deadlocks())
    jobs = [
        deletes_one("/countries"),
        deletes_some("/countries"),
        deletes_some("/cities"),
        create_city,
        write_many("/pets", "city_id"),
        write_many("/pets", "city_id", "home_id"),
        *[write_one("/pets", "city_id")] * 2,
    ]
    expected = [("POST /pets", 200), ("POST /pets", 409), ("DELETE /countries", 200)]

    def prepare() -> None:
        put(crowd, "/countries")
        put(crowd, "/cities", "country_id")

    race(crowd, prepare, jobs, *expected)
    assert not crowd.deadlocks(after=before)
