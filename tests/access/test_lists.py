"""Rules about lists in claims: `team_id in me.teams`, with SQL's three values."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.access.vocabulary import Asker, run

APP = """\
auth:
  roles: [editor]
  me: {id: int = sub, teams: list(int) = groups, tags: list(str)?, ids: list(uuid)?}
"""
ONE, TWO = "00000000-0000-7000-8000-000000000001", "00000000-0000-7000-8000-000000000002"
SPEC = {
    "note.yaml": """\
name: Note
fields: {text: str, team_id: int, code: uuid?}
api: {operations: [create, list, read, update, delete, create_many]}
access:
  read: [user if team_id in me.teams, editor if code in me.ids]
  create: [user if team_id in me.teams, editor]
  update: user if new.team_id in me.teams and text not in ('x')
  delete: user if team_id not in me.teams or team_id in me.teams
""",
    "memo.yaml": """\
name: Memo
fields: {tag: str?}
access:
  read: [user if not (tag in me.tags), editor]
  create: anyone
  delete: [user if tag not in me.tags, editor if tag in me.tags]
""",
}


async def check(asker: Asker) -> None:
    row, status = asker.row, asker.status
    a: dict[str, Any] = {"by": 1, "groups": [1, 2]}
    note = await row("POST /notes/", {"text": "a", "team_id": 2, "code": ONE}, **a)
    path = f"/notes/{note['id']}"
    assert await status("POST /notes/", {"text": "a", "team_id": 3}, **a) == 403
    several = [{"text": "a", "team_id": 1}, {"text": "b", "team_id": 3}]
    assert await status("POST /notes/bulk", several, **a) == 403
    for groups, seen in (([2], 200), ([1], 404), ([], 404), (["2"], 200), ([1, 3, 2], 200)):
        assert await status(f"GET {path}", by=2, groups=groups) == seen
        assert len(await row("GET /notes/", by=2, groups=groups)) == (seen == 200)
    for ids, seen in (([ONE], 200), ([TWO], 404), ([TWO, ONE], 200), (None, 404)):
        caller: dict[str, Any] = {"by": 2, "groups": [], "roles": ["editor"]}
        caller |= {} if ids is None else {"ids": ids}
        assert await status(f"GET {path}", **caller) == seen
    assert await status(f"PATCH {path}", {"team_id": 1}, **a) == 200
    assert await status(f"PATCH {path}", {"team_id": 3}, **a) == 403
    answer = await asker.ask(f"PATCH {path}", {"text": "x"}, **a)
    assert "new.team_id in me.teams and text not in ('x')" in answer.json()["detail"][0]["msg"]
    for wrong in ("2", 2, [True], ["x"], [None], [[1]], {"a": 1}):
        answer = await asker.ask("GET /notes/", by=2, groups=wrong)
        assert (answer.status_code, "groups" in answer.text) == (401, True), wrong
    assert await status("GET /notes/", by=2) == 401
    assert await status(f"DELETE {path}", **a) == 200

    # What is unknown, because of a null in the row or a missing claim, allows nothing.
    memos = [await row("POST /memos/", {"tag": tag}, roles=["editor"], groups=[]) for tag in "ab"]
    none = await row("POST /memos/", {"tag": None}, roles=["editor"], groups=[])
    for tags, left in (
        (["a"], ["b"]),
        (["a", "b"], []),
        ([], ["a", "b"]),
        (["it's", '"b"'], ["a", "b"]),
        (None, []),
    ):
        caller = {"groups": []} if tags is None else {"groups": [], "tags": tags}
        found = await row("GET /memos/", **caller)
        assert [one["tag"] for one in found] == left, tags
    everything: dict[str, Any] = {"groups": [], "roles": ["editor"]}
    assert await status(f"DELETE /memos/{none['id']}", tags=[], **everything) == 403
    assert await status(f"DELETE /memos/{memos[0]['id']}", **everything) == 403
    assert await status(f"DELETE /memos/{memos[0]['id']}", tags=["a"], **everything) == 200
    assert await status(f"DELETE /memos/{memos[1]['id']}", tags=["a"], groups=[]) == 200


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_lists_of_the_caller_decide(kind: str, new_database: Callable[[str], str]) -> None:
    run(APP, SPEC, new_database(kind), check)
