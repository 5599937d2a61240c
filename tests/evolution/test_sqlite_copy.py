"""A table of SQLite is copied: nothing is lost that the spec does not mention."""

import sqlite3
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import (
    CheckConstraint,
    Column,
    Date,
    ForeignKey,
    Integer,
    MetaData,
    String,
    Table,
    UniqueConstraint,
)
from sqlalchemy.schema import SchemaItem

from crudgen.evolution.changes import Conversion
from crudgen.evolution.plan import Lock
from crudgen.kit.database.catalogue.tokens import tokenize
from crudgen.kit.types.decimals import ExactNumber
from crudgen.language.schema import Now
from tests.evolution.sqlite_changes import Lite, Wish, models

HERO = """
CREATE TABLE hero (
	name VARCHAR NOT NULL, 
	mood VARCHAR DEFAULT 'angry' NOT NULL, 
	price DECIMAL_AS_INT(10, 2) DEFAULT 1999, 
	age BIGINT, 
	team_id BIGINT, 
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, -- counted
	note TEXT COLLATE NOCASE DEFAULT 'it''s' /* of the user */, "odd ""one" [two words] NOT NULL
	  DEFAULT (1 + 1) CHECK (hero."odd ""one" > 0), twice AS (age * 2) STORED UNIQUE,
	CONSTRAINT ck_hero_name_length CHECK (length(name) <= 80), 
	CONSTRAINT ck_hero_mood_words CHECK (mood IN ('angry', 'calm')), 
	CONSTRAINT uq_hero_age UNIQUE (age), 
	CONSTRAINT fk_hero_team_id FOREIGN KEY(team_id) REFERENCES team (id) ON DELETE CASCADE, 
	CHECK (note <> 'CHECK (name)') CHECK (age IS NULL OR length(note) < 99)
)"""  # noqa: E101, W291
REST = """
CREATE TABLE team (id INTEGER PRIMARY KEY AUTOINCREMENT);
CREATE TABLE sidekick (
    id INTEGER PRIMARY KEY, hero_id INTEGER REFERENCES Hero (id) ON DELETE CASCADE
);
CREATE TABLE log (text);
CREATE INDEX ix_hero_name ON hero (name);
CREATE INDEX mine ON hero (lower(note) DESC, name COLLATE RTRIM) WHERE age > 1;
CREATE VIEW names AS SELECT h.name, count(*) AS count FROM hero AS h GROUP BY h.name;
CREATE TRIGGER "on ""name" AFTER UPDATE OF name ON hero WHEN new.name <> old.name
    BEGIN INSERT INTO log VALUES (old.name || '→' || new.name); END;
CREATE TRIGGER on_log AFTER INSERT ON log BEGIN UPDATE hero SET note = new.text; END;
CREATE TRIGGER on_names INSTEAD OF INSERT ON names BEGIN SELECT 1; END;
INSERT INTO team VALUES (1);
INSERT INTO hero (name, mood, price, age, team_id, note, "odd ""one")
    VALUES ('Ann', 'angry', 1999, 1, 1, 'n', 5), ('Bob', 'calm', NULL, 2, NULL, 'm', 6),
           ('Cid', 'calm', 5, 3, 1, NULL, 7);
INSERT INTO sidekick (hero_id) VALUES (1), (2);
DELETE FROM hero WHERE id = 3;
"""


def hero(**columns: Any) -> MetaData:
    """Return the models of the tables, with other columns of heroes; None leaves one out."""
    metadata = models()
    Table("team", metadata, Column("id", Integer, primary_key=True), sqlite_autoincrement=True)
    parts: dict[str, Any] = {
        "name": Column(String, nullable=False, index=True),
        "mood": Column(String, nullable=False),
        "price": Column(ExactNumber(10, 2)),
        "age": Column(Integer().with_variant(BIGINT, "sqlite")),
        "team_id": Column(BIGINT, ForeignKey("team.id", ondelete="CASCADE")),
        "id": Column(Integer, primary_key=True),
        "name_length": CheckConstraint("length(name) <= 80", name="name_length"),
        "mood_words": CheckConstraint("mood IN ('angry', 'calm')", name="mood_words"),
        "unique": UniqueConstraint("age"),
    } | columns
    args: list[SchemaItem] = []
    for key, part in parts.items():
        if isinstance(part, Column):
            part.name = part.key = key
        if part is not None:
            args.append(part)
    Table("hero", metadata, *args, sqlite_autoincrement=True)
    return metadata


class BIGINT(Integer):
    """The type as the kit declares it."""

    __visit_name__ = "BIGINT"


class Case:
    """A change that needs a copy, and what it makes of two rows of heroes."""

    def __init__(
        self,
        columns: dict[str, Any],
        select: str,
        rows: list[tuple[Any, ...]],
        **wish: Any,
    ) -> None:
        self.columns = columns
        self.select = f"SELECT {select} FROM hero ORDER BY id"  # noqa: S608
        self.rows = rows
        self.wish = Wish(**wish)


def _words(*words: str) -> CheckConstraint:
    listed = ", ".join(f"'{word}'" for word in words)
    return CheckConstraint(f"mood IN ({listed})", name="mood_words")


CASES: dict[str, Callable[[], Case]] = {
    "type": lambda: Case(
        {"age": Column(String), "unique": UniqueConstraint("age")},
        "age",
        [("1",), ("2",)],
        conversions={"age": Conversion("CAST({value} AS TEXT)")},
    ),
    "digits, and the default": lambda: Case(
        {"price": Column(ExactNumber(12, 4))},
        "price",
        [(199900,), (None,)],
        conversions={"price": Conversion("({value}) * 100")},
    ),
    "required": lambda: Case({"age": Column(BIGINT, nullable=False)}, "age", [(1,), (2,)]),
    "required and filled": lambda: Case(
        {"price": Column(ExactNumber(10, 2), nullable=False)},
        "price",
        [(1999,), (150,)],
        fills={"price": Decimal("1.5")},
    ),
    "optional": lambda: Case({"mood": Column(String)}, "mood", [("angry",), ("calm",)]),
    "a wider rule": lambda: Case(
        {"name_length": CheckConstraint("length(name) <= 120", name="name_length")},
        "name",
        [("Ann",), ("Bob",)],
    ),
    "a new rule": lambda: Case(
        {"age_range": CheckConstraint("age BETWEEN 0 AND 9", name="age_range")},
        "age",
        [(1,), (2,)],
    ),
    "no rule": lambda: Case({"mood_words": None}, "mood", [("angry",), ("calm",)]),
    "renamed words": lambda: Case(
        {"mood_words": _words("furious", "calm")},
        "mood",
        [("furious",), ("calm",)],
        words={"mood": {"angry": "furious"}},
    ),
    "unique": lambda: Case(
        {"price_unique": UniqueConstraint("price")}, "price", [(1999,), (None,)]
    ),
    "not unique": lambda: Case({"unique": None}, "age", [(1,), (2,)]),
    "another action": lambda: Case(
        {"team_id": Column(BIGINT, ForeignKey("team.id", ondelete="SET NULL"))},
        "team_id",
        [(1,), (None,)],
    ),
    "no foreign key": lambda: Case({"team_id": Column(BIGINT)}, "team_id", [(1,), (None,)]),
    "a field is removed": lambda: Case(
        {"mood": None, "mood_words": None}, "mood", [("angry",), ("calm",)]
    ),
    "a date of today": lambda: Case(
        {"since": Column(Date, nullable=False)},
        "since = date('now')",
        [(1,), (1,)],
        fills={"since": Now()},
    ),
    "a unique field": lambda: Case(
        {"code": Column(String), "code_unique": UniqueConstraint("code")},
        "code",
        [(None,), (None,)],
    ),
    "renamed, with a new rule": lambda: Case(
        {
            "name": None,
            "title": Column(String, nullable=False, index=True),
            "name_length": CheckConstraint("length(title) <= 90", name="title_length"),
        },
        "title",
        [("Ann",), ("Bob",)],
        renamed={"title": "name"},
    ),
    "everything": lambda: Case(
        {
            "name": None,
            "title": Column(String, nullable=False),
            "name_length": CheckConstraint("length(title) <= 90", name="title_length"),
            "mood_words": _words("furious", "calm"),
            "price": Column(ExactNumber(12, 4)),
            "age": Column(String, nullable=False),
            "unique": None,
            "level": Column(BIGINT, nullable=False, index=True),
            "born": Column(Date, nullable=False),
            "team_id": Column(BIGINT, ForeignKey("team.id")),
        },
        "title, mood, price, age, level, born",
        [
            ("Ann", "furious", 199900, "1", 3, "1999-01-31"),
            ("Bob", "calm", None, "2", 3, "1999-01-31"),
        ],
        renamed={"title": "name"},
        conversions={
            "age": Conversion("CAST({value} AS TEXT)"),
            "price": Conversion("({value}) * 100"),
        },
        words={"mood": {"angry": "furious"}},
        fills={"level": 3, "born": date(1999, 1, 31)},
    ),
}


def words_of(sql: str, *replaced: str) -> list[str]:
    """Return the tokens of a statement without quotes; those of the renames as before."""
    names = dict(zip(replaced[::2], replaced[1::2], strict=True))
    return [names.get(token.name.lower(), token.name.lower()) for token in tokenize(sql)]


@pytest.fixture
def lite(tmp_path: Path) -> Lite:
    found = Lite(tmp_path / "app.db")
    found.run(f"{HERO};{REST}")
    assert found.is_current(hero())
    return found


@pytest.mark.parametrize("name", CASES)
def test_a_copy_keeps_everything_else(lite: Lite, name: str) -> None:
    case = CASES[name]()
    metadata = hero(**case.columns)
    others = "SELECT name, sql FROM sqlite_master WHERE name NOT LIKE 'sqlite_%' ORDER BY name"
    before = dict(lite.rows(others))
    steps = lite.apply(metadata, hero=case.wish).steps
    assert [step.lock for step in steps].count(Lock.COPIED) == 1
    assert lite.is_current(hero(**CASES[name]().columns))

    assert lite.rows(case.select) == case.rows
    kept = 'SELECT id, note, "odd ""one", twice FROM hero ORDER BY id'
    assert lite.rows(kept) == [(1, "n", 5, 2), (2, "m", 6, 4)]
    assert lite.rows("SELECT * FROM sidekick") == [(1, 1), (2, 2)]
    assert lite.rows("SELECT text FROM log") == []  # no trigger was fired
    assert lite.rows("SELECT * FROM names") == [("Ann", 1), ("Bob", 1)]

    renamed = [part for new, old in case.wish.renamed.items() for part in (new, old)]
    after = dict(lite.rows(others))
    added = {"ix_hero_level"} if "level" in case.columns else set()
    gone = {"ix_hero_name"} if name == "everything" else set()
    assert set(after) - added == set(before) - gone
    for other in set(before) - {"hero"} - gone:
        assert words_of(after[other], *renamed) == words_of(before[other])
    text = " ".join(after["hero"].split())
    for word in ("COLLATE NOCASE DEFAULT 'it''s' /* of the user */", "-- counted", "STORED UNIQUE"):
        assert word in text
    for word in ("CHECK (note <> 'CHECK (name)') CHECK (", "[two words] NOT NULL DEFAULT (1 + 1)"):
        assert word in text


def test_keys_of_deleted_rows_are_not_used_again(lite: Lite) -> None:
    lite.run("DELETE FROM hero WHERE id = 2")
    lite.apply(hero(**CASES["everything"]().columns), hero=CASES["everything"]().wish)
    lite.run("INSERT INTO hero (title, mood, age, born) VALUES ('Dee', 'calm', '4', 'x')")
    assert lite.rows("SELECT id, level FROM hero") == [(1, 3), (4, 3)]
    assert lite.rows("SELECT count(*) FROM sqlite_sequence WHERE name LIKE '%crudgen%'") == [(0,)]


def test_the_sequence_of_an_empty_table_is_kept(lite: Lite) -> None:
    lite.run("DELETE FROM hero")
    lite.apply(hero(mood=Column(String)))
    lite.run("INSERT INTO hero (name, age) VALUES ('Dee', 4)")
    assert lite.rows("SELECT id FROM hero") == [(4,)]


def test_foreign_keys_trigger_and_view_still_work(lite: Lite) -> None:
    lite.apply(hero(**CASES["everything"]().columns), hero=CASES["everything"]().wish)
    lite.run("UPDATE hero SET title = 'Eve' WHERE id = 1")
    assert lite.rows("SELECT text FROM log") == [("Ann→Eve",)]
    assert lite.rows("SELECT note FROM hero") == [("Ann→Eve",)] * 2
    lite.run("DELETE FROM hero WHERE id = 2")
    assert lite.rows("SELECT * FROM sidekick") == [(1, 1)]
    assert lite.rows("SELECT * FROM names") == [("Eve", 1)]


def test_defaults_are_converted_like_values(lite: Lite) -> None:
    lite.apply(hero(**CASES["everything"]().columns), hero=CASES["everything"]().wish)
    lite.run("INSERT INTO hero (title, age, born) VALUES ('Dee', '4', 'x')")
    found = lite.rows("SELECT mood, price FROM hero WHERE id = 4")
    assert found == [("furious", 199900)]


def test_a_default_that_is_computed_is_converted_when_it_is_used(lite: Lite) -> None:
    lite.run("ALTER TABLE hero RENAME COLUMN age TO years")
    lite.run("CREATE TABLE robot (id INTEGER PRIMARY KEY, age BIGINT DEFAULT (abs(-5)))")
    metadata = models()
    Table("robot", metadata, Column("id", Integer, primary_key=True), Column("age", String))
    lite.apply(metadata, robot=Wish(conversions={"age": Conversion("'<' || {value} || '>'")}))
    lite.run("INSERT INTO robot DEFAULT VALUES")
    assert lite.rows("SELECT age FROM robot") == [("<5>",)]
    assert "DEFAULT ('<' || (abs(-5)) || '>')" in lite.sql("robot")


def test_rows_without_a_numbered_key_keep_their_rowid(lite: Lite) -> None:
    lite.run("CREATE TABLE robot (name VARCHAR NOT NULL PRIMARY KEY, oid BIGINT)")
    lite.run("INSERT INTO robot (rowid, name, oid) VALUES (7, 'a', 1), (3, 'b', 2)")
    metadata = models()
    name, oid = Column("name", String, primary_key=True), Column("oid", BIGINT, nullable=False)
    Table("robot", metadata, name, oid)
    lite.apply(metadata)
    assert lite.rows("SELECT rowid, * FROM robot ORDER BY 1") == [(3, "b", 2), (7, "a", 1)]


def test_options_of_the_table_are_kept(lite: Lite) -> None:
    strict = ", STRICT" if sqlite3.sqlite_version_info >= (3, 37) else ""
    options = f"WITHOUT ROWID{strict}"
    lite.run(f"CREATE TABLE robot (name TEXT NOT NULL PRIMARY KEY, age INTEGER) {options}")
    lite.run("INSERT INTO robot VALUES ('a', 1)")
    metadata = models()
    Table(
        "robot",
        metadata,
        Column("name", TEXT, primary_key=True),
        Column("age", Integer, nullable=False),
    )
    lite.apply(metadata)
    assert lite.sql("robot").endswith(f"age INTEGER NOT NULL) {options}")
    assert lite.rows("SELECT * FROM robot") == [("a", 1)]


class TEXT(String):
    """A type that STRICT allows."""

    __visit_name__ = "TEXT"


def test_a_changed_rule_stays_where_it_is(lite: Lite) -> None:
    before = lite.sql("hero")
    rule = CheckConstraint("length(name) <= 120", name="name_length")
    lite.apply(hero(name_length=rule))
    changed = before.replace("<= 80", "<= 120").replace("hero (", '"hero" (', 1)
    assert lite.sql("hero") == changed.replace('hero."odd', '"odd')


def test_a_required_column_that_is_not_in_the_spec_becomes_optional(lite: Lite) -> None:
    lite.run("CREATE TABLE robot (code VARCHAR CONSTRAINT c NOT NULL, id INTEGER PRIMARY KEY)")
    metadata = models()
    Table("robot", metadata, Column("id", Integer, primary_key=True))
    (step,) = lite.apply(metadata).steps
    assert step.column == "code"
    assert lite.sql("robot") == 'CREATE TABLE "robot" (code VARCHAR, id INTEGER PRIMARY KEY)'


def test_one_of_several_foreign_keys_is_removed(lite: Lite) -> None:
    lite.run(
        "CREATE TABLE robot (id INTEGER PRIMARY KEY, a_id BIGINT, b_id BIGINT, c_id BIGINT,"
        " CONSTRAINT fk_robot_a_id FOREIGN KEY(a_id) REFERENCES team (id),"
        " CONSTRAINT fk_robot_b_id FOREIGN KEY(b_id) REFERENCES team (id),"
        " CONSTRAINT fk_robot_c_id FOREIGN KEY(c_id) REFERENCES team (id))"
    )
    metadata = hero()
    keys = [Column(name, BIGINT, ForeignKey("team.id")) for name in ("b_id", "c_id")]
    key = Column("id", Integer, primary_key=True)
    Table("robot", metadata, key, Column("a_id", BIGINT), *keys)
    lite.apply(metadata)
    left = lite.rows("SELECT \"from\" FROM pragma_foreign_key_list('robot') ORDER BY 1")
    assert left == [("b_id",), ("c_id",)]


def test_a_unique_rule_of_a_renamed_column_is_removed(lite: Lite) -> None:
    metadata = hero(age=None, unique=None, years=Column(BIGINT))
    lite.apply(metadata, hero=Wish(renamed={"years": "age"}))
    assert "uq_hero_age" not in lite.sql("hero")


def test_a_unique_rule_of_the_user_on_the_same_column_is_kept(lite: Lite) -> None:
    lite.run(
        "CREATE TABLE robot (id INTEGER PRIMARY KEY, age BIGINT UNIQUE,"
        " CONSTRAINT uq_robot_age UNIQUE (age))"
    )
    metadata = models()
    Table("robot", metadata, Column("id", Integer, primary_key=True), Column("age", BIGINT))
    lite.apply(metadata)
    assert lite.sql("robot") == ('CREATE TABLE "robot" (id INTEGER PRIMARY KEY, age BIGINT UNIQUE)')


def test_a_column_that_alter_table_cannot_drop(lite: Lite) -> None:
    lite.run("CREATE TABLE robot (id INTEGER PRIMARY KEY, code VARCHAR UNIQUE, name VARCHAR)")
    lite.run("INSERT INTO robot VALUES (1, 'a', 'A')")
    metadata = models()
    Table("robot", metadata, Column("id", Integer, primary_key=True), Column("name", String))
    lite.apply(metadata, robot=Wish(drops=["code"]))
    assert lite.sql("robot") == 'CREATE TABLE "robot" (id INTEGER PRIMARY KEY, name VARCHAR)'
    assert lite.rows("SELECT * FROM robot") == [(1, "A")]


def test_keys_are_counted_from_now_on(lite: Lite) -> None:
    lite.run("CREATE TABLE robot (id INTEGER NOT NULL PRIMARY KEY /* k */, name VARCHAR)")
    lite.run("INSERT INTO robot VALUES (7, 'a')")
    metadata = models()
    key, name = Column("id", Integer, primary_key=True), Column("name", String)
    Table("robot", metadata, key, name, sqlite_autoincrement=True)
    (step,) = lite.apply(metadata).steps
    assert step.what == "key: generated, keys of deleted rows are reused → generated"
    lite.run("DELETE FROM robot; INSERT INTO robot (name) VALUES ('b')")
    assert lite.rows("SELECT * FROM robot") == [(8, "b")]


def test_other_columns_become_the_key(lite: Lite) -> None:
    lite.run("CREATE TABLE robot (a INTEGER NOT NULL, b INTEGER NOT NULL, c, PRIMARY KEY (a))")
    lite.run("INSERT INTO robot VALUES (1, 2, 3)")
    metadata = models()
    columns = [Column(name, Integer, primary_key=True) for name in ("a", "b")]
    Table("robot", metadata, *columns)
    lite.apply(metadata)
    key = "SELECT name FROM pragma_table_info('robot') WHERE pk ORDER BY pk"
    assert lite.rows(key) == [("a",), ("b",)]
    lite.run("INSERT INTO robot (a, b) VALUES (1, 3)")


def test_rules_get_the_names_of_the_models_by_the_way(lite: Lite) -> None:
    lite.run(
        "CREATE TABLE robot (id INTEGER PRIMARY KEY, name VARCHAR,"
        " CONSTRAINT ck_robot_name_length CHECK (length(name) < 9), CHECK (id < 99))"
    )
    metadata = models()
    Table(
        "android",
        metadata,
        Column("id", Integer, primary_key=True),
        Column("name", String, nullable=False),
        CheckConstraint("length(name) < 9", name="name_length"),
        CheckConstraint("id < 99", name="id_range"),
    )
    lite.apply(metadata, android=Wish(was="robot"))
    assert lite.sql("android") == (
        'CREATE TABLE "android" (id INTEGER PRIMARY KEY, name VARCHAR NOT NULL,'
        ' CONSTRAINT "ck_android_name_length" CHECK (length(name) < 9), CHECK (id < 99))'
    )


def test_a_table_that_refers_to_itself_still_does(lite: Lite) -> None:
    lite.run(
        "CREATE TABLE node (id INTEGER NOT NULL PRIMARY KEY, note VARCHAR,"
        " above_id INTEGER CONSTRAINT fk_node_above_id REFERENCES node ON DELETE CASCADE)"
    )
    lite.run("INSERT INTO node VALUES (1, 'a', NULL), (2, 'b', 1)")
    metadata = models()
    Table(
        "node",
        metadata,
        Column("id", Integer, primary_key=True),
        Column("note", String, nullable=False),
        Column("above_id", Integer, ForeignKey("node.id", ondelete="CASCADE")),
    )
    lite.apply(metadata)
    lite.run("DELETE FROM node WHERE id = 1")
    assert lite.rows("SELECT * FROM node") == []


def test_names_are_compared_without_case(lite: Lite) -> None:
    lite.run('CREATE TABLE "Some Robot" ("Full Name" VARCHAR, ID INTEGER NOT NULL PRIMARY KEY)')
    lite.run("INSERT INTO \"some robot\" VALUES ('a', 1)")
    metadata = models()
    name = Column("full name", String, nullable=False)
    Table("some robot", metadata, Column("id", Integer, primary_key=True), name)
    lite.apply(metadata)
    assert lite.sql("Some Robot") == (
        'CREATE TABLE "Some Robot" ("Full Name" VARCHAR NOT NULL, ID INTEGER NOT NULL PRIMARY KEY)'
    )
    assert lite.rows('SELECT * FROM "some robot"') == [("a", 1)]


def test_conflicts_are_errors_whatever_the_table_says(lite: Lite) -> None:
    lite.run("CREATE TABLE robot (id INTEGER PRIMARY KEY, a BIGINT UNIQUE ON CONFLICT IGNORE)")
    lite.run("INSERT INTO robot (a) VALUES (1), (2)")
    metadata = models()
    Table("robot", metadata, Column("id", Integer, primary_key=True), Column("a", String))
    lowered = lite.lower(metadata, robot=Wish(conversions={"a": Conversion("'same'")}))
    with pytest.raises(Exception, match="UNIQUE constraint failed"):
        lite.run_steps(lowered)
    assert lite.rows("SELECT a FROM robot") == [(1,), (2,)]


def test_statistics_of_the_planner_are_kept(lite: Lite) -> None:
    lite.apply(hero(mood=Column(String)))
    assert "sqlite_stat1" not in dict(lite.rows("SELECT name, sql FROM sqlite_master"))
    lite.run("ANALYZE")
    statistics = "SELECT * FROM sqlite_stat1 ORDER BY tbl, idx"
    before = lite.rows(statistics)
    assert ("hero", "ix_hero_name", "2 1") in before
    lite.apply(hero())
    assert lite.rows(statistics) == before


def test_the_name_of_the_copy_is_free(lite: Lite) -> None:
    lite.run("CREATE TABLE _CRUDGEN_NEW (x); INSERT INTO _crudgen_new VALUES (5)")
    lite.apply(hero(mood=Column(String)))
    assert lite.rows("SELECT x FROM _crudgen_new") == [(5,)]


def test_the_database_is_only_read(lite: Lite) -> None:
    before = lite.path.read_bytes()
    assert lite.lower(hero(mood=Column(String))).steps
    assert lite.path.read_bytes() == before
