"""Rows are created together with others, or under others, while their targets are deleted.

`ROUNDS=200 python -m pytest -s tests/concurrency/test_composite.py` is the extended run.
"""

from collections.abc import Callable
from typing import Any

import pytest

from tests.concurrency.crowd import Crowd
from tests.concurrency.races import Writer, deletes_one, deletes_some, put, race, replaces_one


class Shop:
    """The orders that were created, with their lines and extras."""

    def __init__(self, crowd: Crowd) -> None:
        self._crowd = crowd
        self._created: dict[int, dict[str, Any]] = {}

    def prepare(self) -> None:
        """Create the targets; delete the orders of the turn before, with their lines."""
        for key in self._created:
            self._crowd.apis[0].ask("DELETE", f"/orders/{key}")
        self._created.clear()
        put(self._crowd, "/products")
        put(self._crowd, "/customers")

    def order(self, writer: Writer) -> None:
        """Create an order with lines and extras, and delete some of them."""
        body: dict[str, Any] = {
            "customer_id": writer.target(),
            "gift_id": writer.random.choice([None, writer.target()]),
            "lines": [{"product_id": key} for key in writer.targets(3)],
            "extras": [{"product_id": key} for key in writer.targets(2)],
        }
        made = writer.ask("POST", "/orders/", body)
        if made.status == 409:
            for one in made.body["detail"]:
                assert one["type"] == "no_target", made.body
            return
        order: dict[str, Any] = made.body
        for name in ("lines", "extras"):
            assert [one["product_id"] for one in order[name]] == [
                one["product_id"] for one in body[name]
            ]
        if writer.random.random() < 0.7:
            assert writer.ask("DELETE", f"/orders/{order['id']}").status == 200
        else:
            self._created[order["id"]] = order

    def order_under_customer(self, writer: Writer) -> None:
        """Create an order of a customer, then a line of the order; delete the order."""
        made = writer.ask("POST", f"/customers/{writer.target()}/orders/", {})
        if made.status == 200:
            place = f"/orders/{made.body['id']}"
            writer.ask("POST", f"{place}/lines/", {"product_id": writer.target()})
            assert writer.ask("DELETE", place).status == 200

    def line_under_order(self, writer: Writer) -> None:
        """Create a line of an order that others may delete."""
        orders = [*self._created] or [1]
        found = writer.ask(
            "POST",
            f"/orders/{writer.random.choice(orders)}/lines/",
            {"product_id": writer.target()},
        )
        if found.status == 200:
            assert writer.ask("DELETE", f"/lines/{found.body['id']}").status in {200, 404}

    def delete_order(self, writer: Writer) -> None:
        if self._created:
            key, _ = self._created.popitem()
            assert writer.ask("DELETE", f"/orders/{key}").status == 200

    def check(self) -> None:
        """Every order that was created, and not deleted, has its lines and extras."""
        for name in ("lines", "extras"):
            stored = self._crowd.rows(f"/{name}/")
            created = [row for order in self._created.values() for row in order[name]]
            assert stored == sorted(created, key=lambda row: row["id"])
        assert {row["id"] for row in self._crowd.rows("/orders/")} == {*self._created}


@pytest.mark.long
def test_creates_of_several_rows_against_deletions_of_their_targets(crowd: Crowd) -> None:
    """A create stores all of its rows or none, and PostgreSQL finds no deadlock."""
    shop, before = Shop(crowd), len(crowd.deadlocks())
    jobs: list[Callable[[Writer], None]] = [
        deletes_one("/products"),
        deletes_some("/products"),
        deletes_some("/customers"),
        replaces_one("/products"),
        shop.order,
        shop.order,
        shop.order_under_customer,
        shop.line_under_order,
    ]
    expected = [
        ("POST /orders", 200),
        ("POST /orders", 409),
        ("DELETE /products", 200),
        ("DELETE /products", 409),
    ]
    race(crowd, shop.prepare, jobs, *expected, check=shop.check)
    assert not crowd.deadlocks(after=before)
