"""Definitions are compared as words: SQLite's catalogue keeps what somebody once wrote."""

import re
import sqlite3
from collections.abc import Callable
from itertools import permutations
from pathlib import Path

import pytest
from sqlalchemy import NullPool, create_engine

from crudgen.kit.database.catalogue import (
    Check,
    Column,
    KeyGenerator,
    TableDefinition,
    normalize_checks,
    read_tables,
)
from tests.startup.started import application

SPEC = """
name: Robot
fields:
  name: str(1..80) unique
  age: int(0..150)?
  mood: enum(calm, wild)
  price: decimal(10,2)
"""
BY_HAND = (
    # lower case, columns on one line, rules at the columns
    """create table robot (name varchar not null check (length(name) between 1 and 80) unique,
    age bigint check(age>=0 and age<=150), mood varchar not null check(mood in('wild','calm')),
    price decimal_as_int(10,2) not null, id integer primary key autoincrement)""",
    # every kind of quotes, comments
    """CREATE TABLE "robot" -- it is one
    ([name] VARCHAR NOT NULL, `age` BIGINT, "mood" VARCHAR NOT NULL, /* , */ 'price'
    "DECIMAL_AS_INT" ( 10 , 2 ) NOT NULL, "id" INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    CONSTRAINT x CHECK ((length("name") BETWEEN 1 AND 80)), UNIQUE ("name"),
    CHECK ([age] BETWEEN 0 AND 150) CHECK ("robot"."mood" = 'calm' OR 'wild' = mood))""",
    # the table's rules without commas between them, the key apart, text in double quotes
    """CREATE TABLE robot (name VARCHAR NOT NULL CONSTRAINT c CHECK (1 <= length(name)
    AND NOT length(name) > 80), age BIGINT NULL DEFAULT NULL, mood VARCHAR NOT NULL COLLATE BINARY,
    price DECIMAL_AS_INT(10, 2) NOT NULL DEFAULT (0), id INTEGER,
    PRIMARY KEY (id AUTOINCREMENT) CHECK (age BETWEEN 0x0 AND 150.0) UNIQUE (name ASC)
    CHECK (mood IN ("calm", "wild")))""",
)


@pytest.mark.parametrize("sql", BY_HAND)
def test_tables_made_by_hand_are_taken(tmp_path: Path, sql: str) -> None:
    with sqlite3.connect(tmp_path / "app.db") as connection:
        connection.execute(sql)
    application(SPEC).start(f"sqlite:///{tmp_path}/app.db")


def test_a_renamed_column_is_taken_with_its_rules(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/app.db"
    application(SPEC).start(url)
    with sqlite3.connect(tmp_path / "app.db") as connection:
        for old, new in (("name", "title"), ("age", "years"), ("mood", "state"), ("price", "cost")):
            connection.execute(f"ALTER TABLE robot RENAME COLUMN {old} TO {new}")
    renamed = SPEC.replace("name:", "title:").replace("title: R", "name: R")
    renamed = (
        renamed.replace("age:", "years:").replace("mood:", "state:").replace("price:", "cost:")
    )
    application(renamed).start(url)


def test_a_renamed_table_is_taken(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/app.db"
    application(SPEC).start(url)
    with sqlite3.connect(tmp_path / "app.db") as connection:
        connection.execute("ALTER TABLE robot RENAME TO machine")
    application(SPEC.replace("Robot", "Machine")).start(url)


def test_columns_added_by_sqlite_are_taken(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/app.db"
    application(SPEC).start(url)
    with sqlite3.connect(tmp_path / "app.db") as connection:
        connection.execute(
            "ALTER TABLE robot ADD COLUMN rank BIGINT NOT NULL DEFAULT 1 CHECK (rank >= 1)"
        )
        connection.execute("ALTER TABLE robot ADD COLUMN note VARCHAR CHECK (length(note) <= 255)")
    application(f"{SPEC}  rank: int(1..) = 1\n  note: str?\n").start(url)


@pytest.mark.parametrize("was", ["TEXT", "VARCHAR COLLATE NOCASE", "BLOB"])
@pytest.mark.parametrize("more", ["", " ON CONFLICT REPLACE"])
def test_what_means_something_else_is_refused(tmp_path: Path, was: str, more: str) -> None:
    app = application("name: Robot\nfields:\n  name: str unique\n")
    with sqlite3.connect(tmp_path / "app.db") as connection:
        connection.execute(
            f"CREATE TABLE robot (name {was} NOT NULL UNIQUE{more} CHECK (length(name) <= 255),"
            " id INTEGER PRIMARY KEY AUTOINCREMENT)"
        )
    with pytest.raises(app.startup_error, match="column name: "):
        app.start(f"sqlite:///{tmp_path}/app.db")


def test_a_rule_that_replaces_rows_is_refused(tmp_path: Path) -> None:
    app = application("name: Robot\nfields:\n  name: str unique\n")
    with sqlite3.connect(tmp_path / "app.db") as connection:
        connection.execute(
            "CREATE TABLE robot (name VARCHAR NOT NULL UNIQUE ON CONFLICT REPLACE"
            " CHECK (length(name) <= 255), id INTEGER PRIMARY KEY AUTOINCREMENT)"
        )
    with pytest.raises(app.startup_error, match=r"unique \(name\)"):
        app.start(f"sqlite:///{tmp_path}/app.db")


TABLES = (
    "CREATE TABLE t (a)",
    'CREATE TABLE t (a, b TEXT, \'c d\' INT(3), [e] LONG UNSIGNED BIG INT, `f` , "g""h" BLOB)',
    "CREATE TABLE t (a INTEGER PRIMARY KEY)",
    "CREATE TABLE t (a INTEGER PRIMARY KEY DESC)",
    "CREATE TABLE t (a INT PRIMARY KEY NOT NULL)",
    "CREATE TABLE t (a INTEGER, b INTEGER, PRIMARY KEY (b, a)) WITHOUT ROWID",
    "CREATE TABLE t (a INTEGER CONSTRAINT k PRIMARY KEY ON CONFLICT IGNORE AUTOINCREMENT, b)",
    "CREATE TABLE t (a TEXT DEFAULT 'x,)(' NOT NULL, b DEFAULT -1.5e3, c DEFAULT (1 + (2)), d)",
    "CREATE TABLE t (a DEFAULT CURRENT_TIMESTAMP NOT NULL, b DEFAULT +1 UNIQUE, c DEFAULT NULL)",
    "CREATE TABLE t (a, b AS (a || ')') STORED, c INT GENERATED ALWAYS AS (a + 1) VIRTUAL)",
    """CREATE TABLE t (a REFERENCES u (x) ON DELETE SET NULL ON UPDATE NO ACTION MATCH FULL
    DEFERRABLE INITIALLY DEFERRED NOT NULL, b REFERENCES u NOT DEFERRABLE, c)""",
    """CREATE TABLE t (a /* a, ( */ TEXT -- b, )
    , c NUMERIC(10,5) COLLATE rtrim CHECK (c > 0) NULL)""",
    """CREATE TABLE t (a INT, b INT, CONSTRAINT x FOREIGN KEY (a) REFERENCES u ON DELETE CASCADE
    CONSTRAINT y UNIQUE (a, b) ON CONFLICT FAIL CHECK (a IN (1,2)), CHECK (b <> ',('))""",
    "CREATE TABLE t (a INT, b TEXT) STRICT",
    "CREATE TABLE t (a INT PRIMARY KEY, b TEXT) STRICT, WITHOUT ROWID",
    "CREATE TABLE t (größe INT, 日本 TEXT, a$d INT)",
    "CREATE TABLE t AS SELECT 1 AS a, 'x' AS \"b c\"",
)


@pytest.mark.parametrize("sql", TABLES)
def test_tables_are_read_as_sqlite_reads_them(sql: str) -> None:
    engine = create_engine("sqlite://")
    with engine.connect() as connection:
        connection.exec_driver_sql("CREATE TABLE u (x INTEGER PRIMARY KEY)")
        connection.exec_driver_sql(sql)
        found = read_tables(connection, ["t"])["t"]
        columns = connection.exec_driver_sql("PRAGMA table_xinfo(t)").all()
        references = connection.exec_driver_sql("PRAGMA foreign_key_list(t)").all()
        uniques = connection.exec_driver_sql("PRAGMA index_list(t)").all()
    assert [one.name for one in found.columns] == [row.name for row in columns]
    for column, row in zip(found.columns, columns, strict=True):
        assert column.type.replace(" ", "") == row.type.upper().replace(" ", ""), column
        assert column.is_generated == (row.hidden in {2, 3}), column
        is_rowid = column.generator in {KeyGenerator.ROWID, KeyGenerator.AUTOINCREMENT}
        assert column.nullable == (not row.notnull and not is_rowid), column
        has_default = row.dflt_value not in {None, "NULL"}
        assert column.has_default == has_default, column
    key = [row.name for row in sorted(columns, key=lambda row: row.pk) if row.pk]
    assert list(found.key.columns if found.key else ()) == key
    assert len(found.foreign_keys) == len({row.id for row in references})
    assert {one.on_delete for one in found.foreign_keys} == {row.on_delete for row in references}
    assert len(found.uniques) == sum(row.origin == "u" for row in uniques)


SAME = (
    ("a BETWEEN 0 AND 5", "((a >= 0) AND (a <= 5))", "5 >= a AND 0 <= a"),
    ("a IN (1, 2)", "a in (2,1)", "a = 1 OR 2 = a"),
    ("t IN ('x', 'it''s')", "t IN ('it''s', 'x')", "NOT t NOT IN ('x', 'it''s')"),
    ("t = 'x'", "t IN ('x')", "'x' = t"),
    ("a >= -1", "(a >= - 1)", "a > -2", "-1 <= a"),
    ("f <= 1e22", "f <= 10000000000000000000000", "(f <= CAST('1e22' AS double precision))"),
    ("f >= 0.50", "f >= CAST(0.5 AS numeric)", ".5 <= f"),
    ("length(t) <= 80", "length(t) < 81", "NOT length(t) > 80"),
    ("a > 1", "a IS NULL OR a > 1", "1 < a OR a IS NULL"),
    ("NOT a IN (1)", "a NOT IN (1)", "a <> 1", "a != 1", "NOT (a = 1)", "a < 1 OR a > 1"),
    ("length(b) <= 5", "NOT length(b) > 5"),
)
OTHER = (
    *("a BETWEEN 0 AND 6", "a > 0 AND a <= 5", "a >= 0 OR a <= 5", "a IN (1, 3)"),
    *("t IN ('X', 'it''s')", "t = 'x '", "t = 'X'", "t IN ('x', '')", "t <> 'x'"),
    *("a >= 1", "f <= 1e21", "f >= 0.51", "f > 0.5", "length(t) <= 81", "length(t) < 80"),
    *("a IS NOT NULL AND a > 1", "a IS NULL", "a % 2 = 0", "t LIKE 'x%'", "length(b) < 5"),
    *(
        "a - 1 - 2 > 0",
        "a - (1 - 2) > 0",
        "upper(t) = t",
        "a +",
        "nothing(a) > 1",
        "a <> 1 OR b = a",
    ),
)
COLUMNS = {
    "sqlite": {"a": "BIGINT", "f": "FLOAT", "t": "VARCHAR", "b": "BLOB"},
    "postgresql": {
        "a": "bigint",
        "f": "double precision",
        "t": "character varying(255)",
        "b": "bytea",
    },
}


def table_with(sql: str, kind: str) -> TableDefinition:
    names = frozenset(re.findall(r"\b[aftb]\b", re.sub("'[^']*'", "", sql.lower())))
    columns = tuple(Column(name, declared) for name, declared in COLUMNS[kind].items())
    return TableDefinition("t", columns=columns, checks=(Check("c", sql, sql, names),))


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_constraints_that_accept_the_same_are_equal_and_others_are_not(
    new_database: Callable[[str], str], kind: str
) -> None:
    url = new_database(kind).replace("postgresql:", "postgresql+psycopg:")
    engine = create_engine(url, poolclass=NullPool)
    with engine.connect() as connection:

        def are_equal(one: str, other: str) -> bool:
            found, wanted = normalize_checks(
                connection, table_with(one, kind), table_with(other, kind)
            )
            return found.checks == wanted.checks

        for group in SAME:
            for one, other in permutations(group, 2):
                assert are_equal(one, other), (one, other)
        for one, other in permutations([*(group[0] for group in SAME), *OTHER], 2):
            assert not are_equal(one, other), (one, other)


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_a_function_of_the_user_is_not_called(
    new_database: Callable[[str], str], kind: str
) -> None:
    url = new_database(kind).replace("postgresql:", "postgresql+psycopg:")
    engine = create_engine(url, poolclass=NullPool)
    with engine.connect() as connection:
        for sql in ("random() > a", "a > 1 AND lower(t) = t", "b = x'00'"):
            found, wanted = normalize_checks(
                connection, table_with(sql, kind), table_with("a > 1", kind)
            )
            assert found.checks != wanted.checks


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_an_expression_of_many_parentheses_is_no_error(
    new_database: Callable[[str], str], kind: str
) -> None:
    url = new_database(kind).replace("postgresql:", "postgresql+psycopg:")
    engine = create_engine(url, poolclass=NullPool)
    deep = f"{'(' * 50_000}a{')' * 50_000} > 1"
    with engine.connect() as connection:
        normalize_checks(connection, table_with(deep, kind), table_with("a > 1", kind))


def test_a_virtual_table_is_no_table() -> None:
    engine = create_engine("sqlite://")
    with engine.connect() as connection:
        connection.exec_driver_sql("CREATE VIRTUAL TABLE t USING fts5(a)")
        found = read_tables(connection, ["t"])
    assert isinstance(found["t"], TableDefinition)
    assert found["t"].kind == "virtual table"


def test_a_virtual_table_without_its_module_is_no_obstacle(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/app.db"
    application(SPEC).start(url)
    with sqlite3.connect(tmp_path / "app.db") as connection:
        connection.execute("PRAGMA writable_schema = ON")
        connection.execute(
            "INSERT INTO sqlite_master VALUES"
            " ('table', 'v', 'v', 0, 'CREATE VIRTUAL TABLE v USING no_such_module(a)')"
        )
    application(SPEC).start(url)
