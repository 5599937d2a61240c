"""A spec names columns, tables and JSON properties: on both databases, served and emitted."""

from pathlib import Path
from typing import Any

import pytest

from tests.support.servers import Everywhere, Servers, write_entities

HERO = """
name: Hero
table: Hero "List" 100% a.b
fields:
  born_on: date column(Birth Date) json(bornOn) index
  real_name: str column("a\\"b (c) %s :x") unique
  class: str(1..9) = a
  metadata: int(0..9) = 1
  schema: str?
  copy: bool = false
  from: datetime = 2024-01-01T00:00:00Z read_only
  model_x: enum(a, b) = a column(select)
  match: decimal(4,2) = 1.50 column(größe)
  sa_x: bytes(..9)? column([x] it's)
  validate: str = x write_only column(";--")
  register: str = z immutable json(regIster)
  a__b: int = 3 json(ab)
  json: json?
  cls: uuid?
  count: int = 5
  limit: int = 6
  sort: str = s
  fields: str = f
index: [[born_on, class]]
api:
  operations: [create, list, read, update, replace, delete, create_many, update_many, delete_many]
  search: [real_name]
  idempotency: true
"""
TEAM = "name: Team\ntable: TEAM\nfields: {team_code: str(1..9) pk, id: int = 0}\n"
CONVENTIONS = "names: {columns: PascalCase, json: camelCase}\n"

pytestmark = [pytest.mark.slow, pytest.mark.long]


@pytest.fixture(scope="module")
def named(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Everywhere:
    folder: Path = tmp_path_factory.mktemp("named") / "entities"
    (folder.parent / "crudgen.yaml").write_text(CONVENTIONS)
    return servers.everywhere(write_entities(folder, {"hero": HERO, "team": TEAM}))


def test_rows_are_written_and_found(named: Everywhere) -> None:
    def ask(method: str, place: str, **options: Any) -> Any:
        answer = named.ask(method, place, **options)
        assert answer.status_code == 200, answer.text
        return answer.json()

    born = {"bornOn": "2020-01-01"}
    one = ask("POST", "/heroes/", json={**born, "realName": "one"}, headers=key("first-of-all"))
    assert one == {
        "id": 1,
        "bornOn": "2020-01-01",
        "realName": "one",
        "class": "a",
        "metadata": 1,
        "schema": None,
        "copy": False,
        "modelX": "a",
        "match": "1.50",
        "saX": None,
        "regIster": "z",
        "ab": 3,
        "json": None,
        "cls": None,
        "count": 5,
        "limit": 6,
        "sort": "s",
        "fields": "f",
        "from": "2024-01-01T00:00:00Z",
    }
    (two,) = ask("POST", "/heroes/bulk", json=[{**born, "realName": "two", "class": "k"}])
    assert ask("GET", "/heroes/", params={"sort": "-realName,-bornOn"}) == [two, one]
    found = ask("GET", "/heroes/", params={"class": "k", "match__gte": 1, "fields": "realName"})
    assert found == [{"realName": "two"}]
    assert ask("GET", "/heroes/", params={"q": "ON", "realName__contains": "n"}) == [one]
    changes = {"copy": True, "modelX": "b", "json": [1], "saX": "YQ==", "regIster": "ignored"}
    changed = ask("PATCH", "/heroes/1", json=changes)
    assert changed == one | changes | {"regIster": "z"}
    replaced = ask("PUT", "/heroes/1", json={**born, "realName": "three", "validate": "y"})
    assert replaced == one | {"realName": "three"}
    (bulk,) = ask("PATCH", "/heroes/bulk", json=[{"id": 2, "metadata": 9, "class": "z"}])
    assert bulk == two | {"metadata": 9, "class": "z"}
    again = named.ask("POST", "/heroes/", json={**born, "realName": "three"})
    assert (again.status_code, again.json()["detail"][0]["loc"]) == (409, ["body", "realName"])
    unknown = named.ask("POST", "/heroes/", json={"born_on": "2020-01-01", "realName": "x"})
    assert [each["loc"][-1] for each in unknown.json()["detail"]] == ["bornOn", "born_on"]
    found = ask("GET", "/heroes/", params={"count__eq": 5, "limit": 1, "sort": "-count,-id"})
    assert [row["id"] for row in found] == [2]
    assert ask("GET", "/heroes/", params={"limit__gt": 6}) == []
    for name in ("count", "limit", "sort", "fields"):
        refused = named.ask("GET", "/heroes/", params={name: "x"})
        (problem,) = refused.json()["detail"]
        assert problem["msg"].endswith(f"; to filter by the property `{name}`, use `{name}__eq`")
    refused = named.ask("GET", "/heroes/", params={"offset": "x"})
    assert "__eq" not in refused.json()["detail"][0]["msg"]
    assert ask("DELETE", "/heroes/1") == {"ok": True}


def key(text: str) -> dict[str, str]:
    return {"Idempotency-Key": text}


def test_a_key_has_its_json_name(named: Everywhere) -> None:
    assert named.ask("POST", "/teams/", json={"teamCode": "x"}).json() == {"teamCode": "x", "id": 0}
    assert named.ask("GET", "/teams/x").json() == {"teamCode": "x", "id": 0}
