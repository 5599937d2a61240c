"""An update after which the caller cannot read the row is 204, which the operation describes."""

from collections.abc import Callable
from typing import Any

import pytest

from crudgen.codegen import render
from crudgen.delivery.memory import import_tree, unload
from crudgen.language import load_texts
from tests.access.vocabulary import Asker, run
from tests.startup.started import Application

APP = "auth: {roles: [editor], me: {id: int = sub}}\n"
OPERATIONS = "api: {operations: [create, list, read, update, replace, update_many]}\n"
FIELDS = "fields: {text: str, is_hidden: bool = false, owner_id: int = 7}\n"
SHOWN = "user if is_hidden = false"


def spec(access: str) -> dict[str, str]:
    return {"note.yaml": f"name: Note\n{FIELDS}{OPERATIONS}access: {{{access}}}\n"}


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_an_update_that_hides_the_row_is_204(kind: str, new_database: Callable[[str], str]) -> None:
    rules = f"read: [{SHOWN}, editor], create: user, update: user"
    run(APP, spec(rules), new_database(kind), _hide)


async def _hide(asker: Asker) -> None:
    for number in range(3):
        await asker.row("POST /notes/", {"text": str(number)})
    hide: dict[str, Any] = {"text": "new", "is_hidden": True}
    for path, body in (
        ("PATCH /notes/1", hide),
        ("PUT /notes/2", hide),
        ("PATCH /notes/bulk", [{"id": 3, **hide}]),
    ):
        answer = await asker.ask(path, body)
        assert (answer.status_code, answer.content) == (204, b"")
    rows = await asker.row("GET /notes/", roles=["editor"])
    assert [row["text"] for row in rows] == ["new"] * 3


OWNER, SAME = "user if owner_id = me", "user if owner_id = me and is_hidden = false"
RULES = [
    ("read: anyone, update: user", False),
    ("read: user, update: [user, editor]", False),
    (f"read: [{SHOWN}, editor], update: user", True),
    (f"read: [{SHOWN}, editor], update: editor", False),
    (f"read: {OWNER}, update: {OWNER}", False),
    (f"read: [{OWNER}, editor], update: [{OWNER}, editor]", False),
    (f"read: {OWNER}, update: [{OWNER}, editor]", True),
    (f"read: {SAME}, update: {OWNER}", True),
    (f"read: [{SHOWN}, editor], update: {OWNER}", True),
    (f"read: {OWNER}, update: {OWNER.replace('owner', 'old.owner')}", True),
    (f"read: {OWNER}, update: {OWNER.replace('user', 'editor')}", False),
]


@pytest.mark.parametrize(("access", "can_hide"), RULES)
def test_only_updates_that_can_hide_a_row_describe_204(access: str, can_hide: bool) -> None:
    package = import_tree(render(load_texts(spec(f"{access}, create: nobody"), APP)))
    paths = Application(package).module("main").create_app().openapi()["paths"]
    unload(package)
    one = paths["/notes/{note_id}"]
    updates = (one["patch"], one["put"], paths["/notes/bulk"]["patch"])
    assert {"204" in each["responses"] for each in updates} == {can_hide}
