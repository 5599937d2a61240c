"""Conditional requests: nobody overwrites what somebody else has written meanwhile."""

from pathlib import Path
from typing import Any

import pytest

from tests.support.servers import Everywhere, Servers, write_entities

COUNTER = """
name: Counter
fields:
  number: int
  secret: str = none write_only
api:
  etag: required
"""
EVENT = {"what": "x", "at": "2020-01-01T00:00:00Z"}
CHANGED = {"detail": "Precondition failed: the row does not match If-Match"}
EXISTS = {"detail": "Precondition failed: the row matches If-None-Match"}


@pytest.fixture(scope="module")
def counters(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_entities(tmp_path_factory.mktemp("counters") / "entities", {"counter": COUNTER})


def make_tag(everywhere: Everywhere, code: str) -> str:
    everywhere.emptied()
    body = {"code": code, "plate": "X", "label": "one"}
    tag: str = everywhere.ask("POST", "/tags/", json=body).headers["etag"]
    return tag


def test_every_answer_of_a_row_has_its_tag(everywhere: Everywhere) -> None:
    tag = make_tag(everywhere, "ab")
    assert tag == everywhere.ask("GET", "/tags/ab").headers["etag"]
    assert len(tag) == 34
    assert tag[0] == tag[-1] == '"'
    changed = everywhere.ask("PATCH", "/tags/ab", json={"label": "two"}).headers["etag"]
    assert changed == everywhere.ask("GET", "/tags/ab").headers["etag"] != tag
    assert everywhere.ask("PATCH", "/tags/ab", json={"label": "one"}).headers["etag"] == tag
    assert "etag" not in everywhere.ask("GET", "/tags/").headers
    assert "etag" not in everywhere.ask("GET", "/tags/no").headers
    assert "etag" not in everywhere.ask("DELETE", "/tags/ab").headers


def test_what_is_known_is_not_sent_again(everywhere: Everywhere) -> None:
    tag = make_tag(everywhere, "ab")
    for known in (tag, f"W/{tag}", f'"x", {tag}', f'{tag},"y"', "*"):
        answer = everywhere.ask("GET", "/tags/ab", headers={"If-None-Match": known})
        assert (answer.status_code, answer.content) == (304, b""), known
        assert answer.headers["etag"] == tag
        assert "content-type" not in answer.headers
    for other in ('"x"', tag.strip('"'), "", '"', tag.upper(), f'"{tag}"'):
        answer = everywhere.ask("GET", "/tags/ab", headers={"If-None-Match": other})
        assert (answer.status_code, answer.headers["etag"]) == (200, tag), other
    for path in ("/tags/", "/tags/no", "/live"):
        answer = everywhere.ask("GET", path, headers={"If-None-Match": "*"})
        assert answer.status_code in {200, 404}


def test_the_document_names_the_headers(everywhere: Everywhere) -> None:
    row = everywhere.ask("GET", "/openapi.json").json()["paths"]["/tags/{tag_id}"]
    found = {
        method: [(one["name"], one["required"]) for one in operation["parameters"]]
        for method, operation in row.items()
    }
    key = ("tag_id", True)
    assert found == {
        "get": [key, ("If-None-Match", False)],
        "patch": [key, ("If-Match", False)],
        "delete": [key, ("If-Match", False)],
    }
    assert "304" in row["get"]["responses"]


def test_a_change_of_another_state_is_412(everywhere: Everywhere) -> None:
    tag = make_tag(everywhere, "ab")
    for other in ('"x"', f"W/{tag}", tag.strip('"'), "", f"{tag[:-1]}x"):
        for method, options in (
            ("PATCH", {"json": {"label": "two"}}),
            ("PATCH", {"json": {}}),
            ("DELETE", {}),
        ):
            sent: dict[str, Any] = {"headers": {"If-Match": other}, **options}
            answer = everywhere.ask(method, "/tags/ab", **sent)
            assert (answer.status_code, answer.json()) == (412, CHANGED), other
    assert everywhere.ask("GET", "/tags/ab").headers["etag"] == tag
    changed = everywhere.ask("PATCH", "/tags/ab", json={"label": "two"}, headers={"If-Match": tag})
    assert (changed.status_code, changed.json()["label"]) == (200, "two")
    stale = everywhere.ask("PATCH", "/tags/ab", json={"label": "three"}, headers={"If-Match": tag})
    assert stale.status_code == 412
    several = {"If-Match": f'"x", {changed.headers["etag"]}'}
    assert everywhere.ask("PATCH", "/tags/ab", json={}, headers=several).status_code == 200
    assert everywhere.ask("DELETE", "/tags/ab", headers={"If-Match": "*"}).status_code == 200
    for method in ("PATCH", "DELETE"):
        options = {"json": {"label": "x"}} if method == "PATCH" else {}
        gone = everywhere.ask(method, "/tags/ab", headers={"If-Match": "*"}, **options)
        assert gone.status_code == 404


def test_a_change_of_a_state_that_must_not_be_is_412(everywhere: Everywhere) -> None:
    tag = make_tag(everywhere, "ab")
    several = [("If-None-Match", '"x"'), ("If-None-Match", tag)]
    for known in ("*", tag, f"W/{tag}", f'"x", {tag}'):
        for method, options in (
            ("PATCH", {"json": {"label": "two"}}),
            ("PATCH", {"json": {}}),
            ("DELETE", {}),
        ):
            sent: dict[str, Any] = {"headers": {"If-None-Match": known}, **options}
            answer = everywhere.ask(method, "/tags/ab", **sent)
            assert (answer.status_code, answer.json()) == (412, EXISTS), known
    assert everywhere.ask("DELETE", "/tags/ab", headers=several).status_code == 412
    assert everywhere.ask("GET", "/tags/ab", headers=several).status_code == 304
    other = {"If-None-Match": '"x"'}
    changed = everywhere.ask("PATCH", "/tags/ab", json={"label": "two"}, headers=other)
    assert (changed.status_code, changed.json()["label"]) == (200, "two")
    assert everywhere.ask("DELETE", "/tags/ab", headers=other).status_code == 200
    assert everywhere.ask("DELETE", "/tags/ab", headers={"If-None-Match": "*"}).status_code == 404


def test_a_conflict_beside_a_condition_is_409(everywhere: Everywhere) -> None:
    tag = make_tag(everywhere, "ab")
    everywhere.ask("POST", "/tags/", json={"code": "cd", "plate": "AB-12"})
    sent: dict[str, Any] = {"json": {"plate": "AB-12"}, "headers": {"If-Match": tag}}
    answer = everywhere.ask("PATCH", "/tags/ab", **sent)
    assert answer.status_code in {200, 409}
    assert everywhere.ask("GET", "/tags/cd").status_code == 200


def test_conditions_are_for_changes_of_one_row(everywhere: Everywhere) -> None:
    tag = make_tag(everywhere, "ab")
    for headers in ({"If-Match": '"x"'}, {"If-None-Match": "*"}):
        made = everywhere.ask("POST", "/tags/", json={"code": "cd", "plate": "X"}, headers=headers)
        assert made.status_code == 200
        assert everywhere.ask("GET", "/tags/", headers=headers).status_code == 200
        assert everywhere.ask("DELETE", "/tags/cd").status_code == 200
    known = everywhere.ask("GET", "/tags/ab", headers={"If-Match": '"x"'})
    assert (known.status_code, known.headers["etag"]) == (200, tag)


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
@pytest.mark.parametrize("mode", ["served", "emitted"])
def test_a_condition_may_be_required(
    servers: Servers, counters: Path, mode: str, kind: str
) -> None:
    api = servers.api(counters, mode, kind)
    place = api.ask("POST", "/counters/", json={"number": 0}).headers["location"]
    row = api.ask("GET", "/openapi.json").json()["paths"]["/counters/{counter_id}"]
    for method in ("patch", "delete"):
        header = row[method]["parameters"][-1]
        assert (header["name"], header["required"]) == ("If-Match", True)
    for method, options in (("PATCH", {"json": {"number": 1}}), ("DELETE", {})):
        sent: dict[str, Any] = dict(options)
        assert api.ask(method, place, **sent).status_code == 428
        sent["headers"] = {"If-Match": '"x"'}
        assert api.ask(method, place, **sent).status_code == 412
    tag = api.ask("GET", place).headers["etag"]
    hidden = {"json": {"secret": "s"}, "headers": {"If-Match": tag}}
    assert api.ask("PATCH", place, **hidden).headers["etag"] == tag  # it tells nothing of a secret
    assert api.ask("DELETE", place, headers={"If-Match": tag}).status_code == 200
