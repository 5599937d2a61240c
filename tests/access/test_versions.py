"""Rules of updates name the row before and after, and one rule must allow both."""

from collections.abc import Callable

import pytest

from tests.access.vocabulary import Asker, run

APP = "auth: {roles: [editor, chief, keeper], me: {id: int = sub}}\n"
NOTE = """\
name: Note
fields:
  text: str
  status: enum(draft, review, published) = draft
  owner_id: int = me
  points: int = 0
api: {operations: [create, list, read, update, replace, delete, update_many]}
access:
  owner: owner_id
  read: anyone
  create: user
  update:
    - owner if old.status = draft
    - editor if old.status = review and new.status = published and new.text = old.text
    - keeper if text = old.text or points = 9
    - chief if points > 0 and new.points >= old.points
  delete: owner if status = draft
"""


async def check(asker: Asker) -> None:
    row, status = asker.row, asker.status
    editor, chief = {"by": 2, "roles": ["editor"]}, {"by": 3, "roles": ["chief"]}
    note = await row("POST /notes/", {"text": "a"})
    path = f"/notes/{note['id']}"
    assert await status(f"PATCH {path}", {"status": "published"}, **editor) == 403
    assert await status(f"PATCH {path}", {"text": "b", "points": 2}) == 200
    assert await status(f"PATCH {path}", {"owner_id": 2}) == 403
    # The rule of the owner allows the row before, and that of the chief the row after: not both.
    assert await status(f"PATCH {path}", {"owner_id": 3, "status": "review"}) == 403
    assert await status(f"PATCH {path}", {"status": "review"}) == 200
    assert await status(f"PATCH {path}", {"status": "draft"}) == 403
    assert await status(f"PATCH {path}", {}) == 403
    bulk = [{"id": note["id"], "text": "x"}]
    assert await status("PATCH /notes/bulk", bulk) == 403
    assert await status("PATCH /notes/bulk", bulk, **chief) == 200

    assert await status(f"PATCH {path}", {"status": "published", "text": "c"}, **editor) == 403
    assert await status(f"PATCH {path}", {"status": "published", "text": "x"}, **editor) == 200
    assert await status(f"PATCH {path}", {"status": "published"}, **editor) == 403
    assert await status(f"PATCH {path}", {"points": 1}, **chief) == 403
    assert await status(f"PATCH {path}", {"points": 0}, **chief) == 403
    assert await status(f"PATCH {path}", {"points": 3, "owner_id": 3}, **chief) == 200
    assert await status(f"PUT {path}", {"text": "p", "points": 2}, **chief) == 403
    assert await status(f"PUT {path}", {"text": "p", "points": 4}, **chief) == 200
    assert await status(f"PATCH {path}", {}, **chief) == 200

    other = f"/notes/{(await row('POST /notes/', {'text': 'o'}))['id']}"
    assert await status(f"PATCH {other}", {"points": 5}, **chief) == 403
    keeper = {"by": 4, "roles": ["keeper"]}
    assert await status(f"PATCH {other}", {"text": "q"}, **keeper) == 403
    assert await status(f"PATCH {other}", {"text": "q", "points": 9}, **keeper) == 200
    assert await status(f"PATCH {other}", {"text": "q", "points": 1}, **keeper) == 200
    assert await status(f"DELETE {path}", by=1) == 403
    assert await status(f"DELETE {path}", by=3) == 200


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_updates_are_judged_before_and_after(kind: str, new_database: Callable[[str], str]) -> None:
    run(APP, {"note.yaml": NOTE}, new_database(kind), check)
