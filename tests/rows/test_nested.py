"""Rows that are listed and created under the row that they refer to."""

from pathlib import Path
from typing import Any

import pytest

from crudgen.codegen import render
from crudgen.language import load_texts
from tests.codegen.emitted import run_alone, write
from tests.support.servers import Api, Everywhere, Servers, write_entities

pytestmark = pytest.mark.long

SPECS = {
    "team": """
name: Team
fields: {code: str(1..20) pk, name: str(1..40)}
api: {nested: [heroes, away_matches, scouts, quests]}
""",
    "hero": """
name: Hero
fields:
  number: int pk
  name: str(1..40) unique
  alias: str(1..40) write_only
  joined: date = 2020-01-01
  team_code: -> Team
  mentor_number: -> Hero? inverse(pupils)
api: {idempotency: true, created: 201, nested: [pupils], page: {default: 2, max: 100}}
""",
    "match": """
name: Match
fields:
  day: date
  home_code: {type: reference, to: Team, relation: home, inverse: home_matches}
  away_code: {type: reference, to: Team, relation: away, inverse: away_matches}
plural: matches
path: /v1/matches
""",
    "scout": """
name: Scout
fields: {name: str, team_code: -> Team = nobody read_only}
api: {operations: [create, list]}
""",
    "quest": """
name: Quest
fields: {code: str(1..20) pk, team_code: -> Team cascade, parent_code: -> Quest? inverse(parts)}
links: {heroes: {to: Hero, inverse: false}}
api:
  idempotency: true
  counts: [steps]
  nested: [parts]
  write: {heroes: keys, steps: create}
""",
    "step": """
name: Step
fields: {position: int pk, quest_code: -> Quest cascade, text: str(1..20) unique}
""",
}
STEPS = [{"position": position, "text": f"step {position}"} for position in (1, 2)]
QUEST = {"code": "grail", "hero_numbers": [1], "steps": STEPS}
HERO = {"number": 1, "name": "Deadpond", "alias": "Dive"}
SHOWN = {
    "name": "Deadpond",
    "joined": "2020-01-01",
    "mentor_number": None,
    "number": 1,
    "team_code": "a",
}


@pytest.fixture(scope="module")
def started(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Everywhere:
    spec = write_entities(tmp_path_factory.mktemp("nested") / "entities", SPECS)
    return servers.everywhere(spec, keeps_names=True)


@pytest.fixture
def apis(started: Everywhere) -> Everywhere:
    """The applications with three teams and no other rows."""
    started.emptied()
    for code in ("a", "b", "nobody"):
        team = {"code": code, "name": f"team {code}"}
        assert started.ask("POST", "/teams/", json=team).status_code == 200
    return started


@pytest.fixture(params=range(4), ids=["served-sqlite", "served-pg", "emitted-sqlite", "emitted-pg"])
def api(request: pytest.FixtureRequest, apis: Everywhere) -> Api:
    number: int = request.param
    return apis.apis[number]


def test_a_row_is_created_under_a_row(apis: Everywhere) -> None:
    made = apis.ask("POST", "/teams/a/heroes/", json=HERO)
    assert (made.status_code, made.json()) == (201, SHOWN)
    assert made.headers["location"] == "/heroes/1"
    read = apis.ask("GET", "/heroes/1")
    assert (read.json(), read.headers["etag"]) == (SHOWN, made.headers["etag"])
    assert apis.ask("GET", "/teams/a/heroes").json() == [SHOWN]
    assert apis.ask("GET", "/teams/b/heroes/").json() == []


def test_the_body_has_no_reference_to_the_row(apis: Everywhere) -> None:
    for code in ("a", "b", None):
        made = apis.ask("POST", "/teams/a/heroes/", json=HERO | {"team_code": code})
        assert made.status_code == 422
        (found,) = made.json()["detail"]
        assert (found["type"], found["loc"]) == ("extra_forbidden", ["body", "team_code"])
    assert apis.ask("GET", "/heroes/").json() == []


def test_a_read_only_reference_is_set_to_the_row_of_the_path(apis: Everywhere) -> None:
    made = apis.ask("POST", "/teams/a/scouts/", json={"name": "Stan"})
    assert (made.status_code, made.json()) == (200, {"id": 1, "name": "Stan", "team_code": "a"})
    assert apis.ask("GET", "/teams/a/scouts/").json() == [made.json()]
    again = apis.ask("POST", "/teams/a/scouts/", json=made.json())
    (found,) = again.json()["detail"]
    assert (found["type"], found["loc"]) == ("extra_forbidden", ["body", "team_code"])
    direct = apis.ask("POST", "/scouts/", json=made.json())
    assert direct.json() == {"id": 2, "name": "Stan", "team_code": "nobody"}


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_the_row_does_not_exist(apis: Everywhere, method: str) -> None:
    options: dict[str, Any] = {"json": HERO} if method == "POST" else {}
    for path in ("/teams/none/heroes/", "/heroes/9/pupils/", f"/heroes/{2**63}/pupils/"):
        options = {"json": HERO | {"team_code": "a"}} if "pupils" in path and options else options
        found = apis.ask(method, path, **options)
        name = "Hero" if "pupils" in path else "Team"
        assert (found.status_code, found.json()) == (404, {"detail": f"{name} not found"})


def test_other_errors_are_those_of_a_create(apis: Everywhere) -> None:
    assert apis.ask("POST", "/teams/a/heroes/", json=HERO).status_code == 201
    again = apis.ask("POST", "/teams/b/heroes/", json=HERO | {"number": 2})
    assert again.status_code == 409
    assert again.json()["detail"][0]["loc"] == ["body", "name"]
    missing = apis.ask("POST", "/teams/b/heroes/", json={"number": 2, "name": "x"})
    assert missing.json()["detail"][0]["loc"] == ["body", "alias"]
    other = {"number": 2, "name": "other", "alias": "x", "mentor_number": 7}
    target = apis.ask("POST", "/teams/b/heroes/", json=other)
    assert target.status_code == 409
    assert target.json()["detail"][0]["loc"] == ["body", "mentor_number"]
    assert apis.ask("POST", "/teams/b/heroes/?team_code=a", json=HERO).status_code == 422


def test_a_repeated_create_is_replayed(apis: Everywhere) -> None:
    headers = {"Idempotency-Key": "k"}
    made = apis.ask("POST", "/teams/a/heroes/", json=HERO, headers=headers)
    again = apis.ask("POST", "/teams/a/heroes/", json=HERO, headers=headers)
    assert made.status_code == again.status_code == 201
    assert again.content == made.content
    assert again.headers["idempotent-replayed"] == "true"
    assert again.headers["location"] == "/heroes/1"
    other = apis.ask("POST", "/teams/b/heroes/", json=HERO, headers=headers)
    assert other.status_code == 422


def test_the_list_has_the_parameters_of_the_target(apis: Everywhere) -> None:
    for number in range(1, 6):
        hero = HERO | {"number": number, "name": f"hero {number}"}
        team = "b" if number == 3 else "a"
        assert apis.ask("POST", f"/teams/{team}/heroes/", json=hero).status_code == 201
    path = "/teams/a/heroes/"
    page = apis.ask("GET", f"{path}?sort=-number&fields=number&count=exact")
    assert page.json() == [{"number": 5}, {"number": 4}]
    assert page.headers["x-total-count"] == "4"
    assert page.links["next"]["url"].startswith(f"{path}?offset=2")
    assert [row["number"] for row in apis.ask("GET", f"{path}?number__lte=3").json()] == [1, 2]
    assert apis.ask("GET", f"{path}?team_code=b").json() == []
    assert apis.ask("GET", f"{path}?alias=x").status_code == 422


def test_cursors_are_those_of_one_list(api: Api) -> None:
    for number in range(1, 6):
        hero = HERO | {"number": number, "name": f"hero {number}"}
        api.ask("POST", "/teams/a/heroes/", json=hero)
    first = api.ask("GET", "/teams/a/heroes/?cursor=&limit=3&fields=number")
    second = api.ask("GET", first.links["next"]["url"])
    assert first.json() + second.json() == [{"number": number} for number in range(1, 6)]
    url = first.links["next"]["url"]
    assert api.ask("GET", url.replace("/a/", "/b/")).status_code == 404
    assert api.ask("GET", url.replace("/teams/a", "")).status_code == 404


def test_rows_refer_to_rows_of_their_table(apis: Everywhere) -> None:
    apis.ask("POST", "/teams/a/heroes/", json=HERO)
    pupil = {"number": 2, "name": "pupil", "alias": "x", "team_code": "b"}
    made = apis.ask("POST", "/heroes/1/pupils/", json=pupil)
    assert (made.status_code, made.json()["mentor_number"]) == (201, 1)
    assert made.headers["location"] == "/heroes/2"
    assert [row["number"] for row in apis.ask("GET", "/heroes/1/pupils/").json()] == [2]


def test_two_references_to_one_table(api: Api) -> None:
    made = api.ask("POST", "/teams/b/away-matches/", json={"day": "2024-05-01", "home_code": "a"})
    assert made.status_code == 200, made.text
    row = made.json()
    assert (row["home_code"], row["away_code"]) == ("a", "b")
    assert made.headers["location"] == f"/v1/matches/{row['id']}"
    assert api.ask("GET", "/teams/b/away-matches/").json() == [row]
    assert api.ask("GET", "/teams/a/away-matches/").json() == []


def test_the_operations_are_those_of_the_target(apis: Everywhere) -> None:
    paths = apis.ask("GET", "/openapi.json").json()["paths"]
    assert [*paths["/teams/{team_id}/heroes/"]] == ["get", "post"]
    assert [*paths["/teams/{team_id}/scouts/"]] == ["get", "post"]
    assert "/teams/{team_id}/home-matches/" not in paths
    create = paths["/teams/{team_id}/heroes/"]["post"]
    assert create["operationId"] == "add_team_hero"
    assert "201" in create["responses"]
    body = create["requestBody"]["content"]["application/json"]["schema"]["$ref"]
    assert body == "#/components/schemas/HeroCreateInTeam"


def test_a_row_under_a_row_has_links_and_rows_of_its_own(apis: Everywhere) -> None:
    assert apis.ask("POST", "/teams/a/heroes/", json=HERO).status_code == 201
    headers = {"Idempotency-Key": "k"}
    made = apis.ask("POST", "/teams/a/quests/", json=QUEST, headers=headers)
    shown = {"code": "grail", "team_code": "a", "parent_code": None, "hero_numbers": [1]}
    steps = [step | {"quest_code": "grail"} for step in STEPS]
    assert (made.status_code, made.json()) == (200, shown | {"steps": steps})
    assert made.headers["location"] == "/quests/grail"
    again = apis.ask("POST", "/teams/a/quests/", json=QUEST, headers=headers)
    assert (again.content, again.headers["etag"]) == (made.content, made.headers["etag"])
    assert apis.ask("GET", "/steps/").json() == steps
    part = {"code": "part", "team_code": "b", "steps": [{"position": 3, "text": "x"}]}
    made = apis.ask("POST", "/quests/grail/parts/", json=part)
    assert made.json()["hero_numbers"] == []
    assert made.json()["steps"] == [{"position": 3, "text": "x", "quest_code": "part"}]
    assert apis.ask("GET", "/teams/a/quests/").json() == [shown | {"steps_count": 2}]
    (listed,) = apis.ask("GET", "/quests/grail/parts/").json()
    assert (listed["code"], listed["parent_code"], listed["steps_count"]) == ("part", "grail", 1)


def test_links_and_rows_of_a_row_under_a_row_are_checked(apis: Everywhere) -> None:
    assert apis.ask("POST", "/teams/a/heroes/", json=HERO).status_code == 201
    twice = [STEPS[0], STEPS[1] | {"text": "step 1"}]
    for more, status, kind, place in (
        ({"hero_numbers": [1, 9]}, 409, "no_target", ["hero_numbers", 1]),
        ({"hero_numbers": [1, 1]}, 422, "repeated_key", ["hero_numbers", 1]),
        ({"steps": twice}, 409, "unique", ["steps", 1, "text"]),
        ({"steps": [{"position": 1}]}, 422, "missing", ["steps", 0, "text"]),
        ({"team_code": "a"}, 422, "extra_forbidden", ["team_code"]),
    ):
        found = apis.ask("POST", "/teams/a/quests/", json=QUEST | more)
        assert found.status_code == status
        assert [(one["type"], one["loc"]) for one in found.json()["detail"]] == [
            (kind, ["body", *place])
        ]
    none = apis.ask("POST", "/teams/none/quests/", json=QUEST)
    assert (none.status_code, none.json()) == (404, {"detail": "Team not found"})
    for path in ("/quests/", "/steps/"):
        assert apis.ask("GET", path).json() == []


def test_the_document_names_the_models_of_rows_under_a_row(apis: Everywhere) -> None:
    document = apis.ask("GET", "/openapi.json").json()
    schemas = document["components"]["schemas"]
    for path, body in (
        ("/teams/{team_id}/quests/", "QuestCreateInTeamWithRelated"),
        ("/quests/{quest_id}/parts/", "QuestCreateInParentWithRelated"),
    ):
        operations = document["paths"][path]
        sent = operations["post"]["requestBody"]["content"]["application/json"]["schema"]
        assert sent["$ref"] == f"#/components/schemas/{body}"
        assert {"hero_numbers", "steps"} <= {*schemas[body]["properties"]}
        created = operations["post"]["responses"]["200"]["content"]["application/json"]["schema"]
        assert created["$ref"] == "#/components/schemas/QuestPublicWithCreated"
        listed = operations["get"]["responses"]["200"]["content"]["application/json"]["schema"]
        assert listed["items"]["$ref"] == "#/components/schemas/QuestPublicWithRelated"
    assert {"hero_numbers", "steps"} <= {*schemas["QuestPublicWithCreated"]["required"]}
    assert {"hero_numbers", "steps_count"} <= {*schemas["QuestPublicWithRelated"]["required"]}


def test_the_generated_tests_create_rows_under_a_row(tmp_path: Path) -> None:
    """Not under a row of the same table, which has the same unique values."""
    tree = render(load_texts({f"{name}.yaml": text for name, text in SPECS.items()}))
    project = write(tree, tmp_path / "project")
    command = ("-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/test_nested.py")
    assert "5 passed" in run_alone(tmp_path, *command, cwd=project)
