"""What a rebuilt SQLite table keeps: the text that is executed, and what SQLite makes of it."""

import sqlite3
from contextlib import closing

import pytest

from crudgen.kit.migrations.table_text import (
    LostError,
    NewTable,
    TableText,
    removed_constraints,
    with_kept,
)

NEW = "(name VARCHAR NOT NULL, age BIGINT, id CHAR(32) NOT NULL PRIMARY KEY)"
VALUES = {"name": "upper(name)", "age": '"age"', "id": "[id]"}


def kept(live: str, definition: str = NEW, **more: list[str]) -> str:
    """Return the definition of a table that is rebuilt. SQLite must accept it."""
    text, _ = with_kept(live, NewTable("hero", definition, VALUES, **more))
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.execute(live)
        connection.execute(f"CREATE TABLE new {text}")
    return text


@pytest.mark.parametrize(
    ("live", "expected"),
    [
        ("(name, age, id)", NEW),
        ("(name, age, id CHAR PRIMARY KEY) WITHOUT ROWID", f"{NEW} WITHOUT ROWID"),
        (
            "(name DEFAULT 'x', age INT DEFAULT (1 + 1) COLLATE \"nocase\", id)",
            NEW.replace("BIGINT", 'BIGINT DEFAULT (1 + 1) COLLATE "nocase"'),
        ),
        (
            "([name] CONSTRAINT a CHECK (name <> ')') NOT NULL, age UNIQUE, id)",
            NEW[:-1] + ", CONSTRAINT a CHECK (name <> ')'), UNIQUE (age))",
        ),
        (
            "(name, age REFERENCES t ON DELETE SET NULL DEFAULT 3 NOT NULL, `id`, unique(id,name))",
            NEW.replace("BIGINT", "BIGINT DEFAULT 3")[:-1]
            + ", FOREIGN KEY (age) REFERENCES t ON DELETE SET NULL, unique(id,name))",
        ),
        (
            "(name, age, id, FOREIGN KEY (age) REFERENCES t (a) NOT DEFERRABLE CHECK (1) /* , */)",
            NEW[:-1] + ", FOREIGN KEY (age) REFERENCES t (a) NOT DEFERRABLE, CHECK (1))",
        ),
        ('(name CONSTRAINT odd, age, id CONSTRAINT "check" NOT NULL)', NEW),
    ],
)
def test_what_no_revision_knows_is_kept(live: str, expected: str) -> None:
    assert kept(f"CREATE TABLE hero {live}") == expected


def test_the_same_constraints_are_not_repeated() -> None:
    live = (
        'CREATE TABLE hero (name CHECK(LENGTH("NAME")<80), age, id, CONSTRAINT ck_hero_x CHECK'
        " (age > 0), CONSTRAINT Uq_hero_id UNIQUE (id))"
    )
    definition = (
        NEW[:-1]
        + ", CONSTRAINT ck_hero_name CHECK (length(name) < 80), CONSTRAINT ck_hero_x CHECK (age)"
        + ", CONSTRAINT uq_hero_id UNIQUE (id, name))"
    )
    assert kept(live, definition) == definition


def test_what_a_revision_removes_is_removed() -> None:
    live = (
        "CREATE TABLE hero (name, age, code CHECK (code), id, CONSTRAINT ck_a_n_length CHECK (1),"
        " CONSTRAINT fk_hero_age FOREIGN KEY (age) REFERENCES t, CONSTRAINT uq_x UNIQUE (id, name),"
        " CONSTRAINT ck_hero_n CHECK (length(name) < 80))"
    )
    with pytest.raises(LostError, match=r"^CONSTRAINT uq_x .*, CONSTRAINT ck_hero_n [^,]*$"):
        kept(live, dropped=["Code"])
    removed = removed_constraints(live, NewTable("hero", NEW, VALUES, dropped=["CODE"]))
    assert removed == [
        "CONSTRAINT fk_hero_age FOREIGN KEY (age) REFERENCES t",
        "CONSTRAINT uq_x UNIQUE (id, name)",
        "CONSTRAINT ck_hero_n CHECK (length(name) < 80)",
    ]
    assert kept(live, dropped=["code"], removed=removed) == NEW
    by_content = ['CHECK (length("name") < 80)', "UNIQUE(id,NAME)"]
    assert kept(live, dropped=["code"], removed=by_content) == NEW


@pytest.mark.parametrize(
    "column", ["name NOT NULL ON CONFLICT REPLACE", "name PRIMARY KEY ON CONFLICT IGNORE"]
)
def test_conflict_clauses_of_columns_cannot_be_kept(column: str) -> None:
    with pytest.raises(LostError, match="ON CONFLICT"):
        kept(f"CREATE TABLE hero ({column}, age, id)")
    same = NEW.replace("name VARCHAR NOT NULL", column)
    if "PRIMARY" not in column:
        assert kept(f"CREATE TABLE hero ({column}, age, id)", same) == same


def test_options_are_read() -> None:
    assert TableText("(a) STRICT,WITHOUT ROWID;").options == ["STRICT", ",", "WITHOUT", "ROWID"]
    old = "CREATE TABLE hero (a INT PRIMARY KEY) STRICT, WITHOUT ROWID"
    text, _ = with_kept(old, NewTable("hero", "(a INT PRIMARY KEY) strict", {"a": "a"}))
    assert text == "(a INT PRIMARY KEY) strict, WITHOUT ROWID"
