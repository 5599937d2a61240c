"""What `explain` prints is read back as the same entity.

`EXAMPLES=5000 python -m pytest tests/language/test_round_trip.py` is the extended run.
"""

import os
from datetime import UTC, date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crudgen.errors import SpecError
from crudgen.language import explain, load, load_texts
from crudgen.language.explain import _inline_yaml
from crudgen.language.resolve.values import to_yaml_value
from crudgen.language.schema import TypeName

pytestmark = pytest.mark.long

EXAMPLES = int(os.environ.get("EXAMPLES", "200"))
SPECS = Path(__file__).parent.parent / "cases" / "specs"

texts = st.text(
    st.characters(exclude_categories=["Cs", "Cc"], include_characters="\n\t"), max_size=40
)
database_names = st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=15)
former = st.lists(database_names, min_size=1, max_size=3, unique=True) | database_names
numbers = st.integers(-(10**6), 10**6)
flags = st.sets(st.sampled_from(["index", "unique", "read_only", "write_only", "immutable"]))


@st.composite
def fields(draw: st.DrawFn) -> dict[str, Any]:
    """One field in the long form: usually a valid one."""
    kind = draw(st.sampled_from([name for name in TypeName if name is not TypeName.BYTES]))
    field: dict[str, Any] = {"type": str(kind), **dict.fromkeys(draw(flags), True)}
    if draw(st.booleans()):
        field["optional"] = True
    if draw(st.booleans()):
        field["doc"] = draw(texts)
    if kind is TypeName.DECIMAL:
        scale = draw(st.integers(0, 6))
        field |= {"precision": draw(st.integers(scale, 18)), "scale": scale}
    if kind is TypeName.ENUM:
        field["values"] = draw(st.lists(st.from_regex(r"[a-z]{1,9}", fullmatch=True), min_size=1))
        renamed = st.dictionaries(st.from_regex(r"[A-Z]{1,9}", fullmatch=True), words(field))
        field |= {"renamed": found} if (found := draw(renamed)) else {}
    if draw(st.booleans()):
        field["was"] = draw(former)
    if draw(st.booleans()):
        field["column"] = draw(database_names)
    if draw(st.booleans()):
        field["json"] = draw(st.from_regex(r"[a-zA-Z][a-zA-Z0-9]{0,20}", fullmatch=True))
    if draw(st.booleans()):
        field["default"] = to_yaml_value(draw(values(kind)))
    if kind in (TypeName.INT, TypeName.FLOAT, TypeName.STR) and draw(st.booleans()):
        field["max"] = draw(st.integers(0, 500))
    return field


def words(field: dict[str, Any]) -> st.SearchStrategy[str]:
    """One of the values of an enum."""
    return st.sampled_from(field["values"])


def values(kind: TypeName) -> st.SearchStrategy[Any]:
    by_kind: dict[TypeName, st.SearchStrategy[Any]] = {
        TypeName.INT: numbers,
        TypeName.FLOAT: st.floats(allow_nan=False, allow_infinity=False),
        TypeName.DECIMAL: st.decimals(-1000, 1000, places=2).map(Decimal),
        TypeName.BOOL: st.booleans(),
        TypeName.DATE: st.dates(date(1900, 1, 1)),
        TypeName.TIME: st.times(),
        TypeName.DATETIME: st.datetimes(datetime(1900, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
        TypeName.UUID: st.uuids(),
        TypeName.JSON: st.recursive(
            numbers | texts | st.booleans(),
            lambda inner: st.lists(inner) | st.dictionaries(texts, inner),
            max_leaves=5,
        ),
    }
    return by_kind.get(kind, texts) | st.none()


def written(entity: dict[str, Any]) -> str:
    return "".join(f"{key}: {_inline_yaml(value)}\n" for key, value in entity.items())


@pytest.mark.parametrize("app", [None, "names: {columns: PascalCase, json: camelCase}"])
def test_explain_reads_back_as_the_same_entity(app: str | None) -> None:
    accepted = []

    @settings(max_examples=EXAMPLES, deadline=None)
    @given(st.lists(fields(), min_size=1, max_size=4), texts, database_names, former)
    def reads_back(several: list[dict[str, Any]], doc: str, table: str, was: Any) -> None:
        named = {f"field_{position}": field for position, field in enumerate(several)}
        try:
            entity = {"name": "Thing", "table": table, "was": was, "doc": doc, "fields": named}
            schema = load_texts({"a.yaml": written(entity)}, app)
        except SpecError:
            return
        accepted.append(schema)
        (thing,) = schema.entities
        assert load_texts({"a.yaml": explain(thing, schema.names)}, app) == schema
        assert load_texts({"a.yaml": explain(thing)}).entities == schema.entities

    reads_back()
    assert len(accepted) > EXAMPLES // 100


@pytest.mark.parametrize("file", sorted(SPECS.glob("*.yaml")), ids=lambda file: file.stem)
def test_explain_of_a_spec_reads_back(file: Path) -> None:
    schema = load(file)
    text = explain(schema.entities[0])
    assert load_texts({file.name: text}) == schema
    assert explain(load_texts({file.name: text}).entities[0]) == text


def test_explain_says_every_default() -> None:
    schema = load_texts({"a.yaml": "name: Hero\nfields: {name: str}"})
    assert (
        explain(schema.entities[0])
        == """\
name: Hero
table: hero
plural: heroes
path: /heroes
fields:
  id:
    type: int
    min: -9223372036854775808
    max: 9223372036854775807
    pk: true
    read_only: true
  name:
    type: str
    max: 255
api:
  operations: [create, list, read, update, delete]
  page:
    default: 100
    max: 100
  filter: [id, name]
  sort: [id, name]
  search: []
  export: []
  etag: optional
  idempotency: false
  created: 200
"""
    )


def test_times_are_written_as_they_are_read() -> None:
    assert to_yaml_value(time(1, 2, 3)) == "01:02:03"


def test_explain_prints_former_names() -> None:
    texts = {
        "hero.yaml": """
name: Hero
was: [Champion, Some people]
fields:
  title: str was(name)
  boss_id: -> Hero? was(chief_id, Boss)
  mood: {type: enum, values: [calm, furious], renamed: {angry: furious, "no": calm}}
links:
  powers: {to: Power, was: skills}
  gifts: {to: Power, inverse: gifted, was: [talents, hero_x_link]}
""",
        "power.yaml": "name: Power\nfields: {name: str}",
    }
    schema = load_texts(texts)
    hero = explain(schema.entities[0])
    assert "was: [Champion, Some people]\n" in hero
    assert "    was: name\n" in hero
    assert "    was: [chief_id, Boss]\n" in hero
    assert '    renamed: {"angry": furious, "no": calm}\n' in hero
    assert "    was: skills\n" in hero
    assert "    was: [talents, hero_x_link]\n" in hero
    assert load_texts({**texts, "hero.yaml": hero}) == schema
