"""Rows that are created together with another row: the functions of all of them run."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from fastapi import HTTPException

from crudgen.delivery.memory import unload
from tests.hooks.city import City, in_city, package_of
from tests.hooks.test_events import left, until

ENTITIES = {
    "bill.yaml": """\
name: Bill
fields: {title: str(1..40) unique, total: int = 0, shop_id: -> Shop? cascade}
hooks: [create, on_create]
actions: {close: {}}
api:
  operations: [create, list, read, create_many]
  write: {lines: create, notes: create}
  idempotency: true
  created: 201
""",
    "line.yaml": """\
name: Line
fields: {amount: int(..999), code: str(1..9)? unique, bill_id: -> Bill cascade}
hooks: [create, on_create]
""",
    "note.yaml": "name: Note\nfields: {text: str(1..9), bill_id: -> Bill cascade}\n",
    "shop.yaml": "name: Shop\nfields: {name: str(1..9)}\napi: {nested: [bills]}\n",
    "folder.yaml": """\
name: Folder
fields: {name: str(1..40) unique, parent_id: -> Folder? inverse(children) cascade}
hooks: [on_create]
api: {write: {children: create}}
""",
    "cart.yaml": "name: Cart\nfields: {name: str(1..9)}\napi: {write: {items: create}}\n",
    "item.yaml": """\
name: Item
fields: {name: str(1..9), cart_id: -> Cart? cascade read_only}
hooks: [create]
""",
    "tree.yaml": """\
name: Tree
fields: {name: str(1..9), parent_id: -> Tree? inverse(children) cascade}
hooks: [create]
api: {write: {children: create}}
""",
    "log.yaml": "name: Log\nfields: {text: str}\napi: {operations: [list]}\n",
}
PLACES = '''\
from ..kit.events import Event
from ..kit.hooks import Refused, Transaction
from ..logs.models import Log

stops: dict[str, BaseException] = {}
passed: list[str] = []
told: list[Event] = []


def at(place: str) -> None:
    """Stop at a place, with the error that a test has chosen."""
    passed.append(place)
    if place in stops:
        raise stops[place]


async def on_create(event: Event) -> None:
    """Remember a new row."""
    told.append(event)

'''
BILLS = (
    PLACES
    + '''
from fastapi import HTTPException

from ..lines.models import Line, LineCreate
from ..shops.models import Shop, ShopUpdate
from .bodies import BillCreateWithRelated
from .models import Bill, BillCreate


def create(tx: Transaction, bill: BillCreate) -> Bill:
    """Create a bill with its total."""
    at("bill 0")
    tx.session.add(Log(text=f"before {bill.title}"))
    at("bill 1")
    if bill.title == "twice":
        bill = bill.model_copy()
    if bill.title == "caught":
        try:
            return tx.create(Bill, bill)
        except HTTPException:
            return tx.create(Bill, BillCreate(title="other"))
    if bill.title in {"created", "updated", "deleted"}:
        try:
            return tx.create(Bill, bill)
        except HTTPException:
            shop = Shop(name="shop")
            tx.session.add(shop)
            if bill.title == "updated":
                tx.update(shop, ShopUpdate(name="other"))
            if bill.title == "deleted":
                tx.delete(shop)
            if bill.title != "created":
                raise Refused("title", "It is not reached") from None
            return tx.create(Bill, bill)
    if bill.title == "another":
        return tx.create(
            Bill, BillCreateWithRelated(title="x", lines=[{"amount": 1}, {"amount": 13}])
        )
    made = tx.create(Bill, bill)
    at("bill 2")
    lines = [one.amount for one in made.lines]
    assert len(lines) == len(getattr(bill, "lines", [])), "they exist"
    made.total = sum(lines)
    if bill.title == "more":
        tx.create(Line, LineCreate(amount=50, bill_id=made.id or 0))
    if bill.title == "less":
        tx.delete(made.lines[0])
    at("bill 3")
    return made


def close(tx: Transaction, bill: Bill) -> Bill:
    """Close a bill."""
    bill.total = 0
    return bill
'''
)
LINES = '''\
"""What happens with lines."""

from ..bills.hooks import Log, Refused, Transaction, at, on_create
from ..bills.models import Bill, BillCreate
from .models import Line, LineCreate

__all__ = ["create", "on_create"]


def create(tx: Transaction, line: LineCreate) -> Line:
    """Create a line of a bill."""
    bill = tx.session.get(Bill, line.bill_id)
    assert bill is not None, "the bill exists"
    assert type(line) is LineCreate
    at(f"line {line.amount} 0")
    if line.amount == 13:
        raise Refused("amount", "Unlucky")
    if line.amount == 14:
        tx.create(Bill, BillCreate(title="taken"))
    line.amount += 100 if line.amount == 7 else 0
    made = tx.create(Line, line)
    at(f"line {line.amount} 1")
    tx.session.add(Log(text=f"{bill.title}: {made.amount}"))
    tx.session.commit()
    at(f"line {line.amount} 2")
    return made
'''
OTHERS = '''\
"""What happens with {plural}."""

from ..bills.hooks import Transaction, at, on_create
from .models import {name}, {name}Create

__all__ = ["create", "on_create"]


def create(tx: Transaction, row: {name}Create) -> {name}:
    """Create a row."""
    at(row.name)
    return tx.create({name}, row)
'''


@pytest.fixture(scope="module")
def package() -> Iterator[Any]:
    others = {
        plural: OTHERS.format(plural=plural, name=name)
        for plural, name in (("folders", "Folder"), ("items", "Item"), ("trees", "Tree"))
    }
    found = package_of(ENTITIES, bills=BILLS, lines=LINES, **others)
    yield found
    unload(found)


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_rows_created_together(package: Any, kind: str, new_database: Callable[[str], str]) -> None:
    async def test(city: City) -> None:
        city.hooks.passed.clear()
        city.hooks.told.clear()
        await _bills(city)
        await _repeated(city)
        await _returned(city)
        await _others(city)
        await _undone(city)

    in_city(package, new_database(kind), test, hooks="bills.hooks")


PATHS = ("bills", "lines", "notes", "folders", "items", "trees", "logs")


async def everything(city: City) -> list[str]:
    """Return all rows."""
    return [(await city.ask("GET", f"/{path}/")).text for path in PATHS]


async def events(city: City, number: int) -> list[tuple[str, Any]]:
    """Wait for a number of events; return what is new in which rows, in their order."""
    kept = city.hooks.told
    await until(lambda: len(kept) >= number and not left(city))
    found = sorted((one.entity, one.key) for one in kept)
    kept.clear()
    return found


def passed(city: City) -> list[str]:
    """Return the places that functions have passed."""
    found = [*city.hooks.passed]
    city.hooks.passed.clear()
    return found


async def _bills(city: City) -> None:
    lines = [{"amount": 3, "code": "a"}, {"amount": 7}]
    body = {"title": "a", "lines": lines, "notes": [{"text": "x"}]}
    created = await city.ask("POST", "/bills/", body)
    assert created.status_code == 201, created.text
    bill = {"title": "a", "total": 110, "shop_id": None, "id": 1}
    line = {"amount": 3, "code": "a", "bill_id": 1, "id": 1}
    both = [line, {"amount": 107, "code": None, "bill_id": 1, "id": 2}]
    notes = [{"text": "x", "bill_id": 1, "id": 1}]
    assert created.json() == bill | {"lines": both, "notes": notes}
    assert created.headers["location"] == "/bills/1"
    read = await city.ask("GET", "/bills/1")
    assert read.json() == bill
    own, _, rest = created.headers["etag"].strip('"').partition(".")
    assert (own, bool(rest)) == (read.headers["etag"].strip('"'), True)
    assert passed(city) == [
        *("bill 0", "bill 1"),
        *("line 3 0", "line 3 1", "line 3 2", "line 7 0", "line 107 1", "line 107 2"),
        *("bill 2", "bill 3"),
    ]
    logs = [one["text"] for one in (await city.ask("GET", "/logs/")).json()]
    assert logs == ["before a", "a: 3", "a: 107"]
    assert await events(city, 3) == [("Bill", 1), ("Line", 1), ("Line", 2)]

    closed = await city.ask("POST", "/bills/1/close")
    assert closed.json() == bill | {"total": 0}

    # A bill without lines, and below a shop; several bills have none.
    alone = await city.ask("POST", "/bills/", {"title": "b"})
    assert (alone.json()["lines"], alone.json()["notes"]) == ([], [])
    await city.ask("POST", "/shops/", {"name": "s"})
    under = await city.ask("POST", "/shops/1/bills/", {"title": "c", "lines": [{"amount": 5}]})
    assert (under.status_code, under.headers["location"]) == (201, "/bills/3")
    assert under.json()["lines"] == [{"amount": 5, "code": None, "bill_id": 3, "id": 3}]
    assert (under.json()["shop_id"], under.json()["total"]) == (1, 5)
    many = await city.ask("POST", "/bills/bulk", [{"title": "d"}, {"title": "e"}])
    assert [one["total"] for one in many.json()] == [0, 0]
    lines = [{"amount": 1, "bill_id": 3}]
    assert (await city.ask("POST", "/lines/", lines[0])).json()["bill_id"] == 3
    assert len(await events(city, 6)) == 6
    passed(city)


async def _repeated(city: City) -> None:
    """A repeated request calls no function."""
    body = {"title": "once", "lines": [{"amount": 2}]}
    first = await city.ask("POST", "/bills/", body, idempotency_key="k")
    assert len(passed(city)) == 7
    again = await city.ask("POST", "/bills/", body, idempotency_key="k")
    assert (again.status_code, again.content) == (201, first.content)
    assert again.headers["etag"] == first.headers["etag"]
    assert again.headers["location"] == first.headers["location"]
    other = await city.ask("POST", "/bills/", body | {"lines": []}, idempotency_key="k")
    assert other.status_code == 422
    assert passed(city) == []
    assert len(await events(city, 2)) == 2


async def _returned(city: City) -> None:
    """The response has the rows of the body as they are in the end."""
    body = {"title": "less", "lines": [{"amount": 1}, {"amount": 2}]}
    less = (await city.ask("POST", "/bills/", body)).json()
    assert [one["amount"] for one in less["lines"]] == [2]
    more = (await city.ask("POST", "/bills/", body | {"title": "more"})).json()
    assert [one["amount"] for one in more["lines"]] == [1, 2]
    twice = await city.ask("POST", "/bills/", body | {"title": "twice"})
    assert [one["amount"] for one in twice.json()["lines"]] == [1, 2], "of a copy of the body"
    await until(lambda: not left(city))
    city.hooks.told.clear()
    passed(city)


async def _others(city: City) -> None:
    """Rows of one table, and rows of a table without functions."""
    children = [{"name": "b"}, {"name": "c"}]
    body = {"name": "a", "children": children}
    folder = (await city.ask("POST", "/folders/", body)).json()
    assert (folder["id"], folder["name"], folder["parent_id"]) == (1, "a", None)
    found = [(one["id"], one["name"], one["parent_id"]) for one in folder["children"]]
    assert found == [(2, "b", 1), (3, "c", 1)]
    assert await events(city, 3) == [("Folder", 1), ("Folder", 2), ("Folder", 3)]
    answer = await city.ask("POST", "/folders/", {"name": "z", "children": [{"name": "b"}]})
    assert answer.json()["detail"][0]["loc"] == ["body", "children", 0, "name"], answer.text

    tree = (await city.ask("POST", "/trees/", body)).json()
    assert (tree["id"], [one["parent_id"] for one in tree["children"]]) == (1, [1, 1])
    assert passed(city) == ["a", "b", "c"]
    cart = await city.ask("POST", "/carts/", {"name": "x", "items": [{"name": "y"}]})
    assert cart.json()["items"] == [{"name": "y", "cart_id": 1, "id": 1}]
    assert passed(city) == ["y"]


async def _undone(city: City) -> None:
    """An error at each place undoes everything, and has its place in the body."""
    lines = [{"amount": 1}, {"amount": 2, "code": "new"}]
    body = {"title": "new", "lines": lines, "notes": [{"text": "x"}]}
    passed(city)
    made = await city.ask("POST", "/bills/", body)
    assert made.status_code == 201, made.text
    places = passed(city)
    assert len(places) == 10
    await city.ask("POST", "/bills/", {"title": "taken", "lines": [{"amount": 1, "code": "t"}]})
    await until(lambda: not left(city))
    city.hooks.told.clear()
    before = await everything(city)
    fresh = body | {"title": "fresh", "lines": [{"amount": 1}, {"amount": 2, "code": "f"}]}
    for number, place in enumerate(places):
        error, status = [(RuntimeError("a mistake"), 500), (HTTPException(409, "No"), 409)][
            number % 2
        ]
        city.hooks.stops[place] = error
        key = {"idempotency_key": "never"} if number % 3 else {}
        answer = await city.ask("POST", "/bills/", fresh, **key)
        assert answer.status_code == status, (place, answer.text)
        assert await everything(city) == before, place
        city.hooks.stops.clear()

    conflict = {"type": "conflict", "msg": "The request conflicts with other rows"}
    unlucky = {"type": "refused", "msg": "Unlucky"}
    for changed, status, loc, problem in (
        ({"title": "taken"}, 409, ["title"], {}),
        ({"lines": [{"amount": 1}, {"amount": 13}]}, 422, ["lines", 1, "amount"], unlucky),
        ({"lines": [{"amount": 1}, {"amount": 2, "code": "t"}]}, 409, ["lines", 1, "code"], {}),
        ({"lines": [{"amount": 14}]}, 409, ["lines", 0], conflict),
        ({"lines": [{"amount": 1}, {"amount": 1000}]}, 422, ["lines", 1, "amount"], {}),
        ({"title": "caught", "lines": [{"amount": 13}]}, 422, ["lines", 0, "amount"], unlucky),
        ({"title": "created", "lines": [{"amount": 13}]}, 422, ["lines", 0, "amount"], unlucky),
        ({"title": "updated", "lines": [{"amount": 13}]}, 422, ["lines", 0, "amount"], unlucky),
        ({"title": "deleted", "lines": [{"amount": 13}]}, 422, ["lines", 0, "amount"], unlucky),
    ):
        answer = await city.ask("POST", "/bills/", fresh | changed)
        assert answer.status_code == status, (changed, answer.text)
        (found,) = answer.json()["detail"]
        assert found["loc"] == ["body", *loc], changed
        assert found.items() >= problem.items()
        assert await everything(city) == before, changed
    # Rows that a function creates beside that of the request have no place in the body.
    answer = await city.ask("POST", "/bills/", {"title": "another"})
    assert answer.status_code == 500, answer.text
    assert await everything(city) == before
    assert left(city) == []
    assert city.hooks.told == []
