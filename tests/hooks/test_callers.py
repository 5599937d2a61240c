"""Functions around operations keep the rules of the caller."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from fastapi import HTTPException, Request

from crudgen.delivery.memory import unload
from tests.access.test_rules import SECRET, bearer
from tests.hooks.city import City, in_city, package_of
from tests.hooks.test_events import until

pytestmark = pytest.mark.long

APP = "auth: {roles: [editor], me: {id: int = sub}}\n"
ENTITIES = {
    "note.yaml": """\
name: Note
fields: {text: str(1..40), owner_id: int?, team_id: int?}
hooks: [create, update, delete]
access:
  read: [user if owner_id = me.id, editor]
  create: [user if owner_id = me.id, editor]
  update: [user if owner_id = me.id, editor]
  delete: editor
""",
    "hero.yaml": """\
name: Hero
fields: {name: str(1..40) unique}
hooks: [create]
api: {idempotency: true}
access: {read: user, create: user}
""",
    "tag.yaml": """\
name: Tag
fields: {code: str(1..9) pk, label: str = x, by: int = me, made_by: int = me read_only}
hooks: [create, update]
api: {operations: [create, read, update, replace]}
access: {read: user, create: user, update: user}
""",
    "coin.yaml": """\
name: Coin
fields: {code: str(1..9) pk, worth: int = 1}
hooks: [create]
api: {operations: [create, list, replace]}
access: {read: user, create: editor, update: user}
""",
    "stamp.yaml": """\
name: Stamp
fields: {code: str(1..9) pk, kind: str = x}
hooks: [update]
api: {operations: [create, update, replace]}
access: {read: editor, create: user, update: editor}
""",
    "team.yaml": "name: Team\nfields: {name: str unique}\naccess: {read: user, create: editor}\n",
    "shelf.yaml": """\
name: Shelf
fields: {open: bool = true, keeper_id: int?}
api: {nested: [books]}
access: {read: [user if open or keeper_id = me, editor], write: editor}
""",
    "book.yaml": """\
name: Book
fields: {title: str unique, shelf_id: -> Shelf?, by: int = me read_only}
hooks: [create, delete, on_create]
access: {read: [user if by = me, editor], create: [user if shelf.open, editor], delete: user}
""",
    "deal.yaml": """\
name: Deal
fields: {title: str}
api: {write: {steps: create, seals: create}}
access: {read: editor, create: user}
""",
    "step.yaml": """\
name: Step
fields: {text: str, deal_id: -> Deal cascade}
hooks: [create]
access: user
""",
    "memo.yaml": """\
name: Memo
fields: {title: str}
api: {write: {parts: create}}
access: user
""",
    "part.yaml": """\
name: Part
fields: {text: str, note: str?, memo_id: -> Memo cascade}
hooks: [on_create]
access: {read: user, create: user, fields: {note: {read: editor}}}
""",
    "seal.yaml": """\
name: Seal
fields: {deal_id: -> Deal cascade}
hooks: [on_create]
access: {read: user, create: editor}
""",
    "log.yaml": "name: Log\nfields: {text: str}\naccess: nobody\n",
}
NOTES = '''\
"""What happens with notes."""

from ..caller import Caller
from ..kit.hooks import Transaction
from ..logs.models import Log, LogCreate
from ..teams.models import Team, TeamCreate
from .models import Note, NoteCreate, NoteUpdate


def create(tx: Transaction[Caller], note: NoteCreate) -> Note:
    """Create a note, and what its text says."""
    tx.session.add(Log(text=f"note of {tx.caller.id}"))
    if note.text == "team":
        tx.create(Team, TeamCreate(name="Reds"))
    if note.text == "log":
        tx.create(Log, LogCreate(text="not allowed"))
    return tx.create(Note, note)


def update(tx: Transaction[Caller], note: Note, changes: NoteUpdate) -> Note:
    """Update a note."""
    return tx.update(note, changes)


def delete(tx: Transaction[Caller], note: Note) -> None:
    """Delete a note."""
    tx.delete(note)
'''
BOOKS = '''\
"""What happens with books."""

from ..caller import Caller
from ..kit.events import Event
from ..kit.hooks import Transaction
from .models import Book, BookCreate

passed: list[str] = []


def create(tx: Transaction[Caller], book: BookCreate) -> Book:
    """Create a book."""
    passed.append(book.title)
    return tx.create(Book, book)


async def on_create(event: Event) -> None:
    """Remember a book."""
    passed.append(f"{event.row['title'] if event.row else None} is told")


def delete(tx: Transaction[Caller], book: Book) -> None:
    """Delete a book."""
    tx.delete(book)
'''
STEPS = '''\
"""What happens with steps."""

from ..caller import Caller
from ..kit.hooks import Transaction
from .models import Step, StepCreate

passed: list[str] = []


def create(tx: Transaction[Caller], step: StepCreate) -> Step:
    """Create a step, perhaps of another deal."""
    passed.append(step.text)
    if step.text == "move":
        step.deal_id = 1
    return tx.create(Step, step)
'''
HEROES = '''\
"""What happens with heroes."""

from ..caller import Caller
from ..kit.hooks import Transaction
from .models import Hero, HeroCreate

stops: dict[str, object] = {}


def create(tx: Transaction[Caller], hero: HeroCreate) -> Hero:
    """Create a hero of the caller."""
    hero.name = f"{hero.name} of {tx.caller.id}"
    return tx.create(Hero, hero)
'''
TAGS = '''\
"""What happens with tags."""

from ..caller import Caller
from ..kit.hooks import Transaction
from .models import Tag, TagCreate, TagUpdate


def create(tx: Transaction[Caller], tag: TagCreate) -> Tag:
    """Create a tag."""
    return tx.create(Tag, tag)


def update(tx: Transaction[Caller], tag: Tag, changes: TagUpdate) -> Tag:
    """Update a tag."""
    return tx.update(tag, changes)
'''

STAMPS = '''\
"""What happens with stamps."""

from ..caller import Caller
from ..kit.hooks import Transaction
from .models import Stamp, StampUpdate


def update(tx: Transaction[Caller], stamp: Stamp, changes: StampUpdate) -> Stamp:
    """Update a stamp."""
    return tx.update(stamp, changes)
'''
COINS = '''\
"""What happens with coins."""

from ..caller import Caller
from ..kit.hooks import Transaction
from .models import Coin, CoinCreate

passed: list[str] = []


def create(tx: Transaction[Caller], coin: CoinCreate) -> Coin:
    """Create a coin, whatever the rules say."""
    passed.append(coin.code)
    made = Coin(code=coin.code, worth=coin.worth)
    tx.session.add(made)
    return made
'''


SOURCES = {
    "notes": NOTES,
    "heroes": HEROES,
    "tags": TAGS,
    "books": BOOKS,
    "steps": STEPS,
    "coins": COINS,
    "stamps": STAMPS,
}


@pytest.fixture(scope="module")
def package() -> Iterator[Any]:
    found = package_of(ENTITIES, APP, **SOURCES)
    yield found
    unload(found)


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_rules_of_the_caller(package: Any, kind: str, new_database: Callable[[str], str]) -> None:
    in_city(package, new_database(kind), _rules, auth_secret=SECRET)


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_rows_under_a_row(package: Any, kind: str, new_database: Callable[[str], str]) -> None:
    in_city(package, new_database(kind), _nested, auth_secret=SECRET)


async def _nested(city: City) -> None:
    ann, editor = bearer([], sub="1"), bearer(["editor"], sub="3")
    for is_open in (True, False):
        await city.ask("POST", "/shelves/", {"open": is_open}, **editor)
    passed = city.application.module("books.hooks").passed
    passed.clear()
    added = await city.ask("POST", "/shelves/1/books/", {"title": "a"}, **ann)
    assert added.json() == {"title": "a", "shelf_id": 1, "by": 1, "id": 1}
    assert (await city.ask("GET", "/shelves/1/books/", **ann)).json() == [added.json()]
    await until(lambda: len(passed) == 2)
    assert passed == ["a", "a is told"]
    for method, body in (("GET", None), ("POST", {"title": "b"})):
        hidden = await city.ask(method, "/shelves/2/books/", body, **ann)
        missing = await city.ask(method, "/shelves/9/books/", body, **ann)
        assert (hidden.status_code, hidden.text) == (404, missing.text)
    assert (await city.ask("POST", "/shelves/1/books/", {"title": "b"})).status_code == 401
    assert len(passed) == 2, "no function was called"
    closed = await city.ask("POST", "/shelves/2/books/", {"title": "b"}, **editor)
    assert (closed.status_code, closed.json()["shelf_id"]) == (200, 2)
    await city.ask("PATCH", "/shelves/1", {"open": False}, **editor)
    again = await city.ask("POST", "/shelves/1/books/", {"title": "c"}, **ann)
    assert (again.status_code, again.json()) == (404, {"detail": "Shelf not found"})
    assert (await city.ask("GET", "/books/", **editor)).json()[1]["title"] == "b"


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_rows_created_together(package: Any, kind: str, new_database: Callable[[str], str]) -> None:
    in_city(package, new_database(kind), _together, auth_secret=SECRET)


async def _together(city: City) -> None:
    """A caller cannot read the new deal, but a function can create its steps."""
    ann, editor = bearer([], sub="1"), bearer(["editor"], sub="3")
    passed = city.application.module("steps.hooks").passed
    passed.clear()
    made = await city.ask("POST", "/deals/", {"title": "a", "steps": [{"text": "x"}]}, **ann)
    assert (made.status_code, made.content) == (204, b""), made.text
    steps = [{"text": "x", "deal_id": 1, "id": 1}]
    assert (await city.ask("GET", "/steps/", **editor)).json() == steps
    seen = await city.ask("POST", "/deals/", {"title": "b", "seals": [{}]}, **editor)
    assert seen.json() == {"title": "b", "id": 2, "steps": [], "seals": [{"deal_id": 2, "id": 1}]}

    # The response has what they see of each row.
    parts = {"title": "m", "parts": [{"text": "x", "note": "secret"}]}
    shown = await city.ask("POST", "/memos/", parts, **ann)
    assert shown.json()["parts"] == [{"text": "x", "memo_id": 1, "id": 1}]
    assert (await city.ask("GET", "/parts/1", **editor)).json()["note"] == "secret"

    # Another deal that they cannot read does not exist for them.
    moved = await city.ask("POST", "/deals/", {"title": "c", "steps": [{"text": "move"}]}, **ann)
    assert moved.status_code == 409, moved.text
    assert moved.json()["detail"][0]["loc"] == ["body", "steps", 0]
    assert passed == ["x", "move"]
    body = {"title": "d", "steps": [{"text": "y"}], "seals": [{}]}
    denied = await city.ask("POST", "/deals/", body, **ann)
    assert (denied.status_code, denied.json()["detail"][0]["loc"]) == (403, ["body", "seals"])
    assert passed == ["x", "move"], "no function was called"
    assert len((await city.ask("GET", "/deals/", **editor)).json()) == 2
    assert (await city.ask("GET", "/steps/", **editor)).json() == steps


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_put_of_a_missing_row(package: Any, kind: str, new_database: Callable[[str], str]) -> None:
    in_city(package, new_database(kind), _put, auth_secret=SECRET)


async def _put(city: City) -> None:
    """The function `create` runs for callers who may create rows, whatever it does itself."""
    ann, editor = bearer([], sub="1"), bearer(["editor"], sub="3")
    passed = city.application.module("coins.hooks").passed
    passed.clear()
    for method, path, status in (("POST", "/coins/", 403), ("PUT", "/coins/a", 404)):
        denied = await city.ask(method, path, {"code": "a"}, **ann)
        assert denied.status_code == status, denied.text
    assert passed == []
    made = await city.ask("PUT", "/coins/a", {"code": "a"}, **editor)
    assert (made.status_code, passed) == (200, ["a"]), made.text
    changed = await city.ask("PUT", "/coins/a", {"code": "a", "worth": 2}, **ann)
    assert changed.json() == {"code": "a", "worth": 2}
    assert passed == ["a"]
    coins = city.application.module("coins.routes").coins
    create = city.application.module("coins.models").CoinCreate
    caller = city.application.module("caller").Caller(sub="1", id=1)
    with pytest.raises(HTTPException) as found:  # a handler of the owner
        await coins.view(caller).create(city.app.state.database, _request(city), create(code="b"))
    assert (found.value.status_code, passed) == (403, ["a"])

    # The 412 of a caller who cannot read stamps would tell which exist.
    for code, status in (("x", 204), ("x", 403), ("y", 403)):
        headers = ann if status == 204 else ann | {"if_match": "*"}
        put = await city.ask("PUT", f"/stamps/{code}", {"code": code}, **headers)
        assert put.status_code == status, put.text


def _request(city: City) -> Request:
    return Request({"type": "http", "headers": [], "path": "/coins/", "app": city.app})


async def _rules(city: City) -> None:
    ann, bob = bearer([], sub="1"), bearer([], sub="2")
    editor = bearer(["editor"], sub="3")

    async def ask(who: dict[str, str], method: str, path: str, body: Any = None) -> Any:
        return await city.ask(method, path, body, **who)

    assert (await ask({}, "POST", "/notes/", {"text": "a"})).status_code == 401
    mine = await ask(ann, "POST", "/notes/", {"text": "a", "owner_id": 1})
    assert mine.status_code == 200, mine.text
    assert mine.headers["location"] == "/notes/1"
    assert (await ask(ann, "GET", "/notes/1")).content == mine.content
    for body in (
        {"text": "b", "owner_id": 2},
        {"text": "team", "owner_id": 1},
        {"text": "log", "owner_id": 1},
    ):
        refused = await ask(ann, "POST", "/notes/", body)
        assert refused.status_code == 403, refused.text
    assert len((await ask(editor, "GET", "/notes/")).json()) == 1
    assert (await ask(editor, "GET", "/teams/")).json() == []
    made = await ask(editor, "POST", "/notes/", {"text": "team", "owner_id": 1})
    assert made.status_code == 200, made.text
    assert [one["name"] for one in (await ask(editor, "GET", "/teams/")).json()] == ["Reds"]

    for changes in ({"text": "x"}, {}):
        hidden = await ask(bob, "PATCH", "/notes/1", changes)
        assert (hidden.status_code, hidden.json()) == (404, {"detail": "Note not found"})
    changed = await ask(ann, "PATCH", "/notes/1", {"text": "c"})
    assert changed.json()["text"] == "c"
    given = await ask(ann, "PATCH", "/notes/1", {"owner_id": 2})
    assert given.status_code == 403, given.text
    moved = await ask(editor, "PATCH", "/notes/1", {"owner_id": 2})
    assert moved.json()["owner_id"] == 2
    assert (await ask(ann, "DELETE", "/notes/1")).status_code == 403
    assert (await ask(editor, "DELETE", "/notes/1")).json() == {"ok": True}

    made = await ask(ann, "PUT", "/tags/t", {"code": "t"})
    assert (made.json()["by"], made.json()["made_by"]) == (1, 1), made.text
    put = await ask(bob, "PUT", "/tags/t", {"code": "t"})
    assert (put.json()["by"], put.json()["made_by"]) == (2, 1), put.text
    sent = await ask(bob, "PUT", "/tags/t", {"code": "t", "by": 7})
    assert (sent.json()["by"], sent.json()["made_by"]) == (7, 1), sent.text

    key: dict[str, str] = {"idempotency_key": "k"}
    first = await ask(ann | key, "POST", "/heroes/", {"name": "x"})
    assert first.json()["name"] == "x of 1"
    assert (await ask(ann | key, "POST", "/heroes/", {"name": "x"})).content == first.content
    other = await ask(bob | key, "POST", "/heroes/", {"name": "x"})
    assert other.json()["name"] == "x of 2"
