"""The start of an application whose tables change by revisions: it leaves them to Alembic."""

import logging

import psycopg
import pytest

from crudgen.language import load_texts
from tests.migrations.written import KINDS, SCHEMA, NewDatabase, Project, database, missing
from tests.startup.started import Application, application

APP = application(SCHEMA)
PLAIN = application(load_texts({"hero.yaml": "name: Hero\nfields: {title: str}\n"}))


def prepare(app: Application, url: str, *, migrations: bool = True) -> None:
    """Start as the application does with these settings."""
    app.module("kit.database.tables").prepare_tables(
        app.engine(url), app.metadata, where="X", needs_secret=True, migrations=migrations
    )


def refused(app: Application, url: str, *, migrations: bool = True) -> str:
    with pytest.raises(app.module("kit.errors").StartupError) as caught:
        prepare(app, url, migrations=migrations)
    return str(caught.value)


def test_the_setting_reaches_the_start() -> None:
    for app, expected in ((APP, True), (PLAIN, False)):
        settings = app.module("settings").Settings(database_url="sqlite:///unused.db")
        assert settings.migrations is expected
        made = app.module("kit.wiring").make_database(settings)
        assert made._migrations is expected  # noqa: SLF001


@pytest.mark.parametrize("kind", KINDS)
def test_an_empty_database_gets_its_tables(kind: str, new_database: NewDatabase) -> None:
    url = new_database(kind)
    prepare(APP, url)
    assert missing(database(url)) == []


@pytest.mark.parametrize("kind", KINDS)
def test_after_a_revision_no_table_and_no_index_is_created(
    kind: str, emitted: Project, new_database: NewDatabase, caplog: pytest.LogCaptureFixture
) -> None:
    url = new_database(kind)
    emitted.upgrade(url)
    found = database(url)
    found.execute("DROP INDEX ix_hero_title")
    before = missing(found)
    with caplog.at_level(logging.WARNING):
        prepare(APP, url)
    assert missing(found) == before != []
    assert "lacks indexes: ix_hero_title\n  alembic upgrade head" in caplog.text
    found.execute("DROP TABLE hero")
    assert refused(APP, url) == (
        "database X: the table hero is missing, and revisions create tables\n  alembic upgrade head"
    )
    prepare(APP, url, migrations=False)
    assert missing(found) == []


@pytest.mark.parametrize("kind", KINDS)
def test_a_difference_names_the_command(
    kind: str, emitted: Project, new_database: NewDatabase
) -> None:
    url = new_database(kind)
    emitted.upgrade(url, "0001")
    message = refused(APP, url)
    assert "Run the revisions: alembic upgrade head" in message
    assert "crudgen apply" not in message
    assert "crudgen apply changes it" in refused(APP, url, migrations=False)


def test_no_revision_is_recorded_in_an_empty_table(new_database: NewDatabase) -> None:
    url = new_database("sqlite")
    database(url).execute("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)")
    prepare(APP, url)
    assert missing(database(url)) == []


def test_a_role_that_cannot_read_the_revision_leaves_the_tables(
    emitted: Project, new_database: NewDatabase
) -> None:
    url = new_database("postgresql")
    emitted.upgrade(url)
    role = f"serves_{url.rpartition('/')[2].partition('?')[0]}"
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"CREATE ROLE {role} LOGIN".encode())
        connection.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON hero, team TO {role}".encode())
        connection.execute(f"GRANT CREATE ON SCHEMA public TO {role}".encode())
        connection.execute(f"GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO {role}".encode())
        connection.execute("DROP INDEX ix_hero_title")
        host = url.partition("@")[2] or url.partition("://")[2]
        prepare(APP, f"postgresql://{role}@{host}")
        connection.execute("DROP TABLE hero")
        assert "alembic upgrade head" in refused(APP, f"postgresql://{role}@{host}")


def test_the_application_exits_with_the_message(
    emitted: Project, new_database: NewDatabase
) -> None:
    url = new_database("sqlite")
    emitted.upgrade(url)
    database(url).execute("DROP TABLE hero")
    done = emitted.run(url, "app", "--port", "0")
    assert done.returncode == 3
    assert "revisions create tables\n  alembic upgrade head" in done.stdout + done.stderr
