"""Related rows in lists and reads have the bytes of the responses of their own paths."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from tests.owners.project import Project, emit

TEAMS = Path(__file__).parents[1] / "specs/teams/entities"
CHANGES = {
    "hero": ("[team, powers]", "[team, powers, team__heroes]"),
    "team": ("fields:", "api: {counts: [heroes]}\nfields:"),
    "power": ("", ""),
}
"""What the spec of each entity has in addition to the tutorial's."""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    folder = tmp_path_factory.mktemp("teams")
    specs = {
        name: (TEAMS / f"{name}.yaml").read_text("utf-8").replace(*change)
        for name, change in CHANGES.items()
    }
    copied = Project.copied(emit(folder, specs), folder)
    yield copied
    copied.unload()


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def client(
    request: pytest.FixtureRequest, project: Project, new_database: Callable[[str], str]
) -> Iterator[TestClient]:
    """Return a client of two teams, four heroes and two powers."""
    app = project.create(database_url=new_database(request.param))
    with project.client(app) as client:
        for name in ("Z-Force", "Preventers"):
            client.post("/teams/", json={"name": name, "headquarters": "x"})
        for name, team in (("Deadpond", 1), ("Rusty", 2), ("Spider", None), ("Tarantula", 2)):
            row = {"name": name, "secret_name": "secret", "team_id": team}
            client.post("/heroes/", json=row)
        for name in ("flight", "wealth"):
            client.post("/powers/", json={"name": name})
        link = project.module("heroes.links").HeroPowerLink
        with app.state.database.session() as session:
            for hero, power in ((1, 2), (1, 1), (3, 2)):
                session.add(link(hero_id=hero, power_id=power))
            session.commit()
        yield client


def own(client: TestClient, path: str) -> str:
    """Return a row as a request that changes nothing returns it: without related rows."""
    text: str = client.patch(path, json={}).text
    return text


def with_more(row: str, properties: str) -> str:
    return f"{row[:-1]},{properties}}}"


def test_a_list_includes_one_row(client: TestClient) -> None:
    rows = []
    for number in (1, 2, 3, 4):
        hero = own(client, f"/heroes/{number}")
        team = json.loads(hero)["team_id"]
        target = own(client, f"/teams/{team}") if team else "null"
        rows.append(with_more(hero, f'"team":{target}'))
    listed = client.get("/heroes/?include=team")
    assert listed.text == f"[{','.join(rows)}]"


def test_a_list_includes_several_rows_up_to_a_limit(client: TestClient) -> None:
    first, second = own(client, "/teams/1"), own(client, "/teams/2")
    one, two = own(client, "/heroes/1"), own(client, "/heroes/2")
    listed = client.get("/teams/?include=heroes&heroes__limit=1&count=exact")
    rows = [
        with_more(first, f'"heroes_count":1,"heroes":[{one}],"heroes_more":false'),
        with_more(second, f'"heroes_count":2,"heroes":[{two}],"heroes_more":true'),
    ]
    assert listed.text == f"[{','.join(rows)}]"
    assert listed.headers["x-total-count"] == "2"


def test_linked_rows_are_in_the_order_of_their_key(client: TestClient) -> None:
    flight, wealth = own(client, "/powers/1"), own(client, "/powers/2")
    read = client.get("/heroes/1?include=powers").text
    powers = f'"powers":[{flight},{wealth}],"powers_more":false'
    assert read == with_more(own(client, "/heroes/1"), powers)
    none = client.get("/heroes/2?include=powers").text
    assert none == with_more(own(client, "/heroes/2"), '"powers":[],"powers_more":false')


def test_rows_of_included_rows_are_included_by_a_path(client: TestClient) -> None:
    team = with_more(
        own(client, "/teams/2"), f'"heroes":[{own(client, "/heroes/2")}],"heroes_more":true'
    )
    path = "?include=team__heroes&team__heroes__limit=1"
    read = client.get(f"/heroes/4{path}").text
    assert read == with_more(own(client, "/heroes/4"), f'"team":{team}')
    listed = client.get(f"/heroes/{path}&sort=-name&limit=1").text
    assert listed == f"[{read}]"
    assert json.loads(client.get(f"/heroes/3{path}").text)["team"] is None


@pytest.mark.parametrize("path", ["?sort=-name", "?sort=age,-name", "?team_id__isnull=false"])
def test_pages_and_links_do_not_depend_on_what_is_included(client: TestClient, path: str) -> None:
    """Walk forward and backward, with and without related rows."""
    for given in ("&limit=1&cursor=", "&limit=3&cursor=", "&limit=2&count=exact"):
        plain = client.get(f"/heroes/{path}{given}")
        related = client.get(f"/heroes/{path}{given}&include=team,powers")
        rows = []
        while True:
            names = [row["name"] for row in plain.json()]
            assert [row["name"] for row in related.json()] == names
            rows += names
            assert related.headers.get("x-total-count") == plain.headers.get("x-total-count")
            assert plain.links.keys() == related.links.keys()
            if "next" not in plain.links:
                break
            plain = client.get(plain.links["next"]["url"])
            related = client.get(related.links["next"]["url"])
        assert len(rows) == len(set(rows))
        while "prev" in plain.links:
            plain = client.get(plain.links["prev"]["url"])
            related = client.get(related.links["prev"]["url"])
            names = [row["name"] for row in plain.json()]
            assert [row["name"] for row in related.json()] == names


def test_fields_select_properties_of_included_rows(client: TestClient) -> None:
    path = "/heroes/?limit=2&include=team,powers&fields="
    rows = client.get(f"{path}name,team__name,powers__id").json()
    assert rows == [
        {"name": "Deadpond", "team": {"name": "Z-Force"}, "powers": [{"id": 1}, {"id": 2}]}
        | {"powers_more": False},
        {"name": "Rusty", "team": {"name": "Preventers"}, "powers": [], "powers_more": False},
    ]
    row, _ = client.get(f"{path}powers__name").json()
    assert row["powers"] == [{"name": "flight"}, {"name": "wealth"}]
    team = client.patch("/teams/1", json={}).json()
    assert row["team"] == team  # none of its properties is named: all
    assert row["name"] == "Deadpond"
    counts = client.get("/teams/?fields=heroes_count").json()
    assert counts == [{"heroes_count": 1}, {"heroes_count": 2}]
    assert client.get("/teams/?fields=name").json()[0] == {"name": "Z-Force"}


@pytest.mark.parametrize(
    ("path", "parameter", "message"),
    [
        ("heroes/?include=boss", "include", "Input should be 'team', 'team__heroes' or 'powers'"),
        ("heroes/?include=team,team", "include", "Each property should be named once"),
        ("heroes/?fields=team__name", "fields", "not included: add `include=team`"),
        ("heroes/1?powers__limit=3", "powers__limit", "not included: add `include=powers`"),
        ("heroes/?include=powers&powers__limit=101", "powers__limit", "less than or equal to 100"),
        ("heroes/?include=powers&powers__limit=0", "powers__limit", "greater than or equal to 1"),
        ("heroes/?include=team&team__limit=3", "team__limit", "Unknown parameter"),
        ("heroes/1?fields=name", "fields", "Unknown parameter"),
        (
            "heroes/?include=powers,team__heroes&powers__limit=100&team__heroes__limit=100",
            "include",
            "could include 20100 rows, the most is 10000",
        ),
    ],
)
def test_what_cannot_be_included_is_rejected(
    client: TestClient, path: str, parameter: str, message: str
) -> None:
    response = client.get(f"/{path}")
    (problem,) = response.json()["detail"]
    assert (response.status_code, problem["loc"]) == (422, ["query", parameter])
    assert message in problem["msg"]


def test_a_secret_is_neither_included_nor_named(client: TestClient) -> None:
    listed = client.get("/teams/?include=heroes")
    assert "secret" not in listed.text
    fields = client.get("/teams/?include=heroes&fields=heroes__secret_name")
    assert fields.status_code == 422
    assert "secret_name" not in json.dumps(client.get("/openapi.json").json()["paths"]["/teams/"])


def test_the_etag_of_a_read_has_that_of_the_row_and_of_the_response(client: TestClient) -> None:
    alone = client.get("/heroes/2").headers["etag"]
    assert alone == client.get("/heroes/2").headers["etag"]
    included = client.get("/heroes/2?include=team").headers["etag"]
    assert included.startswith(f"{alone[:-1]}.")
    again = {"if-none-match": included}
    assert client.get("/heroes/2?include=team", headers=again).status_code == 304
    assert client.get("/heroes/2", headers=again).status_code == 200
    client.patch("/teams/2", json={"headquarters": "y"})
    assert client.get("/heroes/2?include=team", headers=again).status_code == 200
    assert client.patch("/heroes/2", json={"age": 3}, headers={"if-match": included}).is_success
    changed = client.patch("/heroes/2", json={"age": 4}, headers={"if-match": included})
    assert changed.status_code == 412
    assert "team" not in changed.json()
    same = {"if-none-match": client.get("/heroes/2?include=team").headers["etag"]}
    assert client.patch("/heroes/2", json={"age": 5}, headers=same).status_code == 412
    client.patch("/heroes/2", json={"age": None})
    client.patch("/teams/2", json={"headquarters": "x"})


def test_a_row_that_does_not_exist_is_not_found(client: TestClient) -> None:
    assert client.get("/heroes/99?include=team").status_code == 404
    assert client.get(f"/heroes/{2**70}?include=team").status_code == 404


def test_related_rows_are_optional_in_the_document(client: TestClient) -> None:
    schemas = client.get("/openapi.json").json()["components"]["schemas"]
    hero, team = schemas["HeroPublicWithRelated"], schemas["TeamPublicWithRelated"]
    assert hero["required"] == ["name", "age", "team_id", "id"]
    assert team["required"] == ["name", "headquarters", "id", "heroes_count"]
    assert "default" not in hero["properties"]["powers"]
