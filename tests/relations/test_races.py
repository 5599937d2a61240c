"""Writes of references at the same time as deletions of their targets, by many clients.

`ROUNDS=200 python -m pytest -n0 -s tests/relations/test_races.py` is the extended run.
"""

import os
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from random import Random
from typing import Any

import pytest
from sqlalchemy import text

from tests.concurrency.crowd import Answer, Client, Crowd, gather
from tests.support.servers import Servers

ROUNDS = int(os.environ.get("ROUNDS", "5"))
CLIENTS = 32
TEAMS = range(1, 7)
ALL = "[create, list, read, update, replace, delete, create_many, update_many, delete_many]"
SPECS = {
    "team": f"name: Team\nfields: {{id: int pk, name: str}}\napi: {{operations: {ALL}}}\n",
    "hero": f"""
name: Hero
fields: {{name: str, team_id: -> Team?, ally_id: -> Team?  inverse(allies)}}
api: {{operations: {ALL}}}
""",
    "pet": f"""
name: Pet
fields: {{name: str, team_id: -> Team cascade, home_id: -> Team? set_null inverse(guests)}}
api: {{operations: {ALL}}}
""",
}


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def started(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    servers: Servers,
    new_database: Callable[[str], str],
) -> Iterator[Crowd]:
    kind: str = request.param
    folder = tmp_path_factory.mktemp("races")
    crowd = gather(servers, folder, kind, new_database(kind), SPECS)
    yield crowd
    crowd.stop()


@pytest.fixture
def crowd(started: Crowd) -> Crowd:
    started.apis[0].emptied()
    return started


def orphans(crowd: Crowd, table: str) -> int:
    query = f"SELECT count(*) FROM {table} WHERE team_id NOT IN (SELECT id FROM team)"  # noqa: S608
    with crowd.apis[0].engine.connect() as connection:
        found: int = connection.execute(text(query)).scalar_one()
    return found


def query_of(keys: list[int]) -> str:
    return "&".join(f"id={key}" for key in keys)


class Writer:
    """One client, which counts the statuses of its responses."""

    def __init__(self, client: Client, random: Random) -> None:
        self._client = client
        self._random = random
        self.statuses: Counter[tuple[str, int]] = Counter()

    def ask(self, method: str, path: str, body: Any = None) -> Answer:
        answer = self._client.ask(method, path, body)
        self.statuses[f"{method} {path.rpartition('/')[0]}", answer.status] += 1
        return answer

    def delete_team(self) -> None:
        self.ask("DELETE", f"/teams/{self._random.choice(TEAMS)}")

    def delete_teams(self) -> None:
        self.ask("DELETE", f"/teams/bulk?{query_of(self._random.sample(TEAMS, 3))}")

    def replace_team(self) -> None:
        team = self._random.choice(TEAMS)
        self.ask("PUT", f"/teams/{team}", {"id": team, "name": "y"})

    def write_one(self, path: str) -> None:
        """Create a row, let it refer to another team, and delete it."""
        one, other = self._random.sample(TEAMS, 2)
        made = self.ask("POST", f"{path}/", {"name": "x", "team_id": one})
        if made.status == 200:
            place = f"{path}/{made.body['id']}"
            self.ask("PATCH", place, {"team_id": other})
            self.ask("DELETE", place)

    def write_many(self, path: str) -> None:
        """Create rows, let them refer to other teams in any order, and delete them."""
        teams = self._random.sample(TEAMS, 4)
        made = self.ask("POST", f"{path}/bulk", [{"name": "x", "team_id": one} for one in teams])
        if made.status == 200:
            keys = [row["id"] for row in made.body]
            changes = [
                {"id": key, "team_id": team}
                for key, team in zip(keys, self._random.sample(TEAMS, 4), strict=True)
            ]
            self.ask("PATCH", f"{path}/bulk", self._random.sample(changes, 4))
            self.ask("DELETE", f"{path}/bulk?{query_of(keys)}")


def race(crowd: Crowd, path: str, *expected: tuple[str, int]) -> None:
    """Let clients write rows that refer to teams, while others delete the teams.

    There are more turns than ROUNDS until each expected response was seen.
    """
    statuses: Counter[tuple[str, int]] = Counter()
    for turn in range(20 * ROUNDS):
        for team in TEAMS:
            crowd.apis[0].ask("PUT", f"/teams/{team}", json={"id": team, "name": "x"})

        def write(client: Client, number: int, turn: int = turn) -> Counter[tuple[str, int]]:
            writer = Writer(client, Random(f"{turn} {number}"))  # noqa: S311
            work: list[Callable[[], None]] = [
                writer.delete_team,
                writer.delete_teams,
                writer.replace_team,
                partial(writer.write_many, path),
                *[partial(writer.write_one, path)] * 4,
            ]
            for _ in range(3):
                work[number % len(work)]()
            return writer.statuses

        for done in crowd.together(CLIENTS, write):
            statuses += done
        assert orphans(crowd, path.strip("/").removesuffix("s").removesuffix("e")) == 0
        if turn + 1 >= ROUNDS and statuses.keys() >= {*expected}:
            break
    assert statuses.keys() >= {*expected}
    assert {status for _, status in statuses} <= {200, 404, 409}


def test_creates_and_changes_against_deletions(crowd: Crowd) -> None:
    """No orphan is left, no request fails, and PostgreSQL finds no deadlock."""
    before = len(crowd.deadlocks())
    race(crowd, "/heroes", ("POST /heroes", 409), ("DELETE /teams", 409), ("DELETE /teams", 200))
    assert not crowd.deadlocks(after=before)


def test_creates_and_changes_against_deletions_with_cascades(crowd: Crowd) -> None:
    """The same where deletions lock rows that others have locked: they give way in time."""
    before = len(crowd.deadlocks())
    race(crowd, "/pets", ("POST /pets", 409), ("DELETE /teams", 200))
    assert not crowd.deadlocks(after=before)
