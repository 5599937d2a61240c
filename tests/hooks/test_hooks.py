"""Functions around operations: what they can do, and that an error undoes everything."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from fastapi import HTTPException
from sqlalchemy.exc import IntegrityError

from crudgen.delivery.memory import unload
from tests.hooks.city import City, in_city, package_of

NewDatabase = Callable[[str], str]
KINDS = ("sqlite", "postgresql")
PLACES = {"create": 8, "update": 7, "delete": 5}


@pytest.fixture(scope="module")
def package() -> Iterator[Any]:
    found = package_of()
    yield found
    unload(found)


@pytest.fixture(params=KINDS)
def database(request: pytest.FixtureRequest, new_database: NewDatabase) -> str:
    return new_database(request.param)


async def with_heroes(city: City) -> list[int]:
    """Create two heroes; return their keys."""
    bodies = [{"name": "ann", "age": 1}, {"name": "bob"}]
    return [(await city.ask("POST", "/heroes/", one)).json()["id"] for one in bodies]


def test_functions_are_around_all_operations(package: Any, database: str) -> None:
    in_city(package, database, _operations)


async def _operations(city: City) -> None:
    created = await city.ask("POST", "/heroes/", {"name": "ann", "age": 5})
    hero = created.json()
    assert created.status_code == 200, created.text
    assert hero == {"id": 1, "name": "Ann", "age": 5, "team_id": 1}
    assert created.headers["location"] == "/heroes/1"
    read = await city.ask("GET", "/heroes/1")
    assert read.content == created.content
    assert read.headers["etag"] == created.headers["etag"]
    assert city.stored()["log"] == [(1, "before ann"), (2, "after Ann")]
    assert city.stored()["team"] == [(1, "Team of ann", 1)]

    refused = await city.ask("PATCH", "/heroes/1", {"age": 6}, if_match='"other"')
    assert refused.status_code == 412
    tag = read.headers["etag"]
    changed = await city.ask("PATCH", "/heroes/1", {"age": 6}, if_match=tag)
    assert changed.json() == hero | {"age": 6}
    assert changed.headers["etag"] != tag
    assert (1, "Team of ann", 2) in city.stored()["team"]
    assert (3, "Ann is Ann, 6") in city.stored()["log"]

    put = await city.ask("PUT", "/heroes/1", {"name": "Anna", "team_id": 1})
    assert put.json() == {"id": 1, "name": "Anna", "age": None, "team_id": 1}
    assert (4, "Ann is Anna, None") in city.stored()["log"]
    for method, body in (("PATCH", {}), ("PUT", {"name": "x"}), ("DELETE", None)):
        missing = await city.ask(method, "/heroes/99", body)
        assert (missing.status_code, missing.json()) == (404, {"detail": "Hero not found"})

    many = await city.ask("POST", "/heroes/bulk", [{"name": "bob"}, {"name": "cat"}])
    assert [one["name"] for one in many.json()] == ["Bob", "Cat"]
    keys = [one["id"] for one in many.json()]
    ages = [{"id": keys[1], "age": 8}, {"id": keys[0], "age": 7}]
    changed = await city.ask("PATCH", "/heroes/bulk", ages)
    assert [(one["id"], one["age"]) for one in changed.json()] == [(keys[1], 8), (keys[0], 7)]
    gone = await city.ask("DELETE", f"/heroes/bulk?id={keys[0]}&id={keys[1]}")
    assert gone.json() == {"ok": True}, gone.text
    assert (await city.ask("DELETE", "/heroes/1")).json() == {"ok": True}
    assert city.stored()["hero"] == []
    assert {name for _, name, _ in city.stored()["team"] if name.startswith("Team")} == set()


def test_an_error_at_each_place_undoes_everything(package: Any, database: str) -> None:
    in_city(package, database, _errors)


async def _errors(city: City) -> None:
    keys = await with_heroes(city)
    requests = [
        ("create", "POST", "/heroes/", {"name": "new"}),
        ("create", "POST", "/heroes/bulk", [{"name": "one"}, {"name": "two"}]),
        ("update", "PATCH", f"/heroes/{keys[0]}", {"age": 9}),
        ("update", "PUT", f"/heroes/{keys[0]}", {"name": "put"}),
        ("update", "PATCH", "/heroes/bulk", [{"id": key, "age": 3} for key in keys]),
        ("delete", "DELETE", f"/heroes/{keys[1]}", None),
        ("delete", "DELETE", f"/heroes/bulk?id={keys[0]}&id={keys[1]}", None),
    ]
    unique = IntegrityError("INSERT", {}, Exception("a unique value"))
    errors: list[tuple[BaseException, int]] = [
        (RuntimeError("a mistake"), 500),
        (HTTPException(409, "No"), 409),
        (unique, 500),
        (SystemExit(3), 500),
    ]
    before, places = city.stored(), 0
    for name, method, path, body in requests:
        for number in range(PLACES[name]):
            error, status = errors[places % len(errors)]
            city.hooks.stops[f"{name} {number}"] = error
            answer = await city.ask(method, path, body)
            assert answer.status_code == status, (method, path, number, answer.text)
            assert city.stored() == before, (method, path, number)
            city.hooks.stops.clear()
            places += 1
    assert places >= 30
    assert (await city.ask("PATCH", f"/heroes/{keys[0]}", {"age": 50})).json()["age"] == 50


def test_errors_have_a_place(package: Any, database: str) -> None:
    in_city(package, database, _problems)


async def _problems(city: City) -> None:
    keys = await with_heroes(city)
    before = city.stored()
    unlucky = {"type": "refused", "loc": ["body", "age"], "msg": "Unlucky"}
    answer = await city.ask("POST", "/heroes/", {"name": "x", "age": 13})
    assert (answer.status_code, answer.json()) == (422, {"detail": [unlucky]})
    answer = await city.ask("PATCH", f"/heroes/{keys[0]}", {"age": 13})
    assert (answer.status_code, answer.json()) == (422, {"detail": [unlucky]})
    answer = await city.ask("POST", "/heroes/", {"name": "x", "age": 14})
    assert (answer.status_code, answer.json()) == (418, {"detail": "A teapot"})
    assert answer.headers["x-teapot"] == "yes"
    answer = await city.ask("POST", "/heroes/", {"name": "Ann"})
    assert answer.status_code == 409  # the team has the name already
    assert answer.json()["detail"][0]["type"] == "unique"
    rows = [{"name": "x"}, {"name": "y", "age": 13}]
    answer = await city.ask("POST", "/heroes/bulk", rows)
    assert answer.json() == {"detail": [unlucky | {"loc": ["body", 1, "age"]}]}
    rows = [{"id": keys[0], "age": 2}, {"id": 99}]
    answer = await city.ask("PATCH", "/heroes/bulk", rows)
    assert (answer.status_code, answer.json()["detail"][0]["loc"]) == (404, ["body", 1, "id"])
    answer = await city.ask("DELETE", f"/heroes/bulk?id={keys[0]}&id=99")
    assert (answer.status_code, answer.json()["detail"][0]["loc"]) == (404, ["query", "id", 1])
    assert city.stored() == before


def test_a_function_that_ends_the_transaction_fails_alone(package: Any, database: str) -> None:
    in_city(package, database, _ends)


async def _ends(city: City) -> None:
    before = city.stored()
    for _ in range(2):
        answer = await city.ask("POST", "/heroes/", {"name": "x", "age": 15})
        assert answer.status_code == 500, answer.text
        assert city.stored() == before
    answer = await city.ask("POST", "/heroes/", {"name": "x"})
    assert answer.status_code == 200, answer.text


def test_a_put_that_creates_is_a_create(package: Any, database: str) -> None:
    in_city(package, database, _puts)


async def _puts(city: City) -> None:
    seat = {"code": "a", "note": "x", "made_by": "me"}
    refused = await city.ask("PUT", "/seats/a", seat)
    assert refused.status_code == 428
    created = await city.ask("PUT", "/seats/a", seat, if_none_match="*")
    assert (created.status_code, created.json()) == (201, seat | {"note": "new x"})
    again = await city.ask("PUT", "/seats/a", seat, if_none_match="*")
    assert again.status_code == 412
    other = await city.ask("PUT", "/seats/b", seat, if_none_match="*")
    assert (other.status_code, other.json()["detail"][0]["type"]) == (409, "other_key")
    missing = await city.ask("PUT", "/seats/b", seat | {"code": "b"}, if_match="*")
    assert missing.status_code == 412
    tag = created.headers["etag"]
    put = await city.ask("PUT", "/seats/a", {"code": "a", "made_by": "you"}, if_match=tag)
    assert (put.status_code, put.json()) == (200, seat | {"note": "changed none"})
    changed = await city.ask("PATCH", "/seats/a", {"note": "y"}, if_match=put.headers["etag"])
    assert changed.json()["note"] == "changed y"


def test_a_repeated_create_calls_its_function_once(package: Any, database: str) -> None:
    in_city(package, database, _repeats)


async def _repeats(city: City) -> None:
    first = await city.ask("POST", "/heroes/", {"name": "zoe"}, idempotency_key="k1")
    rows = city.stored()
    again = await city.ask("POST", "/heroes/", {"name": "zoe"}, idempotency_key="k1")
    assert (again.status_code, again.content) == (200, first.content)
    assert again.headers["idempotent-replayed"] == "true"
    other = await city.ask("POST", "/heroes/", {"name": "yan"}, idempotency_key="k1")
    assert other.status_code == 422
    assert city.stored() == rows
    failed = await city.ask("POST", "/heroes/", {"name": "u", "age": 13}, idempotency_key="k2")
    assert failed.status_code == 422
    many = await city.ask("POST", "/heroes/bulk", [{"name": "u"}], idempotency_key="k2")
    assert many.status_code == 200, many.text
    replayed = await city.ask("POST", "/heroes/bulk", [{"name": "u"}], idempotency_key="k2")
    assert replayed.content == many.content


def test_a_slow_function_does_not_hold_up_reads(
    package: Any, database: str, caplog: pytest.LogCaptureFixture
) -> None:
    in_city(package, database, _slow)
    warned = [one for one in caplog.messages if "the hook create of Hero took" in one]
    assert bool(warned) is database.startswith("sqlite")


async def _slow(city: City) -> None:
    (key, _), entered, leave = await with_heroes(city), threading.Event(), threading.Event()

    def wait() -> None:
        entered.set()
        assert leave.wait(20)

    city.hooks.stops["create 5"] = wait
    creation = asyncio.create_task(city.ask("POST", "/heroes/", {"name": "slow"}))
    assert await asyncio.to_thread(entered.wait, 20)
    for path in (f"/heroes/{key}", "/heroes/?sort=-name&age__gte=0", "/teams/"):
        assert (await city.ask("GET", path)).status_code == 200
    names = [one["name"] for one in (await city.ask("GET", "/heroes/")).json()]
    assert "Slow" not in names
    assert not creation.done()
    await asyncio.sleep(0.1)  # a warning is logged from then on
    leave.set()
    assert (await creation).status_code == 200
