"""Rules about fields hold for rows that a request creates together, and beside keys of links."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import text

from tests.access.vocabulary import Asker, run

NewDatabase = Callable[[str], str]
APP = "auth: {roles: [hr], me: {id: int = sub}}\n"
ORDER = """\
name: Order
fields: {title: str(1..20) = new, discount: int = 0, note: str?, owner_id: int = me}
links: {tags: Tag}
access:
  owner: owner_id
  read: user
  create: user
  update: user
  fields:
    discount: {read: hr, write: hr}
    note: {read: owner}
api:
  operations: [create, list, read, update, replace, create_many, update_many]
  idempotency: true
  include: [lines]
  write: {lines: create, tags: keys}
"""
LINE = """\
name: Line
fields: {amount: int, price: int?, cost: int = 1, owner_id: int = me, order_id: -> Order cascade}
access:
  owner: owner_id
  read: user
  create: user
  fields:
    price: {read: owner}
    cost: {read: hr, write: [hr, user if order.title = 'cheap' and cost < 3]}
    order_id: {write: [hr, user if order.title != 'closed']}
"""
TAG = """\
name: Tag
fields: {name: str(1..20), rank: int?}
access: {read: user, create: user, fields: {rank: {read: hr, write: hr}}}
"""
SPEC = {"order.yaml": ORDER, "line.yaml": LINE, "tag.yaml": TAG}
HR: dict[str, Any] = {"by": 9, "roles": ["hr"]}
SEEN = {"title": "new", "note": None, "owner_id": 1}


def denied(answer: Any) -> Any:
    return answer.status_code, *(one["loc"] for one in answer.json()["detail"])


async def check_lines(asker: Asker) -> None:
    lines = [{"amount": 1, "price": 5}, {"amount": 2, "price": 6, "owner_id": 2}]
    row = await asker.row("POST /orders/", {"lines": lines, "note": "n", "tag_ids": [1]})
    shown = [(one["amount"], one["price"], "cost" in one) for one in row["lines"]]
    assert shown == [(1, 5, False), (2, None, False)]
    assert (row["note"], "discount" in row, row["tag_ids"]) == ("n", False, [1])
    assert [*row][-2:] == ["tag_ids", "lines"]
    read = await asker.row("GET /orders/1?include=lines")
    assert read.pop("lines_more") is False
    assert read == row
    full = await asker.row("POST /orders/", {"lines": [{"amount": 1, "cost": 7}]}, **HR)
    assert (full["discount"], full["lines"][0]["cost"]) == (0, 7)
    hidden = {"owner_id": 2, "note": "n", "lines": [], "tag_ids": [1, 2]}
    row = await asker.row("POST /orders/", hidden)
    assert (row["note"], row["lines"], row["tag_ids"]) == (None, [], [1, 2])


async def check_writing(asker: Asker) -> None:
    for title, cost, found in (
        ("new", 1, 200),
        ("new", 2, (403, ["body", "lines", 1, "cost"])),
        ("cheap", 2, 200),
        ("cheap", 3, (403, ["body", "lines", 1, "cost"])),
    ):
        body = {"title": title, "lines": [{"amount": 1}, {"amount": 1, "cost": cost}]}
        answer = await asker.ask("POST /orders/", body)
        assert (200 if answer.status_code == 200 else denied(answer)) == found
        assert await asker.status("POST /orders/", body, **HR) == 200
    closed = {"title": "closed", "lines": [{"amount": 1}]}
    assert denied(await asker.ask("POST /orders/", closed)) == (403, ["body", "lines", 0])
    assert await asker.status("POST /orders/", closed, **HR) == 200
    answer = await asker.ask("POST /orders/", {"discount": 5, "lines": []})
    assert denied(answer) == (403, ["body", "discount"])


async def check_keys(asker: Asker) -> None:
    answer = await asker.ask("POST /orders/", {"note": "x", "tag_ids": [2, 1]})
    row = answer.json()
    row.pop("lines")
    path = f"orders/{row['id']}"
    read = await asker.ask(f"GET /{path}")
    assert read.json() == row == SEEN | {"note": "x", "id": row["id"], "tag_ids": [1, 2]}
    tag = {"If-Match": answer.headers["etag"]}
    assert await asker.status(f"PATCH /{path}", {"tag_ids": [1]}, headers=tag) == 200
    changed = await asker.ask(f"PATCH /{path}", {"tag_ids": [2]}, by=2)
    assert (changed.json()["note"], changed.json()["tag_ids"]) == (None, [2])
    read = await asker.ask(f"GET /{path}", by=2)
    assert read.headers["etag"] == changed.headers["etag"]
    denial = await asker.ask(f"PATCH /{path}", {"tag_ids": [], "discount": 5})
    assert denied(denial) == (403, ["body", "discount"])
    body = {"title": "put", "owner_id": 1, "tag_ids": [1]}
    put = await asker.row(f"PUT /{path}", body, by=2)
    assert (put["title"], put["note"], put["tag_ids"]) == ("put", None, [1])
    row = await asker.row(f"GET /{path}")
    assert (row["note"], row["tag_ids"], row["owner_id"]) == ("x", [1], 1)
    many = [{"id": row["id"], "tag_ids": [1, 2]}]
    for by, note in ((2, None), (9, None)):
        (row,) = await asker.row("PATCH /orders/bulk", many, by=by, roles=["hr"])
        assert (row["note"], row["discount"], row["tag_ids"]) == (note, 0, [1, 2])
    sent = [{"note": "a", "tag_ids": [1]}, {"owner_id": 2, "note": "b", "tag_ids": [2]}]
    for _ in range(2):
        key = {"Idempotency-Key": "many"}
        rows = await asker.row("POST /orders/bulk", sent, headers=key)
        found = [(one["note"], one["tag_ids"], "discount" in one) for one in rows]
        assert found == [("a", [1], False), (None, [2], False)]


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_written_rows_show_what_the_caller_sees(kind: str, new_database: NewDatabase) -> None:
    async def check(asker: Asker) -> None:
        for name in "ab":
            await asker.row("POST /tags/", {"name": name})
        await check_lines(asker)
        await check_writing(asker)
        await check_keys(asker)

    run(APP, SPEC, new_database(kind), check)


NOTE = """\
name: Note
fields: {text: str(1..20), pin: str(1..4), rank: int, closed: bool = false, owner_id: int = me}
access:
  owner: owner_id
  read: [owner, hr]
  create: user
  update: [owner if not old.closed, hr]
  fields:
    pin: {read: nobody, write: [owner, hr]}
    rank: {read: [user if not closed, hr], write: [hr, user if rank < 10]}
api: {operations: [create, list, read, update, replace]}
"""


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_a_put_sets_what_its_caller_does_not_see(kind: str, new_database: NewDatabase) -> None:
    """The properties are required: a caller who may set them sends new values."""

    async def check(asker: Asker) -> None:
        note = {"text": "a", "pin": "1", "rank": 1}
        row = await asker.row("POST /notes/", note)
        assert row == {"text": "a", "rank": 1, "closed": False, "owner_id": 1, "id": 1}
        changed = row | {"text": "b", "closed": True}
        assert await asker.status("PUT /notes/1", changed) == 422, "it must contain the pin"
        answer = await asker.row("PUT /notes/1", changed | {"pin": "2"})
        assert (answer["text"], answer["rank"]) == ("b", None)
        assert await asker.status("PUT /notes/1", answer | {"pin": "2"}, **HR) == 422, "null"
        denial = await asker.ask("PUT /notes/1", changed | {"pin": "3"})
        assert denial.status_code == 403, "the note is closed"
        row = await asker.row("PUT /notes/1", changed | {"pin": "3", "rank": 11, "text": "c"}, **HR)
        assert (row["rank"], row["text"], "pin" in row) == (11, "c", False)
        with asker.engine.connect() as connection:
            assert connection.execute(text("SELECT pin FROM note")).scalar() == "3"

    run(APP, {"note.yaml": NOTE}, new_database(kind), check)
