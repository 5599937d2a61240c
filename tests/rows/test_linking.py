"""Rows whose request bodies contain the keys of linked rows."""

import json
from typing import Any

import pytest

from tests.support.servers import Api, Everywhere, Servers, write_entities

pytestmark = pytest.mark.long

SPECS = {
    "hero": """
name: Hero
fields: {number: int pk, name: str(1..40) unique}
links:
  powers: Power
  friends: {to: Hero, inverse: admirers}
api:
  operations: [create, list, read, update, replace, delete, create_many, update_many]
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
api:
  operations: [create, list, read, update, replace, delete, create_many, update_many]
  write: {owners: keys}
""",
    "city": """
name: City
fields: {name: str(1..40) pk, size: int = 0}
links: {badges: Badge}
api: {write: {badges: keys}}
""",
    "club": """
name: Club
fields: {name: str(1..20) unique, motto: str = x immutable}
links: {members: Hero}
api:
  operations: [create, list, read, replace, delete, create_many]
  etag: required
  write: {members: keys}
""",
    "medal": """
name: Medal
fields: {code: str(1..20) pk, level: int = 0}
links: {powers: Power}
api: {operations: [list, read, replace], created: 201, write: {powers: keys}}
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
        found = problems(apis, method, path, body | {"friend_numbers": [79, 7, 2**63]})
        assert found == (409, [("no_target", ["body", "friend_numbers", n]) for n in (0, 2)])
        found = problems(apis, method, path, body | {"friend_numbers": [2**63]})
        assert found == (409, [("no_target", ["body", "friend_numbers", 0])])
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


HEROES: list[dict[str, Any]] = [
    {"number": number, "name": f"hero {number}"} for number in (1, 2, 3)
]


def many(apis: Everywhere, method: str, rows: list[Any], path: str = "/heroes/bulk") -> Any:
    response = apis.ask(method, path, json=rows)
    assert response.status_code == 200, response.text
    return response.json()


def links(apis: Everywhere, name: str = "power_codes", path: str = "/heroes/") -> list[Any]:
    return [row[name] for row in apis.ask("GET", path).json()]


def test_a_replacement_sets_the_links(apis: Everywhere) -> None:
    created(apis, power_codes=["flight"])
    body = HERO | {"name": "Bob", "power_codes": ["é", "rage"], "friend_numbers": [7]}
    replaced = apis.ask("PUT", "/heroes/7", json=body)
    assert (replaced.status_code, replaced.json()) == (200, body | {"power_codes": ["rage", "é"]})
    read = apis.ask("GET", "/heroes/7")
    assert read.json() == replaced.json() | {"powers_count": 2}
    assert apis.ask("PUT", "/heroes/7", json=HERO).json() == HERO | NONE
    assert apis.ask("GET", "/heroes/7").json() == HERO | NONE | {"powers_count": 0}
    new = {"number": 8, "name": "new", "power_codes": ["é"], "friend_numbers": [7, 8]}
    assert apis.ask("PUT", "/heroes/8", json=new).json() == new
    assert apis.ask("GET", "/heroes/8").json() == new | {"powers_count": 1}


def test_a_replacement_has_preconditions(apis: Everywhere) -> None:
    first = apis.ask("POST", "/heroes/", json=HERO | {"power_codes": ["rage"]}).headers["etag"]
    body = HERO | {"name": "Bob", "power_codes": ["é"]}
    replaced = apis.ask("PUT", "/heroes/7", json=body, headers={"If-Match": first})
    assert replaced.status_code == 200
    for headers in ({"If-Match": first}, {"If-None-Match": "*"}):
        late = apis.ask("PUT", "/heroes/7", json=HERO, headers=headers)
        assert late.status_code == 412
    missing = HERO | {"number": 8, "power_codes": ["é"]}
    late = apis.ask("PUT", "/heroes/8", json=missing, headers={"If-Match": first})
    assert late.status_code == 412
    assert links(apis) == [["é"]]
    tag = replaced.headers["etag"]
    again = apis.ask("PUT", "/heroes/7", json=HERO, headers={"If-Match": tag})
    assert again.json() == HERO | NONE
    new = HERO | {"number": 8, "name": "new", "power_codes": ["é"]}
    made = apis.ask("PUT", "/heroes/8", json=new, headers={"If-None-Match": "*"})
    assert (made.status_code, made.json()) == (200, NONE | new)


def test_a_replacement_may_create_with_a_status(apis: Everywhere) -> None:
    body = {"code": "gold", "level": 1, "power_codes": ["é", "rage"]}
    shown = body | {"power_codes": ["rage", "é"]}
    missing = apis.ask("PUT", "/medals/gold", json=body | {"power_codes": ["none"]})
    assert missing.status_code == 409
    assert apis.ask("GET", "/medals/").json() == []
    for status in (201, 200):
        made = apis.ask("PUT", "/medals/gold", json=body)
        assert (made.status_code, made.json()) == (status, shown)
    assert apis.ask("GET", "/medals/gold").json() == shown
    emptied = apis.ask("PUT", "/medals/gold", json={"code": "gold"})
    assert emptied.json() == {"code": "gold", "level": 0, "power_codes": []}


def test_a_replacement_of_a_row_with_a_generated_key(api: Api) -> None:
    api.ask("POST", "/heroes/", json=HERO)
    body = {"name": "a", "motto": "b", "member_numbers": [7]}
    made = api.ask("POST", "/clubs/", json=body)
    path, row = f"/clubs/{made.json()['id']}", made.json()
    changed = {"name": "c", "motto": "d"}
    assert api.ask("PUT", path, json=changed).status_code == 428
    replaced = api.ask("PUT", path, json=changed, headers={"If-Match": made.headers["etag"]})
    assert replaced.json() == row | {"name": "c", "member_numbers": []}
    late = api.ask("PUT", path, json=body, headers={"If-Match": made.headers["etag"]})
    assert late.status_code == 412
    again = api.ask("PUT", path, json=body, headers={"If-Match": replaced.headers["etag"]})
    assert again.json() == row
    none = api.ask("PUT", "/clubs/9999", json=body, headers={"If-Match": "*"})
    assert (none.status_code, none.json()) == (404, {"detail": "Club not found"})
    assert api.ask("GET", path).json() == row


def test_replacements_are_checked(apis: Everywhere) -> None:
    created(apis, power_codes=["rage"])
    for body in (HERO | {"name": "x"}, HERO | {"number": 8, "name": "x"}):
        path = f"/heroes/{body['number']}"
        found = problems(apis, "PUT", path, body | {"power_codes": ["é", "none"]})
        assert found == (409, [("no_target", ["body", "power_codes", 1])])
        found = problems(apis, "PUT", path, body | {"power_codes": ["é", "é"]})
        assert found == (422, [("repeated_key", ["body", "power_codes", 1])])
        found = problems(apis, "PUT", path, body | {"pets": []})
        assert found == (422, [("extra_forbidden", ["body", "pets"])])
    assert links(apis) == [["rage"]]
    assert apis.ask("GET", "/heroes/7").json()["name"] == "Ada"


def test_several_rows_are_created_with_links(apis: Everywhere) -> None:
    rows = [
        HEROES[2] | {"power_codes": ["é", "flight"], "friend_numbers": [1, 3]},
        HEROES[0] | {"power_codes": ["é"]},
        HEROES[1],
    ]
    shown = [NONE | row for row in rows]
    shown[0]["power_codes"] = ["flight", "é"]
    assert many(apis, "POST", rows) == shown
    assert links(apis) == [["é"], [], ["flight", "é"]]
    assert links(apis, "friend_numbers") == [[], [], [1, 3]]
    others = [{"number": number, "name": f"x{number}"} for number in (4, 5)]
    assert many(apis, "POST", others) == [row | NONE for row in others]


def test_several_rows_with_links_are_created_or_none(apis: Everywhere) -> None:
    rows = [HEROES[0] | {"power_codes": ["é"]}, HEROES[1]]
    wrong = [HEROES[2] | {"power_codes": ["rage", "no", "none"]}]
    found = problems(apis, "POST", "/heroes/bulk", rows + wrong)
    assert found == (409, [("no_target", ["body", 2, "power_codes", n]) for n in (1, 2)])
    wrong = [HEROES[2] | {"friend_numbers": [1, 9, 2**63 - 1]}]
    found = problems(apis, "POST", "/heroes/bulk", rows + wrong)
    assert found == (409, [("no_target", ["body", 2, "friend_numbers", n]) for n in (1, 2)])
    twice = [HEROES[2] | {"power_codes": ["é", "rage", "é"]}]
    found = problems(apis, "POST", "/heroes/bulk", [*twice, *rows, *twice])
    assert found == (422, [("repeated_key", ["body", n, "power_codes", 2]) for n in (0, 3)])
    same = [HEROES[2] | {"name": "hero 1", "power_codes": ["é"]}]
    found = problems(apis, "POST", "/heroes/bulk", rows + same)
    assert found == (409, [("unique", ["body", 2, "name"])])
    found = problems(apis, "POST", "/heroes/bulk", [rows[0], HEROES[1] | {"pets": []}])
    assert found == (422, [("extra_forbidden", ["body", 1, "pets"])])
    assert apis.ask("GET", "/heroes/").json() == []


def test_a_repeated_create_of_several_rows_is_replayed(apis: Everywhere) -> None:
    headers = {"Idempotency-Key": "many"}
    rows = [HEROES[0] | {"power_codes": ["é", "rage"]}, HEROES[1]]
    made = apis.ask("POST", "/heroes/bulk", json=rows, headers=headers)
    again = apis.ask("POST", "/heroes/bulk", json=rows, headers=headers)
    assert again.headers["idempotent-replayed"] == "true"
    assert (made.status_code, again.content) == (200, made.content)
    other = apis.ask("POST", "/heroes/bulk", json=HEROES[:2], headers=headers)
    assert other.json()["detail"][0]["type"] == "other_request"


def test_several_rows_are_updated_with_links(apis: Everywhere) -> None:
    many(apis, "POST", [row | {"power_codes": ["flight"]} for row in HEROES])
    rows: list[dict[str, Any]] = [
        {"number": 3, "power_codes": ["é", "rage"], "friend_numbers": [1]},
        {"number": 1, "name": "Bob"},
        {"number": 2, "power_codes": []},
    ]
    assert many(apis, "PATCH", rows) == [
        HEROES[2] | {"power_codes": ["rage", "é"], "friend_numbers": [1]},
        {"number": 1, "name": "Bob", "power_codes": ["flight"], "friend_numbers": []},
        HEROES[1] | NONE,
    ]
    assert links(apis) == [["flight"], [], ["rage", "é"]]
    assert links(apis, "friend_numbers") == [[], [], [1]]
    kept = [{"number": 3, "power_codes": ["rage", "flight"]}, {"number": 2, "name": "Cy"}]
    found = many(apis, "PATCH", kept)
    assert [row["power_codes"] for row in found] == [["flight", "rage"], []]
    names = many(apis, "PATCH", [{"number": 3, "name": "x"}, {"number": 1}])
    assert [row["power_codes"] for row in names] == [["flight", "rage"], ["flight"]]
    assert [row["friend_numbers"] for row in names] == [[1], []]


def test_several_rows_with_links_are_updated_or_none(apis: Everywhere) -> None:
    many(apis, "POST", [row | {"power_codes": ["flight"]} for row in HEROES])
    first = {"number": 1, "name": "x", "power_codes": ["é"]}
    for rows, expected in (
        ([first, {"number": 2, "power_codes": ["é", "no"]}], ("no_target", 1, "power_codes", 1)),
        ([first, {"number": 2, "power_codes": ["é"] * 2}], ("repeated_key", 1, "power_codes", 1)),
        ([first, {"number": 9, "power_codes": ["é"]}], ("not_found", 1, "number")),
        ([first, {"number": 9, "power_codes": ["no"]}], ("not_found", 1, "number")),
        ([first, {"number": 1, "power_codes": []}], ("repeated_key", 1, "number")),
        ([first, {"number": 2, "name": "x"}], ("unique", 1, "name")),
    ):
        _, found = problems(apis, "PATCH", "/heroes/bulk", rows)
        kind, *place = expected
        assert found == [(kind, ["body", *place])]
        assert links(apis) == [["flight"]] * 3
    assert apis.ask("GET", "/heroes/?fields=name").json() == [
        {"name": row["name"]} for row in HEROES
    ]


def test_keys_of_several_rows_are_generated(api: Api) -> None:
    api.ask("POST", "/heroes/bulk", json=HEROES)
    for path, keys in (("/clubs/", "member_numbers"), ("/badges/", "owner_numbers")):
        rows = [{"name": "a", keys: [2, 1]}, {"name": "b"}, {"name": "c", keys: [3]}]
        made = api.ask("POST", f"{path}bulk", json=rows).json()
        assert [row[keys] for row in made] == [[1, 2], [], [3]]
        assert [api.ask("GET", f"{path}{row['id']}").json() for row in made] == made
    changed = [{"id": row["id"], "owner_numbers": [n]} for n, row in enumerate(made, 1)]
    updated = api.ask("PATCH", "/badges/bulk", json=changed).json()
    assert [row["owner_numbers"] for row in updated] == [[1], [2], [3]]
    assert [api.ask("GET", f"/badges/{row['id']}").json() for row in made] == updated


def test_each_of_many_rows_has_many_links(apis: Everywhere) -> None:
    powers = [f"p{n:02}" for n in range(97)]
    for code in powers:
        apis.ask("POST", "/powers/", json={"code": code})
    rows = [
        {"number": n, "name": f"h{n}", "power_codes": powers, "friend_numbers": [*range(1, 101)]}
        for n in range(1, 101)
    ]
    assert many(apis, "POST", rows) == rows
    changed = [{"number": n, "power_codes": powers[n % 3 :: 3]} for n in range(1, 101)]
    assert [row["power_codes"] for row in many(apis, "PATCH", changed)] == [
        powers[n % 3 :: 3] for n in range(1, 101)
    ]
    assert links(apis) == [powers[n % 3 :: 3] for n in range(1, 101)]


def test_the_document_has_a_model_of_each_body(apis: Everywhere) -> None:
    document = apis.ask("GET", "/openapi.json").json()
    schemas, path = document["components"]["schemas"], document["paths"]["/heroes/{hero_id}"]
    for name in ("HeroCreateWithRelated", "HeroUpdateWithRelated"):
        keys = schemas[name]["properties"]["power_codes"]
        assert (keys["items"]["type"], keys["maxItems"]) == ("string", 100)
        assert "power_codes" not in schemas[name].get("required", [])
    answer = path["patch"]["responses"]["200"]["content"]["application/json"]["schema"]["$ref"]
    assert answer == "#/components/schemas/HeroPublicWithKeys"
    for name, method in (("HeroCreateWithKeys", "put"), ("HeroUpdateWithRelated", "patch")):
        sent = path[method]["requestBody"]["content"]["application/json"]["schema"]["$ref"]
        assert sent == f"#/components/schemas/{name}"
        answer = path[method]["responses"]["200"]["content"]["application/json"]["schema"]
        assert answer["$ref"] == "#/components/schemas/HeroPublicWithKeys"
    assert "pets" not in schemas["HeroCreateWithKeys"]["properties"]
    bulk = document["paths"]["/heroes/bulk"]
    for method, name in (("post", "HeroCreateWithKeys"), ("patch", "HeroUpdateByIdWithRelated")):
        sent = bulk[method]["requestBody"]["content"]["application/json"]["schema"]
        assert sent["items"]["$ref"] == f"#/components/schemas/{name}"
        answer = bulk[method]["responses"]["200"]["content"]["application/json"]["schema"]
        assert answer["items"]["$ref"] == "#/components/schemas/HeroPublicWithKeys"
    for name in ("HeroPublicWithKeys", "HeroPublicWithRelated"):
        assert "power_codes" in schemas[name]["required"]
    assert "409" in path["patch"]["responses"]
    listed = document["paths"]["/badges/{badge_id}/owners/"]["get"]["responses"]["200"]
    rows = listed["content"]["application/json"]["schema"]["items"]
    assert rows["$ref"] == "#/components/schemas/HeroPublicWithRelated"


@pytest.mark.parametrize("number", ["3.0", "3e0", "0.3e1"])
def test_an_integer_may_be_written_as_a_number(apis: Everywhere, number: str) -> None:
    created(apis, number=3)
    names: dict[str, Any] = {"number": 4, "name": "4"}

    def friends(method: str, path: str, many: bool = False, **row: Any) -> None:
        body = json.dumps({**row, "friend_numbers": ["?"]}).replace('"?"', number)
        body = f"[{body}]" if many else body
        answer = apis.ask(method, path, content=body, headers={"Content-Type": "application/json"})
        assert answer.status_code == 200, answer.text
        assert (answer.json()[0] if many else answer.json())["friend_numbers"] == [3]

    friends("POST", "/heroes/", **names)
    friends("PATCH", "/heroes/4")
    friends("PUT", "/heroes/4", **names)
    friends("PATCH", "/heroes/bulk", many=True, number=4)
    friends("POST", "/heroes/bulk", many=True, number=5, name="5")


def test_other_values_are_no_integers(apis: Everywhere) -> None:
    created(apis, number=3)
    body = {"number": 4, "name": "4", "friend_numbers": [3.0, 1.5, "3", True, None, 3]}
    status, found = problems(apis, "POST", "/heroes/", body)
    assert status == 422
    assert found == [
        ("int_type", ["body", "friend_numbers", 1]),
        ("int_type", ["body", "friend_numbers", 2]),
        ("int_type", ["body", "friend_numbers", 3]),
        ("int_type", ["body", "friend_numbers", 4]),
    ]
