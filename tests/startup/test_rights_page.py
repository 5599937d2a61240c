"""The commands of docs/how-to/database-role.md do what the page says."""

import re
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from tests.startup.started import application

PAGE = (Path(__file__).parents[2] / "docs/how-to/database-role.md").read_text("utf-8")
BLOCKS = re.findall(r"^```sql\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
URLS = re.findall(r"--database postgresql://(\w+):\S+@localhost/(\w+)", PAGE)
SPEC = (
    "name: Robot\nfields:\n  name: str index\n"
    "api: {operations: [create, list, read], idempotency: true}\n"
)


def run(url: str, block: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        for line in block.splitlines():
            connection.execute(line)


@pytest.fixture
def urls(postgresql: str) -> Iterator[dict[str, str]]:
    """The URLs of the page, on the server of the tests."""
    setup, *_ = BLOCKS
    run(postgresql, setup)
    yield {
        role: postgresql.replace("postgres:@/postgres?", f"{role}@/{database}?")
        for role, database in URLS
    }
    run(postgresql, "DROP DATABASE shop\nDROP ROLE shop_owner\nDROP ROLE shop_app")


def test_the_page_is_followed(urls: dict[str, str], caplog: pytest.LogCaptureFixture) -> None:
    owner, app = urls["shop_owner"], urls["shop_app"]
    _, defaults, existing = BLOCKS
    first = application(SPEC)
    with pytest.raises(first.startup_error, match="GRANT CREATE ON SCHEMA public TO shop_app"):
        first.start(app)
    run(owner, defaults)
    assert first.start(owner) == first.start(app)
    with psycopg.connect(app) as connection:
        (key,) = connection.execute(
            "INSERT INTO robot (name) VALUES ('x') RETURNING id"
        ).fetchone() or (None,)
        connection.execute("UPDATE robot SET name = 'y' WHERE id = %s", [key])
        connection.execute("SELECT setval('robot_id_seq', 7)")
        connection.execute("DELETE FROM robot")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("CREATE TABLE other (x int)")
    second = application({"a": SPEC, "b": SPEC.replace("Robot", "Part").replace("str", "str?")})
    with pytest.raises(second.startup_error, match="the table part is missing"):
        second.start(app)
    run(owner, "REVOKE ALL ON ALL TABLES IN SCHEMA public FROM shop_app")
    second.start(owner)
    run(owner, existing)
    second.start(app)
    assert caplog.messages == []


def test_the_rights_of_the_page_are_the_least(urls: dict[str, str]) -> None:
    """Each one that is taken away is refused or logged (see test_rights.py for each message)."""
    owner, app = urls["shop_owner"], urls["shop_app"]
    robots = application(SPEC)
    robots.start(owner)
    run(owner, BLOCKS[2])
    rights = robots.module("kit.database.rights")
    for privilege in ("SELECT", "INSERT", "UPDATE", "DELETE"):
        run(owner, f"REVOKE {privilege} ON robot FROM shop_app")
        with robots.engine(app).connect() as connection:
            missing = rights.missing_grants(connection, robots.metadata)
        assert missing == [f"GRANT {privilege} ON public.robot TO shop_app"]
        run(owner, missing[0])
