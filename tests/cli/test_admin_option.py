"""`crudgen serve --admin` shows the admin page, without a login on this host only."""

from pathlib import Path

import httpx
import pytest

from tests.cli.served import ENVIRONMENT, Serve
from tests.support.forked import run
from tests.support.servers import write_entities

HERO = "name: Hero\nfields: {name: str}\n"


@pytest.mark.long
def test_the_page_needs_no_login_on_this_host(tmp_path: Path) -> None:
    write_entities(tmp_path / "entities", {"hero": HERO})
    with Serve(tmp_path, "--admin").start() as served:
        assert f"{served.url}/admin/" in served.text()
        assert "Heroes" in served.get("/admin/heroes/list").text
        created = httpx.post(f"{served.url}/heroes/", json={"name": "Deadpond"})
        assert created.status_code == 200
        assert "Deadpond" in served.get("/admin/heroes/detail?pk=1").text
        for host in ("evil.example", "127.0.0.1.evil.example", "localhost.evil.example", ""):
            answer = httpx.get(f"{served.url}/admin/", headers={"host": host})
            assert answer.status_code in {400, 403}, host
        answer = httpx.post(f"{served.url}/admin/heroes/create", data={"name": "x"})
        assert answer.status_code == 403
        served.save(HERO.replace("name: str", "name: str, age: int?"))
        served.wait_for("reloaded")
        assert "Age" in served.get("/admin/heroes/list").text


@pytest.mark.parametrize(
    ("hero", "host", "message"),
    [
        (HERO, "0.0.0.0", "the page has no login"),  # noqa: S104
        (f"path: /admin\n{HERO}", "127.0.0.1", "Hero has the path /admin"),
    ],
)
def test_it_is_refused(tmp_path: Path, hero: str, host: str, message: str) -> None:
    write_entities(tmp_path / "entities", {"hero": hero})
    command = ("crudgen", "serve", "--admin", "--host", host, "--port", "0")
    done = run(*command, folder=tmp_path, environment=ENVIRONMENT)
    assert done.returncode == 1
    assert message in done.stderr
    assert "Traceback" not in done.stderr
