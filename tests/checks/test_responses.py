"""Requests that violate a check get the same 422 in all applications, and nothing is written."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool

from tests.support.servers import Everywhere, Servers, write_entities

SPECS = {
    "event": """
name: Event
fields:
  starts_at: datetime json(startsAt) column(a:b)
  ends_at: datetime? json(endsAt)
  price: decimal(10,2) = 5 column('50% "full" price')
  discount: decimal(10,2)? column('%(d)s')
  status: enum(draft, in progress, done) = draft column([c])
  checked: bool = false column(returning)
  title: str(1..80) = "100% it's" column(select)
  hall_id: -> Hall? set_null
check:
  - {rule: starts_at < ends_at, name: times}
  - rule: discount is null or discount <= price
    says: The discount is larger than the price
    name: discount
  - not checked or hall_id is not null
  - rule: status != 'in progress' or title != '100%% "it''s" :not'
    name: wording
api:
  operations: [create, list, read, update, replace, delete, create_many, update_many, delete_many]
  idempotency: true
""",
    "hall": """
name: Hall
fields: {name: str(1..20) = hall, seats: int = 1, rows: int = 1}
check: [rows <= seats]
api:
  operations: [create, list, read, update, delete, delete_many]
  nested: [events]
  write: {events: create}
""",
    "node": """
name: Node
fields: {pinned: bool = true, depth: int = 1, parent_id: -> Node? set_null}
check: [depth = 0 or parent_id is not null, "not (pinned and parent_id is null) or depth < 1"]
""",
    "seat": """
name: Seat
fields:
  code: str(1..20) pk
  low: int = 1
  high: int = 2
  fixed: int = 0 immutable
  created: datetime = now read_only
  changed: datetime = now read_only touch
check: [low < high, fixed <= high, created <= changed, -100 < low]
api: {operations: [create, read, update, replace]}
""",
}
EARLY, LATE = "2026-01-01T10:00:00Z", "2026-01-01T12:00:00Z"
ENDS = "The row should satisfy: startsAt < endsAt"
DISCOUNT = "The discount is larger than the price"
EVENT: dict[str, Any] = {"startsAt": EARLY, "endsAt": LATE}


def problems(message: str, *names: str, place: tuple[Any, ...] = ("body",)) -> list[dict[str, Any]]:
    return [{"type": "check", "loc": [*place, name], "msg": message} for name in names]


@pytest.fixture(scope="module")
def spec(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_entities(tmp_path_factory.mktemp("checks") / "entities", SPECS)


@pytest.fixture
def apis(servers: Servers, spec: Path) -> Everywhere:
    return servers.everywhere(spec, keeps_names=True)


def refused(apis: Everywhere, method: str, path: str, body: Any, expected: list[Any]) -> None:
    before = apis.ask("GET", "/events/").content
    response = apis.ask(method, path, json=body)
    assert (response.status_code, response.json()) == (422, {"detail": expected})
    assert apis.ask("GET", "/events/").content == before


def created(apis: Everywhere, path: str, body: Any) -> Any:
    """Create a row; return its path, which is the same in all applications."""
    locations = []
    for api in apis.apis:
        response = api.ask("POST", path, json=body)
        assert response.status_code == 200, response.text
        locations.append(response.headers["location"])
    return locations


@pytest.mark.long
def test_a_create_names_the_properties_of_all_violated_rules(apis: Everywhere) -> None:
    ends = problems(ENDS, "startsAt", "endsAt")
    discount = problems(DISCOUNT, "price", "discount")
    refused(apis, "POST", "/events/", EVENT | {"endsAt": EARLY}, ends)
    refused(apis, "POST", "/events/", EVENT | {"discount": "5.01"}, discount)
    both = EVENT | {"endsAt": EARLY, "discount": "5.01"}
    refused(apis, "POST", "/events/", both, [*discount, *ends])


@pytest.mark.parametrize(
    "body",
    [
        {"startsAt": LATE},
        {"startsAt": LATE, "endsAt": None},
        {"startsAt": EARLY, "discount": None, "price": "0"},
        {"startsAt": EARLY, "discount": "5"},
        {"startsAt": EARLY, "status": "in progress"},
        {"startsAt": EARLY, "title": '100%% "it\'s" :not'},
    ],
)
def test_an_unknown_condition_is_no_violation(apis: Everywhere, body: Any) -> None:
    assert {api.ask("POST", "/events/", json=body).status_code for api in apis.apis} == {200}


def test_a_text_with_special_characters_is_compared_literally(apis: Everywhere) -> None:
    title = '100%% "it\'s" :not'
    says = "The row should satisfy: status != 'in progress' or title != '100%% \"it''s\" :not'"
    body = EVENT | {"status": "in progress", "title": title}
    text = problems(says, "status", "title")
    refused(apis, "POST", "/events/", body, text)
    both = [*problems(DISCOUNT, "price", "discount"), *text]
    refused(apis, "POST", "/events/", body | {"discount": "6"}, both)
    created(apis, "/events/", body | {"title": title[:-1]})


def test_an_update_is_judged_with_the_values_of_the_row(apis: Everywhere) -> None:
    for api, path in zip(apis.apis, created(apis, "/events/", EVENT), strict=True):
        one = Everywhere([api])
        refused(one, "PATCH", path, {"endsAt": EARLY}, problems(ENDS, "startsAt", "endsAt"))
        refused(one, "PATCH", path, {"discount": "9"}, problems(DISCOUNT, "price", "discount"))
        two = [
            *problems(DISCOUNT, "price", "discount"),
            *problems(ENDS, "startsAt", "endsAt"),
        ]
        refused(one, "PATCH", path, {"discount": "9", "startsAt": LATE}, two)
        assert api.ask("PATCH", path, json={"discount": "5", "endsAt": None}).status_code == 200
        refused(one, "PATCH", path, {"price": "4.99"}, problems(DISCOUNT, "price", "discount"))
        refused(one, "PUT", path, EVENT | {"endsAt": EARLY}, problems(ENDS, "startsAt", "endsAt"))
        assert api.ask("PUT", path, json=EVENT).status_code == 200
        headers = {"If-Match": "*"}
        response = api.ask("PATCH", path, json={"endsAt": EARLY}, headers=headers)
        assert response.json()["detail"] == problems(ENDS, "startsAt", "endsAt")


def test_bulk_problems_name_the_item(apis: Everywhere) -> None:
    rows = [EVENT, EVENT | {"endsAt": EARLY}, EVENT]
    expected = problems(ENDS, "startsAt", "endsAt", place=("body", 1))
    refused(apis, "POST", "/events/bulk", rows, expected)
    for api in apis.apis:
        one = Everywhere([api])
        found = api.ask("POST", "/events/bulk", json=[EVENT, EVENT]).json()
        changes = [{"id": row["id"], "endsAt": EARLY} for row in reversed(found)]
        changes[1]["endsAt"] = LATE
        expected = problems(ENDS, "startsAt", "endsAt", place=("body", 0))
        refused(one, "PATCH", "/events/bulk", changes, expected)


def test_nested_creates_name_the_row(apis: Everywhere) -> None:
    body = {"events": [EVENT, EVENT | {"discount": "6", "endsAt": EARLY, "checked": True}]}
    place = ("body", "events", 1)
    expected = [
        *problems(DISCOUNT, "price", "discount", place=place),
        *problems(ENDS, "startsAt", "endsAt", place=place),
    ]
    refused(apis, "POST", "/halls/", body, expected)
    says = "The row should satisfy: rows <= seats"
    refused(apis, "POST", "/halls/", body | {"rows": 2}, problems(says, "seats", "rows"))
    assert apis.ask("GET", "/halls/").json() == []
    checked = [EVENT | {"checked": True}]
    for api, path in zip(apis.apis, created(apis, "/halls/", {"events": checked}), strict=True):
        one = Everywhere([api])
        bad = EVENT | {"endsAt": EARLY}
        refused(one, "POST", f"{path}/events/", bad, problems(ENDS, "startsAt", "endsAt"))
        assert api.ask("POST", f"{path}/events/", json=EVENT).status_code == 200
        response = api.ask("DELETE", path)
        assert response.status_code == 409
        assert response.json()["detail"] == [
            {
                "type": "referred_to",
                "loc": ["path", "hall_id"],
                "msg": "A row that refers to it would violate a rule",
            }
        ]
        response = api.ask("DELETE", "/halls/bulk", params={"id": path.rpartition("/")[2]})
        assert response.status_code == 409
        assert response.json()["detail"][0]["loc"] == ["query", "id", 0]


def test_a_deletion_that_would_violate_a_check_is_a_conflict(apis: Everywhere) -> None:
    for api, path in zip(apis.apis, created(apis, "/nodes/", {"depth": 0}), strict=True):
        key = int(path.rpartition("/")[2])
        assert api.ask("POST", "/nodes/", json={"parent_id": key}).status_code == 200
        response = api.ask("DELETE", path)
        (problem,) = response.json()["detail"]
        assert (response.status_code, problem["type"]) == (409, "referred_to")
        assert problem["loc"] == ["path", "node_id"]
    paths = apis.ask("GET", "/openapi.json").json()["paths"]
    for path in ("/nodes/{node_id}", "/halls/{hall_id}", "/halls/bulk"):
        assert "409" in paths[path]["delete"]["responses"]


def test_a_missing_target_is_still_told(apis: Everywhere) -> None:
    response = apis.ask("POST", "/events/", json=EVENT | {"hall_id": 999_999})
    assert (response.status_code, response.json()["detail"][0]["type"]) == (409, "no_target")


def test_put_creates_and_replaces_by_the_rules(apis: Everywhere) -> None:
    says = "The row should satisfy: low < high"
    for method, path in (("POST", "/seats/"), ("PUT", "/seats/a")):
        response = apis.ask(method, path, json={"code": "a", "low": 2})
        assert response.json()["detail"] == problems(says, "low", "high")
        assert apis.ask("GET", "/seats/a").status_code == 404
    for api in apis.apis:
        assert api.ask("PUT", "/seats/a", json={"code": "a", "fixed": 2}).status_code == 200
        response = api.ask("PUT", "/seats/a", json={"code": "a", "low": 0, "high": 1})
        fixed = problems("The row should satisfy: fixed <= high", "high", "fixed")
        assert (response.status_code, response.json()["detail"]) == (422, fixed)
        assert api.ask("PATCH", "/seats/a", json={"low": -1}).status_code == 200


def test_a_put_is_judged_with_the_immutable_values_of_the_row(apis: Everywhere) -> None:
    body = {"code": "c", "fixed": 9}
    fixed = problems("The row should satisfy: fixed <= high", "high", "fixed")
    response = apis.ask("PUT", "/seats/c", json=body)
    assert (response.status_code, response.json()["detail"]) == (422, fixed)
    created(apis, "/seats/", {"code": "c", "fixed": 1})
    for api in apis.apis:
        for headers in ({}, {"If-Match": "*"}):
            response = api.ask("PUT", "/seats/c", json=body | {"high": 3}, headers=headers)
            found = response.json()
            assert (response.status_code, found["fixed"], found["high"]) == (200, 1, 3)
    response = apis.ask("PUT", "/seats/c", json=body | {"high": 0, "low": -1})
    assert response.json()["detail"] == fixed
    response = apis.ask("PUT", "/seats/c", json=body, headers={"If-None-Match": "*"})
    assert response.status_code == 412


def test_a_constant_can_come_first(apis: Everywhere) -> None:
    response = apis.ask("POST", "/seats/", json={"code": "b", "low": -100})
    expected = problems("The row should satisfy: -100 < low", "low")
    assert (response.status_code, response.json()["detail"]) == (422, expected)
    created(apis, "/seats/", {"code": "b", "low": -99})


def test_an_idempotent_create_is_refused_each_time(apis: Everywhere) -> None:
    for api in apis.apis:
        headers = {"Idempotency-Key": f"check-{api.address[1]}"}
        for _ in range(2):
            response = api.ask("POST", "/events/", json=EVENT | {"endsAt": EARLY}, headers=headers)
            assert response.json()["detail"] == problems(ENDS, "startsAt", "endsAt")


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_a_constraint_with_another_name_gets_the_same_response(
    kind: str, servers: Servers, new_database: Callable[[str], str], tmp_path: Path
) -> None:
    """Names differ in a table that existed before, and on SQLite after a field was renamed."""
    spec = write_entities(
        tmp_path / "entities",
        {"box": "name: Box\nfields: {low: int?, top: int?}\ncheck: [low < top]\n"},
    )
    database = new_database(kind)
    engine = create_engine(database, poolclass=NullPool)
    key = "INTEGER PRIMARY KEY AUTOINCREMENT" if kind == "sqlite" else "BIGSERIAL PRIMARY KEY"
    with engine.begin() as connection:
        check = "CONSTRAINT ck_box_low_high_check CHECK (low < top)"
        sql = f"CREATE TABLE box (low BIGINT, top BIGINT, id {key} NOT NULL, {check})"
        connection.execute(text(sql))
    api = servers.start(spec, "served", database)
    response = api.ask("POST", "/boxes/", json={"low": 1, "top": 1})
    expected = problems("The row should satisfy: low < top", "low", "top")
    assert (response.status_code, response.json()["detail"]) == (422, expected)
    servers.end(api)
