"""Links between rows: each test asks every application, and all must answer the same."""

from typing import Any

import pytest

from tests.support.servers import Api, Everywhere, Servers, write_entities

SPECS = {
    "hero": """
name: Hero
fields: {number: int pk, name: str(1..40) index, alias: str(1..40) write_only}
links:
  powers: Power
  friends: {to: Hero, inverse: admirers}
api: {operations: [create, list, read, update, delete, delete_many]}
""",
    "power": """
name: Power
fields: {code: str(1..20) pk, level: int index}
api: {filter: [code, level], search: [code], page: {default: 3, max: 100}}
""",
    "gadget": """
name: Gadget
fields: {id: uuid pk, name: str}
links: {owners: Hero}
""",
    "museum": """
name: Museum
fields: {name: str(1..40) pk}
links: {powers: {to: Power, inverse: false}}
api: {operations: [list, read]}
""",
    "membership": """
name: Membership
fields: {hero_number: -> Hero cascade, team_name: -> Team cascade, role: str}
unique: [[hero_number, team_name]]
""",
    "team": """
name: Team
fields: {name: str(1..40) pk}
links: {heroes: {to: Hero, via: Membership, inverse: teams}}
api: {operations: [create, list, read, delete], nested: [heroes]}
""",
}
HEROES = [{"number": n, "name": f"hero {n}", "alias": f"secret {n}"} for n in range(1, 4)]
POWERS = [{"code": code, "level": n} for n, code in enumerate(["flight", "é", "rage", "x y"])]
DONE = {"ok": True}


@pytest.fixture(scope="module")
def started(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Everywhere:
    spec = write_entities(tmp_path_factory.mktemp("links") / "entities", SPECS)
    return servers.everywhere(spec, keeps_names=True)


@pytest.fixture
def apis(started: Everywhere) -> Everywhere:
    """The applications with three heroes, four powers and no links."""
    started.emptied()
    for hero in HEROES:
        assert started.ask("POST", "/heroes/", json=hero).status_code == 200
    for power in POWERS:
        assert started.ask("POST", "/powers/", json=power).status_code == 200
    return started


@pytest.fixture(params=range(4), ids=["served-sqlite", "served-pg", "emitted-sqlite", "emitted-pg"])
def api(request: pytest.FixtureRequest, apis: Everywhere) -> Api:
    number: int = request.param
    return apis.apis[number]


def codes(apis: Everywhere | Api, path: str = "/heroes/1/powers/") -> list[str]:
    response = apis.ask("GET", path)
    assert response.status_code == 200, response.text
    return [row["code"] for row in response.json()]


def problems(apis: Everywhere, method: str, path: str, body: Any) -> tuple[int, list[Any]]:
    response = apis.ask(method, path, json=body)
    return response.status_code, [(one["type"], one["loc"]) for one in response.json()["detail"]]


def test_a_link_is_added_once_and_removed_once(apis: Everywhere) -> None:
    for _ in range(2):
        response = apis.ask("PUT", "/heroes/1/powers/flight")
        assert (response.status_code, response.json()) == (200, DONE)
    assert codes(apis) == ["flight"]
    assert [row["number"] for row in apis.ask("GET", "/powers/flight/heroes/").json()] == [1]
    assert apis.ask("GET", "/heroes/2/powers/").json() == []
    assert apis.ask("DELETE", "/powers/flight/heroes/1").json() == DONE
    again = apis.ask("DELETE", "/heroes/1/powers/flight")
    assert (again.status_code, again.json()) == (404, {"detail": "Power not found"})
    assert codes(apis) == []
    assert apis.ask("GET", "/powers/flight").status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "missing"),
    [
        ("PUT", "/heroes/9/powers/flight", "Hero"),
        ("PUT", "/heroes/1/powers/none", "Power"),
        ("PUT", "/heroes/9/powers/none", "Hero"),
        ("PUT", "/powers/none/heroes/1", "Power"),
        ("PUT", f"/heroes/{2**63}/powers/flight", "Hero"),
        ("PUT", f"/powers/flight/heroes/{-(2**64)}", "Hero"),
        ("DELETE", "/heroes/9/powers/flight", "Hero"),
        ("DELETE", "/heroes/1/powers/none", "Power"),
        ("GET", "/heroes/9/powers/", "Hero"),
        ("GET", "/heroes/9/powers/?level=1&count=exact", "Hero"),
        ("GET", f"/heroes/{2**63}/powers/", "Hero"),
        ("GET", "/powers/none/heroes/", "Power"),
    ],
)
def test_rows_that_do_not_exist(apis: Everywhere, method: str, path: str, missing: str) -> None:
    response = apis.ask(method, path)
    assert (response.status_code, response.json()) == (404, {"detail": f"{missing} not found"})


def test_links_are_replaced_together_or_not_at_all(apis: Everywhere) -> None:
    path = "/heroes/1/powers/"
    assert apis.ask("PUT", path, json=["rage", "flight"]).json() == DONE
    assert codes(apis) == ["flight", "rage"]
    found = apis.ask("PUT", path, json=["é", "none", "rage", "nothing"])
    assert found.status_code == 409
    assert found.json()["detail"] == [
        {"type": "no_target", "loc": ["body", n], "msg": "There is no such power"} for n in (1, 3)
    ]
    assert codes(apis) == ["flight", "rage"]
    assert apis.ask("PUT", path, json=["é", "rage"]).json() == DONE
    assert apis.ask("PUT", path, json=["rage", "é"]).json() == DONE
    assert codes(apis) == ["rage", "é"]
    assert apis.ask("PUT", path.rstrip("/"), json=[]).json() == DONE
    assert codes(apis) == []
    missing = apis.ask("PUT", "/heroes/9/powers/", json=[])
    assert (missing.status_code, missing.json()) == (404, {"detail": "Hero not found"})


def test_the_keys_of_a_replacement_are_checked(apis: Everywhere) -> None:
    path = "/heroes/1/powers/"
    assert problems(apis, "PUT", path, ["rage", "é", "rage", "é"]) == (
        422,
        [("repeated_key", ["body", 2]), ("repeated_key", ["body", 3])],
    )
    assert problems(apis, "PUT", path, ["rage", "e\u0301", "é"]) == (
        422,
        [("repeated_key", ["body", 2])],
    )
    assert problems(apis, "PUT", path, [1]) == (422, [("string_type", ["body", 0])])
    assert problems(apis, "PUT", path, {"a": 1}) == (422, [("list_type", ["body"])])
    assert problems(apis, "PUT", path, ["a"] * 101) == (422, [("too_long", ["body"])])
    numbers = "/powers/rage/heroes/"
    for wrong in ("1", True, 1.5, None):
        status, found = problems(apis, "PUT", numbers, [1, wrong])
        assert (status, [loc for _, loc in found]) == (422, [["body", 1]])
    assert apis.ask("PUT", numbers, json=[1.0, 2]).json() == DONE
    for missing in (9, 2**63, -(2**200)):
        answer = problems(apis, "PUT", numbers, [1, missing])
        assert answer == (409, [("no_target", ["body", 1])])
    assert [row["number"] for row in apis.ask("GET", numbers).json()] == [1, 2]
    assert apis.ask("PUT", path).status_code == 422


def test_a_hundred_links_are_replaced(apis: Everywhere) -> None:
    for n in range(96):
        apis.ask("POST", "/powers/", json={"code": f"p{n}", "level": n})
    every = [power["code"] for power in apis.ask("GET", "/powers/?limit=100").json()]
    assert len(every) == 100
    assert apis.ask("PUT", "/heroes/2/powers/", json=every[::-1]).json() == DONE
    assert codes(apis, "/heroes/2/powers/?limit=100") == every


def test_the_list_has_the_parameters_of_the_target(apis: Everywhere) -> None:
    path = "/heroes/1/powers/"
    apis.ask("PUT", path, json=[power["code"] for power in POWERS])
    apis.ask("PUT", "/heroes/2/powers/", json=["rage"])
    apis.ask("POST", "/powers/", json={"code": "other", "level": 1})
    page = apis.ask("GET", f"{path}?sort=-level&count=exact&fields=code,level")
    assert page.headers["x-total-count"] == "4"
    assert page.json() == [{"code": row["code"], "level": row["level"]} for row in POWERS[:0:-1]]
    assert page.links["next"]["url"].startswith(f"{path}?offset=3")
    assert codes(apis, f"{path}?level__gte=1&level__lt=3") == ["rage", "é"]
    assert codes(apis, f"{path}?q=RA") == ["rage"]
    unknown = apis.ask("GET", f"{path}?alias=x")
    assert unknown.status_code == 422


def test_cursors_are_those_of_one_list(api: Api) -> None:
    path = "/heroes/1/powers/"
    api.ask("PUT", path, json=[power["code"] for power in POWERS])
    api.ask("PUT", "/heroes/2/powers/", json=[power["code"] for power in POWERS])
    found, url = [], f"{path}?cursor=&limit=1&sort=-level"
    while url:
        page = api.ask("GET", url)
        found += page.json()
        url = page.links.get("next", {}).get("url", "")
        assert not url or url.startswith(path)
    assert found == [{"level": row["level"], "code": row["code"]} for row in POWERS[::-1]]
    first = api.ask("GET", f"{path}?cursor=&limit=1").links["next"]["url"]
    assert api.ask("GET", first.replace("/1/", "/2/")).status_code == 404
    assert api.ask("GET", first.replace(path, "/powers/")).status_code == 404
    assert api.ask("GET", first).status_code == 200


def test_hidden_properties_stay_hidden(apis: Everywhere) -> None:
    apis.ask("PUT", "/powers/rage/heroes/", json=[1])
    assert apis.ask("GET", "/powers/rage/heroes/").json() == [{"name": "hero 1", "number": 1}]
    assert apis.ask("GET", "/powers/rage/heroes/?alias=x").status_code == 422


def test_links_go_with_either_row(apis: Everywhere) -> None:
    apis.ask("PUT", "/heroes/1/powers/", json=["flight", "rage"])
    apis.ask("PUT", "/heroes/2/powers/", json=["rage"])
    assert apis.ask("DELETE", "/powers/rage").status_code == 200
    assert codes(apis) == ["flight"]
    assert apis.ask("DELETE", "/heroes/bulk?number=1&number=2").status_code == 200
    assert apis.ask("GET", "/powers/flight/heroes/").json() == []


def test_rows_of_one_table_are_linked(apis: Everywhere) -> None:
    def numbers(path: str) -> list[int]:
        return [row["number"] for row in apis.ask("GET", path).json()]

    assert apis.ask("PUT", "/heroes/1/friends/", json=[1, 2, 3]).json() == DONE
    assert apis.ask("PUT", "/heroes/2/friends/3").json() == DONE
    assert numbers("/heroes/1/friends/") == [1, 2, 3]
    assert numbers("/heroes/3/admirers/") == [1, 2]
    assert numbers("/heroes/3/friends/") == []
    assert apis.ask("DELETE", "/heroes/3/admirers/1").json() == DONE
    assert apis.ask("PUT", "/heroes/2/admirers/", json=[3]).json() == DONE
    assert numbers("/heroes/1/friends/") == [1]
    assert numbers("/heroes/3/friends/") == [2]


def test_keys_are_uuids(api: Api) -> None:
    gadgets = [api.ask("POST", "/gadgets/", json={"name": "x"}).json() for _ in range(2)]
    first, second = (gadget["id"] for gadget in gadgets)
    assert api.ask("PUT", f"/gadgets/{first.upper()}/owners/1").json() == DONE
    assert api.ask("PUT", "/heroes/2/gadgets/", json=[second, first.upper()]).json() == DONE
    assert api.ask("GET", "/heroes/2/gadgets/").json() == gadgets
    again = api.ask("PUT", "/heroes/2/gadgets/", json=[first, first.upper()])
    assert again.json()["detail"][0]["loc"] == ["body", 1]
    missing = first[:-4] + "0000"
    found = api.ask("PUT", "/heroes/2/gadgets/", json=[missing])
    assert found.json()["detail"][0]["msg"] == "There is no such gadget"
    assert api.ask("PUT", f"/heroes/2/gadgets/{missing}").json() == {"detail": "Gadget not found"}
    assert api.ask("PUT", "/heroes/2/gadgets/", json=["x"]).status_code == 422


def test_preconditions_are_rejected(apis: Everywhere) -> None:
    for name in ("If-Match", "If-None-Match"):
        for method, path in (("PUT", "rage"), ("DELETE", "rage"), ("PUT", "")):
            options: dict[str, Any] = {} if path else {"json": []}
            response = apis.ask(method, f"/heroes/1/powers/{path}", headers={name: "*"}, **options)
            assert response.status_code == 412


def test_links_of_a_row_that_is_only_read_do_not_change(apis: Everywhere) -> None:
    paths = apis.ask("GET", "/openapi.json").json()["paths"]
    assert [*paths["/museums/{museum_id}/powers/"]] == ["get"]
    assert "/museums/{museum_id}/powers/{power_id}" not in paths


def test_links_of_an_entity_change_by_its_own_operations(api: Api) -> None:
    api.ask("POST", "/teams/", json={"name": "A"})
    made = [
        api.ask("POST", "/memberships/", json={"hero_number": n, "team_name": "A", "role": "x"})
        for n in (1, 3)
    ]
    assert [response.status_code for response in made] == [200, 200]
    found = api.ask("GET", "/teams/A/heroes/?sort=-name&count=exact")
    assert [row["number"] for row in found.json()] == [3, 1]
    assert found.headers["x-total-count"] == "2"
    assert api.ask("GET", "/teams/B/heroes/").json() == {"detail": "Team not found"}
    assert api.ask("PUT", "/teams/A/heroes/2").status_code in {404, 405}
    paths = api.ask("GET", "/openapi.json").json()["paths"]
    assert [*paths["/teams/{team_id}/heroes/"]] == ["get"]
    assert "/heroes/{hero_id}/teams/" not in paths


def test_operations_have_names_of_their_own(apis: Everywhere) -> None:
    document = apis.ask("GET", "/openapi.json").json()
    operations = [one for path in document["paths"].values() for one in path.values()]
    names = [one["operationId"] for one in operations]
    assert len(names) == len({*names})
    assert {"list_hero_powers", "set_hero_powers", "add_hero_power", "remove_hero_power"} <= {
        *names
    }
    put = document["paths"]["/heroes/{hero_id}/powers/"]["put"]
    schema = put["requestBody"]["content"]["application/json"]["schema"]
    assert (schema["items"]["type"], schema["maxItems"]) == ("string", 100)
    listed = document["paths"]["/heroes/{hero_id}/powers/"]["get"]["parameters"]
    own = document["paths"]["/powers/"]["get"]["parameters"]
    assert listed[1:] == own
