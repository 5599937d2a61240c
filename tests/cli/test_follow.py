"""The tables follow the spec while it is served.

`SAVES=200 python -m pytest -n0 tests/cli/test_follow.py` saves more often under load.
"""

import os
import random
import sqlite3
import subprocess
import time
from contextlib import closing
from pathlib import Path

import pytest

from tests.cli.served import ENVIRONMENT, PATIENCE, Load, Serve
from tests.support import forked

pytestmark = pytest.mark.long

SAVES = int(os.environ.get("SAVES", "20"))
HERO = "name: Hero\nfields:\n  name: str(1..80) index\n"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "entities").mkdir()
    (tmp_path / "entities/hero.yaml").write_text(HERO)
    return tmp_path


def hero(*lines: str) -> str:
    return "name: Hero\nfields:\n" + "".join(f"  {line}\n" for line in lines)


def add(served: Serve, **row: object) -> None:
    assert served.post("/heroes/", row).is_success


def heroes(served: Serve) -> list[dict[str, object]]:
    answer = served.get("/heroes/")
    assert answer.status_code == 200, answer.text
    rows: list[dict[str, object]] = answer.json()
    return rows


def crudgen(folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    return forked.run("crudgen", *arguments, folder=folder, environment=ENVIRONMENT)


def test_the_tables_follow_a_hero(project: Path) -> None:
    """A field, a renamed one, a reference to a new entity, an enum word and a removed field."""
    with Serve(project).start() as served:
        add(served, name="Deadpond")
        served.save(hero("name: str(1..80) index", "age: int(0..200)?", "level: int = 1"))
        served.wait_for("reloaded")
        assert heroes(served) == [{"name": "Deadpond", "age": None, "level": 1, "id": 1}]
        served.save(hero("title: str(1..90) index was(name)", "age: int?", "level: int = 1"))
        served.wait_for("was name")
        served.wait_for("reloaded")
        assert heroes(served) == [{"title": "Deadpond", "age": None, "level": 1, "id": 1}]
        team = "name: Team\nfields:\n  name: str unique\n"
        (project / "entities/team.yaml").write_text(team)
        served.wait_for("reloaded: Hero /heroes, Team /teams")
        title, age = "title: str(1..90) index was(name)", "age: int?"
        mood, team_id = "mood: enum(calm, furious)?", "team_id: -> Team?"
        served.save(hero(title, age, "level: int = 1", mood, team_id))
        served.wait_for("reloaded")
        assert served.post("/teams/", {"name": "Preventers"}).is_success
        add(served, title="Rusty-Man", mood="calm", team_id=1)
        served.save(hero(title, age, mood.replace("furious", "furious, glad"), team_id))
        served.wait_for("glad")
        served.wait_for("reloaded")
        add(served, title="Tarantula", mood="glad")
        titles = [row["title"] for row in heroes(served)]
        assert titles == ["Deadpond", "Rusty-Man", "Tarantula"]
        text = served.text()
        assert "Traceback" not in text
        assert "another" not in text.lower()
    assert crudgen(project, "plan").returncode == 0
    with Serve(project).start() as served:
        assert len(heroes(served)) == 3


def test_rows_in_the_way_are_shown_and_the_other_entities_follow(project: Path) -> None:
    team = project / "entities/team.yaml"
    team.write_text("name: Team\nfields:\n  name: str\n")
    with Serve(project).start() as served:
        add(served, name="Deadpond")
        served.save(hero("name: str(1..3) index"))
        served.wait_for("hero.name: 1 row")
        served.wait_for("crudgen plan")
        served.wait_for("still served as before: entities/hero.yaml")
        team.write_text("name: Team\nfields:\n  name: str\n  city: str?\n")
        served.wait_for("reloaded: Hero /heroes, Team /teams")
        served.wait_for("still served as before: entities/hero.yaml")
        made = served.post("/teams/", {"name": "A", "city": "Oslo"})
        assert made.json() == {"name": "A", "city": "Oslo", "id": 1}
        add(served, name="Rusty-Man")
        served.save(hero("name: str(1..90) index"))
        served.wait_for("reloaded")
        assert [row["name"] for row in heroes(served)] == ["Deadpond", "Rusty-Man"]
    assert "Traceback" not in served.text()


def test_a_rename_is_never_guessed(project: Path) -> None:
    with Serve(project).start() as served:
        add(served, name="Deadpond")
        served.save(hero("title: str(1..80)?"))
        assert "write was(name) at hero.title (entities/hero.yaml:3)" in served.wait_for(
            "was(name)"
        )
        served.wait_for("still served as before")
        assert heroes(served) == [{"name": "Deadpond", "id": 1}]
        served.save(hero("age: int?"))
        served.wait_for("reloaded")
        served.save(hero("age: int?", "title: str(1..80)?"))
        served.wait_for("reloaded")
        assert heroes(served) == [{"age": None, "title": None, "id": 1}]
        served.save(hero("age: int?", "title: str(1..80)?", "name: str(1..80)?"))
        served.wait_for("reloaded")
        assert heroes(served) == [{"age": None, "title": None, "name": "Deadpond", "id": 1}]


@pytest.mark.long
def test_a_database_with_revisions_is_changed_by_revisions_only(project: Path) -> None:
    (project / "crudgen.yaml").write_text("migrations: true\n")
    for command in (["emit"], ["revision", "-m", "first"], ["apply"]):
        assert crudgen(project, *command).returncode == 0
    with Serve(project).start() as served:
        served.save(hero("name: str(1..80) index", "level: int = 1"))
        served.wait_for("revisions change them")
        served.wait_for("hero.level: + int = 1")
        served.wait_for('write one: crudgen revision -m "what it does"')
        served.wait_for("run the revisions with: crudgen apply; it is served then")
        add(served, name="Deadpond")
        assert "The tables are those of the served spec." in served.home().text
        for command in (["emit"], ["revision", "-m", "levels"], ["apply"]):
            if command == ["apply"]:
                assert "1 revision not recorded." in served.home().text
            done = crudgen(project, *command)
            assert done.returncode == 0, done.stdout + done.stderr
        served.wait_for("reloaded")
        assert heroes(served) == [{"name": "Deadpond", "level": 1, "id": 1}]
        assert crudgen(project, "plan").returncode == 0


def test_a_conversion_needs_a_command(project: Path) -> None:
    with Serve(project).start() as served:
        add(served, name="7")
        served.save(hero("name: int"))
        served.wait_for("converts values")
        served.wait_for("make it with: crudgen apply; it is served then")
        assert heroes(served) == [{"name": "7", "id": 1}]
        done = crudgen(project, "apply")
        assert done.returncode == 0, done.stdout + done.stderr
        served.wait_for("reloaded")
        assert heroes(served) == [{"name": 7, "id": 1}]
        served.save(hero("name: int", "age: int?"))
        served.wait_for("reloaded")
        assert heroes(served) == [{"name": 7, "age": None, "id": 1}]


def test_changes_of_other_processes_are_noticed_while_a_spec_is_refused(project: Path) -> None:
    """Each refusal is reported once. An unrelated change of a table makes no difference."""
    with Serve(project, "--no-follow").start() as served:
        add(served, name="Deadpond")
        served.save(hero("title: str(1..80) index was(name)"))
        served.wait_for("the last valid spec is still served")
        with closing(sqlite3.connect(project / "app.db")) as connection:
            connection.execute("CREATE TABLE notes (text TEXT)")
        time.sleep(1.5)
        done = crudgen(project, "apply")
        assert done.returncode == 0, done.stdout + done.stderr
        served.wait_for("reloaded")
        assert heroes(served) == [{"title": "Deadpond", "id": 1}]
    assert served.text().count("the last valid spec is still served") == 1
    assert "Traceback" not in served.text()


def test_warnings_are_printed_once_for_each_change(project: Path) -> None:
    with Serve(project).start() as served:
        served.save(hero("age: int?"))
        served.wait_for("reloaded")
        for more in (["level: int?"], ["level: int?", "motto: str?"]):
            served.save(hero("age: int?", *more))
            served.wait_for("reloaded")
        assert served.text().count("table hero: column name: VARCHAR") == 1
        (project / "entities/hero.yaml").unlink()
        served.wait_for("entities: no entities in this folder")
        served.wait_for("the last valid spec is still served")
    assert served.text().count("no entities in this folder") == 1


def test_a_former_name_that_does_nothing_is_noted_once(project: Path) -> None:
    with Serve(project).start() as served:
        served.save(hero("name: str?", "title: str?"))
        served.wait_for("reloaded")
        served.save(hero("title: str?"))
        served.wait_for("reloaded")
        served.save(hero("title: str? was(name)"))
        noted = served.wait_for("hero.title: has was(name), but both columns exist")
        assert "--drop hero.name" in noted
        served.save(hero("title: str? was(name)", "age: int?"))
        served.wait_for("reloaded")
    assert served.text().count("both columns exist") == 1
    assert "hero.title" not in crudgen(project, "apply").stderr


def test_the_tables_follow_at_the_start(project: Path) -> None:
    with Serve(project).start() as served:
        add(served, name="Deadpond")
    (project / "entities/hero.yaml").write_text(HERO + "  age: int?\n")
    with Serve(project, "--no-follow") as served:
        assert served.process.wait(PATIENCE) == 1
    assert "crudgen apply" in served.text()
    with Serve(project).start() as served:
        assert heroes(served) == [{"name": "Deadpond", "age": None, "id": 1}]
    (project / "entities/hero.yaml").write_text(HERO + "  age: int\n")
    with Serve(project) as served:
        assert served.process.wait(PATIENCE) == 1
    assert "hero.age: 1 row" in served.text()
    assert "see the plan with: crudgen plan" in served.text()
    assert "Traceback" not in served.text()


def test_a_renamed_entity_is_never_guessed(project: Path) -> None:
    with Serve(project).start() as served:
        add(served, name="Deadpond")
        served.save(HERO.replace("Hero", "Person"))
        served.wait_for("if hero was renamed, write was: hero in entities/hero.yaml")
        served.wait_for("if nothing was renamed, make it with: crudgen apply")
        assert heroes(served) == [{"name": "Deadpond", "id": 1}]
        served.save(HERO.replace("Hero", "Person\nwas: Hero"))
        served.wait_for("reloaded: Person /people")
        found = served.get("/people/").json()
        assert found == [{"name": "Deadpond", "id": 1}]
    assert "Traceback" not in served.text()


def test_a_renamed_entity_is_not_guessed_at_the_start_either(project: Path) -> None:
    """The start would create a table, and the former name would have no effect any more."""
    with Serve(project).start() as served:
        add(served, name="Deadpond")
    (project / "entities/hero.yaml").write_text(HERO.replace("Hero", "Person"))
    with Serve(project) as served:
        assert served.process.wait(PATIENCE) == 1
    assert "if hero was renamed, write was: hero in entities/hero.yaml" in served.text()
    assert "is new, and hero is not in the spec" in crudgen(project, "plan").stdout
    (project / "entities/hero.yaml").write_text(HERO.replace("Hero", "Person\nwas: Hero"))
    with Serve(project).start() as served:
        assert len(served.get("/people/").json()) == 1


FIELDS = {
    "age": ("age: int?", "age: int(0..900)?", "age: int?  index".replace("  ", " ")),
    "mood": ("mood: enum(calm, glad)?", "mood: enum(calm, glad, sad)?"),
    "level": ("level: int = 1", "level: int(0..) = 1"),
    "team_id": ("team_id: -> Team?", "team_id: -> Team? cascade"),
}
"""Optional lines of the hero. Each follows the other, in any order."""


@pytest.mark.long
@pytest.mark.slow
def test_saves_under_load_lose_no_request(project: Path) -> None:
    chance = random.Random(SAVES)  # noqa: S311 -- the same in each run
    (project / "entities/team.yaml").write_text("name: Team\nfields:\n  name: str\n")
    with Serve(project).start() as served:
        for number in range(20):
            add(served, name=f"Hero {number}")
        loads = [Load(served.url) for _ in range(4)]
        for load in loads:
            load.start()
        before, name, former = HERO, "name", "title"
        for number in range(SAVES):
            if number % 7 == 6:
                served.save(hero(f"{name}: str(1..{chance.randrange(1, 4)}) index"))
                served.wait_for(f"hero.{name}: 20 rows")
                served.wait_for("still served as before")
                served.save(before)
                served.wait_for("valid again and unchanged")
                continue
            chosen = chance.sample(sorted(FIELDS), chance.randrange(len(FIELDS)))
            if chance.randrange(4) == 0:
                name, former = former, name
            lines = [f"{name}: str(1..{100 + number}) index was({former})"]
            before = hero(*lines, *(chance.choice(FIELDS[one]) for one in chosen))
            served.save(before)
            served.wait_for("reloaded")
            assert {*chosen, name, "id"} == {*heroes(served)[0]}
            assert {row[name] for row in heroes(served)} == {f"Hero {n}" for n in range(20)}
        for load in loads:
            load.over.set()
            load.join()
        assert [load.failures for load in loads] == [[]] * 4
        assert all(load.count > 20 for load in loads)
    assert "Traceback" not in served.text()
