"""The events of rows that one transaction changes several times: what was committed."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from crudgen.delivery.memory import unload
from tests.hooks.city import City, in_city, package_of
from tests.hooks.test_events import told

ENTITIES = {
    "box.yaml": "name: Box\nfields: {name: str}\n",
    "item.yaml": """\
name: Item
fields: {code: str(1..9) pk, size: int = 0, box_id: -> Box? cascade}
hooks: [on_create, on_update, on_delete, on_drop, on_lose]
actions: {drop: {}, lose: {}}
""",
    "plan.yaml": "name: Plan\nfields: {steps: str}\nhooks: [create]\n",
}
ITEMS = '''\
"""What happens with items."""

from ..kit.events import Event
from ..kit.hooks import Transaction
from .models import Item

stops: dict[str, object] = {}
told: list[Event] = []


def drop(tx: Transaction, item: Item) -> Item:
    """Delete an item."""
    tx.delete(item)
    return item


def lose(tx: Transaction, item: Item) -> Item:
    """Delete an item by the session."""
    tx.session.delete(item)
    return item


async def on_create(event: Event) -> None:
    """Tell of an event."""
    told.append(event)


on_update = on_delete = on_drop = on_lose = on_create
'''
PLANS = '''\
"""What happens with plans."""

from ..boxes.models import Box, BoxCreate
from ..items.models import Item, ItemCreate, ItemUpdate
from ..kit.hooks import Transaction
from .models import Plan, PlanCreate


def create(tx: Transaction, plan: PlanCreate) -> Plan:
    """Create, update and delete one item, in the steps that the plan says."""
    begun = []
    box = tx.create(Box, BoxCreate(name="box"))
    for number, step in enumerate(plan.steps, 1):
        item = tx.session.get(Item, "x")
        match step:
            case "c":
                tx.create(Item, ItemCreate(code="x", size=number, box_id=box.id))
            case "u":
                assert item is not None
                tx.update(item, ItemUpdate(size=number))
            case "d":
                assert item is not None
                tx.delete(item)
            case "s":
                tx.session.delete(item)
            case "b":
                tx.delete(box)
                tx.session.expire_all()
            case "[":
                begun.append(tx.session.begin_nested())
            case "]":
                begun.pop().rollback()
            case "+":
                begun.pop().commit()
            case "k":
                tx.session.commit()
            case "r":
                tx.session.rollback()
            case _:
                raise ValueError(step)
    return tx.create(Plan, plan)
'''
SEQUENCES: tuple[tuple[str, list[tuple[str, int]]], ...] = (
    # No item exists: it is left in the cases with an event, and then deleted.
    ("cd", []),
    ("cud", []),
    ("cs", []),
    ("cb", []),
    ("cdc", [("create", 3)]),
    ("cdcd", []),
    ("cu", [("create", 2), ("update", 2)]),
    # `[` begins a savepoint, `]` rolls it back and `+` keeps it.
    ("[c]", []),
    ("c[u]", [("create", 1)]),
    ("c[d]", [("create", 1)]),
    ("[cd]c", [("create", 5)]),
    ("[c+u", [("create", 4), ("update", 4)]),
    ("[c+d", []),
    ("[[c+]", []),
)
EXISTING: tuple[tuple[str, list[tuple[str, int]]], ...] = (
    # The item has the size 0.
    ("d", [("delete", 0)]),
    ("ud", [("delete", 1)]),
    ("us", []),
    ("dc", [("delete", 0), ("create", 2)]),
    ("dcu", [("delete", 0), ("create", 3), ("update", 3)]),
    ("dcd", [("delete", 0)]),
    ("udcudc", [("delete", 1), ("create", 6)]),
    ("[d]", []),
    ("[u]", []),
    ("u[d]", [("update", 1)]),
    ("[d]u", [("update", 4)]),
    ("[d]ud", [("delete", 4)]),
    ("d[c]", [("delete", 0)]),
    ("[d+c", [("delete", 0), ("create", 4)]),
    ("u[[d+]", [("update", 1)]),
    ("u[[d]u+", [("update", 6)]),
    ("kukdr", [("update", 2)]),
)


@pytest.fixture(scope="module")
def package() -> Iterator[Any]:
    found = package_of(ENTITIES, items=ITEMS, plans=PLANS)
    yield found
    unload(found)


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_events_of_one_row(package: Any, kind: str, new_database: Callable[[str], str]) -> None:
    in_city(package, new_database(kind), _events, hooks="items.hooks")


async def _events(city: City) -> None:
    item = {"code": "x"}
    city.hooks.told.clear()
    for exists, sequences in ((False, SEQUENCES), (True, EXISTING)):
        for steps, expected in sequences:
            if exists:
                assert (await city.ask("POST", "/items/", item)).status_code == 200
                await told(city, 1)
            made = await city.ask("POST", "/plans/", {"steps": steps})
            assert made.status_code == 200, (steps, made.text)
            # The events of a row are in their order: one more is the last.
            is_left = (await city.ask("GET", "/items/x")).status_code == 200
            if not is_left:
                await city.ask("POST", "/items/", item)
            await city.ask("DELETE", "/items/x")
            found = await told(city, len(expected) + (1 if is_left else 2))
            events = [(kind, row["size"]) for kind, _, row in found]
            assert events[: len(expected)] == expected, steps
            rest = [kind for kind, _ in events[len(expected) :]]
            assert rest == (["delete"] if is_left else ["create", "delete"]), steps

    # An action that deletes its row was called: it has its event, with what is known of the row.
    actions: tuple[tuple[str, list[tuple[str, int | None]]], ...] = (
        ("drop", [("delete", 5), ("drop", 5)]),
        ("lose", [("lose", None)]),
    )
    for action, kept in actions:
        await city.ask("POST", "/items/", item | {"size": 5})
        await told(city, 1)
        gone = await city.ask("POST", f"/items/x/{action}")
        assert gone.status_code == 204, gone.text
        found = await told(city, len(kept))
        assert [(kind, row and row["size"]) for kind, _, row in found] == kept
