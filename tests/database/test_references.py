"""Tables of one's own may refer to generated ones: what breaks a reference is 409."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from tests.support.servers import Api, Servers

pytestmark = pytest.mark.long

HERO = {"name": "n", "secret_name": "s"}
DOC = "Other rows refer to it"
SPEC = """
name: Team
fields:
  code: int pk
  name: str(1..50) unique
  lead: int?
api: {operations: [create, list, read, update, replace, delete, create_many, delete_many]}
"""


@pytest.fixture(params=["sqlite", "postgresql"], scope="module")
def api(
    request: pytest.FixtureRequest,
    servers: Servers,
    new_database: Callable[[str], str],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Api]:
    spec = tmp_path_factory.mktemp("references") / "entities"
    spec.mkdir()
    (spec / "team.yaml").write_text(SPEC)
    started = servers.start(spec, "served", new_database(request.param))
    yield started
    servers.end(started)


@pytest.fixture(
    params=[
        "REFERENCES team",
        "REFERENCES team ON DELETE RESTRICT",
        "REFERENCES team DEFERRABLE INITIALLY DEFERRED",
        "REFERENCES team (name)",
    ]
)
def referred(request: pytest.FixtureRequest, api: Api) -> Iterator[str]:
    """Let a row of another table refer to the team 1."""
    by_name = request.param.endswith("(name)")
    kind, value = ("varchar(50)", "'one'") if by_name else ("bigint", "1")
    with api.engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM team")
        connection.exec_driver_sql("INSERT INTO team (code, name) VALUES (1, 'one'), (2, 'two')")
        connection.exec_driver_sql(f"CREATE TABLE pet (team {kind} {request.param})")
        connection.exec_driver_sql(f"INSERT INTO pet VALUES ({value})")  # noqa: S608
    yield request.param
    with api.engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE pet")


def test_a_row_that_others_refer_to_is_not_deleted(api: Api, referred: str) -> None:
    assert referred
    answer = api.ask("DELETE", "/teams/1", timeout=30)
    assert (answer.status_code, answer.json()["detail"]) == (
        409,
        [{"type": "referred_to", "loc": ["path", "team_id"], "msg": DOC}],
    )
    assert api.ask("GET", "/teams/1", timeout=30).json()["name"] == "one"
    assert api.ask("DELETE", "/teams/2").json() == {"ok": True}


def test_of_several_rows_none_is_deleted(api: Api, referred: str) -> None:
    answer = api.ask("DELETE", "/teams/bulk?code=2&code=1")
    place = ["query", "code", 1] if "DEFERRED" not in referred else ["query", "code"]
    assert (answer.status_code, answer.json()["detail"]) == (
        409,
        [{"type": "referred_to", "loc": place, "msg": DOC}],
    )
    assert [row["code"] for row in api.ask("GET", "/teams/").json()] == [1, 2]


def test_a_value_that_others_refer_to_is_not_changed(api: Api, referred: str) -> None:
    answer = api.ask("PATCH", "/teams/1", json={"name": "other"})
    if referred.endswith("(name)"):
        assert (answer.status_code, answer.json()["detail"]) == (
            409,
            [{"type": "referred_to", "loc": ["body"], "msg": DOC}],
        )
        answer = api.ask("PUT", "/teams/1", json={"code": 1, "name": "other"})
        assert answer.status_code == 409
    else:
        assert answer.json()["name"] == "other"


@pytest.mark.long_cases(
    "REFERENCES team (name)",
    "REFERENCES team ON DELETE RESTRICT",
    "REFERENCES team DEFERRABLE INITIALLY DEFERRED",
)
def test_others_go_on_beside_a_broken_reference(api: Api, referred: str) -> None:
    """Writes share transactions on SQLite: a rule that is checked at its end is one write's own."""
    assert referred

    def create(code: int) -> int:
        body = {"code": code, "name": f"n{code}"}
        return httpx.post(f"{api.client.base_url}/teams/", json=body, timeout=30).status_code

    def delete(_: int) -> int:
        return httpx.delete(f"{api.client.base_url}/teams/1", timeout=30).status_code

    with ThreadPoolExecutor(16) as pool:
        created = [pool.submit(create, code) for code in range(10, 50)]
        deleted = [pool.submit(delete, one) for one in range(20)]
        assert {one.result() for one in created} == {200}
        assert {one.result() for one in deleted} == {409}


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_a_reference_of_an_own_column_to_a_missing_row(
    servers: Servers, new_database: Callable[[str], str], tmp_path: Path, kind: str
) -> None:
    """The owner of the emitted code adds a foreign key to a model."""
    spec = tmp_path / "entities"
    spec.mkdir()
    (spec / "team.yaml").write_text(SPEC)
    place = servers.emit(spec)
    models = place / "app/teams/models.py"
    text = models.read_text()
    assert "    lead: int | None = Field(" in text
    models.write_text(
        text.replace(
            "lead: int | None = Field(", 'lead: int | None = Field(foreign_key="team.code", '
        )
    )
    api = servers.start(spec, "emitted", new_database(kind))
    answer = api.ask("POST", "/teams/", json={"code": 1, "name": "n", "lead": 7})
    missing = {"type": "no_target", "loc": ["body", "lead"]}
    assert answer.status_code == 409, answer.text
    assert missing.items() <= answer.json()["detail"][0].items()
    assert api.ask("POST", "/teams/", json={"code": 1, "name": "n", "lead": 1}).is_success
    assert api.ask("PATCH", "/teams/1", json={"lead": 9}).json() == answer.json()
    many = api.ask(
        "POST", "/teams/bulk", json=[{"code": 2, "name": "x"}, {"code": 3, "name": "y", "lead": 9}]
    )
    assert many.json()["detail"][0]["loc"] == ["body", 1, "lead"]
    assert api.ask("POST", "/teams/", json={"code": 2, "name": "m", "lead": 1}).is_success
    assert api.ask("DELETE", "/teams/1", timeout=30).json()["detail"][0]["type"] == "referred_to"
    api.stop()
