"""What a plan notes of a database: what is kept and has an effect, and what may be a mistake."""

from collections.abc import Callable

import pytest

from crudgen.evolution.connecting import Database
from crudgen.evolution.notes import possible_rename_note
from crudgen.evolution.versions import tables_version
from tests.evolution.changed import Changed, entity, spec

KINDS = ["sqlite", "postgresql"]
TEAM = entity("Team", {"name": "str"})
HERO = entity("Hero", {"name": "str?", "team_id": "-> Team"})


def start(kind: str, new_database: Callable[[str], str], *entities: str) -> Changed:
    found = Changed(Database(new_database(kind)))
    found.apply(spec(*entities).target())
    return found


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("option", "effect"),
    [
        ("", "a row of team cannot be deleted while a row refers to it"),
        (" cascade", "deleting a row of team deletes the rows that refer to it"),
        ("? set_null", "deleting a row of team sets team_id to NULL"),
    ],
)
def test_a_foreign_key_of_a_removed_reference_is_a_warning(
    kind: str, new_database: Callable[[str], str], option: str, effect: str
) -> None:
    found = start(kind, new_database, TEAM, HERO.replace("-> Team", f"-> Team{option}"))
    without = spec(TEAM, entity("Hero", {"name": "str?"})).target()
    (warning,) = found.plan(without).warnings
    assert "foreign key (team_id) → team, fk_hero_team_id, is not in the spec" in warning.text
    assert effect in warning.text
    found.apply(without)
    if kind == "postgresql":
        remedy = 'ALTER TABLE "hero" DROP CONSTRAINT "fk_hero_team_id"'
        assert f"{remedy} removes it" in warning.text
        found.execute(remedy)
        left = found.plan(without)
    else:
        assert "--drop hero.team_id removes it with its values" in warning.text
        target = spec(TEAM, entity("Hero", {"name": "str?"})).target(drops=["hero.team_id"])
        found.apply(target)
        left = found.plan(without)
    assert left.is_empty
    assert not left.warnings


def test_a_field_keeps_the_values_without_their_foreign_key(
    new_database: Callable[[str], str],
) -> None:
    """SQLite has no statement that drops a foreign key."""
    found = start("sqlite", new_database, TEAM, HERO)
    found.execute("INSERT INTO team VALUES ('a', 7)", "INSERT INTO hero VALUES ('x', 7, 1)")
    found.apply(spec(TEAM, entity("Hero", {"name": "str?"})).target())
    (warning,) = found.plan(spec(TEAM, entity("Hero", {"name": "str?"})).target()).warnings
    assert warning.text.endswith(", `team_id: int?` in the spec removes it and keeps them")
    plain = spec(TEAM, entity("Hero", {"name": "str?", "team_id": "int?"})).target()
    found.apply(plain)
    found.execute("DELETE FROM team")
    assert found.values("SELECT team_id FROM hero") == [(7,)]
    assert not found.plan(plain).notes


@pytest.mark.parametrize("kind", KINDS)
def test_a_foreign_key_of_a_removed_entity_is_a_warning(
    kind: str, new_database: Callable[[str], str]
) -> None:
    found = start(kind, new_database, TEAM, HERO)
    found.execute("CREATE TABLE users (team BIGINT REFERENCES team (id) ON DELETE CASCADE)")
    plan = found.plan(spec(TEAM).target())
    assert plan.is_empty
    (warning,) = plan.warnings
    assert warning.table == "hero"
    assert "a row of team cannot be deleted while a row refers to it" in warning.text
    assert ("DROP CONSTRAINT" if kind == "postgresql" else "--drop hero removes it") in warning.text
    (note,) = [one for one in plan.notes if one.table == "users" and "foreign key" in one.text]
    assert "deletes the rows that refer to it" in note.text
    found.apply(spec(TEAM).target(drops=["hero"]))
    assert not found.plan(spec(TEAM).target()).warnings


@pytest.mark.parametrize("kind", KINDS)
def test_a_former_name_without_effect_is_a_warning(
    kind: str, new_database: Callable[[str], str]
) -> None:
    found = start(kind, new_database, entity("Hero", {"name": "str?", "title": "str?"}))
    hero = entity("Hero", {"title": "str? was(name)"})
    (warning,) = found.plan(spec(hero).target()).warnings
    assert warning.column == "title"
    assert 'UPDATE "hero" SET "title" = "name"' in warning.text
    kept = entity("Hero", {"title": "str? was(name)", "name": "str?"})
    assert not found.plan(spec(kept).target()).warnings
    found.apply(spec(hero).target(drops=["hero.name"]))
    assert not found.plan(spec(hero).target()).notes


@pytest.mark.parametrize("kind", KINDS)
def test_a_former_name_of_a_table_without_effect_is_a_warning(
    kind: str, new_database: Callable[[str], str]
) -> None:
    fields = {"name": "str?"}
    found = start(kind, new_database, entity("Hero", fields), entity("Villain", fields))
    villain = entity("Villain", fields, "was: Hero")
    (warning,) = found.plan(spec(villain).target()).warnings
    assert "has was: hero, but both tables exist" in warning.text
    assert not found.plan(spec(villain, entity("Hero", fields)).target()).warnings
    found.execute("DROP TABLE villain")
    assert found.apply(spec(villain).target()).plan.steps[0].what == "was hero"
    assert not found.plan(spec(villain).target()).notes


@pytest.mark.parametrize("kind", KINDS)
def test_a_new_table_with_the_columns_of_another_one_may_be_it(
    kind: str, new_database: Callable[[str], str]
) -> None:
    power = entity("Power", {"name": "str"})
    hero = entity("Hero", {"name": "str?"}, "links:", "  powers: Power")
    found = start(kind, new_database, power, hero)
    notes = found.plan(spec(power, hero.replace("Hero", "Villain")).target()).notes
    assert [(note.table, note.may_be) for note in notes if note.may_be] == [("villain", "hero")]
    (text,) = [note.text for note in notes if note.may_be]
    assert text.endswith("if hero was renamed, write was: hero in entities/e1.yaml")
    skills = spec(power, hero.replace("powers:", "skills:"))
    text = possible_rename_note("hero_skill_link", "hero_power_link", skills.target().hints)
    assert text.endswith("write was: hero_power_link at hero.skills (entities/e1.yaml:3)")
    other = entity("Villain", {"name": "str?", "age": "int?"})
    assert not [note for note in found.plan(spec(power, other).target()).notes if note.may_be]


@pytest.mark.parametrize("kind", KINDS)
def test_a_change_of_a_table_changes_the_version_and_rows_do_not(
    kind: str, new_database: Callable[[str], str]
) -> None:
    found = start(kind, new_database, TEAM, HERO)

    def version() -> str:
        with found.database.read_only_connection() as connection:
            return tables_version(connection)

    last = version()
    found.execute("INSERT INTO team (name) VALUES ('Preventers')")
    assert version() == last
    changes = [
        "ALTER TABLE hero RENAME COLUMN name TO title",
        "CREATE INDEX mine ON hero (title)",
        "DROP INDEX mine",
        "ALTER TABLE hero ADD COLUMN age INT",
    ]
    if kind == "postgresql":
        changes += [
            "ALTER TABLE hero ALTER COLUMN age SET NOT NULL",
            "ALTER TABLE hero ALTER COLUMN age DROP NOT NULL",
            "ALTER TABLE hero ADD CONSTRAINT mine CHECK (age > 0) NOT VALID",
            "ALTER TABLE hero VALIDATE CONSTRAINT mine",
            "ALTER TABLE hero RENAME CONSTRAINT mine TO ours",
        ]
    for change in changes:
        found.execute(change)
        before, last = last, version()
        assert last != before, change
