"""Foreign keys at the start: created with their tables, and compared with those of the models."""

import logging
from collections.abc import Callable
from functools import cache

import psycopg
import pytest
from sqlalchemy import Engine, text

from crudgen.codegen import render
from crudgen.delivery.memory import import_tree
from crudgen.language import load_texts
from tests.startup.started import Application

pytestmark = pytest.mark.long

TEAM = "name: Team\nfields: {name: str(1..80) unique, captain_id: int?}\n"
HERO = "name: Hero\nfields: {name: str, team_id: int?}\n"
KINDS = ["sqlite", "postgresql"]


@cache
def app(team_id: str = "", captain_id: str = "") -> Application:
    """Return an application whose models have been given foreign keys."""
    tree = dict(render(load_texts({"team.yaml": TEAM, "hero.yaml": HERO})))
    for path, column, reference in (
        ("app/heroes/models.py", "team_id", team_id),
        ("app/teams/models.py", "captain_id", captain_id),
    ):
        declared = f"{column}: int | None = Field("
        assert declared in tree[path]
        tree[path] = tree[path].replace(declared, f"{declared}{reference}", 1)
    return Application(import_tree(tree))


TO_TEAM = 'foreign_key="team.id", '
CASCADE = 'foreign_key="team.id", ondelete="CASCADE", '
TO_HERO = (
    'sa_column_args=[__import__("sqlalchemy").ForeignKey('
    '"hero.id", ondelete="SET NULL", use_alter=True)], '
)


def engine_of(url: str) -> Engine:
    return app().engine(url)


def execute(url: str, *statements: str) -> None:
    with engine_of(url).begin() as connection:
        for statement in statements:
            connection.execute(text(statement))


@pytest.mark.parametrize("kind", KINDS)
def test_a_circle_is_created_and_equals_the_models(
    new_database: Callable[[str], str], caplog: pytest.LogCaptureFixture, kind: str
) -> None:
    url, circle = new_database(kind), app(CASCADE, TO_HERO)
    with caplog.at_level(logging.WARNING):
        for _ in range(2):
            circle.start(url)
    assert not caplog.records
    with circle.engine(url).connect() as connection:
        assert circle.findings(connection) == []
        found = circle.module("kit.database.catalogue").read_tables(connection, ["hero", "team"])
    actions = {name: [key.actions for key in table.foreign_keys] for name, table in found.items()}
    assert actions == {"hero": ["ON DELETE CASCADE"], "team": ["ON DELETE SET NULL"]}
    names = {key.name for table in found.values() for key in table.foreign_keys}
    assert names == {"fk_hero_team_id", "fk_team_captain_id"}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("before", "now", "difference"),
    [
        ("", TO_TEAM, "foreign key (team_id) → team: missing from the database"),
        ("", CASCADE, "foreign key (team_id) → team ON DELETE CASCADE: missing from the database"),
        (TO_TEAM, "", "foreign key (team_id) → team: missing from the models"),
        (
            CASCADE,
            TO_TEAM,
            (
                "foreign key (team_id) → team: ON DELETE CASCADE in the database,"
                " no action in the models"
            ),
        ),
        (
            TO_TEAM,
            TO_TEAM.replace("team", "hero"),
            (
                "foreign key (team_id) → hero: missing from the database\n"
                "  table hero: foreign key (team_id) → team: missing from the models"
            ),
        ),
    ],
)
def test_a_difference_prevents_the_start(
    new_database: Callable[[str], str], kind: str, before: str, now: str, difference: str
) -> None:
    url = new_database(kind)
    app(before).start(url)
    changed = app(now)
    with pytest.raises(changed.startup_error) as caught:
        changed.start(url)
    assert f"\n  table hero: {difference}\n" in str(caught.value)


@pytest.mark.parametrize("kind", KINDS)
def test_a_foreign_key_of_the_owner_is_noted(
    new_database: Callable[[str], str], caplog: pytest.LogCaptureFixture, kind: str
) -> None:
    url = new_database(kind)
    app().start(url)
    column = "note bigint CONSTRAINT own REFERENCES team ON DELETE CASCADE"
    execute(url, f"ALTER TABLE hero ADD COLUMN {column}")
    app().start(url)
    assert "table hero: foreign key (note) → team" in caplog.text
    assert "they are kept" in caplog.text


def test_a_foreign_key_that_existing_rows_may_violate_is_noted(
    database: str, caplog: pytest.LogCaptureFixture
) -> None:
    referring = app(TO_TEAM)
    referring.start(database)
    add = "ADD CONSTRAINT fk_hero_team_id FOREIGN KEY (team_id) REFERENCES team"
    execute(database, f"ALTER TABLE hero DROP CONSTRAINT fk_hero_team_id, {add} NOT VALID")
    referring.start(database)
    note = "foreign key (team_id) → team is not valid for all rows"
    assert f"{note}: VALIDATE CONSTRAINT fk_hero_team_id" in caplog.text


def test_creation_needs_the_right_to_refer(database: str) -> None:
    """The table of teams belongs to another role."""
    referring = app(TO_TEAM)
    referring.start(database)
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("DROP TABLE hero")
        connection.execute("CREATE ROLE fk_user LOGIN")
        connection.execute("GRANT CREATE ON SCHEMA public TO fk_user")
        connection.execute("GRANT ALL ON team, _secret, team_id_seq TO fk_user")
        connection.execute("REVOKE REFERENCES ON team FROM fk_user")
    url = database.replace("postgres:@", "fk_user@")
    with pytest.raises(referring.startup_error) as caught:
        referring.start(url)
    assert str(caught.value) == (
        "database X: the table hero is missing, and the role fk_user may not create a foreign key"
        " to the table public.team\n  GRANT REFERENCES ON public.team TO fk_user"
    )
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("GRANT REFERENCES ON team TO fk_user")
    referring.start(url)
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("DROP OWNED BY fk_user")
        connection.execute("DROP ROLE fk_user")
