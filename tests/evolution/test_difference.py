"""The changes from live tables to those of the models, found by their definitions alone."""

from dataclasses import dataclass, replace
from functools import partial

import pytest
from sqlalchemy import MetaData, NullPool, Table, create_engine

from crudgen.evolution.changes import TableChange
from crudgen.evolution.choices import Choices
from crudgen.evolution.conversions import conversion
from crudgen.evolution.difference import Difference, retyped_columns
from crudgen.evolution.hints import Hints
from crudgen.evolution.index_names import without_name_clashes
from crudgen.evolution.notes import note_renames
from crudgen.evolution.pairing import former_names, pair_tables, with_columns
from crudgen.evolution.scope import ImpossibleChange
from crudgen.kit.database.catalogue import ForeignKey, KeyGenerator, TableDefinition, read_tables

NO_HINTS = Hints({}, {}, {}, {}, {}, {}, {})
HERO = "CREATE TABLE hero (id INTEGER PRIMARY KEY, name VARCHAR NOT NULL{})"


@dataclass(frozen=True)
class Found:
    """A change, what prevents it, and what of the user is kept."""

    change: TableChange
    impossible: list[ImpossibleChange]
    kept: list[str]
    kept_foreign_keys: list[ForeignKey]


def definitions(names: set[str], *statements: str) -> dict[str, TableDefinition]:
    with create_engine("sqlite://", poolclass=NullPool).connect() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)
        return read_tables(connection, names)


def differences(
    live: str, models: str, hints: Hints = NO_HINTS, choices: Choices | None = None
) -> dict[str, Found]:
    """Compare the tables of two scripts, whose statements are separated by semicolons."""
    expected = definitions({"hero", "team", "champion", "a", "b", "c"}, *models.split(";"))
    found = definitions({*expected, *former_names(hints)}, *live.split(";"))
    pairs = pair_tables(found, expected, hints, str.lower)
    result = {}
    for name, one in pairs.items():
        if one.found is None or one.renamed is None:
            continue
        convert = partial(conversion, "sqlite")
        difference = Difference(
            one, one.renamed, one.found, hints, choices or Choices(), convert, "sqlite"
        )
        change = difference.change(Table(name, MetaData()), retyped_columns(pairs.values()))
        result[name] = Found(
            change, difference.impossible, difference.kept, difference.kept_foreign_keys
        )
    return result


def hero(live: str, models: str, hints: Hints = NO_HINTS, choices: Choices | None = None) -> Found:
    return differences(live, models, hints, choices)["hero"]


def columns_were(**names: tuple[str, ...]) -> Hints:
    return replace(NO_HINTS, columns={"hero": names})


def test_equal_tables_do_not_change() -> None:
    found = hero(HERO.format(", UNIQUE (name)"), HERO.format(", UNIQUE (name)"))
    assert not found.change.is_changed
    assert not found.kept


def test_a_chain_of_renames_begins_at_its_free_end() -> None:
    hints = columns_were(c=("b",), b=("a",))
    found = hero("CREATE TABLE hero (a INT, b INT)", "CREATE TABLE hero (b INT, c INT)", hints)
    assert found.change.live_columns == {"b": "a", "c": "b"}
    again = hero("CREATE TABLE hero (b INT, c INT)", "CREATE TABLE hero (b INT, c INT)", hints)
    assert not again.change.is_changed


def test_a_former_name_may_be_the_name_of_a_new_field() -> None:
    hints = columns_were(title=("name",))
    models = HERO.format(", title VARCHAR")
    found = hero(HERO.format(""), models, hints)
    assert found.change.live_columns["title"] == "name"
    assert [one.expected.name for one in found.change.added] == ["name"]
    again = hero(HERO.format(", title VARCHAR"), models, hints)
    assert not again.change.is_changed


def test_a_former_name_that_does_not_exist_does_nothing() -> None:
    found = hero(HERO.format(""), HERO.format(", title VARCHAR"), columns_were(title=("label",)))
    assert [one.expected.name for one in found.change.added] == ["title"]


def test_a_table_is_found_by_its_former_name_and_so_are_references_to_it() -> None:
    team = "CREATE TABLE team (id INTEGER PRIMARY KEY, lead_id INT REFERENCES person)"
    live = f"CREATE TABLE person (id INTEGER PRIMARY KEY); {team}"
    models = live.replace("person", "hero")
    found = differences(live, models, replace(NO_HINTS, tables={"hero": ("person",)}))
    assert found["hero"].change.live_name == "person"
    assert found["hero"].change.is_renamed
    assert not found["team"].change.is_changed


def test_names_on_sqlite_differ_in_more_than_case() -> None:
    live = 'CREATE TABLE Hero (ID INTEGER PRIMARY KEY, Name VARCHAR NOT NULL, CHECK ("NAME" > 1))'
    found = hero(live, HERO.format(", CHECK (name > 1)"))
    assert not any(one.is_changed for one in found.change.columns if not one.is_renamed)
    assert not [*found.change.added, *found.change.kept, *found.change.new_checks]


def test_rules_are_matched_by_content_first() -> None:
    live = HERO.format(", CONSTRAINT ck_hero_name_length CHECK (length(name) <= 9)")
    models = (
        live.replace("name ", "title ").replace("(name)", "(title)").replace("_name_", "_title_")
    )
    found = hero(live, models, columns_were(title=("name",)))
    assert not [*found.change.new_checks, *found.change.old_checks]
    ((old, new),) = found.change.renamed_checks
    assert (old.name, new.name) == ("ck_hero_name_length", "ck_hero_title_length")


@pytest.mark.parametrize(
    ("name", "is_ours"),
    [
        ("ck_hero_name_length", True),
        ("ck_hero_name_anything", True),
        ("ck_person_label_length", True),  # renamed long ago, without a hint now
        ("name_is_long", False),
        ("ck_person_label_other", False),
    ],
)
def test_rules_of_the_user_are_kept(name: str, is_ours: bool) -> None:
    found = hero(HERO.format(f", CONSTRAINT {name} CHECK (length(name) > 3)"), HERO.format(""))
    assert [one.name for one in found.change.old_checks] == ([name] if is_ours else [])
    assert bool(found.kept) is not is_ours


def test_a_rule_of_a_column_that_is_kept_is_kept_with_it() -> None:
    rule = ", code VARCHAR, CONSTRAINT ck_hero_code_length CHECK (length(code) > 3)"
    found = hero(HERO.format(rule), HERO.format(""))
    assert not found.change.is_changed
    assert [one.name for one in found.change.kept] == ["code"]
    drops = Choices(drops=frozenset({("hero", "CODE")}))
    found = hero(HERO.format(rule), HERO.format(""), choices=drops)
    assert [one.name for one in found.change.dropped] == ["code"]
    assert [one.name for one in found.change.old_checks] == ["ck_hero_code_length"]
    assert not found.impossible


def test_a_column_that_the_user_uses_is_not_dropped() -> None:
    live = HERO.format(", code VARCHAR") + "; CREATE INDEX mine ON hero (code)"
    found = hero(live, HERO.format(""), choices=Choices(drops=frozenset({("hero", "code")})))
    (problem,) = found.impossible
    assert "index mine" in problem.what


def test_required_columns_become_optional_and_others_stay_as_they_are() -> None:
    more = ", a INT NOT NULL, b INT NOT NULL DEFAULT 1, c INT"
    change = hero(HERO.format(more), HERO.format("")).change
    assert [one.name for one in change.released] == ["a"]
    assert [one.name for one in change.kept] == ["b", "c"]


def test_indexes_are_found_by_what_they_index() -> None:
    live = HERO.format("") + "; CREATE INDEX other ON hero (name)"
    models = HERO.format("") + "; CREATE INDEX ix_hero_name ON hero (name)"
    assert not hero(live, models).change.is_changed
    assert hero(models, HERO.format("")).change.old_indexes
    assert not hero(live, HERO.format("")).change.is_changed
    unique = HERO.format(", UNIQUE (name)")
    assert not hero(unique, models).change.new_indexes


def test_a_unique_constraint_that_is_removed_is_no_index() -> None:
    live = HERO.format(", CONSTRAINT uq_hero_name UNIQUE (name)")
    models = HERO.format("") + "; CREATE INDEX ix_hero_name ON hero (name)"
    change = hero(live, models).change
    assert [one.name for one in change.old_uniques] == ["uq_hero_name"]
    assert [one.name for one in change.new_indexes] == ["ix_hero_name"]


def test_an_index_gives_its_name_to_a_new_one() -> None:
    live = HERO.format("") + "; CREATE INDEX ix_hero_name ON hero (name)"
    models = HERO.format(", title VARCHAR") + (
        "; CREATE INDEX ix_hero_name ON hero (name); CREATE INDEX ix_hero_title ON hero (title)"
    )
    (change,) = without_name_clashes([hero(live, models, columns_were(title=("name",))).change])
    assert [one.name for one in change.old_indexes] == ["ix_hero_name"]
    assert {one.name for one in change.new_indexes} == {"ix_hero_name", "ix_hero_title"}


def test_an_index_with_a_forgotten_name_gives_it_to_a_new_one() -> None:
    """The spec has no `was` any more, so the name of the index does not say whose it is."""
    live = HERO.format(", title VARCHAR") + "; CREATE INDEX ix_hero_name ON hero (title)"
    models = HERO.format(", title VARCHAR") + (
        "; CREATE INDEX ix_hero_name ON hero (name); CREATE INDEX ix_hero_title ON hero (title)"
    )
    (change,) = without_name_clashes([hero(live, models).change])
    assert [one.name for one in change.old_indexes] == ["ix_hero_name"]
    assert [one.name for one in change.new_indexes] == ["ix_hero_name", "ix_hero_title"]
    live += "; CREATE INDEX ix_hero_title ON hero (title)"
    (change,) = without_name_clashes([hero(live, models).change])
    assert [one.name for one in change.old_indexes] == ["ix_hero_name"]
    assert [one.name for one in change.new_indexes] == ["ix_hero_name"]
    (change,) = without_name_clashes([hero(live, models.replace("_name ON", "_other ON")).change])
    assert not change.old_indexes


def test_foreign_keys_are_changed_when_their_actions_or_types_do() -> None:
    team = "; CREATE TABLE team (id {} PRIMARY KEY)"
    key = ", t {}, CONSTRAINT fk_hero_t FOREIGN KEY (t) REFERENCES team (id){}"
    before = HERO.format(key.format("BIGINT", "")) + team.format("BIGINT")
    cascade = HERO.format(key.format("BIGINT", " ON DELETE CASCADE")) + team.format("BIGINT")
    retyped = HERO.format(key.format("VARCHAR", "")) + team.format("VARCHAR")
    assert not hero(before, before).change.is_changed
    for after in (cascade, retyped):
        change = hero(before, after).change
        assert len(change.old_foreign_keys) == len(change.new_foreign_keys) == 1
    gone = hero(before, HERO.format(", t BIGINT")).change
    assert len(gone.old_foreign_keys) == 1
    of_former_name = before.replace("fk_hero_t", "fk_person_t")
    assert len(hero(of_former_name, HERO.format(", t BIGINT")).change.old_foreign_keys) == 1
    of_user = before.replace("CONSTRAINT fk_hero_t", "CONSTRAINT mine")
    kept = hero(of_user, HERO.format(", t BIGINT") + team.format("BIGINT"))
    assert [key.name for key in kept.kept_foreign_keys] == ["mine"]
    assert not kept.change.old_foreign_keys


def test_another_primary_key_is_refused() -> None:
    live = "CREATE TABLE hero (a INT NOT NULL, b INT NOT NULL, PRIMARY KEY (a))"
    found = hero(live, live.replace("KEY (a)", "KEY (b)"))
    (problem,) = found.impossible
    assert "the primary key is (a) in the database, (b) in the spec" in problem.what


def test_a_conversion_that_does_not_exist_is_refused() -> None:
    found = hero(HERO.format(", x BIGINT"), HERO.format(", x CHAR(32)"))
    (problem,) = found.impossible
    assert problem.column == "x"


def test_decimals_of_an_early_version_are_not_taken_for_integers() -> None:
    live, models = HERO.format(", x BIGINT"), HERO.format(", x DECIMAL_AS_INT(10, 2)")
    (problem,) = hero(live, models).impossible
    assert problem.flag == "--integers x"
    choices = Choices(integers=frozenset({("hero", "x")}))
    assert not hero(live, models, choices=choices).impossible


def test_a_key_that_sqlite_counts_is_no_change_of_one_that_it_never_reuses() -> None:
    live = "CREATE TABLE hero (id INTEGER PRIMARY KEY)"
    models = "CREATE TABLE hero (id INTEGER PRIMARY KEY AUTOINCREMENT)"
    assert not hero(models, live).change.is_changed
    (column,) = hero(live, models).change.columns
    assert column.changes_generator
    assert column.expected.generator is KeyGenerator.AUTOINCREMENT


def test_a_field_that_may_have_been_renamed_is_noted() -> None:
    change = hero(HERO.format(", label VARCHAR"), HERO.format(", title VARCHAR")).change
    (note,) = note_renames(change, NO_HINTS)
    assert "write was(label) at title" in note.text


def test_columns_in_expressions_are_no_functions_types_or_strings() -> None:
    sql = """length(length) <= 3 AND "length" > 'length' AND date > '1'::date AND x.length IN (1)"""
    changed = with_columns(sql, {"length": '"size"', "date": '"day"'}, str.lower)
    assert changed == (
        """length("size") <= 3 AND "size" > 'length' AND "day" > '1'::date AND x."size" IN (1)"""
    )
