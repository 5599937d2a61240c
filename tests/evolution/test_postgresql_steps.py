"""The steps on PostgreSQL: what they run, in which order, and what they lock."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    MetaData,
    Table,
    UniqueConstraint,
    column,
    func,
)
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.schema import SchemaItem
from sqlmodel.sql.sqltypes import UTCDateTime

from crudgen.evolution.conversions import conversion
from crudgen.evolution.plan import Lock
from crudgen.evolution.postgresql import ddl
from crudgen.kit.database.columns import SerialInteger, Text
from crudgen.kit.types.decimals import ExactNumber
from crudgen.language.schema import Now
from tests.evolution.postgresql_changes import MILLION, Live, statements
from tests.evolution.sqlite_changes import Wish, models

pytestmark = pytest.mark.long

LONG = "a_very_long_name_of_a_table_that_is_longer_than_fits"


@pytest.fixture
def live(new_database: Callable[[str], str]) -> Live:
    return Live(new_database("postgresql"))


def hero(*items: SchemaItem, table: str = "hero", **columns: Any) -> MetaData:
    """Return the model of a table with a key, and further columns; None omits one."""
    metadata = models()
    kinds = {"name": Text(), "age": BigInteger(), **columns}
    found = [Column(one, kind) for one, kind in kinds.items() if kind is not None]
    Table(table, metadata, Column("id", SerialInteger, primary_key=True), *found, *items)
    return metadata


def words(*values: str) -> CheckConstraint:
    return CheckConstraint(column("mood").in_(values), name="mood_words")


def length(most: int) -> CheckConstraint:
    return CheckConstraint(func.length(column("name")) <= most, name="name_length")


def create(live: Live, metadata: MetaData) -> None:
    live.apply(metadata)
    assert live.is_current(metadata)


def convert(before: str, after: str) -> Any:
    return conversion("postgresql", before, after)


@pytest.mark.parametrize("late", ["a", "b", "c"])
def test_new_tables_that_refer_to_each_other(live: Live, late: str) -> None:
    metadata = models()
    for name, other in (("a", "b"), ("b", "c"), ("c", "a")):
        Table(
            name,
            metadata,
            Column("id", SerialInteger, primary_key=True),
            Column("other_id", ForeignKey(f"{other}.id", use_alter=name == late), index=True),
        )
    lowered = live.apply(metadata)
    assert {step.what for step in lowered.steps} == {"+ table"}
    assert live.is_current(metadata)


def test_names_are_truncated_as_postgresql_does(live: Live) -> None:
    field = "and_a_very_long_name_of_a_column_in_it"

    def long(most: int, *items: SchemaItem) -> MetaData:
        rule = CheckConstraint(func.length(column(field)) <= most, name=f"{field}_length")
        return hero(rule, *items, table=LONG, **{field: Text()})

    create(live, long(10))
    create(live, long(20, UniqueConstraint(field), Index(None, field, "age")))
    create(live, long(30))
    large = long(30, UniqueConstraint("age"), Index(None, field))
    live.apply(large, rows=MILLION)
    assert live.is_current(large)


def test_a_rule_is_written_by_the_model_and_not_changed_again(live: Live) -> None:
    create(live, hero(mood=Text()))
    create(live, hero(words("calm", "it's 100%"), mood=Text()))
    create(live, hero(words("calm", "it's 100%", "a:b"), mood=Text()))
    live.run("INSERT INTO hero (mood) VALUES ('it''s 100%')")
    create(live, hero(mood=Text()))


@pytest.mark.parametrize("rows", [0, 1, 3, 7])
@pytest.mark.parametrize("key", [["name"], ["age"], ["name", "age"]])
def test_words_of_a_large_table_are_replaced_by_any_key(
    live: Live, monkeypatch: pytest.MonkeyPatch, key: list[str], rows: int
) -> None:
    monkeypatch.setattr(ddl, "BATCH", 3)

    def keyed(*values: str) -> MetaData:
        metadata = models()
        kinds: dict[str, Any] = {"name": Text(), "age": BigInteger(), "mood": Text()}
        columns: list[Any] = [
            Column(one, kind, primary_key=one in key) for one, kind in kinds.items()
        ]
        Table("hero", metadata, *columns, words(*values))
        return metadata

    create(live, keyed("calm", "$batches$"))
    for n in range(rows):
        name = "acb"[n % 3]
        live.run(f"INSERT INTO hero VALUES ('{name}{n}', {n}, '$batches$')")  # noqa: S608
    wish = Wish(words={"mood": {"$batches$": "{wild} %"}})
    lowered = live.apply(keyed("calm", "{wild} %"), rows=MILLION, hero=wish)
    assert [step.online for step in lowered.steps] == [False, True, True]
    assert live.run("SELECT count(*) FROM hero WHERE mood = '{wild} %'") == [(rows,)]


def test_renamed_words_are_replaced_between_the_rules(live: Live) -> None:
    create(live, hero(words("calm", "angry"), mood=Text()))
    live.run("INSERT INTO hero (mood) VALUES ('angry'), ('calm'), (NULL)")
    live.run("ALTER TABLE hero ADD FOREIGN KEY (age) REFERENCES hero INITIALLY DEFERRED")
    after = hero(words("calm", "it's 5%"), mood=Text())
    live.apply(after, hero=Wish(words={"mood": {"angry": "it's 5%"}}))
    assert live.run("SELECT mood FROM hero ORDER BY id") == [("it's 5%",), ("calm",), (None,)]
    assert live.is_current(after)


def test_an_added_column_is_filled_without_writing_rows(live: Live) -> None:
    create(live, hero())
    live.run("INSERT INTO hero (name) VALUES ('x')")
    (before,) = live.run("SELECT relfilenode FROM pg_class WHERE relname = 'hero'")
    after = hero()
    table = after.tables["hero"]
    table.append_column(Column("level", BigInteger(), nullable=False))
    table.append_column(Column("price", ExactNumber(10, 2), nullable=False))
    table.append_column(Column("at", UTCDateTime(), nullable=False))
    table.append_column(Column("note", Text()))
    fills = {"level": 1, "price": Decimal("1.5"), "at": Now(), "note": "it's 5%"}
    lowered = live.apply(after, hero=Wish(fills=fills))
    assert {step.lock for step in lowered.steps} == {Lock.INSTANT}
    assert live.run("SELECT relfilenode FROM pg_class WHERE relname = 'hero'") == [before]
    assert live.run("SELECT level, price, note FROM hero") == [(1, Decimal("1.50"), "it's 5%")]
    # Servers of the version before do not know the column.
    defaults = "SELECT column_name FROM information_schema.columns WHERE table_name = 'hero'"
    found = live.run(f"{defaults} AND column_default IS NOT NULL ORDER BY 1")
    assert found == [("id",), ("level",), ("price",)]
    assert live.is_current(after)


def test_all_types_change_in_one_statement(live: Live) -> None:
    create(live, hero(price=ExactNumber(10, 2), active=Boolean()))
    live.run(
        "ALTER TABLE hero ALTER age SET DEFAULT 7, ALTER active SET DEFAULT true",
        "INSERT INTO hero (name, price) VALUES ('12', 1.5)",
    )
    after = hero(name=BigInteger(), age=Text(), price=ExactNumber(12, 4), active=BigInteger())
    pairs = {
        "name": ("character varying", "bigint"),
        "age": ("bigint", "character varying"),
        "price": ("numeric(10,2)", "numeric(12,4)"),
        "active": ("boolean", "bigint"),
    }
    conversions = {name: convert(*pair) for name, pair in pairs.items()}
    lowered = live.apply(after, hero=Wish(conversions=conversions))
    assert len(statements(lowered.steps)) == 1
    assert lowered.steps[0].lock is Lock.REWRITTEN
    assert {step.lock for step in lowered.steps[1:]} == {Lock.SAME_COPY}
    live.run("INSERT INTO hero (name) VALUES (13)")  # the defaults are converted too
    found = [(12, "7", Decimal("1.5000"), 1), (13, "7", None, 1)]
    assert live.run("SELECT name, age, price, active FROM hero ORDER BY id") == found
    assert live.is_current(after)


def test_more_digits_before_the_point_need_no_rewriting(live: Live) -> None:
    create(live, hero(price=ExactNumber(10, 2)))
    (step,) = live.apply(hero(price=ExactNumber(12, 2))).steps
    assert step.lock is Lock.INSTANT


def test_a_missing_value_is_filled_before_it_is_required(live: Live) -> None:
    create(live, hero())
    live.run("INSERT INTO hero (name, age) VALUES (NULL, 1), ('x', 2)")
    after = hero()
    after.tables["hero"].c.name.nullable = False
    (step,) = live.apply(after, hero=Wish(fills={"name": "none"})).steps
    assert step.lock is Lock.REWRITTEN
    assert live.run("SELECT name FROM hero ORDER BY age") == [("none",), ("x",)]
    assert live.is_current(after)


@pytest.mark.parametrize("given", ["client", "database"])
def test_who_gives_the_key_changes(live: Live, given: str) -> None:
    by_client = hero()
    by_client.tables["hero"].c.id.type = BigInteger()
    by_client.tables["hero"].c.id.autoincrement = False
    before, after = (hero(), by_client) if given == "client" else (by_client, hero())
    create(live, before)
    live.run("INSERT INTO hero (id, name) VALUES (41, 'x')")
    live.apply(after)
    insert = "INSERT INTO hero (name) VALUES ('y')"
    if given == "database":
        live.run(insert)
        assert live.run("SELECT max(id) FROM hero") == [(42,)]
    else:
        with pytest.raises(Exception, match="null value in column"):
            live.run(insert)


# Large tables


def test_a_large_table_is_checked_while_others_write(live: Live) -> None:
    create(live, hero(team=BigInteger()))
    live.run("INSERT INTO hero (name, age) VALUES ('x', 1)")
    reference = ForeignKeyConstraint(["team"], ["hero.id"])
    after = hero(
        length(80), UniqueConstraint("name"), Index(None, "age"), reference, team=BigInteger()
    )
    after.tables["hero"].c.age.nullable = False
    lowered = live.apply(after, rows=MILLION)
    inside = [step for step in lowered.steps if not step.online]
    online = lowered.steps[len(inside) :]
    assert {step.lock for step in inside} == {Lock.INSTANT}
    assert {(step.lock, step.online, bool(step.seconds)) for step in online} == {
        (Lock.BACKGROUND, True, True)
    }
    assert [sql.endswith(" NOT VALID") for sql in statements(inside)] == [True, True]
    assert live.is_current(after)
    invalid = "SELECT conname FROM pg_constraint WHERE NOT convalidated"
    assert live.run(invalid, "SELECT FROM pg_index WHERE NOT indisvalid") == []
    assert live.run("SELECT conname FROM pg_constraint WHERE conname LIKE '%_required'") == []


@pytest.mark.parametrize("rows", [10, MILLION])
def test_an_interrupted_index_is_built_again(live: Live, rows: int) -> None:
    create(live, hero())
    live.run("INSERT INTO hero (name, age) VALUES ('x', 1), ('x', 2)")
    after = hero(UniqueConstraint("name"), Index(None, "age"))
    online = live.lower(after, rows=MILLION)
    assert all(step.online for step in online.steps)
    with pytest.raises(IntegrityError):
        live.run_online(online)
    invalid = "SELECT count(*) FROM pg_index WHERE NOT indisvalid"
    assert live.run(invalid) == [(1,)]
    live.run("DELETE FROM hero WHERE age = 2")
    live.apply(after, rows=rows)
    assert live.run(invalid) == [(0,)]
    assert live.is_current(after)


def test_an_index_can_be_built_twice(live: Live) -> None:
    """A step that did not get a lock in time starts again."""
    create(live, hero())
    online = live.lower(hero(Index(None, "age")), rows=MILLION)
    for _ in range(2):
        live.run_online(online)
    live.run("INSERT INTO hero (name) VALUES ('x'), ('x')")
    online = live.lower(hero(UniqueConstraint("name"), Index(None, "age")), rows=MILLION)
    for _ in range(2):
        with pytest.raises(IntegrityError, match="could not create unique index"):
            live.run_online(online)


def test_a_required_column_is_completed_after_an_interruption(live: Live) -> None:
    create(live, hero())
    live.run("INSERT INTO hero (name, age) VALUES ('x', 1), (NULL, 2)")
    after = hero()
    after.tables["hero"].c.name.nullable = False
    wish = Wish(fills={"name": "none"})
    lowered = live.lower(after, rows=MILLION, hero=wish)
    with pytest.raises(IntegrityError):  # a row was written meanwhile
        live.run_online(lowered)
    lowered = live.apply(after, rows=MILLION, hero=wish)
    # The rule of the first attempt is removed, and the row is filled.
    assert [step.online for step in lowered.steps] == [False, False, True]
    assert live.is_current(after)
    rules = "SELECT conname FROM pg_constraint WHERE conrelid = 'hero'::regclass"
    assert live.run(f"{rules} AND contype = 'c'") == []


def test_a_foreign_key_is_validated_after_an_interruption(live: Live) -> None:
    create(live, hero(team=BigInteger()))
    after = hero(ForeignKeyConstraint(["team"], ["hero.id"]), team=BigInteger())
    lowered = live.lower(after, rows=MILLION)
    live.run(*statements([step for step in lowered.steps if not step.online]))
    (step,) = live.apply(after).steps
    assert (step.online, step.lock) == (True, Lock.BACKGROUND)
    assert live.is_current(after)


# What prevents a change


USERS = {
    "view hero_names": "CREATE VIEW hero_names AS SELECT name, age, active FROM hero",
    "materialized view found": "CREATE MATERIALIZED VIEW found AS SELECT name, age FROM hero",
    "trigger watch": "CREATE TRIGGER watch AFTER UPDATE OF name, age, active ON hero EXECUTE"
    " FUNCTION suppress_redundant_updates_trigger()",
    "policy mine": "CREATE POLICY mine ON hero USING (name = '' AND age = 1 AND active)",
    "generated column more": "ALTER TABLE hero ADD more text GENERATED ALWAYS AS"
    " (name || age::text || active::text) STORED",
}


@pytest.mark.parametrize("user", USERS)
def test_objects_that_use_a_column_prevent_a_change(live: Live, user: str) -> None:
    create(live, hero(active=Boolean(), code=Text()))
    live.run(USERS[user])
    after = hero(age=Text(), name=None)
    table = after.tables["hero"]
    table.append_column(Column("active", Boolean(), nullable=False))
    conversions = {"age": convert("bigint", "character varying")}
    lowered = live.lower(after, hero=Wish(conversions=conversions, drops=["name"]))
    found = {(one.column, user in one.what) for one in lowered.problems}
    assert found == {("name", True), ("age", True)}
    with pytest.raises(DBAPIError, match=user.rpartition(" ")[2]):
        live.run(*statements(lowered.steps))


@pytest.mark.parametrize(
    ("what", "sql"),
    [
        ("index mine", "CREATE INDEX mine ON hero (name) WHERE active"),
        ("index mine", "CREATE INDEX mine ON hero ((NOT active))"),
        ("rule mine", "ALTER TABLE hero ADD CONSTRAINT mine CHECK (active OR age > 1)"),
        ("the default 100", "ALTER TABLE hero ALTER age SET DEFAULT 100"),
    ],
)
def test_expressions_that_have_no_meaning_with_a_new_type(live: Live, what: str, sql: str) -> None:
    create(live, hero(active=Boolean()))
    live.run(sql)
    after = hero(active=BigInteger(), age=Boolean())
    conversions = {
        "active": convert("boolean", "bigint"),
        "age": convert("bigint", "boolean"),
    }
    (problem,) = live.lower(after, hero=Wish(conversions=conversions)).problems
    assert what in problem.what
    assert problem.remedy
    live.run("DROP INDEX IF EXISTS mine", "ALTER TABLE hero DROP CONSTRAINT IF EXISTS mine")
    live.run("ALTER TABLE hero ALTER age DROP DEFAULT")
    live.apply(after, hero=Wish(conversions=conversions))


def test_expressions_that_keep_their_meaning_prevent_nothing(live: Live) -> None:
    create(live, hero(price=ExactNumber(10, 2)))
    live.run(
        "CREATE INDEX mine ON hero (lower(name)) WHERE price > 1.5",
        "ALTER TABLE hero ADD CONSTRAINT mine CHECK (price >= 0)",
        "CREATE STATISTICS s ON price, age FROM hero",
    )
    conversions = {"price": convert("numeric(10,2)", "numeric(12,4)")}
    after = hero(price=ExactNumber(12, 4))
    live.apply(after, hero=Wish(conversions=conversions))
    assert len(live.run("SELECT FROM pg_indexes WHERE indexname = 'mine'")) == 1


def test_foreign_keys_of_the_user_prevent_another_type(live: Live) -> None:
    create(live, hero(UniqueConstraint("age")))
    live.run(
        "CREATE TABLE log (hero bigint CONSTRAINT mine REFERENCES hero (age))",
        "ALTER TABLE hero ADD CONSTRAINT to_log FOREIGN KEY (id) REFERENCES hero NOT VALID",
    )
    wish = Wish(conversions={"age": convert("bigint", "character varying")})
    (problem,) = live.lower(hero(UniqueConstraint("age"), age=Text()), hero=wish).problems
    assert (problem.column, problem.what) == (
        "age",
        "the column is used by foreign key mine of log",
    )
    (problem,) = live.lower(hero(age=None), hero=Wish(drops=["age"])).problems
    assert problem.column == "age"
    live.run("DROP TABLE log")
    live.apply(hero(UniqueConstraint("age"), age=Text()), hero=wish)


def test_dropped_tables_and_what_uses_them(live: Live) -> None:
    create(live, hero())
    live.run(
        "CREATE TABLE a (id int PRIMARY KEY, hero_id bigint REFERENCES hero)",
        "CREATE TABLE b (id int PRIMARY KEY REFERENCES a)",
        "CREATE VIEW seen AS SELECT * FROM b",
        "CREATE TABLE log (b int CONSTRAINT of_b REFERENCES b)",
    )
    (problem,) = live.lower(hero(), drops=["a", "b"]).problems
    assert (problem.table, problem.what) == (
        "b",
        "the table is used by foreign key of_b of log, view seen",
    )
    live.run("DROP VIEW seen", "DROP TABLE log")
    live.apply(hero(), drops=["a", "b"])
    assert live.run("SELECT count(*) FROM pg_tables WHERE tablename IN ('a', 'b')") == [(0,)]


def test_a_name_that_another_object_has(live: Live) -> None:
    create(live, hero())
    live.run("CREATE VIEW ix_hero_name AS SELECT 1", "CREATE SEQUENCE uq_team_name")
    (problem,) = live.lower(hero(Index(None, "name"))).problems
    assert problem.what == "the name ix_hero_name is that of another view"
    (problem,) = live.lower(hero(UniqueConstraint("name"), table="team")).problems
    assert problem.what == "the name uq_team_name is that of another sequence"
