"""The revisions of a project follow `users` in `auth`, and its users log in after each of them."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest
from httpx import ASGITransport, AsyncClient
from typer.testing import CliRunner, Result

from crudgen import cli
from crudgen.codegen import render
from crudgen.delivery.memory import import_tree, unload
from crudgen.language import load
from tests.migrations.test_revision import VERSIONS
from tests.migrations.test_revision import crudgen as crudgen  # noqa: PLC0414 -- a fixture
from tests.migrations.written import KINDS, NewDatabase
from tests.startup.started import Application

PASSWORD = "correct horse battery"  # noqa: S105
OPEN = "fields: {name: str}\naccess: user\n"


def status_of_me(url: str) -> int:
    """Start the application on a database, and return the status of `/me` after a login."""
    package = import_tree(render(load(Path("entities"))))

    async def answer() -> int:
        async with (
            Application(package).running(url) as app,
            AsyncClient(transport=ASGITransport(app), base_url="http://test") as client,
        ):
            form = {"username": "ann", "password": PASSWORD}
            token = (await client.post("/login", data=form)).json()["access_token"]
            answer = await client.get("/me", headers={"authorization": f"Bearer {token}"})
            return answer.status_code

    try:
        return asyncio.run(answer())
    finally:
        unload(package)


def write_auth(crudgen: Callable[..., Result], auth: str) -> None:
    Path("crudgen.yaml").write_text(f"migrations: true\nauth: {auth}\n")
    assert crudgen("emit", "--prune").exit_code == 0


@pytest.mark.long
def test_plan_compares_the_tables_of_users(crudgen: Callable[..., Result]) -> None:
    """A record that was written by hand does not hide what the database lacks."""
    Path("entities/hero.yaml").write_text(f"name: Hero\n{OPEN}")
    write_auth(crudgen, "{users: true, keys: true}")
    crudgen("revision", "-m", "first")
    assert crudgen("apply").exit_code == 0
    assert crudgen("plan").exit_code == 0
    file = VERSIONS / "0001_first.py"
    start, credential, end = file.read_text().partition('"_credential": """\n')
    text = start + credential + end.replace("none\n", "none\nlogin_id: _login\n", 1)
    file.write_text(text.replace("row_id: none", "row_id: Hero"))
    write_auth(crudgen, "{users: Hero, keys: true}")
    assert crudgen("check").exit_code == 0
    planned = crudgen("plan")
    assert planned.exit_code == 1
    assert "differs from the revisions that have run" in planned.output
    assert "row_id" in planned.output


@pytest.mark.long
@pytest.mark.parametrize("kind", KINDS)
def test_users_log_in_after_each_revision(
    kind: str,
    crudgen: Callable[..., Result],
    new_database: NewDatabase,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    url = new_database(kind)
    monkeypatch.setenv("PASSWORD_MEMORY_MB", "12")
    monkeypatch.setenv("DATABASE_URL", url)
    Path("entities/hero.yaml").unlink()
    for name in ("User", "Person"):
        Path(f"entities/{name.lower()}.yaml").write_text(f"name: {name}\n{OPEN}")

    def revise(message: str, *options: str) -> str:
        assert crudgen("check").exit_code == (0 if options else 1)
        done = crudgen("revision", "-m", message, *options)
        assert done.exit_code == 0, done.output
        assert crudgen("check").exit_code == 0
        assert crudgen("plan").exit_code == 3
        applied = crudgen("apply")
        assert applied.exit_code == 0, applied.output
        assert crudgen("plan").exit_code == 0
        return done.output

    write_auth(crudgen, "{users: true, keys: true}")
    revise("first")
    arguments = ["user", "add", "ann", "--password-stdin"]
    assert CliRunner().invoke(cli.app, arguments, input=PASSWORD).exit_code == 0
    assert status_of_me(url) == 200

    write_auth(crudgen, "{users: User, keys: true}")
    assert "`me` was `_login.id`, and becomes `_login.row_id`" in revise("rows")
    assert status_of_me(url) == 401  # there is no row yet
    assert crudgen("user", "link", "ann", "--set", "name=Ann").exit_code == 0
    assert status_of_me(url) == 200
    write_auth(crudgen, "{users: true, keys: true}")
    revise("own")
    assert status_of_me(url) == 200
    revise("dropped", "--drop", "_login.row_id", "--drop", "_credential.row_id")
    write_auth(crudgen, "{users: Person, keys: true}")
    revise("people")
    assert crudgen("user", "link", "ann", "--set", "name=Ann").exit_code == 0
    assert status_of_me(url) == 200
