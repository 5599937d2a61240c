"""SQLite keeps decimals as integers: their digits are in the catalogue, and are never guessed."""

import sqlite3
from decimal import Decimal
from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from tests.startup.started import application

pytestmark = pytest.mark.long

SPEC = """
name: Robot
fields:
  unit_price: int
  price: decimal(10,2)
  rate: decimal(18,17)?
  cost: {type: decimal, precision: 6, scale: 2, max: 1000, optional: true}
"""
KINDS = ("decimal(10,2)", "decimal(10,4)", "decimal(12,2)", "decimal(9,2)", "int", "float", "str")


def robot(kind: str) -> str:
    return f"name: Robot\nfields:\n  price: {kind}\n"


@pytest.mark.parametrize("before", KINDS)
def test_a_start_with_other_digits_is_refused(tmp_path: Path, before: str) -> None:
    url = f"sqlite:///{tmp_path}/app.db"
    application(robot(before)).start(url)
    with sqlite3.connect(tmp_path / "app.db") as connection:
        if before in {"int", "decimal(10,2)"}:
            connection.execute("INSERT INTO robot (price) VALUES (1999)")
    for after in KINDS:
        app = application(robot(after))
        if after == before:
            app.start(url)
            continue
        with pytest.raises(app.startup_error, match="column price: ") as caught:
            app.start(url)
        assert "writable_schema" not in str(caught.value) or before == "int"


def former(path: Path) -> None:
    """Make the tables as the version before did: nobody knows the digits."""
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA writable_schema = ON")
        (sql,) = connection.execute("SELECT sql FROM sqlite_master WHERE name = 'robot'").fetchone()
        for digits in ("(10, 2)", "(18, 17)", "(6, 2)"):
            sql = sql.replace(f"DECIMAL_AS_INT{digits}", "BIGINT")
        connection.execute("UPDATE sqlite_master SET sql = ? WHERE name = 'robot'", [sql])
        connection.execute("PRAGMA writable_schema = RESET")


def test_a_table_of_before_is_refused_with_the_statements_that_mend_it(tmp_path: Path) -> None:
    path, app = tmp_path / "app.db", application(SPEC)
    url = f"sqlite:///{path}"
    app.start(url)
    former(path)
    with sqlite3.connect(path) as connection:
        connection.execute(
            "INSERT INTO robot (unit_price, price, rate, cost) VALUES (7, 1999, 5, 12345)"
        )
        assert "DECIMAL" not in str(connection.execute("SELECT sql FROM sqlite_master").fetchall())
    with pytest.raises(app.startup_error) as caught:
        app.start(url)
    said = str(caught.value)
    assert "column price: BIGINT NOT NULL in the database, DECIMAL_AS_INT(10, 2)" in said
    statements = [
        line.strip() for line in said.splitlines() if line.strip().startswith(("PRAGMA", "UPDATE"))
    ]
    assert len(statements) == 5
    with sqlite3.connect(path) as connection:
        for _ in range(2):  # a second time they change nothing
            for statement in statements:
                connection.execute(statement)
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    app.start(url)
    robots = app.metadata.tables["robot"]
    with Session(app.engine(url)) as session:
        (row,) = session.execute(select(robots)).all()
    assert row.unit_price == 7
    assert (row.price, row.cost) == (Decimal("19.99"), Decimal("123.45"))
    assert row.rate == Decimal("5E-17")


def test_an_int_is_not_taken_for_a_decimal_of_before(tmp_path: Path) -> None:
    """The catalogue has the same for both; the message says what the statements would do."""
    url = f"sqlite:///{tmp_path}/app.db"
    application(robot("int")).start(url)
    app = application(robot("decimal(10,2)"))
    with pytest.raises(
        app.startup_error, match="A BIGINT column may be an int, or a decimal of an earlier"
    ):
        app.start(url)


def test_the_place_of_a_type_is_found_in_any_text(tmp_path: Path) -> None:
    path, app = tmp_path / "app.db", application(robot("decimal(10,2)"))
    with sqlite3.connect(path) as connection:
        connection.execute(
            "create table [robot] ( /* 🦸 price BIGINT ' */ 'price'\tBigInt not null,"
            " id integer primary key autoincrement) -- BIGINT"
        )
        connection.execute("INSERT INTO robot (price) VALUES (1999)")
    with pytest.raises(app.startup_error) as caught:
        app.start(f"sqlite:///{path}")
    with sqlite3.connect(path) as connection:
        for line in str(caught.value).splitlines():
            if line.strip().startswith(("PRAGMA", "UPDATE")):
                connection.execute(line.strip())
    app.start(f"sqlite:///{path}")
    with Session(app.engine(f"sqlite:///{path}")) as session:
        assert session.scalar(select(app.metadata.tables["robot"].c.price)) == Decimal("19.99")


def test_the_rules_of_a_table_of_before_are_compared_too(tmp_path: Path) -> None:
    path, app = tmp_path / "app.db", application(SPEC)
    app.start(f"sqlite:///{path}")
    former(path)
    other = application(SPEC.replace("max: 1000", "max: 900"))
    with pytest.raises(other.startup_error, match="check ck_robot_cost_range"):
        other.start(f"sqlite:///{path}")


def test_a_column_of_decimals_has_the_affinity_of_integers(tmp_path: Path) -> None:
    application(SPEC).start(f"sqlite:///{tmp_path}/app.db")
    with sqlite3.connect(tmp_path / "app.db") as connection:
        connection.execute("INSERT INTO robot (unit_price, price) VALUES (1, '1999')")
        found = connection.execute("SELECT typeof(price), price FROM robot").fetchone()
    assert found == ("integer", 1999)
