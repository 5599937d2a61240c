"""The names of a field: in Python, in the database and in JSON; and the names of tables."""

from typing import Any

import pytest

from crudgen.errors import SpecError
from crudgen.language import explain, load_texts
from crudgen.language.names import Case, ColumnName, FieldName, TableName
from crudgen.language.schema import Entity


def entity(fields: str, app: str | None = None, more: str = "") -> Entity:
    return load_texts({"hero.yaml": f"name: Hero\n{more}fields:\n{fields}"}, app).entities[0]


def names(fields: str, app: str | None = None) -> dict[str, tuple[str, str, str]]:
    """Return attribute, column and JSON name by field."""
    return {
        str(field.name): (str(field.attribute), str(field.column), str(field.json_name))
        for field in entity(fields, app).fields
    }


def test_all_names_are_that_of_the_field() -> None:
    assert names("  born_on: date")["born_on"] == ("born_on", "born_on", "born_on")


def test_options_set_the_column_and_the_json_name() -> None:
    found = names("  born_on: date column(BirthDate) json(bornOn)")
    assert found["born_on"] == ("born_on", "BirthDate", "bornOn")
    long = names("  born_on: {type: date, column: Date of birth, json: bornOn}")
    assert long["born_on"] == ("born_on", "Date of birth", "bornOn")


def test_python_and_libraries_keep_the_name_of_an_attribute_only() -> None:
    for name in ("class", "from", "metadata", "schema", "copy", "json", "cls", "model_config"):
        assert names(f"  {name}: int(0..9)")[name] == (f"{name}_", name, name)


def test_conventions_are_for_all_fields_that_set_no_name() -> None:
    app = "names: {columns: PascalCase, json: camelCase}"
    found = names("  born_on: date\n  net_worth_2: int\n  class: str column(class) json(kind)", app)
    assert found == {
        "id": ("id", "Id", "id"),
        "born_on": ("born_on", "BornOn", "bornOn"),
        "net_worth_2": ("net_worth_2", "NetWorth2", "netWorth2"),
        "class": ("class_", "class", "kind"),
    }


@pytest.mark.parametrize(
    ("name", "camel", "pascal"),
    [
        ("a", "a", "A"),
        ("born_on", "bornOn", "BornOn"),
        ("a__b_", "aB", "AB"),
        ("x_2y", "x2y", "X2y"),
    ],
)
def test_cases(name: str, camel: str, pascal: str) -> None:
    assert Case.SNAKE.convert(FieldName(name)) == name
    assert Case.CAMEL.convert(FieldName(name)) == camel
    assert Case.PASCAL.convert(FieldName(name)) == pascal


@pytest.mark.parametrize("app", [None, "names: {columns: PascalCase, json: camelCase}"])
def test_explain_reads_back_with_and_without_conventions(app: str | None) -> None:
    texts = {
        "hero.yaml": "name: Hero\ntable: Hero list\nfields:\n  born_on: date column(born_on)\n"
        "  real_name: str json(real_name) column('A (b)')\n  class: str"
    }
    schema = load_texts(texts, app)
    (hero,) = schema.entities
    assert load_texts({"hero.yaml": explain(hero, schema.names)}, app) == schema
    assert load_texts({"hero.yaml": explain(hero)}).entities == schema.entities


@pytest.mark.parametrize(
    "text",
    ["hero", "Hero List", "héros", "ヒーロー", 'a"b', "100%", "a.b", "_x", "select", "1", "é" * 31],
)
def test_names_of_the_database_are_any_text(text: str) -> None:
    assert str(TableName(text)) == str(ColumnName(text)) == text


@pytest.mark.parametrize("text", ["", "x" * 64, "é" * 32, "a\nb", "a\0", "\ud800", "\x85"])
def test_names_of_the_database_are_limited(text: str) -> None:
    for kind in (TableName, ColumnName):
        with pytest.raises(ValueError, match="63 bytes"):
            kind(text)


@pytest.mark.parametrize(
    ("fields", "shared"),
    [
        ("  a: int column(x)\n  b: int column(X)", "the column 'X' is already used by 'a'"),
        ("  a: int json(x)\n  b: int json(x)", "the JSON name 'x' is already used by 'a'"),
        (
            "  class: int\n  class_: int json(k)",
            "the attribute 'class_' is already used by 'class'",
        ),
        ("  a: int column(ID)", "the column 'ID' is already used by 'id'"),
        ("  b: int json(a)\n  a: int", "the JSON name 'a' is already used by 'b'"),
    ],
)
def test_two_fields_share_no_name(fields: str, shared: str) -> None:
    with pytest.raises(SpecError, match=shared):
        entity(fields)


def test_json_names_differ_in_upper_and_lower_case() -> None:
    assert len(entity("  a: int json(x)\n  b: int json(X)").fields) == 3


@pytest.mark.parametrize(
    ("fields", "remedy"),
    [
        ("  BornOn: date", "write 'born_on', and add 'json(BornOn)'"),
        ("  a__gte: int", "filters such as 'age__gte': write 'json(a_gte)'"),
        ("  name_: int", "write 'json(name)'"),
        ("  xmin: int", "it is a system column of PostgreSQL: write 'column(xmin_)'"),
        ("  model_dump: str", "rename it, and add 'json(model_dump) column(model_dump)'"),
    ],
)
def test_each_rejected_name_has_a_remedy(fields: str, remedy: str) -> None:
    with pytest.raises(SpecError) as caught:
        entity(fields)
    assert remedy in caught.value.diagnostics[0].remedy


@pytest.mark.parametrize(
    "fields",
    [
        "  born_on: date json(BornOn)",
        "  a__gte: int json(a_gte)",
        "  name_: int json(name)",
        "  xmin: int column(xmin_)",
        "  dump: str json(model_dump) column(model_dump)",
    ],
)
def test_the_remedies_are_accepted(fields: str) -> None:
    assert entity(fields)


def test_tables_are_compared_as_sqlite_does() -> None:
    texts: dict[str, Any] = {
        f"{name}.yaml": f"name: {name.title()}\ntable: {table}\nfields: {{a: int}}"
        for name, table in (("hero", "People"), ("villain", "people"))
    }
    with pytest.raises(SpecError, match="the table 'people' is already used by Hero"):
        load_texts(texts)
