"""New rows have values from the caller who creates them, in all operations that create rows."""

from collections.abc import Callable

import pytest

from tests.access.vocabulary import Asker, run

APP = "auth: {roles: [editor], me: {id: int = sub, org: str?}}\n"
SPEC = {
    "team.yaml": """\
name: Team
fields: {name: str, made_by: int = me read_only}
api: {nested: [notes], write: {notes: create}}
access: user
""",
    "note.yaml": """\
name: Note
fields:
  text: str
  owner_id: int = me read_only index
  org: str? = me.org
  team_id: -> Team?
api:
  operations:
    [create, list, read, update, replace, delete, create_many, update_many]
  idempotency: true
access: {read: anyone, create: user, update: user}
""",
    "page.yaml": """\
name: Page
fields: {code: str pk, text: str, owner_id: int = me read_only, editor_id: int? = me}
api: {operations: [create, read, update, replace]}
access: {read: anyone, create: user, update: user}
""",
    "memo.yaml": """\
name: Memo
fields: {text: str unique, owner_id: int = me read_only, org: str? = me.org immutable}
api: {operations: [create, list, read, update, replace, delete]}
access: {read: user, write: user if owner_id = me and org = me.org}
""",
    "sign.yaml": """\
name: Sign
fields: {text: str, owner_id: int? = me read_only}
access: {read: anyone, create: anyone}
""",
}


async def check(asker: Asker) -> None:
    row, status = asker.row, asker.status
    note = await row("POST /notes/", {"text": "a"}, by=3, org="reds")
    assert (note["owner_id"], note["org"]) == (3, "reds")
    note = await row("POST /notes/", {"text": "a", "owner_id": 9, "org": "blues"}, by=3, org="reds")
    assert (note["owner_id"], note["org"]) == (3, "blues")
    note = await row("POST /notes/", {"text": "a", "org": None}, by=3, org="reds")
    assert (note["owner_id"], note["org"]) == (3, None)
    assert (await row("POST /notes/", {"text": "a"}, by=3))["org"] is None
    many = await row("POST /notes/bulk", [{"text": "a"}, {"text": "b", "org": "x"}], by=4, org="y")
    assert [(one["owner_id"], one["org"]) for one in many] == [(4, "y"), (4, "x")]
    key = {"Idempotency-Key": "one"}
    first = await row("POST /notes/", {"text": "k"}, by=5, headers=key)
    assert await row("POST /notes/", {"text": "k"}, by=5, headers=key) == first
    other = await row("POST /notes/", {"text": "k"}, by=6, headers=key)
    assert (first["owner_id"], other["owner_id"]) == (5, 6)

    path = f"/notes/{note['id']}"
    changed = await row(f"PATCH {path}", {"owner_id": 8, "org": "z"}, by=7, org="reds")
    assert (changed["owner_id"], changed["org"]) == (3, "z")
    changed = await row(f"PUT {path}", {"text": "c"}, by=7, org="reds")
    assert (changed["owner_id"], changed["org"]) == (3, "reds")

    team = await row("POST /teams/", {"name": "A", "notes": [{"text": "n", "org": "own"}]}, by=2)
    assert team["made_by"] == 2
    assert [(one["owner_id"], one["org"]) for one in team["notes"]] == [(2, "own")]
    nested = await row(f"POST /teams/{team['id']}/notes/", {"text": "u"}, by=5, org="reds")
    assert (nested["owner_id"], nested["org"], nested["team_id"]) == (5, "reds", team["id"])

    page = await row("PUT /pages/a", {"code": "a", "text": "x"}, by=2)
    assert (page["owner_id"], page["editor_id"]) == (2, 2)
    page = await row("PUT /pages/a", {"code": "a", "text": "y"}, by=3)
    assert (page["owner_id"], page["editor_id"]) == (2, 3)

    memo = await row("POST /memos/", {"text": "m"}, by=2, org="reds")
    assert (memo["owner_id"], memo["org"]) == (2, "reds")
    assert await status("POST /memos/", {"text": "m", "org": "blues"}, by=2, org="reds") == 403
    assert await status("POST /memos/", {"text": "m"}, by=2, org="reds") == 409
    assert await status("POST /memos/", {"text": "n"}, by=2) == 403
    path = f"/memos/{memo['id']}"
    changed = await row(f"PUT {path}", {"text": "o", "org": "blues"}, by=2, org="reds")
    assert (changed["owner_id"], changed["org"]) == (2, "reds")
    assert await status(f"PUT {path}", {"text": "o"}, by=3, org="reds") == 403

    assert (await row("POST /signs/", {"text": "s"}, by=None))["owner_id"] is None
    assert (await row("POST /signs/", {"text": "s"}, by=4))["owner_id"] == 4
    assert await status("POST /signs/", {"text": "s", "other": 1}, by=4) == 422

    document = (await asker.ask("GET /openapi.json", by=None)).json()["components"]["schemas"]
    created, public = document["NoteCreate"], document["NotePublic"]
    assert created["required"] == ["text"]
    assert "default" not in created["properties"]["org"]
    assert created["properties"]["owner_id"]["readOnly"] is True
    assert {"owner_id", "org"} <= {*public["required"]}


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_new_rows_are_the_callers(kind: str, new_database: Callable[[str], str]) -> None:
    run(APP, SPEC, new_database(kind), check)
