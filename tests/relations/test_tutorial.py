"""The teams, heroes and powers of SQLModel's tutorial, request by request."""

from typing import Any

import pytest

from tests.support.servers import COMBINATIONS, Api, Servers

HEROES: dict[str, dict[str, Any]] = {
    "Deadpond": {"secret_name": "Dive Wilson"},
    "Rusty-Man": {"secret_name": "Tommy Sharp", "age": 48},
    "Spider-Boy": {"secret_name": "Pedro Parqueador"},
}
TEAMS = {"Z-Force": "Sister Margaret's Bar", "Preventers": "Sharp Tower"}


class Tutorial:
    """A running application, and the rows that its tests have created, by name."""

    def __init__(self, api: Api) -> None:
        self.api = api
        self.rows: dict[str, dict[str, Any]] = {}
        for name, headquarters in TEAMS.items():
            self.create("teams", name=name, headquarters=headquarters)
        self.create("heroes", name="Deadpond", team_id=self["Z-Force"], **HEROES["Deadpond"])
        self.create("heroes", name="Rusty-Man", team_id=self["Preventers"], **HEROES["Rusty-Man"])
        self.create("heroes", name="Spider-Boy", **HEROES["Spider-Boy"])

    def __getitem__(self, name: str) -> int:
        """Return the key of a row."""
        key: int = self.rows[name]["id"]
        return key

    def create(self, path: str, **body: Any) -> dict[str, Any]:
        answer = self.api.ask("POST", f"/{path}/", json=body)
        assert answer.status_code == 200, answer.text
        row: dict[str, Any] = answer.json()
        self.rows[row["name"]] = row
        return row

    def ask(self, method: str, path: str, status: int = 200, **options: Any) -> Any:
        answer = self.api.ask(method, path, **options)
        assert answer.status_code == status, answer.text
        return answer.json()

    def get(self, path: str, **parameters: Any) -> Any:
        return self.ask("GET", path, params=parameters)

    def names(self, path: str, **parameters: Any) -> list[str]:
        return [row["name"] for row in self.get(path, **parameters)]


@pytest.fixture(params=COMBINATIONS, ids="-".join)
def tutorial(request: pytest.FixtureRequest, servers: Servers) -> Tutorial:
    mode, kind = request.param
    spec = request.config.rootpath / "tests/specs/teams/entities"
    return Tutorial(servers.api(spec, mode, kind).emptied())


# Create connected rows


def test_heroes_are_created_with_the_key_of_their_team(tutorial: Tutorial) -> None:
    deadpond = tutorial.rows["Deadpond"]
    assert deadpond == {
        "name": "Deadpond",
        "age": None,
        "team_id": tutorial["Z-Force"],
        "id": deadpond["id"],
    }
    assert tutorial.rows["Spider-Boy"]["team_id"] is None
    assert tutorial.names("/heroes/", team_id=tutorial["Preventers"]) == ["Rusty-Man"]


def test_a_hero_needs_a_team_that_exists(tutorial: Tutorial) -> None:
    body = {"name": "Tarantula", "secret_name": "Natalia Roman-on", "team_id": 4711}
    answer = tutorial.ask("POST", "/heroes/", 409, json=body)
    assert answer == {
        "detail": [
            {"type": "no_target", "loc": ["body", "team_id"], "msg": "There is no such team"}
        ]
    }
    assert tutorial.names("/heroes/") == [*HEROES]


# Update and remove connections


def test_a_hero_joins_a_team_and_leaves_it(tutorial: Tutorial) -> None:
    path = f"/heroes/{tutorial['Spider-Boy']}"
    joined = tutorial.ask("PATCH", path, json={"team_id": tutorial["Preventers"]})
    assert joined == tutorial.rows["Spider-Boy"] | {"team_id": tutorial["Preventers"]}
    assert tutorial.names("/heroes/", team_id=tutorial["Preventers"]) == ["Rusty-Man", "Spider-Boy"]
    assert tutorial.ask("PATCH", path, json={"team_id": None}) == tutorial.rows["Spider-Boy"]
    assert tutorial.names("/heroes/", team_id__isnull="true") == ["Spider-Boy"]


# Delete


def test_a_team_with_heroes_is_not_deleted(tutorial: Tutorial) -> None:
    path = f"/teams/{tutorial['Z-Force']}"
    message = "Heroes refer to it by team_id"
    assert tutorial.ask("DELETE", path, 409) == {
        "detail": [{"type": "referred_to", "loc": ["path", "team_id"], "msg": message}]
    }
    assert tutorial.ask("DELETE", f"/heroes/{tutorial['Deadpond']}") == {"ok": True}
    assert tutorial.ask("DELETE", path) == {"ok": True}
    assert tutorial.names("/teams/") == ["Preventers"]


# Read with relationships


def test_a_hero_with_its_team(tutorial: Tutorial) -> None:
    deadpond = tutorial.rows["Deadpond"]
    path = f"/heroes/{deadpond['id']}"
    assert tutorial.get(path) == deadpond
    assert tutorial.get(path, include="team") == deadpond | {"team": tutorial.rows["Z-Force"]}
    lonely = tutorial.rows["Spider-Boy"]
    assert tutorial.get(f"/heroes/{lonely['id']}", include="team") == lonely | {"team": None}


def test_a_team_with_its_heroes(tutorial: Tutorial) -> None:
    tutorial.ask(
        "PATCH", f"/heroes/{tutorial['Spider-Boy']}", json={"team_id": tutorial["Preventers"]}
    )
    preventers = tutorial.rows["Preventers"]
    rusty = tutorial.rows["Rusty-Man"]
    spider = tutorial.rows["Spider-Boy"] | {"team_id": preventers["id"]}
    path = f"/teams/{preventers['id']}"
    assert tutorial.get(path) == preventers
    assert tutorial.get(path, include="heroes") == preventers | {
        "heroes": [rusty, spider],
        "heroes_more": False,
    }
    first = tutorial.get(path, include="heroes", heroes__limit=1)
    assert first == preventers | {"heroes": [rusty], "heroes_more": True}


def test_all_heroes_with_their_teams(tutorial: Tutorial) -> None:
    found = tutorial.get("/heroes/", include="team")
    teams = [row["team"] and row["team"]["name"] for row in found]
    assert teams == ["Z-Force", "Preventers", None]
    assert [{**row, "team": 0} for row in found] == [
        {**tutorial.rows[name], "team": 0} for name in HEROES
    ]


def test_what_was_read_with_its_team_opens_a_change(tutorial: Tutorial) -> None:
    path = f"/heroes/{tutorial['Deadpond']}"
    read = tutorial.api.ask("GET", path, params={"include": "team"})
    tag = {"If-Match": read.headers["etag"]}
    changed = tutorial.ask("PATCH", path, json={"age": 30}, headers=tag)
    assert changed["age"] == 30
    tutorial.ask("PATCH", path, 412, json={"age": 31}, headers=tag)


# Many to many


def test_heroes_and_powers_are_linked(tutorial: Tutorial) -> None:
    flight = tutorial.create("powers", name="flight")
    wealth = tutorial.create("powers", name="wealth")
    rusty = f"/heroes/{tutorial['Rusty-Man']}"
    for power in (flight, wealth, wealth):
        assert tutorial.ask("PUT", f"{rusty}/powers/{power['id']}") == {"ok": True}
    assert tutorial.get(f"{rusty}/powers/") == [flight, wealth]
    assert tutorial.get(f"{rusty}/powers/", sort="-name") == [wealth, flight]
    assert tutorial.get(rusty, include="powers") == tutorial.rows["Rusty-Man"] | {
        "powers": [flight, wealth],
        "powers_more": False,
    }
    assert tutorial.get(f"/powers/{flight['id']}", include="heroes") == flight | {
        "heroes": [tutorial.rows["Rusty-Man"]],
        "heroes_more": False,
    }


def test_links_are_removed_and_replaced(tutorial: Tutorial) -> None:
    flight = tutorial.create("powers", name="flight")
    wealth = tutorial.create("powers", name="wealth")
    powers = f"/heroes/{tutorial['Rusty-Man']}/powers/"
    assert tutorial.ask("PUT", powers, json=[flight["id"], wealth["id"]]) == {"ok": True}
    assert tutorial.ask("DELETE", f"{powers}{flight['id']}") == {"ok": True}
    assert tutorial.ask("DELETE", f"{powers}{flight['id']}", 404) == {"detail": "Power not found"}
    assert tutorial.get(powers) == [wealth]
    assert tutorial.ask("PUT", powers, json=[flight["id"]]) == {"ok": True}
    assert tutorial.get(powers) == [flight]
    refused = tutorial.ask("PUT", powers, 409, json=[wealth["id"], 4711])
    assert refused == {
        "detail": [{"type": "no_target", "loc": ["body", 1], "msg": "There is no such power"}]
    }
    assert tutorial.get(powers) == [flight]
    assert tutorial.ask("PUT", f"{powers}4711", 404) == {"detail": "Power not found"}


def test_links_go_with_either_row(tutorial: Tutorial) -> None:
    flight = tutorial.create("powers", name="flight")
    wealth = tutorial.create("powers", name="wealth")
    for name in ("Deadpond", "Rusty-Man"):
        tutorial.ask("PUT", f"/heroes/{tutorial[name]}/powers/", json=[flight["id"], wealth["id"]])
    assert tutorial.ask("DELETE", f"/powers/{flight['id']}") == {"ok": True}
    assert tutorial.get(f"/heroes/{tutorial['Deadpond']}/powers/") == [wealth]
    assert tutorial.ask("DELETE", f"/heroes/{tutorial['Deadpond']}") == {"ok": True}
    heroes = tutorial.get(f"/powers/{wealth['id']}", include="heroes")["heroes"]
    assert heroes == [tutorial.rows["Rusty-Man"]]
