"""The keys of links are written from both sides, while linked rows are deleted.

`ROUNDS=200 python -m pytest -s tests/concurrency/test_linked_keys.py` is the extended run.
"""

from collections.abc import Callable

import pytest

from tests.concurrency.crowd import Crowd
from tests.concurrency.races import (
    CLIENTS,
    Writer,
    deletes_one,
    deletes_some,
    put,
    race,
    replaces_one,
)

STAYING = [101, 102, 103, 104]
"""The keys of skills that are never deleted."""
GROUPS = [[101, 102], [103, 104]]


class Members:
    """Members who are written by one client each, and one who is written by all."""

    def __init__(self, crowd: Crowd) -> None:
        self._crowd = crowd
        api = crowd.apis[0]
        for key in STAYING:
            api.ask("PUT", f"/skills/{key}", json={"id": key})
        self._own = [self._create([]) for _ in range(CLIENTS)]
        self._shared = self._create(GROUPS[0])
        self._linked: dict[int, list[int]] = {}
        """The keys of each client's member that were stored last."""

    def _create(self, skills: list[int]) -> int:
        made = self._crowd.apis[0].ask("POST", "/members/", json={"skill_ids": skills})
        assert made.status_code == 200, made.text
        key: int = made.json()["id"]
        return key

    def prepare(self) -> None:
        put(self._crowd, "/skills")

    def create(self, writer: Writer) -> None:
        """Create a member with skills, of which others delete some; delete the member."""
        sent = writer.targets(2) + writer.random.sample(STAYING, 2)
        made = writer.ask("POST", "/members/", {"skill_ids": sent})
        if made.status == 200:
            assert made.body["skill_ids"] == sorted(sent)
            assert writer.ask("DELETE", f"/members/{made.body['id']}").status == 200

    def write_own(self, writer: Writer) -> None:
        """Write the skills of the client's member; those that stay are linked at once."""
        place = f"/members/{self._own[writer.number]}"
        sent = writer.targets(2) + writer.random.sample(STAYING, 2)
        if writer.random.random() < 0.5:
            status = writer.ask("PATCH", place, {"name": "y", "skill_ids": sent}).status
        else:
            status = writer.ask("PUT", f"{place}/skills/", sent).status
        if status == 200:
            self._linked[writer.number] = sent
        stored = writer.ask("GET", place).body["skill_ids"]
        last = self._linked.get(writer.number, [])
        assert {*stored}.intersection(STAYING) == {*last}.intersection(STAYING)

    def write_shared(self, writer: Writer) -> None:
        """Link a group of skills to the shared member; a group is never seen in part."""
        group, place = writer.random.choice(GROUPS), f"/members/{self._shared}"
        if writer.random.random() < 0.5:
            answer = writer.ask("PATCH", place, {"skill_ids": group})
            assert answer.body["skill_ids"] == group
        else:
            assert writer.ask("PUT", f"{place}/skills/", group).status == 200
        assert writer.ask("GET", place).body["skill_ids"] in GROUPS

    def link_from_other_side(self, writer: Writer) -> None:
        """Link members to a skill that others delete."""
        members = writer.random.sample(self._own, 2)
        writer.ask("PUT", f"/skills/{writer.target()}/members/", members)

    def check(self) -> None:
        """Skills that stay are linked to the members that were last written with them."""
        for number, sent in self._linked.items():
            stored = self._crowd.apis[0].ask("GET", f"/members/{self._own[number]}").json()
            assert {*stored["skill_ids"]}.intersection(STAYING) == {*sent}.intersection(STAYING)


@pytest.mark.long
def test_keys_of_links_against_deletions_of_the_linked_rows(crowd: Crowd) -> None:
    """No link to a row that stays is lost, and PostgreSQL finds no deadlock."""
    members, before = Members(crowd), len(crowd.deadlocks())
    jobs: list[Callable[[Writer], None]] = [
        deletes_one("/skills"),
        deletes_some("/skills"),
        replaces_one("/skills"),
        members.link_from_other_side,
        members.create,
        members.write_own,
        members.write_own,
        members.write_shared,
    ]
    expected = [("POST /members", 200), ("POST /members", 409), ("DELETE /skills", 200)]
    race(crowd, members.prepare, jobs, *expected, check=members.check)
    assert not crowd.deadlocks(after=before)
