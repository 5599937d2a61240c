"""What stands where the application would create something: used, or refused in two lines."""

from collections.abc import Callable

import psycopg
import pytest

from tests.startup.started import application

APP = application("name: Robot\nfields:\n  name: str(1..80)\n")


def change(url: str, *statements: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement)


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TYPE robot AS ENUM ('a')",
        "CREATE DOMAIN robot AS text",
        "CREATE TYPE robot AS RANGE (subtype = int4)",
        "CREATE TYPE robot AS (x int)",
        "CREATE SEQUENCE robot",
        "CREATE DOMAIN _secret AS text",
        "CREATE SEQUENCE _secret",
        "CREATE TABLE _secret (x int)",
        "CREATE TABLE _secret (id int PRIMARY KEY, value text NOT NULL)",
        "CREATE VIEW _secret AS SELECT 1 AS id, ''::bytea AS value",
    ],
)
def test_a_name_that_is_taken_is_refused(
    new_database: Callable[[str], str], statement: str
) -> None:
    url = new_database("postgresql")
    change(url, statement)
    with pytest.raises(APP.startup_error) as refused:
        APP.start(url)
    said = str(refused.value)
    assert len(said.splitlines()) == 2
    assert statement.split()[2] in said


@pytest.mark.parametrize(
    "change_of_rows",
    [
        "DELETE FROM _secret",
        "UPDATE _secret SET value = ''",
        "UPDATE _secret SET id = 7, value = ''",
    ],
)
@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_a_secret_that_is_empty_is_made_anew(
    new_database: Callable[[str], str], kind: str, change_of_rows: str
) -> None:
    url = new_database(kind)
    APP.start(url)
    with APP.engine(url).begin() as connection:
        connection.exec_driver_sql(change_of_rows)
    secret = APP.start(url)
    assert len(secret) == 32
    assert APP.start(url) == secret


def test_each_schema_has_a_secret_of_its_own(new_database: Callable[[str], str]) -> None:
    """Also where `search_path` names behind it a schema that has one."""
    url = new_database("postgresql")
    first = APP.start(url)
    change(url, "CREATE SCHEMA tenant")
    tenant = f"{url}&options=-csearch_path%3Dtenant,public"
    second = APP.start(tenant)
    assert second == APP.start(tenant) != first == APP.start(url)


@pytest.mark.parametrize("state", ["", "USING ERRCODE = '22000'"])
def test_what_forbids_to_create_is_said_once(
    new_database: Callable[[str], str], state: str
) -> None:
    url = new_database("postgresql")
    change(
        url,
        "CREATE FUNCTION forbid() RETURNS event_trigger AS"
        f" $$ BEGIN RAISE EXCEPTION 'not here' {state}; END $$ LANGUAGE plpgsql",
        "CREATE EVENT TRIGGER forbid ON ddl_command_start EXECUTE FUNCTION forbid()",
    )
    with pytest.raises(
        APP.startup_error, match="not here\n  grant the role the privilege to create"
    ):
        APP.start(url)
