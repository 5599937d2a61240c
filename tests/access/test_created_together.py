"""Rows that are created together with another row are judged by their own rules.

`RULES=30` tests 30 random sets of rules.
"""

import asyncio
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import product
from random import Random
from typing import Any

import httpx
import pytest
from sqlalchemy import Engine, MetaData, create_engine
from sqlalchemy.pool import NullPool

from crudgen.codegen import render
from crudgen.delivery.memory import import_tree, unload
from crudgen.language import load_texts
from tests.access.mutants import mutated
from tests.access.test_rules import SECRET, bearer
from tests.startup.started import Application
from tests.support.asgi import AsgiClient

pytestmark = pytest.mark.long

NewDatabase = Callable[[str], str]
RULES = int(os.environ.get("RULES", "1"))
APP = "auth: {roles: [admin], me: {id: int = sub}}\n"
ENTITIES = {
    "Order": """\
name: Order
fields: {title: str(1..20) unique, owner_id: int?}
api: {write: {lines: create}, include: [lines], idempotency: true}
""",
    "Line": """\
name: Line
fields:
  code: str(1..20)? unique
  amount: int
  item_id: -> Item?
  maker_id: int? = me read_only
  order_id: -> Order cascade
""",
    "Item": "name: Item\nfields: {name: str(1..20), secret: bool = false}\n",
}
Row = Mapping[str, Any]
Rules = Mapping[str, tuple[str, str, str]]
"""For each entity the conditions to read and to create rows, of all users."""
CONDITIONS: Mapping[str, Mapping[str, Callable[[Row, Row, int], bool]]] = {
    "Order": {
        "owner_id = me": lambda row, _, me: row["owner_id"] == me,
        "owner_id is null": lambda row, _, __: row["owner_id"] is None,
        "title != 'b'": lambda row, _, __: row["title"] != "b",
    },
    "Line": {
        "amount < 5": lambda row, _, __: row["amount"] < 5,
        "maker_id = me": lambda row, _, me: row["maker_id"] == me,
        "not (maker_id = me)": lambda row, _, me: row["maker_id"] != me,
        "order.owner_id = me": lambda _, order, me: order["owner_id"] == me,
        "not (order.owner_id = me)": lambda _, order, me: order["owner_id"] not in (None, me),
        "order.title = 'a' and amount > 1": lambda row, order, _: (
            order["title"] == "a" and row["amount"] > 1
        ),
    },
    "Item": {"not secret": lambda row, _, __: not row["secret"]},
}
OWN: Rules = {
    "Order": ("owner_id = me", "title != 'b'", ""),
    "Line": ("amount < 5", "order.owner_id = me", "order.title = 'a' and amount > 1"),
    "Item": ("not secret", "", ""),
}
"""The last one lets users create rows too."""
ITEMS = {1: {"id": 1, "name": "a", "secret": False}, 2: {"id": 2, "name": "a", "secret": True}}
MISSING = 9
USER = 7


def random_rules(seed: int) -> Rules:
    random = Random(seed)  # noqa: S311 -- tests need no secrets

    def pick(name: str) -> tuple[str, str, str]:
        first, *others = (random.choice([*CONDITIONS[name]]) for _ in range(3))
        return (first, random.choice(["", others[0]]), others[-1])

    return {"Order": pick("Order"), "Line": pick("Line"), "Item": OWN["Item"]}


def texts(rules: Rules, hooks: str = "") -> dict[str, str]:
    """Return the text of each entity with its rules; an empty condition is none."""
    found = {}
    for name, entity in ENTITIES.items():
        read, *create = (f"user if {one}" if one else "user" for one in rules[name])
        creating = ", ".join(f'"{one}"' for one in dict.fromkeys(create))
        access = f'{{read: ["{read}", admin], create: [{creating}]}}'
        found[f"{name.lower()}.yaml"] = f"{entity}access: {access}\n{hooks}"
    return found


def allows(rules: Rules, name: str, action: str, row: Row, order: Row) -> bool:
    read, *create = rules[name]
    conditions = [read] if action == "read" else create
    return any(not one or CONDITIONS[name][one](row, order, USER) for one in conditions)


def bodies() -> Iterator[dict[str, Any]]:
    """Yield the bodies of new orders with lines. A code and a title are taken by hidden rows."""
    lines: Sequence[Sequence[dict[str, Any]]] = (
        [],
        [{"amount": 2}],
        [{"amount": 9}, {"amount": 1}],
        [{"amount": 2, "item_id": 1}, {"amount": 7, "item_id": 2}],
        [{"amount": 1}, {"amount": 2, "item_id": MISSING}, {"amount": 3, "item_id": 2}],
        [{"amount": 2, "code": "taken"}],
        [{"amount": 9, "code": "taken"}, {"amount": 9, "item_id": 2}],
    )
    for title, owner, sent in product("ab", (None, USER, 8), lines):
        yield {"title": title, "owner_id": owner, "lines": sent}
    yield {"title": "taken", "owner_id": USER, "lines": [{"amount": 2}]}
    yield {"title": "taken", "owner_id": 8, "lines": [{"amount": 9}]}


Expected = tuple[int, list[Any] | None]
"""A status, and the location of the first problem."""


def expected(rules: Rules, body: Mapping[str, Any], *, apart: bool = False) -> Expected:
    """Return the response to a body, as the rules say.

    If a function creates each line (`apart`), it is judged when those before it are inserted.
    """
    lines = [{"item_id": None, "code": None, "maker_id": USER, **one} for one in body["lines"]]
    readable = {key for key, row in ITEMS.items() if allows(rules, "Item", "read", row, {})}
    if not allows(rules, "Order", "create", body, body):
        return 403, ["body"]
    if body["title"] == "taken":
        return 409, ["body", "title"]
    for several in [[one] for one in enumerate(lines)] if apart else [[*enumerate(lines)]]:
        for index, line in several:
            if line["item_id"] not in {None, *readable}:
                return 409, ["body", "lines", index, "item_id"]
        for index, line in several:
            if not allows(rules, "Line", "create", line, body):
                return 403, ["body", "lines", index]
        for index, line in several:
            if line["code"] == "taken":
                return 409, ["body", "lines", index, "code"]
    seen = all(allows(rules, "Line", "read", line, body) for line in lines)
    return 200 if seen and allows(rules, "Order", "read", body, body) else 204, None


class Orders:
    """An application with orders, and its tables."""

    def __init__(
        self, client: AsgiClient, engine: Engine, rules: Rules, *, apart: bool = False
    ) -> None:
        self.client, self.engine, self.rules, self.apart = client, engine, rules, apart
        self._metadata = MetaData()
        self._metadata.reflect(engine)
        self.found: list[str] = []

    def reset(self) -> None:
        tables = self._metadata.tables
        with self.engine.begin() as connection:
            for name in ("line", "order", "item", "_answer"):
                connection.execute(tables[name].delete())
            connection.execute(tables["item"].insert(), [*ITEMS.values()])
            connection.execute(tables["order"].insert(), {"id": 1, "title": "taken"})
            taken = {"id": 1, "code": "taken", "amount": 99, "order_id": 1}
            connection.execute(tables["line"].insert(), taken)

    def counts(self) -> tuple[int, int]:
        with self.engine.connect() as connection:
            found = [
                len(connection.execute(self._metadata.tables[one].select()).all())
                for one in ("order", "line")
            ]
            return found[0] - 1, found[1] - 1

    async def post(self, body: Any, key: str = "") -> httpx.Response:
        headers = bearer([], sub=str(USER)) | ({"idempotency-key": key} if key else {})
        return await self.client.request("POST", "/orders/", json=body, headers=headers)

    async def check(self, body: Any, number: int) -> None:
        self.reset()
        status, place = wanted = expected(self.rules, body, apart=self.apart)
        answer = await self.post(body, f"key{number}")
        problems = answer.json()["detail"] if answer.status_code >= 400 else None
        if status == 403 and place == ["body"] and problems:
            problems[0]["loc"] = problems[0]["loc"] or place
        found = answer.status_code, problems and problems[0]["loc"]
        if found != wanted:
            self.found.append(f"{body}: {answer.status_code} {answer.text} instead of {wanted}")
        if self.counts() != ((1, len(body["lines"])) if status < 400 else (0, 0)):
            self.found.append(f"{body}: {self.counts()} rows were written")
        if answer.status_code < 400:
            again = await self.post(body, f"key{number}")
            same = [
                (one.status_code, one.content, one.headers.get("location"))
                for one in (answer, again)
            ]
            if same[0] != same[1] or self.counts()[0] != 1:
                self.found.append(f"{body}: {same[1]} instead of {same[0]}")


async def differences(
    package: Any, database: str, rules: Rules, *, apart: bool = False
) -> list[str]:
    application = Application(package)
    async with application.running(database, auth_secret=SECRET) as app:
        if database.startswith("sqlite"):
            engine = create_engine(database, poolclass=NullPool)
            return await _sent(Orders(AsgiClient(app), engine, rules, apart=apart))
        with application.connected(database) as engine:
            return await _sent(Orders(AsgiClient(app), engine, rules, apart=apart))


async def _sent(orders: Orders) -> list[str]:
    for number, body in enumerate(bodies()):
        await orders.check(body, number)
    return orders.found


def package_of(rules: Rules, mutation: Sequence[str] = (), hooks: str = "") -> Any:
    return import_tree(mutated(render(load_texts(texts(rules, hooks), APP)), mutation))


@pytest.mark.parametrize("seed", range(RULES))
def test_lines_are_judged_by_their_own_rules(seed: int, new_database: NewDatabase) -> None:
    rules = random_rules(seed) if seed else OWN
    package = package_of(rules)
    try:
        for kind in ("sqlite", "postgresql"):
            assert asyncio.run(differences(package, new_database(kind), rules)) == [], (kind, rules)
    finally:
        unload(package)


HOOKS = "hooks: [create]\n"


@pytest.mark.parametrize("seed", range(RULES))
def test_functions_create_lines_by_their_rules(seed: int, new_database: NewDatabase) -> None:
    rules = random_rules(seed) if seed else OWN
    package = package_of(rules, hooks=HOOKS)
    kinds = ("sqlite", "postgresql") if RULES > 1 else ("sqlite",)
    try:
        for kind in kinds:
            found = differences(package, new_database(kind), rules, apart=True)
            assert asyncio.run(found) == [], (kind, rules)
    finally:
        unload(package)


CHILDREN, COMPOSITE = "app/kit/access/children.py", "app/kit/rows/composite.py"
MUTANTS: Mapping[str, Sequence[str]] = {
    "rules": (CHILDREN, "if not found:", "if False:"),
    "references": (CHILDREN, "operations.references.checks(db.kind, new, error_at_child)", "[]"),
    "reading": (
        *(COMPOSITE, "if not all(read):", "if False:"),
        *(
            COMPOSITE,
            "if self._guard:\n                    count",
            "if False:\n                    count",
        ),
    ),
    "key": (CHILDREN, 'f"{NEW}{written.by}"', '"unused"'),
}
"""Changes of the kit that let something through: a file, an old text and a new one."""


@pytest.mark.long
@pytest.mark.parametrize("mutation", [*MUTANTS.values()][: None if RULES > 1 else 1])
def test_a_change_of_the_kit_is_found(mutation: Sequence[str], new_database: NewDatabase) -> None:
    package = package_of(OWN, mutation)
    try:
        assert asyncio.run(differences(package, new_database("sqlite"), OWN)) != []
    finally:
        unload(package)
