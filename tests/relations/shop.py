"""A few rows of every entity of the shop, created over HTTP."""

from pathlib import Path
from typing import Any

from tests.support.servers import Api

SPEC = Path(__file__).parents[1] / "specs/shop/entities"

CUSTOMERS: dict[str, dict[str, Any]] = {
    "ann": {"name": "Ann", "email": "ann@shop.example", "tier": "gold", "password": "ann's secret"},
    "bob": {"name": "Bob", "email": "bob@shop.example", "password": "bob's secret"},
    "cid": {"name": "Cid", "email": "cid@shop.example", "born": "2001-02-28", "password": "x" * 8},
}
CATEGORIES: dict[str, str | None] = {
    "home": None,
    "kitchen": "home",
    "knives": "kitchen",
    "garden": None,
}
PRODUCTS: dict[str, dict[str, Any]] = {
    "pan": {"name": "Pan", "price": "19.90", "weight": 1.25, "released": "2024-02-29"},
    "knife": {"name": "Knife", "price": "49.00", "status": "on sale", "cost": "20.00"},
    "rake": {"name": "Rake", "price": "9.99", "weight": 0.1},
    "gift": {"name": "Gift card", "price": "0.01", "status": "sold out"},
}
PLACES: dict[str, str | None] = {
    "pan": "kitchen",
    "knife": "knives",
    "rake": "garden",
    "gift": None,
}
TAGS = {
    "steel": "0190b0f0-0000-7000-8000-000000000001",
    "sharp": "0190b0f0-0000-7000-8000-000000000002",
    "green": "0190b0f0-0000-7000-8000-000000000003",
}


class Shop:
    """The keys of rows that were created, by entity and name."""

    def __init__(self, api: Api) -> None:
        self.api = api
        self.customers: dict[str, str] = {}
        self.addresses: dict[str, int] = {}
        self.suppliers: dict[str, int] = {}
        self.categories: dict[str, int] = {}
        self.orders: dict[str, int] = {}
        self.lines: dict[str, int] = {}
        self.reviews: dict[str, int] = {}

    def stocked(self) -> "Shop":
        """Create the rows."""
        for code, name in (("DE", "Germany"), ("IT", "Italy"), ("NO", "Norway")):
            self.create("countries", code=code, name=name)
        for name, body in CUSTOMERS.items():
            referrer = self.customers.get("ann")
            self.customers[name] = self.create("customers", **body, referrer_id=referrer)["id"]
        self.create("profiles", customer_id=self.customers["ann"], newsletter=True, settings={})
        for name, customer, country in (("rome", "ann", "IT"), ("oslo", "bob", "NO")):
            body = {"customer_id": self.customers[customer], "country_code": country}
            row = self.create("addresses", **body, street="Main street 1", city=name.title())
            self.addresses[name] = row["id"]
        for name, home in (("acme", "DE"), ("bits", None)):
            row = self.create("suppliers", name=name.title(), country_code=home, rating=0.1)
            self.suppliers[name] = row["id"]
        for name, parent in CATEGORIES.items():
            above = self.categories[parent] if parent else None
            self.categories[name] = self.create("categories", name=name, parent_id=above)["id"]
        for label, key in TAGS.items():
            self.create("tags", id=key, label=label, note="for us")
        for sku, fields in PRODUCTS.items():
            supplier = self.suppliers["bits" if sku == "rake" else "acme"]
            place = PLACES[sku]
            category = self.categories[place] if place else None
            keys = {"supplier_id": supplier, "category_id": category}
            self.create("products", sku=sku, **fields, **keys)
        self._order()
        return self

    def _order(self) -> None:
        rome = self.addresses["rome"]
        for name, customer, address in (("first", "ann", rome), ("second", "bob", None)):
            keys = {"customer_id": self.customers[customer], "shipping_id": address}
            row = self.create(
                "orders", **keys, billing_id=address, placed_at="2026-01-02T03:04:05Z"
            )
            self.orders[name] = row["id"]
        for name, order, sku in (
            ("first pan", "first", "pan"),
            ("first knife", "first", "knife"),
            ("second pan", "second", "pan"),
        ):
            keys = {"order_id": self.orders[order], "product_sku": sku}
            row = self.create("lines", **keys, quantity=2, price=PRODUCTS[sku]["price"])
            self.lines[name] = row["id"]
        for name, customer, sku in (("good", "ann", "pan"), ("bad", "bob", "pan")):
            keys = {"customer_id": self.customers[customer], "product_sku": sku}
            row = self.create("reviews", **keys, stars=5 if name == "good" else 1, text=name)
            self.reviews[name] = row["id"]
        for customer, sku in (("ann", "rake"), ("bob", "rake"), ("bob", "knife")):
            self.create("wish_entries", customer_id=self.customers[customer], product_sku=sku)

    def create(self, path: str, **body: Any) -> dict[str, Any]:
        answer = self.api.ask("POST", f"/{path.replace('_', '-')}/", json=body)
        assert answer.status_code == 200, answer.text
        row: dict[str, Any] = answer.json()
        return row
