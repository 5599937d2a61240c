"""Made-up rows are valid: for the Create models, for the database, and for the API.

`SPECS=200` tests 200 random specs of each kind.
"""

import asyncio
import json
import os
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path
from random import Random

import pytest
from sqlalchemy import text

from crudgen.data.fake.matching import random_text
from crudgen.language import Schema, load_texts
from crudgen.language.names import ClassName
from crudgen.language.patterns import matches
from tests.checks.test_oracle import checks_of, entity
from tests.cli.test_cli import Project
from tests.data.filled import Poster, fill, opened, rows_of, table_contents
from tests.support.asgi import AsgiClient
from tests.support.random_graphs import random_graph
from tests.support.random_specs import random_schema

pytestmark = pytest.mark.long

SPECS = int(os.environ.get("SPECS", "1"))
ROWS = 6


def with_checks(seed: int) -> Schema:
    checks = checks_of(Random(seed))  # noqa: S311 - the same at every run
    return load_texts({"entities/box.yaml": json.dumps(entity(checks))})


CREW = load_texts(
    {
        "team.yaml": """
name: Team
fields: {name: str(1..40) unique, mood: 'enum(calm, wild)', lead_id: -> Hero? set_null}
""",
        "hero.yaml": """
name: Hero
fields:
  name: str
  email: email unique
  rank: int(1..5)
  wage: decimal(8,2) = 1
  bonus: decimal(8,2)?
  born_on: date
  died_on: date?
  code: 'str(..12) pattern([A-Z]{2}-[0-9]{4}) unique'
  created_at: datetime = now read_only
  team_id: -> Team
  boss_id: -> Hero? inverse(minions)
links: {powers: Power}
check:
  - bonus is null or bonus < wage
  - {rule: died_on is null or born_on < died_on, name: life}
  - rank != 1 or boss_id is null
unique: [[team_id, name]]
""",
        "power.yaml": "name: Power\nfields: {id: uuid pk, kind: 'enum(fly, swim, run) unique'}\n",
    }
)

KINDS: dict[str, Callable[[int], Schema]] = {
    "fields": lambda seed: random_schema(seed, 3),
    "graph": random_graph,
    "checks": with_checks,
}


@pytest.mark.parametrize("seed", range(SPECS))
@pytest.mark.parametrize("kind", KINDS)
def test_rows_of_random_specs_are_valid(
    kind: str, seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    schema = KINDS[kind](seed)
    with opened(schema, f"sqlite:///{tmp_path}/full.db") as application:
        filled = fill(schema, application, ROWS)
        for one in schema.entities:
            number = len(rows_of(application, one))
            assert number == filled.rows.get(one.name, 0)
            assert number == ROWS or filled.missing[one.name], filled
        monkeypatch.setenv("DATABASE_URL", f"sqlite:///{tmp_path}/empty.db")
        app = application.import_module("main").create_app()
        poster = Poster(schema, application, AsgiClient(app))

        async def post() -> None:
            async with AsyncExitStack() as stack:
                await stack.enter_async_context(app.router.lifespan_context(app))
                await poster.post_all()

        asyncio.run(post())


NOTES = load_texts(
    {
        "user.yaml": "name: User\nfields: {name: str unique}\naccess: {read: user, write: user}\n",
        "note.yaml": """
name: Note
fields: {text: str, owner_id: -> User = me read_only, editor_id: "-> User? = me inverse(edited)"}
access: {owner: owner_id, read: user, write: owner}
""",
    },
    "auth: {users: User}",
)


def test_rows_belong_to_users(tmp_path: Path) -> None:
    with opened(NOTES, f"sqlite:///{tmp_path}/a.db") as application:
        assert fill(NOTES, application, 9).rows == {"User": 9, "Note": 9}
        notes = rows_of(application, NOTES.entity(ClassName("Note")))
        assert len({note.owner_id for note in notes}) > 3
        assert any(note.editor_id for note in notes)


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_rows_are_added_beside_others(kind: str, new_database: Callable[[str], str]) -> None:
    with opened(CREW, new_database(kind)) as application:
        session = application.session
        for values in ("(1, 'Ones', 'calm')", "(5, 'Fives', 'wild')"):  # not from the sequence
            session.execute(text(f"INSERT INTO team (id, name, mood) VALUES {values}"))  # noqa: S608
        session.commit()
        first = fill(CREW, application, 20)
        second = fill(CREW, application, 7)
        assert first.rows == {"Team": 20, "Hero": 20, "Power": 3}
        assert second.rows == {"Team": 7, "Hero": 7, "Power": 0}
        assert first.missing == {"Power": "no further values were found for the unique kind"}
        teams, heroes = (
            rows_of(application, CREW.entity(ClassName(one))) for one in ("Team", "Hero")
        )
        assert [len(teams), len(heroes)] == [29, 27]
        assert len({hero.code for hero in heroes} | {hero.email for hero in heroes}) == 54
        assert any(team.lead_id for team in teams)  # a circle
        assert any(hero.boss_id for hero in heroes)
        assert any(hero.bonus for hero in heroes)
        assert first.links
        # The database generates keys that are not taken.
        new = application.table_model(CREW.entity(ClassName("Team")))(name="New", mood="calm")
        session.add(new)
        session.commit()
        assert new.id > max(team.id for team in teams)


def test_the_same_seed_gives_the_same_rows(new_database: Callable[[str], str]) -> None:
    found = []
    for kind, seed in (("sqlite", 3), ("postgresql", 3), ("sqlite", 4)):
        with opened(CREW, new_database(kind)) as application:
            fill(CREW, application, 15, seed)
            found.append(table_contents(application, CREW))
    assert found[0] == found[1]
    assert all(found[0][table] != found[2][table] for table in ("team", "hero"))


def test_only_what_is_named_and_required_gets_rows(tmp_path: Path) -> None:
    with opened(CREW, f"sqlite:///{tmp_path}/a.db") as application:
        assert fill(CREW, application, chosen={"Hero": 3}).rows == {"Team": 10, "Hero": 3}
        assert fill(CREW, application, chosen={"Hero": 4}).rows == {"Hero": 4}
        assert fill(CREW, application, 1, chosen={"Hero": 2}).rows == {
            "Team": 1,
            "Hero": 2,
            "Power": 1,
        }


def test_a_check_that_no_row_meets_is_named(tmp_path: Path) -> None:
    spec = "name: Box\nfields: {a: int, b: int}\ncheck: [{rule: a < b and b < a, name: never}]\n"
    schema = load_texts({"box.yaml": spec})
    with opened(schema, f"sqlite:///{tmp_path}/a.db") as application:
        filled = fill(schema, application, 2)
    assert filled.rows == {"Box": 0}
    assert filled.missing == {"Box": "no values were found that meet the check 'never'"}


def test_the_command_inserts_all_rows_or_none(tmp_path: Path) -> None:
    project = Project(tmp_path)
    project.write("entities/kind.yaml", "name: Kind\nfields: {name: 'enum(a, b, c) unique'}\n")
    done = project.run("fake", "--entity", "Hero=120", "--entity", "Kind=3")
    assert done.stdout == "Hero: 120 rows\nKind: 3 rows\n"
    done = project.run("fake", "--rows", "2", "--json")
    reason = "no further values were found for the unique name"
    assert json.loads(done.stdout) == {
        "rows": {"Hero": 2, "Kind": 0},
        "links": 0,
        "missing": {"Kind": reason},
    }
    done = project.run("fake", "--entity", "Hero=5", "--entity", "Kind=1", code=1)
    assert done.stderr == (
        f"error: not enough rows were found; nothing was inserted\n  Kind: {reason}, after 0\n"
    )
    done = project.run("fake", "--rows", "1")
    assert done.stdout == "Hero: 1 row\nKind: 0 rows\n"
    assert done.stderr == f"note: Kind has fewer rows than wanted: {reason}\n"


@pytest.mark.long
@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--entity", "Villain=3"), "there is no entity 'Villain'\n  the entities are: Hero"),
        (("--entity", "Hero"), "expected a number of rows\n  write it as --entity Hero=100"),
        (("--entity", "Hero=-1"), "expected a number of rows"),
        (("--entity", "Hero=1", "--entity", "Hero=2"), "Hero is given twice"),
        (("--rows", "-1"), "greater than or equal to 0"),
    ],
)
def test_wrong_options_are_explained(
    options: tuple[str, ...], message: str, tmp_path: Path
) -> None:
    assert message in Project(tmp_path).run("fake", *options, code=2).stderr
    assert not (tmp_path / "app.db").exists()


@pytest.mark.long
def test_the_missing_package_is_named(tmp_path: Path) -> None:
    project = Project(tmp_path)
    project.write("faker.py", "raise ImportError")
    done = project.run("fake", code=2, PYTHONPATH=str(tmp_path))
    assert "pip install 'crudgen[fake]'" in done.stderr
    assert not (tmp_path / "app.db").exists()


@pytest.mark.parametrize(
    "pattern",
    ["[a-z]+", r"[A-Z]{2}-\d{4}", r"\p{Lu}\p{Ll}{3,9}", "[[:alpha:]_][[:alnum:]_]*", "(?i)ab|c.d"],
)
def test_texts_match_a_pattern(pattern: str) -> None:
    random = Random(1)  # noqa: S311
    found = {random_text(pattern, random, 2, 30) for _ in range(30)}
    assert None not in found
    assert len(found) > 1 or pattern.startswith("(?i)")
    assert all(matches(pattern, one or "") and 2 <= len(one or "") <= 30 for one in found)
