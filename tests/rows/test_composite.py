"""Rows that are created together with rows that refer to them."""

from typing import Any

import pytest
from sqlalchemy import text

from tests.support.servers import Api, Everywhere, Servers, write_entities

pytestmark = pytest.mark.long

SPECS = {
    "order": """
name: Order
fields: {number: int pk, customer: str(1..80), seal: str(1..20) unique}
api:
  operations: [create, list, read, update, delete, create_many]
  idempotency: true
  created: 201
  include: [lines]
  write: {lines: create, notes: create}
""",
    "line": """
name: OrderLine
fields:
  position: int pk
  product: str(1..80)
  price: decimal(9,2) min(0)
  secret: str = x write_only
  order_number: -> Order cascade inverse(lines)
  shelf_code: -> Shelf? inverse(lines)
unique: [[order_number, product]]
""",
    "shelf": """
name: Shelf
plural: shelves
fields: {code: str(1..10) pk}
api: {operations: [create, list, read, delete]}
""",
    "note": """
name: Note
fields: {words: str(1..80), order_number: -> Order? cascade read_only}
""",
    "basket": """
name: Basket
fields: {owner: str(1..20)}
api: {write: {items: create}}
""",
    "item": """
name: Item
fields: {basket_id: -> Basket cascade inverse(items), shelf_code: -> Shelf?}
""",
    "category": """
name: Category
fields: {name: str(1..20) pk, parent_name: -> Category? inverse(children)}
api: {operations: [create, list, read, delete], write: {children: create}}
""",
}
LINES = [
    {"position": 1, "product": "a", "price": "1.50"},
    {"position": 2, "product": "b", "price": 2.25},
]
ORDER = {"number": 7, "customer": "Ada", "seal": "s"}
SHOWN = [
    {"product": line["product"], "position": line["position"], "price": price}
    | {"order_number": 7, "shelf_code": None}
    for line, price in zip(LINES, ("1.50", "2.25"), strict=True)
]


@pytest.fixture(scope="module")
def started(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Everywhere:
    spec = write_entities(tmp_path_factory.mktemp("composite") / "entities", SPECS)
    return servers.everywhere(spec, keeps_names=True)


@pytest.fixture
def apis(started: Everywhere) -> Everywhere:
    """The applications without a row."""
    return started.emptied()


@pytest.fixture(params=range(4), ids=["served-sqlite", "served-pg", "emitted-sqlite", "emitted-pg"])
def api(request: pytest.FixtureRequest, apis: Everywhere) -> Api:
    number: int = request.param
    return apis.apis[number]


def problems(apis: Everywhere, body: Any) -> tuple[int, list[Any]]:
    """Return the status and the problems of a create that must not create anything."""
    response = apis.ask("POST", "/orders/", json=body)
    for path in ("/orders/", "/order-lines/", "/notes/"):
        assert apis.ask("GET", f"{path}?fields=order_number").json() == [] or path == "/orders/"
    assert apis.ask("GET", "/orders/7").status_code == 404
    return response.status_code, [(one["type"], one["loc"]) for one in response.json()["detail"]]


def test_rows_are_created_together(apis: Everywhere) -> None:
    made = apis.ask("POST", "/orders/", json=ORDER | {"lines": LINES})
    assert (made.status_code, made.json()) == (201, ORDER | {"lines": SHOWN, "notes": []})
    assert made.headers["location"] == "/orders/7"
    assert apis.ask("GET", "/order-lines/").json() == SHOWN
    read = apis.ask("GET", "/orders/7")
    assert read.json() == ORDER
    included = apis.ask("GET", "/orders/7?include=lines").json()
    assert included["lines"] == made.json()["lines"]


def test_no_row_must_be_sent(apis: Everywhere) -> None:
    made = apis.ask("POST", "/orders/", json=ORDER)
    assert made.json() == ORDER | {"lines": [], "notes": []}
    other = ORDER | {"number": 8, "seal": "t", "lines": []}
    assert apis.ask("POST", "/orders/", json=other).status_code == 201
    assert apis.ask("GET", "/order-lines/").json() == []


def test_the_etag_opens_if_match(apis: Everywhere) -> None:
    made = apis.ask("POST", "/orders/", json=ORDER | {"lines": LINES})
    tag = made.headers["etag"]
    assert tag.startswith(apis.ask("GET", "/orders/7").headers["etag"][:-1])
    changed = apis.ask("PATCH", "/orders/7", json={"customer": "Bob"}, headers={"If-Match": tag})
    assert changed.status_code == 200
    again = apis.ask("PATCH", "/orders/7", json={"customer": "Cy"}, headers={"If-Match": tag})
    assert again.status_code == 412


def test_several_relations_are_written(apis: Everywhere) -> None:
    notes = [{"words": "first"}, {"words": "second"}]
    made = apis.ask("POST", "/orders/", json=ORDER | {"notes": notes, "lines": LINES})
    assert made.status_code == 201, made.text
    assert made.json()["lines"] == SHOWN
    assert [note["words"] for note in made.json()["notes"]] == ["first", "second"]
    assert {note["order_number"] for note in made.json()["notes"]} == {7}
    assert apis.ask("GET", "/notes/").json() == made.json()["notes"]


def test_errors_have_the_place_of_a_row(apis: Everywhere) -> None:
    wrong = [LINES[0], {"position": 2, "product": "b", "price": -1}]
    found = problems(apis, ORDER | {"lines": wrong})
    assert found == (422, [("greater_than_equal", ["body", "lines", 1, "price"])])
    unknown = [{**LINES[0], "order_number": 7}]
    found = problems(apis, ORDER | {"lines": unknown})
    assert found == (422, [("extra_forbidden", ["body", "lines", 0, "order_number"])])
    assert problems(apis, ORDER | {"lines": LINES[0]}) == (422, [("list_type", ["body", "lines"])])
    assert problems(apis, ORDER | {"lines": None})[0] == 422
    many = [{**LINES[0], "position": n, "product": f"p{n}"} for n in range(101)]
    assert problems(apis, ORDER | {"lines": many}) == (422, [("too_long", ["body", "lines"])])


def test_conflicts_have_the_place_of_a_row(apis: Everywhere) -> None:
    same = [LINES[0], {**LINES[1], "product": "a"}]
    places = [["body", "lines", 1, name] for name in ("order_number", "product")]
    found = problems(apis, ORDER | {"lines": same})
    assert found == (409, [("unique", place) for place in places])
    twice = [LINES[0], {**LINES[1], "position": 1}]
    found = problems(apis, ORDER | {"lines": twice})
    assert found == (409, [("unique", ["body", "lines", 1, "position"])])
    missing = [LINES[0], {**LINES[1], "shelf_code": "none"}]
    found = problems(apis, ORDER | {"lines": missing})
    assert found == (409, [("no_target", ["body", "lines", 1, "shelf_code"])])
    missing = [{**line, "shelf_code": "none"} for line in LINES]
    found = problems(apis, ORDER | {"lines": missing})
    places = [["body", "lines", index, "shelf_code"] for index in (0, 1)]
    assert found == (409, [("no_target", place) for place in places])
    assert apis.ask("POST", "/orders/", json=ORDER | {"number": 1}).status_code == 201
    found = problems(apis, ORDER | {"lines": LINES})
    assert found == (409, [("unique", ["body", "seal"])])


def test_missing_targets_are_found_if_the_key_of_the_row_is_generated(apis: Everywhere) -> None:
    apis.ask("POST", "/shelves/", json={"code": "a"})
    items = [{"shelf_code": code} for code in ("a", "none", None, "neither", "a", "none")]
    response = apis.ask("POST", "/baskets/", json={"owner": "Ada", "items": items})
    assert [one["loc"] for one in response.json()["detail"]] == [
        ["body", "items", index, "shelf_code"] for index in (1, 3, 5)
    ]
    assert response.status_code == 409
    assert apis.ask("GET", "/baskets/").json() == apis.ask("GET", "/items/").json() == []


def test_a_hundred_rows_are_created(apis: Everywhere) -> None:
    lines = [{"position": n, "product": f"p{n}", "price": n} for n in range(100)]
    made = apis.ask("POST", "/orders/", json=ORDER | {"lines": lines})
    assert [line["position"] for line in made.json()["lines"]] == [*range(100)]
    assert apis.ask("GET", "/order-lines/?count=exact").headers["x-total-count"] == "100"


def test_a_repeated_create_is_replayed(apis: Everywhere) -> None:
    headers, body = {"Idempotency-Key": "k"}, ORDER | {"lines": LINES}
    made = apis.ask("POST", "/orders/", json=body, headers=headers)
    again = apis.ask("POST", "/orders/", json=body, headers=headers)
    assert (made.status_code, again.status_code) == (201, 201)
    assert again.headers["idempotent-replayed"] == "true"
    assert again.content == made.content
    for name in ("etag", "location"):
        assert again.headers[name] == made.headers[name]
    other = apis.ask("POST", "/orders/", json=ORDER | {"lines": LINES[:1]}, headers=headers)
    assert other.status_code == 422
    assert apis.ask("GET", "/order-lines/?count=exact").headers["x-total-count"] == "2"


def test_bulk_creates_take_no_other_rows(apis: Everywhere) -> None:
    found = apis.ask("POST", "/orders/bulk", json=[ORDER | {"lines": LINES}])
    assert found.status_code == 422
    assert found.json()["detail"][0]["loc"] == ["body", 0, "lines"]
    assert apis.ask("POST", "/orders/bulk", json=[ORDER]).json() == [ORDER]


def test_a_read_only_reference_is_set_to_the_row_created_with_it(apis: Everywhere) -> None:
    notes: list[dict[str, Any]] = [{"words": "first"}]
    made = apis.ask("POST", "/orders/", json=ORDER | {"notes": notes})
    assert made.status_code == 201
    (note,) = made.json()["notes"]
    assert (note["words"], note["order_number"]) == ("first", 7)
    notes[0]["order_number"] = 7
    found = apis.ask("POST", "/orders/", json=ORDER | {"notes": notes}).json()["detail"][0]
    assert (found["type"], found["loc"][1:]) == ("extra_forbidden", ["notes", 0, "order_number"])


def test_rows_of_one_table_are_created_together(apis: Everywhere) -> None:
    body = {"name": "food", "children": [{"name": "fruit"}, {"name": "bread"}]}
    made = apis.ask("POST", "/categories/", json=body)
    children = [{"name": name, "parent_name": "food"} for name in ("fruit", "bread")]
    assert made.json() == {"name": "food", "parent_name": None, "children": children}
    twice = {"name": "drink", "children": [{"name": "tea"}, {"name": "drink"}]}
    found = apis.ask("POST", "/categories/", json=twice)
    assert found.status_code == 409
    assert found.json()["detail"][0]["loc"] == ["body", "children", 1, "name"]
    assert apis.ask("GET", "/categories/tea").status_code == 404


def test_keys_of_rows_are_generated_again(apis: Everywhere) -> None:
    """On PostgreSQL, a sequence lags behind the rows of the table of notes: it is advanced."""
    api = next(one for one in apis.apis if one.engine.dialect.name == "postgresql")
    assert api.ask("POST", "/orders/", json=ORDER).status_code == 201
    with api.engine.begin() as connection:
        last = connection.execute(text("SELECT coalesce(max(id), 0) FROM note")).scalar_one()
        connection.execute(text("SELECT setval(pg_get_serial_sequence('note', 'id'), 1, false)"))
        for number in range(1, last + 6):
            connection.execute(
                text(
                    "INSERT INTO note (id, words, order_number) VALUES (:id, 'x', 7)"
                    " ON CONFLICT DO NOTHING"
                ),
                {"id": number},
            )
    notes = [{"words": "first"}, {"words": "second"}]
    body = {"number": 8, "customer": "Bob", "seal": "t", "notes": notes, "lines": []}
    made = api.ask("POST", "/orders/", json=body)
    assert made.status_code == 201, made.text
    assert [note["words"] for note in made.json()["notes"]] == ["first", "second"]


def test_the_document_has_a_model_of_each_body(apis: Everywhere) -> None:
    document = apis.ask("GET", "/openapi.json").json()
    create = document["paths"]["/orders/"]["post"]
    sent = create["requestBody"]["content"]["application/json"]["schema"]["$ref"]
    assert sent == "#/components/schemas/OrderCreateWithRelated"
    schemas = document["components"]["schemas"]
    lines = schemas["OrderCreateWithRelated"]["properties"]["lines"]
    assert lines["items"]["$ref"] == "#/components/schemas/OrderLineCreateInOrder"
    assert lines["maxItems"] == 100
    assert "order_number" not in schemas["OrderLineCreateInOrder"]["properties"]
    answer = create["responses"]["201"]["content"]["application/json"]["schema"]["$ref"]
    assert answer == "#/components/schemas/OrderPublicWithCreated"
    assert {"lines", "notes"} <= {*schemas["OrderPublicWithCreated"]["required"]}
