"""Tenants do not see each other, also in unique values; `owner` is a user whose field it is."""

from collections.abc import Callable

import pytest
from sqlalchemy import inspect

from tests.access.vocabulary import Asker, run

APP = "auth: {roles: [editor], me: {id: int = sub, org: str?}}\n"
NOTE = """\
name: Note
fields:
  title: str(..80) unique
  status: enum(draft, published) = draft
  owner_id: int = me
  org: str? = me.org
  kind: str(..20)?
  place: int?
unique: [[kind, place]]
api: {operations: [create, list, read, update, replace, delete]}
access:
  owner: owner_id
  tenant: org
  read: [user if status = published, owner, editor]
  create: [owner, editor]
  update: [owner if status = draft, editor]
  delete: [owner if status = draft or kind = 'x', editor]
"""


async def check(asker: Asker) -> None:
    row, status = asker.row, asker.status
    note = await row("POST /notes/", {"title": "a"}, by=1, org="reds")
    path = f"/notes/{note['id']}"
    for caller, seen in (
        ({"by": 1, "org": "reds"}, 200),
        ({"by": 2, "org": "reds"}, 404),
        ({"by": 2, "org": "reds", "roles": ["editor"]}, 200),
        ({"by": 1, "org": "blues"}, 404),
        ({"by": 1, "org": "blues", "roles": ["editor"]}, 404),
        ({"by": 1}, 404),
        ({"by": 1, "roles": ["editor"]}, 404),
        ({"by": None}, 401),
    ):
        assert await status(f"GET {path}", **caller) == seen
        if caller["by"] is not None:
            found = await row("GET /notes/", **caller)
            assert len(found) == (seen == 200)

    # Unique values hold within the tenant.
    assert await status("POST /notes/", {"title": "a"}, by=2, org="reds") == 409
    other = await row("POST /notes/", {"title": "a"}, by=1, org="blues")
    body = {"kind": "k", "place": 1}
    assert await status(f"PATCH {path}", body, by=1, org="reds") == 200
    assert await status(f"PATCH /notes/{other['id']}", body, by=1, org="blues") == 200
    assert await status("POST /notes/", {"title": "b", **body}, by=1, org="reds") == 409

    # A row stays in its tenant, and an owner cannot give it away. An editor can.
    assert await status(f"PATCH {path}", {"org": "blues"}, by=1, org="reds") == 403
    everything = {"by": 1, "org": "reds", "roles": ["editor"]}
    assert await status(f"PATCH {path}", {"org": "blues"}, **everything) == 403
    assert await status("POST /notes/", {"title": "c", "org": "blues"}, **everything) == 403
    assert await status(f"PATCH {path}", {"owner_id": 2}, by=1, org="reds") == 403
    assert await status("POST /notes/", {"title": "c", "owner_id": 2}, by=1, org="reds") == 403
    assert await status(f"PATCH {path}", {"owner_id": 2}, **everything) == 200
    assert await status(f"GET {path}", by=1, org="reds") == 404
    assert await status(f"PATCH {path}", {"status": "published"}, by=2, org="reds") == 403
    assert await status(f"PATCH {path}", {"status": "published"}, **everything) == 200
    assert await status(f"DELETE {path}", by=2, org="reds") == 403
    assert await status(f"GET {path}", by=1, org="reds") == 200
    assert await status(f"DELETE {path}", by=1, org="blues", roles=["editor"]) == 404
    assert await status(f"PUT {path}", {"title": "z"}, **everything) == 200
    assert (await row(f"GET {path}", **everything))["owner_id"] == 1

    indexes = inspect(asker.engine).get_indexes("note")
    assert ["owner_id", "id"] in [one["column_names"] for one in indexes]


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_rules_are_within_the_tenant(kind: str, new_database: Callable[[str], str]) -> None:
    run(APP, {"note.yaml": NOTE}, new_database(kind), check)


def test_a_tenant_that_is_not_asked_for_is_found(new_database: Callable[[str], str]) -> None:
    changed = (
        "app/kit/access/rules.py",
        "(None if tenant is None else tenant.condition,",
        "(None,",
    )
    with pytest.raises(AssertionError):
        run(APP, {"note.yaml": NOTE}, new_database("sqlite"), check, changed)
