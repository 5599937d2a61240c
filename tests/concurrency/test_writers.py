"""Writers in several processes at once: nobody is turned away, and nothing is lost or doubled.

`ROUNDS=100 python -m pytest tests/concurrency/test_writers.py` is the extended run.
"""

import os
from collections import Counter
from random import Random
from threading import Barrier
from typing import Any

import pytest

from tests.concurrency.crowd import Client, Crowd

pytestmark = pytest.mark.long

ROUNDS = int(os.environ.get("ROUNDS", "3"))
WRITERS = 64
INCREMENTING = 32
RACING = 16


def test_no_writer_is_turned_away(crowd: Crowd) -> None:
    def write(client: Client, number: int) -> dict[str, Any]:
        chosen, rows = Random(number), {}  # noqa: S311
        for turn in range(ROUNDS):
            made = client.ask("POST", "/counters/", {"name": f"{number} {turn}", "number": turn})
            assert made.status == 200, made
            rows[made.headers["location"]] = made.body
            path = chosen.choice(sorted(rows))
            changed = client.ask("PATCH", path, {"number": -turn})
            assert (changed.status, changed.body) == (200, rows[path] | {"number": -turn})
            rows[path] = changed.body
            if turn % 3 == 2:
                gone = chosen.choice(sorted(rows))
                assert client.ask("DELETE", gone).status == 200
                del rows[gone]
        return rows

    written = [row for rows in crowd.together(WRITERS, write) for row in rows.values()]
    assert crowd.rows("/counters/") == sorted(written, key=lambda row: row["id"])
    assert "locked" not in crowd.logs()


def test_no_increment_is_lost(crowd: Crowd) -> None:
    place = crowd.apis[0].ask("POST", "/counters/", json={}).headers["location"]
    turns = max(1, ROUNDS // 5)
    all_have_read = Barrier(INCREMENTING)

    def increment(client: Client, _: int) -> tuple[int, int]:
        made = asked = 0
        while made < turns:
            seen = client.ask("GET", place)
            if not asked:
                all_have_read.wait(60)
            sent = {"number": seen.body["number"] + 1}
            answer = client.ask("PATCH", place, sent, if_match=seen.headers["etag"])
            assert answer.status in {200, 412}, answer
            assert answer.status == 412 or answer.body == seen.body | sent
            made, asked = made + (answer.status == 200), asked + 1
        return made, asked

    counts = crowd.together(INCREMENTING, increment)
    made = sum(made for made, _ in counts)
    assert made == INCREMENTING * turns
    assert sum(asked for _, asked in counts) >= made + INCREMENTING - 1
    assert crowd.apis[0].ask("GET", place).json()["number"] == made


def race(crowd: Crowd, method: str, paths: list[str], body: Any, **headers: str) -> Counter[int]:
    """Let all send the same at once; count the answers."""

    def ask(client: Client, number: int) -> int:
        return client.ask(method, paths[number], body, **headers).status

    return Counter(crowd.together(RACING, ask))


def test_one_of_all_who_create_gets_the_unique_value(crowd: Crowd) -> None:
    for turn in range(ROUNDS):
        body = {"name": f"round {turn}"}
        answers = race(crowd, "POST", ["/counters/"] * RACING, body)
        assert answers == {200: 1, 409: RACING - 1}
    assert len(crowd.rows("/counters/")) == ROUNDS


def test_one_of_all_who_change_gets_the_unique_value(crowd: Crowd) -> None:
    api = crowd.apis[0]
    places = [api.ask("POST", "/counters/", json={}).headers["location"] for _ in range(RACING)]
    for turn in range(ROUNDS):
        answers = race(crowd, "PATCH", places, {"name": f"round {turn}"})
        assert answers == {200: 1, 409: RACING - 1}
        named = [row for row in crowd.rows("/counters/") if row["name"] == f"round {turn}"]
        assert len(named) == 1


def test_one_of_all_who_replace_creates_the_row(crowd: Crowd) -> None:
    for turn in range(ROUNDS):
        body = {"code": f"a{turn}"}
        answers = race(crowd, "PUT", [f"/seats/a{turn}"] * RACING, body, if_none_match="*")
        assert answers == {200: 1, 412: RACING - 1}
        again = race(crowd, "PUT", [f"/seats/a{turn}"] * RACING, body | {"guest": "x"})
        assert again == {200: RACING}
        body = {"code": f"b{turn}"}
        assert race(crowd, "PUT", [f"/seats/b{turn}"] * RACING, body) == {200: RACING}
    assert len(crowd.rows("/seats/")) == 2 * ROUNDS


def test_one_of_all_who_delete_does(crowd: Crowd) -> None:
    api = crowd.apis[0]
    for _ in range(ROUNDS):
        place = api.ask("POST", "/counters/", json={}).headers["location"]
        assert race(crowd, "DELETE", [place] * RACING, None) == {200: 1, 404: RACING - 1}
