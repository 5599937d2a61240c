import os
import signal
import socket
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from tests.cli.served import PATIENCE, Load, Serve

SAVES = int(os.environ.get("SAVES", "20"))
HERO = """\
name: Hero
doc: DOC
fields:
  name: str(1..80) index
"""
BROKEN = "name: Hero\nfields:\n  name: strng\n"


def open_files(pid: int) -> int:
    """Count what a process holds open."""
    folder = Path(f"/proc/{pid}/fd")
    return len(list(folder.iterdir())) if folder.exists() else 0


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "entities").mkdir()
    (tmp_path / "entities/hero.yaml").write_text(HERO)
    return tmp_path


@pytest.mark.long
@pytest.mark.slow
def test_saves_under_load(project: Path) -> None:
    with Serve(project).start() as served:
        loads = [Load(served.url) for _ in range(2)]
        for load in loads:
            load.start()
        sizes, handles = [], []
        for number in range(SAVES):
            if number % 2:
                served.save(BROKEN)
                assert served.wait_for("unknown type").startswith("entities/hero.yaml:3:9: ")
                served.wait_for("still served")
            else:
                (project / "crudgen.yaml").write_text(f"title: Number {number}\n")
                served.save(HERO.replace("DOC", f"Number {number}."))
                served.wait_for("reloaded: Hero /heroes")
            if number % (SAVES // 10) == SAVES // 10 - 2:
                sizes.append(resident(served.process.pid))
                handles.append(open_files(served.process.pid))
        for load in loads:
            load.over.set()
            load.join()
        assert [load.failures for load in loads] == [[], []]
        assert all(load.count > 100 and len(load.ports) == 1 for load in loads)
        document = served.get("/openapi.json").json()
        assert document["info"]["title"] == f"Number {SAVES - 2}"
        # The caches of the libraries are full by the middle; from there on nothing piles up.
        assert sizes[-1] - sizes[4] < 20_000, sizes
        assert handles[-1] <= handles[0] + 5, handles
    assert "Traceback" not in served.text()
    assert served.process.poll() == 0


def resident(pid: int) -> int:
    """Return the memory of a process, in KiB."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return 0
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS"))


def test_the_first_lines_say_what_is_served(project: Path) -> None:
    with Serve(project, "--database", "sqlite:///mine.db").start() as served:
        assert served.get("/docs").status_code == 200
        home = served.home().text
        assert served.get("/").status_code == 404
    assert "on <code>sqlite:///mine.db</code>" in home
    assert '<a href="docs">' in home
    assert '<a href="openapi.json">' in home
    assert "<b>Hero</b><small>DOC</small>" in home
    assert "The tables are those of the served spec." in home
    text = served.text()
    assert f"{served.url}/docs" in text
    assert "Hero /heroes" in text
    assert "sqlite:///mine.db" in text
    assert "watching  entities" in text
    assert (project / "mine.db").exists()
    assert not (project / "app.db").exists()


def test_a_spec_that_the_database_contradicts(project: Path) -> None:
    with Serve(project).start() as served:
        assert served.post("/heroes/", {"name": "a"}).status_code == 200
        served.save(HERO + "  age: int\n")
        served.wait_for("age")
        served.wait_for("still served")
        assert served.get("/heroes/").status_code == 200
        home = served.home().text
        assert "The last change is not served." in home
        assert "hero.age: 1 row needs a value\n  see the plan with: crudgen plan;" in home
        assert "still served as before: entities/hero.yaml</pre>" in home
        served.save(f"{HERO}  age: <b>\n")
        served.wait_for("still served")
        assert "unknown type &#39;&lt;b&gt;&#39;\n  5 |   age: &lt;b&gt;\n" in served.home().text
        served.save(HERO)
        served.wait_for("valid again and unchanged")
        assert "is not served." not in served.home().text
        with closing(sqlite3.connect(project / "app.db")) as connection:
            connection.execute("DROP INDEX ix_hero_name")
        home = served.home().text
        assert "The tables are not those of the spec: 1 change to make." in home
        assert "see the plan with: crudgen plan</pre>" in home
    assert "Traceback" not in served.text()
    (project / "entities/hero.yaml").write_text(HERO + "  age: int\n")
    for workers in ("1", "2"):
        with Serve(project, "--workers", workers) as served:
            assert served.process.wait(PATIENCE) == 1
        assert "age" in served.text()
        assert "Traceback" not in served.text()


def test_another_database_is_taken_and_named(project: Path) -> None:
    with Serve(project).start() as served:
        assert served.post("/heroes/", {"name": "a"}).status_code == 200
        (project / "crudgen.yaml").write_text("database: sqlite:///other.db\n")
        served.wait_for("reloaded: Hero /heroes, on sqlite:///other.db")
        assert served.get("/heroes/").json() == []


@pytest.mark.long
def test_several_workers_answer(project: Path) -> None:
    with (
        Serve(project, "--workers", "2").start() as served,
        httpx.Client(base_url=served.url, timeout=PATIENCE) as client,
    ):
        for number in range(20):  # the first one waits until the workers have started
            answer = client.post("/heroes/", json={"name": f"H{number}"})
            assert answer.status_code == 200, answer.text
        assert len(client.get("/heroes/").json()) == 20
        assert "<b>Hero</b>" in served.home().text
    assert "watching" not in served.text()
    assert "Traceback" not in served.text()
    assert served.process.poll() == 0


def test_kept_code_runs(project: Path) -> None:
    with Serve(project, "--keep", "kept").start() as served:
        assert served.get("/heroes/").json() == []
        assert (project / "kept/app/heroes/routes.py").exists()
        served.save(HERO.replace("DOC", "Another."))
        served.wait_for("reloaded")
        assert "Another." in (project / "kept/app/heroes/models.py").read_text()


@pytest.mark.slow
@pytest.mark.parametrize("workers", ["1", "2"])
def test_what_prevents_the_start_is_said_in_a_line(project: Path, workers: str) -> None:
    def fails(*arguments: str, **environment: str) -> str:
        with Serve(project, "--workers", workers, *arguments, **environment) as served:
            assert served.process.wait(PATIENCE) == 1
        assert "Traceback" not in served.text()
        assert len(served.output) < 5, served.text()
        return served.text()

    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        assert f"port {port} is already in use" in fails("--port", port)
    assert "cannot listen" in fails("--host", "no.such.host.invalid")
    assert "nowhere" in fails("--database", "sqlite:////nowhere/at/all.db")
    if workers == "2":
        return  # the rest is found before any worker starts
    text = fails(MAX_BODY_BYTES="secret")
    assert "MAX_BODY_BYTES" in text
    assert "secret" not in text
    assert "hunter2" not in fails("--database", "nonsense://me:hunter2@host/name")
    assert "hunter2" not in fails("--database", "not a url hunter2")


@pytest.mark.parametrize(
    ("host", "warned"),
    [
        ("0.0.0.0", 1),  # noqa: S104 - for a moment
        ("::", 1),
        ("127.0.0.1", 0),
        ("localhost", 0),
    ],
)
def test_an_address_for_others_is_warned_of(project: Path, host: str, warned: int) -> None:
    has_users = host == "localhost"
    if has_users:
        (project / "crudgen.yaml").write_text("auth: {users: true}\n")
        (project / "entities/hero.yaml").write_text(f"{HERO}access: user\n")
    with Serve(project, "--host", host).start() as served:
        assert served.home("127.0.0.1").status_code == (404 if warned else 200)
    assert served.text().count("The API has no authentication") == warned
    assert served.text().count("Add one: crudgen user add NAME\n") == has_users


def test_an_end_by_sigterm_is_in_order(project: Path) -> None:
    with Serve(project).start() as served:
        served.process.send_signal(signal.SIGTERM)
        assert served.process.wait(PATIENCE) == -signal.SIGTERM
    assert "Traceback" not in served.text()


@pytest.mark.slow
def test_an_interrupt_during_the_start_is_quiet(project: Path) -> None:
    database = project / "app.db"
    for pause in (0.0, 0.02, 0.1):
        database.unlink(missing_ok=True)
        with Serve(project) as served:
            deadline = time.monotonic() + PATIENCE
            while not database.exists() and time.monotonic() < deadline:
                time.sleep(0.001)
            time.sleep(pause)
            served.process.send_signal(signal.SIGINT)
            served.process.wait(PATIENCE)
        assert "Traceback" not in served.text(), served.text()
        assert served.process.poll() == 0
