"""Rows under a row that the caller cannot read: 404, with and without functions."""

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import text

from crudgen.codegen import render
from crudgen.delivery.memory import import_tree, unload
from crudgen.language import load_texts
from tests.access.test_races import WAITING
from tests.access.vocabulary import Asker, serving

pytestmark = pytest.mark.long

APP = "auth: {roles: [editor], me: {id: int = sub}}\n"
ENTITIES = {
    "room.yaml": "name: Room\nfields: {open: bool = true}\napi: {nested: [notes]}\naccess: user\n",
    "shelf.yaml": """\
name: Shelf
fields: {room_id: -> Room, open: bool = true}
api: {nested: [books]}
access: {read: [user if room.open, editor], create: user}
""",
    "safe.yaml": "name: Safe\nfields: {code: str}\naccess: {read: editor, create: editor}\n",
    "book.yaml": """\
name: Book
fields:
  title: str(1..9) unique
  price: int = 0
  shelf_id: -> Shelf
  safe_id: -> Safe?
check: [{rule: price < 10, says: Too expensive}]
api: {write: {pages: create}}
access:
  read: user
  create: [user if shelf.open, editor]
  fields: {price: {write: "user if price != 5"}}
""",
    "page.yaml": """\
name: Page
fields: {text: str, book_id: -> Book}
access: {read: user, create: editor}
""",
    "note.yaml": """\
name: Note
fields: {text: str(1..9) unique, room_id: -> Room, safe_id: -> Safe?}
access: user
""",
}
MISSING = (404, {"detail": "Shelf not found"})
SOURCE = '''\
"""What happens with {plural}."""

from ..caller import Caller
from ..kit.hooks import Transaction
from .models import {name}, {name}Create


def create(tx: Transaction[Caller], row: {name}Create) -> {name}:
    """Create a row."""
    return tx.create({name}, row)
'''
BODIES: tuple[tuple[dict[str, Any], int], ...] = (
    ({"title": "taken"}, 409),
    ({"title": "a", "price": 5}, 403),
    ({"title": "a", "price": 11}, 422),
    ({"title": "a", "safe_id": 1}, 409),
    ({"title": "a", "pages": [{"text": "x"}]}, 403),
    ({"title": "new"}, 200),
)
"""New books, and the statuses under a shelf that the caller can read."""
LOCKS = (
    # The condition is about another row, which the transaction changes together with this one.
    ("SELECT 1 FROM shelf FOR UPDATE", "UPDATE room SET open = false"),
    ("SELECT 1 FROM shelf FOR UPDATE", "UPDATE shelf SET room_id = 2"),
)
"""What another transaction does while a request waits for the row above."""


@pytest.fixture(params=["", "hooks: [create]\n"], ids=["rules", "functions"])
def package(request: pytest.FixtureRequest) -> Iterator[Any]:
    entities = dict(ENTITIES)
    for name in ("book.yaml", "note.yaml"):
        entities[name] = entities[name].replace("access:", f"{request.param}access:", 1)
    tree = dict(render(load_texts(entities, APP)))
    if request.param:
        for plural, name in (("books", "Book"), ("notes", "Note")):
            tree[f"app/{plural}/hooks.py"] = SOURCE.format(plural=plural, name=name)
    found = import_tree(tree)
    yield found
    unload(found)


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_the_row_above_is_missing(
    package: Any, kind: str, new_database: Callable[[str], str]
) -> None:
    """Nothing of a new row matters if the row above does not exist for the caller."""

    async def check() -> None:
        async with serving(package, new_database(kind)) as asker:
            await rows_above(asker)
            for body, status in BODIES:
                request = "POST /shelves/1/books/"
                for path in ("shelves/9", "shelves/2", f"shelves/{2**70}"):
                    answer = await asker.ask(f"POST /{path}/books/", body)
                    assert (answer.status_code, answer.json()) == MISSING, (path, body)
                answer = await asker.ask("POST /shelves/9/books/", body, roles=["editor"])
                assert (answer.status_code, answer.json()) == MISSING, body
                answer = await asker.ask(request, body)
                assert answer.status_code == status, (body, answer.text)
            # The rules are about no row of the caller.
            for note, status in (({"text": "taken"}, 409), ({"text": "a", "safe_id": 1}, 409)):
                answer = await asker.ask("POST /rooms/9/notes/", note)
                assert (answer.status_code, answer.json()) == (404, {"detail": "Room not found"})
                assert await asker.status("POST /rooms/1/notes/", note) == status
            assert await asker.status("POST /rooms/1/notes/", {"text": "new"}) == 200
            assert await asker.status("POST /rooms/9/notes/", {"text": "x"}, by=None) == 401

    asyncio.run(check())


@pytest.mark.parametrize("package", ["hooks: [create]\n"], ids=["functions"], indirect=True)
@pytest.mark.parametrize("kind", ["postgresql"])
def test_the_row_above_is_hidden_while_a_request_waits(
    package: Any, kind: str, new_database: Callable[[str], str]
) -> None:
    async def check() -> None:
        async with serving(package, new_database(kind)) as asker:
            await rows_above(asker)
            for changes in LOCKS:
                with asker.engine.begin() as connection:
                    connection.execute(text("UPDATE room SET open = id = 1"))
                    connection.execute(text("UPDATE shelf SET room_id = id"))
                answer = await behind(asker, changes)
                assert (answer.status_code, answer.json()) == MISSING, (changes, answer.text)
            with asker.engine.connect() as connection:
                assert connection.scalar(text("SELECT count(*) FROM book")) == 1

    asyncio.run(check())


async def rows_above(asker: Asker) -> None:
    """Create shelves in an open and in a closed room, and a row with each unique value."""
    editor: dict[str, Any] = {"roles": ["editor"], "by": 2}
    for number in (1, 2):
        await asker.row("POST /rooms/", {"open": number == 1})
        await asker.row("POST /shelves/", {"room_id": number}, **editor)
    await asker.row("POST /safes/", {"code": "x"}, **editor)
    await asker.row("POST /shelves/1/books/", {"title": "taken"})
    await asker.row("POST /rooms/1/notes/", {"text": "taken"})


async def behind(asker: Asker, changes: tuple[str, ...]) -> Any:
    """Return the response to a request that waits for a transaction."""
    with asker.engine.connect() as connection:
        for change in changes:
            connection.execute(text(change))
        waiting = asyncio.create_task(asker.ask("POST /shelves/1/books/", {"title": "x"}))
        with asker.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as other:
            while not other.scalar(WAITING) and not waiting.done():  # noqa: ASYNC110
                await asyncio.sleep(0.005)
        assert not waiting.done(), (changes, waiting.result().text)
        connection.commit()
    return await waiting
