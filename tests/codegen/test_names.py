"""Each place of the generated code has the right one of a field's three names."""

import ast
import importlib
from collections.abc import Iterator
from dataclasses import replace

import pytest
from sqlalchemy import inspect

from crudgen.codegen import render
from crudgen.codegen.code import attribute_name, json_name, name, raw, sql_name
from crudgen.codegen.layout import declaration
from crudgen.delivery.memory import import_tree, unload
from crudgen.language import load_texts
from crudgen.language.names import AttributeName, ColumnName, FieldName, JsonName, TableName
from crudgen.language.resolve.indexes import index_name
from crudgen.language.schema import Entity, Field, Schema

SPEC = """
name: Hero
fields:
  born_on: date
  real_name: str(1..80) unique
  home_town: str(1..80) index immutable
  power_level: int(1..9)
  hero_mood: enum(calm, angry) = calm
  net_worth: {type: decimal, precision: 9, scale: 2, min: 0}
  pass_word: str(8..80) write_only
  changed_at: datetime = now read_only touch
unique: [[born_on, home_town]]
index: [[born_on, power_level]]
api:
  operations: [create, list, read, update, replace, delete, create_many, update_many, delete_many]
  filter: [real_name]
  sort: [born_on]
  search: [home_town]
"""


def renamed(field: Field) -> Field:
    """Name `born_on` differently in Python (`born_on_`), SQL and JSON (`bornOnJson`)."""
    camel = "".join(part.capitalize() for part in field.name.split("_"))
    return replace(
        field,
        attribute=AttributeName(f"{field.name}_"),
        column=ColumnName(f"{camel}Column"),
        json_name=JsonName(f"{camel[0].lower()}{camel[1:]}Json"),
    )


@pytest.fixture(scope="module")
def schema() -> Schema:
    loaded = load_texts({"hero.yaml": SPEC})
    (hero,) = loaded.entities
    hero = replace(hero, fields=tuple(renamed(field) for field in hero.fields))
    return replace(loaded, entities=(hero,))


@pytest.fixture(scope="module")
def names(schema: Schema) -> set[str]:
    fields = schema.entities[0].fields
    return {
        str(name)
        for field in fields
        for name in (field.name, field.attribute, field.column, field.json_name)
    }


def strings(node: ast.AST) -> Iterator[str]:
    for child in ast.walk(node):
        if isinstance(child, ast.Constant) and isinstance(child.value, str):
            yield child.value


def assigned(tree: ast.AST, target: str) -> ast.expr:
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            if target in map(ast.unparse, targets):
                return node.value
    raise AssertionError(f"nothing is assigned to {target}")


def test_a_spec_gives_a_field_one_name_for_all() -> None:
    for field in load_texts({"hero.yaml": SPEC}).entities[0].fields:
        names = field.name, field.attribute, field.column, field.json_name
        assert len({*map(str, names)}) == 1


def test_models_have_attributes_and_tables_have_columns(schema: Schema, names: set[str]) -> None:
    (hero,) = schema.entities
    tree = ast.parse(render(schema)["app/heroes/models.py"])
    attributes = {target for target, _ in declarations(tree)}
    assert attributes - {"__tablename__"} == {field.attribute for field in hero.fields}
    assert names.isdisjoint(
        node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and not is_target(node)
    )
    arguments = assigned(tree, "__table_args__")
    checked = [
        ("born_on", "home_town"),  # unique
        ("born_on", "power_level"),  # index
        *((name,) for name in ("real_name", "home_town", "power_level", "hero_mood", "net_worth")),
        ("pass_word",),
    ]
    columns = {str(hero.field(FieldName(name)).column) for each in checked for name in each}
    assert names.intersection(strings(arguments)) == columns
    assert {
        "RealNameColumn_length",
        "PowerLevelColumn_range",
        "HeroMoodColumn_words",
        "NetWorthColumn_range",
    } <= {*strings(arguments)}
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef):
            for attribute, value in declarations(node):
                check_declaration(node.name, attribute, value, hero)


def check_declaration(model: str, attribute: str, value: ast.expr | None, hero: Entity) -> None:
    """Check that a field has its alias in every model, and its column in the table model."""
    field = next(field for field in hero.fields if field.attribute == attribute)
    assert isinstance(value, ast.Call), (model, attribute)
    arguments = {each.arg: each.value for each in value.keywords}
    for alias in ("validation_alias", "serialization_alias"):
        assert ast.literal_eval(arguments[alias]) == field.json_name
    column = arguments.get("sa_column_kwargs")
    assert (column is not None) == (model in {"Hero", "HeroBase"})
    if column is not None:
        options = ast.unparse(column)
        assert options.startswith(f"{{'name': '{field.column}'")
        assert ("'onupdate': utc_now" in options) == field.touch


def test_models_have_attributes_columns_and_properties(schema: Schema) -> None:
    (hero,) = schema.entities
    package = import_tree(render(schema))
    try:
        models = importlib.import_module(f"{package.__name__}.heroes.models")
        mapped = inspect(models.Hero).columns
        assert {name: column.name for name, column in mapped.items()} == {
            str(field.attribute): str(field.column) for field in hero.fields
        }
        assert mapped["changed_at_"].onupdate is not None
        properties = {str(field.json_name) for field in hero.fields if not field.write_only}
        assert models.HeroPublic.model_json_schema()["properties"].keys() == properties
        created = models.HeroCreate.model_json_schema()["properties"]
        assert created.keys() == {str(field.json_name) for field in hero.fields}
        assert created["changedAtJson"]["readOnly"]
        changes = models.HeroUpdate.model_validate({"changedAtJson": 1, "homeTownJson": "x"})
        assert changes.model_dump(exclude_unset=True) == {}
    finally:
        unload(package)


def declarations(tree: ast.AST) -> Iterator[tuple[str, ast.expr | None]]:
    """Yield each attribute that is declared with a type, and its value."""
    for node in ast.walk(tree):
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            yield node.target.id, node.value


def is_target(node: ast.Name) -> bool:
    return isinstance(node.ctx, ast.Store)


def test_resources_have_attributes_and_parameters_have_json_names(
    schema: Schema, names: set[str]
) -> None:
    text = render(schema)["app/heroes/routes.py"]
    assert 'filter_by=["real_name_"]' in text
    assert 'sort_by=["born_on_"]' in text
    assert 'search_in=["home_town_"]' in text
    assert 'immutable=["home_town_"]' in text
    assert 'alias="idJson"' in text
    found = names.intersection(strings(ast.parse(text)))
    assert found == {"real_name_", "born_on_", "home_town_", "idJson"}


def test_requests_and_responses_have_json_names(schema: Schema, names: set[str]) -> None:
    tree = ast.parse(render(schema)["tests/test_heroes.py"])
    sent = {
        "bornOnJson",
        "realNameJson",
        "homeTownJson",
        "powerLevelJson",
        "heroMoodJson",
        "netWorthJson",
    }
    assert names.intersection(strings(assigned(tree, "BODY"))) == {*sent, "passWordJson"}
    changed = {*sent, "passWordJson"} - {"homeTownJson"}
    assert names.intersection(strings(assigned(tree, "CHANGES"))) == changed
    assert [*strings(assigned(tree, "WRITE_ONLY"))] == ["passWordJson"]
    assert [*strings(assigned(tree, "TOUCHED"))] == ["changedAtJson"]
    assert [*strings(assigned(tree, "KEY"))] == ["idJson"]
    assert names.intersection(strings(tree)) == {*sent, "passWordJson", "changedAtJson", "idJson"}


def test_indexes_are_named_for_columns() -> None:
    columns = (ColumnName("BornOn"), ColumnName("name"))
    assert index_name(TableName("hero"), columns, unique=True) == "uq_hero_BornOn_name"


def test_the_type_checker_tells_the_names_apart() -> None:
    """`mypy` reports each comment `type: ignore` that is not needed."""
    attribute, column, sent = AttributeName("born_on"), ColumnName("BornOn"), JsonName("bornOn")
    assert attribute_name(attribute) == '"born_on"'
    assert sql_name(column) == '"BornOn"'
    assert json_name(sent) == '"bornOn"'
    assert declaration(attribute, raw("int"), None) == "born_on: int"
    attribute_name(sent)  # type: ignore[arg-type]
    sql_name(attribute)  # type: ignore[arg-type]
    sql_name(sent)  # type: ignore[arg-type]
    json_name(attribute)  # type: ignore[arg-type]
    index_name(TableName("hero"), (attribute,), unique=True)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="checked name"):
        attribute_name(column)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="checked name"):
        json_name(column)  # type: ignore[arg-type]
    for other in (column, sent):
        with pytest.raises(TypeError, match="checked name"):
            declaration(other, raw("int"), None)  # type: ignore[arg-type]
        with pytest.raises(TypeError, match="checked name"):
            name(other)  # type: ignore[arg-type]
