"""Idempotency-Key: a POST that is sent again happens once, and is answered with the same bytes."""

import sqlite3
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from httpx import Response
from sqlalchemy import text

from tests.support.servers import Api, Everywhere, Servers, write_entities

HERO = """
name: Hero
fields:
  name: str(1..20) unique
  age: int? = 3
  secret: str? write_only
  made: datetime = now read_only
api: {operations: [create, list, read, update, delete, create_many], idempotency: true}
"""
TAG = """
name: Tag
fields: {name: str}
api: {idempotency: true}
"""
PLAIN = """
name: Plain
fields: {name: str}
"""


@pytest.fixture(scope="module")
def spec(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_entities(
        tmp_path_factory.mktemp("idempotency") / "entities",
        {"hero": HERO, "tag": TAG, "plain": PLAIN},
    )


@pytest.fixture
def everywhere(servers: Servers, spec: Path) -> Everywhere:
    return servers.everywhere(spec)


def post(api: Api | Everywhere, path: str, body: Any, key: str) -> Response:
    return api.ask("POST", path, json=body, headers={"Idempotency-Key": key})


def test_the_answer_is_given_again(everywhere: Everywhere) -> None:
    for api in everywhere.apis:
        first = post(api, "/heroes/", {"name": "a"}, "k")
        assert first.status_code == 200
        assert "idempotent-replayed" not in first.headers
        api.ask("PATCH", first.headers["location"], json={"name": "b"})
        again = post(api, "/heroes", {"name": "a"}, "k")
        assert (again.status_code, again.content) == (200, first.content)
        for header in ("location", "etag", "content-type", "cache-control"):
            assert again.headers[header] == first.headers[header]
        assert again.headers["idempotent-replayed"] == "true"
        assert len(api.ask("GET", "/heroes/").json()) == 1
        api.ask("DELETE", first.headers["location"])
        assert post(api, "/heroes/", {"name": "a"}, "k").content == first.content
        assert api.ask("GET", "/heroes/").json() == []


def test_many_rows_are_created_once(everywhere: Everywhere) -> None:
    for api in everywhere.apis:
        rows = [{"name": "a"}, {"name": "b", "age": None}]
        first = post(api, "/heroes/bulk", rows, "k")
        again = post(api, "/heroes/bulk", rows, "k")
        assert (again.status_code, again.content) == (200, first.content)
        assert again.headers["idempotent-replayed"] == "true"
        assert api.ask("GET", "/heroes/").json() == first.json()


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/heroes/", {"name": "b"}),
        ("/heroes/", {"name": "a", "age": 3}),
        ("/heroes/", {"name": "a", "secret": "x"}),
        ("/heroes/bulk", [{"name": "a"}]),
    ],
)
def test_a_key_is_for_one_request(everywhere: Everywhere, path: str, body: Any) -> None:
    for api in everywhere.apis:
        post(api, "/heroes/", {"name": "a"}, "k")
        other = post(api, path, body, "k")
        assert other.status_code == 422
        (problem,) = other.json()["detail"]
        assert (problem["type"], problem["loc"]) == ("other_request", ["header", "Idempotency-Key"])
        assert len(api.ask("GET", "/heroes/").json()) == 1


def test_entities_and_keys_are_apart(everywhere: Everywhere) -> None:
    assert post(everywhere, "/tags/", {"name": "a"}, "k").status_code == 200
    for api in everywhere.apis:
        assert post(api, "/heroes/", {"name": "a"}, "k").status_code == 200
        assert post(api, "/heroes/", {"name": "b"}, "K").status_code == 200
        assert api.ask("POST", "/heroes/", json={"name": "c"}).status_code == 200
        assert len(api.ask("GET", "/heroes/").json()) == 3


def test_spaces_between_properties_are_nothing(everywhere: Everywhere) -> None:
    headers = {"Idempotency-Key": "k", "Content-Type": "application/json"}
    for api in everywhere.apis:
        bodies = ('{"name":"a","age":1}', '{ "age": 1, "name": "\\u0061" }')
        answers = [
            api.ask("POST", "/heroes/", content=body, headers=headers).content for body in bodies
        ]
        assert answers[0] == answers[1]


def test_what_fails_does_not_use_the_key(everywhere: Everywhere) -> None:
    for api in everywhere.apis:
        post(api, "/heroes/", {"name": "a"}, "first")
        conflict = post(api, "/heroes/", {"name": "a"}, "k")
        assert conflict.status_code == 409
        assert conflict.json()["detail"][0]["loc"] == ["body", "name"]
        conflict = post(api, "/heroes/bulk", [{"name": "z"}, {"name": "a"}], "k")
        assert conflict.status_code == 409
        assert conflict.json()["detail"][0]["loc"] == ["body", 1, "name"]
        assert post(api, "/heroes/", {"name": 1}, "k").status_code == 422
        assert post(api, "/heroes/", {"name": "b"}, "k").status_code == 200


@pytest.mark.parametrize("key", ["", "a b", "é", "x" * 256, "a\tb"])
def test_bad_keys_are_refused(everywhere: Everywhere, key: str) -> None:
    headers = {"Idempotency-Key": key.encode()}
    answer = everywhere.ask("POST", "/heroes/", json={"name": "a"}, headers=headers)
    assert answer.status_code == 422
    assert answer.json()["detail"][0]["loc"] == ["header", "Idempotency-Key"]
    assert everywhere.ask("GET", "/heroes/").json() == []


def test_two_keys_are_refused(everywhere: Everywhere) -> None:
    headers = [("Idempotency-Key", "a"), ("Idempotency-Key", "b")]
    answer = everywhere.ask("POST", "/heroes/", json={"name": "a"}, headers=headers)
    assert answer.status_code == 422
    assert everywhere.ask("GET", "/heroes/").json() == []


def test_a_key_that_is_not_asked_for_is_any_header(everywhere: Everywhere) -> None:
    for api in everywhere.apis:
        answers = [post(api, "/plains/", {"name": "a"}, "k").json()["id"] for _ in range(2)]
        assert answers[0] != answers[1]


def test_of_many_at_once_one_happens(everywhere: Everywhere) -> None:
    for api in everywhere.apis:
        with ThreadPoolExecutor(16) as pool:
            for number in range(5):
                key, body = f"key{number}", {"name": f"n{number}"}
                answers = list(
                    pool.map(lambda _, a=api, k=key, b=body: post(a, "/heroes/", b, k), range(16))
                )
                assert {answer.status_code for answer in answers} == {200}
                assert len({answer.content for answer in answers}) == 1
                fresh = [one for one in answers if "idempotent-replayed" not in one.headers]
                assert len(fresh) == 1
        assert len(api.ask("GET", "/heroes/").json()) == 5


def test_an_answer_is_kept_for_a_time(everywhere: Everywhere) -> None:
    for api in everywhere.apis:
        for number in range(3):
            post(api, "/tags/", {"name": "a"}, f"k{number}")
        with api.engine.begin() as connection:
            left = connection.scalar(text("SELECT min(expires) - max(expires) FROM _answer"))
            assert left is not None
            assert -60 <= left <= 0
            connection.execute(text("UPDATE _answer SET expires = 1"))
        again = post(api, "/tags/", {"name": "b"}, "k0")
        assert again.status_code == 200
        assert again.json()["name"] == "b"
        with api.engine.begin() as connection:
            assert connection.scalar(text("SELECT count(*) FROM _answer")) == 1


def test_what_is_kept_of_a_request_is_sealed(everywhere: Everywhere) -> None:
    kept = set()
    for api in everywhere.apis:
        post(api, "/heroes/", {"name": "a", "secret": "x"}, "k")
        with api.engine.begin() as connection:
            ((id_, request, body),) = connection.execute(
                text("SELECT id, request, body FROM _answer")
            )
        assert b'"name":"a"' in bytes(body)
        assert b"secret" not in bytes(body)
        kept |= {bytes(id_), bytes(request)}
    assert len(kept) == 2 * len(everywhere.apis), "each application has a secret of its own"


def test_there_is_a_table_only_where_keys_are_known(everywhere: Everywhere, hero: Api) -> None:
    assert all("_answer" in api.tables.tables for api in everywhere.apis)
    assert "_answer" not in hero.tables.tables


def test_the_time_is_a_setting(servers: Servers, spec: Path, tmp_path: Path) -> None:
    database = tmp_path / "app.db"
    settings = {"IDEMPOTENCY_SECONDS": "1000000"}
    api = servers.start(spec, "served", f"sqlite:///{database}", settings=settings)
    post(api, "/tags/", {"name": "a"}, "k")
    with sqlite3.connect(database) as connection:
        ((expires,),) = connection.execute("SELECT expires FROM _answer")
    left = expires - time.time()
    assert 999_000 < left <= 1_000_000
    api.stop()
