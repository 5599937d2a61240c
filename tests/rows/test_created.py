"""`created: 201` is the status of responses with new rows, and of no others."""

from pathlib import Path
from typing import Any

import pytest

from tests.support.servers import Everywhere, Servers, write_entities

pytestmark = pytest.mark.long

NOTE = """
name: Note
fields: {text: str}
api:
  operations: [create, read, update, replace, delete, create_many, update_many]
  idempotency: true
  created: 201
"""
TAG = """
name: Tag
fields: {code: str(1..20) pk, label: str unique}
api: {operations: [create, read, replace, delete], created: 201}
"""
SLOT = """
name: Slot
fields: {code: int pk, label: str}
api: {operations: [replace, delete], etag: required, created: 201}
"""
PLAIN = """
name: Plain
fields: {code: int pk, label: str = x}
api: {operations: [create, replace], created: 200}
"""


@pytest.fixture(scope="module")
def spec(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("created") / "entities"
    return write_entities(folder, {"note": NOTE, "tag": TAG, "slot": SLOT, "plain": PLAIN})


@pytest.fixture
def rows(servers: Servers, spec: Path) -> Everywhere:
    return servers.everywhere(spec)


def test_a_create_is_201(rows: Everywhere) -> None:
    for api in rows.apis:
        for path in ("/notes/", "/notes"):
            for content in ("application/json", "application/json; charset=utf-8"):
                headers = {"Content-Type": content}  # the first is what the shortcut takes
                made = api.ask("POST", path, content=b'{"text":"a"}', headers=headers)
                assert made.status_code == 201
                assert made.json() == api.ask("GET", made.headers["location"]).json()
        place = made.headers["location"]
        assert api.ask("PATCH", place, json={"text": "b"}).status_code == 200
        assert api.ask("PUT", place, json={"text": "c"}).status_code == 200
        assert api.ask("DELETE", place).status_code == 200
        assert api.ask("POST", "/notes/", json={"text": 1}).status_code == 422


def test_a_bulk_create_is_201(rows: Everywhere) -> None:
    for api in rows.apis:
        made = api.ask("POST", "/notes/bulk", json=[{"text": "a"}, {"text": "b"}])
        assert made.status_code == 201
        changes = [{"id": row["id"], "text": "c"} for row in made.json()]
        assert api.ask("PATCH", "/notes/bulk", json=changes).status_code == 200


@pytest.mark.parametrize(
    ("path", "body"), [("/notes/", {"text": "a"}), ("/notes/bulk", [{"text": "a"}])]
)
def test_a_repeated_create_is_201_too(rows: Everywhere, path: str, body: Any) -> None:
    for number, api in enumerate(rows.apis):
        headers = {"Idempotency-Key": f"{path} {number}".replace(" ", "-")}
        first, again = (api.ask("POST", path, json=body, headers=headers) for _ in range(2))
        assert (first.status_code, again.status_code) == (201, 201)
        assert again.headers["idempotent-replayed"] == "true"
        assert first.content == again.content


def test_a_put_is_201_where_it_creates(rows: Everywhere) -> None:
    for api in rows.apis:
        for headers in ({}, {"If-None-Match": "*"}, {"If-None-Match": '"x"'}):
            body = {"code": "a", "label": "one"}
            statuses = [
                api.ask("PUT", "/tags/a", json=body | {"label": label}, headers=sent).status_code
                for label, sent in (("one", headers), ("two", {}), ("three", {"If-Match": "*"}))
            ]
            assert statuses == [201, 200, 200]
            assert api.ask("GET", "/tags/a").json() == body | {"label": "three"}
            taken = api.ask("PUT", "/tags/b", json={"code": "b", "label": "three"})
            assert taken.status_code == 409
            assert api.ask("DELETE", "/tags/a").status_code == 200


def test_a_put_with_a_required_precondition_is_201(rows: Everywhere) -> None:
    for api in rows.apis:
        body = {"code": 1, "label": "one"}
        none = {"If-None-Match": "*"}
        assert api.ask("PUT", "/slots/1", json=body).status_code == 428
        assert api.ask("PUT", "/slots/1", json=body, headers=none).status_code == 201
        assert api.ask("PUT", "/slots/1", json=body, headers=none).status_code == 412
        found = {"If-Match": "*"}
        assert api.ask("PUT", "/slots/1", json=body, headers=found).status_code == 200
        assert api.ask("DELETE", "/slots/1", headers=found).status_code == 200


def test_the_default_is_200(rows: Everywhere) -> None:
    for code, api in enumerate(rows.apis):
        assert api.ask("POST", "/plains/", json={"code": 2 * code}).status_code == 200
        put = api.ask("PUT", f"/plains/{2 * code + 1}", json={"code": 2 * code + 1})
        assert put.status_code == 200


def test_the_document_has_the_status(rows: Everywhere) -> None:
    paths = rows.ask("GET", "/openapi.json").json()["paths"]

    def successes(path: str, method: str) -> dict[str, set[str]]:
        responses = paths[path][method]["responses"]
        assert all(one["content"] for status, one in responses.items() if status < "300")
        return {
            status: {*one.get("headers", {})} for status, one in responses.items() if status < "300"
        }

    assert successes("/notes/", "post") == {"201": {"ETag", "Location", "Idempotent-Replayed"}}
    assert successes("/notes/bulk", "post") == {"201": {"Idempotent-Replayed"}}
    assert successes("/notes/bulk", "patch") == {"200": set()}
    assert successes("/notes/{note_id}", "put") == {"200": {"ETag"}}
    assert successes("/tags/{tag_id}", "put") == {"200": {"ETag"}, "201": {"ETag"}}
    assert successes("/plains/{plain_id}", "put") == {"200": {"ETag"}}
