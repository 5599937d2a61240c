import subprocess
import sys
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from crudgen.errors import SpecError
from crudgen.language import load, load_texts, read
from crudgen.language.api import Page
from crudgen.language.limits import Limits
from crudgen.language.operations import USUAL_OPERATIONS, Operation
from crudgen.language.schema import Constant, Field, KeyKind, Now, Schema, TypeName

HERO = "name: Hero\nfields:\n  name: str\n"


def one(fields: str, more: str = "") -> dict[str, Field]:
    text = f"name: Hero\nfields:\n{fields}{more}"
    return {field.name: field for field in load_texts({"hero.yaml": text}).entities[0].fields}


def test_the_example_means_what_the_tutorial_means() -> None:
    entity = load(Path(__file__).parent.parent / "cases" / "specs" / "hero.yaml").entities[0]
    assert [field.name for field in entity.fields] == ["id", "name", "age", "secret_name"]
    key, name, age, secret = entity.fields
    assert (key.type, key.pk, key.read_only, key.default) == (TypeName.INT, True, True, None)
    assert entity.key_kind is KeyKind.SERIAL
    assert (name.min_length, name.max_length, name.index, name.required) == (1, 80, True, True)
    assert (age.optional, age.minimum, age.maximum) == (True, 0, 2**63 - 1)
    assert (age.default, age.required) == (Constant(None), False)
    assert (secret.write_only, secret.max_length) == (True, 255)
    assert entity.api.filter == entity.api.sort == ("id", "name", "age")
    assert entity.api.search == ()
    assert entity.api.operations == USUAL_OPERATIONS
    assert entity.api.page == Page(100, 100)
    assert entity.source == "hero.yaml"


def test_bounds_are_always_set() -> None:
    fields = one("  a: int\n  b: str\n  c: text\n  d: email\n  e: url\n  f: bytes\n")
    assert (fields["a"].minimum, fields["a"].maximum) == (-(2**63), 2**63 - 1)
    assert [fields[name].max_length for name in "bcdef"] == [255, 65_535, 254, 2083, 65_536]


def test_defaults_are_values_of_python() -> None:
    fields = one(
        "  a: decimal(10,2) = 0.1\n  b: datetime = 2024-01-01T00:00:00+02:00\n  c: date = now\n"
        "  d: str = no\n  e: bytes = aGk=\n  f: {type: json, default: {a: [1, 1.5]}}\n"
        "  g: float = 1\n"
    )
    assert fields["a"].default == Constant(Decimal("0.10"))
    assert str(fields["a"].default) == "Constant(value=Decimal('0.10'))"
    assert fields["b"].default == Constant(datetime(2023, 12, 31, 22, tzinfo=UTC))
    assert fields["c"].default == Now()
    assert fields["d"].default == Constant("no")
    assert fields["e"].default == Constant(b"hi")
    assert fields["f"].default == Constant({"a": [1, 1.5]})
    assert repr(fields["g"].default) == "Constant(value=1.0)"


def test_keys() -> None:
    def kind(short: str) -> tuple[KeyKind, bool, bool]:
        text = f"name: Hero\nfields: {{key: '{short}', name: str}}"
        entity = load_texts({"a.yaml": text}).entities[0]
        return entity.key_kind, entity.key.read_only, entity.key.immutable

    assert kind("uuid pk") == (KeyKind.UUID, True, False)
    assert kind("int pk") == (KeyKind.CLIENT, False, True)
    assert kind("str(..40) pk") == (KeyKind.CLIENT, False, True)
    assert kind("int pk read_only") == (KeyKind.SERIAL, True, False)
    assert one("  code: str pk\n  name: str\n")["code"].min_length == 1


def test_yaml_of_norway() -> None:
    """The words that YAML 1.1 reads as booleans, minutes and octal numbers are texts."""
    fields = one("  a: enum(no, on, off, y)\n  b: {type: str, default: 1:30}\n  c: str = 012\n")
    assert fields["a"].words == ("no", "on", "off", "y")
    assert fields["b"].default == Constant("1:30")
    assert fields["c"].default == Constant("012")


@pytest.mark.parametrize(
    ("short", "long"),
    [
        ("str(1..80)? unique", "{type: str, optional: true, min: 1, max: 80, unique: true}"),
        ("int(..9) = 3 index", "{type: int, max: 9, default: 3, index: true}"),
        ("decimal(9,3)", "{type: decimal, precision: 9, scale: 3}"),
        ("enum(a b, c) = c", "{type: enum, values: [a b, c], default: c}"),
        ('str = "it\'s" write_only', "{type: str, default: it's, write_only: true}"),
        ("str = 'it''s'", "{type: str, default: it's}"),
        ("bytes(..9)?", "{type: bytes, max: 9, optional: true}"),
        ("date = now read_only touch", "{type: date, default: now, read_only: true, touch: true}"),
        ("str?=abc", "{type: str, optional: true, default: abc}"),
    ],
)
def test_the_short_form_is_the_long_form(short: str, long: str) -> None:
    assert one(f"  a: {short}\n  b: str\n") == one(f"  a: {long}\n  b: str\n")


def test_indexes_and_api() -> None:
    text = HERO + "  age: int\nunique: [[name, age]]\nindex: [[age, name]]\n"
    entity = load_texts({"a.yaml": text + "api: {operations: [update, read]}"}).entities[0]
    listed = [(index.fields, index.unique) for index in entity.indexes]
    assert listed == [(("name", "age"), True), (("age", "name"), False)]
    assert entity.api.operations == (Operation.READ, Operation.UPDATE)
    assert (entity.api.filter, entity.api.sort, entity.api.search) == ((), (), ())
    page = load_texts({"a.yaml": HERO + "api: {page: {max: 20}}"}).entities[0].api.page
    assert page == Page(20, 20)


def test_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "entities"
    folder.mkdir()
    (folder / "b.yml").write_text(HERO)
    (folder / "a.yaml").write_text("name: Team\nfields: {name: str}\n", encoding="utf-8-sig")
    (folder / ".hidden.yaml").write_text("[")
    (folder / "notes.md").write_text("no entity")
    (tmp_path / "crudgen.yaml").write_text(
        "title: Heroes\nversion: '2.0'\ndatabase: postgres://localhost/app\n"
        "limits: {body_bytes: 5000, statement_seconds: 1.5, connections: 3}\n"
    )
    monkeypatch.chdir(tmp_path)
    schema = load("entities")
    assert [entity.name for entity in schema.entities] == ["Hero", "Team"]
    assert (schema.title, schema.version) == ("Heroes", "2.0")
    assert schema.database == "postgresql://localhost/app"
    assert schema.limits == Limits(body_bytes=5000, statement_seconds=1.5, connections=3)
    assert load("entities/b.yml").title == "Heroes"
    assert load(folder) == schema
    monkeypatch.chdir(folder)
    assert load(".") == schema


def test_windows_line_ends_change_nothing() -> None:
    assert load_texts({"a.yaml": HERO.replace("\n", "\r\n")}) == load_texts({"a.yaml": HERO})


def test_nothing_but_texts() -> None:
    assert load_texts({"a.yaml": HERO}, "title: X").title == "X"
    assert Schema(()).title == load_texts({"a.yaml": HERO}).title
    with pytest.raises(SpecError, match="no entities"):
        load_texts({})


def test_files_are_read_once(tmp_path: Path) -> None:
    """What `serve` keeps of a spec is what it has generated, whatever is saved meanwhile."""
    hero = tmp_path / "hero.yaml"
    hero.write_text("name: Hero\nfields: {name: str}\n")
    sources = read(tmp_path)
    hero.write_text("name: Hero\nfields: {title: str}\n")
    assert "name" in {field.name for field in sources.schema().entities[0].fields}
    assert sources.entities == {str(hero): b"name: Hero\nfields: {name: str}\n"}
    hero.write_text("")
    kept = read(tmp_path, sources.entities)
    assert kept.schema() == sources.schema()


def test_a_dangling_link(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").symlink_to(tmp_path / "nowhere")
    with pytest.raises(SpecError, match="no target"):
        load(tmp_path)


def test_the_language_imports_no_framework() -> None:
    """And the library of plurals only where a plural is missing."""
    script = (
        "import sys, crudgen.language as l\n"
        "assert 'pluralizer' not in sys.modules\n"
        "l.load_texts({'a.yaml': 'name: Hero\\nfields: {name: str}'})\n"
        "heavy = {'fastapi', 'sqlalchemy', 'sqlmodel', 'jinja2', 'starlette', 'typer'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True)
