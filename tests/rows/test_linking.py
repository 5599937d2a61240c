"""Rows whose request bodies contain the keys of linked rows."""

from typing import Any

import pytest

from tests.support.servers import Api, Everywhere, Servers, write_entities

SPECS = {
    "hero": """
name: Hero
fields: {number: int pk, name: str(1..40) unique}
links:
  powers: Power
  friends: {to: Hero, inverse: admirers}
api:
  operations: [create, list, read, update, delete, create_many]
  idempotency: true
  include: [powers]
  counts: [powers]
  write: {powers: keys, friends: keys, pets: create}
""",
    "power": """
name: Power
fields: {code: str(1..20) pk, level: int = 0}
""",
    "pet": """
name: Pet
fields: {name: str(1..20) pk, hero_number: -> Hero cascade}
api: {operations: [create, list, read, delete]}
""",
    "badge": """
name: Badge
fields: {id: uuid pk, name: str}
links: {owners: Hero}
api: {write: {owners: keys}}
""",
    "city": """
name: City
fields: {name: str(1..40) pk, size: int = 0}
links: {badges: Badge}
api: {write: {badges: keys}}
""",
}
CODES = ["flight", "rage", "é"]
HERO = {"number": 7, "name": "Ada"}
NONE: dict[str, Any] = {"power_codes": [], "friend_numbers": []}


@pytest.fixture(scope="module")
def started(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Everywhere:
    spec = write_entities(tmp_path_factory.mktemp("linking") / "entities", SPECS)
    return servers.everywhere(spec, keeps_names=True)


@pytest.fixture
def apis(started: Everywhere) -> Everywhere:
    """The applications with three powers and no other rows."""
    started.emptied()
    for code in CODES:
        assert started.ask("POST", "/powers/", json={"code": code}).status_code == 200
    return started


@pytest.fixture(params=range(4), ids=["served-sqlite", "served-pg", "emitted-sqlite", "emitted-pg"])
def api(request: pytest.FixtureRequest, apis: Everywhere) -> Api:
    number: int = request.param
    return apis.apis[number]


def created(apis: Everywhere, **more: Any) -> dict[str, Any]:
    response = apis.ask("POST", "/heroes/", json=HERO | more)
    assert response.status_code == 200, response.text
    row: dict[str, Any] = response.json()
    return row


def problems(apis: Everywhere, method: str, path: str, body: Any) -> tuple[int, list[Any]]:
    response = apis.ask(method, path, json=body)
    return response.status_code, [(one["type"], one["loc"]) for one in response.json()["detail"]]


def test_a_row_is_created_with_links(apis: Everywhere) -> None:
    row = created(apis, power_codes=["é", "flight"])
    assert row == HERO | NONE | {"power_codes": ["flight", "é"], "pets": []}
    read = apis.ask("GET", "/heroes/7").json()
    assert read == HERO | NONE | {"power_codes": ["flight", "é"], "powers_count": 2}
    assert apis.ask("GET", "/heroes/").json() == [read]
    assert [one["code"] for one in apis.ask("GET", "/heroes/7/powers/").json()] == ["flight", "é"]


def test_no_key_must_be_sent(apis: Everywhere) -> None:
    assert created(apis) == HERO | NONE | {"pets": []}
    assert apis.ask("GET", "/heroes/7?include=powers").json()["powers"] == []


def test_links_are_updated(apis: Everywhere) -> None:
    created(apis, power_codes=["flight"])
    shown = HERO | NONE
    changed = apis.ask("PATCH", "/heroes/7", json={"name": "Bob"})
    assert changed.json() == shown | {"name": "Bob", "power_codes": ["flight"]}
    changed = apis.ask("PATCH", "/heroes/7", json={"power_codes": ["é", "rage"]})
    assert changed.json() == shown | {"name": "Bob", "power_codes": ["rage", "é"]}
    both = {"name": "Cy", "power_codes": [], "friend_numbers": [7]}
    assert apis.ask("PATCH", "/heroes/7", json=both).json() == shown | both
    assert apis.ask("PATCH", "/heroes/7", json={}).json() == shown | both
    read = apis.ask("GET", "/heroes/7").json()
    assert read == shown | both | {"powers_count": 0}
    missing = apis.ask("PATCH", "/heroes/9", json={"power_codes": []})
    assert (missing.status_code, missing.json()) == (404, {"detail": "Hero not found"})


def test_what_was_read_can_be_sent_back(apis: Everywhere) -> None:
    created(apis, power_codes=["rage"])
    read = apis.ask("GET", "/heroes/7")
    body = {key: value for key, value in read.json().items() if key != "powers_count"}
    changed = apis.ask("PATCH", "/heroes/7", json=body, headers={"If-Match": read.headers["etag"]})
    assert (changed.status_code, changed.json()) == (200, body)
    again = apis.ask("GET", "/heroes/7", headers={"If-None-Match": read.headers["etag"]})
    assert again.status_code == 304
    apis.ask("PUT", "/heroes/7/powers/flight")
    now = apis.ask("GET", "/heroes/7", headers={"If-None-Match": read.headers["etag"]})
    assert (now.status_code, now.json()["power_codes"]) == (200, ["flight", "rage"])


def test_the_etags_of_writes_open_if_match(apis: Everywhere) -> None:
    tag = apis.ask("POST", "/heroes/", json=HERO | {"power_codes": ["rage"]}).headers["etag"]
    changed = apis.ask(
        "PATCH",
        "/heroes/7",
        json={"name": "Bob", "power_codes": ["é"]},
        headers={"If-Match": tag},
    )
    assert changed.status_code == 200
    late = apis.ask("PATCH", "/heroes/7", json={"power_codes": []}, headers={"If-Match": tag})
    assert late.status_code == 412
    assert apis.ask("GET", "/heroes/7").json()["power_codes"] == ["é"]
    tag = changed.headers["etag"]
    same = apis.ask("PATCH", "/heroes/7", json={"name": "Cy"}, headers={"If-Match": tag})
    assert same.status_code == 200


def test_keys_are_checked(apis: Everywhere) -> None:
    created(apis, power_codes=["rage"])
    for method, path, body in (
        ("POST", "/heroes/", HERO | {"number": 8, "name": "x"}),
        ("PATCH", "/heroes/7", {"name": "x"}),
    ):
        found = problems(apis, method, path, body | {"power_codes": ["é", "none", "no"]})
        assert found == (409, [("no_target", ["body", "power_codes", n]) for n in (1, 2)])
        found = problems(apis, method, path, body | {"power_codes": ["é", "é"]})
        assert found == (422, [("repeated_key", ["body", "power_codes", 1])])
        found = problems(apis, method, path, body | {"friend_numbers": [7, "7"]})
        assert found == (422, [("int_type", ["body", "friend_numbers", 1])])
        found = problems(apis, method, path, body | {"power_codes": None})
        assert found == (422, [("list_type", ["body", "power_codes"])])
    assert [row["number"] for row in apis.ask("GET", "/heroes/").json()] == [7]
    assert apis.ask("GET", "/heroes/7").json()["power_codes"] == ["rage"]


def test_fields_name_the_keys(apis: Everywhere) -> None:
    created(apis, power_codes=["rage"])
    found = apis.ask("GET", "/heroes/?fields=number,power_codes").json()
    assert found == [{"number": 7, "power_codes": ["rage"]}]
    assert apis.ask("GET", "/heroes/?fields=name").json() == [{"name": "Ada"}]


def test_other_rows_are_created_too(apis: Everywhere) -> None:
    row = created(apis, power_codes=["rage"], pets=[{"name": "cat"}, {"name": "dog"}])
    assert row["power_codes"] == ["rage"]
    assert row["pets"] == [{"name": name, "hero_number": 7} for name in ("cat", "dog")]
    found = problems(
        apis, "POST", "/heroes/", {"number": 8, "name": "x", "pets": [{"name": "cat"}]}
    )
    assert found == (409, [("unique", ["body", "pets", 0, "name"])])


def test_a_repeated_create_is_replayed(apis: Everywhere) -> None:
    headers, body = {"Idempotency-Key": "k"}, HERO | {"power_codes": ["é", "rage"]}
    made = apis.ask("POST", "/heroes/", json=body, headers=headers)
    again = apis.ask("POST", "/heroes/", json=body, headers=headers)
    assert again.headers["idempotent-replayed"] == "true"
    assert (again.content, again.headers["etag"]) == (made.content, made.headers["etag"])


def test_keys_are_uuids(api: Api) -> None:
    api.ask("POST", "/heroes/", json=HERO)
    made = [api.ask("POST", "/badges/", json={"name": "x"}).json() for _ in range(3)]
    ids = [badge["id"] for badge in made]
    assert [badge["owner_numbers"] for badge in made] == [[], [], []]
    city = {"name": "A", "badge_ids": [ids[2], ids[0].upper()]}
    shown = {"name": "A", "size": 0, "badge_ids": sorted([ids[0], ids[2]])}
    assert api.ask("POST", "/cities/", json=city).json() == shown
    assert api.ask("GET", "/cities/A").json() == shown
    changed = api.ask("PATCH", "/cities/A", json={"badge_ids": [ids[1]]}).json()
    assert changed == shown | {"badge_ids": [ids[1]]}
    path = f"/badges/{ids[0]}"
    assert api.ask("PATCH", path, json={"owner_numbers": [7]}).json()["owner_numbers"] == [7]


def test_the_document_has_a_model_of_each_body(apis: Everywhere) -> None:
    document = apis.ask("GET", "/openapi.json").json()
    schemas, path = document["components"]["schemas"], document["paths"]["/heroes/{hero_id}"]
    for name in ("HeroCreateWithRelated", "HeroUpdateWithRelated"):
        keys = schemas[name]["properties"]["power_codes"]
        assert (keys["items"]["type"], keys["maxItems"]) == ("string", 100)
        assert "power_codes" not in schemas[name].get("required", [])
    answer = path["patch"]["responses"]["200"]["content"]["application/json"]["schema"]["$ref"]
    assert answer == "#/components/schemas/HeroPublicWithKeys"
    for name in ("HeroPublicWithKeys", "HeroPublicWithRelated"):
        assert "power_codes" in schemas[name]["required"]
    assert "409" in path["patch"]["responses"]
    listed = document["paths"]["/badges/{badge_id}/owners/"]["get"]["responses"]["200"]
    rows = listed["content"]["application/json"]["schema"]["items"]
    assert rows["$ref"] == "#/components/schemas/HeroPublicWithRelated"
