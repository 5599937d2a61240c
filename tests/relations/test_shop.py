"""A shop of twelve entities, served and emitted, on both databases."""

from typing import Any

import pytest

from tests.relations.shop import SPEC, Shop
from tests.support.servers import COMBINATIONS, Servers

pytestmark = pytest.mark.long


@pytest.fixture(params=COMBINATIONS, ids="-".join)
def shop(request: pytest.FixtureRequest, servers: Servers) -> Shop:
    mode, kind = request.param
    return Shop(servers.api(SPEC, mode, kind).emptied()).stocked()


def get(shop: Shop, path: str, **parameters: Any) -> Any:
    answer = shop.api.ask("GET", path, params=parameters)
    assert answer.status_code == 200, answer.text
    return answer.json()


def delete(shop: Shop, path: str) -> None:
    answer = shop.api.ask("DELETE", path)
    assert (answer.status_code, answer.json()) == (200, {"ok": True})


def test_references_are_properties_and_filters(shop: Shop) -> None:
    pan = get(shop, "/products/pan")
    assert pan["category_id"] == shop.categories["kitchen"]
    assert pan["supplier_id"] == shop.suppliers["acme"]
    rome = shop.addresses["rome"]
    assert [row["id"] for row in get(shop, "/orders/", shipping_id=rome)] == [shop.orders["first"]]
    assert [row["product_sku"] for row in get(shop, "/lines/", order_id=shop.orders["first"])] == [
        *("pan", "knife")
    ]
    assert [row["name"] for row in get(shop, "/categories/", parent_id__isnull="true")] == [
        *("home", "garden")
    ]


def test_the_defaults_of_parameters_can_be_sent(shop: Shop) -> None:
    """Some generated clients send them with every request."""
    for path, methods in get(shop, "/openapi.json")["paths"].items():
        if "{" not in path and "get" in methods:
            described = methods["get"].get("parameters", ())
            values = {one["name"]: one["schema"].get("default") for one in described}
            get(shop, path, **{name: value for name, value in values.items() if value is not None})


def test_only_an_optional_reference_can_have_no_row(shop: Shop) -> None:
    schemas = get(shop, "/openapi.json")["components"]["schemas"]
    row = {"$ref": "#/components/schemas/OrderCustomerWithRelated"}
    for name in ("OrderPublicWithRelated", "OrderPublicWithEmbedded"):
        properties = schemas[name]["properties"]
        assert properties["customer"] == row
        assert {"type": "null"} in properties["shipping_address"]["anyOf"]
        assert ("customer" in schemas[name]["required"]) == name.endswith("Embedded")
    assert {"type": "null"} in schemas["CustomerPublicWithRelated"]["properties"]["profile"][
        "anyOf"
    ]


def test_rows_go_with_the_row_that_they_belong_to(shop: Shop) -> None:
    delete(shop, f"/orders/{shop.orders['first']}")
    assert [row["id"] for row in get(shop, "/lines/")] == [shop.lines["second pan"]]
    delete(shop, f"/customers/{shop.customers['ann']}")
    assert get(shop, "/profiles/") == []
    assert [row["city"] for row in get(shop, "/addresses/")] == ["Oslo"]
    wished = {row["customer_id"] for row in get(shop, "/wish-entries/")}
    assert wished == {shop.customers["bob"]}


def test_rows_stay_without_the_row_that_they_referred_to(shop: Shop) -> None:
    delete(shop, f"/addresses/{shop.addresses['rome']}")
    first = get(shop, f"/orders/{shop.orders['first']}")
    assert (first["shipping_id"], first["billing_id"]) == (None, None)
    assert first["customer_id"] == shop.customers["ann"]
    delete(shop, f"/orders/{shop.orders['first']}")
    delete(shop, f"/customers/{shop.customers['ann']}")
    assert get(shop, f"/reviews/{shop.reviews['good']}")["customer_id"] is None
    assert get(shop, f"/customers/{shop.customers['bob']}")["referrer_id"] is None


@pytest.mark.parametrize(
    "path",
    ["/countries/IT", "/suppliers/{acme}", "/categories/{home}", "/customers/{ann}"],
)
def test_a_row_that_others_refer_to_stays(shop: Shop, path: str) -> None:
    names = {**shop.suppliers, **shop.categories, **shop.customers}
    before = get(shop, path.format(**names))
    answer = shop.api.ask("DELETE", path.format(**names))
    assert answer.status_code == 409, answer.text
    assert get(shop, path.format(**names)) == before


def test_one_row_has_one_other(shop: Shop) -> None:
    body = {"customer_id": shop.customers["ann"]}
    answer = shop.api.ask("POST", "/profiles/", json=body)
    assert answer.status_code == 409
    assert answer.json()["detail"][0]["loc"] == ["body", "customer_id"]


def test_what_is_hidden_is_nowhere(shop: Shop) -> None:
    for path in ("customers", "products", "tags", "suppliers"):
        text = shop.api.ask("GET", f"/{path}/").text
        for hidden in ("password", "secret", "cost", "20.00", "note", "for us", "account"):
            assert hidden not in text


def test_a_row_under_a_row_begins_without_links(shop: Shop) -> None:
    path = f"/categories/{shop.categories['garden']}/products/"
    body = {"sku": "hoe", "name": "Hoe", "price": "7.00", "supplier_id": shop.suppliers["bits"]}
    answer = shop.api.ask("POST", path, json=body)
    assert answer.status_code == 200, answer.text
    assert answer.json()["tag_ids"] == []
    assert [row["sku"] for row in get(shop, path)] == ["hoe", "rake"]
