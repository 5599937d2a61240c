"""PUT writes all of a row; where the client gives the keys, it also creates the row."""

from pathlib import Path
from typing import Any

import pytest

from tests.support.servers import Everywhere, Servers, write_entities

TAG = """
name: Tag
fields:
  code: str(1..20) pk
  label: str(1..60) = none
  plate: str(1..10) unique
  kind: str = first immutable
  secret: str? write_only
api: {operations: [create, list, read, update, replace, delete]}
"""
NOTE = """
name: Note
fields:
  text: str
  kind: str = first immutable
  stars: int? = 3
  made: datetime = now read_only
  at: datetime = now read_only touch
api: {operations: [create, read, replace, delete]}
"""
LOCKED = """
name: Locked
fields:
  code: int pk
  text: str
api: {operations: [read, replace], etag: required}
"""


@pytest.fixture(scope="module")
def spec(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_entities(
        tmp_path_factory.mktemp("replace") / "entities",
        {"tag": TAG, "note": NOTE, "locked": LOCKED},
    )


@pytest.fixture
def tags(servers: Servers, spec: Path) -> Everywhere:
    return servers.everywhere(spec)


def test_a_row_is_replaced(tags: Everywhere) -> None:
    for api in tags.apis:
        made = api.ask("POST", "/notes/", json={"text": "a", "kind": "x", "stars": None})
        place, row = made.headers["location"], made.json()
        changed = api.ask("PUT", place, json={"text": "b", "kind": "y", "id": 99})
        assert changed.status_code == 200
        assert changed.json() == row | {"text": "b", "stars": 3, "at": changed.json()["at"]}
        assert changed.json()["at"] > row["at"]
        assert changed.headers["etag"] == api.ask("GET", place).headers["etag"]
    missing = tags.ask("PUT", "/notes/999", json={"text": "b"})
    assert (missing.status_code, missing.json()) == (404, {"detail": "Note not found"})
    assert tags.ask("PUT", "/notes/999", json={}).status_code == 422
    assert tags.ask("PUT", "/notes/x", json={"text": "b"}).status_code == 422
    assert tags.ask("PUT", "/notes/9223372036854775808", json={"text": "b"}).status_code == 404
    assert tags.ask("PUT", "/notes/", json={"text": "b"}).status_code == 405


def test_a_row_is_created_where_the_client_gives_the_key(tags: Everywhere) -> None:
    body: dict[str, Any] = {"code": "a", "plate": "X", "label": "one", "kind": "k"}
    created = tags.ask("PUT", "/tags/a", json=body)
    assert (created.status_code, created.json()) == (200, body)
    again = tags.ask("PUT", "/tags/a", json={"code": "a", "plate": "Y", "kind": "other"})
    assert again.json() == {"code": "a", "plate": "Y", "label": "none", "kind": "k"}
    assert tags.ask("GET", "/tags/?count=exact").headers["x-total-count"] == "1"
    other = tags.ask("PUT", "/tags/a", json=body | {"code": "b"})
    assert other.status_code == 409
    assert other.json()["detail"][0]["loc"] == ["body", "code"]
    tags.ask("PUT", "/tags/b", json={"code": "b", "plate": "Z"})
    taken = tags.ask("PUT", "/tags/b", json={"code": "b", "plate": "Y"})
    assert (taken.status_code, taken.json()["detail"][0]["loc"]) == (409, ["body", "plate"])


def test_conditions_of_a_row_that_is_created(tags: Everywhere) -> None:
    body = {"code": "a", "plate": "X"}
    none, some = {"If-None-Match": "*"}, {"If-Match": "*"}
    assert tags.ask("PUT", "/tags/a", json=body, headers=some).status_code == 412
    created = tags.ask("PUT", "/tags/a", json=body, headers=none)
    assert created.status_code == 200
    again = tags.ask("PUT", "/tags/a", json=body, headers=none)
    assert (again.status_code, again.json()) == (
        412,
        {"detail": "Precondition failed: the row matches If-None-Match"},
    )
    for place in ("/tags/a", "/tags/b"):
        both = tags.ask("PUT", place, json=body | {"code": place[-1]}, headers=none | some)
        assert both.status_code == 412
    tag = {"If-Match": created.headers["etag"]}
    assert tags.ask("PUT", "/tags/a", json=body | {"label": "b"}, headers=tag).status_code == 200
    assert tags.ask("PUT", "/tags/a", json=body | {"label": "c"}, headers=tag).status_code == 412
    locked = {"code": 1, "text": "x"}
    assert tags.ask("PUT", "/lockeds/1", json=locked).status_code == 428
    first = tags.ask("PUT", "/lockeds/1", json=locked, headers=none)
    assert first.status_code == 200
    assert tags.ask("PUT", "/lockeds/1", json=locked).status_code == 428
    seen = {"If-Match": first.headers["etag"]}
    assert tags.ask("PUT", "/lockeds/1", json=locked, headers=seen).status_code == 200


def test_the_document_names_the_conditions(tags: Everywhere) -> None:
    paths = tags.ask("GET", "/openapi.json").json()["paths"]
    for place, key in (("/tags/{tag_id}", "tag_id"), ("/lockeds/{locked_id}", "locked_id")):
        described = paths[place]["put"]["parameters"]
        found = [(one["name"], one["required"]) for one in described]
        assert found == [(key, True), ("If-Match", False), ("If-None-Match", False)]


def test_a_row_is_not_overwritten_where_there_must_be_none(tags: Everywhere) -> None:
    none = {"If-None-Match": "*"}
    for api in tags.apis:
        place = api.ask("POST", "/notes/", json={"text": "a"}).headers["location"]
        assert api.ask("PUT", place, json={"text": "b"}, headers=none).status_code == 412
        assert api.ask("GET", place).json()["text"] == "a"
    body = {"code": "a", "plate": "X"}
    other = {"If-None-Match": '"x"'}
    created = tags.ask("PUT", "/tags/a", json=body, headers=other)
    assert created.status_code == 200
    same = {"If-None-Match": created.headers["etag"]}
    assert tags.ask("PUT", "/tags/a", json=body, headers=same).status_code == 412
    assert tags.ask("PUT", "/tags/a", json=body, headers=other).status_code == 200


def test_an_operation_that_is_not_offered_is_405(everywhere: Everywhere) -> None:
    assert everywhere.ask("PUT", "/animals/1", json={}).status_code == 405
