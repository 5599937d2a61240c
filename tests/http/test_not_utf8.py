"""Bytes that are not UTF-8 name no row and no value; U+FFFD, which readers write for them, does."""

from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from tests.support.servers import Everywhere, Servers, write_entities

pytestmark = pytest.mark.long

ODD = "\ufffd"
JSON = {"content-type": "application/json"}
BYTES = [
    *("%FF", "%C0%80", "%C1%81", "%ED%A0%80", "%ED%B2%80", "%F4%90%80%80", "%F8%88%80%80%80"),
    *("%C3", "%E2%82", "%F0%9F%A6", "%80", "%FE", "%e9", "%C3%28", "%EF%BF%BD%FF"),
]


CODES = (ODD, ODD * 2, ODD * 3, ODD * 4, ODD + "(")
TAG = """
name: Tag
fields: {code: str(1..20) pk, label: str?}
api: {operations: [create, list, read, update, replace, delete]}
"""
NUMBER = """
name: Number
fields: {size: int}
api: {operations: [create, list, read, delete, delete_many]}
"""


@pytest.fixture(scope="module")
def spec(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("odd") / "entities"
    return write_entities(folder, {"tag": TAG, "number": NUMBER})


@pytest.fixture
def tags(servers: Servers, spec: Path) -> Everywhere:
    """Rows whose keys are what readers make of bytes that are not UTF-8."""
    everywhere = servers.everywhere(spec)
    for code in CODES:
        made = everywhere.ask("POST", "/tags/", json={"code": code, "label": code})
        assert made.status_code == 200
    return everywhere


@pytest.mark.parametrize("sent", BYTES)
def test_such_a_key_is_404(tags: Everywhere, sent: str) -> None:
    for method, options in (
        ("GET", {}),
        ("HEAD", {}),
        ("DELETE", {}),
        ("PATCH", {"content": b'{"label": "x"}', "headers": JSON}),
        ("PUT", {"content": b'{"code": "x"}', "headers": JSON}),
        ("GET", {"headers": {"x-request-id": "6f9619ff8b86401fb2a1c0ffee000001"}}),
    ):
        read: dict[str, Any] = options
        assert tags.ask(method, f"/tags/{sent}", **read).status_code == 404, method
    assert tags.ask("GET", f"/numbers/{sent}").status_code == 404
    assert tags.ask("GET", f"/{sent}").status_code == 404
    assert len(tags.ask("GET", "/tags/").json()) == len(CODES)


@pytest.mark.parametrize("sent", BYTES)
def test_such_a_query_is_422(tags: Everywhere, sent: str) -> None:
    for query, place in (
        (f"code={sent}", "code"),
        (f"label__contains=a{sent}b", "label__contains"),
        (f"code__in=a&code__in={sent}", "code__in"),
        (f"sort={sent}", "sort"),
        (f"cursor={sent}", "cursor"),
        (f"limit=1{sent}", "limit"),
    ):
        answer = tags.ask("GET", f"/tags/?{query}")
        assert answer.status_code == 422
        (problem,) = answer.json()["detail"]
        assert (problem["type"], problem["loc"]) == ("string_unicode", ["query", place])
        assert "UTF-8" in problem["msg"]
    deleted = tags.ask("DELETE", f"/numbers/bulk?id=1&id={sent}")
    assert [one["type"] for one in deleted.json()["detail"]] == ["string_unicode"]
    assert len(tags.ask("GET", "/tags/").json()) == len(CODES)
    named = tags.ask("GET", f"/tags/?co{sent}=1")
    assert [one["type"] for one in named.json()["detail"]] == ["string_unicode"]
    for method, path in (
        ("GET", "/tags/a"),
        ("DELETE", "/tags/a"),
        ("POST", "/tags/"),
        ("DELETE", "/numbers/bulk"),
    ):
        assert tags.ask(method, f"{path}?{sent}").status_code == 422


def test_u_fffd_itself_is_a_character_like_others(tags: Everywhere) -> None:
    for code in (ODD, ODD * 2, ODD + "("):
        assert tags.ask("GET", f"/tags/{quote(code)}").json()["code"] == code
        assert len(tags.ask("GET", f"/tags/?code={quote(code)}").json()) == 1
    assert tags.ask("PATCH", f"/tags/{quote(ODD)}", json={"label": "x"}).status_code == 200
    assert tags.ask("DELETE", f"/tags/{quote(ODD)}").status_code == 200
    assert len(tags.ask("GET", "/tags/").json()) == len(CODES) - 1
