"""Many rows in one request: all or none, in their order, and an error names the one it is about."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import Random
from typing import Any

import pytest
from sqlalchemy import Connection, select, text

from tests.support.servers import Api, Everywhere, Servers, write_entities

HERO = """
name: Hero
fields:
  name: str(1..20) unique
  age: int(0..)?
  born: int = 0 immutable
  secret: str? write_only
  at: datetime = now read_only touch
api: {operations: [list, read, update, create_many, update_many, delete_many]}
"""
TAG = """
name: Tag
fields: {code: str(1..20) pk, price: 'decimal(5,2)', data: json?}
api: {operations: [list, read, create_many]}
"""
BADGE = """
name: Badge
fields: {number: int pk, label: str?}
api: {operations: [list, create_many, update_many, delete_many]}
"""
TICKET = """
name: Ticket
fields: {id: uuid pk read_only, label: str}
api: {operations: [list, create_many, update_many, delete_many]}
"""
SPECS = {"hero": HERO, "tag": TAG, "badge": BADGE, "ticket": TICKET}
Answer = list[tuple[str, list[str | int]]]


@pytest.fixture(scope="module")
def spec(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_entities(tmp_path_factory.mktemp("bulk") / "entities", SPECS)


@pytest.fixture
def many(servers: Servers, spec: Path) -> Everywhere:
    return servers.everywhere(spec)


def make(api: Api, *names: str) -> list[int]:
    """Create heroes; the numbers of their keys go on in each database."""
    answer = api.ask("POST", "/heroes/bulk", json=[{"name": name} for name in names])
    assert answer.status_code == 200, answer.text
    return [row["id"] for row in answer.json()]


def test_rows_are_created_in_their_order(many: Everywhere) -> None:
    sent = [{"name": f"H{n}", "age": n, "secret": "s"} for n in range(100)]
    for api in many.apis:
        answer = api.ask("POST", "/heroes/bulk", json=sent)
        assert answer.status_code == 200
        rows = answer.json()
        assert [(row["name"], row["age"]) for row in rows] == [(f"H{n}", n) for n in range(100)]
        assert "secret" not in answer.text
        assert "location" not in answer.headers
        assert "etag" not in answer.headers
        assert api.ask("GET", "/heroes/").json() == rows
        assert api.ask("GET", "/heroes/bulk").status_code == 405


def test_rows_of_every_kind_of_key(many: Everywhere) -> None:
    tags: list[dict[str, Any]] = [
        {"code": "bulk", "price": "1.50"},
        {"code": "b", "price": "2.00", "data": {"a": [1.0]}},
    ]
    assert many.ask("POST", "/tags/bulk", json=tags).json() == [{"data": None, **tags[0]}, tags[1]]
    assert many.ask("GET", "/tags/bulk").json()["price"] == "1.50"
    badges = [{"number": 7, "label": "x"}, {"number": -3, "label": None}]
    assert many.ask("POST", "/badges/bulk", json=badges).json() == badges
    changed = [{"number": -3, "label": "y"}, {"number": 7}]
    rows = [{"number": -3, "label": "y"}, {"number": 7, "label": "x"}]
    assert many.ask("PATCH", "/badges/bulk", json=changed).json() == rows
    assert many.ask("DELETE", "/badges/bulk?number=7&number=-3").json() == {"ok": True}
    assert many.ask("GET", "/badges/").json() == []
    for api in many.apis:
        made = api.ask("POST", "/tickets/bulk", json=[{"label": "a"}, {"label": "b"}]).json()
        keys = [row["id"] for row in made]
        sent = [{"id": key, "label": "z"} for key in reversed(keys)]
        assert api.ask("PATCH", "/tickets/bulk", json=sent).json() == sent
        assert api.ask("DELETE", "/tickets/bulk", params={"id": keys}).json() == {"ok": True}
        assert api.ask("GET", "/tickets/").json() == []


def test_rows_are_changed_in_the_order_of_the_request(many: Everywhere) -> None:
    for api in many.apis:
        first, second, third = make(api, "a", "b", "c")
        before = api.ask("GET", f"/heroes/{third}").json()
        sent = [{"id": third, "name": "z", "born": 9}, {"id": first, "age": None}, {"id": second}]
        rows = api.ask("PATCH", "/heroes/bulk", json=sent).json()
        assert [row["id"] for row in rows] == [third, first, second]
        assert [row["name"] for row in rows] == ["z", "a", "b"]
        assert rows[0]["born"] == 0
        assert rows[0]["at"] > before["at"]
        assert [api.ask("GET", f"/heroes/{row['id']}").json() for row in rows] == rows


def test_a_row_that_cannot_be_created_is_named_and_nothing_is(many: Everywhere) -> None:
    kept: list[dict[str, Any]] = [{"code": "a", "price": "1.00"}]
    assert many.ask("POST", "/tags/bulk", json=kept).status_code == 200
    for sent, index in (("bcab", 2), ("bcb", 2), ("aab", 0)):
        rows = [{"code": code, "price": "1.00"} for code in sent]
        answer = many.ask("POST", "/tags/bulk", json=rows)
        problems = answer.json()["detail"]
        assert answer.status_code == 409
        assert [problem["loc"] for problem in problems] == [["body", index, "code"]]
        assert many.ask("GET", "/tags/").json() == [{"data": None, **kept[0]}]


def test_a_row_that_cannot_be_changed_is_named_and_nothing_is(many: Everywhere) -> None:
    for api in many.apis:
        first, second = make(api, "a", "b")
        before = api.ask("GET", "/heroes/").json()
        for sent, status, place in (
            ([{"id": second, "name": "c"}, {"id": first, "name": "b"}], 409, ["body", 1, "name"]),
            ([{"id": first, "name": "x"}, {"id": second, "name": "x"}], 409, ["body", 1, "name"]),
            ([{"id": first, "age": 1}, {"id": 2**40}], 404, ["body", 1, "id"]),
            ([{"id": first, "age": 1}, {"id": 2**70}], 404, ["body", 1, "id"]),
            ([{"id": first, "age": 1}, {"id": first}], 409, ["body", 1, "id"]),
            ([{"id": first, "age": -1}, {"age": 1}], 422, ["body", 0, "age"]),
        ):
            answer = api.ask("PATCH", "/heroes/bulk", json=sent)
            assert (answer.status_code, answer.json()["detail"][0]["loc"]) == (status, place)
            assert api.ask("GET", "/heroes/").json() == before


def test_a_row_that_cannot_be_deleted_is_named_and_none_is(many: Everywhere) -> None:
    for api in many.apis:
        first, second = make(api, "a", "b")
        before = api.ask("GET", "/heroes/").json()
        for keys, status in (
            ([second, 2**40, first], 404),
            ([second, 2**70], 404),
            ([second, second], 409),
        ):
            answer = api.ask("DELETE", "/heroes/bulk", params={"id": keys})
            problem = answer.json()["detail"][0]
            assert (answer.status_code, problem["loc"]) == (status, ["query", "id", 1])
            assert api.ask("GET", "/heroes/").json() == before
        assert api.ask("DELETE", "/heroes/bulk", params={"id": [second, first]}).status_code == 200
        assert api.ask("GET", "/heroes/").json() == []


def test_many_creates_of_the_same_rows_wait_for_one_another(many: Everywhere) -> None:
    for api in many.apis:
        random = Random(1)  # noqa: S311 - any order will do
        with ThreadPoolExecutor(8) as pool:
            for turn in range(3):
                codes = [f"{turn}-{n}" for n in range(20)]
                sent = [
                    [{"code": code, "price": "1.00"} for code in random.sample(codes, 20)]
                    for _ in range(8)
                ]
                answers = [
                    *pool.map(lambda rows, a=api: a.ask("POST", "/tags/bulk", json=rows), sent)
                ]
                statuses = sorted(answer.status_code for answer in answers)
                assert statuses == [200] + [409] * 7
        assert len(api.ask("GET", "/tags/").json()) == 60


def test_many_changes_of_unique_values_wait_for_one_another(many: Everywhere) -> None:
    for api in many.apis:
        keys = make(api, *"abcdef")

        def exchange(number: int, api: Api = api, keys: list[int] = keys) -> set[int]:
            random, statuses = Random(number), set[int]()  # noqa: S311 - any order will do
            for _ in range(20):
                names = random.sample("abcdefgh", 4)
                pairs = zip(random.sample(keys, 4), names, strict=True)
                sent = [{"id": key, "name": name} for key, name in pairs]
                path = random.choice(["/heroes/bulk", f"/heroes/{sent[0]['id']}"])
                body = sent if path.endswith("bulk") else sent[0]
                statuses.add(api.ask("PATCH", path, json=body).status_code)
            return statuses

        with ThreadPoolExecutor(8) as pool:
            assert set().union(*pool.map(exchange, range(8))) == {200, 409}


def test_a_deletion_of_many_waits_for_no_change(many: Everywhere) -> None:
    """A change takes a unique value of a row that is being deleted, and holds another such row."""
    for api in many.apis:
        for _ in range(5):
            names = [f"D{number}" for number in range(40)]
            keys = make(api, *names)

            def change(number: int, api: Api = api, keys: list[int] = keys) -> int:
                if number == 0:
                    chosen = "&".join(f"id={key}" for key in keys)
                    return api.ask("DELETE", f"/heroes/bulk?{chosen}").status_code
                body = {"name": f"D{number}"}
                return api.ask("PATCH", f"/heroes/{keys[-number]}", json=body).status_code

            with ThreadPoolExecutor(7) as pool:
                assert {*pool.map(change, range(7))} <= {200, 404, 409}
            assert api.ask("GET", "/heroes/").json() == []


def wait_for_locks(connection: Connection, number: int) -> None:
    deadline = time.monotonic() + 15
    while connection.scalar(text("SELECT count(*) FROM pg_locks WHERE NOT granted")) < number:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_whoever_waits_holds_a_row_and_no_advisory_lock(
    servers: Servers, new_database: Callable[[str], str], spec: Path
) -> None:
    """Poolers and distributed engines know rows; who else changes the table goes on."""
    patient = {"LOCK_SECONDS": "20", "STATEMENT_SECONDS": "20"}
    api = servers.start(spec, "served", new_database("postgresql"), settings=patient)
    first, second = make(api, "a", "b")
    sent = [{"id": first, "name": "c"}, {"id": second, "name": "a"}]
    with ThreadPoolExecutor(2) as pool, api.engine.begin() as connection:
        key = api.tables.tables["hero"].c.id
        connection.execute(select(key).where(key == first).with_for_update())
        waiting = pool.submit(api.ask, "PATCH", "/heroes/bulk", json=sent)
        wait_for_locks(connection, 1)
        behind = pool.submit(api.ask, "POST", "/heroes/bulk", json=[{"name": "d"}])
        wait_for_locks(connection, 2)
        advisory = text("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'")
        assert connection.scalar(advisory) == 0
        assert api.ask("PATCH", f"/heroes/{second}", json={"age": 1}).status_code == 200
        connection.rollback()
        assert waiting.result().status_code == 200
        assert behind.result().status_code == 200
    servers.end(api)


def test_the_lock_is_made_only_where_it_is_needed(many: Everywhere, hero: Api) -> None:
    for api in many.apis:
        make(api, "a")
        api.ask("POST", "/badges/bulk", json=[{"number": 1}])
        locks = {"hero", "badge"} if api.database.startswith("postgresql") else set[str]()
        with api.engine.begin() as connection:
            found = connection.execute(text("SELECT table_name FROM _write_lock"))
            assert {name for (name,) in found} == locks
    assert "_write_lock" not in hero.tables.tables


ROW = {"number": 1}
BAD: list[tuple[str, str, Any, int, Answer]] = [
    ("POST", "/badges/bulk", {"number": 1}, 422, [("list_type", ["body"])]),
    ("POST", "/badges/bulk", None, 422, [("missing", ["body"])]),
    ("POST", "/badges/bulk", [], 422, [("too_short", ["body"])]),
    ("POST", "/badges/bulk", [{"number": n} for n in range(101)], 422, [("too_long", ["body"])]),
    ("POST", "/badges/bulk", [ROW, None], 422, [("model_attributes_type", ["body", 1])]),
    ("POST", "/badges/bulk", [ROW, [ROW]], 422, [("model_attributes_type", ["body", 1])]),
    ("POST", "/badges/bulk", [ROW, {}], 422, [("missing", ["body", 1, "number"])]),
    ("POST", "/badges/bulk", [ROW | {"x": 1}], 422, [("extra_forbidden", ["body", 0, "x"])]),
    ("POST", "/badges/bulk", [{"number": "1"}], 422, [("int_type", ["body", 0, "number"])]),
    (
        "POST",
        "/badges/bulk",
        [{"number": 2**63}],
        422,
        [("less_than_equal", ["body", 0, "number"])],
    ),
    ("POST", "/badges/bulk", [ROW, ROW], 409, [("unique", ["body", 1, "number"])]),
    (
        "POST",
        "/badges/bulk",
        [ROW | {"label": "a\0b"}],
        422,
        [("string_nul", ["body", 0, "label"])],
    ),
    ("POST", "/badges/bulk?x=1", [ROW], 422, [("unknown_parameter", ["query", "x"])]),
    ("POST", "/badges/bulk/", [ROW], 404, []),
    ("PATCH", "/badges/bulk", ROW, 422, [("list_type", ["body"])]),
    ("PATCH", "/badges/bulk", [], 422, [("too_short", ["body"])]),
    ("PATCH", "/badges/bulk", [{"label": "x"}], 422, [("missing", ["body", 0, "number"])]),
    ("PATCH", "/badges/bulk", [{"number": None}], 422, [("int_type", ["body", 0, "number"])]),
    ("PATCH", "/badges/bulk", [{"number": True}], 422, [("int_type", ["body", 0, "number"])]),
    ("PATCH", "/badges/bulk", [ROW], 404, [("not_found", ["body", 0, "number"])]),
    ("PATCH", "/badges/bulk", [ROW, ROW], 409, [("repeated_key", ["body", 1, "number"])]),
    ("PATCH", "/badges/bulk", [ROW | {"x": 1}], 422, [("extra_forbidden", ["body", 0, "x"])]),
    ("PATCH", "/tickets/bulk", [{"id": "x"}], 422, [("text_form", ["body", 0, "id"])]),
    ("DELETE", "/badges/bulk", None, 422, [("missing", ["query", "number"])]),
    ("DELETE", "/badges/bulk?number=", None, 422, [("int_parsing", ["query", "number", 0])]),
    ("DELETE", "/badges/bulk?number=1,2", None, 422, [("int_parsing", ["query", "number", 0])]),
    ("DELETE", "/badges/bulk?number=1_0", None, 422, [("int_parsing", ["query", "number", 0])]),
    ("DELETE", "/badges/bulk?number=x", None, 422, [("int_parsing", ["query", "number", 0])]),
    ("DELETE", "/badges/bulk?id=1", None, 422, [("unknown_parameter", ["query", "id"])]),
    ("DELETE", "/badges/bulk?number=1", None, 404, [("not_found", ["query", "number", 0])]),
    (
        "DELETE",
        "/badges/bulk?number=1&number=1",
        None,
        409,
        [("repeated_key", ["query", "number", 1])],
    ),
    (
        "DELETE",
        "/badges/bulk?" + "&".join(f"number={n}" for n in range(101)),
        None,
        422,
        [("too_long", ["query", "number"])],
    ),
    ("DELETE", "/tickets/bulk?id=x", None, 422, [("text_form", ["query", "id", 0])]),
    ("PUT", "/badges/bulk", [ROW], 405, []),
    ("GET", "/badges/bulk", None, 405, []),
    ("PATCH", "/tags/bulk", [{"code": "a"}], 405, []),
]


@pytest.mark.parametrize("case", BAD)
def test_bad_requests_are_refused(
    many: Everywhere, case: tuple[str, str, Any, int, Answer]
) -> None:
    method, path, body, status, problems = case
    answer = many.ask(method, path, **({} if body is None else {"json": body}))
    assert answer.status_code == status, answer.text
    if problems:
        found = [(problem["type"], problem["loc"]) for problem in answer.json()["detail"]]
        assert found == problems
    for place in ("/badges/", "/tickets/", "/heroes/", "/tags/"):
        assert many.ask("GET", place).json() == []


@pytest.mark.parametrize("tag", ["*", '"x"'])
@pytest.mark.parametrize("header", ["If-Match", "If-None-Match"])
def test_many_rows_have_no_tag(many: Everywhere, header: str, tag: str) -> None:
    many.ask("POST", "/badges/bulk", json=[ROW])
    headers = {header: tag}
    assert many.ask("PATCH", "/badges/bulk", json=[ROW], headers=headers).status_code == 412
    assert many.ask("DELETE", "/badges/bulk?number=1", headers=headers).status_code == 412
    assert many.ask("GET", "/badges/").json() == [ROW | {"label": None}]
