"""A function whose tables cannot be used gets the error that an operation without it gets."""

from collections.abc import Callable

import pytest
from sqlalchemy import text

from tests.hooks.city import City, in_city, package_of

DENY = """\
CREATE FUNCTION deny() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION 'permission denied for table team' USING ERRCODE = '42501'; END $$;
CREATE TRIGGER deny BEFORE INSERT ON team FOR EACH ROW EXECUTE FUNCTION deny()
"""


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_a_function_writes_to_a_table_that_cannot_be_used(
    kind: str, new_database: Callable[[str], str]
) -> None:
    async def check(city: City) -> None:
        with city.engine.connect() as connection:
            if kind == "postgresql":
                connection.execute(text(DENY))
            else:
                connection.exec_driver_sql("PRAGMA legacy_alter_table = ON")
                connection.exec_driver_sql("ALTER TABLE team RENAME TO former_team")
            connection.commit()
        for path in ("/teams/", "/heroes/"):  # the function of a hero creates a team
            answer = await city.ask("POST", path, {"name": "bob"})
            assert answer.status_code == 503, (path, answer.text)

    in_city(package_of(), new_database(kind), check)
