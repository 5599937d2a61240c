"""Included rows of every type have the bytes of the responses that created them."""

import json
import os
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote

import pytest
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.fast.test_json_rows import FLOATS, JSON, PLAIN, ROWS, optional
from tests.owners.project import Project, emit

pytestmark = pytest.mark.long

EXAMPLES = int(os.environ.get("EXAMPLES", "8"))
SPECS = {
    "box": """
name: Box
fields:
  code: str pk
  best_key: -> Thing? inverse(best_of)
api:
  include: [best, things, tools, odd, things__shelves, best__box, best__box__odd]
  counts: [tools]
""",
    "thing": PLAIN.format(name="Thing", plural="things")
    + """
  box_code: -> Box?
links:
  shelves: {to: Box, inverse: tools}
""",
    "odd": """
name: Odd
plural: odds
fields:
  weight: float?
  data: json?
  photo: bytes(..200)?
  box_code: -> Box? unique
""",
}
ODDS = st.fixed_dictionaries(
    {"weight": optional(FLOATS), "data": optional(JSON)}
    | {"photo": optional(st.sampled_from(["", "AAEC", "//79"]))}
)
INCLUDE = "best,things,tools,odd,things__shelves,best__box__odd"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    folder = tmp_path_factory.mktemp("boxes")
    copied = Project.copied(emit(folder, SPECS), folder)
    yield copied
    copied.unload()


@pytest.fixture(params=["database", "python"])
def encoder(
    request: pytest.FixtureRequest, project: Project, monkeypatch: pytest.MonkeyPatch
) -> str:
    """Say which one encodes related rows, if it can."""
    if request.param == "python":
        listing = project.module("kit.rows.related_listing")
        monkeypatch.setattr(listing, "fast_module", lambda _name: None)
    kind: str = request.param
    return kind


@pytest.fixture(params=["sqlite", "postgresql"])
def client(
    request: pytest.FixtureRequest,
    project: Project,
    encoder: str,
    new_database: Callable[[str], str],
) -> Iterator[TestClient]:
    del encoder
    for name in ("boxes", "things", "odds"):
        listing = getattr(project.module(f"{name}.routes"), name)._listing  # noqa: SLF001
        listing._cache.clear()  # noqa: SLF001
    with project.client(project.create(database_url=new_database(request.param))) as client:
        yield client


def with_more(row: str, **properties: str) -> str:
    added = [f'"{name}":{written}' for name, written in properties.items()]
    return ",".join([row[:-1], *added]) + "}"


def array(rows: list[str]) -> str:
    return f"[{','.join(rows)}]"


def post(client: TestClient, path: str, row: dict[str, Any]) -> str:
    response = client.post(path, json=row)
    assert response.status_code == 200, response.text
    text: str = response.text
    return text


def empty(client: TestClient) -> None:
    for path in ("/odds/", "/boxes/", "/things/"):
        for row in client.get(path).json():
            key = row.get("id", row.get("code", row.get("key")))
            if path == "/things/":
                client.patch(f"{path}{quote(key, safe='')}", json={"box_code": None})
            elif path == "/boxes/":
                client.patch(f"{path}{key}", json={"best_key": None})
                for thing in client.get("/things/").json():
                    place = quote(thing["key"], safe="")
                    client.patch(f"/things/{place}", json={"box_code": None})
            assert client.delete(f"{path}{quote(str(key), safe='')}").is_success


# The threads of the application use the module `random`, which hypothesis reports as flaky.
@pytest.mark.filterwarnings("ignore:Do not use the `random` module")
def test_included_rows_are_those_that_were_created(client: TestClient) -> None:
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(
        things=st.lists(ROWS["plains"], min_size=1, max_size=4, unique_by=lambda row: row["key"]),
        odd=st.none() | ODDS,
    )
    def check(things: list[dict[str, Any]], odd: dict[str, Any] | None) -> None:
        empty(client)
        post(client, "/boxes/", {"code": "a"})
        b = post(client, "/boxes/", {"code": "b"})
        rows: dict[str, str] = {}
        for row in things:
            created = post(client, "/things/", row | {"box_code": "a"})
            rows[json.loads(created)["key"]] = created
        best = json.loads(created)["key"]
        a = client.patch("/boxes/a", json={"best_key": best}).text
        one = "null" if odd is None else post(client, "/odds/", odd | {"box_code": "a"})
        for code in ("a", "b"):
            assert client.put(f"/things/{quote(best, safe='')}/shelves/{code}").is_success
        no, shelves = "false", {best: [a, b]}
        in_a = [
            with_more(rows[key], shelves=array(shelves.get(key, [])), shelves_more=no)
            for key in sorted(rows)
        ]
        expected_a = with_more(
            a,
            tools_count="1",
            best=with_more(rows[best], box=with_more(a, odd=one)),
            odd=one,
            things=array(in_a),
            things_more=no,
            tools=array([rows[best]]),
            tools_more=no,
        )
        expected_b = with_more(b, tools_count="1", best="null", odd="null", things="[]")
        tools = array([rows[best]])
        expected_b = with_more(expected_b, things_more=no, tools=tools, tools_more=no)
        listed = client.get(f"/boxes/?include={INCLUDE}&limit=10")
        assert listed.text == array([expected_a, expected_b])
        by_cursor = client.get(f"/boxes/?include={INCLUDE}&cursor=&limit=1&sort=-best_key,code")
        assert by_cursor.text == array([expected_a])
        assert client.get(f"/boxes/a?include={INCLUDE}").text == expected_a

    check()


def test_databases_encode_the_rows_that_they_can(
    client: TestClient, encoder: str, project: Project
) -> None:
    """Otherwise the property would show nothing of the JSON of databases."""
    listing = project.module("boxes.routes").boxes._listing  # noqa: SLF001
    for path, is_plain in (("things,best__box", True), ("odd", False)):
        listing._cache.clear()  # noqa: SLF001
        assert client.get(f"/boxes/?include={path}").is_success
        (shape,) = listing._cache.shapes.values()  # noqa: SLF001
        by_database = encoder == "database" and is_plain
        assert (type(shape.included).__name__ != "IncludedEncoder") == by_database
