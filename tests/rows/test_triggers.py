"""A write answers the row as it is, also where triggers of the database have changed it."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.support.servers import Api, Everywhere, Servers, write_entities

pytestmark = pytest.mark.long

HERO = """
name: Hero
fields:
  name: str(1..40) unique
  level: int = 0
  weight: float?
  mentor: str(1..40)?
api:
  operations: [create, list, read, update, replace, delete, create_many, update_many, delete_many]
  idempotency: true
"""
SEAT = """
name: Seat
fields: {code: str(1..20) pk, guest: str = nobody, rows: int = 0}
api: {operations: [create, list, read, update, replace, delete, create_many]}
"""
SPECS = {"hero": HERO, "seat": SEAT}


@pytest.fixture(scope="module")
def spec(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_entities(tmp_path_factory.mktemp("triggers") / "entities", SPECS)


@pytest.fixture
def every(servers: Servers, spec: Path) -> Everywhere:
    return servers.everywhere(spec, keeps_names=True)


@contextmanager
def trigger(everywhere: Everywhere, event: str, *statements: str, end: str = "") -> Iterator[None]:
    """Have a trigger on all databases; it stands for what users make while the server runs.

    `end` is what a row trigger of PostgreSQL returns.
    """
    with ExitStack() as stack:
        for api in everywhere.apis:
            stack.enter_context(_trigger(api, event, statements, end))
        yield


@contextmanager
def _trigger(api: Api, event: str, statements: tuple[str, ...], end: str) -> Iterator[None]:
    when, _, rest = event.partition(" ")
    action, _, table = rest.partition(" ON ")
    body = "; ".join(statements)
    postgresql = api.database.startswith("postgresql")
    with api.engine.begin() as connection:
        if postgresql:
            returns = end or ("OLD" if action == "DELETE" else "NEW")
            connection.exec_driver_sql(
                f"CREATE FUNCTION own() RETURNS trigger LANGUAGE plpgsql AS $$"
                f" BEGIN {body}; RETURN {returns}; END $$"
            )
            connection.exec_driver_sql(
                f"CREATE TRIGGER own {when} {action} ON {table} FOR EACH ROW EXECUTE FUNCTION own()"
            )
        else:
            connection.exec_driver_sql(f"CREATE TRIGGER own {event} BEGIN {body}; END")
    try:
        yield
    finally:
        with api.engine.begin() as connection:
            if postgresql:
                connection.exec_driver_sql("DROP FUNCTION own CASCADE")
            else:
                connection.exec_driver_sql("DROP TRIGGER own")


UP = "UPDATE hero SET level = level + 100 WHERE id = NEW.id AND level < 100"


def check(api: Api, path: str, answer: Any) -> None:
    """The answer of a write has the bytes and the tag of the row that is read then."""
    assert answer.status_code == 200, answer.text
    read = api.ask("GET", path)
    assert answer.content == read.content
    assert answer.headers["etag"] == read.headers["etag"]


def check_writes(api: Api, level: int) -> None:
    """Write in every way, and use each ETag for the next write."""
    made = api.ask("POST", "/heroes/", json={"name": "a", "level": 1, "weight": 2.0})
    path = made.headers["location"]
    check(api, path, made)
    assert made.json()["level"] == level
    match = {"If-Match": made.headers["etag"]}
    changed = api.ask("PATCH", path, json={"level": 2}, headers=match)
    check(api, path, changed)
    match = {"If-Match": changed.headers["etag"]}
    replaced = api.ask("PUT", path, json={"name": "b", "level": 3}, headers=match)
    check(api, path, replaced)
    match = {"If-Match": replaced.headers["etag"]}
    assert api.ask("DELETE", path, headers=match).status_code == 200


def test_a_trigger_changes_what_is_created(every: Everywhere) -> None:
    for api in every.apis:
        check_writes(api, 1)  # statements of before are known to the connections
    with trigger(every, "AFTER INSERT ON hero", UP):
        for api in every.apis:
            check_writes(api, 101)
    for api in every.apis:
        check_writes(api, 1)


def test_a_trigger_changes_what_is_changed(every: Everywhere) -> None:
    with trigger(every, "AFTER UPDATE ON hero", UP):
        for api in every.apis:
            check_writes(api, 1)
            path = api.ask("POST", "/heroes/", json={"name": "c"}).headers["location"]
            assert api.ask("PATCH", path, json={"level": 5}).json()["level"] == 105
            assert api.ask("PATCH", path, json={"name": "d"}).json()["level"] == 105


@pytest.mark.parametrize("mode", ["first", "again"])
def test_a_trigger_changes_what_is_put(every: Everywhere, mode: str) -> None:
    up = "UPDATE seat SET guest = 'changed' WHERE code = NEW.code AND guest <> 'changed'"
    with trigger(every, f"AFTER {'INSERT' if mode == 'first' else 'UPDATE'} ON seat", up):
        for api in every.apis:
            for _ in range(2):
                answer = api.ask("PUT", "/seats/a", json={"code": "a", "guest": "me"})
                check(api, "/seats/a", answer)
            new = api.ask("PUT", "/seats/b", json={"code": "b"}, headers={"If-None-Match": "*"})
            check(api, "/seats/b", new)
            taken = api.ask("PUT", "/seats/b", json={"code": "b"}, headers={"If-None-Match": "*"})
            assert taken.status_code == 412


def test_a_later_row_changes_an_earlier_one(every: Everywhere) -> None:
    """Of many rows each is answered as it is when all are written."""
    up = "UPDATE hero SET level = level + 1 WHERE id < NEW.id"
    with trigger(every, "AFTER INSERT ON hero", up):
        for api in every.apis:
            rows = [{"name": name} for name in "abc"]
            made = api.ask("POST", "/heroes/bulk", json=rows)
            assert [row["level"] for row in made.json()] == [2, 1, 0]
            assert made.json() == api.ask("GET", "/heroes/").json()
    for api in every.apis:
        rows = [{"name": name} for name in "def"]
        assert [row["level"] for row in api.ask("POST", "/heroes/bulk", json=rows).json()] == [
            0
        ] * 3
    with trigger(
        every, "AFTER UPDATE ON hero", "UPDATE hero SET level = 7 WHERE name = 'a' AND level < 7"
    ):
        for api in every.apis:
            first, second, *_ = (row["id"] for row in api.ask("GET", "/heroes/").json())
            sent = [{"id": first, "level": 1}, {"id": second, "level": 1}]
            changed = api.ask("PATCH", "/heroes/bulk", json=sent).json()
            assert changed == api.ask("GET", "/heroes/?limit=2").json()
            assert changed[0]["level"] == 7


def test_the_kept_answer_is_the_real_one(every: Everywhere) -> None:
    with trigger(every, "AFTER INSERT ON hero", UP):
        for api in every.apis:
            headers = {"Idempotency-Key": "k"}
            first = api.ask("POST", "/heroes/", json={"name": "a"}, headers=headers)
            check(api, first.headers["location"], first)
            again = api.ask("POST", "/heroes/", json={"name": "a"}, headers=headers)
            assert again.content == first.content
            assert again.headers["etag"] == first.headers["etag"]
            headers = {"Idempotency-Key": "bulk"}
            rows = [{"name": "b"}, {"name": "c"}]
            many = api.ask("POST", "/heroes/bulk", json=rows, headers=headers)
            assert [row["level"] for row in many.json()] == [100, 100]
            assert (
                api.ask("POST", "/heroes/bulk", json=rows, headers=headers).content == many.content
            )


def test_a_row_that_is_not_kept_is_a_conflict(every: Everywhere) -> None:
    """Nothing is written then, and nothing else shares its fate."""
    problem = {"type": "not_kept", "loc": ["body"], "msg": "A trigger or rule discarded the row"}
    with trigger(every, "AFTER INSERT ON hero", "DELETE FROM hero WHERE id = NEW.id"):
        for api in every.apis:
            for path, body in (("/heroes/", {"name": "a"}), ("/heroes/bulk", [{"name": "a"}])):
                for headers in ({}, {"Idempotency-Key": "k"}):
                    answer = api.ask("POST", path, json=body, headers=headers)
                    assert (answer.status_code, answer.json()) == (409, {"detail": [problem]})
            assert api.ask("POST", "/seats/", json={"code": "x"}).status_code == 200
    delete = "DELETE FROM hero WHERE id = NEW.id AND level = 9"
    with trigger(every, "AFTER UPDATE ON hero", delete):
        for api in every.apis:
            path = api.ask("POST", "/heroes/", json={"name": "a"}).headers["location"]
            for method in ("PATCH", "PUT"):
                answer = api.ask(method, path, json={"name": "a", "level": 9})
                assert (answer.status_code, answer.json()) == (409, {"detail": [problem]})
            assert api.ask("GET", path).json()["level"] == 0


def test_a_trigger_that_skips_the_statement(every: Everywhere) -> None:
    """An INSERT is a conflict, an UPDATE answers the row, and a row that stays is not deleted."""
    skips = {"sqlite": "SELECT RAISE(IGNORE)", "postgresql": "RETURN NULL"}
    for api in every.apis:
        skip = (skips["postgresql" if api.database.startswith("postgresql") else "sqlite"],)
        path = api.ask("POST", "/heroes/", json={"name": "a"}).headers["location"]
        before = api.ask("GET", path)
        with _trigger(api, "BEFORE INSERT ON hero", skip, "NULL"):
            answer = api.ask("POST", "/heroes/", json={"name": "b"})
            assert (answer.status_code, answer.json()["detail"][0]["type"]) == (409, "not_kept")
            answer = api.ask("POST", "/heroes/bulk", json=[{"name": "b"}, {"name": "c"}])
            assert (answer.status_code, answer.json()["detail"][0]["type"]) == (409, "not_kept")
        with _trigger(api, "BEFORE UPDATE ON hero", skip, "NULL"):
            for _ in range(2):
                answer = api.ask("PATCH", path, json={"level": 5})
                assert (answer.status_code, answer.content) == (200, before.content)
            key = before.json()["id"]
            many = api.ask("PATCH", "/heroes/bulk", json=[{"id": key, "level": 5}])
            assert many.json() == [before.json()]
            assert api.ask("PATCH", "/heroes/9999999", json={"level": 5}).status_code == 404
        with _trigger(api, "BEFORE DELETE ON hero", skip, "NULL"):
            for place in (path, f"/heroes/bulk?id={key}"):
                answer = api.ask("DELETE", place)
                assert (answer.status_code, answer.json()["detail"][0]["type"]) == (409, "kept")
            assert api.ask("DELETE", "/heroes/9999999").status_code == 404
        assert api.ask("DELETE", path).status_code == 200
        assert api.ask("DELETE", path).status_code == 404


def test_a_trigger_that_fails_after_the_statement(every: Everywhere) -> None:
    """RAISE(FAIL) of SQLite keeps what the statement has done; the request must undo it."""
    fails = {"sqlite": "SELECT RAISE(FAIL, 'no')", "postgresql": "RAISE EXCEPTION 'no'"}
    for api in every.apis:
        fail = (fails["postgresql" if api.database.startswith("postgresql") else "sqlite"],)
        path = api.ask("POST", "/heroes/", json={"name": "a"}).headers["location"]
        before = api.ask("GET", "/heroes/")
        for event, method, place, body in (
            ("AFTER INSERT", "POST", "/heroes/", {"name": "b"}),
            ("AFTER INSERT", "POST", "/heroes/bulk", [{"name": "b"}]),
            ("AFTER UPDATE", "PATCH", path, {"name": "b"}),
            ("AFTER DELETE", "DELETE", path, None),
        ):
            with _trigger(api, f"{event} ON hero", fail, "NULL"):
                answer = api.ask(method, place, json=body)
                assert (answer.status_code, answer.json()["detail"][0]["type"]) == (422, "refused")
            assert api.ask("GET", "/heroes/").content == before.content


def test_a_trigger_that_puts_the_row_back(every: Everywhere) -> None:
    back = "INSERT INTO seat (code, guest, rows) VALUES (OLD.code, OLD.guest, OLD.rows)"
    for api in every.apis:
        api.ask("POST", "/seats/", json={"code": "x"})
    with trigger(every, "AFTER DELETE ON seat", back):
        for api in every.apis:
            answer = api.ask("DELETE", "/seats/x")
            assert (answer.status_code, answer.json()["detail"][0]["type"]) == (409, "kept")
            assert api.ask("GET", "/seats/x").status_code == 200


def test_a_trigger_by_way_of_another_table(every: Everywhere) -> None:
    for api in every.apis:
        with api.engine.begin() as connection:
            connection.exec_driver_sql("CREATE TABLE own_log (hero BIGINT)")
    try:
        log = "INSERT INTO own_log (hero) VALUES (NEW.id)"
        with trigger(every, "AFTER INSERT ON hero", log, UP):
            for api in every.apis:
                check_writes(api, 101)
        with trigger(every, "AFTER INSERT ON hero", log):
            for api in every.apis:
                check_writes(api, 1)
    finally:
        for api in every.apis:
            with api.engine.begin() as connection:
                connection.exec_driver_sql("DROP TABLE own_log")


def postgresql_of(everywhere: Everywhere) -> list[Api]:
    return [api for api in everywhere.apis if api.database.startswith("postgresql")]


@pytest.mark.parametrize(
    ("kind", "when"),
    [
        ("CONSTRAINT TRIGGER", "AFTER INSERT ON hero DEFERRABLE INITIALLY DEFERRED FOR EACH ROW"),
        ("TRIGGER", "AFTER INSERT ON hero FOR EACH STATEMENT"),
        ("TRIGGER", "BEFORE INSERT ON hero FOR EACH ROW"),
    ],
    ids=["deferred", "statement", "before"],
)
def test_other_triggers_of_postgresql(every: Everywhere, kind: str, when: str) -> None:
    body = (
        "NEW.level := NEW.level + 100"
        if "BEFORE" in when
        else ("UPDATE hero SET level = level + 100 WHERE level < 100")
    )
    for api in postgresql_of(every):
        with api.engine.begin() as connection:
            connection.exec_driver_sql(
                "CREATE FUNCTION own() RETURNS trigger LANGUAGE plpgsql AS $$"
                f" BEGIN {body}; RETURN NEW; END $$"
            )
            connection.exec_driver_sql(f"CREATE {kind} own {when} EXECUTE FUNCTION own()")
        try:
            check_writes(api, 101)
            check_writes(api, 101)
            rows = [{"name": "x"}, {"name": "y"}]
            made = api.ask("POST", "/heroes/bulk", json=rows).json()
            assert [row["level"] for row in made] == [100, 100]
        finally:
            with api.engine.begin() as connection:
                connection.exec_driver_sql("DROP FUNCTION own CASCADE")


def test_a_rule_of_postgresql(every: Everywhere) -> None:
    for api in postgresql_of(every):
        path = api.ask("POST", "/heroes/", json={"name": "a"}).headers["location"]
        with api.engine.begin() as connection:
            connection.exec_driver_sql(
                "CREATE RULE own AS ON UPDATE TO hero WHERE NEW.level = 5 DO ALSO"
                " UPDATE seat SET rows = 1 WHERE code = 'none'"
            )
        try:
            answer = api.ask("PATCH", path, json={"level": 5})
            check(api, path, answer)
        finally:
            with api.engine.begin() as connection:
                connection.exec_driver_sql("DROP RULE own ON hero")


def test_a_foreign_key_that_follows_an_update(every: Everywhere) -> None:
    """A row refers to itself, and ON UPDATE CASCADE changes it after the statement."""
    for api in postgresql_of(every):
        body = {"name": "a", "mentor": "a"}
        path = api.ask("POST", "/heroes/", json=body).headers["location"]
        with api.engine.begin() as connection:
            connection.exec_driver_sql(
                "ALTER TABLE hero ADD CONSTRAINT own FOREIGN KEY (mentor) REFERENCES hero (name)"
                " ON UPDATE CASCADE"
            )
        try:
            for name in "bc":
                changed = api.ask("PATCH", path, json={"name": name})
                check(api, path, changed)
                assert changed.json()["mentor"] == name
        finally:
            with api.engine.begin() as connection:
                connection.exec_driver_sql("ALTER TABLE hero DROP CONSTRAINT own")
