"""Steps on SQLite: what ALTER TABLE does, what is refused, names that are in use."""

from pathlib import Path

import pytest
from sqlalchemy import (
    BigInteger,
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
from crudgen.evolution.plan import DatabaseSteps, Lock, Risk
from crudgen.language.schema import Now
from tests.evolution.sqlite_changes import Lite, Wish, models

HERO = """
CREATE TABLE hero (id INTEGER NOT NULL PRIMARY KEY, name VARCHAR, code VARCHAR);
INSERT INTO hero (name, code) VALUES ('Ann', 'a'), ('Bob', 'b');
"""


@pytest.fixture
def lite(tmp_path: Path) -> Lite:
    found = Lite(tmp_path / "app.db")
    found.run(HERO)
    return found


def hero(
    *more: SchemaItem, name: str = "hero", columns: tuple[str, ...] = ("name", "code")
) -> MetaData:
    metadata = models()
    texts: list[SchemaItem] = [Column(one, String) for one in columns]
    Table(name, metadata, Column("id", Integer, primary_key=True), *texts, *more)
    return metadata


def statements(lowered: DatabaseSteps) -> list[str]:
    return [sql for step in lowered.steps for sql in step.sql]


def test_nothing_is_done_if_nothing_changes(lite: Lite) -> None:
    assert lite.lower(hero()) == DatabaseSteps()


def test_an_optional_column_is_added_at_once(lite: Lite) -> None:
    lowered = lite.apply(hero(Column("age", BigInteger)))
    assert statements(lowered) == ['ALTER TABLE "hero" ADD COLUMN age BIGINT']
    (step,) = lowered.steps
    assert (step.column, step.what) == ("age", "+ int?")
    assert (step.lock, step.risk, step.breaks_running) == (Lock.INSTANT, Risk.SAFE, False)


def test_a_required_column_keeps_its_default(lite: Lite) -> None:
    column = Column("level", BigInteger, nullable=False)
    lowered = lite.apply(hero(column), hero=Wish(fills={"level": 1}))
    added = 'ALTER TABLE "hero" ADD COLUMN level BIGINT NOT NULL DEFAULT 1'
    assert statements(lowered) == [added]
    lite.run("INSERT INTO hero (name) VALUES ('of a server of the version before')")
    assert lite.rows("SELECT level FROM hero") == [(1,)] * 3
    assert lowered.steps[0].risk is Risk.SAFE
    assert not lowered.steps[0].breaks_running


def test_the_current_time_is_no_default(lite: Lite) -> None:
    column = Column("born", Date, nullable=False)
    lowered = lite.apply(hero(column), hero=Wish(fills={"born": Now()}))
    assert "DEFAULT" not in lite.sql("hero")
    assert lite.rows("SELECT DISTINCT born = date('now') FROM hero") == [(1,)]
    assert lowered.steps[0].breaks_running


def test_a_required_column_without_a_value_is_added_to_an_empty_table(lite: Lite) -> None:
    lite.run("DELETE FROM hero")
    lite.apply(hero(Column("level", BigInteger, nullable=False)))
    assert "DEFAULT" not in lite.sql("hero")


def test_a_column_is_added_with_its_rule_and_reference(lite: Lite) -> None:
    lite.run("CREATE TABLE team (id INTEGER NOT NULL PRIMARY KEY)")
    column = Column("team_id", Integer, ForeignKey("team.id", ondelete="SET NULL"))
    metadata = hero(column, CheckConstraint("team_id < 99", name="team_id_range"))
    Table("team", metadata, Column("id", Integer, primary_key=True))
    lowered = lite.apply(metadata)
    (added,) = statements(lowered)
    assert added == (
        'ALTER TABLE "hero" ADD COLUMN team_id INTEGER'
        " CONSTRAINT ck_hero_team_id_range CHECK (team_id < 99)"
        " CONSTRAINT fk_hero_team_id REFERENCES team (id) ON DELETE SET NULL"
    )
    assert lowered.steps[0].lock is Lock.INDEXED
    assert lite.is_current(metadata)
    lite.run("INSERT INTO team VALUES (5); UPDATE hero SET team_id = 5; DELETE FROM team")
    assert lite.rows("SELECT team_id FROM hero") == [(None,)] * 2


def test_indexes_are_created_and_dropped(lite: Lite) -> None:
    lite.run("CREATE INDEX ix_hero_code ON hero (code); CREATE INDEX mine ON hero (code, name)")
    metadata = models()
    Table(
        "hero",
        metadata,
        Column("id", Integer, primary_key=True),
        Column("name", String, index=True),
        Column("code", String),
    )
    lowered = lite.apply(metadata)
    created = "CREATE INDEX ix_hero_name ON hero (name)"
    assert statements(lowered) == ['DROP INDEX "ix_hero_code"', created]
    assert lite.rows("SELECT name FROM sqlite_master WHERE type = 'index' ORDER BY 1") == [
        ("ix_hero_name",),
        ("mine",),
    ]


def test_a_chain_of_renames_starts_at_its_free_end(lite: Lite) -> None:
    metadata = hero(columns=("code", "label"))
    lowered = lite.apply(metadata, hero=Wish(renamed={"code": "name", "label": "code"}))
    assert statements(lowered) == [
        'ALTER TABLE "hero" RENAME COLUMN "code" TO "label"',
        'ALTER TABLE "hero" RENAME COLUMN "name" TO "code"',
    ]
    assert lite.rows("SELECT code, label FROM hero") == [("Ann", "a"), ("Bob", "b")]


def test_tables_are_renamed_in_a_chain_and_their_names_used_again(lite: Lite) -> None:
    lite.run("CREATE TABLE villain (id INTEGER NOT NULL PRIMARY KEY, name VARCHAR)")
    lite.run("CREATE INDEX ix_hero_name ON hero (name)")
    lite.run("INSERT INTO villain VALUES (1, 'Vic')")
    metadata = models()
    for name in ("hero", "villain", "rogue"):
        texts = [Column("name", String, index=name != "rogue")]
        if name == "villain":
            texts.append(Column("code", String))
        Table(name, metadata, Column("id", Integer, primary_key=True), *texts)
    lite.apply(metadata, villain=Wish(was="hero"), rogue=Wish(was="villain"), hero=Wish(was="-"))
    assert lite.rows("SELECT name FROM villain") == [("Ann",), ("Bob",)]
    assert lite.rows("SELECT name FROM rogue") == [("Vic",)]
    assert lite.rows("SELECT * FROM hero") == []
    indexes = "SELECT name, tbl_name FROM sqlite_master WHERE type = 'index' ORDER BY 1"
    assert lite.rows(indexes) == [("ix_hero_name", "hero"), ("ix_villain_name", "villain")]


def test_an_index_gives_its_name_to_that_of_a_new_column(lite: Lite) -> None:
    lite.run("CREATE INDEX ix_hero_name ON hero (name)")
    metadata = models()
    Table(
        "hero",
        metadata,
        Column("id", Integer, primary_key=True),
        Column("title", String, index=True),
        Column("code", String),
        Column("name", String, index=True),
    )
    lite.apply(metadata, hero=Wish(renamed={"title": "name", "name": "-"}))
    assert lite.is_current(metadata)
    assert sorted(lite.rows("SELECT name, sql FROM sqlite_master WHERE type = 'index'")) == [
        ("ix_hero_name", "CREATE INDEX ix_hero_name ON hero (name)"),
        ("ix_hero_title", "CREATE INDEX ix_hero_title ON hero (title)"),
    ]


def test_an_index_of_the_user_keeps_its_name(lite: Lite) -> None:
    lite.run("CREATE INDEX ix_hero_name ON hero (lower(name))")
    metadata = models()
    columns = [Column("name", String, index=True), Column("code", String)]
    Table("hero", metadata, Column("id", Integer, primary_key=True), *columns)
    (problem,) = lite.lower(metadata).problems
    assert problem.what == "SQLite refuses this change: index ix_hero_name already exists"


def test_a_unique_index_in_place_of_a_constraint_is_dropped(lite: Lite) -> None:
    lite.run("CREATE UNIQUE INDEX uq_hero_code ON hero (code)")
    assert lite.is_current(hero(UniqueConstraint("code")))
    assert statements(lite.apply(hero())) == ['DROP INDEX "uq_hero_code"']


def test_a_column_is_dropped(lite: Lite) -> None:
    lowered = lite.apply(hero(columns=("name",)), hero=Wish(drops=["code"]))
    assert statements(lowered) == ['ALTER TABLE "hero" DROP COLUMN "code"']
    assert lowered.steps[0].risk is Risk.DROPS
    assert lite.rows("SELECT * FROM hero") == [(1, "Ann"), (2, "Bob")]


def test_a_column_with_rules_of_the_spec_is_dropped_by_a_copy(lite: Lite) -> None:
    lite.run(
        "DROP TABLE hero; CREATE TABLE hero (id INTEGER NOT NULL PRIMARY KEY, code VARCHAR,"
        " name VARCHAR, CONSTRAINT ck_hero_code_length CHECK (length(code) < 9),"
        " CONSTRAINT uq_hero_code UNIQUE (code)); INSERT INTO hero VALUES (1, 'a', 'Ann')"
    )
    lite.apply(hero(columns=("name",)), hero=Wish(drops=["code"]))
    assert lite.sql("hero") == (
        'CREATE TABLE "hero" (id INTEGER NOT NULL PRIMARY KEY, name VARCHAR)'
    )
    assert lite.rows("SELECT * FROM hero") == [(1, "Ann")]


USERS = {
    "index by_code": "CREATE INDEX by_code ON hero (lower(code))",
    "index some": "CREATE INDEX some ON hero (name) WHERE code > ''",
    "view codes": "CREATE VIEW codes AS SELECT code FROM hero",
    "trigger t": "CREATE TRIGGER t AFTER INSERT ON hero BEGIN UPDATE hero SET code = 1; END",
    "trigger u": "CREATE TABLE log (x); CREATE TRIGGER u AFTER INSERT ON log BEGIN"
    " DELETE FROM hero WHERE code = new.x; END",
    "column long: AS (length(code))": "ALTER TABLE hero ADD COLUMN long AS (length(code))",
    "column more: CHECK (more > code)": "ALTER TABLE hero ADD COLUMN more CHECK (more > code)",
    "foreign key of table child, index one_code": "CREATE UNIQUE INDEX one_code ON hero (code);"
    "CREATE TABLE child (code VARCHAR REFERENCES Hero (CODE))",
}


@pytest.mark.parametrize("user", USERS)
def test_a_column_is_not_dropped_while_something_uses_it(lite: Lite, user: str) -> None:
    lite.run(USERS[user])
    before = lite.rows("SELECT * FROM sqlite_master")
    (problem,) = lite.lower(hero(columns=("name",)), hero=Wish(drops=["code"])).problems
    assert (problem.table, problem.column) == ("hero", "code")
    assert problem.what == f"the column is used by {user}"
    assert lite.rows("SELECT * FROM sqlite_master") == before
    assert lite.lower(hero(columns=("name",))).problems == ()


def test_strings_in_double_quotes_do_not_use_a_column(lite: Lite) -> None:
    lite.run("""ALTER TABLE hero ADD COLUMN mine CHECK (mine <> "x");
    CREATE VIEW v AS SELECT name FROM hero WHERE name <> "x";""")
    lite.apply(hero(columns=("name",)), hero=Wish(drops=["code"]))


def test_a_foreign_key_that_is_dropped_too_does_not_use_a_column(lite: Lite) -> None:
    lite.run(
        "DROP TABLE hero; CREATE TABLE hero (id INTEGER NOT NULL PRIMARY KEY,"
        " code VARCHAR CONSTRAINT uq_hero_code UNIQUE);"
        "CREATE TABLE child (id INTEGER NOT NULL PRIMARY KEY, code VARCHAR,"
        " CONSTRAINT fk_child_code FOREIGN KEY (code) REFERENCES hero (code))"
    )
    metadata = hero(columns=())
    Table("child", metadata, Column("id", Integer, primary_key=True), Column("code", String))
    lite.apply(metadata, hero=Wish(drops=["code"]))
    assert "REFERENCES" not in lite.sql("child")


def test_a_view_of_a_view_that_breaks_is_a_problem(lite: Lite) -> None:
    lite.run("CREATE VIEW inner AS SELECT * FROM hero; CREATE VIEW outer AS SELECT code FROM inner")
    (problem,) = lite.lower(hero(columns=("name",)), hero=Wish(drops=["code"])).problems
    assert "outer" in problem.what


def test_a_view_that_is_broken_already_prevents_no_copy(lite: Lite) -> None:
    lite.run("CREATE VIEW broken AS SELECT * FROM missing")
    metadata = models()
    columns = [Column("name", String, nullable=False), Column("code", String)]
    Table("hero", metadata, Column("id", Integer, primary_key=True), *columns)
    assert lite.apply(metadata).steps


def test_a_broken_view_prevents_a_rename_with_its_name(lite: Lite) -> None:
    lite.run("CREATE VIEW broken AS SELECT * FROM missing")
    metadata = hero(columns=("title", "code"))
    (problem,) = lite.lower(metadata, hero=Wish(renamed={"title": "name"})).problems
    assert "error in view broken: no such table" in problem.what


def test_a_foreign_key_without_a_unique_target_is_a_problem(lite: Lite) -> None:
    lite.run(
        "DROP TABLE hero; CREATE TABLE hero (id INTEGER NOT NULL PRIMARY KEY, name VARCHAR,"
        " code VARCHAR, CONSTRAINT uq_hero_code UNIQUE (code));"
        "CREATE TABLE child (code VARCHAR REFERENCES hero (code))"
    )
    (problem,) = lite.lower(hero()).problems
    assert problem.what == 'foreign key mismatch - "child" referencing "hero"'


def test_a_new_table_gets_its_indexes(lite: Lite) -> None:
    metadata = hero()
    columns = [Column("name", String, index=True), Column("hero_id", ForeignKey("hero.id"))]
    Table("robot", metadata, Column("id", Integer, primary_key=True), *columns)
    lowered = lite.apply(metadata)
    assert [step.what for step in lowered.steps] == ["+ table"]
    assert lite.is_current(metadata)
    assert lite.sql("ix_robot_name") == "CREATE INDEX ix_robot_name ON robot (name)"


def test_a_table_is_dropped_before_its_names_are_used(lite: Lite) -> None:
    lite.run("CREATE TABLE old (name VARCHAR); CREATE INDEX ix_hero_name ON old (name)")
    metadata = models()
    columns = [Column("name", String, index=True), Column("code", String)]
    Table("hero", metadata, Column("id", Integer, primary_key=True), *columns)
    lowered = lite.apply(metadata, drops=["old"])
    assert [(step.table, step.risk) for step in lowered.steps] == [
        ("old", Risk.DROPS),
        ("hero", Risk.SAFE),
    ]


def test_a_trigger_that_uses_a_dropped_table_is_a_problem(lite: Lite) -> None:
    lite.run("CREATE TABLE old (x)")
    lite.run("CREATE TRIGGER t AFTER INSERT ON hero BEGIN INSERT INTO old VALUES (1); END")
    (problem,) = lite.lower(hero(), drops=["old"]).problems
    assert problem.what.startswith("a trigger does not work afterwards: error in trigger t")


def test_names_may_hold_braces_and_quotes(lite: Lite) -> None:
    lite.run('ALTER TABLE hero RENAME TO "{he} ""ro"""')
    metadata = hero(columns=("na{}me", "code"), name='{he} "ro"')
    wishes = {'{he} "ro"': Wish(renamed={"na{}me": "name"})}
    lowered = lite.lower(metadata, (), **wishes)
    lite.run_steps(lowered)
    assert lite.rows('SELECT "na{}me" FROM "{he} ""ro"""') == [("Ann",), ("Bob",)]


def test_foreign_keys_follow_a_rename_and_a_copy_of_both_tables(lite: Lite) -> None:
    lite.run(
        "CREATE TABLE child (id INTEGER NOT NULL PRIMARY KEY, hero_id INTEGER,"
        " CONSTRAINT fk_child_hero_id FOREIGN KEY(hero_id) REFERENCES hero (id) ON DELETE CASCADE)"
    )
    lite.run("INSERT INTO child (hero_id) VALUES (1), (2)")
    metadata = hero(CheckConstraint("length(name) < 9", name="name_length"), name="champion")
    key = ForeignKey("champion.id", ondelete="CASCADE")
    columns = [Column("id", Integer, primary_key=True), Column("champion_id", key, nullable=False)]
    Table("child", metadata, *columns)
    wish = Wish(renamed={"champion_id": "hero_id"})
    lowered = lite.apply(metadata, champion=Wish(was="hero"), child=wish)
    assert [step.lock for step in lowered.steps].count(Lock.COPIED) == 2
    assert 'REFERENCES "champion" (id) ON DELETE CASCADE' in lite.sql("child")
    lite.run("DELETE FROM champion WHERE id = 1")
    assert lite.rows("SELECT champion_id FROM child") == [(2,)]


def test_one_copy_makes_many_changes(lite: Lite) -> None:
    metadata = models()
    Table(
        "hero",
        metadata,
        Column("id", Integer, primary_key=True),
        Column("name", String, nullable=False),
        Column("code", BigInteger, index=True),
        Column("level", BigInteger, nullable=False),
        CheckConstraint("length(name) < 9", name="name_length"),
    )
    conversion = Conversion("length({value})")
    wish = Wish(conversions={"code": conversion}, fills={"level": 3})
    lowered = lite.apply(metadata, hero=wish)
    copied, *same, index = lowered.steps
    assert (copied.lock, index.lock) == (Lock.COPIED, Lock.INDEXED)
    assert {step.lock for step in same} == {Lock.SAME_COPY}
    assert [(step.column, step.what) for step in lowered.steps] == [
        ("name", "required"),
        ("code", "str → int"),
        ("level", "+ int = 3"),
        ("name", "+ rule length(name) < 9"),
        ("code", "+ index (code)"),
    ]
    assert [step.risk for step in lowered.steps] == [
        *(Risk.NARROWS, Risk.CONVERTS, Risk.SAFE, Risk.NARROWS, Risk.SAFE)
    ]
    assert lite.rows("SELECT * FROM hero") == [(1, "Ann", 1, 3), (2, "Bob", 1, 3)]


def test_a_virtual_table_does_not_disturb(lite: Lite) -> None:
    lite.run(
        "PRAGMA writable_schema = ON; INSERT INTO sqlite_master VALUES"
        " ('table', 'gone', 'gone', 0, 'CREATE VIRTUAL TABLE gone USING missing (x)')"
    )
    has_search = ("fts5",) in lite.rows("SELECT name FROM pragma_module_list")
    if has_search:
        search = "CREATE VIRTUAL TABLE found USING fts5 (name, content='hero', content_rowid='id')"
        lite.run(search)
    lite.apply(hero(CheckConstraint("length(name) < 9", name="name_length")))
    if has_search:
        assert lite.rows("SELECT count(*) FROM found") == [(2,)]


def test_a_schema_that_cannot_be_copied_is_a_problem(lite: Lite) -> None:
    lite.run(
        "PRAGMA writable_schema = ON;"
        "UPDATE sqlite_master SET sql = replace(sql, ' VARCHAR,', ' VARCHAR CHECK (mine(name)),')"
    )
    (problem,) = lite.lower(hero(Column("age", BigInteger))).problems
    assert problem.what == "the schema cannot be copied: no such function: mine"
    assert lite.lower(hero()) == DatabaseSteps()
