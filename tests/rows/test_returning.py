"""What a write answers is what a read answers, whatever columns a table has and in which order."""

import sqlite3
from contextlib import closing
from pathlib import Path
from random import Random
from typing import Any

import pytest
from sqlalchemy import BigInteger, Boolean, Column, Float
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite

from crudgen.kit.database.columns import Text
from crudgen.kit.database.returning import returning_expressions
from crudgen.kit.fast.json_objects import json_object
from tests.support.servers import Everywhere, Servers, write_entities

pytestmark = pytest.mark.long

OPERATIONS = "create, list, read, update, replace, delete, create_many, update_many"
POTATO = f"""
name: Potato
fields: {{mass: float, eyes: int, note: str?, ripe: bool?}}
api: {{operations: [{OPERATIONS}], idempotency: true}}
"""
HIDDEN = f"""
name: Hidden
plural: hiddens
fields: {{mass: float write_only, eyes: int, note: str?, ripe: bool?}}
api: {{operations: [{OPERATIONS}], idempotency: true}}
"""
PRICE = f"""
name: Price
fields:
  mass: float?
  code: int pk
  price: decimal(12,2)?
  data: bytes?
  at: datetime?
  big: int?
api: {{operations: [{OPERATIONS}]}}
"""
BIG = 2**53 + 1


@pytest.fixture(scope="module")
def spec(tmp_path_factory: pytest.TempPathFactory) -> Path:
    specs = {"potato": POTATO, "hidden": HIDDEN, "price": PRICE}
    return write_entities(tmp_path_factory.mktemp("returning") / "entities", specs)


@pytest.fixture
def every(servers: Servers, spec: Path) -> Everywhere:
    return servers.everywhere(spec)


@pytest.mark.parametrize("path", ["/potatoes/", "/hiddens/"])
def test_integers_behind_a_float(every: Everywhere, path: str) -> None:
    for api in every.apis:
        body = {"mass": 1.2, "eyes": BIG, "note": None, "ripe": True}
        made = api.ask("POST", path, json=body)
        place = made.headers["location"]
        assert place == f"{path}{made.json()['id']}"
        assert isinstance(made.json()["id"], int)
        assert f'"eyes":{BIG}' in made.text
        read = api.ask("GET", place)
        assert (made.content, made.headers["etag"]) == (read.content, read.headers["etag"])
        match = {"If-Match": made.headers["etag"]}
        changed = api.ask("PATCH", place, json={"eyes": BIG + 2, "mass": 2.0}, headers=match)
        assert changed.content == api.ask("GET", place).content
        assert f'"eyes":{BIG + 2}' in changed.text
        match = {"If-Match": changed.headers["etag"]}
        put = api.ask("PUT", place, json=body | {"ripe": None}, headers=match)
        assert put.content == api.ask("GET", place).content
        many = api.ask("POST", f"{path}bulk", json=[body, body | {"mass": 3.0, "eyes": -BIG}])
        assert [row["eyes"] for row in many.json()] == [BIG, -BIG]
        sent = [{"id": row["id"], "eyes": row["eyes"]} for row in many.json()]
        changed = api.ask("PATCH", f"{path}bulk", json=sent)
        assert changed.content == many.content
        again = api.ask("POST", path, json=body, headers={"Idempotency-Key": f"{path}k"})
        assert again.content == api.ask("GET", again.headers["location"]).content


def test_columns_of_every_kind(every: Everywhere) -> None:
    chosen = Random(7)  # noqa: S311 - any rows will do
    choices: dict[str, list[Any]] = {
        "mass": [None, 1.5, 2.0, -0.0, 1e300],
        "price": [None, "0.01", "9007199254.93"],
        "data": [None, "AAE=", ""],
        "at": [None, "2026-01-01T00:00:00Z"],
        "big": [None, BIG, -BIG, 0],
    }
    for number in range(40):
        code = BIG + number
        row = {name: chosen.choice(values) for name, values in choices.items()}
        method, path = chosen.choice([("POST", "/prices/"), ("PUT", f"/prices/{code}")])
        made = every.ask(method, path, json=row | {"code": code})
        assert made.status_code == 200, made.text
        assert made.content == every.ask("GET", f"/prices/{code}").content
        changes = {name: chosen.choice(values) for name, values in choices.items()}
        changed = every.ask("PATCH", f"/prices/{code}", json=changes)
        assert changed.content == every.ask("GET", f"/prices/{code}").content


@pytest.mark.parametrize("rule", ["", " NOT NULL"])
@pytest.mark.parametrize("first", ["REAL", "TEXT", "BIGINT", "BLOB", "BOOLEAN"])
def test_expressions_of_returning(first: str, rule: str) -> None:
    """RETURNING gives the values and types of SELECT, whatever the type of the first column.

    With plain columns, it does not in SQLite 3.38 to 3.40.
    """
    kinds: dict[str, Any] = {
        "b": BigInteger(),
        "c": Boolean(),
        "d": Text(),
        "e": Float(),
        "id": BigInteger(),
    }
    columns = [Column(name, kind) for name, kind in kinds.items()]
    expressions: list[Any] = [*returning_expressions(columns, "sqlite")]
    expressions.append(json_object({column.name: column for column in columns[:3]}, "sqlite"))
    texts = ", ".join(str(one.compile(dialect=SQLiteDialect_pysqlite())) for one in expressions)
    read = f"SELECT {texts} FROM t"  # noqa: S608 - of expressions of the kit
    rows = [(1, BIG, 1, "7", 2.0), (1.5, -1, 0, "", 0.5), (b"7", None, None, None, None)]
    with closing(sqlite3.connect(":memory:")) as connection:
        declared = f"a {first}{rule}, b BIGINT, c BOOLEAN, d TEXT, e REAL, id INTEGER PRIMARY KEY"
        connection.execute(f"CREATE TABLE t ({declared})")
        for row in rows:
            for write in (
                "INSERT INTO t VALUES (?, ?, ?, ?, ?, NULL)",
                "UPDATE t SET (a, b, c, d, e) = (?, ?, ?, ?, ?)",
            ):
                (given,) = connection.execute(f"{write} RETURNING {texts}", row).fetchall()
                (stored,) = connection.execute(read).fetchall()
                assert given == stored
                # RETURNING may give 2 for a REAL of 2.0; Prepared converts it.
                assert [*map(type, given)][:3] == [*map(type, stored)][:3]
            connection.execute("DELETE FROM t")
