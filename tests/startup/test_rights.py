"""What an ordinary role of PostgreSQL may not do is said in two lines, with the GRANT for it."""

import asyncio
import logging
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count

import psycopg
import pytest
from sqlalchemy import text

from tests.startup.started import application

pytestmark = pytest.mark.long

APP = application(
    "name: Robot\nfields:\n  name: str(1..80) index\n  age: int(0..)?\n"
    "api: {operations: [create, list, read], idempotency: true}\n"
)
NUMBERS = count()


@dataclass(frozen=True)
class Place:
    """A database, and an ordinary role with an awkward name."""

    owner: str
    url: str
    role: str

    def do(self, *statements: str) -> None:
        with psycopg.connect(self.owner) as connection:
            for statement in statements:
                connection.execute(statement.replace("$me", self.role))

    def refused(self, *, needs_secret: bool = True) -> str:
        with pytest.raises(APP.startup_error) as caught:
            APP.start(self.url, needs_secret=needs_secret)
        said = str(caught.value)
        assert len(said.splitlines()) == 2, said
        return said

    def remedied(self, *, needs_secret: bool = True, most: int = 5) -> list[str]:
        """Do as the messages say until it starts; return what they said."""
        done: list[str] = []
        while len(done) < most:
            try:
                APP.start(self.url, needs_secret=needs_secret)
            except APP.startup_error as error:
                (remedy,) = str(error).splitlines()[1:]
                done.append(remedy.strip().partition("; or ")[0])
                self.do(done[-1])
            else:
                break
        return done


@pytest.fixture
def place(new_database: Callable[[str], str]) -> Iterator[Place]:
    owner = new_database("postgresql")
    number = next(NUMBERS)
    name = f"app%2D{number}"
    role = f'"app-{number}"'
    with psycopg.connect(owner) as connection:
        connection.execute(f"CREATE ROLE {role} LOGIN")
    yield Place(owner, owner.replace("postgres:@", f"{name}@"), role)
    with psycopg.connect(owner) as connection:
        connection.execute(f"DROP OWNED BY {role} CASCADE")
        connection.execute(f"DROP ROLE {role}")


ALL = (
    "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO $me",
    "GRANT USAGE, UPDATE ON ALL SEQUENCES IN SCHEMA public TO $me",
)


def test_an_empty_database_needs_the_right_to_create(place: Place) -> None:
    said = place.refused()
    assert "the table robot" in said
    assert f"the role {place.role} may not create tables in the schema public" in said
    assert said.endswith(f"  GRANT CREATE ON SCHEMA public TO {place.role}")
    assert len(place.remedied()) == 1


def test_tables_of_an_owner_need_no_right_to_create(place: Place) -> None:
    APP.start(place.owner)
    place.do(
        *ALL,
        "REVOKE TEMPORARY ON DATABASE CURRENT FROM PUBLIC".replace(
            "CURRENT", place.owner.partition("@/")[2].partition("?")[0]
        ),
    )
    secret = APP.start(place.url)
    assert secret == APP.start(place.owner)


def test_nothing_granted_is_remedied_by_the_messages(place: Place) -> None:
    APP.start(place.owner)
    done = place.remedied()
    assert done[0].startswith("GRANT SELECT ON public._secret TO ")
    assert "INSERT" in done[1]
    APP.start(place.url)
    assert len(done) == 2


def test_the_secret_is_not_touched_when_it_is_set(place: Place) -> None:
    APP.start(place.owner)
    place.do(*ALL, "REVOKE ALL ON _secret FROM $me")
    assert APP.start(place.url, needs_secret=False) == b""
    said = place.refused()
    assert said.endswith(f"GRANT SELECT ON public._secret TO {place.role}; or set SECRET_KEY")
    place.do("DROP TABLE _secret")
    APP.start(place.url, needs_secret=False)
    assert "the signing secret is missing" in place.refused()
    place.do("GRANT CREATE ON SCHEMA public TO $me")
    APP.start(place.url, needs_secret=False)
    with psycopg.connect(place.owner) as connection:
        found = connection.execute("SELECT to_regclass('_secret')").fetchone()
    assert found == (None,)


@pytest.mark.parametrize("privilege", ["SELECT", "INSERT", "UPDATE", "DELETE"])
def test_each_right_that_is_taken_away_is_named(
    place: Place, caplog: pytest.LogCaptureFixture, privilege: str
) -> None:
    caplog.set_level(logging.WARNING)
    APP.start(place.owner)
    place.do(*ALL, f"REVOKE {privilege} ON robot FROM $me")
    grant = f"GRANT {privilege} ON public.robot TO {place.role}"
    if privilege == "SELECT":
        assert place.refused().splitlines()[1] == f"  {grant}"
    else:
        APP.start(place.url)
        assert caplog.messages == [
            f"database X: the role {place.role} lacks privileges to write some tables: {grant}"
        ]
    caplog.clear()
    place.do(grant)
    with caplog.at_level(logging.INFO):
        APP.start(place.url)
    assert caplog.messages == []


@pytest.mark.parametrize(
    ("taken", "grant"),
    [
        (
            "REVOKE USAGE ON SEQUENCE robot_id_seq FROM $me",
            "GRANT USAGE ON SEQUENCE public.robot_id_seq TO $me",
        ),
        (
            "REVOKE UPDATE ON SEQUENCE robot_id_seq FROM $me",
            "GRANT UPDATE ON SEQUENCE public.robot_id_seq TO $me",
        ),
        (
            "REVOKE UPDATE ON robot FROM $me; GRANT UPDATE (age) ON robot TO $me",
            "GRANT UPDATE (name) ON public.robot TO $me",
        ),
        (
            "REVOKE INSERT ON robot FROM $me; GRANT INSERT (name) ON robot TO $me",
            "GRANT INSERT (age) ON public.robot TO $me",
        ),
        (
            "REVOKE ALL ON _answer FROM $me; GRANT SELECT ON _answer TO $me",
            "GRANT INSERT, UPDATE, DELETE ON public._answer TO $me",
        ),
    ],
)
def test_rights_on_sequences_and_columns(
    place: Place, caplog: pytest.LogCaptureFixture, taken: str, grant: str
) -> None:
    APP.start(place.owner)
    place.do(*ALL, *taken.split("; "))
    APP.start(place.url)
    assert caplog.messages[0].endswith(f": {grant.replace('$me', place.role)}")
    grants = APP.module("kit.database.rights").missing_grants
    with APP.engine(place.url).connect() as connection:
        assert grants(connection, APP.metadata) == [grant.replace("$me", place.role)]
    place.do(grant)
    with APP.engine(place.url).connect() as connection:
        assert grants(connection, APP.metadata) == []


def test_a_role_that_reads_some_columns_alone_is_refused(place: Place) -> None:
    APP.start(place.owner)
    place.do(*ALL, "REVOKE SELECT ON robot FROM $me", "GRANT SELECT (id, name) ON robot TO $me")
    assert "GRANT SELECT (age) ON public.robot TO" in place.refused()


def test_a_column_of_the_user_needs_no_right(
    place: Place, caplog: pytest.LogCaptureFixture
) -> None:
    APP.start(place.owner)
    place.do(
        "ALTER TABLE robot ADD COLUMN salary numeric",
        *ALL,
        "REVOKE ALL ON robot FROM $me",
        "GRANT SELECT (id, name, age), INSERT (name, age), UPDATE (name, age), DELETE ON robot"
        " TO $me",
    )
    APP.start(place.url)
    assert "lacks" not in caplog.text


@pytest.mark.parametrize(
    ("rights", "obstacle"),
    [
        ("SELECT, INSERT (name) ON robot", ""),
        ("SELECT, UPDATE (age) ON robot", ""),
        ("SELECT, DELETE ON robot", ""),
        ("SELECT, INSERT ON _answer", ""),
        ("SELECT, REFERENCES (name) ON robot", "the role may write to none of the tables"),
    ],
)
def test_a_role_that_may_write_anything_is_ready(place: Place, rights: str, obstacle: str) -> None:
    APP.start(place.owner)
    place.do(f"GRANT {rights} TO $me")
    backend = APP.module("kit.database.postgresql").Postgresql(
        place.url, connections=1, lock_seconds=2.0, statement_seconds=5.0
    )

    async def ask() -> str:
        await backend.open()
        try:
            said: str = await backend.write_obstacle(APP.metadata, set())
            return said
        finally:
            await backend.close()

    assert asyncio.run(ask()) == obstacle


def test_a_role_in_a_group_has_the_rights_of_the_group(place: Place) -> None:
    APP.start(place.owner)
    group = place.role.replace("app", "group")
    place.do(f"CREATE ROLE {group}", *(one.replace("$me", group) for one in ALL))
    place.refused()
    place.do(f"GRANT {group} TO $me")
    APP.start(place.url)
    place.do(f"DROP OWNED BY {group}", f"DROP ROLE {group}")


@pytest.mark.parametrize("path", ["tenant_a", "tenant_a, public", '"Tenant B", public', "''"])
def test_a_schema_that_does_not_exist_is_not_passed_over(place: Place, path: str) -> None:
    place.do(f"ALTER ROLE $me SET search_path = {path}")
    said = place.refused()
    if path == "''":
        assert "its search_path" in said
        return
    assert "does not exist" in said
    done = place.remedied()
    first = path.partition(",")[0]
    assert [re.sub(" TO .*", "", one) for one in done] == [
        f"CREATE SCHEMA {first}",
        f"GRANT USAGE ON SCHEMA {first}",
        f"GRANT CREATE ON SCHEMA {first}",
    ]
    with psycopg.connect(place.owner) as connection:
        found = connection.execute(
            "SELECT DISTINCT schemaname FROM pg_tables WHERE tablename IN ('robot', '_secret')"
        ).fetchall()
    assert [row[0] for row in found] == [first.strip('"')]
    place.do(f"DROP SCHEMA {first} CASCADE")


def test_a_schema_that_may_not_be_used(place: Place) -> None:
    APP.start(place.owner)
    place.do(*ALL, "REVOKE USAGE ON SCHEMA public FROM PUBLIC")
    said = place.refused()
    assert f"the role {place.role} may not use the schema public" in said
    assert place.remedied() == [f"GRANT USAGE ON SCHEMA public TO {place.role}"]
    grants = APP.module("kit.database.rights").missing_grants
    place.do("REVOKE USAGE ON SCHEMA public FROM $me")
    with APP.engine(place.url).connect() as connection:
        assert grants(connection, APP.metadata) == [f"GRANT USAGE ON SCHEMA public TO {place.role}"]


def test_a_differing_table_is_reported_without_the_right_for_temporary_tables(
    place: Place,
) -> None:
    APP.start(place.owner)
    database = place.owner.partition("@/")[2].partition("?")[0]
    place.do(*ALL, f"REVOKE TEMPORARY ON DATABASE {database} FROM PUBLIC")
    place.do("ALTER TABLE robot ALTER COLUMN age TYPE integer")
    with pytest.raises(APP.startup_error, match="column age: integer in the database"):
        APP.start(place.url)


def test_an_index_of_somebody_elses_table_is_named(
    place: Place, caplog: pytest.LogCaptureFixture
) -> None:
    APP.start(place.owner)
    place.do(*ALL, "DROP INDEX ix_robot_name", "GRANT CREATE ON SCHEMA public TO $me")
    APP.start(place.url)
    assert "lacks indexes that cannot be created: CREATE INDEX ix_robot_name ON" in caplog.text


def test_what_reads_the_catalogue_is_not_deceived_by_other_schemas(place: Place) -> None:
    """A table of the same name in another schema is another one."""
    place.do(
        "CREATE SCHEMA other",
        "CREATE TABLE other.robot (x int)",
        "GRANT CREATE ON SCHEMA public TO $me",
    )
    APP.start(place.url)
    with APP.engine(place.url).connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM robot WHERE name = ''")) == 0


def test_a_role_that_only_reads_is_served(place: Place, caplog: pytest.LogCaptureFixture) -> None:
    APP.start(place.owner)
    place.do("GRANT SELECT ON ALL TABLES IN SCHEMA public TO $me")
    APP.start(place.url)
    assert len(caplog.messages) == 1
    assert f"GRANT INSERT, UPDATE, DELETE ON public.robot TO {place.role}" in caplog.text
