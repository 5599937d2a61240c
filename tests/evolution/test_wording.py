"""The lines of a plan: what changes, its risk, and whether running servers fail."""

import pytest
from sqlalchemy import Column, Integer, MetaData, Table

from crudgen.evolution.changes import SAME, AddedColumn, ColumnChange, Conversion, TableChange
from crudgen.evolution.plan import Lock, Risk
from crudgen.evolution.spec_words import spec_type
from crudgen.evolution.wording import Kind, change_items
from crudgen.kit.database.catalogue import Check, ForeignKey, Key, TableDefinition
from crudgen.kit.database.catalogue import Column as Definition
from crudgen.language.schema import Now

TABLE = Table("hero", MetaData(), Column("id", Integer, primary_key=True))
FOUND = TableDefinition("hero", columns=(Definition("name", "VARCHAR"),))
EXPECTED = TableDefinition("hero", columns=(Definition("title", "VARCHAR"),))


def lines(**changes: object) -> list[tuple[str | None, str, Risk, bool]]:
    """Return the lines of a change: column, text, risk, whether running servers fail."""
    change = TableChange(TABLE, EXPECTED, FOUND, **changes)  # type: ignore[arg-type]
    return [(one.column, one.what, one.risk, one.breaks_running) for one in change_items(change)]


def column(
    found: str, expected: str, conversion: Conversion = SAME, **more: object
) -> tuple[ColumnChange]:
    there, here = Definition("name", found), Definition("title", expected)
    return (ColumnChange(there, here, conversion, **more),)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("DECIMAL_AS_INT(10, 2)", "decimal(10,2)"),
        ("numeric(12,3)", "decimal(12,3)"),
        ("character varying", "str"),
        ("timestamp with time zone", "datetime"),
        ("tsvector", "tsvector"),
    ],
)
def test_types_are_those_of_the_spec(name: str, written: str) -> None:
    assert spec_type(name) == written


def test_a_rename_and_a_conversion() -> None:
    assert lines(columns=column("BIGINT", "VARCHAR", Conversion("…"))) == [
        ("title", "was name", Risk.SAFE, True),
        ("title", "int → str", Risk.CONVERTS, True),
    ]
    assert lines(columns=column("INTEGER", "BIGINT"))[1:] == [
        ("title", "INTEGER → BIGINT", Risk.SAFE, False)
    ]
    assert lines(columns=column("TEXT", "TEXT", Conversion("…")))[1:] == [
        ("title", "TEXT → TEXT", Risk.CONVERTS, True)
    ]
    assert lines(columns=column("VARCHAR", "VARCHAR", words={"a": "b", "c": "d"}))[1:] == [
        ("title", "'a' → 'b', 'c' → 'd'", Risk.CONVERTS, True)
    ]


def test_required_and_filled_columns() -> None:
    text, required = Definition("code", "VARCHAR"), Definition("code", "VARCHAR", nullable=False)
    assert lines(columns=(ColumnChange(text, required),)) == [
        ("code", "required", Risk.NARROWS, True)
    ]
    assert lines(columns=(ColumnChange(text, required, fill="x"),)) == [
        ("code", "required, 'x' for missing values", Risk.FILLS, True)
    ]
    assert lines(columns=(ColumnChange(required, text),)) == [("code", "optional", Risk.SAFE, True)]
    assert lines(added=(AddedColumn(text),)) == [("code", "+ str?", Risk.SAFE, False)]
    filled = AddedColumn(required, "x", is_filled=True)
    assert lines(added=(filled,)) == [("code", "+ str = 'x'", Risk.SAFE, False)]
    now = AddedColumn(required, Now(), is_filled=True)
    assert lines(added=(now,)) == [("code", "+ str = now", Risk.SAFE, True)]
    assert lines(dropped=(text,)) == [("code", "- str", Risk.DROPS, True)]
    assert lines(released=(required,)) == [
        ("code", "not in the spec: becomes optional", Risk.SAFE, True)
    ]


def test_a_changed_rule_is_one_line_also_after_a_rename() -> None:
    old = Check("ck_hero_name_length", "length(name) <= 80", "…", frozenset({"name"}))
    new = Check("ck_hero_title_length", "length(title) <= 99", "", frozenset({"title"}))
    (_, changed) = lines(columns=column("VARCHAR", "VARCHAR"), old_checks=(old,), new_checks=(new,))
    what = "length ..80 → ..99"
    assert changed == ("title", what, Risk.NARROWS, True)
    assert lines(new_checks=(new,)) == [("title", "+ length ..99", Risk.NARROWS, True)]
    (_, widened) = lines(
        columns=column("VARCHAR", "VARCHAR"),
        old_checks=(old,),
        new_checks=(new,),
        widened_checks=(new,),
    )
    assert widened == ("title", what, Risk.SAFE, False)
    assert lines(old_checks=(old,)) == [("name", "- length ..80", Risk.SAFE, False)]


def test_constraints_of_a_new_column_do_not_concern_running_servers() -> None:
    added = AddedColumn(Definition("title", "VARCHAR"))
    rule = Check("ck_hero_title_length", "length(title) <= 9", "", frozenset({"title"}))
    unique = Key("uq_hero_title", ("title",))
    found = lines(added=(added,), new_checks=(rule,), new_uniques=(unique,))
    assert [risk for _, _, risk, _ in found] == [Risk.SAFE, Risk.SAFE, Risk.NARROWS]
    assert not any(breaks for *_, breaks in found)


def test_keys() -> None:
    old = ForeignKey("fk", ("team_id",), "team", ("id",), "CASCADE")
    new = ForeignKey("fk", ("team_id",), "team", ("id",))
    what = "foreign key team ON DELETE CASCADE → foreign key team"
    changed = lines(old_foreign_keys=(old,), new_foreign_keys=(new,))
    assert changed == [("team_id", what, Risk.NARROWS, True)]
    assert lines(new_uniques=(Key("uq", ("a", "b")),)) == [
        (None, "+ unique (a, b)", Risk.NARROWS, True)
    ]


def test_an_item_becomes_a_step() -> None:
    change = TableChange(TABLE, EXPECTED)
    (item,) = change_items(change)
    assert item.kind is Kind.TABLE_ADDED
    step = item.step(Lock.INSTANT, "CREATE …", seconds=1.5)
    assert (step.table, step.what, step.sql, step.seconds) == (
        "hero",
        "+ table",
        ("CREATE …",),
        1.5,
    )


@pytest.mark.parametrize(
    ("name", "sql", "written"),
    [
        ("length", "length(name) BETWEEN 1 AND 80", "length 1..80"),
        (
            "length",
            "((length((name)::text) >= 1) AND (length((name)::text) <= 80))",
            "length 1..80",
        ),
        ("length", "(length((name)::text) <= 80)", "length ..80"),
        ("range", "name >= 0", "range 0.."),
        ("range", "((name >= '-5'::integer) AND (name <= 5))", "range -5..5"),
        ("range", "(name <= '0.5'::double precision)", "range ..0.5"),
        ("range", "name >= 1 AND age <= 2", "rule name >= 1 AND age <= 2"),
        ("words", "name IN ('a', 'b''s')", "words 'a', 'b''s'"),
        ("words", "((name)::text = ANY ((ARRAY['a'::character varying])::text[]))", "words 'a'"),
        ("own", "name <> ''", "rule name <> ''"),
    ],
)
def test_rules_have_the_words_of_a_spec(name: str, sql: str, written: str) -> None:
    rule = Check(f"ck_hero_name_{name}", sql, "", frozenset({"name"}))
    assert lines(new_checks=(rule,))[0][1] == f"+ {written}"


def test_the_range_of_a_decimal_is_that_of_the_database() -> None:
    found = TableDefinition("hero", columns=(Definition("price", "DECIMAL_AS_INT(10, 2)"),))
    rule = Check("ck_hero_price_range", "price >= 100", "", frozenset({"price"}))
    change = TableChange(TABLE, EXPECTED, found, new_checks=(rule,))
    assert [one.what for one in change_items(change)] == ["+ rule price >= 100"]


def test_changed_words_are_those_that_were_not_renamed() -> None:
    old = Check("ck_hero_name_words", "name IN ('a', 'b', 'c')", "", frozenset({"name"}))
    new = Check("ck_hero_title_words", "title IN ('a', 'd', 'e')", "", frozenset({"title"}))
    changed = column("VARCHAR", "VARCHAR", words={"b": "d"})
    *_, rule = lines(columns=changed, old_checks=(old,), new_checks=(new,))
    assert rule[1] == "words: + 'e', - 'c'"


def test_what_fails_on_running_servers_is_said() -> None:
    change = TableChange(TABLE, EXPECTED, FOUND, columns=column("VARCHAR", "VARCHAR"))
    (rename,) = change_items(change)
    assert rename.step(Lock.INSTANT).running == "requests fail"
    added = TableChange(TABLE, EXPECTED, FOUND, added=(AddedColumn(Definition("a", "DATE")),))
    (safe,) = change_items(added)
    assert not safe.step(Lock.INSTANT).running
