"""A denied write says which rules there are, and the log says which part of them failed."""

import logging
from collections.abc import Callable
from typing import Any

import pytest
from fastapi import HTTPException

from tests.access.vocabulary import Asker, run

APP = "auth: {roles: [editor, chief], me: {id: int = sub, org: str?}}\n"
SPEC = {
    "note.yaml": """\
name: Note
fields:
  text: str json(words)
  status: enum(draft, published) = draft
  owner_id: int = me
  pin: str? write_only
api: {operations: [create, list, read, update, delete, update_many, create_many, delete_many]}
access:
  owner: owner_id
  read: anyone
  create: [owner, editor if text != 'a and b']
  update:
    - owner if old.status = draft
    - {rule: editor if status = draft and text != 'x', says: Editors change drafts.}
    - chief if pin = '1'
  delete: chief if pin = '1'
""",
    "memo.yaml": """\
name: Memo
fields: {text: str, org: str? = me.org, level: int?}
access:
  tenant: org
  read: user
  create: user
  update: user if level > 3 and (text = 'a' or not (text = 'b'))
""",
    "book.yaml": """\
name: Book
fields: {title: str, owner_id: int = me}
api: {write: {lines: create}}
access: user
""",
    "line.yaml": """\
name: Line
fields: {book_id: -> Book, text: str}
access: {read: user, write: user if book.owner_id = 7 and text != 'x' and book.title = 'b'}
""",
    "page.yaml": """\
name: Page
fields: {text: str, note_id: -> Note?}
access:
  read: user
  create: user if text != 'a.b'
  update: user if note.owner_id = me
""",
}
OWN = "user if owner_id = me.id"


class Broken:
    """A database that stops while a denial is explained."""

    kind = "sqlite"

    def compile(self, statement: Any) -> Any:
        return statement

    async def read(self, *_: Any) -> Any:
        raise HTTPException(503, "The database is unavailable")


def broken(asker: Asker, denials: Any) -> tuple[Any, ...]:
    memos: Any = asker.application.module("memos.routes").memos
    operations: Any = asker.application.module("kit.access.row_operations").RowOperations(
        memos.unguarded, memos.access, frozenset()
    )
    return operations, None, denials.Write("update", 1, {})


def said(answer: Any) -> str:
    (problem,) = answer.json()["detail"]
    return str(problem["msg"])


async def check_undone(asker: Asker, lines: Callable[[], list[str]]) -> None:
    """Check the line about a row that was sent with another one, which is undone with it."""
    lines()
    sent = {"title": "b", "lines": [{"text": "y"}]}
    assert (await asker.ask("POST /books/", sent)).json()["detail"][0]["loc"] == [
        "body",
        "lines",
        0,
    ]
    (line,) = lines()
    undone = "not evaluated: depends on the parent row, which was rolled back"
    assert f"[text != 'x': yes] [book.owner_id = 7: {undone}] [book.title = 'b': {undone}]" in line
    book = await asker.row("POST /books/", sent | {"owner_id": 7}, by=7)
    lines()
    await asker.ask("POST /lines/", {"book_id": book["id"], "text": "x"}, by=7)
    assert "[book.owner_id = 7: yes] [text != 'x': NO] [book.title = 'b': yes]" in lines()[0]


async def check(asker: Asker, lines: Callable[[], list[str]]) -> None:
    ask, row = asker.ask, asker.row
    note = await row("POST /notes/", {"words": "a"})
    path = f"/notes/{note['id']}"
    lines()

    answer = await ask(f"PATCH {path}", {"owner_id": 2})
    rules = f"{OWN} and old.status = draft; or editor if status = draft and words != 'x'"
    assert said(answer) == f"To update this row of Note, a rule must hold: {rules}"
    (line,) = lines()
    denied = f"caller '1' may not update row {note['id']} of Note: {OWN} and old.status = draft"
    assert line.startswith(denied)
    assert " [owner_id = me.id: before yes, after NO] [old.status = draft: yes] at " in line
    assert "notes/access.py:" in line
    assert "editor" not in line

    answer = await ask(f"PATCH {path}", {"words": "x"}, by=2, roles=["editor"])
    assert said(answer) == "Editors change drafts."
    (line,) = lines()
    assert "status = draft: yes" in line
    assert "words != 'x': before yes, after NO" in line
    assert "owner_id = me.id: NO" in line

    # A write-only property is not told.
    answer = await ask(f"DELETE {path}", by=3, roles=["chief"])
    assert said(answer) == "No rule lets this caller delete this row of Note"
    assert "chief if pin = '1' [pin = '1': NO (null)]" in lines()[0]

    answer = await ask("POST /notes/", {"words": "a and b", "owner_id": 9}, roles=["editor"])
    assert said(answer) == (
        f"To create this row of Note, a rule must hold: {OWN}; or editor if words != 'a and b'"
    )
    (line,) = lines()
    assert "may not create this new row of Note" in line
    assert "[words != 'a and b': NO]" in line

    answer = await ask("PATCH /notes/bulk", [{"id": note["id"], "status": "draft"}], by=5)
    assert answer.json()["detail"][0]["loc"] == ["body", 0]
    assert f"row {note['id']}" in lines()[0]
    await ask("POST /notes/bulk", [{"words": "c"}, {"words": "d", "owner_id": 9}])
    assert "owner_id = me.id: NO" in lines()[0]
    await ask(f"DELETE /notes/bulk?id={note['id']}", by=3, roles=["chief"])
    assert "pin = '1': NO (null)" in lines()[0]

    await check_undone(asker, lines)
    memo = await row("POST /memos/", {"text": "b", "level": 2}, org="reds")
    answer = await ask(f"PATCH /memos/{memo['id']}", {"level": 5}, org="reds")
    assert said(answer).endswith("user if level > 3 and (text = 'a' or not (text = 'b'))")
    (line,) = lines()
    assert "org = me.org: yes" in line
    assert "level > 3: before NO, after yes" in line
    assert "(text = 'a' or not (text = 'b')): NO" in line
    # A database that fails meanwhile does not change the response.
    denials: Any = asker.application.module("kit.access.denials")
    await denials.RowDenied(*broken(asker, denials)).log(Broken())
    assert lines()[0].endswith("may not update row 1 of Memo: no explanation")
    # What is hidden or missing is no denial, and is not explained.
    assert await asker.status(f"PATCH /memos/{memo['id']}", {}, org="blues") == 404
    assert await asker.status(f"PATCH {path}", {}, by=None) == 401
    assert lines() == []


async def check_relations(asker: Asker) -> None:
    """A rule over a relation may be about properties that the caller cannot see: it is not told."""
    refused = await asker.ask("POST /pages/", {"text": "a.b"})
    assert "user if text != 'a.b'" in said(refused)
    note = await asker.row("POST /notes/", {"words": "z"})
    page = await asker.row("POST /pages/", {"text": "a", "note_id": note["id"]})
    refused = await asker.ask(f"PATCH /pages/{page['id']}", {"text": "b"}, by=2)
    assert said(refused) == "No rule lets this caller update this row of Page"


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_denials_over_relations_are_not_told(kind: str, new_database: Callable[[str], str]) -> None:
    run(APP, SPEC, new_database(kind), check_relations)


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_denials_are_explained(
    kind: str, new_database: Callable[[str], str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)

    def lines() -> list[str]:
        found = [one.getMessage() for one in caplog.records if one.name.endswith("denials")]
        caplog.clear()
        return found

    run(APP, SPEC, new_database(kind), lambda asker: check(asker, lines))
