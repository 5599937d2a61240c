"""`crudgen seed` stores the rows of YAML files: each once, all or none."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from crudgen.data.open_application import OpenApplication
from crudgen.data.seeds.reading import read_rows
from crudgen.data.seeds.storing import SeedStore, Stored
from crudgen.errors import SpecError
from crudgen.language import Schema, load_texts
from crudgen.language.names import ClassName
from crudgen.language.yaml.document import parse
from tests.cli.test_cli import Project
from tests.data.filled import opened, rows_of, table_contents

SPECS = {
    "team.yaml": """
name: Team
fields: {name: str(1..40) unique, city: str = Berlin, lead_id: -> Hero? set_null}
""",
    "hero.yaml": """
name: Hero
fields:
  name: str
  email: email unique json(eMail) column(mail)
  mood: enum(calm, wild) = calm
  wage: decimal(8,2)?
  born_on: date?
  secret: str? write_only
  created_at: datetime = now read_only
  team_id: -> Team
  boss_id: -> Hero? inverse(minions)
  size: int? computed
links: {powers: Power}
check: [{rule: name != 'Nobody', says: Everybody is somebody, name: somebody}]
""",
    "power.yaml": "name: Power\nfields: {code: 'str(..20) pk', data: json?, raw: bytes?}\n",
    "badge.yaml": """
name: Badge
fields: {hero_id: -> Hero unique, number: int?}
""",
    "note.yaml": """
name: Note
fields: {title: str, hero_id: -> Hero?}
check: [title != 'Untitled']
""",
}
SCHEMA = load_texts(SPECS)
SEEDS = {
    "a.yaml": """
Badge:
  - {hero: ann@example.com, number: 7}
Hero:
  - name: Bob
    email: bob@Example.com
    team: Avengers
    boss: {name: Ann, mood: wild}
    wage: 10
    powers: [fly, swim]
  - {name: Ann, email: ann@example.com, mood: wild, team: Avengers, born_on: 1999-12-31}
""",
    "b.yaml": """
Power:
  - {code: swim, data: {a: [1, null]}, raw: AAEC}
  - code: fly
Team:
  - {name: Avengers, lead: Bob}
Note:
  - {id: 7, title: First, hero: Ann}
""",
}


def store(
    application: OpenApplication, texts: Mapping[str, str], schema: Schema = SCHEMA
) -> Stored:
    rows = read_rows(schema, [parse(file, text) for file, text in texts.items()])
    stored = SeedStore(schema, application).store(rows)
    application.session.commit()
    return stored


def problems(application: OpenApplication, text: str) -> list[str]:
    with pytest.raises(SpecError) as caught:
        store(application, {"s.yaml": text})
    application.session.rollback()
    return [str(one).replace("\n", " / ") for one in caught.value.diagnostics]


def attributes(application: OpenApplication, entity: str, *names: str) -> list[tuple[Any, ...]]:
    rows = rows_of(application, SCHEMA.entity(ClassName(entity)))
    return [tuple(getattr(row, name) for name in names) for row in rows]


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_rows_are_inserted_once_and_updated(kind: str, new_database: Callable[[str], str]) -> None:
    with opened(SCHEMA, new_database(kind)) as application:
        session = application.session
        first = store(application, SEEDS)
        none = {"updated": 0, "unchanged": 0}
        assert first.counts() == {
            "Badge": {"inserted": 1, **none},
            "Hero": {"inserted": 2, **none},
            "Power": {"inserted": 2, **none},
            "Team": {"inserted": 1, **none},
            "Note": {"inserted": 1, **none},
        }
        assert first.links == 2
        heroes = dict(attributes(application, "Hero", "name", "id"))
        assert attributes(application, "Hero", "email", "boss_id", "mood") == [
            ("ann@example.com", None, "wild"),
            ("bob@example.com", heroes["Ann"], "calm"),
        ]
        assert attributes(application, "Team", "name", "city", "lead_id") == [
            ("Avengers", "Berlin", heroes["Bob"])
        ]
        assert attributes(application, "Badge", "hero_id", "number") == [(heroes["Ann"], 7)]
        assert attributes(application, "Power", "code", "data", "raw") == [
            ("fly", None, None),
            ("swim", {"a": [1, None]}, b"\x00\x01\x02"),
        ]
        before = table_contents(application, SCHEMA)
        for texts in (SEEDS, dict(reversed(SEEDS.items()))):  # in any order of the files
            again = store(application, texts)
            assert {one.what for one in again.outcomes} == {"unchanged"}
            assert again.links == 0
            assert table_contents(application, SCHEMA) == before
        changed = {"c.yaml": SEEDS["a.yaml"].replace("wage: 10", "wage: 10.5")}
        third = store(application, changed)
        (outcome,) = [one for one in third.outcomes if one.what == "updated"]
        assert str(outcome) == "c.yaml:5: Hero email 'bob@example.com': update wage"
        # The database generates the key after the one in the seeds.
        session.add(application.table_model(SCHEMA.entity(ClassName("Note")))(title="Next"))
        session.commit()
        assert attributes(application, "Note", "id", "title") == [(7, "First"), (8, "Next")]


def test_a_changed_row_is_validated_as_by_the_api(tmp_path: Path) -> None:
    spec = "name: Mark\nfields: {name: str unique, site: url?, code: 'str(..9)? immutable'}\n"
    schema = load_texts({"mark.yaml": spec})
    with opened(schema, f"sqlite:///{tmp_path}/a.db") as application:
        text = "Mark: [{name: a, site: 'https://a.example/', code: x}]\n"
        store(application, {"s.yaml": text}, schema)
        update = application.update_model(schema.entities[0])
        changed = text.replace("x}", "y, site: null}").replace("site: 'https://a.example/', ", "")
        (outcome,) = store(application, {"s.yaml": changed}, schema).outcomes
        assert str(outcome) == "s.yaml:1: Mark name 'a': update site, code"
        assert update.model_fields.keys() == {"name", "site"}, "code is immutable in the API"


WRONG = {
    "Villain: []": "s.yaml:1:1: there is no entity 'Villain'",
    "Heros: []": "did you mean 'Hero'?",
    "Team: {name: a}": "expected a list of rows, found a map",
    "Team: [a]": "s.yaml:1:8: expected a row, found the string 'a'",
    "Team: [{name: a, town: b}]": "s.yaml:1:18: Team has no field 'town'",
    "Team: [{city: b}]": "s.yaml:1:8: 'name' is missing",
    "Team: [{name: 5}]": "invalid value of 'name': expected a string, found the number 5; quote it",
    "Team: [{name: ''}]": "invalid value of 'name': '' is shorter than 1 characters",
    "Team: [{name: null}]": "invalid value of 'name': null is not allowed",
    "Team: [{name: a, lead: Zoe}]": "s.yaml:1:24: no row of Hero has the name 'Zoe'",
    "Team: [{name: a, lead_id: 99}]": "no row of Hero has id 99",
    "Team: [{name: a, lead: {name: Zoe}}]": "no row of Hero has name 'Zoe'",
    "Team: [{name: a, lead: {nam: Zoe}}]": "Hero has no field 'nam'",
    "Team: [{name: a, lead: [Zoe]}]": "expected a row of Hero, found a list",
    "Team: [{name: a, heroes: [Ann]}]": "'heroes' is stored by the rows of Hero",
    "Team: [{name: a}, {name: a}]": "s.yaml:1:19: the same row of Team is in s.yaml:1",
    "Team: [{name: a, lead: Twin}]": "several rows of Hero have the name 'Twin'",
    "Note: [{title: a}]": "nothing identifies the row",
    "Hero: [{name: Nobody, email: n@example.com, team: T}]": "violates the check 'somebody'",
    "Note: [{id: 3, title: Untitled}]": "it should satisfy: title != 'Untitled'",
    "Hero: [{name: A, email: a, team: T}]": "'a' is not an email address",
    "Hero: [{name: A, email: a@example.com, team: T, mood: clam}]": "did you mean 'calm'?",
    "Hero: [{name: A, email: a@example.com, team: T, size: 1}]": "'size' is computed",
    "Hero: [{name: A, email: a@example.com, team: T, team_id: 1}]": "'team_id' is given twice",
    "Hero: [{name: A, email: a@example.com, team: T, powers: fly}]": "expected a list of rows",
    "Hero: [{name: A, email: a@example.com, team: T, powers: [dig]}]": "no row of Power has",
    "Power: [{code: a, raw: '?'}]": "expected base64",
}


@pytest.fixture(scope="module")
def application(new_database: Callable[[str], str]) -> Any:
    with opened(SCHEMA, new_database("sqlite")) as found:
        twins = ", ".join(f"{{name: Twin, email: t{n}@example.com, team: T}}" for n in (1, 2))
        store(found, {"t.yaml": f"Team: [{{name: T}}]\nHero: [{twins}]\n"})
        yield found


@pytest.mark.parametrize("text", WRONG)
def test_problems_have_a_place_and_change_nothing(text: str, application: OpenApplication) -> None:
    before = table_contents(application, SCHEMA)
    found = problems(
        application, f"{text}\nPower: [{{code: new}}]\n" if "Power" not in text else text
    )
    assert WRONG[text] in " ".join(found)
    assert table_contents(application, SCHEMA) == before


def test_the_command_prints_what_it_does(tmp_path: Path) -> None:
    project = Project(tmp_path)
    project.write("entities/hero.yaml", "name: Hero\nfields: {name: str unique, age: int?}\n")
    assert "no such folder" in project.run("seed", code=1).stderr
    project.write("seeds/heroes.yaml", "[]\n")
    assert "such as 'Hero: [{name: Deadpond}]'" in project.run("seed", code=1).stderr
    nowhere = "sqlite:////nowhere/x.db"
    project.write("seeds/heroes.yaml", "Hero: []\n")
    assert project.run("seed", "--database", nowhere, code=1).stderr.endswith(
        "  create it, or correct the path in the URL\n  the URL is from --database\n"
    )
    project.write("seeds/heroes.yaml", "Hero:\n  - {name: Ann, age: 3}\n  - {name: Bob}\n")
    planned = project.run("seed", "--dry-run").stdout
    assert planned == (
        "seeds/heroes.yaml:2: Hero name 'Ann': insert\n"
        "seeds/heroes.yaml:3: Hero name 'Bob': insert\n"
        "Hero: 2 inserted, 0 updated, 0 unchanged\nnothing was changed\n"
    )
    for inserted, unchanged in ((2, 0), (0, 2)):
        numbers = {"inserted": inserted, "updated": 0, "unchanged": unchanged}
        done = json.loads(project.run("seed", "--json").stdout)
        assert done == {"rows": {"Hero": numbers}, "links": 0, "dry_run": False}
    project.write("seeds/heroes.yaml", "Hero:\n  - {name: Ann, age: x}\n")
    assert project.run("seed", code=1).stderr == (
        "seeds/heroes.yaml:2:22: invalid value of 'age': "
        "expected an integer, found the string 'x'\n"
        "  2 |   - {name: Ann, age: x}\n"
        "    |                      ^\n"
    )
