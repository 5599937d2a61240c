"""The JSON Schema of seeds accepts what `crudgen seed` accepts, and finds mistakes in one file."""

import pytest
from jsonschema import Draft202012Validator

from crudgen.data.seeds.json_schema import seeds_schema
from crudgen.data.seeds.reading import read_rows
from crudgen.errors import SpecError
from crudgen.language import Schema, load_texts
from crudgen.language.yaml.document import parse
from crudgen.language.yaml.nodes import node_value
from tests.data.test_seeds import SCHEMA, SEEDS
from tests.docs.pages import blocks_of

TYPES = load_texts(
    {
        "row.yaml": """
name: Row
access: user
fields:
  name: str(2..5) unique pattern([a-z]+)
  note: text?
  count: int(0..)?
  big: int?
  rate: float?
  price: decimal(6,2) = 1.5 min(0.5)
  on: date?
  at: time?
  time: datetime?
  key: uuid?
  mood: enum(calm, wild)? = calm
  email: email?
  link: url?
  raw: bytes?
  any: json?
  is_new: bool = false
  owner_id: int = me
"""
    },
    "auth: {me: {id: int = sub}}\n",
)
REQUIRED = ("name: ab", "owner_id: 1")


def row(value: str) -> str:
    """Return seeds with a value, and those that a row requires."""
    key, _, _ = value.partition(":")
    others = [one for one in REQUIRED if not one.startswith(f"{key}:")]
    return f"Row: [{{{', '.join([value, *others])}}}]"


def problems(schema: Schema, text: str) -> list[str]:
    validator = Draft202012Validator(seeds_schema(schema))
    found = validator.iter_errors(node_value(parse("seeds.yaml", text)))
    return [f"{one.message} {one.schema.get('errorMessage', '')}" for one in found]


def is_read(schema: Schema, text: str) -> bool:
    try:
        read_rows(schema, [parse("seeds.yaml", text)])
    except SpecError:
        return False
    return True


def test_the_schema_is_valid() -> None:
    for schema in (SCHEMA, TYPES):
        Draft202012Validator.check_schema(seeds_schema(schema))


def test_the_seeds_of_the_guide_are_valid() -> None:
    files = {
        one.mark.removeprefix("file: "): one.text
        for one in blocks_of("docs/how-to/fill-a-database.md", "yaml")
    }
    entities = {name: text for name, text in files.items() if name.startswith("entities/")}
    schema = load_texts(entities)
    seeds = files["seeds/teams.yaml"]
    assert problems(schema, seeds) == []
    assert problems(schema, seeds.replace("city:", "town:", 1)) != []


@pytest.mark.parametrize("text", SEEDS.values(), ids=SEEDS)
def test_seeds_with_relations_are_valid(text: str) -> None:
    assert problems(SCHEMA, text) == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("Heroes: []", "Entities: Badge, Hero, Note, Power, Team."),
        ("Team: {name: Avengers}", "is not of type 'array'"),
        ("Team: [{nam: Avengers}]", "Its keys: id, name, city, lead_id, lead."),
        ("Team: [{city: Paris}]", "'name' is a required property"),
        ("Note: [{title: First}]", "Nothing identifies the row. Write its id."),
        ("Badge: [{number: 1}]", "'hero' or 'hero_id' is missing."),
        ("Badge: [{hero: Ann, hero_id: 1}]", "'hero_id' and 'hero' are the same. Remove one"),
        ("Badge: [{hero: null}]", "Expected a row of Hero: its email, its name, or a map of"),
        ("Badge: [{hero: {nme: Ann}}]", "Expected fields of Hero: id, name,"),
        ("Badge: [{hero: {mood: angry}}]", "'angry' is not one of ['calm', 'wild']"),
        ("Team: [{name: A, lead: [Ann]}]", "Expected a row of Hero"),
        ("Note: [{id: 1, title: A, heroes: [Ann]}]", "Expected a row of Note. Its keys:"),
        (
            "Hero: [{name: A, email: a@b.org, team: A, size: 1}]",
            "Its keys: id, name, email,",
        ),
        ("Hero: [{name: A, email: a@b.org, team: A, powers: fly}]", "is not of type 'array'"),
        ("Hero: [{name: A, email: a@b.org, team: A, powers: [null]}]", "Expected a row of Power"),
    ],
)
def test_mistakes_are_found(text: str, message: str) -> None:
    assert any(message in one for one in problems(SCHEMA, text)), problems(SCHEMA, text)
    assert not is_read(SCHEMA, text)


@pytest.mark.parametrize(
    "value",
    [
        "name: abc",
        "note: null",
        "count: 0",
        "big: -9223372036854775808",
        "rate: 1",
        "price: 0.5",
        "on: 2024-02-29",
        "at: 12:30",
        "at: 12:30:15.5",
        "time: 2024-02-29 12:30Z",
        "time: 2024-02-29T12:30:15+02:00",
        "key: 0198c0de-0000-7000-8000-000000000000",
        "mood: wild",
        "mood: null",
        "email: a.b@example.com",
        "link: HTTPS://example.com/a?b=c",
        "raw: AAEC",
        "any: [1, {a: null}]",
        "is_new: true",
    ],
)
def test_values_of_each_type_are_accepted(value: str) -> None:
    text = row(value)
    assert is_read(TYPES, text)
    assert problems(TYPES, text) == []


@pytest.mark.parametrize(
    "value",
    [
        "name: abcdef",
        "name: A1",
        "note: 1",
        "count: -1",
        "count: 1.5",
        "rate: much",
        "price: 0.25",
        "price: null",
        "on: 29.02.2024",
        "at: 12",
        "time: 2024-02-29T12:30",
        "key: 0198c0de",
        "mood: angry",
        "email: example.com",
        "link: example.com",
        "raw: AAE",
        "is_new: null",
        "is_new: 1",
        "owner_id: me",
    ],
)
def test_wrong_values_are_found(value: str) -> None:
    text = row(value)
    assert not is_read(TYPES, text)
    assert problems(TYPES, text) != []


def test_editors_show_descriptions_and_defaults() -> None:
    row_schema = seeds_schema(TYPES)["$defs"]["Row"]
    properties = row_schema["properties"]
    assert properties["price"]["default"] == 1.5
    assert properties["price"]["type"] == "number"
    assert "minimum" not in properties["big"]
    assert row_schema["required"] == ["name", "owner_id"]
